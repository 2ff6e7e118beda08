/*
 * zstd frames: blocks of literals and of sequences that copy them and earlier output. Called by
 * decompress.c. Dictionaries are not supported; the window is the output, however large a window a
 * frame asks for. Format: RFC 8878, section 3. Sequences are in zstd_sequences.c, the entropy
 * coders in zstd_entropy.c.
 */
#include "zstd.h"

#define FRAME_MAGIC    0xfd2fb528u
#define WINDOW_LOG_MAX 31

size_t zstd_scratch_size(void)
{
    return sizeof(struct zstd);
}

struct literals {
    unsigned type, streams;
    size_t size, packed_size;
};

enum { LITERALS_RAW, LITERALS_RLE, LITERALS_PACKED, LITERALS_TREELESS };

static int literals_header(struct literals *l, const uint8_t **p, const uint8_t *end)
{
    uint64_t header = 0;
    size_t bytes, left = (size_t)(end - *p);
    unsigned format, bits;

    for (size_t i = 0; i < 5 && i < left; i++)
        header |= (uint64_t)(*p)[i] << 8 * i;
    l->type = header & 3;
    format = header >> 2 & 3;
    l->packed_size = 0;
    l->streams = 1;
    if (l->type <= LITERALS_RLE) {
        bytes = format == 1 ? 2 : format == 3 ? 3 : 1;
        l->size = (header & ((1ull << 8 * bytes) - 1)) >> (format & 1 ? 4 : 3);
    } else {
        bytes = format < 2 ? 3 : format + 2;
        bits = format < 2 ? 10 : format == 2 ? 14 : 18;
        l->streams = format ? 4 : 1;
        l->size = header >> 4 & ((1u << bits) - 1);
        l->packed_size = header >> (4 + bits) & ((1u << bits) - 1);
    }
    if (bytes > left || l->size > ZSTD_BLOCK_MAX)
        return -EINVAL;
    *p += bytes;
    return 0;
}

static int unpack_literals(struct zstd *z, const struct literals *l, const uint8_t *p,
                           const uint8_t *end)
{
    size_t quarter = (l->size + 3) / 4;
    uint8_t *out = z->literals;
    const uint8_t *jump;

    if (l->type == LITERALS_PACKED) {
        int err = huffman_read(&z->huffman, &z->weights, &p, end);

        if (err)
            return err;
        z->has_huffman = true;
    } else if (!z->has_huffman) {
        return -EINVAL;
    }
    if (l->streams == 1)
        return huffman_decode(&z->huffman, p, (size_t)(end - p), out, l->size);

    /* The sizes of three streams, the fourth is the rest; all but the last make a quarter. */
    jump = p;
    if (end - p < 6 || 3 * quarter > l->size)
        return -EINVAL;
    p += 6;
    for (unsigned i = 0; i < 4; i++) {
        size_t len = i < 3 ? get_le16(jump + 2 * i) : (size_t)(end - p);
        size_t out_len = i < 3 ? quarter : l->size - 3 * quarter;
        int err;

        if (len > (size_t)(end - p))
            return -EINVAL;
        err = huffman_decode(&z->huffman, p, len, out, out_len);
        if (err)
            return err;
        p += len;
        out += out_len;
    }
    return 0;
}

/* Fill z->literals; sets *size to their number. */
static int read_literals(struct zstd *z, const uint8_t **p, const uint8_t *end, size_t *size)
{
    struct literals l;
    int err = literals_header(&l, p, end);
    size_t in_len;

    if (err)
        return err;
    *size = l.size;
    in_len = l.type == LITERALS_RAW ? l.size : l.type == LITERALS_RLE ? 1 : l.packed_size;
    if (in_len > (size_t)(end - *p))
        return -EINVAL;
    if (l.type == LITERALS_RAW)
        memcpy(z->literals, *p, l.size);
    else if (l.type == LITERALS_RLE)
        memset(z->literals, **p, l.size);
    else
        err = unpack_literals(z, &l, *p, *p + in_len);
    *p += in_len;
    return err;
}

static int packed_block(struct zstd *z, struct unpack *u, size_t size, const uint8_t *start)
{
    const uint8_t *p = u->in, *end = p + size;
    size_t literals;
    int err = read_literals(z, &p, end, &literals);

    if (err)
        return err;
    u->in = end;
    return sequences_run(z, u, p, end, literals, start);
}

