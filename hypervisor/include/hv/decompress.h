/*
 * Decoders for compressed kernel images: xz, gzip, LZ4 (legacy and frame), zstd.
 *
 * One call, no allocation, no global state: the whole input and the whole output are in memory and
 * the output doubles as the decoder's window. The input may be hostile.
 */
#ifndef HV_DECOMPRESS_H
#define HV_DECOMPRESS_H

#include <stddef.h>

/* Name of the format that in starts with: "xz", "gzip", "lz4" or "zstd"; NULL if none of them. */
const char *decompress_format(const void *in, size_t in_len);

/* Bytes of scratch memory that decompress() needs, whatever the format. */
size_t decompress_scratch_size(void);

/*
 * Unpack in_len bytes at in to out, at most out_size bytes, and set *out_len to their number.
 * Bytes after the end of the compressed stream are ignored (Linux appends the unpacked size).
 * Checksums that the stream carries are verified. in, out and scratch must not overlap; scratch
 * needs no alignment and no particular content. On an error, and from out + *out_len on, the
 * content of out is unspecified.
 *
 * Returns 0 or
 *  -EINVAL      the stream is corrupt or truncated
 *  -EOPNOTSUPP  unknown format, or a feature of it that is not implemented
 *  -ENOSPC      more than out_size bytes would come out
 *  -ENOMEM      scratch_size is below decompress_scratch_size()
 */
int decompress(const void *in, size_t in_len, void *out, size_t out_size, size_t *out_len,
               void *scratch, size_t scratch_size) __attribute__((warn_unused_result));

#endif
