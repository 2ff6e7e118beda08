/*
 * The system's own decoders, for comparison: same meaning as decompress(), but any error is -1.
 */
#ifndef TESTS_DECOMPRESS_REFERENCE_H
#define TESTS_DECOMPRESS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

int reference(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size, size_t *out_len);

/* Without a container; *in_used is set to the length of the stream. */
int reference_lzma2(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                    size_t *in_used, size_t *out_len);
int reference_deflate(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                      size_t *in_used, size_t *out_len);

#endif
