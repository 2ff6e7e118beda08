/*
 * Reading a PV kernel: bzImage (Linux Documentation/x86/boot.rst: header fields at 0x1f1), the
 * compressed payload in it, the ELF file in that (System V ABI), and the notes that say how it
 * wants to be started (public elfnote.h). The file is untrusted: every offset is checked against
 * its size.
 */
#include <hv/decompress.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <xen/elfnote.h>

#include <arch/page.h>

#include "image.h"

#define BZIMAGE_MAGIC      0x53726448U /* "HdrS" */
#define BZIMAGE_MAX_UNPACK (256UL << 20)

struct elf64_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_note {
    uint32_t namesz, descsz, type;
};

#define PT_LOAD 1
#define PT_NOTE 4

static uint32_t read32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static bool is_elf(const void *data, size_t len)
{
    return len >= sizeof(struct elf64_header) && read32(data) == 0x464c457fU;
}

/* The compressed kernel inside a bzImage. */
static int bzimage_payload(const uint8_t *data, size_t len, const void **payload, size_t *size)
{
    unsigned int sectors;
    uint64_t start, bytes;

    if (len < 0x250 || read32(data + 0x202) != BZIMAGE_MAGIC)
        return -EINVAL;
    if ((data[0x206] | data[0x207] << 8) < 0x208) {
        printk(LOG_ERR, "The kernel's boot protocol is older than 2.08.\n");
        return -EINVAL;
    }
    sectors = data[0x1f1] ? data[0x1f1] : 4;
    start = (sectors + 1) * 512UL + read32(data + 0x248);
    bytes = read32(data + 0x24c);
    if (start > len || bytes > len - start || bytes < 8) {
        printk(LOG_ERR, "The kernel's payload lies outside its file: it was cut short.\n");
        return -EINVAL;
    }
    *payload = data + start;
    *size = bytes;
    return 0;
}

/* Linux appends the unpacked size to every payload; gzip has it there by itself. */
static int unpack(const uint8_t *in, size_t len, const void **elf, size_t *size, int *order)
{
    uint64_t want = len < 4 ? 0 : read32(in + len - 4);
    void *out, *scratch;
    mfn_t m;
    int rc;

    if (want == 0 || want > BZIMAGE_MAX_UNPACK) {
        printk(LOG_ERR, "The kernel's unpacked size (%lu bytes) makes no sense.\n",
               (unsigned long)want);
        return -EINVAL;
    }
    for (*order = 0; PAGE_SIZE << *order < want; ++*order)
        ;
    m = frames_alloc((unsigned int)*order, ALLOC_NO_SCRUB, NUMA_ANY);
    scratch = hv_alloc(decompress_scratch_size());
    if (m.v == INVALID_MFN.v || !scratch) {
        printk(LOG_ERR, "No memory to unpack the kernel (%lu MiB).\n", (unsigned long)(want >> 20));
        hv_free(scratch);
        if (m.v != INVALID_MFN.v)
            frames_free(m, (unsigned int)*order);
        return -ENOMEM;
    }
    out = mfn_to_virt(m);
    rc = decompress(in, len, out, want, size, scratch, decompress_scratch_size());
    hv_free(scratch);
    if (rc) {
        printk(LOG_ERR, "The kernel's %s payload cannot be unpacked: error %d.\n",
               decompress_format(in, len) ?: "unknown", rc);
        frames_free(m, (unsigned int)*order);
        return rc;
    }
    *elf = out;
    return 0;
}

int pv_image_unpack(const void *data, size_t len, const void **elf, size_t *size, int *order)
{
    const void *payload = data;
    size_t bytes = len;

    *order = -1;
    if (bzimage_payload(data, len, &payload, &bytes) == 0 || decompress_format(data, len)) {
        if (!is_elf(payload, bytes))
            return unpack(payload, bytes, elf, size, order);
    }
    *elf = payload;
    *size = bytes;
    return 0;
}

static uint64_t note_value(const uint8_t *desc, uint32_t size)
{
    uint64_t v = 0;

    memcpy(&v, desc, min(size, (uint32_t)sizeof(v)));
    return v;
}

static void note_string(char *to, size_t room, const uint8_t *desc, uint32_t size)
{
    size_t n = min((size_t)size, room - 1);

    memcpy(to, desc, n);
    to[n] = 0;
}

static void take_note(struct pv_image *img, uint32_t type, const uint8_t *desc, uint32_t size)
{
    switch (type) {
    case XEN_ELFNOTE_ENTRY:
        img->entry = note_value(desc, size);
        break;
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        img->hypercall_page = note_value(desc, size);
        img->has_hypercall_page = true;
        break;
    case XEN_ELFNOTE_VIRT_BASE:
        img->virt_base = note_value(desc, size);
        break;
    case XEN_ELFNOTE_INIT_P2M:
        img->p2m_base = note_value(desc, size);
        img->has_p2m_base = true;
        break;
    case XEN_ELFNOTE_MOD_START_PFN:
        img->mod_start_pfn = note_value(desc, size) & 1;
        break;
    case XEN_ELFNOTE_GUEST_OS:
        note_string(img->guest_os, sizeof(img->guest_os), desc, size);
        break;
    case XEN_ELFNOTE_LOADER:
        note_string(img->loader, sizeof(img->loader), desc, size);
        break;
    }
}

