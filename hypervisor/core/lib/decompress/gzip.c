/*
 * gzip members holding a deflate stream. Called by decompress.c.
 *
 * Huffman codes are looked up in tables of 2^n entries, indexed by the next bits of input, with
 * second-level tables for longer codes. Formats: RFC 1951 (deflate) and RFC 1952 (gzip).
 */
#include "internal.h"

#define CODE_MAX      15
#define LITERAL_BITS  11
#define DISTANCE_BITS 9
#define PRECODE_BITS  7

#define LITERALS     288
#define DISTANCES    32
#define PRECODES     19
#define END_OF_BLOCK 256
#define FIRST_LENGTH 257

/*
 * Table entries: bits 0-3 number of input bits to drop, 4-7 number of extra bits behind them, 8-11
 * kind, 16-31 value: literal, base of a length or distance, or index of a second-level table.
 */
enum { KIND_LITERAL = 1 << 8, KIND_COPY = 2 << 8, KIND_TABLE = 4 << 8, KIND_END = 8 << 8 };

#define INVALID 0u

static uint32_t entry(unsigned kind, unsigned extra, unsigned value)
{
    return value << 16 | kind | extra << 4;
}

/* Second-level tables all have 2^(15 - n) entries, and two codes at least share one. */
struct inflate {
    struct crc32 crc32;
    bool fixed; /* the tables are those of the fixed codes */
    uint32_t literal_symbols[LITERALS];
    uint32_t distance_symbols[DISTANCES];
    uint32_t precode_symbols[PRECODES];
    uint32_t literals[(1 << LITERAL_BITS) + (LITERALS / 2 << (CODE_MAX - LITERAL_BITS))];
    uint32_t distances[(1 << DISTANCE_BITS) + (DISTANCES / 2 << (CODE_MAX - DISTANCE_BITS))];
    uint32_t precodes[1 << PRECODE_BITS];
};

/* Input as a queue of bits, least significant first; the low count bits of bits are valid. */
struct bit_reader {
    const uint8_t *in, *in_end;
    uint64_t bits;
    unsigned count;
    unsigned padding; /* bytes of zeros that have been read behind the end */
};

size_t gzip_scratch_size(void)
{
    return sizeof(struct inflate);
}

static bool used_padding(const struct bit_reader *r)
{
    return r->padding * 8 > r->count;
}

/* The last bytes of input, and then zeros; false if some of those have been used already. */
static bool refill_slowly(struct bit_reader *r)
{
    while (r->count < 56) {
        if (r->in < r->in_end)
            r->bits |= (uint64_t)*r->in++ << r->count;
        else
            r->padding++;
        r->count += 8;
    }
    return !used_padding(r);
}

/* Have at least 56 bits; false if the input has ended before what has been taken already. */
static inline __attribute__((always_inline)) bool refill(struct bit_reader *r)
{
    if (unlikely(r->in_end - r->in < 8))
        return refill_slowly(r);
    /* Bits beyond the whole bytes counted are read again next time, with the same value. */
    r->bits |= get_le64(r->in) << r->count;
    r->in += (63 - r->count) >> 3;
    r->count |= 56;
    return true;
}

static inline void drop(struct bit_reader *r, unsigned n)
{
    r->bits >>= n;
    r->count -= n;
}

static inline unsigned take(struct bit_reader *r, unsigned n)
{
    unsigned v = (unsigned)(r->bits & ((1ull << n) - 1));

    drop(r, n);
    return v;
}

/* Return what has been read ahead. */
static int give_back(struct bit_reader *r)
{
    if (used_padding(r))
        return -EINVAL;
    r->in -= r->count / 8 - r->padding;
    r->bits = 0;
    r->count = 0;
    r->padding = 0;
    return 0;
}

/* Codes are assigned in order of length, then symbol; kept with their first bit lowest. */
static unsigned next_code(unsigned code, unsigned len)
{
    unsigned bit = 1u << (len - 1);

    while (code & bit)
        bit >>= 1;
    return bit ? (code & (bit - 1)) | bit : 0;
}

