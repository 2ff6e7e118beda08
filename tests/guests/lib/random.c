/*
 * Pseudo-random numbers: xorshift64 with a multiplicative finish. Not for secrets, only for tests
 * that must repeat exactly from a printed seed.
 */
#include "guest.h"

static uint64_t states[MAX_GUEST_VCPUS];

/* Each vCPU has a sequence of its own. */
static uint64_t *state(void)
{
    return &states[vcpu_id()];
}

void random_seed(uint64_t seed)
{
    *state() = seed ? seed : 1;
    for (int i = 0; i < 8; i++)
        random_next();
}

uint64_t random_next(void)
{
    uint64_t value = *state();

    if (!value)
        value = 88172645463325252ull;
    value ^= value >> 12;
    value ^= value << 25;
    value ^= value >> 27;
    *state() = value;
    return value * 0x2545f4914f6cdd1dull;
}

uint64_t random_below(uint64_t limit)
{
    return (random_next() >> 16) % limit;
}
