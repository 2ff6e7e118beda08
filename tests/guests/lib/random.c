/*
 * Pseudo-random numbers: xorshift64 with a multiplicative finish. Not for secrets, only for tests
 * that must repeat exactly from a printed seed.
 */
#include "guest.h"

static uint64_t state = 88172645463325252ull;

void random_seed(uint64_t seed)
{
    state = seed ? seed : 1;
    for (int i = 0; i < 8; i++)
        random_next();
}

uint64_t random_next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

uint64_t random_below(uint64_t limit)
{
    return (random_next() >> 16) % limit;
}
