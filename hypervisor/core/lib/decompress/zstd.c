/*
 * zstd frames: blocks of literals and sequences that copy them and earlier output. Called by
 * decompress.c. Dictionaries are not supported; the window is the output, however large a window a
 * frame asks for. Format: RFC 8878, section 3. The entropy coders are in zstd_entropy.c.
 */
#include "zstd.h"

#define FRAME_MAGIC     0xfd2fb528u
#define SKIPPABLE_MAGIC 0x184d2a50u /* and the 15 following */
#define BLOCK_MAX       (128u << 10)
#define WINDOW_LOG_MAX  31

#define LITERAL_LENGTHS 36
#define MATCH_LENGTHS   53
#define OFFSETS         32

enum { LENGTH, OFFSET, MATCH, TABLES };

struct zstd {
    struct huffman huffman;
    struct fse fse[TABLES];
    struct fse weights;
    bool has_huffman, has_fse[TABLES]; /* from an earlier block of this frame */
    uint32_t repeat[3];
    uint32_t base[TABLES][MATCH_LENGTHS];
    uint8_t extra[TABLES][MATCH_LENGTHS];
    uint8_t literals[BLOCK_MAX + COPY_SLACK];
};

struct sequence_kind {
    unsigned count, log_max, default_log;
    const int8_t *default_freq;
    unsigned default_count;
};

static const int8_t length_freq[LITERAL_LENGTHS] = { 4, 3, 2, 2, 2, 2, 2, 2, 2,  2,  2,  2,
                                                     2, 1, 1, 1, 2, 2, 2, 2, 2,  2,  2,  2,
                                                     2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1 };
static const int8_t offset_freq[29] = { 1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1 };
static const int8_t match_freq[MATCH_LENGTHS] = { 1, 4, 3, 2, 2,  2,  2,  2,  2,  1,  1, 1, 1, 1,
                                                  1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1, 1, 1,
                                                  1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1, 1, 1,
                                                  1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1 };

static const struct sequence_kind kinds[TABLES] = {
    [LENGTH] = { LITERAL_LENGTHS, 9, 6, length_freq, LITERAL_LENGTHS },
    [OFFSET] = { OFFSETS, 8, 5, offset_freq, sizeof(offset_freq) },
    [MATCH] = { MATCH_LENGTHS, 9, 6, match_freq, MATCH_LENGTHS },
};

size_t zstd_scratch_size(void)
{
    return sizeof(struct zstd);
}

