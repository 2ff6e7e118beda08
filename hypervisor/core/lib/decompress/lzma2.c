/*
 * LZMA2: the chunked form of LZMA that .xz carries. Called by xz.c for each block.
 *
 * Nearly all the time of unpacking a kernel is spent here, so the state of the range decoder lives
 * in registers for a whole chunk and no read of input is checked: a chunk is at most 64 KiB long,
 * a symbol takes less than LZMA_SYMBOL_MAX bytes, and a chunk too near to the end of the input is
 * first copied to where reading on is harmless. Where the chunk really ended is compared once per
 * symbol. Format: the .xz file format 1.1.0, section 5.3.1, and the LZMA specification.
 */
#include "internal.h"

#define STATES     12
#define POS_STATES 16
#define MATCH_MIN  2

/*
 * A symbol decodes at most 22 modelled bits, each worth at most log2(2048/31) bits of input, and 26
 * plain ones: under 24 bytes.
 */
#define LZMA_SYMBOL_MAX 24
#define CHUNK_MAX       65536

/* Probability that the next bit is 0, in 1/2048. */
typedef uint16_t prob_t;

#define PROB_BITS 11
#define PROB_MOVE 5
#define HALF      (1u << (PROB_BITS - 1))

struct length_probs {
    prob_t not_low, not_mid;
    prob_t low[POS_STATES][8];
    prob_t mid[POS_STATES][8];
    prob_t high[256];
};

enum { LITERAL, MATCH, REP, SHORT_REP, SYMBOLS };

/* A state stands for the kinds of the last few symbols. It knows its successors. */
struct state {
    struct state *next[SYMBOLS];
    bool after_match;
    prob_t is_match[POS_STATES];
    prob_t is_rep, not_rep0, not_rep1, not_rep2;
    prob_t long_rep0[POS_STATES];
};

struct lzma_probs {
    prob_t slot[4][64];
    prob_t special[128]; /* low bits of distances in slots 4 to 13 */
    prob_t align[16];
    struct length_probs match_len;
    struct length_probs rep_len;
    prob_t literal[16 * 0x300];
};

struct lzma2 {
    /* Carried from chunk to chunk. */
    uint8_t *dict; /* where the dictionary starts in the output */
    uint32_t rep[4];
    struct state *state;
    size_t pos_mask, literal_mask, literal_unit;

    struct state states[STATES];
    struct lzma_probs probs;
    uint8_t tail[CHUNK_MAX + LZMA_SYMBOL_MAX];
};

/*
 * The range is kept less RC_TOP, below which it must not stay: the subtraction that narrows it then
 * tells by its borrow when the next byte of input is due.
 */
struct range_decoder {
    uint32_t above, code;
    const uint8_t *in;
};

#define RC_TOP (1u << 24)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void rc_next_byte(struct range_decoder *rc)
{
    rc->above = (rc->above << 8) - RC_TOP; /* ((above + RC_TOP) << 8) - RC_TOP, modulo 2^32 */
    rc->code = rc->code << 8 | *rc->in++;
}

ALWAYS_INLINE bool rc_bit(struct range_decoder *rc, prob_t *prob)
{
    uint32_t p = *prob, bound = ((rc->above + RC_TOP) >> PROB_BITS) * p;

    /* Let the compiler forget that it has *prob in a register: then each update is one RMW. */
    __asm__("" : "+m"(*prob));
    if (rc->code < bound) {
        /* += (2048 - p) >> 5, with the sign turned to save an operation. */
        *prob -= (prob_t)((int32_t)(p - ((1u << PROB_BITS) - 31)) >> PROB_MOVE);
        if (unlikely(__builtin_sub_overflow(bound, RC_TOP, &rc->above)))
            rc_next_byte(rc);
        return false;
    }
    rc->code -= bound;
    *prob -= (prob_t)(p >> PROB_MOVE);
    if (unlikely(__builtin_sub_overflow(rc->above, bound, &rc->above)))
        rc_next_byte(rc);
    return true;
}

/*
 * Numbers are binary trees of probabilities, root at [1], children of [n] at [2n] and [2n + 1].
 * These walk down one, two or three levels from sym. Within a group the node is known from where
 * the program is, and needs no arithmetic.
 */
ALWAYS_INLINE size_t tree1(struct range_decoder *rc, prob_t *probs, size_t sym)
{
    return rc_bit(rc, &probs[sym]) ? 2 * sym + 1 : 2 * sym;
}

