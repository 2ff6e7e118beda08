/* A PV kernel's ELF image and its Xen notes (public elfnote.h). */
#ifndef X86_PV_IMAGE_H
#define X86_PV_IMAGE_H

#include <hv/types.h>

#define PV_IMAGE_MAX_SEGMENTS 16

struct pv_segment {
    uint64_t va, filesz, memsz;
    const void *data; /* filesz bytes, inside the image */
};

struct pv_image {
    struct pv_segment segment[PV_IMAGE_MAX_SEGMENTS];
    unsigned int nr_segments;
    uint64_t va_start, va_end; /* of all segments */
    uint64_t virt_base, entry, hypercall_page, p2m_base;
    bool has_hypercall_page, has_p2m_base, mod_start_pfn;
    char guest_os[16], loader[16];
};

/* Unpack (bzImage, or any payload that decompress() knows) into memory of its own if need be. On
 * success *elf, *size is the ELF file and *order is the allocation to free afterwards, or -1.
 * -EINVAL, -EOPNOTSUPP, -ENOMEM; the reason was printed. */
must_check int pv_image_unpack(const void *data, size_t len, const void **elf, size_t *size,
                               int *order);
/* Read the ELF headers and notes. -EINVAL with a sentence printed. */
must_check int pv_image_parse(const void *elf, size_t size, struct pv_image *out);

#endif
