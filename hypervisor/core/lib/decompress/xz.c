/*
 * The .xz container: streams of blocks, each filtered and checked. Called by decompress.c.
 *
 * Filter chains are those of Linux's build on x86 and others: LZMA2 alone or behind the x86 branch
 * filter. Everything that the format lets a decoder verify is verified. Format: the .xz file format
 * 1.1.0, sections 2 to 4.
 */
#include "internal.h"

#define HEADER_SIZE 12
#define FOOTER_SIZE 12

#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

enum { CHECK_NONE = 0, CHECK_CRC32 = 1, CHECK_CRC64 = 4, CHECK_SHA256 = 10 };

static const uint8_t header_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0x00 };

/* What blocks say of themselves and the index says of them: must agree. */
struct tally {
    uint64_t blocks;
    uint32_t hash; /* over the pairs of sizes, in order */
};

struct xz {
    struct crc32 crc32;
    struct crc64 crc64;
    bool has_crc64; /* the tables have been made */
    _Alignas(16) uint8_t lzma2[];
};

struct block_header {
    bool has_packed_size, has_unpacked_size, has_x86;
    uint64_t packed_size, unpacked_size;
    uint32_t x86_start;
};

size_t xz_scratch_size(void)
{
    return sizeof(struct xz) + lzma2_scratch_size();
}

/* Variable-length integer of up to 63 bits. */
static int get_vli(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint8_t b;

        if (*p == end)
            return -EINVAL;
        b = *(*p)++;
        *value |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return b || !shift ? 0 : -EINVAL; /* no needless zero bytes */
    }
    return -EINVAL;
}

static void tally_block(struct xz *xz, struct tally *t, uint64_t unpadded, uint64_t unpacked)
{
    uint64_t sizes[2] = { unpadded, unpacked };

    t->blocks++;
    t->hash = crc32_add(&xz->crc32, t->hash, (const uint8_t *)sizes, sizeof(sizes));
}

static int check_size(unsigned check)
{
    switch (check) {
    case CHECK_NONE:
        return 0;
    case CHECK_CRC32:
        return 4;
    case CHECK_CRC64:
        return 8;
    case CHECK_SHA256:
        return 32;
    default:
        return -EOPNOTSUPP;
    }
}

/* Compare the check at sum with the data's. */
static int verify(struct xz *xz, unsigned check, const uint8_t *sum, const uint8_t *data,
                  size_t len)
{
    uint8_t digest[32];

    switch (check) {
    case CHECK_CRC32:
        return crc32_add(&xz->crc32, 0, data, len) == get_le32(sum) ? 0 : -EINVAL;
    case CHECK_CRC64:
        if (!xz->has_crc64)
            crc64_init(&xz->crc64);
        xz->has_crc64 = true;
        return crc64_add(&xz->crc64, 0, data, len) == get_le64(sum) ? 0 : -EINVAL;
    case CHECK_SHA256:
        sha256(data, len, digest);
        return memcmp(digest, sum, sizeof(digest)) ? -EINVAL : 0;
    default:
        return 0;
    }
}

/* One filter's entry in a block header; last: it must be LZMA2, and otherwise must not. */
static int decode_filter(struct block_header *h, const uint8_t **p, const uint8_t *end, bool last)
{
    uint64_t id, props_size;
    const uint8_t *props;

    if (get_vli(p, end, &id) || get_vli(p, end, &props_size))
        return -EINVAL;
    if (props_size > (size_t)(end - *p))
        return -EINVAL;
    props = *p;
    *p += props_size;

    if (last) {
        if (id != FILTER_LZMA2)
            return -EOPNOTSUPP;
        /* The dictionary's size does not matter: it is the output. */
        return props_size == 1 && props[0] <= 40 ? 0 : -EINVAL;
    }
    if (id != FILTER_X86 || h->has_x86)
        return -EOPNOTSUPP;
    if (props_size != 0 && props_size != 4)
        return -EINVAL;
    h->has_x86 = true;
    h->x86_start = props_size ? get_le32(props) : 0;
    return 0;
}

/* Decode the block header of size bytes at p. */
static int decode_block_header(struct xz *xz, struct block_header *h, const uint8_t *p, size_t size)
{
    const uint8_t *end = p + size - 4;
    unsigned flags = p[1], filters = (flags & 3) + 1;

    if (crc32_add(&xz->crc32, 0, p, size - 4) != get_le32(end))
        return -EINVAL;
    if (flags & 0x3c)
        return -EOPNOTSUPP;
    *h =
        (struct block_header){ .has_packed_size = flags & 0x40, .has_unpacked_size = flags & 0x80 };
    p += 2;
    if (h->has_packed_size && get_vli(&p, end, &h->packed_size))
        return -EINVAL;
    if (h->has_unpacked_size && get_vli(&p, end, &h->unpacked_size))
        return -EINVAL;
    for (unsigned i = 0; i < filters; i++) {
        int err = decode_filter(h, &p, end, i == filters - 1);

        if (err)
            return err;
    }
    for (; p < end; p++)
        if (*p)
            return -EOPNOTSUPP;
    return 0;
}

