/* Scaling between counters: exact against 128-bit arithmetic, no drift, what guests compute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arch/tsc.h>

static const uint64_t rates[] = {
    1,          1000,       32768,      1193182,    3579545,     14318180,   62500000,
    100000000,  999999999,  1000000000, 1000000001, 1996250000,  2400000000, 2999999999,
    3000000000, 4294967295, 4294967296, 5700000000, 10000000000,
};

static uint64_t exact(uint64_t value, uint64_t to, uint64_t from)
{
    return (uint64_t)((unsigned __int128)value * to / from);
}

/* The multiplier has 32 significant bits: never above the true value, below it by 2^-31 at most. */
static void close_enough(uint64_t got, uint64_t want)
{
    assert_true(got <= want);
    assert_true(want - got <= (want >> 31) + 2);
}

static void ticks_to_nanoseconds(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
        struct tsc_scale s = tsc_scale_make(1000000000, rates[i]);

        for (uint64_t second = 1; second <= 100000000; second *= 10)
            close_enough(tsc_scale(s, rates[i] * second),
                         exact(rates[i] * second, 1000000000, rates[i]));
    }
}

static void nanoseconds_to_ticks(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
        struct tsc_scale s = tsc_scale_make(rates[i], 1000000000);

        for (uint64_t ns = 1; ns <= 1000000000000000; ns *= 1000)
            close_enough(tsc_scale(s, ns), exact(ns, rates[i], 1000000000));
    }
}

static void equal_rates_keep_every_tick(void **state)
{
    struct tsc_scale s = tsc_scale_make(1000000000, 1000000000);

    (void)state;
    assert_int_equal(tsc_scale(s, 0), 0);
    assert_int_equal(tsc_scale(s, 123456789), 123456789);
    assert_int_equal(tsc_scale(s, UINT64_MAX / 2), UINT64_MAX / 2);
}

static void multiplier_is_normalised(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++)
        assert_true(tsc_scale_make(1000000000, rates[i]).mul >> 31);
}

static void random_pairs(void **state)
{
    (void)state;
    srandom(1);
    for (unsigned int i = 0; i < 100000; i++) {
        uint64_t to = 1 + (uint64_t)random() * (1 + (uint64_t)random() % 8);
        uint64_t from = 1 + (uint64_t)random() * (1 + (uint64_t)random() % 8);
        uint64_t value = (uint64_t)random() << (random() % 8);

        if (to / from >> 20)
            continue;
        close_enough(tsc_scale(tsc_scale_make(to, from), value), exact(value, to, from));
    }
}

static void time_never_goes_back(void **state)
{
    struct tsc_scale s = tsc_scale_make(1000000000, 2996412345);
    uint64_t before = 0;

    (void)state;
    for (uint64_t tsc = 0; tsc < 1000000; tsc += 7) {
        assert_true(tsc_scale(s, tsc) >= before);
        before = tsc_scale(s, tsc);
    }
}

/* A guest shifts before it multiplies, and adds a stamp: it must not be ahead of a later stamp. */
static uint64_t guest_time(struct tsc_scale s, uint64_t stamp_tsc, uint64_t stamp_ns, uint64_t tsc)
{
    uint64_t delta = tsc - stamp_tsc;

    delta = s.shift < 0 ? delta >> -s.shift : delta << s.shift;
    return stamp_ns + (uint64_t)(((unsigned __int128)delta * s.mul) >> 32);
}

static void guest_is_never_ahead_of_the_next_stamp(void **state)
{
    (void)state;
    for (unsigned int i = 6; i < ARRAY_SIZE(rates); i++) {
        struct tsc_scale s = tsc_scale_make(1000000000, rates[i]);

        for (uint64_t stamp = 12345; stamp < rates[i]; stamp += rates[i] / 97) {
            uint64_t tsc = stamp + rates[i] / 3 + 1;

            assert_true(guest_time(s, stamp, tsc_scale(s, stamp), tsc) <= tsc_scale(s, tsc));
            assert_true(tsc_scale(s, tsc) - guest_time(s, stamp, tsc_scale(s, stamp), tsc) <= 3);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_to_nanoseconds),
        cmocka_unit_test(nanoseconds_to_ticks),
        cmocka_unit_test(equal_rates_keep_every_tick),
        cmocka_unit_test(multiplier_is_normalised),
        cmocka_unit_test(random_pairs),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(guest_is_never_ahead_of_the_next_stamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
