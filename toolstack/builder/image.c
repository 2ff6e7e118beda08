/*
 * A kernel's file as segments of guest memory and Xen's notes on how to start it: ELF (System V
 * ABI), packed ELF, or a bzImage (Linux's x86 boot protocol: fields from 0x1f1 on) with either in
 * it. The bytes are hostile: each offset is checked against what it points into, each count is
 * bounded. Nothing is copied but what was packed.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include "builder/internal.h"

#define MAX_HEADERS     128
#define MAX_ADDRESS     (1ul << 46)
#define BZIMAGE_SETUP   0x1f1
#define BZIMAGE_MAGIC   0x202
#define BZIMAGE_PAYLOAD 0x248
#define BZIMAGE_MIN     0x250

struct bytes {
    const uint8_t *data;
    uint64_t size;
};

static uint32_t read32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* A part of @in; false when it is not inside */
static bool part(const struct bytes *in, uint64_t offset, uint64_t size, struct bytes *out)
{
    if (offset > in->size || size > in->size - offset)
        return false;
    *out = (struct bytes){ in->data + offset, size };
    return true;
}

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

static void take_note(struct notes *notes, uint32_t type, const struct bytes *value)
{
    const struct note_field *field = &note_fields[type <= XEN_ELFNOTE_MAX ? type : 0];
    char *to = (char *)notes + field->offset;
    size_t room = field->room ? field->room - 1u : sizeof(uint64_t);

    if (!field->known)
        return;
    memset(to, 0, field->room ? field->room : sizeof(uint64_t));
    memcpy(to, value->data, value->size < room ? value->size : room);
    notes->has |= 1u << type;
}

static void read_notes(struct notes *notes, struct bytes in)
{
    Elf64_Nhdr note;
    struct bytes name, value;

    while (in.size >= sizeof(note)) {
        uint64_t name_room, next;

        memcpy(&note, in.data, sizeof(note));
        name_room = (note.n_namesz + 3ul) & ~3ul;
        next = sizeof(note) + name_room + ((note.n_descsz + 3ul) & ~3ul);
        if (!part(&in, sizeof(note), note.n_namesz, &name) ||
            !part(&in, sizeof(note) + name_room, note.n_descsz, &value))
            break;
        if (name.size == sizeof("Xen") && memcmp(name.data, "Xen", sizeof("Xen")) == 0)
            take_note(notes, note.n_type, &value);
        if (!part(&in, next < in.size ? next : in.size, next < in.size ? in.size - next : 0, &in))
            break;
    }
}

/* ---- ELF ---- */

static int bad_elf(struct build_error *error, const char *why)
{
    return build_fail(error, -EINVAL, "the kernel's ELF file cannot be used: %s", why);
}

static bool is_elf(const struct bytes *in)
{
    return in->size >= sizeof(Elf64_Ehdr) && memcmp(in->data, ELFMAG, SELFMAG) == 0;
}

/* A row of a table of headers, which have @step bytes each, of which @size are known */
static bool header(const struct bytes *elf, uint64_t table, unsigned int i, unsigned int step,
                   void *out, size_t size)
{
    struct bytes b;

    if (step < size || !part(elf, table, (i + 1ul) * step, &b))
        return false;
    memcpy(out, b.data + (size_t)i * step, size);
    return true;
}

/* Sections name notes, too, in files that were linked without a segment for them. */
static void read_note_sections(struct notes *notes, const struct bytes *elf, const Elf64_Ehdr *h)
{
    Elf64_Shdr s;
    struct bytes b;

    for (unsigned int i = 0; i < h->e_shnum && i < MAX_HEADERS; i++)
        if (header(elf, h->e_shoff, i, h->e_shentsize, &s, sizeof(s)) && s.sh_type == SHT_NOTE &&
            part(elf, s.sh_offset, s.sh_size, &b))
            read_notes(notes, b);
}

static int read_all_notes(struct notes *notes, const struct bytes *elf, const Elf64_Ehdr *h,
                          struct build_error *error)
{
    Elf64_Phdr p;
    struct bytes b;

