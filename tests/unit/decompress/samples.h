/*
 * Material for the decompress test: contents, and what the system's compressors make of them.
 */
#ifndef TESTS_DECOMPRESS_SAMPLES_H
#define TESTS_DECOMPRESS_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* Kinds of content. */
enum content { ZEROS, NOISE, TEXT, CODE, SHORT_PERIODS, CONTENTS };

void fill(enum content kind, uint8_t *data, size_t size);

/* Deterministic random numbers. */
uint32_t random32(void);

struct packer {
    const char *name;
    const char *format; /* as decompress_format() has it */
    /* Whether a checksum covers the contents. */
    int checked;
    /* Whether the stream's end is marked, so that a missing tail is noticed. */
    int ended;
    /* Returns the packed size; out has room for anything. */
    size_t (*pack)(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                   size_t out_size);
    int args[4];
};

extern const struct packer packers[];
extern const size_t packer_count;

#endif
