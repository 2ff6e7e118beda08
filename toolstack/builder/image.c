/*
 * A kernel's file as segments of guest memory and Xen's notes on how to start it: ELF (System V
 * ABI), packed ELF, or a bzImage (Linux's x86 boot protocol: fields from 0x1f1 on) with either in
 * it. The bytes are hostile: source_read() checks each offset and size, each count is bounded, and
 * what is looked at is read once. The segments' contents stay where they are.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include "builder/internal.h"

#define MAX_HEADERS     128
#define MAX_NOTES       (1ul << 20) /* of a segment, bytes */
#define MAX_ADDRESS     (1ul << 46)
#define BZIMAGE_SETUP   0x1f1
#define BZIMAGE_MAGIC   0x202
#define BZIMAGE_PAYLOAD 0x248
#define BZIMAGE_MIN     0x250

/* ---- notes ---- */

/* Where the value of a note goes: a number, or text of some room */
static const struct note_field {
    uint16_t offset, room; /* room 0: a number */
    bool known;
} note_fields[XEN_ELFNOTE_MAX + 1] = {
#define NUMBER(field)                                                                              \
    {                                                                                              \
        offsetof(struct notes, field), 0, true                                                     \
    }
#define TEXT(field)                                                                                \
    {                                                                                              \
        offsetof(struct notes, field), sizeof(((struct notes *)0)->field), true                    \
    }
    [XEN_ELFNOTE_ENTRY] = NUMBER(entry),
    [XEN_ELFNOTE_HYPERCALL_PAGE] = NUMBER(hypercall_page),
    [XEN_ELFNOTE_VIRT_BASE] = NUMBER(virt_base),
    [XEN_ELFNOTE_PADDR_OFFSET] = NUMBER(paddr_offset),
    [XEN_ELFNOTE_GUEST_OS] = TEXT(guest_os),
    [XEN_ELFNOTE_LOADER] = TEXT(loader),
    [XEN_ELFNOTE_FEATURES] = TEXT(features),
    [XEN_ELFNOTE_HV_START_LOW] = NUMBER(hv_start_low),
    [XEN_ELFNOTE_INIT_P2M] = NUMBER(init_p2m),
    [XEN_ELFNOTE_MOD_START_PFN] = NUMBER(mod_start_pfn),
    [XEN_ELFNOTE_SUPPORTED_FEATURES] = NUMBER(supported_features),
    [XEN_ELFNOTE_PHYS32_ENTRY] = NUMBER(phys32_entry),
#undef NUMBER
#undef TEXT
};

static void take_note(struct notes *notes, uint32_t type, const uint8_t *value, size_t size)
{
    const struct note_field *field = &note_fields[type <= XEN_ELFNOTE_MAX ? type : 0];
    char *to = (char *)notes + field->offset;
    size_t room = field->room ? field->room - 1u : sizeof(uint64_t);

    if (!field->known)
        return;
    memset(to, 0, field->room ? field->room : sizeof(uint64_t));
    memcpy(to, value, size < room ? size : room);
    notes->has |= 1u << type;
}

static void take_notes(struct notes *notes, const uint8_t *at, size_t size)
{
    Elf64_Nhdr note;

    while (size >= sizeof(note)) {
        uint64_t value, next;

        memcpy(&note, at, sizeof(note));
        value = sizeof(note) + ((note.n_namesz + 3ul) & ~3ul);
        next = value + ((note.n_descsz + 3ul) & ~3ul);
        if (value + note.n_descsz > size)
            break;
        if (note.n_namesz == sizeof("Xen") && memcmp(at + sizeof(note), "Xen", sizeof("Xen")) == 0)
            take_note(notes, note.n_type, at + value, note.n_descsz);
        if (next >= size)
            break;
        at += next;
        size -= next;
    }
}

static int read_notes(struct notes *notes, const struct source *elf, uint64_t offset, uint64_t size)
{
    uint8_t *bytes;
    int rc;

    if (size > MAX_NOTES)
        return -EINVAL;
    bytes = malloc(size ? size : 1);
    if (!bytes)
        return -ENOMEM;
    rc = source_read(elf, offset, bytes, size);
    if (rc == 0)
        take_notes(notes, bytes, size);
    free(bytes);
    return rc;
}

/* ---- ELF ---- */

static int bad_elf(struct build_error *error, const char *why)
{
    return build_fail(error, -EINVAL, "the kernel's ELF file cannot be used: %s", why);
}

/* The file's header and its table of segments, as they were read */
struct elf {
    Elf64_Ehdr h;
    Elf64_Phdr p[MAX_HEADERS];
};

