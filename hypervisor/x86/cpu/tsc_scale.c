/*
 * Fixed-point scaling as vcpu_time_info defines it: ((value << shift) * mul) >> 32, a negative
 * shift going right. Pure: unit-tested on the host, used by time.c and lapic.c.
 */
#include <arch/tsc.h>

struct tsc_scale tsc_scale_make(uint64_t to, uint64_t from)
{
    struct tsc_scale s = { 0, 0 };
    uint64_t fraction = 0;

    /* Bring to/from into [1/2, 1) so that all 32 bits of the multiplier carry information. */
    while (to >= from && s.shift < 31) {
        if (from >> 63)
            to >>= 1;
        else
            from <<= 1;
        s.shift++;
    }
    while (to < from - to && s.shift > -32) {
        to <<= 1; /* to < from / 2: no overflow */
        s.shift--;
    }
    /* fraction = to * 2^32 / from, bit by bit: no 128-bit division in a freestanding image. */
    for (unsigned int i = 0; i < 32; i++) {
        bool carry = to >> 63;

        to <<= 1;
        fraction <<= 1;
        if (carry || to >= from) {
            to -= from;
            fraction |= 1;
        }
    }
    s.mul = (uint32_t)fraction;
    return s;
}

uint64_t tsc_scale(struct tsc_scale s, uint64_t value)
{
    unsigned __int128 product = (unsigned __int128)value * s.mul;

    /* One shift of the whole product instead of one before: keeps the bits that a right shift of
     * `value` would lose. */
    return (uint64_t)(product >> (32 - s.shift));
}