static int unpack_block(struct xz *xz, struct unpack *u, unsigned check, struct tally *t)
{
    size_t header_size = ((size_t)u->in[0] + 1) * 4, sum_size = (size_t)check_size(check);
    struct block_header h;
    const uint8_t *packed;
    uint8_t *unpacked = u->out;
    size_t packed_size, unpacked_size;
    int err;

    if (in_left(u) < header_size)
        return -EINVAL;
    err = decode_block_header(xz, &h, u->in, header_size);
    if (err)
        return err;
    u->in += header_size;

    packed = u->in;
    err = lzma2_decode(u, xz->lzma2);
    if (err)
        return err;
    packed_size = (size_t)(u->in - packed);
    unpacked_size = (size_t)(u->out - unpacked);
    if ((h.has_packed_size && h.packed_size != packed_size) ||
        (h.has_unpacked_size && h.unpacked_size != unpacked_size))
        return -EINVAL;
    if (h.has_x86)
        bcj_x86_decode(unpacked, unpacked_size, h.x86_start);

    for (size_t pad = -packed_size & 3; pad; pad--)
        if (u->in == u->in_end || *u->in++)
            return -EINVAL;
    if (in_left(u) < sum_size)
        return -EINVAL;
    err = verify(xz, check, u->in, unpacked, unpacked_size);
    u->in += sum_size;
    tally_block(xz, t, header_size + packed_size + sum_size, unpacked_size);
    return err;
}

/* The index lists the blocks. Sets *size to its length, checksum included. */
static int check_index(struct xz *xz, struct unpack *u, const struct tally *blocks, size_t *size)
{
    const uint8_t *start = u->in++;
    struct tally index = { 0 };
    uint64_t records;

    if (get_vli(&u->in, u->in_end, &records) || records != blocks->blocks)
        return -EINVAL;
    while (index.blocks < records) {
        uint64_t unpadded, unpacked;

        if (get_vli(&u->in, u->in_end, &unpadded) || get_vli(&u->in, u->in_end, &unpacked))
            return -EINVAL;
        tally_block(xz, &index, unpadded, unpacked);
    }
    if (index.hash != blocks->hash)
        return -EINVAL;
    while ((u->in - start) & 3)
        if (u->in == u->in_end || *u->in++)
            return -EINVAL;
    if (in_left(u) < 4)
        return -EINVAL;
    if (crc32_add(&xz->crc32, 0, start, (size_t)(u->in - start)) != get_le32(u->in))
        return -EINVAL;
    u->in += 4;
    *size = (size_t)(u->in - start);
    return 0;
}

static int check_footer(struct xz *xz, struct unpack *u, const uint8_t flags[2], size_t index_size)
{
    const uint8_t *p = u->in;

    if (in_left(u) < FOOTER_SIZE)
        return -EINVAL;
    if (crc32_add(&xz->crc32, 0, p + 4, 6) != get_le32(p))
        return -EINVAL;
    if (((uint64_t)get_le32(p + 4) + 1) * 4 != index_size || memcmp(p + 8, flags, 2) ||
        memcmp(p + 10, "YZ", 2))
        return -EINVAL;
    u->in += FOOTER_SIZE;
    return 0;
}

static int unpack_stream(struct xz *xz, struct unpack *u)
{
    const uint8_t *flags = u->in + sizeof(header_magic);
    struct tally blocks = { 0 };
    size_t index_size;
    int err;

    if (in_left(u) < HEADER_SIZE || crc32_add(&xz->crc32, 0, flags, 2) != get_le32(flags + 2))
        return -EINVAL;
    if (flags[0] || flags[1] > 0x0f)
        return -EOPNOTSUPP;
    err = check_size(flags[1]);
    if (err < 0)
        return err;
    u->in += HEADER_SIZE;

    for (;;) {
        if (u->in == u->in_end)
            return -EINVAL;
        if (!*u->in)
            break;
        err = unpack_block(xz, u, flags[1], &blocks);
        if (err)
            return err;
    }
    err = check_index(xz, u, &blocks, &index_size);
    return err ? err : check_footer(xz, u, flags, index_size);
}

/* Zero words may separate streams. */
static bool another_stream(struct unpack *u)
{
    const uint8_t *p = u->in;

    while (u->in_end - p >= 4 && !get_le32(p))
        p += 4;
    if ((size_t)(u->in_end - p) < sizeof(header_magic) ||
        memcmp(p, header_magic, sizeof(header_magic)))
        return false;
    u->in = p;
    return true;
}

int unpack_xz(struct unpack *u)
{
    struct xz *xz = u->scratch;

    crc32_init(&xz->crc32);
    xz->has_crc64 = false;
    do {
        int err = unpack_stream(xz, u);

        if (err)
            return err;
    } while (another_stream(u));
    return 0;
}