/* Sections name notes, too, in files that were linked without a segment for them. */
static void read_note_sections(struct notes *notes, const struct source *source,
                               const Elf64_Ehdr *h)
{
    Elf64_Shdr s;

    for (unsigned int i = 0; i < h->e_shnum && i < MAX_HEADERS; i++)
        if (h->e_shoff <= source->size &&
            source_read(source, h->e_shoff + i * sizeof(s), &s, sizeof(s)) == 0 &&
            s.sh_type == SHT_NOTE)
            read_notes(notes, source, s.sh_offset, s.sh_size);
}

static int read_all_notes(struct notes *notes, const struct source *source, const struct elf *elf,
                          struct build_error *error)
{
    for (unsigned int i = 0; i < elf->h.e_phnum; i++) {
        const Elf64_Phdr *p = &elf->p[i];

        if (p->p_offset > source->size || p->p_filesz > source->size - p->p_offset)
            return bad_elf(error, "a segment lies outside it: was it cut short?");
        if (p->p_type == PT_NOTE && read_notes(notes, source, p->p_offset, p->p_filesz) < 0)
            return bad_elf(error, "its notes cannot be read");
    }
    if (!notes->has && elf->h.e_shentsize == sizeof(Elf64_Shdr))
        read_note_sections(notes, source, &elf->h);
    if (!notes->has)
        return bad_elf(error, "it has no Xen notes, so it was built without support for Xen");
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return (x->address > y->address) - (x->address < y->address);
}

static int read_segments(struct image *image, const struct elf *elf, struct build_error *error)
{
    for (unsigned int i = 0; i < elf->h.e_phnum; i++) {
        const Elf64_Phdr *p = &elf->p[i];
        struct segment *s = &image->segment[image->segments];

        if (p->p_type != PT_LOAD || p->p_memsz == 0)
            continue;
        if (image->segments++ == IMAGE_MAX_SEGMENTS)
            return bad_elf(error, "it has too many segments");
        *s = (struct segment){
            .address = p->p_paddr - image->notes.paddr_offset,
            .size = p->p_memsz,
            .offset = p->p_offset,
            .filled = p->p_filesz,
        };
        if (s->address > MAX_ADDRESS || s->size > MAX_ADDRESS || s->filled > s->size)
            return bad_elf(error, "the addresses of a segment make no sense");
    }
    if (!image->segments)
        return bad_elf(error, "it has nothing to load");
    qsort(image->segment, image->segments, sizeof(image->segment[0]), by_address);
    for (unsigned int i = 0; i < image->segments; i++) {
        if (image->segment[i].address < image->end)
            return bad_elf(error, "two of its segments overlap");
        image->end = image->segment[i].address + image->segment[i].size;
    }
    image->start = image->segment[0].address;
    return 0;
}

/* An ELF file for 32 bit, in the words of one for 64 */
static int read_elf32(const struct source *source, struct elf *elf)
{
    Elf32_Ehdr h;
    Elf32_Phdr p[MAX_HEADERS];

    if (source_read(source, 0, &h, sizeof(h)) < 0 || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
        h.e_ident[EI_CLASS] != ELFCLASS32 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != EM_386 || h.e_phnum > MAX_HEADERS || h.e_phentsize != sizeof(p[0]) ||
        source_read(source, h.e_phoff, p, h.e_phnum * sizeof(p[0])) < 0)
        return -EINVAL;
    elf->h = (Elf64_Ehdr){ .e_entry = h.e_entry, .e_phnum = h.e_phnum };
    for (unsigned int i = 0; i < h.e_phnum; i++)
        elf->p[i] = (Elf64_Phdr){ .p_type = p[i].p_type,
                                  .p_offset = p[i].p_offset,
                                  .p_paddr = p[i].p_paddr,
                                  .p_filesz = p[i].p_filesz,
                                  .p_memsz = p[i].p_memsz };
    return 0;
}

static int check_filled(const struct image *image, struct build_error *error)
{
    for (unsigned int i = 0; i < image->segments; i++) {
        const struct segment *s = &image->segment[i];

        if (s->offset > image->elf.size || s->filled > image->elf.size - s->offset)
            return bad_elf(error, "a segment lies outside it: was it cut short?");
    }
    return 0;
}

int image_open_firmware(struct image *image, const struct source *file, struct build_error *error)
{
    struct elf elf;
    int rc;

    *image = (struct image){ .elf = *file };
    if (read_elf32(file, &elf) < 0)
        return build_fail(error, -EINVAL,
                          "the firmware's loader is not an ELF file for 32-bit x86");
    image->elf_entry = elf.h.e_entry;
    rc = read_segments(image, &elf, error);
    return rc < 0 ? rc : check_filled(image, error);
}

