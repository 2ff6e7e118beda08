/*
 * What psr-* print of a host that has all of it (fake.c), which no machine of the tests has: as
 * tables, and as JSON of the same.
 */
#include <setjmp.h>
#include "xl/xl.h"
#include "xl/commands.h"
#include <cmocka.h>
#include <yajl/yajl_tree.h>

struct session xl;

/* xl ends before it would have to free what it made */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* printed: by a command that succeeds */
static char *printed(int (*run)(const struct args *args), bool json, char *word, int status)
{
    static const struct command command = { .name = "psr" };
    char *words[] = { word, NULL }, *text;
    struct args args = { .command = &command, .words = words, .count = word != NULL, .json = json };
    FILE *terminal = stdout;
    size_t length;

    stdout = open_memstream(&text, &length);
    assert_non_null(stdout);
    int result = run(&args);

    fclose(stdout);
    stdout = terminal;
    assert_int_equal(result, status);
    return text;
}

/* at: the text or number that JSON has at a path, like "domains.0.name" */
static const char *at(yajl_val value, const char *path)
{
    char **names = split(path, '.');

    for (int i = 0; names[i]; i++) {
        const char *name[] = { names[i], NULL };

        if (YAJL_IS_ARRAY(value)) {
            assert_true((size_t)atoi(names[i]) < YAJL_GET_ARRAY(value)->len);
            value = YAJL_GET_ARRAY(value)->values[atoi(names[i])];
        } else {
            value = yajl_tree_get(value, name, yajl_t_any);
        }
        if (!value)
            fail_msg("no %s in %s", names[i], path);
    }
    return YAJL_IS_NUMBER(value) ? YAJL_GET_NUMBER(value) : YAJL_GET_STRING(value);
}

static yajl_val parsed(const char *text)
{
    char why[200] = "";
    yajl_val value = yajl_tree_parse(text, why, sizeof(why));

    if (!value)
        fail_msg("%s in %s", why, text);
    return value;
}

static void hwinfo(void **state)
{
    (void)state;
    assert_string_equal(printed(run_psr_hwinfo, false, NULL, 0),
                        "Cache Monitoring Technology (CMT):\n"
                        "Enabled         : 1\n"
                        "Total RMID      : 71\n"
                        "Supported monitor types:\n"
                        "cache-occupancy\n"
                        "total-mem-bandwidth\n"
                        "Cache Allocation Technology (CAT): L3\n"
                        "Socket ID       : 0\n"
                        "L3 Cache        : 16384KB\n"
                        "CDP Status      : Disabled\n"
                        "Maximum COS     : 15\n"
                        "CBM length      : 20\n"
                        "Default CBM     : 0xfffff\n"
                        "Socket ID       : 1\n"
                        "L3 Cache        : 32768KB\n"
                        "CDP Status      : Enabled\n"
                        "Maximum COS     : 15\n"
                        "CBM length      : 20\n"
                        "Default CBM     : 0xfffff\n"
                        "Memory Bandwidth Allocation (MBA):\n"
                        "Socket ID               : 0\n"
                        "Linear Mode             : Enabled\n"
                        "Maximum COS             : 7\n"
                        "Maximum Throttling Value: 90\n"
                        "Default Throttling Value: 0\n");
    yajl_val json = parsed(printed(run_psr_hwinfo, true, NULL, 0));

    assert_string_equal(at(json, "cmt_enabled"), "1");
    assert_string_equal(at(json, "monitors.1.type"), "total-mem-bandwidth");
    assert_string_equal(at(json, "cat_l3.1.cdp"), "Enabled");
    assert_string_equal(at(json, "cat_l3.1.default_cbm"), "0xfffff");
    assert_string_equal(at(json, "mba.0.maximum_throttling"), "90");
}

static void cmt_show(void **state)
{
    (void)state;
    char type[] = "cache-occupancy";

    assert_string_equal(
        printed(run_psr_cmt_show, false, type, 0),
        "Total RMID: 71\n"
        "Name                                        ID        Socket 0        Socket 1\n"
        "Total L3 Cache Size                                   16384 KB        32768 KB\n"
        "guest                                        7          700 KB          701 KB\n");
    yajl_val json = parsed(printed(run_psr_cmt_show, true, type, 0));

    assert_string_equal(at(json, "total_rmid"), "71");
    assert_string_equal(at(json, "l3_cache.1.size"), "32768");
    assert_string_equal(at(json, "domains.0.name"), "guest");
    assert_string_equal(at(json, "domains.0.sockets.1.occupancy"), "701");
}

static void cat_show(void **state)
{
    (void)state;
    assert_string_equal(printed(run_psr_cat_show, false, NULL, 0),
                        "Socket ID       : 0\n"
                        "Default CBM     : 0xfffff\n"
                        "   ID                     NAME             CBM\n"
                        "    0                 Domain-0          0xf010\n"
                        "    7                    guest          0xf017\n"
                        "Socket ID       : 1\n"
                        "Default CBM     : 0xfffff\n"
                        "   ID                     NAME      CBM (code)      CBM (data)\n"
                        "    0                 Domain-0          0xf020          0xf030\n"
                        "    7                    guest          0xf027          0xf037\n");
    yajl_val json = parsed(printed(run_psr_cat_show, true, NULL, 0));

    assert_string_equal(at(json, "0.domains.1.cbm"), "0xf017");
    assert_string_equal(at(json, "1.socket"), "1");
    assert_string_equal(at(json, "1.domains.0.cbm_data"), "0xf030");
}

static void mba_show(void **state)
{
    (void)state;
    assert_string_equal(printed(run_psr_mba_show, false, NULL, 0),
                        "Socket ID       : 0\n"
                        "Default THRTL   : 0\n"
                        "   ID                     NAME           THRTL\n"
                        "    0                 Domain-0             0xa\n"
                        "    7                    guest             0xa\n");
    assert_string_equal(at(parsed(printed(run_psr_mba_show, true, NULL, 0)), "0.domains.1.id"),
                        "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hwinfo),
        cmocka_unit_test(cmt_show),
        cmocka_unit_test(cat_show),
        cmocka_unit_test(mba_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
