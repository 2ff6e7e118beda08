/*
 * The entropy coders of zstd, and what zstd.c (frames, blocks, literals) shares with
 * zstd_sequences.c. Private to these and zstd_entropy.c.
 */
#ifndef DECOMPRESS_ZSTD_H
#define DECOMPRESS_ZSTD_H

#include "internal.h"

#define FSE_LOG_MAX  9
#define HUFFMAN_BITS 11

/*
 * Bits read backward from the end of a buffer. Those to come are at the top of bits, used of which
 * have been shifted out since the byte at p was its lowest.
 */
struct back_reader {
    uint64_t bits;
    unsigned used;
    const uint8_t *p, *start;
};

/* The last byte holds a 1 above the first bit. */
int back_open(struct back_reader *r, const uint8_t *p, size_t len);

/* Have at least 57 bits, or all that are left. */
static inline __attribute__((always_inline)) void back_refill(struct back_reader *r)
{
    size_t step = r->used >> 3, left = (size_t)(r->p - r->start);

    if (unlikely(step > left))
        step = left;
    if (likely(step)) {
        r->p -= step;
        r->used -= 8 * (unsigned)step;
        r->bits = get_le64(r->p) << (r->used & 63);
    }
}

/* 0 to 57 bits. */
static inline uint64_t back_take(struct back_reader *r, unsigned n)
{
    uint64_t v = r->bits >> 1 >> (63 - n);

    r->bits <<= n;
    r->used += n;
    return v;
}

/* Whether more has been taken than there was. */
static inline bool back_overrun(const struct back_reader *r)
{
    return r->used > 64;
}

/* Whether exactly all has been taken. */
static inline bool back_at_end(const struct back_reader *r)
{
    return r->p == r->start && r->used == 64;
}

/* One state of a finite state decoder: what it stands for, and how to get to the next. */
struct fse_state {
    uint32_t base;       /* value of the symbol, to which extra bits are added */
    uint16_t next;       /* next state, to which the next bits are added */
    uint8_t bits, extra; /* number of each */
};

struct fse {
    unsigned log; /* 1 << log states */
    struct fse_state states[1 << FSE_LOG_MAX];
};

/* What symbols stand for: count of them, base value (NULL: the symbol) and extra bits of each. */
struct fse_symbols {
    unsigned count;
    const uint32_t *base;
    const uint8_t *extra;
};

/* Decode a table from its description at *p, which is advanced. */
int fse_read(struct fse *t, const struct fse_symbols *symbols, unsigned log_max, const uint8_t **p,
             const uint8_t *end);

/* Table for given frequencies: their sum is 1 << log, -1 counts as 1. */
void fse_build(struct fse *t, const struct fse_symbols *symbols, const int16_t *freq, unsigned log);

/* Table of one symbol without any bits. */
int fse_constant(struct fse *t, const struct fse_symbols *symbols, unsigned symbol);

struct huffman {
    unsigned bits;
    struct {
        uint8_t symbol, len;
    } codes[1 << HUFFMAN_BITS];
};

/* Decode a table from its description at *p, which is advanced. fse is scratch. */
int huffman_read(struct huffman *h, struct fse *fse, const uint8_t **p, const uint8_t *end);

/* Decode exactly out_len symbols from exactly len bytes. */
int huffman_decode(const struct huffman *h, const uint8_t *in, size_t len, uint8_t *out,
                   size_t out_len);

#define ZSTD_BLOCK_MAX (128u << 10)

/* What a sequence consists of: number of literals, and offset and length of a match. */
enum { LENGTH, OFFSET, MATCH, TABLES };

#define SEQUENCE_SYMBOLS 53

struct zstd {
    struct huffman huffman;
    struct fse fse[TABLES];
    struct fse weights;
    bool has_huffman, has_fse[TABLES]; /* from an earlier block of this frame */
    uint32_t repeat[3];
    uint32_t base[TABLES][SEQUENCE_SYMBOLS];
    uint8_t extra[TABLES][SEQUENCE_SYMBOLS];
    uint8_t literals[ZSTD_BLOCK_MAX + COPY_SLACK];
};

/* Once for each call of decompress(), and once for each frame. */
void sequences_init(struct zstd *z);
void sequences_reset(struct zstd *z);

/*
 * Carry out the sequences section of a block, [p, end), with the given number of z->literals.
 * start is where the frame's output begins.
 */
int sequences_run(struct zstd *z, struct unpack *u, const uint8_t *p, const uint8_t *end,
                  size_t literals, const uint8_t *start);

#endif
