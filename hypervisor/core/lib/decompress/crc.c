/*
 * CRC-32 and CRC-64 as used by .xz and gzip. Called by xz.c and gzip.c. Tables are computed on use:
 * they would be a good part of the decoders' size in the image.
 */
#include "internal.h"

#define CRC32_POLY 0xedb88320u
#define CRC64_POLY 0xc96c5795d7870f42ull

/*
 * x^(64*3006) + x^(64*2866) + x^(64*2215) + 1 is a multiple of CRC-32's polynomial. Adding
 * multiples of it to the message changes nothing in the CRC, so a 64-bit word can be cancelled by
 * XORing it into the words 140, 791 and 3006 further on: a quarter of the work of table lookups. Of
 * all multiples with four terms at word boundaries this is the shortest.
 */
#define FOLD_1 140
#define FOLD_2 791

void crc32_init(struct crc32 *c)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;

        for (unsigned bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (v & 1 ? CRC32_POLY : 0);
        c->table[i] = v;
    }
}

static uint32_t crc32_bytes(const struct crc32 *c, uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len; len--)
        crc = crc >> 8 ^ c->table[(uint8_t)crc ^ *p++];
    return crc;
}

/*
 * Cancel len bytes (a multiple of 8) at p; c->fold then holds what is to be added to the CRC32_FOLD
 * words behind them, the next word's share at the returned index.
 */
static size_t fold(uint64_t *acc, uint32_t crc, const uint8_t *p, size_t len)
{
    size_t i = 0, i1 = FOLD_1, i2 = FOLD_2;

    memset(acc, 0, CRC32_FOLD * sizeof(*acc));
    acc[0] = crc;
    for (size_t words = len / 8; words;) {
        /* As far as none of the three indices wraps. */
        size_t run = CRC32_FOLD - (i > i1 ? (i > i2 ? i : i2) : (i1 > i2 ? i1 : i2));

        if (run > words)
            run = words;
        words -= run;
#pragma GCC unroll 4
        for (size_t n = 0; n < run; n++) {
            uint64_t v = acc[i + n] ^ get_le64(p + 8 * n);

            acc[i + n] = v;
            acc[i1 + n] ^= v;
            acc[i2 + n] ^= v;
        }
        p += 8 * run;
        i = i + run == CRC32_FOLD ? 0 : i + run;
        i1 = i1 + run == CRC32_FOLD ? 0 : i1 + run;
        i2 = i2 + run == CRC32_FOLD ? 0 : i2 + run;
    }
    return i;
}

uint32_t crc32_add(struct crc32 *c, uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    /* Below a few times the size of fold[], folding costs more than it saves. */
    if (len > 4 * sizeof(c->fold)) {
        size_t cancel = (len - sizeof(c->fold)) & ~(size_t)7;
        size_t next = fold(c->fold, crc, data, cancel);

        crc = 0;
        data += cancel;
        len -= cancel;
        for (size_t n = 0; n < CRC32_FOLD; n++, data += 8, len -= 8) {
            uint64_t v = get_le64(data) ^ c->fold[next];

            crc = crc32_bytes(c, crc, (const uint8_t *)&v, 8);
            next = next + 1 == CRC32_FOLD ? 0 : next + 1;
        }
    }
    return ~crc32_bytes(c, crc, data, len);
}

void crc64_init(struct crc64 *c)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t v = i;

        for (unsigned bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (v & 1 ? CRC64_POLY : 0);
        c->table[0][i] = v;
    }
    /* table[n][i]: the effect of byte i with n more bytes behind it. */
    for (unsigned n = 1; n < 8; n++)
        for (unsigned i = 0; i < 256; i++) {
            uint64_t v = c->table[n - 1][i];

            c->table[n][i] = v >> 8 ^ c->table[0][(uint8_t)v];
        }
}

uint64_t crc64_add(const struct crc64 *c, uint64_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (; len >= 8; len -= 8, data += 8) {
        uint64_t v = crc ^ get_le64(data);

        crc = 0;
        for (unsigned n = 0; n < 8; n++)
            crc ^= c->table[7 - n][(uint8_t)(v >> 8 * n)];
    }
    for (; len; len--)
        crc = crc >> 8 ^ c->table[0][(uint8_t)crc ^ *data++];
    return ~crc;
}