/*
 * Fill a table for n symbols with code lengths lens[]. A code must use all of the code space; where
 * lone is set, one symbol of one bit and no symbols at all are accepted too.
 */
static int build_table(uint32_t *table, unsigned bits, const uint8_t *lens, const uint32_t *symbols,
                       unsigned n, bool lone)
{
    unsigned count[CODE_MAX + 1] = { 0 }, used = 0, max = 0;
    unsigned code = 0, next = 1u << bits, last_prefix = UINT32_MAX;

    for (unsigned i = 0; i < n; i++)
        count[lens[i]]++;
    for (unsigned len = 1; len <= CODE_MAX; len++) {
        used += count[len] << (CODE_MAX - len);
        max = count[len] ? len : max;
    }
    if (used > 1u << CODE_MAX || (used < 1u << CODE_MAX && (!lone || max > 1)))
        return -EINVAL;
    if (used < 1u << CODE_MAX)
        memset(table, 0, sizeof(*table) << bits);

    for (unsigned len = 1; len <= max; len++)
        for (unsigned sym = 0; count[len]; sym++) {
            unsigned prefix = code & ((1u << bits) - 1);
            uint32_t *sub = table + next - (1u << (CODE_MAX - bits));

            if (lens[sym] != len)
                continue;
            count[len]--;
            if (len <= bits) {
                for (unsigned i = code; i < 1u << bits; i += 1u << len)
                    table[i] = symbols[sym] | len;
            } else {
                if (prefix != last_prefix) {
                    last_prefix = prefix;
                    table[prefix] = entry(KIND_TABLE, 0, next) | bits;
                    sub = table + next;
                    next += 1u << (CODE_MAX - bits);
                }
                for (unsigned i = code >> bits; i < 1u << (CODE_MAX - bits);
                     i += 1u << (len - bits))
                    sub[i] = symbols[sym] | (len - bits);
            }
            code = next_code(code, len);
        }
    return 0;
}

/* What each symbol means: RFC 1951, section 3.2.5. */
static void init_symbols(struct inflate *s)
{
    unsigned base = 3;

    for (unsigned i = 0; i < END_OF_BLOCK; i++)
        s->literal_symbols[i] = entry(KIND_LITERAL, 0, i);
    s->literal_symbols[END_OF_BLOCK] = entry(KIND_END, 0, 0);
    for (unsigned i = 0; i < 28; i++) {
        unsigned extra = i < 8 ? 0 : i / 4 - 1;

        s->literal_symbols[FIRST_LENGTH + i] = entry(KIND_COPY, extra, base);
        base += 1u << extra;
    }
    s->literal_symbols[285] = entry(KIND_COPY, 0, 258);
    s->literal_symbols[286] = INVALID;
    s->literal_symbols[287] = INVALID;

    base = 1;
    for (unsigned i = 0; i < 30; i++) {
        unsigned extra = i < 4 ? 0 : i / 2 - 1;

        s->distance_symbols[i] = entry(KIND_COPY, extra, base);
        base += 1u << extra;
    }
    s->distance_symbols[30] = INVALID;
    s->distance_symbols[31] = INVALID;

    for (unsigned i = 0; i < PRECODES; i++)
        s->precode_symbols[i] = entry(KIND_LITERAL, 0, i);
}