    for (unsigned int i = 0; i < h->e_phnum; i++) {
        if (!header(elf, h->e_phoff, i, h->e_phentsize, &p, sizeof(p)) ||
            !part(elf, p.p_offset, p.p_filesz, &b))
            return bad_elf(error, "a segment lies outside it: was it cut short?");
        if (p.p_type == PT_NOTE)
            read_notes(notes, b);
    }
    if (!notes->has)
        read_note_sections(notes, elf, h);
    if (!notes->has)
        return bad_elf(error, "it has no Xen notes, so it was built without support for Xen");
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return (x->address > y->address) - (x->address < y->address);
}

static int read_segments(struct image *image, const struct bytes *elf, const Elf64_Ehdr *h,
                         struct build_error *error)
{
    Elf64_Phdr p = { 0 };

    for (unsigned int i = 0; i < h->e_phnum; i++) {
        struct segment *s = &image->segment[image->segments];

        if (!header(elf, h->e_phoff, i, h->e_phentsize, &p, sizeof(p)) || p.p_type != PT_LOAD ||
            p.p_memsz == 0)
            continue;
        if (image->segments++ == IMAGE_MAX_SEGMENTS)
            return bad_elf(error, "it has too many segments");
        *s = (struct segment){
            .address = p.p_paddr - image->notes.paddr_offset,
            .size = p.p_memsz,
            .data = elf->data + p.p_offset,
            .filled = p.p_filesz,
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

static int read_elf(struct image *image, const struct bytes *elf, struct build_error *error)
{
    Elf64_Ehdr h;
    int rc;

    memcpy(&h, elf->data, sizeof(h));
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != EM_X86_64)
        return bad_elf(error, "it is not for 64-bit x86");
    if (h.e_phnum > MAX_HEADERS)
        return bad_elf(error, "it has too many program headers");
    image->elf_entry = h.e_entry;
    rc = read_all_notes(&image->notes, elf, &h, error);
    return rc < 0 ? rc : read_segments(image, elf, &h, error);
}

/* ---- the containers of an ELF file ---- */

/* The payload of a bzImage, if @in is one: then *in becomes it. */
static int enter_bzimage(struct bytes *in, struct build_error *error)
{
    uint64_t sectors, payload, size;

    if (in->size < BZIMAGE_MIN || memcmp(in->data + BZIMAGE_MAGIC, "HdrS", 4))
        return 0;
    if ((in->data[BZIMAGE_MAGIC + 4] | in->data[BZIMAGE_MAGIC + 5] << 8) < 0x208)
        return build_fail(error, -EINVAL,
                          "the kernel's boot protocol is older than 2.08, so it does not say where "
                          "the kernel is in it");
    sectors = in->data[BZIMAGE_SETUP] ? in->data[BZIMAGE_SETUP] : 4;
    payload = (sectors + 1) * 512 + read32(in->data + BZIMAGE_PAYLOAD);
    size = read32(in->data + BZIMAGE_PAYLOAD + 4);
    if (!part(in, payload, size, in))
        return build_fail(error, -EINVAL,
                          "the kernel's payload lies outside its file: was it cut short?");
    return 0;
}

/* The last four bytes of gzip, and behind all other formats in a bzImage, are the unpacked size. */
static uint64_t guess_size(const struct bytes *in)
{
    return in->size < 4 ? 0 : read32(in->data + in->size - 4);
}

int image_open(struct image *image, const void *file, size_t size, struct build_error *error)
{
    struct bytes in = { file, size };
    uint64_t expect = 0;
    int rc;

    *image = (struct image){ 0 };
    rc = enter_bzimage(&in, error);
    if (rc < 0)
        return rc;
    if (in.data != file || (unpack_format(in.data, in.size) && in.data[0] == 0x1f))
        expect = guess_size(&in);
    if (unpack_format(in.data, in.size)) {
        rc = unpack(in.data, in.size, expect, &image->unpacked, error);
        if (rc < 0)
            return rc;
        in = (struct bytes){ image->unpacked.data, image->unpacked.size };
    }
    if (is_elf(&in))
        rc = read_elf(image, &in, error);
    else
        rc = build_fail(error, -EINVAL,
                        "the kernel is neither an ELF file nor a bzImage, nor packed in a known "
                        "format");
    if (rc < 0)
        image_close(image);
    return rc;
}

void image_close(struct image *image)
{
    unpack_free(&image->unpacked);
}

bool image_has_note(const struct image *image, unsigned int note)
{
    return image->notes.has >> note & 1;
}
