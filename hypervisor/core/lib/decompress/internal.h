/*
 * What the decoders share: the job handed from one to the next, unaligned little-endian access,
 * match copying, checksums. Private to this folder.
 */
#ifndef DECOMPRESS_INTERNAL_H
#define DECOMPRESS_INTERNAL_H

#include <hv/decompress.h>
#include <hv/errno.h>
#include <hv/string.h>

#include <stdbool.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* One call of decompress(). A decoder advances in and out past what it has consumed and made. */
struct unpack {
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
    void *scratch; /* aligned to 16, as large as the format asked for */
};

/* Each unpacks a stream whose magic number has been seen, and stops behind its end. */
int unpack_xz(struct unpack *u);
int unpack_gzip(struct unpack *u);
int unpack_lz4(struct unpack *u);
int unpack_zstd(struct unpack *u);

size_t xz_scratch_size(void);
size_t gzip_scratch_size(void);
size_t lz4_scratch_size(void);
size_t zstd_scratch_size(void);

static inline size_t in_left(const struct unpack *u)
{
    return (size_t)(u->in_end - u->in);
}

static inline size_t out_left(const struct unpack *u)
{
    return (size_t)(u->out_end - u->out);
}

struct unaligned32 {
    uint32_t v;
} __attribute__((packed, may_alias));

struct unaligned64 {
    uint64_t v;
} __attribute__((packed, may_alias));

/* Both architectures are little-endian and access memory unaligned. */
static inline uint64_t get_le64(const uint8_t *p)
{
    return ((const struct unaligned64 *)p)->v;
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
    ((struct unaligned64 *)p)->v = v;
}

static inline void copy8(uint8_t *dst, const uint8_t *src)
{
    put_le64(dst, get_le64(src));
}

static inline uint32_t get_le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t get_le32(const uint8_t *p)
{
    return ((const struct unaligned32 *)p)->v;
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
    ((struct unaligned32 *)p)->v = v;
}

#define COPY_SLACK 16

/* Matches that end here or below may be copied by whole words, past their end. */
static inline const uint8_t *wide_copy_end(const uint8_t *out, const uint8_t *out_end)
{
    return out_end - out > COPY_SLACK ? out_end - COPY_SLACK : out;
}

/* The case of a distance below 8: repeat the last dist bytes until end, or up to 7 bytes beyond. */
static inline void copy_pattern(uint8_t *out, size_t dist, const uint8_t *end)
{
    /* A byte at each multiple of dist; and the largest such multiple in a word. */
    static const uint64_t multiplier[8] = {
        0,
        0x0101010101010101,
        0x0001000100010001,
        0x0001000001000001,
        0x0000000100000001,
        0x0000010000000001,
        0x0001000000000001,
        0x0100000000000001,
    };
    static const uint8_t step[8] = { 8, 8, 8, 6, 8, 5, 6, 7 };
    uint64_t last = get_le64(out - dist) & ((1ull << 8 * dist) - 1);

    do {
        put_le64(out, last * multiplier[dist]);
        out += step[dist];
    } while (out < end);
}

/*
 * Append len bytes (at least 1) found dist bytes back; returns the new end. The caller has checked
 * that they exist and that len fits. wide_end as above: all but the image's last few bytes are
 * below it.
 */
static inline __attribute__((always_inline)) uint8_t *
copy_match(uint8_t *out, size_t dist, size_t len, const uint8_t *wide_end)
{
    const uint8_t *src = out - dist;
    uint8_t *end = out + len;

    if (unlikely(end > wide_end)) {
        while (out < end)
            *out++ = *src++;
        return end;
    }
    if (unlikely(dist < 8)) {
        copy_pattern(out, dist, end);
        return end;
    }
    do {
        copy8(out, src);
        copy8(out + 8, src + 8);
        out += 16;
        src += 16;
    } while (out < end);
    return end;
}

/*
 * Append len bytes, by whole words if wide: then up to COPY_SLACK bytes more, at least 1, are read
 * and written.
 */
static inline uint8_t *copy_literals(uint8_t *out, const uint8_t *in, size_t len, bool wide)
{
    uint8_t *end = out + len;

    if (unlikely(!wide)) {
        memcpy(out, in, len);
        return end;
    }
    do {
        copy8(out, in);
        copy8(out + 8, in + 8);
        out += 16;
        in += 16;
    } while (out < end);
    return end;
}

/* LZ4 and zstd have the same frames that a decoder is to skip. */
static inline bool is_skippable(uint32_t magic)
{
    return (magic & ~15u) == 0x184d2a50;
}

/* Skip such a frame, whose magic number has been read. */
int skip_frame(struct unpack *u);

/* CRC-32 (IEEE) of data, appended to crc (0 to start). */
#define CRC32_FOLD 3006

struct crc32 {
    uint32_t table[256];
    uint64_t fold[CRC32_FOLD]; /* working memory for long inputs */
};

void crc32_init(struct crc32 *c);
uint32_t crc32_add(struct crc32 *c, uint32_t crc, const uint8_t *data, size_t len);

/* CRC-64 (ECMA-182, reflected) likewise. */
struct crc64 {
    uint64_t table[8][256];
};

void crc64_init(struct crc64 *c);
uint64_t crc64_add(const struct crc64 *c, uint64_t crc, const uint8_t *data, size_t len);

void sha256(const uint8_t *data, size_t len, uint8_t digest[32]);
uint32_t xxh32(const uint8_t *data, size_t len);
uint64_t xxh64(const uint8_t *data, size_t len);

/* LZMA2: see lzma2.c. Unpacks up to its end marker. */
size_t lzma2_scratch_size(void);
int lzma2_decode(struct unpack *u, void *scratch);

/* Undo the x86 branch filter; start is the position of buf[0] in the filter's address space. */
void bcj_x86_decode(uint8_t *buf, size_t len, uint32_t start);

#endif
