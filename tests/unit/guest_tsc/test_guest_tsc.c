/*
 * The counters of guests: when they are emulated, at what rate, from where, and that a guest that
 * moves from machine to machine finds its count going on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/time.h>
#include <arch/domain.h>
#include <arch/guest_tsc.h>
#include <arch/processor.h>

#define SECOND 1000000000UL

uint64_t tsc_hz = 2400000123;
static s_time_t time_now;
static bool synchronised = true;

static struct arch_domain arch;
static struct domain d = { .id = 1, .arch = &arch };

s_time_t now(void)
{
    return time_now;
}

bool tsc_is_synchronised(void)
{
    return synchronised;
}

static bool emulated(uint32_t mode, uint32_t khz)
{
    assert_int_equal(guest_tsc_set(&d, mode, khz, 0, 0), 0);
    return arch.tsc.emulated;
}

static void when(void **state)
{
    (void)state;
    assert_false(emulated(TSC_MODE_DEFAULT, 0));
    assert_int_equal(arch.tsc.khz, 2400000);
    assert_false(emulated(TSC_MODE_DEFAULT, 2400000));
    assert_true(emulated(TSC_MODE_DEFAULT, 2400001));
    assert_true(emulated(TSC_MODE_ALWAYS_EMULATE, 0));
    assert_int_equal(arch.tsc.khz, 2400000);
    assert_false(emulated(TSC_MODE_NEVER_EMULATE, 1000));
    assert_int_equal(arch.tsc.khz, 2400000);
    synchronised = false;
    assert_true(emulated(TSC_MODE_DEFAULT, 0));
    assert_false(emulated(TSC_MODE_NEVER_EMULATE, 0));
    d.is_hardware = true;
    assert_false(emulated(TSC_MODE_ALWAYS_EMULATE, 1000));
    d.is_hardware = false;
    synchronised = true;
    assert_int_equal(guest_tsc_set(&d, 3, 0, 0, 0), -EINVAL);
    assert_int_equal(guest_tsc_set(&d, ~0u, 0, 0, 0), -EINVAL);
}

static void counts_by_its_own_rate(void **state)
{
    static const uint32_t rates[] = { 1, 1000, 1000000, 2399999, 2400001, 3000000, 4294967295 };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
        uint64_t start, second = rates[i] * 1000UL, passed;

        time_now = 12345 * (s_time_t)SECOND;
        assert_int_equal(guest_tsc_set(&d, TSC_MODE_DEFAULT, rates[i], 7 * SECOND, 4), 0);
        assert_true(arch.tsc.emulated);
        assert_int_equal(arch.tsc.incarnation, 5);
        start = guest_tsc_read(&d);
        assert_true(start <= 7 * second && 7 * second - start <= second / 1000000 + 1);
        time_now += 1000 * (s_time_t)SECOND;
        passed = guest_tsc_read(&d) - start;
        assert_true(passed <= 1000 * second && 1000 * second - passed <= second / 1000 + 1);
        /* What the guest makes of it is system time again. */
        passed = tsc_scale(arch.tsc.to_ns, passed);
        assert_true(passed <= 1000 * SECOND && 1000 * SECOND - passed <= SECOND / 500);
    }
}

static void never_goes_back(void **state)
{
    uint64_t before, value;

    (void)state;
    time_now = 100;
    assert_int_equal(guest_tsc_set(&d, TSC_MODE_ALWAYS_EMULATE, 1000000, 0, 0), 0);
    time_now = 5000;
    before = guest_tsc_read(&d);
    time_now = 4990; /* another CPU's view */
    assert_int_equal(guest_tsc_read(&d), before);
    time_now = 5001;
    value = guest_tsc_read(&d);
    assert_true(value > before);
    for (unsigned int i = 0; i < 10000; i++) {
        time_now += random() % 100 - 45;
        before = value;
        value = guest_tsc_read(&d);
        assert_true(value >= before);
    }
}

/* From machine to machine: what one says is what the next is told. */
static void goes_on_elsewhere(void **state)
{
    static const struct {
        uint64_t hz;
        s_time_t up;
    } machines[] = { { 2400000000, 50 }, { 3000000000, 100000 }, { 1000000000, 1 } };
    uint64_t elapsed = 0, count = 0;
    uint32_t khz = 2000000;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(machines); i++) {
        tsc_hz = machines[i].hz;
        time_now = machines[i].up * (s_time_t)SECOND;
        assert_int_equal(guest_tsc_set(&d, TSC_MODE_DEFAULT, khz, elapsed, i), 0);
        assert_true(arch.tsc.emulated);
        assert_int_equal(arch.tsc.incarnation, i + 1);
        assert_true(guest_tsc_read(&d) >= count);
        assert_true(guest_tsc_read(&d) - count < 100);
        time_now += 10 * (s_time_t)SECOND;
        count = guest_tsc_read(&d);
        guest_tsc_elapsed(&d, &khz, &elapsed);
        assert_int_equal(khz, 2000000);
        assert_int_equal(elapsed, (i + 1) * 10 * SECOND);
    }
    tsc_hz = 2400000123;
}

static void says_nothing_when_never_emulated(void **state)
{
    uint64_t elapsed = 1, before, after;
    uint32_t khz = 1;

    (void)state;
    assert_int_equal(guest_tsc_set(&d, TSC_MODE_NEVER_EMULATE, 0, 0, 0), 0);
    guest_tsc_elapsed(&d, &khz, &elapsed);
    assert_true(khz == 0 && elapsed == 0);
    /* Not emulated by default: the CPU's own count, in ns. */
    assert_int_equal(guest_tsc_set(&d, TSC_MODE_DEFAULT, 0, 99, 0), 0);
    before = rdtsc();
    assert_true(guest_tsc_read(&d) >= before);
    guest_tsc_elapsed(&d, &khz, &elapsed);
    after = rdtsc();
    assert_int_equal(khz, 2400000);
    assert_true(elapsed >= tsc_scale(arch.tsc.to_ns, before));
    assert_true(elapsed <= tsc_scale(arch.tsc.to_ns, after));
}

/* The control domain's numbers are anything: no trap, no division by zero. */
static void any_numbers(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100000; i++) {
        uint64_t elapsed = (uint64_t)random() << (random() % 34);
        uint32_t khz = (uint32_t)random() >> (random() % 32);

        time_now = random() << (random() % 20);
        if (!guest_tsc_set(&d, (uint32_t)random() % 4, khz, elapsed, (uint32_t)random()))
            (void)guest_tsc_read(&d);
        guest_tsc_elapsed(&d, &khz, &elapsed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when),
        cmocka_unit_test(counts_by_its_own_rate),
        cmocka_unit_test(never_goes_back),
        cmocka_unit_test(goes_on_elsewhere),
        cmocka_unit_test(says_nothing_when_never_emulated),
        cmocka_unit_test(any_numbers),
    };

    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