ALWAYS_INLINE size_t tree2(struct range_decoder *rc, prob_t *probs, size_t sym)
{
    if (!rc_bit(rc, &probs[sym]))
        return rc_bit(rc, &probs[2 * sym]) ? 4 * sym + 1 : 4 * sym;
    return rc_bit(rc, &probs[2 * sym + 1]) ? 4 * sym + 3 : 4 * sym + 2;
}

ALWAYS_INLINE size_t tree3(struct range_decoder *rc, prob_t *probs, size_t sym)
{
    if (!rc_bit(rc, &probs[sym])) {
        if (!rc_bit(rc, &probs[2 * sym]))
            return rc_bit(rc, &probs[4 * sym]) ? 8 * sym + 1 : 8 * sym;
        return rc_bit(rc, &probs[4 * sym + 1]) ? 8 * sym + 3 : 8 * sym + 2;
    }
    if (!rc_bit(rc, &probs[2 * sym + 1]))
        return rc_bit(rc, &probs[4 * sym + 2]) ? 8 * sym + 5 : 8 * sym + 4;
    return rc_bit(rc, &probs[4 * sym + 3]) ? 8 * sym + 7 : 8 * sym + 6;
}

/* A number of the given bits whose least significant bit comes first. */
ALWAYS_INLINE uint32_t rc_reverse_tree(struct range_decoder *rc, prob_t *probs, unsigned bits)
{
    static const uint8_t reverse5[32] = {
        0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
        1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31,
    };
    size_t sym = 1;

    if (bits == 4)
        return reverse5[tree1(rc, probs, tree3(rc, probs, sym)) - 16] >> 1;
    for (unsigned i = bits; i; i--)
        sym = tree1(rc, probs, sym);
    return (uint32_t)reverse5[sym - (1u << bits)] >> (5 - bits);
}

/* Append bits of equal probability to value. */
ALWAYS_INLINE uint32_t rc_direct(struct range_decoder *rc, uint32_t value, unsigned bits)
{
    uint32_t range = rc->above + RC_TOP, code = rc->code;

    do {
        range >>= 1;
        value <<= 1;
        if (code >= range) {
            code -= range;
            value++;
        }
        if (range < RC_TOP) {
            range <<= 8;
            code = code << 8 | *rc->in++;
        }
    } while (--bits);
    rc->above = range - RC_TOP;
    rc->code = code;
    return value;
}

ALWAYS_INLINE size_t literal(struct range_decoder *rc, prob_t *probs)
{
    return tree2(rc, probs, tree3(rc, probs, tree3(rc, probs, 1)));
}

/*
 * A literal where a match has just ended: as long as its bits agree with those of the byte at rep0,
 * which did not continue the match, the latter choose the probabilities.
 */
ALWAYS_INLINE size_t matched_literal(struct range_decoder *rc, prob_t *probs, unsigned match)
{
    size_t sym = 1;
    unsigned left;

#pragma GCC unroll 8
    for (left = 7; left < 8; left--) {
        if (match >> left & 1) {
            bool bit = rc_bit(rc, &probs[0x200 + sym]);

            sym = 2 * sym + bit;
            if (!bit)
                break;
        } else {
            bool bit = rc_bit(rc, &probs[0x100 + sym]);

            sym = 2 * sym + bit;
            if (bit)
                break;
        }
    }
    switch (left) {
    case 7:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 6:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 5:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 4:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 3:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 2:
        sym = tree1(rc, probs, sym);
        __attribute__((fallthrough));
    case 1:
        sym = tree1(rc, probs, sym);
        break;
    }
    return sym;
}

ALWAYS_INLINE size_t length(struct range_decoder *rc, struct length_probs *p, size_t pos_state)
{
    size_t sym;

    if (!rc_bit(rc, &p->not_low))
        return MATCH_MIN - 8 + tree3(rc, p->low[pos_state], 1);
    if (!rc_bit(rc, &p->not_mid))
        return MATCH_MIN + tree3(rc, p->mid[pos_state], 1);
    for (sym = 1; sym < 0x100;)
        sym = tree1(rc, p->high, sym);
    return MATCH_MIN + 16 - 0x100 + sym;
}

