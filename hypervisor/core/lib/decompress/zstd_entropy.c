/*
 * zstd's entropy coders: finite state entropy (FSE) tables and Huffman codes. Called by zstd.c for
 * each compressed block. Format: RFC 8878, section 4.
 */
#include "zstd.h"

#define SYMBOLS_MAX    256
#define WEIGHT_LOG_MAX 6
#define WEIGHT_MAX     11

static unsigned highest_bit(unsigned v)
{
    return 31 - (unsigned)__builtin_clz(v);
}

int back_open(struct back_reader *r, const uint8_t *p, size_t len)
{
    if (!len || !p[len - 1])
        return -EINVAL;
    r->start = p;
    r->used = 8 - highest_bit(p[len - 1]);
    if (len >= 8) {
        r->p = p + len - 8;
        r->bits = get_le64(r->p);
    } else {
        r->p = p;
        r->used += 8 * (8 - (unsigned)len);
        r->bits = 0;
        for (size_t i = 0; i < len; i++)
            r->bits |= (uint64_t)p[i] << 8 * i;
    }
    r->bits = r->bits << (r->used - 1) << 1; /* used may be 64 */
    return 0;
}

void fse_build(struct fse *t, const struct fse_symbols *symbols, const int16_t *freq, unsigned log)
{
    unsigned size = 1u << log, mask = size - 1, step = size / 2 + size / 8 + 3;
    unsigned top = size, pos = 0;
    uint16_t next[SYMBOLS_MAX];

    /* Symbols rarer than one state in size share the end of the table. */
    for (unsigned s = 0; s < symbols->count; s++) {
        next[s] = (uint16_t)(freq[s] < 0 ? 1 : freq[s]);
        if (freq[s] < 0)
            t->states[--top].base = s;
    }
    for (unsigned s = 0; s < symbols->count; s++)
        for (int i = 0; i < freq[s]; i++) {
            t->states[pos].base = s;
            do
                pos = (pos + step) & mask;
            while (pos >= top);
        }
    for (unsigned i = 0; i < size; i++) {
        struct fse_state *state = &t->states[i];
        unsigned s = state->base, n = next[s]++;

        state->bits = (uint8_t)(log - highest_bit(n));
        state->next = (uint16_t)((n << state->bits) - size);
        state->extra = symbols->extra ? symbols->extra[s] : 0;
        state->base = symbols->base ? symbols->base[s] : s;
    }
    t->log = log;
}

int fse_constant(struct fse *t, const struct fse_symbols *symbols, unsigned symbol)
{
    if (symbol >= symbols->count)
        return -EINVAL;
    t->log = 0;
    t->states[0] = (struct fse_state){
        .base = symbols->base[symbol],
        .extra = symbols->extra[symbol],
    };
    return 0;
}

/* Bits read forward, lowest first; zeros behind the end. */
struct fore_reader {
    const uint8_t *p;
    size_t len, pos; /* in bytes and in bits */
};

/* Up to 16 bits, without taking them. */
static unsigned fore_peek(const struct fore_reader *r, unsigned n)
{
    size_t byte = r->pos / 8;
    uint32_t v = 0;

    for (unsigned i = 0; i < 3 && byte + i < r->len; i++)
        v |= (uint32_t)r->p[byte + i] << 8 * i;
    return v >> r->pos % 8 & ((1u << n) - 1);
}

static unsigned fore_take(struct fore_reader *r, unsigned n)
{
    unsigned v = fore_peek(r, n);

    r->pos += n;
    return v;
}

/* A number from 0 to max, the lower ones of which are one bit shorter. */
static unsigned take_bounded(struct fore_reader *r, unsigned max)
{
    unsigned bits = highest_bit(max) + 1, half = 1u << (bits - 1);
    unsigned shorter = (1u << bits) - 1 - max, v = fore_peek(r, bits);

    if ((v & (half - 1)) < shorter) {
        r->pos += bits - 1;
        return v & (half - 1);
    }
    r->pos += bits;
    return v < half ? v : v - shorter;
}

int fse_read(struct fse *t, const struct fse_symbols *symbols, unsigned log_max, const uint8_t **p,
             const uint8_t *end)
{
    struct fore_reader r = { .p = *p, .len = (size_t)(end - *p) };
    int16_t freq[SYMBOLS_MAX] = { 0 };
    unsigned log = 5 + fore_take(&r, 4), left, s = 0;

    if (log > log_max)
        return -EINVAL;
    for (left = 1u << log; left;) {
        unsigned v;

        if (s >= symbols->count)
            return -EINVAL;
        v = take_bounded(&r, left + 1);
        freq[s++] = (int16_t)(v - 1);
        left -= v ? v - 1 : 1;
        if (v == 1) {
            unsigned zeros;

            do {
                zeros = fore_take(&r, 2);
                s += zeros;
            } while (zeros == 3 && s < symbols->count);
        }
    }
    if (s > symbols->count || r.pos > 8 * r.len)
        return -EINVAL;
    *p += (r.pos + 7) / 8;
    fse_build(t, symbols, freq, log);
    return 0;
}

