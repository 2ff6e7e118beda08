/*
 * What the builder and libhospes-unpack share. Input is whatever a guest's administrator or disk
 * supplies: output grows as it comes and is bounded, and so is what a decoder may ask for itself.
 */
#ifndef UNPACK_DECODERS_H
#define UNPACK_DECODERS_H

#include <stddef.h>
#include <stdint.h>

#define UNPACK_MAX (512ul << 20) /* bytes of an unpacked kernel */

struct unpacked {
    uint8_t *data; /* from mmap(), @room bytes */
    size_t size, room;
};

/* The formats that Linux's build knows, but for LZO, which has no library here */
enum packing {
    PACKED_GZIP,
    PACKED_BZIP2,
    PACKED_XZ,
    PACKED_LZMA,
    PACKED_LZ4,
    PACKED_ZSTD,
    PACKINGS,
};

/* Append to @out, which has some room. -EFBIG: more than UNPACK_MAX; -ENOMEM; -EINVAL: damaged. */
typedef int decoder_t(const uint8_t *in, size_t size, struct unpacked *out);

/* The library's, or a program's that has the decoders linked in */
extern decoder_t *const hospes_decoders[PACKINGS] __attribute__((weak));

#endif
