/*
 * The sequences of a zstd block: so many literals, then a match. Called by zstd.c for each
 * compressed block. Format: RFC 8878, sections 3.1.1.3.2 and 3.1.1.4.
 */
#include "zstd.h"

#define LITERAL_LENGTHS 36
#define MATCH_LENGTHS   53
#define OFFSETS         32

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

/* What the symbols of each kind stand for: RFC 8878, section 3.1.1.3.2.1.1. */
void sequences_init(struct zstd *z)
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

void sequences_reset(struct zstd *z)
{
    memset(z->has_fse, 0, sizeof(z->has_fse));
    z->repeat[0] = 1;
    z->repeat[1] = 4;
    z->repeat[2] = 8;
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

/* The last literals of a block, or all if it has no sequences. */
static int copy_rest(struct unpack *u, const uint8_t *literals, const uint8_t *end)
{
    size_t len = (size_t)(end - literals);

    if (len > out_left(u))
        return -ENOSPC;
    memcpy(u->out, literals, len);
    u->out += len;
    return 0;
}

/* The states of the three decoders, each of which stands for a symbol. */
struct sequence {
    const struct fse_state *l, *o, *m;
    size_t literals, match;
    uint64_t offset;
};

/* Read the extra bits; true if so many were possible that the reader must be refilled. */
static inline __attribute__((always_inline)) bool read_values(struct sequence *s,
                                                              struct back_reader *r)
{
    /* 26 bits for the next states leave 31, which is nearly always enough. */
    bool many = s->o->extra + s->m->extra + s->l->extra > 31;

    back_refill(r);
    s->offset = s->o->base + back_take(r, s->o->extra);
    if (unlikely(many))
        back_refill(r);
    s->match = s->m->base + back_take(r, s->m->extra);
    s->literals = s->l->base + back_take(r, s->l->extra);
    return many;
}

/* Decode count sequences from [p, end) and carry them out. */
static int run(struct zstd *z, struct unpack *u, const uint8_t *p, const uint8_t *end, size_t count,
               size_t literals, const uint8_t *start)
{
    const uint8_t *wide_end = wide_copy_end(u->out, u->out_end);
    const uint8_t *lit = z->literals, *lit_end = lit + literals;
    const struct fse *lf = &z->fse[LENGTH], *of = &z->fse[OFFSET], *mf = &z->fse[MATCH];
    uint8_t *out = u->out;
    struct back_reader r;
    struct sequence s;
    int err = back_open(&r, p, (size_t)(end - p));

    if (err)
        return err;
    back_refill(&r);
    s.l = &lf->states[back_take(&r, lf->log)];
    s.o = &of->states[back_take(&r, of->log)];
    s.m = &mf->states[back_take(&r, mf->log)];

    for (;;) {
        bool refill = read_values(&s, &r);
        size_t dist;

        if (unlikely(back_overrun(&r) || s.literals > (size_t)(lit_end - lit)))
            return -EINVAL;
        if (unlikely(s.literals + s.match > (size_t)(u->out_end - out)))
            return -ENOSPC;
        out = copy_literals(out, lit, s.literals, out + s.literals <= wide_end);
        lit += s.literals;
        dist = match_distance(z->repeat, s.offset, s.literals);
        if (unlikely(!dist || dist > (size_t)(out - start)))
            return -EINVAL;
        out = copy_match(out, dist, s.match, wide_end);

        if (!--count)
            break;
        if (unlikely(refill))
            back_refill(&r);
        s.l = &lf->states[s.l->next + back_take(&r, s.l->bits)];
        s.m = &mf->states[s.m->next + back_take(&r, s.m->bits)];
        s.o = &of->states[s.o->next + back_take(&r, s.o->bits)];
    }
    back_refill(&r);
    if (!back_at_end(&r))
        return -EINVAL;
    u->out = out;
    return copy_rest(u, lit, lit_end);
}

int sequences_run(struct zstd *z, struct unpack *u, const uint8_t *p, const uint8_t *end,
                  size_t literals, const uint8_t *start)
{
    size_t count;
    int err = sequences_header(z, &p, end, &count);

    if (err)
        return err;
    if (count)
        return run(z, u, p, end, count, literals, start);
    return p == end ? copy_rest(u, z->literals, z->literals + literals) : -EINVAL;
}