static int fixed_tables(struct inflate *s)
{
    uint8_t lens[LITERALS];
    int err;

    /* A block may be as short as 10 bits: a great many of them would take their time. */
    if (s->fixed)
        return 0;
    for (unsigned i = 0; i < LITERALS; i++)
        lens[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    err = build_table(s->literals, LITERAL_BITS, lens, s->literal_symbols, LITERALS, false);
    if (err)
        return err;
    memset(lens, 5, DISTANCES);
    err = build_table(s->distances, DISTANCE_BITS, lens, s->distance_symbols, DISTANCES, false);
    s->fixed = !err;
    return err;
}

/* Code lengths of literals and distances, run-length and Huffman coded. */
static int read_lengths(struct inflate *s, struct bit_reader *r, uint8_t *lens, unsigned n)
{
    for (unsigned i = 0; i < n;) {
        unsigned sym, repeat;
        uint32_t e;
        uint8_t value = 0;

        if (!refill(r))
            return -EINVAL;
        e = s->precodes[r->bits & ((1u << PRECODE_BITS) - 1)];
        drop(r, e & 15);
        sym = e >> 16;
        if (sym < 16) {
            lens[i++] = (uint8_t)sym;
            continue;
        }
        if (sym == 16) {
            if (!i)
                return -EINVAL;
            value = lens[i - 1];
            repeat = 3 + take(r, 2);
        } else {
            repeat = sym == 17 ? 3 + take(r, 3) : 11 + take(r, 7);
        }
        if (repeat > n - i)
            return -EINVAL;
        memset(lens + i, value, repeat);
        i += repeat;
    }
    return 0;
}

static int dynamic_tables(struct inflate *s, struct bit_reader *r)
{
    static const uint8_t order[PRECODES] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                             11, 4,  12, 3, 13, 2, 14, 1, 15 };
    uint8_t lens[LITERALS + DISTANCES] = { 0 };
    unsigned literals, distances, precodes;
    int err;

    if (!refill(r))
        return -EINVAL;
    literals = 257 + take(r, 5);
    distances = 1 + take(r, 5);
    precodes = 4 + take(r, 4);
    if (literals > 286 || distances > 30)
        return -EINVAL;
    for (unsigned i = 0; i < precodes; i++) {
        if (!refill(r))
            return -EINVAL;
        lens[order[i]] = (uint8_t)take(r, 3);
    }
    err = build_table(s->precodes, PRECODE_BITS, lens, s->precode_symbols, PRECODES, false);
    if (err)
        return err;
    err = read_lengths(s, r, lens, literals + distances);
    if (err)
        return err;
    if (!lens[END_OF_BLOCK])
        return -EINVAL;
    s->fixed = false;
    err = build_table(s->literals, LITERAL_BITS, lens, s->literal_symbols, literals, true);
    if (err)
        return err;
    return build_table(s->distances, DISTANCE_BITS, lens + literals, s->distance_symbols, distances,
                       true);
}

/* Look up the next code and drop it; its extra bits come next. */
static inline __attribute__((always_inline)) uint32_t decode(struct bit_reader *r,
                                                             const uint32_t *table, unsigned bits)
{
    uint32_t e = table[r->bits & ((1u << bits) - 1)];

    drop(r, e & 15);
    if (unlikely(e & KIND_TABLE)) {
        e = table[(e >> 16) + (r->bits & ((1u << (CODE_MAX - bits)) - 1))];
        drop(r, e & 15);
    }
    return e;
}

static inline size_t base_and_extra(struct bit_reader *r, uint32_t e)
{
    return (e >> 16) + take(r, e >> 4 & 15);
}

/* Symbols of a block up to its end; start is where the window begins. */
static int inflate_symbols(const struct inflate *s, struct bit_reader *reader, struct unpack *u,
                           const uint8_t *start)
{
    struct bit_reader r = *reader;
    uint8_t *out = u->out;
    const uint8_t *wide_end = wide_copy_end(out, u->out_end);
    size_t len, dist;
    uint32_t e;

    for (;;) {
        /* One refill is enough for a length and a distance: 15 + 5 + 15 + 13 bits. */
        if (unlikely(!refill(&r)))
            return -EINVAL;
        e = decode(&r, s->literals, LITERAL_BITS);
        if (e & KIND_LITERAL) {
            if (unlikely(out == u->out_end))
                return used_padding(&r) ? -EINVAL : -ENOSPC;
            *out++ = (uint8_t)(e >> 16);
            /* Or for two literals. */
            e = s->literals[r.bits & ((1u << LITERAL_BITS) - 1)];
            if ((e & KIND_LITERAL) && out < u->out_end) {
                drop(&r, e & 15);
                *out++ = (uint8_t)(e >> 16);
            }
            continue;
        }
        if (!(e & KIND_COPY))
            break;
        len = base_and_extra(&r, e);
        e = decode(&r, s->distances, DISTANCE_BITS);
        if (unlikely(!(e & KIND_COPY)))
            return -EINVAL;
        dist = base_and_extra(&r, e);
        if (unlikely(dist > (size_t)(out - start)))
            return -EINVAL;
        if (unlikely(len > (size_t)(u->out_end - out)))
            return used_padding(&r) ? -EINVAL : -ENOSPC;
        out = copy_match(out, dist, len, wide_end);
    }
    *reader = r;
    u->out = out;
    return (e & KIND_END) && !used_padding(&r) ? 0 : -EINVAL;
}

