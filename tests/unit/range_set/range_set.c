/* Sets of ranges against a plain array of bits, and their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/range_set.h>
#include <arch/percpu.h>
#include "../fake/hv.h"

static struct range_set *set;

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    fake_alloc_fail_at = fake_allocs = 0;
    set = range_set_create("test");
    return set ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    fake_alloc_fail_at = 0;
    range_set_destroy(set);
    return fake_alloc_live;
}

static const char *printed(void)
{
    fake_said[0] = 0;
    range_set_print(set);
    return fake_said;
}

static void neighbours_merge(void **state)
{
    (void)state;
    assert_int_equal(range_set_add(set, 0x10, 0x1f), 0);
    assert_int_equal(range_set_add(set, 0x30, 0x3f), 0);
    assert_string_equal(printed(), "test: 10-1f 30-3f\n");
    assert_int_equal(range_set_add(set, 0x20, 0x2f), 0);
    assert_string_equal(printed(), "test: 10-3f\n");
    assert_true(range_set_contains(set, 0x10, 0x3f));
    assert_false(range_set_contains(set, 0xf, 0x10));
    assert_false(range_set_contains(set, 0x3f, 0x40));
    assert_int_equal(range_set_remove(set, 0x18, 0x18), 0);
    assert_string_equal(printed(), "test: 10-17 19-3f\n");
    assert_int_equal(range_set_remove(set, 0, 0x19), 0);
    assert_string_equal(printed(), "test: 1a-3f\n");
}

static void the_ends_of_the_numbers(void **state)
{
    (void)state;
    assert_int_equal(range_set_add(set, 0, 0), 0);
    assert_int_equal(range_set_add(set, UINT64_MAX, UINT64_MAX), 0);
    assert_true(range_set_contains(set, 0, 0));
    assert_true(range_set_contains(set, UINT64_MAX, UINT64_MAX));
    assert_false(range_set_contains(set, 0, UINT64_MAX));
    assert_int_equal(range_set_add(set, 1, UINT64_MAX - 1), 0);
    assert_true(range_set_contains(set, 0, UINT64_MAX));
    assert_int_equal(range_set_remove(set, 0, UINT64_MAX), 0);
    assert_string_equal(printed(), "test:\n");
    assert_false(range_set_contains(set, 0, 0));
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(range_set_add(set, 2, 1), -EINVAL);
    assert_int_equal(range_set_remove(set, 2, 1), -EINVAL);
    assert_false(range_set_contains(set, 2, 1));
}

static void at_most_4096(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4096; i++)
        assert_int_equal(range_set_add(set, 4 * i, 4 * i + 2), 0);
    assert_int_equal(range_set_add(set, 1 << 20, 1 << 20), -ENOSPC);
    assert_int_equal(range_set_remove(set, 1, 1), -ENOSPC);
    /* What does not need another range still works. */
    assert_int_equal(range_set_add(set, 3, 3), 0);
    assert_int_equal(range_set_remove(set, 1, 1), 0);
    assert_int_equal(range_set_add(set, 1 << 20, 1 << 20), -ENOSPC);
    assert_true(range_set_contains(set, 4 * 4095, 4 * 4095 + 2));
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(range_set_add(set, 4 * i, 4 * i + 2), 0);
    fake_alloc_fail_at = 1;
    assert_int_equal(range_set_add(set, 100, 100), -ENOMEM);
    assert_int_equal(range_set_remove(set, 1, 1), -ENOMEM);
    assert_true(range_set_contains(set, 0, 2));
    assert_false(range_set_contains(set, 100, 100));
    assert_int_equal(range_set_remove(set, 0, 2), 0);
}

#define SPAN 512

static void as_bits_do(void **state)
{
    static bool bit[SPAN];

    (void)state;
    srand(1);
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int first = (unsigned int)rand() % SPAN;
        unsigned int last = first + (unsigned int)rand() % (SPAN - first);
        bool all = true;

        if (rand() % 4)
            last = min(last, first + (unsigned int)rand() % 8);
        switch (rand() % 3) {
        case 0:
            assert_int_equal(range_set_add(set, first, last), 0);
            memset(bit + first, 1, last - first + 1);
            break;
        case 1:
            assert_int_equal(range_set_remove(set, first, last), 0);
            memset(bit + first, 0, last - first + 1);
            break;
        default:
            for (unsigned int i = first; i <= last; i++)
                all &= bit[i];
            assert_int_equal(range_set_contains(set, first, last), all);
        }
    }
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(neighbours_merge), CASE(the_ends_of_the_numbers),   CASE(nonsense_is_refused),
        CASE(at_most_4096),     CASE(no_memory_changes_nothing), CASE(as_bits_do),
    };

    return cmocka_run_group_tests_name("range_set", tests, NULL, NULL);
}
