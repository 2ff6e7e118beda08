/* The command line: forms of options, values, quotes, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/printk.h>

static bool feature, other_feature;
static unsigned int number;
static uint64_t bytes;
static char text[16];
static char custom[64];
static int custom_calls;

static int parse_custom(const char *value)
{
    custom_calls++;
    snprintf(custom, sizeof(custom), "%s", value);
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

BOOL_OPTION("feature", feature, "a switch");
BOOL_OPTION("no-watchdog_other", other_feature, "a switch with no- in its name");
UINT_OPTION("dom0_max_vcpus", number, "a number");
SIZE_OPTION("ring-size", bytes, "a size");
STRING_OPTION("text", text, "some text");
CUSTOM_OPTION("dom0_mem", parse_custom, "something of its own");

/* What the parser said, all of it. */
static char said[4096];
static unsigned int messages;

void printk(enum log_level level, const char *fmt, ...)
{
    size_t len = strlen(said);
    va_list args;

    (void)level;
    messages++;
    va_start(args, fmt);
    vsnprintf(said + len, sizeof(said) - len, fmt, args);
    va_end(args);
}

void printk_raw(const char *fmt, ...)
{
    size_t len = strlen(said);
    va_list args;

    va_start(args, fmt);
    vsnprintf(said + len, sizeof(said) - len, fmt, args);
    va_end(args);
}

static int setup(void **state)
{
    (void)state;
    feature = other_feature = false;
    number = 0;
    bytes = 0;
    text[0] = custom[0] = said[0] = '\0';
    messages = 0;
    custom_calls = 0;
    return 0;
}