/* Distance - 1 of a match of len bytes. */
ALWAYS_INLINE uint32_t distance(struct range_decoder *rc, struct lzma_probs *p, size_t len)
{
    size_t ctx = len - MATCH_MIN < 4 ? len - MATCH_MIN : 3;
    size_t slot = tree3(rc, p->slot[ctx], tree3(rc, p->slot[ctx], 1)) - 64;
    unsigned bits = (unsigned)slot / 2 - 1;
    uint32_t dist = 2 | ((uint32_t)slot & 1);

    if (slot < 4)
        return (uint32_t)slot;
    if (slot < 14) {
        dist <<= bits;
        return dist + rc_reverse_tree(rc, &p->special[dist - slot], bits);
    }
    dist = rc_direct(rc, dist, bits - 4) << 4;
    return dist + rc_reverse_tree(rc, p->align, 4);
}

/* A match at one of the last four distances, but not the very last: bring it to the front. */
ALWAYS_INLINE void earlier_distance(struct range_decoder *rc, struct state *state, uint32_t rep[4])
{
    uint32_t found = rep[1];

    if (rc_bit(rc, &state->not_rep1)) {
        found = rep[2];
        if (rc_bit(rc, &state->not_rep2)) {
            found = rep[3];
            rep[3] = rep[2];
        }
        rep[2] = rep[1];
    }
    rep[1] = rep[0];
    rep[0] = found;
}

/* Decode symbols to exactly fill [out, limit) from exactly the input up to in_end. */
ALWAYS_INLINE int lzma_symbols(struct lzma2 *s, struct range_decoder *rc, const uint8_t *in_end,
                               uint8_t *out, const uint8_t *limit, const uint8_t *wide_end)
{
    struct lzma_probs *probs = &s->probs;
    const uint8_t *dict = s->dict;
    uint32_t rep[4] = { s->rep[0], s->rep[1], s->rep[2], s->rep[3] };
    struct state *state = s->state;
    size_t prev = out > dict ? out[-1] : 0;

    while (out < limit) {
        size_t pos = (size_t)(out - dict), pos_state = pos & s->pos_mask, len;
        struct length_probs *len_probs = &probs->match_len;

        if (unlikely(rc->in > in_end))
            return -EINVAL;
        if (!rc_bit(rc, &state->is_match[pos_state])) {
            size_t context = ((pos << 8) + prev) & s->literal_mask;
            prob_t *lit = &probs->literal[3 * context * s->literal_unit];

            /* Such a match has set rep[0], which has been checked. */
            prev = state->after_match ? matched_literal(rc, lit, *(out - rep[0] - 1))
                                      : literal(rc, lit);
            *out++ = (uint8_t)prev;
            prev = (uint8_t)prev;
            state = state->next[LITERAL];
            continue;
        }
        if (rc_bit(rc, &state->is_rep)) {
            len_probs = &probs->rep_len;
            if (rc_bit(rc, &state->not_rep0)) {
                earlier_distance(rc, state, rep);
            } else if (!rc_bit(rc, &state->long_rep0[pos_state])) {
                if (unlikely(rep[0] >= pos))
                    return -EINVAL;
                prev = *(out - rep[0] - 1);
                *out++ = (uint8_t)prev;
                state = state->next[SHORT_REP];
                continue;
            }
        }
        len = length(rc, len_probs, pos_state);
        if (len_probs == &probs->match_len) {
            rep[3] = rep[2];
            rep[2] = rep[1];
            rep[1] = rep[0];
            rep[0] = distance(rc, probs, len);
            state = state->next[MATCH];
        } else {
            state = state->next[REP];
        }
        if (unlikely(rep[0] >= pos || len > (size_t)(limit - out)))
            return -EINVAL;
        out = copy_match(out, (size_t)rep[0] + 1, len, wide_end);
        prev = out[-1];
    }
    memcpy(s->rep, rep, sizeof(rep));
    s->state = state;
    return 0;
}

/* Decode one chunk from in to exactly fill [out, limit); out_end is where writing may go to. */
static int lzma_chunk(struct lzma2 *s, const uint8_t *in, const uint8_t *in_end, uint8_t *out,
                      const uint8_t *limit, const uint8_t *out_end)
{
    struct range_decoder rc = { .above = UINT32_MAX - RC_TOP };
    int err;

    if (in_end - in < 5 || in[0])
        return -EINVAL;
    rc.code = __builtin_bswap32(get_le32(in + 1));
    rc.in = in + 5;
    err = lzma_symbols(s, &rc, in_end, out, limit, wide_copy_end(out, out_end));
    if (err)
        return err;
    /* The encoder flushes so that exactly nothing is left. */
    return rc.in == in_end && !rc.code ? 0 : -EINVAL;
}

/* count is a multiple of 4. A chunk may want this for very few bytes: go by words. */
static void reset_probs(prob_t *p, size_t count)
{
    for (; count; count -= 4, p += 4)
        put_le64((uint8_t *)p, HALF * 0x0001000100010001);
}

