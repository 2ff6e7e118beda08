/* Kernels for the tests: small ELF files, and how Linux packs them */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_BASE  0xffffffff80000000ul
#define KERNEL_TEXT  0x100000ul /* address, 2 pages and a bit */
#define KERNEL_DATA  0x103000ul /* address, begins in the middle of a page */
#define KERNEL_BSS   0x8000ul   /* bytes of it */
#define KERNEL_P2M   0x8000000000ul
#define KERNEL_BYTES 0x6000ul

struct kernel_options {
    bool own_p2m, mod_start_pfn, no_notes, paddr_is_virtual, pvh;
    const char *features;
};

/* A file of KERNEL_BYTES */
void kernel_make(uint8_t *file, const struct kernel_options *options);
/* @format: as unpack_format() names it. Returns the size at @out, which has @room. */
size_t kernel_pack(const char *format, const uint8_t *in, size_t size, uint8_t *out, size_t room);
/* @payload, and its unpacked size behind it, in a bzImage */
size_t kernel_bzimage(const uint8_t *payload, size_t size, uint32_t unpacked, uint8_t *out);

#endif