static void test_bool_forms(void **state)
{
    static const struct {
        const char *line;
        bool value;
    } cases[] = {
        { "feature", true },
        { "feature=on", true },
        { "feature=yes", true },
        { "feature=1", true },
        { "feature=true", true },
        { "feature=enable", true },
        { "feature=off", false },
        { "feature=no", false },
        { "feature=0", false },
        { "feature=false", false },
        { "feature=disable", false },
        { "no-feature", false },
        { "no_feature", false },
        { "no-feature=off", true },
        { "feature no-feature", false },
        { "no-feature feature", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        feature = !cases[i].value;
        cmdline_parse(cases[i].line);
        if (feature != cases[i].value || messages)
            fail_msg("\"%s\" gave %d, %u messages", cases[i].line, feature, messages);
    }
}

static void test_dash_equals_underscore(void **state)
{
    (void)state;
    cmdline_parse("dom0-max-vcpus=4 ring_size=8k no_watchdog-other dom0-mem=1G");
    assert_int_equal(number, 4);
    assert_int_equal(bytes, 8192);
    assert_true(other_feature);
    assert_string_equal(custom, "1G");
    assert_int_equal(messages, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    cmdline_parse("dom0_max_vcpus=0x10");
    assert_int_equal(number, 16);
    cmdline_parse("dom0_max_vcpus=4294967295");
    assert_int_equal(number, UINT32_MAX);
    assert_int_equal(messages, 0);
    cmdline_parse("dom0_max_vcpus=4294967296 dom0_max_vcpus=-1 dom0_max_vcpus= dom0_max_vcpus "
                  "dom0_max_vcpus=4x dom0_max_vcpus=99999999999999999999999");
    assert_int_equal(number, UINT32_MAX);
    assert_int_equal(messages, 6);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *s;
        uint64_t value;
        size_t read;
    } cases[] = {
        { "512M", 512UL << 20, 4 },
        { "2G", 2UL << 30, 2 },
        { "64k", 65536, 3 },
        { "1T", 1UL << 40, 2 },
        { "10B", 10, 3 },
        { "0x1000", 4096 * 1024, 6 },
        { "4", 4096, 1 },
        { "16,max:3", 16384, 2 },
        { "1Mx", 1UL << 20, 2 },
        { "", 0, 0 },
        { "G", 0, 0 },
        { "-5", 0, 0 },
        { "99999999999999999999", UINT64_MAX, 20 },
        { "20000000T", UINT64_MAX, 9 },
        { "0xfffffffffffffffff", UINT64_MAX, 19 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *end;
        uint64_t value = parse_size(cases[i].s, &end, 1024);

        if (value != cases[i].value || (size_t)(end - cases[i].s) != cases[i].read)
            fail_msg("\"%s\" gave %lu, read %zu", cases[i].s, value, (size_t)(end - cases[i].s));
    }
}

static void test_size_option(void **state)
{
    (void)state;
    cmdline_parse("ring-size=1M");
    assert_int_equal(bytes, 1 << 20);
    cmdline_parse("ring-size=64");
    assert_int_equal(bytes, 65536);
    cmdline_parse("ring-size=64kk ring-size=big");
    assert_int_equal(bytes, 65536);
    assert_int_equal(messages, 2);
}

static void test_strings_and_quotes(void **state)
{
    (void)state;
    cmdline_parse("text=abc");
    assert_string_equal(text, "abc");
    cmdline_parse("text=\"a b  c\" feature");
    assert_string_equal(text, "a b  c");
    assert_true(feature);
    cmdline_parse("\"text=x y\"");
    assert_string_equal(text, "x y");
    cmdline_parse("text='it\"s'");
    assert_string_equal(text, "it\"s");
    cmdline_parse("text=15characterslng");
    assert_string_equal(text, "15characterslng");
    assert_int_equal(messages, 0);
    cmdline_parse("text=16characterslong");
    assert_string_equal(text, "15characterslng");
    assert_int_equal(messages, 1);
    cmdline_parse("text=\"never ends");
    assert_string_equal(text, "never ends");
}

static void test_custom(void **state)
{
    (void)state;
    cmdline_parse("dom0_mem=512M,max:1G");
    assert_string_equal(custom, "512M,max:1G");
    cmdline_parse("dom0_mem");
    assert_string_equal(custom, "");
    cmdline_parse("no-dom0_mem");
    assert_string_equal(custom, "no");
    assert_int_equal(messages, 0);
    cmdline_parse("dom0_mem=bad");
    assert_int_equal(messages, 1);
    assert_non_null(strstr(said, "\"dom0_mem=bad\""));
    assert_int_equal(custom_calls, 4);
}

static void test_unknown_is_reported_and_skipped(void **state)
{
    (void)state;
    cmdline_parse("bogus=1 feature nonsense featur features= dom0_max_vcpus=2");
    assert_true(feature);
    assert_int_equal(number, 2);
    assert_int_equal(messages, 4);
    assert_non_null(strstr(said, "\"bogus=1\""));
    assert_non_null(strstr(said, "\"nonsense\""));
}

static void test_blanks_and_end(void **state)
{
    (void)state;
    cmdline_parse("");
    cmdline_parse("   \t \n");
    cmdline_parse("  feature   dom0_max_vcpus=3\n");
    assert_true(feature);
    assert_int_equal(number, 3);
    cmdline_parse("dom0_max_vcpus=4 -- dom0_max_vcpus=5 console=hvc0 unknown");
    assert_int_equal(number, 4);
    assert_int_equal(messages, 0);
}

static void test_too_long(void **state)
{
    char *line = malloc(5000);

    (void)state;
    memset(line, 'x', 4900);
    strcpy(line + 4900, " feature");
    cmdline_parse(line);
    assert_true(feature);
    assert_int_equal(messages, 1);
    free(line);
}

static void test_random_lines(void **state)
{
    static const char alphabet[] = "featur=-_ \"'no0x19kMtxdm,\n\x80\xff";
    char *line;

    (void)state;
    srand(2);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)rand() % 200;

        line = malloc(len + 1);
        for (size_t j = 0; j < len; j++)
            line[j] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        line[len] = '\0';
        said[0] = '\0';
        cmdline_parse(line);
        free(line);
    }
}

static void test_help_lists_all(void **state)
{
    static const char *const names[] = { "feature",        "no-watchdog_other",
                                         "dom0_max_vcpus", "ring-size",
                                         "text",           "dom0_mem" };

    (void)state;
    cmdline_print_help();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr(said, names[i]));
    assert_non_null(strstr(said, "something of its own"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_bool_forms, setup),
        cmocka_unit_test_setup(test_dash_equals_underscore, setup),
        cmocka_unit_test_setup(test_numbers, setup),
        cmocka_unit_test_setup(test_sizes, setup),
        cmocka_unit_test_setup(test_size_option, setup),
        cmocka_unit_test_setup(test_strings_and_quotes, setup),
        cmocka_unit_test_setup(test_custom, setup),
        cmocka_unit_test_setup(test_unknown_is_reported_and_skipped, setup),
        cmocka_unit_test_setup(test_blanks_and_end, setup),
        cmocka_unit_test_setup(test_too_long, setup),
        cmocka_unit_test_setup(test_random_lines, setup),
        cmocka_unit_test_setup(test_help_lists_all, setup),
    };

    return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