static int read_elf(struct image *image, struct build_error *error)
{
    struct elf elf;
    int rc;

    if (source_read(&image->elf, 0, &elf.h, sizeof(elf.h)) < 0 ||
        memcmp(elf.h.e_ident, ELFMAG, SELFMAG))
        return build_fail(error, -EINVAL,
                          "the kernel is neither an ELF file nor a bzImage, nor packed in a known "
                          "format");
    if (elf.h.e_ident[EI_CLASS] != ELFCLASS64 || elf.h.e_ident[EI_DATA] != ELFDATA2LSB ||
        elf.h.e_machine != EM_X86_64)
        return bad_elf(error, "it is not for 64-bit x86");
    if (elf.h.e_phnum > MAX_HEADERS || elf.h.e_phentsize != sizeof(elf.p[0]) ||
        source_read(&image->elf, elf.h.e_phoff, elf.p, elf.h.e_phnum * sizeof(elf.p[0])) < 0)
        return bad_elf(error, "its program headers cannot be read: was it cut short?");
    image->elf_entry = elf.h.e_entry;
    rc = read_all_notes(&image->notes, &image->elf, &elf, error);
    return rc < 0 ? rc : read_segments(image, &elf, error);
}

/* ---- the containers of an ELF file ---- */

static uint32_t read32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* The payload of a bzImage, if @in is one: then *in becomes it. */
static int enter_bzimage(struct source *in, struct build_error *error)
{
    uint8_t setup[BZIMAGE_MIN];
    uint64_t sectors, payload;

    if (source_read(in, 0, setup, sizeof(setup)) < 0 || memcmp(setup + BZIMAGE_MAGIC, "HdrS", 4))
        return 0;
    if ((setup[BZIMAGE_MAGIC + 4] | setup[BZIMAGE_MAGIC + 5] << 8) < 0x208)
        return build_fail(error, -EINVAL,
                          "the kernel's boot protocol is older than 2.08, so it does not say where "
                          "the kernel is in it");
    sectors = setup[BZIMAGE_SETUP] ? setup[BZIMAGE_SETUP] : 4;
    payload = (sectors + 1) * 512 + read32(setup + BZIMAGE_PAYLOAD);
    if (!source_narrow(in, payload, read32(setup + BZIMAGE_PAYLOAD + 4)))
        return build_fail(error, -EINVAL,
                          "the kernel's payload lies outside its file: was it cut short?");
    return 0;
}

/* Unpack what is in image->elf, which then is the result. The last four bytes are a hint at the
 * size: gzip has it there, and Linux's build appends it to the others. */
static int unpack_elf(struct image *image, struct build_error *error)
{
    size_t size = image->elf.size;
    uint8_t *packed;
    int rc;

    if (size > BUILD_MAX_PACKED)
        return build_fail(error, -EFBIG, "the packed kernel is larger than %lu MiB",
                          BUILD_MAX_PACKED >> 20);
    packed = malloc(size);
    if (!packed)
        return build_fail(error, -ENOMEM, "there is no memory to unpack the kernel");
    rc = source_read(&image->elf, 0, packed, size);
    if (rc < 0)
        build_fail(error, rc, "cannot read the kernel: %s", strerror(-rc));
    else
        rc = unpack(packed, size, read32(packed + size - 4), &image->unpacked, error);
    free(packed);
    image->elf =
        (struct source){ .fd = -1, .data = image->unpacked.data, .size = image->unpacked.size };
    return rc;
}

int image_open(struct image *image, const struct source *file, struct build_error *error)
{
    uint8_t magic[UNPACK_MAGIC];
    int rc;

    *image = (struct image){ .elf = *file };
    rc = enter_bzimage(&image->elf, error);
    if (rc == 0 && source_read(&image->elf, 0, magic, sizeof(magic)) == 0 &&
        unpack_format(magic, sizeof(magic)))
        rc = unpack_elf(image, error);
    if (rc == 0)
        rc = read_elf(image, error);
    if (rc < 0)
        image_close(image);
    return rc;
}

void image_close(struct image *image)
{
    unpack_free(&image->unpacked);
}

unsigned int image_pieces(const struct image *image, struct piece *pieces)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < image->segments; i++) {
        const struct segment *s = &image->segment[i];

        if (s->filled)
            pieces[count++] = (struct piece){ s->address, s->filled, NULL, &image->elf, s->offset };
        if (s->size > s->filled)
            pieces[count++] =
                (struct piece){ s->address + s->filled, s->size - s->filled, NULL, NULL, 0 };
    }
    return count;
}

bool image_has_note(const struct image *image, unsigned int note)
{
    return image->notes.has >> note & 1;
}