/* Returns whether there was any note of Xen's. */
static bool read_notes(struct pv_image *img, const uint8_t *p, uint64_t size,
                       uint64_t *paddr_offset, bool *has_offset)
{
    bool found = false;

    while (size >= sizeof(struct elf_note)) {
        struct elf_note n;
        uint64_t name, desc;

        memcpy(&n, p, sizeof(n));
        name = ROUND_UP((uint64_t)n.namesz, 4UL);
        desc = ROUND_UP((uint64_t)n.descsz, 4UL);
        if (sizeof(n) + name + desc > size)
            break;
        if (n.namesz == 4 && memcmp(p + sizeof(n), "Xen", 4) == 0) {
            found = true;
            if (n.type == XEN_ELFNOTE_PADDR_OFFSET) {
                *paddr_offset = note_value(p + sizeof(n) + name, n.descsz);
                *has_offset = true;
            } else {
                take_note(img, n.type, p + sizeof(n) + name, n.descsz);
            }
        }
        p += sizeof(n) + name + desc;
        size -= sizeof(n) + name + desc;
    }
    return found;
}

static int bad(const char *why)
{
    printk(LOG_ERR, "The kernel's ELF file cannot be used: %s.\n", why);
    return -EINVAL;
}

static bool read_phdr(const uint8_t *elf, size_t size, const struct elf64_header *h, unsigned int i,
                      struct elf64_phdr *p)
{
    uint64_t at = h->phoff + (uint64_t)i * h->phentsize;

    if (at > size || sizeof(*p) > size - at)
        return false;
    memcpy(p, elf + at, sizeof(*p));
    return p->offset <= size && p->filesz <= size - p->offset && p->filesz <= p->memsz;
}

int pv_image_parse(const void *file, size_t size, struct pv_image *img)
{
    const uint8_t *elf = file;
    uint64_t paddr_offset = 0;
    bool notes = false, has_offset = false;
    struct elf64_header h;
    struct elf64_phdr p;

    memset(img, 0, sizeof(*img));
    if (!is_elf(elf, size))
        return bad("it is not one");
    memcpy(&h, elf, sizeof(h));
    if (h.ident[4] != 2 || h.machine != 62)
        return bad("it is not for x86-64");
    if (h.phentsize < sizeof(p) || h.phnum > 64)
        return bad("its program headers make no sense");
    img->entry = h.entry;
    for (unsigned int i = 0; i < h.phnum; i++) {
        if (!read_phdr(elf, size, &h, i, &p))
            return bad("a segment lies outside the file");
        if (p.type == PT_NOTE)
            notes |= read_notes(img, elf + p.offset, p.filesz, &paddr_offset, &has_offset);
    }
    if (!notes)
        return bad("it has no Xen notes, so it is no PV kernel");
    if (!has_offset)
        paddr_offset = img->virt_base;
    img->va_start = ~0UL;
    for (unsigned int i = 0; i < h.phnum; i++) {
        struct pv_segment *s = &img->segment[img->nr_segments];

        if (!read_phdr(elf, size, &h, i, &p) || p.type != PT_LOAD || p.memsz == 0)
            continue;
        if (img->nr_segments++ == PV_IMAGE_MAX_SEGMENTS)
            return bad("it has too many segments");
        *s = (struct pv_segment){ .va = p.paddr - paddr_offset + img->virt_base,
                                  .filesz = p.filesz,
                                  .memsz = p.memsz,
                                  .data = elf + p.offset };
        if (s->va < img->virt_base || s->memsz > 1UL << 30 || s->va + s->memsz < s->va)
            return bad("a segment's address makes no sense");
        img->va_start = min(img->va_start, s->va);
        img->va_end = max(img->va_end, s->va + s->memsz);
    }
    if (!img->nr_segments || img->va_end - img->virt_base > 1UL << 30)
        return bad("its segments span more than 1 GiB");
    if (!is_canonical(img->virt_base) || !is_canonical(img->va_end) ||
        (img->virt_base < HV_VIRT_END && img->va_end + (64UL << 20) > HV_VIRT_START) ||
        (img->has_p2m_base && (!is_canonical(img->p2m_base) ||
                               (img->p2m_base >= HV_VIRT_START && img->p2m_base < HV_VIRT_END))))
        return bad("it wants the hypervisor's addresses");
    if (img->virt_base & (PAGE_SIZE - 1) ||
        (img->has_p2m_base && img->p2m_base & ((1UL << 39) - 1)))
        return bad("its base addresses are not aligned");
    if (img->has_hypercall_page &&
        (img->hypercall_page < img->va_start || img->hypercall_page >= img->va_end ||
         img->hypercall_page & (PAGE_SIZE - 1)))
        return bad("its hypercall page is not a page of it");
    return 0;
}
