/* The formatter: its subset of printf against the C library's own, and where it must differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/printk.h>

/* The executable's snprintf is ours; the library's is reached through a stream. */
static void library_format(char *buf, size_t size, const char *fmt, ...)
{
    FILE *f = fmemopen(buf, size, "w");
    va_list args;

    va_start(args, fmt);
    vfprintf(f, fmt, args);
    va_end(args);
    fclose(f);
}

/* Through a pointer: the compiler must neither fold the call nor judge it. */
static int (*volatile const ours)(char *buf, size_t size, const char *fmt, ...) = snprintf;

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours_[512] = "", theirs_[512] = "";                                                   \
        int len_ = ours(ours_, sizeof(ours_), __VA_ARGS__);                                        \
        library_format(theirs_, sizeof(theirs_), __VA_ARGS__);                                     \
        assert_string_equal(ours_, theirs_);                                                       \
        assert_int_equal(len_, (int)strlen(theirs_));                                              \
    } while (0)

static void test_plain(void **state)
{
    (void)state;
    SAME("nothing to do");
    SAME("100%% %c%c", 'o', 'k');
    SAME("%s|%10s|%-10s|%.2s|%10.3s|%*s|%-*s|", "abc", "abc", "abc", "abc", "abcdef", 6, "x", 6,
         "y");
    SAME("%*d|%*d|%.*d|", 8, 42, -8, 42, 5, 42);
    SAME("%d %i %u", -1, INT32_MIN, UINT32_MAX);
    SAME("%ld %lu %lx %lX", INT64_MIN, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    SAME("%lld %llu", -5LL, 5ULL);
    SAME("%hhd %hhu %hd %hu", 200, 300, 40000, 70000);
    SAME("%zu %zd %td", sizeof(int), (ssize_t)-3, (ptrdiff_t)-4);
    SAME("%#x %#X %#o %#x %#o", 255, 255, 8, 0, 0);
    SAME("%+d % d %+d % d", 5, 5, -5, -5);
    SAME("%.0d|%.0x|%5.0d|", 0, 0, 0);
}

/* A bounded string need not end. */
static void test_precision_bounds_reading(void **state)
{
    char *four = malloc(4);

    (void)state;
    memcpy(four, "abcd", 4);
    SAME("%.4s", four);
    free(four);
}

static void random_spec(char *spec, char conversion)
{
    static const char flags[] = "-0#+ ";
    size_t len = 0;

    spec[len++] = '%';
    for (int i = rand() % 4; i; i--)
        spec[len++] = flags[rand() % 5];
    if (rand() % 2)
        len += (size_t)sprintf(spec + len, "%d", 1 + rand() % 30);
    if (rand() % 2)
        len += (size_t)sprintf(spec + len, ".%d", rand() % 25);
    spec[len++] = 'l';
    spec[len++] = conversion;
    spec[len] = '\0';
}

static void test_random_numbers(void **state)
{
    static const char conversions[] = "dioxXu";
    char spec[64], mine[128], theirs[128];

    (void)state;
    srand(1);
    for (int i = 0; i < 50000; i++) {
        uint64_t value = (uint64_t)rand() << (rand() % 34) ^ (uint64_t)rand();

        random_spec(spec, conversions[rand() % 6]);
        if (i % 7 == 0)
            value = 0;
        if (i % 5 == 0)
            value = -value;
        memset(theirs, 0, sizeof(theirs));
        ours(mine, sizeof(mine), spec, value);
        library_format(theirs, sizeof(theirs), spec, value);
        if (strcmp(mine, theirs))
            fail_msg("%s of %lu: \"%s\", expected \"%s\"", spec, value, mine, theirs);
    }
}

/* What is not in the subset stands as it is, and takes no argument. */
static void test_unknown(void **state)
{
    char buf[64];

    (void)state;
    ours(buf, sizeof(buf), "%d %n %s", 1, NULL, NULL);
    assert_string_equal(buf, "1 %n %s");
    ours(buf, sizeof(buf), "%d %", 7);
    assert_string_equal(buf, "7 %");
    ours(buf, sizeof(buf), "%s", (char *)NULL);
    assert_string_equal(buf, "(null)");
}

static void test_pointer(void **state)
{
    char buf[64];

    (void)state;
    ours(buf, sizeof(buf), "%p", (void *)0xffff828000201000);
    assert_string_equal(buf, "0xffff828000201000");
    ours(buf, sizeof(buf), "%p", NULL);
    assert_string_equal(buf, "0x0000000000000000");
}

static void test_truncation(void **state)
{
    char buf[8] = "#######";

    (void)state;
    assert_int_equal(ours(buf, 4, "%s", "abcdef"), 6);
    assert_string_equal(buf, "abc");
    assert_int_equal(buf[4], '#');
    assert_int_equal(ours(buf, 1, "%d", 12345), 5);
    assert_string_equal(buf, "");
    assert_int_equal(ours(NULL, 0, "%100d", 1), 100);
}

/* Absurd widths are cut, not obeyed for minutes. */
static void test_width_is_bounded(void **state)
{
    static char buf[8192];

    (void)state;
    assert_int_equal(ours(buf, sizeof(buf), "%*d", INT32_MAX, 1), 4096);
    assert_int_equal(ours(buf, sizeof(buf), "%*d", INT32_MIN, 1), 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_precision_bounds_reading),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_pointer),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_width_is_bounded),
    };

    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