static void reset_state(struct lzma2 *s)
{
    static const uint8_t next[STATES][SYMBOLS] = {
        { 0, 7, 8, 9 },    { 0, 7, 8, 9 },    { 0, 7, 8, 9 },    { 0, 7, 8, 9 },
        { 1, 7, 8, 9 },    { 2, 7, 8, 9 },    { 3, 7, 8, 9 },    { 4, 10, 11, 11 },
        { 5, 10, 11, 11 }, { 6, 10, 11, 11 }, { 4, 10, 11, 11 }, { 5, 10, 11, 11 },
    };

    for (unsigned i = 0; i < STATES; i++) {
        struct state *state = &s->states[i];

        for (unsigned sym = 0; sym < SYMBOLS; sym++)
            state->next[sym] = &s->states[next[i][sym]];
        state->after_match = i >= 7;
        reset_probs(state->is_match, POS_STATES);
        state->is_rep = state->not_rep0 = state->not_rep1 = state->not_rep2 = HALF;
        reset_probs(state->long_rep0, POS_STATES);
    }
    reset_probs((prob_t *)&s->probs, sizeof(s->probs) / sizeof(prob_t));
    memset(s->rep, 0, sizeof(s->rep));
    s->state = &s->states[0];
}

static int set_properties(struct lzma2 *s, unsigned props)
{
    unsigned lc = props % 9, lp = props / 9 % 5, pb = props / 45;

    if (pb > 4 || lc + lp > 4)
        return -EINVAL;
    s->pos_mask = (1u << pb) - 1;
    /*
     * Literals have 0x300 probabilities for each combination of the low lp bits of their position
     * and the high lc bits of the previous byte. Masked, these two are a multiple of 1 << (8 - lc).
     */
    s->literal_mask = (1u << (8 + lp)) - (1u << (8 - lc));
    s->literal_unit = 0x100u >> (8 - lc);
    return 0;
}

static int stored_chunk(struct unpack *u)
{
    size_t len;

    if (in_left(u) < 2)
        return -EINVAL;
    len = ((size_t)u->in[0] << 8 | u->in[1]) + 1;
    u->in += 2;
    if (in_left(u) < len)
        return -EINVAL;
    if (out_left(u) < len)
        return -ENOSPC;
    memcpy(u->out, u->in, len);
    u->in += len;
    u->out += len;
    return 0;
}

static int packed_chunk(struct lzma2 *s, struct unpack *u, unsigned control)
{
    size_t in_len, out_len;
    const uint8_t *in;
    int err;

    if (in_left(u) < 5)
        return -EINVAL;
    out_len = ((size_t)(control & 0x1f) << 16 | (size_t)u->in[0] << 8 | u->in[1]) + 1;
    in_len = ((size_t)u->in[2] << 8 | u->in[3]) + 1;
    u->in += 4;
    if (control >= 0xc0) {
        err = set_properties(s, *u->in++);
        if (err)
            return err;
    }
    if (control >= 0xa0)
        reset_state(s);
    if (in_left(u) < in_len)
        return -EINVAL;
    if (out_left(u) < out_len)
        return -ENOSPC;

    in = u->in;
    if (in_left(u) - in_len < LZMA_SYMBOL_MAX) {
        memcpy(s->tail, in, in_len);
        memset(s->tail + in_len, 0, LZMA_SYMBOL_MAX);
        in = s->tail;
    }
    err = lzma_chunk(s, in, in + in_len, u->out, u->out + out_len, u->out_end);
    u->in += in_len;
    u->out += out_len;
    return err;
}

size_t lzma2_scratch_size(void)
{
    return sizeof(struct lzma2);
}

int lzma2_decode(struct unpack *u, void *scratch)
{
    struct lzma2 *s = scratch;
    bool need_dict = true, need_props = true;

    while (u->in < u->in_end) {
        unsigned control = *u->in++;
        int err;

        if (!control)
            return 0;
        if (control == 1 || control >= 0xe0) {
            need_dict = false;
            need_props = true;
            s->dict = u->out;
        } else if (need_dict) {
            return -EINVAL;
        }
        if (control < 0x80) {
            err = control <= 2 ? stored_chunk(u) : -EINVAL;
        } else {
            if (need_props && control < 0xc0)
                return -EINVAL;
            need_props = false;
            err = packed_chunk(s, u, control);
        }
        if (err)
            return err;
    }
    return -EINVAL;
}
