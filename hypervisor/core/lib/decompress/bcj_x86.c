/*
 * The x86 branch filter of .xz, decoding direction. Called by xz.c on a block that has been
 * unpacked.
 *
 * The encoder turned the relative operand of each CALL (E8) and JMP (E9) into an absolute one, so
 * that calls of one function look alike; this turns them back. An operand counts if its top byte is
 * 00 or FF. The difficulty is only in what follows an opcode byte that did not count: its would-be
 * operand may contain the next opcode, and the encoder's rules for that must be followed exactly.
 */
#include "internal.h"

#define ONES 0x0101010101010101ull

static bool is_opcode(uint8_t b)
{
    return (b & 0xfe) == 0xe8;
}

static bool is_sign(uint8_t b)
{
    return b == 0x00 || b == 0xff;
}

/* First opcode in [p, end), or end. */
static uint8_t *find_opcode(uint8_t *p, uint8_t *end)
{
    /* Most words of a kernel are zeros, text, and the like: all bytes below 80. */
    for (; end - p >= 8; p += 8) {
        uint64_t word = get_le64(p), v, zero;

        if (likely(!(word & (0x80 * ONES))))
            continue;
        /* Bytes that match become 0; the lowest byte flagged by the subtraction is a true one. */
        v = (word & ~ONES) ^ (0xe8 * ONES);
        zero = (v - ONES) & ~v & (0x80 * ONES);
        if (zero)
            return p + (__builtin_ctzll(zero) >> 3);
    }
    while (p < end && !is_opcode(*p))
        p++;
    return p;
}

/*
 * Operand src of an instruction that ends at address next. behind: how far back lies an opcode that
 * did not count, 1 to 3, or 0 if none does. The byte of the operand that such an opcode would take
 * as its top byte is known not to be 00 or FF here; if it is in the result, the encoder has
 * complemented the bits up to it. Done twice, the subtraction yields the complement of that byte of
 * src, so once is enough.
 */
static uint32_t relative(uint32_t src, uint32_t next, unsigned behind)
{
    uint32_t dest = src - next;

    if (behind) {
        unsigned shift = 24 - 8 * behind;

        if (is_sign((uint8_t)(dest >> shift)))
            dest = (dest ^ ((0x100u << shift) - 1)) - next;
    }
    /* Bit 24 is the sign of the 25 bits that the filter keeps. */
    return (dest & 0x01ffffff) | (0 - (dest & 0x01000000));
}

void bcj_x86_decode(uint8_t *buf, size_t len, uint32_t start)
{
    /* Bit n: the byte n + 1 before p is an opcode that did not count. */
    unsigned missed = 0;
    uint8_t *p = buf, *end;

    if (len < 5)
        return;
    for (end = buf + len - 4; p < end;) {
        uint8_t *op = find_opcode(p, end);
        unsigned behind;

        missed = op - p < 3 ? missed << (op - p) & 7 : 0;
        p = op;
        if (p == end)
            return;

        /* 1 -> 1, 2 -> 2, 4 -> 3: distance of the only missed opcode. */
        behind = missed - (missed >> 2);
        if ((missed & (missed - 1)) || !is_sign(p[4]) || (behind && is_sign(p[4 - behind]))) {
            missed = (missed << 1 | 1) & 7;
            p++;
        } else {
            put_le32(p + 1, relative(get_le32(p + 1), start + (uint32_t)(p - buf) + 5, behind));
            missed = 0;
            p += 5;
        }
    }
}