/* Unpack the next block, start being the beginning of the frame's output. */
static int unpack_block(struct zstd *z, struct unpack *u, size_t block_max, const uint8_t *start,
                        bool *last)
{
    enum { RAW, RLE, PACKED };
    uint32_t header;
    const uint8_t *block = u->out;
    size_t size, in_size;
    unsigned type;
    int err;

    if (in_left(u) < 3)
        return -EINVAL;
    header = get_le16(u->in) | (uint32_t)u->in[2] << 16;
    u->in += 3;
    *last = header & 1;
    type = header >> 1 & 3;
    size = header >> 3;
    in_size = type == RLE ? 1 : size;
    if (size > block_max || in_size > in_left(u))
        return -EINVAL;
    switch (type) {
    case RAW:
    case RLE:
        if (size > out_left(u))
            return -ENOSPC;
        if (type == RAW)
            memcpy(u->out, u->in, size);
        else
            memset(u->out, *u->in, size);
        u->in += in_size;
        u->out += size;
        return 0;
    case PACKED:
        err = packed_block(z, u, size, start);
        if (!err && (size_t)(u->out - block) > block_max)
            err = -EINVAL;
        return err;
    default:
        return -EINVAL;
    }
}

struct frame {
    bool checksum, has_size;
    uint64_t size, window;
};

static int frame_header(struct unpack *u, struct frame *f)
{
    static const uint8_t id_sizes[] = { 0, 1, 2, 4 }, size_sizes[] = { 0, 2, 4, 8 };
    size_t id_size, size_size;
    unsigned flags;
    bool single;

    if (in_left(u) < 1)
        return -EINVAL;
    flags = *u->in++;
    if (flags & 8)
        return -EOPNOTSUPP;
    single = flags & 0x20;
    id_size = id_sizes[flags & 3];
    size_size = size_sizes[flags >> 6];
    if (!size_size && single)
        size_size = 1;
    if (in_left(u) < !single + id_size + size_size)
        return -EINVAL;

    *f = (struct frame){ .checksum = flags & 4, .has_size = size_size };
    if (!single) {
        unsigned window = *u->in++;

        /* As zstd itself has it; the format allows more. */
        if (10 + (window >> 3) > WINDOW_LOG_MAX)
            return -EOPNOTSUPP;
        f->window = (1ull << (10 + (window >> 3))) / 8 * (8 + (window & 7));
    }
    for (; id_size; id_size--)
        if (*u->in++)
            return -EOPNOTSUPP; /* wants a dictionary */
    for (size_t i = 0; i < size_size; i++)
        f->size |= (uint64_t)*u->in++ << 8 * i;
    if (size_size == 2)
        f->size += 256;
    if (single)
        f->window = f->size;
    return 0;
}

static int unpack_frame(struct zstd *z, struct unpack *u)
{
    const uint8_t *start = u->out;
    struct frame f;
    size_t block_max, len;
    bool last;
    int err = frame_header(u, &f);

    if (err)
        return err;
    if (f.has_size && f.size > out_left(u))
        return -ENOSPC;
    block_max = f.window < ZSTD_BLOCK_MAX ? (size_t)f.window : ZSTD_BLOCK_MAX;
    z->has_huffman = false;
    sequences_reset(z);
    do {
        err = unpack_block(z, u, block_max, start, &last);
        if (err)
            return err;
    } while (!last);

    len = (size_t)(u->out - start);
    if (f.has_size && f.size != len)
        return -EINVAL;
    if (f.checksum) {
        if (in_left(u) < 4 || get_le32(u->in) != (uint32_t)xxh64(start, len))
            return -EINVAL;
        u->in += 4;
    }
    return 0;
}

/* Frames, and others to be skipped, may follow each other. */
int unpack_zstd(struct unpack *u)
{
    struct zstd *z = u->scratch;

    sequences_init(z);
    while (in_left(u) >= 4) {
        uint32_t magic = get_le32(u->in);
        bool skippable = is_skippable(magic);
        int err;

        if (magic != FRAME_MAGIC && !skippable)
            return 0;
        u->in += 4;
        err = skippable ? skip_frame(u) : unpack_frame(z, u);
        if (err)
            return err;
    }
    return 0;
}