/* What the symbols of each kind stand for: RFC 8878, section 3.1.1.3.2.1.1. */
static void init_symbols(struct zstd *z)
{
    static const uint8_t length_extra[] = { 1, 1, 1, 1, 2, 2, 3, 3, 4, 6 };
    static const uint8_t match_extra[] = { 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5 };
    uint32_t base = 0;

    for (unsigned i = 0; i < LITERAL_LENGTHS; i++) {
        unsigned extra = i < 16 ? 0 : i < 26 ? length_extra[i - 16] : i - 19;

        z->base[LENGTH][i] = base;
        z->extra[LENGTH][i] = (uint8_t)extra;
        base += 1u << extra;
    }
    base = 3;
    for (unsigned i = 0; i < MATCH_LENGTHS; i++) {
        unsigned extra = i < 32 ? 0 : i < 43 ? match_extra[i - 32] : i - 36;

        z->base[MATCH][i] = base;
        z->extra[MATCH][i] = (uint8_t)extra;
        base += 1u << extra;
    }
    for (unsigned i = 0; i < OFFSETS; i++) {
        z->base[OFFSET][i] = 1u << i;
        z->extra[OFFSET][i] = (uint8_t)i;
    }
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
    if (bytes > left || l->size > BLOCK_MAX)
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

static void default_table(struct fse *t, const struct sequence_kind *kind,
                          const struct fse_symbols *symbols)
{
    int16_t freq[MATCH_LENGTHS] = { 0 };

    for (unsigned i = 0; i < kind->default_count; i++)
        freq[i] = kind->default_freq[i];
    fse_build(t, symbols, freq, kind->default_log);
}

static int read_table(struct zstd *z, unsigned which, unsigned mode, const uint8_t **p,
                      const uint8_t *end)
{
    enum { DEFAULT, CONSTANT, FSE, REPEAT };
    const struct sequence_kind *kind = &kinds[which];
    const struct fse_symbols symbols = { kind->count, z->base[which], z->extra[which] };
    struct fse *t = &z->fse[which];
    int err = 0;

    switch (mode) {
    case DEFAULT:
        default_table(t, kind, &symbols);
        break;
    case CONSTANT:
        if (*p == end)
            return -EINVAL;
        err = fse_constant(t, &symbols, *(*p)++);
        break;
    case FSE:
        err = fse_read(t, &symbols, kind->log_max, p, end);
        break;
    case REPEAT:
        err = z->has_fse[which] ? 0 : -EINVAL;
        break;
    }
    z->has_fse[which] = !err;
    return err;
}

/* Number of sequences and their tables. */
static int sequences_header(struct zstd *z, const uint8_t **p, const uint8_t *end, size_t *count)
{
    size_t left = (size_t)(end - *p), bytes;
    const uint8_t *in = *p;
    unsigned modes;

    if (!left)
        return -EINVAL;
    bytes = in[0] < 128 ? 1 : in[0] < 255 ? 2 : 3;
    if (left < bytes)
        return -EINVAL;
    *count = bytes == 1   ? in[0]
             : bytes == 2 ? (in[0] - 128u) << 8 | in[1]
                          : get_le16(in + 1) + 0x7f00;
    *p += bytes;
    if (!*count)
        return 0;
    if (*p == end)
        return -EINVAL;
    modes = *(*p)++;
    if (modes & 3)
        return -EINVAL;
    for (unsigned i = 0; i < TABLES; i++) {
        int err = read_table(z, i, modes >> (6 - 2 * i) & 3, p, end);

        if (err)
            return err;
    }
    return 0;
}

/*
 * Distance of a match for its offset value: 1 to 3 are the last three distances, or, where no
 * literals come before the match, the last but one, but two, and the last less 1. 0 is invalid.
 */
static size_t match_distance(uint32_t repeat[3], uint64_t value, size_t literals)
{
    uint32_t dist;
    unsigned which;

    if (likely(value > 3)) {
        dist = (uint32_t)(value - 3);
        which = 2;
    } else {
        which = (unsigned)value - (literals != 0);
        if (!which)
            return repeat[0];
        dist = which < 3 ? repeat[which] : repeat[0] - 1;
    }
    if (which >= 2)
        repeat[2] = repeat[1];
    repeat[1] = repeat[0];
    repeat[0] = dist;
    return dist;
}

/* Decode count sequences from [p, end) and carry them out. start is where the frame begins. */
static int run_sequences(struct zstd *z, struct unpack *u, const uint8_t *p, const uint8_t *end,
                         size_t count, size_t literals, const uint8_t *start)
{
    const uint8_t *wide_end = wide_copy_end(u->out, u->out_end);
    const uint8_t *lit = z->literals, *lit_end = lit + literals;
    const struct fse *lf = &z->fse[LENGTH], *of = &z->fse[OFFSET], *mf = &z->fse[MATCH];
    const struct fse_state *l, *o, *m;
    uint8_t *out = u->out;
    struct back_reader r;
    int err = back_open(&r, p, (size_t)(end - p));

    if (err)
        return err;
    back_refill(&r);
    l = &lf->states[back_take(&r, lf->log)];
    o = &of->states[back_take(&r, of->log)];
    m = &mf->states[back_take(&r, mf->log)];

    for (;;) {
        /* 26 bits for the states leave 31 for the rest, which is nearly always enough. */
        bool many = o->extra + m->extra + l->extra > 31;
        size_t dist, match, len;
        uint64_t offset;

        back_refill(&r);
        offset = o->base + back_take(&r, o->extra);
        if (unlikely(many))
            back_refill(&r);
        match = m->base + back_take(&r, m->extra);
        len = l->base + back_take(&r, l->extra);
        if (unlikely(back_overrun(&r)))
            return -EINVAL;

        if (unlikely(len > (size_t)(lit_end - lit)))
            return -EINVAL;
        if (unlikely(len + match > (size_t)(u->out_end - out)))
            return -ENOSPC;
        if (likely(out + len <= wide_end)) {
            const uint8_t *from = lit;
            uint8_t *to = out;

            out += len;
            do {
                copy8(to, from);
                copy8(to + 8, from + 8);
                to += 16;
                from += 16;
            } while (to < out);
        } else {
            memcpy(out, lit, len);
            out += len;
        }
        lit += len;

        dist = match_distance(z->repeat, offset, len);
        if (unlikely(!dist || dist > (size_t)(out - start)))
            return -EINVAL;
        out = copy_match(out, dist, match, wide_end);

        if (!--count)
            break;
        if (unlikely(many))
            back_refill(&r);
        l = &lf->states[l->next + back_take(&r, l->bits)];
        m = &mf->states[m->next + back_take(&r, m->bits)];
        o = &of->states[o->next + back_take(&r, o->bits)];
    }
    back_refill(&r);
    if (!back_at_end(&r))
        return -EINVAL;
    u->out = out;
    literals = (size_t)(lit_end - lit);
    if (literals > out_left(u))
        return -ENOSPC;
    memcpy(u->out, lit, literals);
    u->out += literals;
    return 0;
}

static int packed_block(struct zstd *z, struct unpack *u, size_t size, const uint8_t *start)
{
    const uint8_t *p = u->in, *end = p + size;
    size_t literals, count;
    int err = read_literals(z, &p, end, &literals);

    if (err)
        return err;
    err = sequences_header(z, &p, end, &count);
    if (err)
        return err;
    u->in = end;
    if (count)
        return run_sequences(z, u, p, end, count, literals, start);
    if (p != end)
        return -EINVAL;
    if (literals > out_left(u))
        return -ENOSPC;
    memcpy(u->out, z->literals, literals);
    u->out += literals;
    return 0;
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
    block_max = f.window < BLOCK_MAX ? (size_t)f.window : BLOCK_MAX;
    z->has_huffman = false;
    memset(z->has_fse, 0, sizeof(z->has_fse));
    z->repeat[0] = 1;
    z->repeat[1] = 4;
    z->repeat[2] = 8;
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

static int skip_frame(struct unpack *u)
{
    size_t size;

    if (in_left(u) < 4)
        return -EINVAL;
    size = get_le32(u->in);
    u->in += 4;
    if (size > in_left(u))
        return -EINVAL;
    u->in += size;
    return 0;
}

/* Frames, and others to be skipped, may follow each other. */
int unpack_zstd(struct unpack *u)
{
    struct zstd *z = u->scratch;

    init_symbols(z);
    while (in_left(u) >= 4) {
        uint32_t magic = get_le32(u->in);
        bool skippable = (magic & ~15u) == SKIPPABLE_MAGIC;
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