static int stored_block(struct bit_reader *r, struct unpack *u)
{
    size_t len;
    int err = give_back(r);

    if (err)
        return err;
    if (r->in_end - r->in < 4)
        return -EINVAL;
    len = get_le16(r->in);
    if (get_le16(r->in + 2) != (len ^ 0xffff))
        return -EINVAL;
    r->in += 4;
    if ((size_t)(r->in_end - r->in) < len)
        return -EINVAL;
    if (out_left(u) < len)
        return -ENOSPC;
    memcpy(u->out, r->in, len);
    u->out += len;
    r->in += len;
    return 0;
}

static int inflate(struct inflate *s, struct unpack *u)
{
    struct bit_reader r = { .in = u->in, .in_end = u->in_end };
    const uint8_t *start = u->out;
    bool last;
    int err;

    do {
        unsigned type;

        if (!refill(&r))
            return -EINVAL;
        last = take(&r, 1);
        type = take(&r, 2);
        if (type == 0) {
            err = stored_block(&r, u);
        } else {
            err = type == 1 ? fixed_tables(s) : type == 2 ? dynamic_tables(s, &r) : -EINVAL;
            if (!err)
                err = inflate_symbols(s, &r, u, start);
        }
        if (err)
            return err;
    } while (!last);
    err = give_back(&r);
    u->in = r.in;
    return err;
}

/* Skip a zero-terminated string. */
static int skip_string(struct unpack *u)
{
    while (u->in < u->in_end)
        if (!*u->in++)
            return 0;
    return -EINVAL;
}

static int skip_header(struct inflate *s, struct unpack *u)
{
    enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xe0 };
    const uint8_t *start = u->in;
    unsigned flags;

    if (in_left(u) < 10)
        return -EINVAL;
    flags = start[3];
    if (flags & RESERVED)
        return -EOPNOTSUPP;
    u->in += 10;
    if (flags & EXTRA) {
        if (in_left(u) < 2 || in_left(u) - 2 < get_le16(u->in))
            return -EINVAL;
        u->in += 2 + get_le16(u->in);
    }
    if ((flags & NAME) && skip_string(u))
        return -EINVAL;
    if ((flags & COMMENT) && skip_string(u))
        return -EINVAL;
    if (flags & HEADER_CRC) {
        uint32_t crc = crc32_add(&s->crc32, 0, start, (size_t)(u->in - start));

        if (in_left(u) < 2 || get_le16(u->in) != (crc & 0xffff))
            return -EINVAL;
        u->in += 2;
    }
    return 0;
}

static bool another_member(const struct unpack *u)
{
    return in_left(u) >= 3 && u->in[0] == 0x1f && u->in[1] == 0x8b && u->in[2] == 0x08;
}

int unpack_gzip(struct unpack *u)
{
    struct inflate *s = u->scratch;

    crc32_init(&s->crc32);
    init_symbols(s);
    s->fixed = false;
    do {
        const uint8_t *start;
        int err = skip_header(s, u);

        if (err)
            return err;
        start = u->out;
        err = inflate(s, u);
        if (err)
            return err;
        if (in_left(u) < 8 || get_le32(u->in + 4) != (uint32_t)(u->out - start) ||
            get_le32(u->in) != crc32_add(&s->crc32, 0, start, (size_t)(u->out - start)))
            return -EINVAL;
        u->in += 8;
    } while (another_member(u));
    return 0;
}
