/* The compiler calls this for __builtin_popcountl() where it may not use an instruction. */
#include <stdint.h>

int __popcountdi2(uint64_t v);

int __popcountdi2(uint64_t v)
{
    v -= v >> 1 & 0x5555555555555555; /* sums of 2 bits, of 4, of 8, then of all bytes */
    v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
    v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)(v * 0x0101010101010101 >> 56);
}