static unsigned next_state(const struct fse *t, unsigned state, struct back_reader *r)
{
    return t->states[state].next + (unsigned)back_take(r, t->states[state].bits);
}

/* Two decoders take turns until the input is used up. Returns the number of weights or an error. */
static int read_weights_fse(struct fse *fse, const uint8_t *p, const uint8_t *end,
                            uint8_t weights[SYMBOLS_MAX])
{
    static const struct fse_symbols symbols = { .count = WEIGHT_MAX + 1 };
    struct back_reader r;
    unsigned a, b;
    int n = 0, err;

    err = fse_read(fse, &symbols, WEIGHT_LOG_MAX, &p, end);
    if (err)
        return err;
    err = back_open(&r, p, (size_t)(end - p));
    if (err)
        return err;
    back_refill(&r);
    a = (unsigned)back_take(&r, fse->log);
    b = (unsigned)back_take(&r, fse->log);
    if (back_overrun(&r))
        return -EINVAL;
    /* The one whose update finds no more bits is the last but one to speak. */
    while (n < SYMBOLS_MAX - 2) {
        unsigned was = a;

        weights[n++] = (uint8_t)fse->states[a].base;
        back_refill(&r);
        a = b;
        b = next_state(fse, was, &r);
        if (back_overrun(&r)) {
            weights[n++] = (uint8_t)fse->states[a].base;
            return n;
        }
    }
    return -EINVAL;
}

/* Four bits each. */
static void read_weights_plain(const uint8_t *p, unsigned n, uint8_t weights[SYMBOLS_MAX])
{
    for (unsigned i = 0; i < n; i++)
        weights[i] = i & 1 ? p[i / 2] & 15 : p[i / 2] >> 4;
}

/*
 * A symbol of weight w > 0 has a code of bits + 1 - w bits. The last symbol's weight is not
 * transmitted: it fills the code up.
 */
static int build_huffman(struct huffman *h, uint8_t weights[SYMBOLS_MAX], unsigned n)
{
    unsigned sum = 0, bits, rest, pos = 0;

    for (unsigned i = 0; i < n; i++) {
        if (weights[i] > WEIGHT_MAX)
            return -EINVAL;
        sum += (1u << weights[i]) >> 1;
    }
    if (!sum)
        return -EINVAL;
    bits = highest_bit(sum) + 1;
    rest = (1u << bits) - sum;
    if (bits > HUFFMAN_BITS || (rest & (rest - 1)))
        return -EINVAL;
    weights[n++] = (uint8_t)(highest_bit(rest) + 1);

    for (unsigned w = 1; w <= bits; w++)
        for (unsigned s = 0; s < n; s++) {
            if (weights[s] != w)
                continue;
            for (unsigned end = pos + (1u << (w - 1)); pos < end; pos++) {
                h->codes[pos].symbol = (uint8_t)s;
                h->codes[pos].len = (uint8_t)(bits + 1 - w);
            }
        }
    h->bits = bits;
    return 0;
}

int huffman_read(struct huffman *h, struct fse *fse, const uint8_t **p, const uint8_t *end)
{
    uint8_t weights[SYMBOLS_MAX];
    unsigned header;
    size_t size;
    int n;

    if (*p == end)
        return -EINVAL;
    header = *(*p)++;
    size = header < 128 ? header : (header - 127 + 1) / 2;
    if (size > (size_t)(end - *p))
        return -EINVAL;
    if (header < 128) {
        n = read_weights_fse(fse, *p, *p + size, weights);
        if (n < 0)
            return n;
    } else {
        n = (int)header - 127;
        read_weights_plain(*p, (unsigned)n, weights);
    }
    *p += size;
    return build_huffman(h, weights, (unsigned)n);
}

int huffman_decode(const struct huffman *h, const uint8_t *in, size_t len, uint8_t *out,
                   size_t out_len)
{
    uint8_t *end = out + out_len;
    unsigned shift = 64 - h->bits;
    struct back_reader r;
    int err = back_open(&r, in, len);

    if (err)
        return err;
    while (out < end) {
        size_t n = (size_t)(end - out);

        /* Five codes of 11 bits at most. */
        back_refill(&r);
        for (n = n < 5 ? n : 5; n; n--) {
            size_t i = r.bits >> shift;

            *out++ = h->codes[i].symbol;
            r.bits <<= h->codes[i].len;
            r.used += h->codes[i].len;
        }
        if (unlikely(back_overrun(&r)))
            return -EINVAL;
    }
    back_refill(&r);
    return back_at_end(&r) ? 0 : -EINVAL;
}
