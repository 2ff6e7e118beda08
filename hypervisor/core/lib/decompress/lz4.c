/*
 * LZ4: the legacy frames that Linux's build makes and the current frame format. Called by
 * decompress.c. Needs no scratch memory. Formats: LZ4 block format and LZ4 frame format 1.6.
 */
#include "internal.h"

#define LEGACY_MAGIC 0x184c2102u
#define FRAME_MAGIC  0x184d2204u

#define LEGACY_BLOCK (8u << 20)
#define MATCH_MIN    4

size_t lz4_scratch_size(void)
{
    return 0;
}

/* Add the bytes that continue a length whose four bits were all ones. */
static int extend_length(const uint8_t **in, const uint8_t *in_end, size_t *len)
{
    uint8_t b;

    do {
        if (*in == in_end)
            return -EINVAL;
        b = *(*in)++;
        *len += b;
    } while (b == 0xff);
    return 0;
}

/*
 * Unpack the block of in_len bytes at in, whose matches reach back to window, to at most max bytes.
 */
static int unpack_block(struct unpack *u, const uint8_t *in, size_t in_len, const uint8_t *window,
                        size_t max)
{
    const uint8_t *in_end = in + in_len, *out_end = u->out_end, *wide_end;
    int too_long = -ENOSPC;
    uint8_t *out = u->out;

    if (out_left(u) > max) {
        out_end = out + max;
        too_long = -EINVAL;
    }
    wide_end = wide_copy_end(out, u->out_end);

    for (;;) {
        size_t len, dist;
        unsigned token;

        if (unlikely(in == in_end))
            return -EINVAL;
        token = *in++;
        len = token >> 4;
        if (len == 15 && extend_length(&in, in_end, &len))
            return -EINVAL;
        if (unlikely(len > (size_t)(in_end - in)))
            return -EINVAL;
        if (unlikely(len > (size_t)(out_end - out)))
            return too_long;
        out = copy_literals(out, in, len,
                            (size_t)(u->in_end - in) >= len + COPY_SLACK && out + len <= wide_end);
        in += len;
        if (in == in_end)
            break;

        if (in_end - in < 2)
            return -EINVAL;
        dist = get_le16(in);
        in += 2;
        len = token & 15;
        if (len == 15 && extend_length(&in, in_end, &len))
            return -EINVAL;
        len += MATCH_MIN;
        if (unlikely(!dist || dist > (size_t)(out - window)))
            return -EINVAL;
        if (unlikely(len > (size_t)(out_end - out)))
            return too_long;
        out = copy_match(out, dist, len, wide_end);
    }
    u->out = out;
    return 0;
}

/*
 * Legacy frames have no end mark: they end with the first block that is not full, with the input,
 * or before the next frame. Where a block's size may stand there may also be the unpacked size that
 * Linux appends, known by nothing following it, or padding.
 */
static int unpack_legacy(struct unpack *u)
{
    const uint8_t *block;

    do {
        size_t size;
        int err;

        if (in_left(u) <= 4)
            return 0;
        size = get_le32(u->in);
        if (!size || size == LEGACY_MAGIC)
            return 0;
        u->in += 4;
        if (size > in_left(u))
            return -EINVAL;
        block = u->out;
        err = unpack_block(u, u->in, size, block, LEGACY_BLOCK);
        if (err)
            return err;
        u->in += size;
    } while (u->out - block == LEGACY_BLOCK);
    return 0;
}

struct frame {
    bool independent, block_checksum, has_size, checksum;
    size_t block_max;
    uint64_t size;
};

static int frame_header(struct unpack *u, struct frame *f)
{
    enum {
        DICTIONARY = 1,
        RESERVED = 2,
        CHECKSUM = 4,
        SIZE = 8,
        BLOCK_CHECKSUM = 16,
        INDEPENDENT = 32
    };
    const uint8_t *start = u->in;
    unsigned flags, block;

    if (in_left(u) < 3)
        return -EINVAL;
    flags = u->in[0];
    block = u->in[1];
    u->in += 2;
    if (flags >> 6 != 1 || (flags & (RESERVED | DICTIONARY)) || (block & 0x8f) || block < 0x40)
        return -EOPNOTSUPP;
    *f = (struct frame){
        .independent = flags & INDEPENDENT,
        .block_checksum = flags & BLOCK_CHECKSUM,
        .has_size = flags & SIZE,
        .checksum = flags & CHECKSUM,
        .block_max = (size_t)1 << (8 + 2 * (block >> 4)), /* 64 KiB, 256 KiB, 1 MiB, 4 MiB */
    };
    if (f->has_size) {
        if (in_left(u) < 9)
            return -EINVAL;
        f->size = get_le64(u->in);
        u->in += 8;
    }
    if (*u->in != (uint8_t)(xxh32(start, (size_t)(u->in - start)) >> 8))
        return -EINVAL;
    u->in++;
    return 0;
}

/* One block; its size and whether it is stored unpacked are in header. */
static int frame_block(struct unpack *u, const struct frame *f, uint32_t header,
                       const uint8_t *window)
{
    bool stored = header >> 31;
    size_t size = header & 0x7fffffff, sum_size = f->block_checksum ? 4 : 0;
    int err = 0;

    if (size > f->block_max || in_left(u) < size + sum_size)
        return -EINVAL;
    if (f->block_checksum && get_le32(u->in + size) != xxh32(u->in, size))
        return -EINVAL;
    if (!stored) {
        err = unpack_block(u, u->in, size, window, f->block_max);
    } else if (size > out_left(u)) {
        err = -ENOSPC;
    } else {
        memcpy(u->out, u->in, size);
        u->out += size;
    }
    u->in += size + sum_size;
    return err;
}

static int unpack_frame(struct unpack *u)
{
    const uint8_t *start = u->out;
    struct frame f;
    int err = frame_header(u, &f);

    if (err)
        return err;
    for (;;) {
        uint32_t header;

        if (in_left(u) < 4)
            return -EINVAL;
        header = get_le32(u->in);
        u->in += 4;
        if (!header)
            break;
        err = frame_block(u, &f, header, f.independent ? u->out : start);
        if (err)
            return err;
    }
    if (f.has_size && f.size != (size_t)(u->out - start))
        return -EINVAL;
    if (f.checksum) {
        if (in_left(u) < 4 || get_le32(u->in) != xxh32(start, (size_t)(u->out - start)))
            return -EINVAL;
        u->in += 4;
    }
    return 0;
}

/* Frames of all kinds may follow each other. */
int unpack_lz4(struct unpack *u)
{
    while (in_left(u) >= 4) {
        uint32_t magic = get_le32(u->in);
        bool skippable = is_skippable(magic);
        int err;

        if (magic != LEGACY_MAGIC && magic != FRAME_MAGIC && !skippable)
            return 0;
        u->in += 4;
        err = skippable ? skip_frame(u) : magic == FRAME_MAGIC ? unpack_frame(u) : unpack_legacy(u);
        if (err)
            return err;
    }
    return 0;
}
