/*
 * xxHash, 32 and 64 bits, seed 0: the checksums of LZ4 frames and zstd frames. Called by lz4.c and
 * zstd.c. Format: the xxHash fast digest algorithm, revision 0.1.1.
 */
#include "internal.h"

#define P32_1 0x9e3779b1u
#define P32_2 0x85ebca77u
#define P32_3 0xc2b2ae3du
#define P32_4 0x27d4eb2fu
#define P32_5 0x165667b1u

#define P64_1 0x9e3779b185ebca87ull
#define P64_2 0xc2b2ae3d27d4eb4full
#define P64_3 0x165667b19e3779f9ull
#define P64_4 0x85ebca77c2b2ae63ull
#define P64_5 0x27d4eb2f165667c5ull

static inline uint32_t rol32(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static inline uint64_t rol64(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static inline uint32_t round32(uint32_t acc, uint32_t lane)
{
    return rol32(acc + lane * P32_2, 13) * P32_1;
}

static inline uint64_t round64(uint64_t acc, uint64_t lane)
{
    return rol64(acc + lane * P64_2, 31) * P64_1;
}

uint32_t xxh32(const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    uint32_t h = P32_5;

    if (len >= 16) {
        uint32_t a = P32_1 + P32_2, b = P32_2, c = 0, d = 0 - P32_1;

        do {
            a = round32(a, get_le32(data));
            b = round32(b, get_le32(data + 4));
            c = round32(c, get_le32(data + 8));
            d = round32(d, get_le32(data + 12));
            data += 16;
        } while (end - data >= 16);
        h = rol32(a, 1) + rol32(b, 7) + rol32(c, 12) + rol32(d, 18);
    }
    h += (uint32_t)len;
    for (; end - data >= 4; data += 4)
        h = rol32(h + get_le32(data) * P32_3, 17) * P32_4;
    for (; data < end; data++)
        h = rol32(h + *data * P32_5, 11) * P32_1;
    h = (h ^ h >> 15) * P32_2;
    h = (h ^ h >> 13) * P32_3;
    return h ^ h >> 16;
}

static uint64_t merge64(uint64_t h, uint64_t acc)
{
    return (h ^ round64(0, acc)) * P64_1 + P64_4;
}

uint64_t xxh64(const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    uint64_t h = P64_5;

    if (len >= 32) {
        uint64_t a = P64_1 + P64_2, b = P64_2, c = 0, d = 0 - P64_1;

        do {
            a = round64(a, get_le64(data));
            b = round64(b, get_le64(data + 8));
            c = round64(c, get_le64(data + 16));
            d = round64(d, get_le64(data + 24));
            data += 32;
        } while (end - data >= 32);
        h = rol64(a, 1) + rol64(b, 7) + rol64(c, 12) + rol64(d, 18);
        h = merge64(merge64(merge64(merge64(h, a), b), c), d);
    }
    h += len;
    for (; end - data >= 8; data += 8)
        h = rol64(h ^ round64(0, get_le64(data)), 27) * P64_1 + P64_4;
    for (; end - data >= 4; data += 4)
        h = rol64(h ^ get_le32(data) * P64_1, 23) * P64_2 + P64_3;
    for (; data < end; data++)
        h = rol64(h ^ *data * P64_5, 11) * P64_1;
    h = (h ^ h >> 33) * P64_2;
    h = (h ^ h >> 29) * P64_3;
    return h ^ h >> 32;
}
