/*
 * Memory maps of PV guests with the holes of the machine's: whatever the machine's, the guest's has
 * all of its memory, only where the machine has some or above 4 GiB, sorted, without overlaps, and
 * all that the machine has reserved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "builder/internal.h"

#define ROOM 64
#define M    (1ull << 20)
#define G    (1ull << 30)

/* A PC with 8 GiB, 2 of them below its holes */
static const struct xc_e820_entry pc[] = {
    { 0, 0x9fc00, 1 },       { 0x9fc00, 0x400, 2 },   { 0xf0000, 0x10000, 2 },
    { M, 2 * G - 2 * M, 1 }, { 2 * G - M, M / 2, 3 }, { 2 * G - M / 2, M / 2 + 0x10, 4 },
    { 3 * G, 16 * M, 2 },    { 4 * G, 6 * G, 1 },
};
#define PC_ROWS (sizeof(pc) / sizeof(*pc))

static void expect(const struct xc_e820_entry *host, unsigned int rows, uint64_t memory,
                   const struct xc_e820_entry *expected, unsigned int count)
{
    struct xc_e820_entry map[ROOM];

    assert_int_equal(e820_like_host(host, rows, memory, map, ROOM), count);
    for (unsigned int i = 0; i < count; i++) {
        assert_int_equal(map[i].start, expected[i].start);
        assert_int_equal(map[i].size, expected[i].size);
        assert_int_equal(map[i].type, expected[i].type);
    }
}

static void a_small_guest_ends_below_the_holes(void **state)
{
    static const struct xc_e820_entry map[] = {
        { 0, 128 * M, 1 },       { 128 * M, 2 * G - 129 * M, 5 },
        { 2 * G - M, M / 2, 3 }, { 2 * G - M / 2, M / 2 + 0x1000, 4 },
        { 3 * G, 16 * M, 2 },
    };

    (void)state;
    expect(pc, PC_ROWS, 128 * M, map, 5);
}

static void a_large_guest_goes_on_above_them(void **state)
{
    static const struct xc_e820_entry map[] = {
        { 0, 2 * G - M, 1 },  { 2 * G - M, M / 2, 3 }, { 2 * G - M / 2, M / 2 + 0x1000, 4 },
        { 3 * G, 16 * M, 2 }, { 4 * G, 2 * G + M, 1 },
    };

    (void)state;
    expect(pc, PC_ROWS, 4 * G, map, 5);
}

static void it_may_have_more_than_the_machine(void **state)
{
    static const struct xc_e820_entry host[] = { { 4 * G, M, 1 }, { 5 * G, G, 2 }, { M, M, 1 } };
    static const struct xc_e820_entry map[] = {
        { 0, 2 * M, 1 }, { 4 * G, M, 1 }, { 5 * G, G, 2 }, { 6 * G, G - 3 * M, 1 }
    };
    static const struct xc_e820_entry none[] = { { 0, M, 1 }, { 4 * G, G - M, 1 } };

    (void)state;
    expect(host, 3, G, map, 4);
    expect(NULL, 0, G, none, 2);
}

static void one_that_is_too_long_is_refused(void **state)
{
    struct xc_e820_entry map[ROOM];

    (void)state;
    assert_int_equal(e820_like_host(pc, PC_ROWS, 4 * G, map, 5), 0);
    assert_int_equal(e820_like_host(pc, PC_ROWS, 4 * G, map, 6), 5);
}

static bool is_reserved(const struct xc_e820_entry *host, unsigned int rows, uint64_t start,
                        uint64_t end)
{
    for (unsigned int i = 0; i < rows; i++)
        if (host[i].type != E820_RAM && host[i].start + host[i].size > M && host[i].start < end &&
            host[i].start + host[i].size > start)
            return true;
    return false;
}

/* Tables as no firmware has them, too: overlapping, empty, unaligned, at the end of the world */
static void any_map_gives_one_that_can_be_used(void **state)
{
    struct xc_e820_entry host[12], map[ROOM];

    (void)state;
    srand(1);
    for (unsigned int n = 0; n < 20000; n++) {
        unsigned int rows = (unsigned int)rand() % 12;
        uint64_t memory = (uint64_t)(1 + rand() % 2000) * M, sum = 0, end = 0;
        unsigned int count;

        for (unsigned int i = 0; i < rows; i++)
            host[i] = (struct xc_e820_entry){ (uint64_t)rand() << (rand() % 8),
                                              (uint64_t)rand() >> (rand() % 30),
                                              1 + (uint32_t)rand() % 4 };
        if (rows && n % 10 == 0)
            host[rows - 1].size = ~0ull;
        count = e820_like_host(host, rows, memory, map, ROOM);
        assert_in_range(count, 1, ROOM - 1);
        for (unsigned int i = 0; i < count; i++) {
            assert_true(map[i].size && map[i].start >= end);
            assert_false((map[i].start | map[i].size) & (XC_PAGE_SIZE - 1));
            end = map[i].start + map[i].size;
            assert_true(end > map[i].start);
            sum += map[i].type == E820_RAM ? map[i].size : 0;
        }
        assert_int_equal(sum, memory);
    }
}

static void memory_is_never_where_the_machine_has_something_else(void **state)
{
    struct xc_e820_entry host[12], map[ROOM];

    (void)state;
    srand(2);
    for (unsigned int n = 0; n < 20000; n++) {
        unsigned int rows = (unsigned int)rand() % 12, count;
        uint64_t at = (uint64_t)rand() >> (rand() % 30);

        for (unsigned int i = 0; i < rows; i++) {
            at += rand() % 2 ? (uint64_t)rand() : 0;
            host[i] = (struct xc_e820_entry){ at, (uint64_t)rand(), 1 + (uint32_t)rand() % 4 };
            at += host[i].size;
        }
        count = e820_like_host(host, rows, (uint64_t)rand() << 4, map, ROOM);
        for (unsigned int i = 0; i < count; i++)
            if (map[i].type == E820_RAM && map[i].start >= M)
                assert_false(is_reserved(host, rows, map[i].start, map[i].start + map[i].size));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_guest_ends_below_the_holes),
        cmocka_unit_test(a_large_guest_goes_on_above_them),
        cmocka_unit_test(it_may_have_more_than_the_machine),
        cmocka_unit_test(one_that_is_too_long_is_refused),
        cmocka_unit_test(any_map_gives_one_that_can_be_used),
        cmocka_unit_test(memory_is_never_where_the_machine_has_something_else),
    };

    return cmocka_run_group_tests_name("e820", tests, NULL, NULL);
}
