/* The language of cpuid= : the same rules from the same strings as in Debian's library. */
#include <ctype.h>
#include <stdio.h>

#include "libxl/types/cpuid.h"
#include "types_test.h"

#define ALL_X "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* 31 of them */

/* What both libraries make of the strings, as the JSON of a configuration. */
static void compare(const char *parser, const char *const *strings, bool refused)
{
    int (*our_parse)(libxl_cpuid_policy_list *, const char *) =
        strcmp(parser, "libxl_cpuid_parse_config") ? libxl_cpuid_parse_config_xend
                                                   : libxl_cpuid_parse_config;
    int (*their_parse)(libxl_cpuid_policy_list *, const char *) = theirs(parser, "", false);
    int (*their_length)(libxl_cpuid_policy_list *) =
        theirs("libxl_cpuid_policy_list_length", "", false);
    char *(*their_to_json)(libxl_ctx *, void *) =
        theirs("libxl_domain_build_info_to_json", "", false);
    void (*their_dispose)(void *) = theirs("libxl_domain_build_info_dispose", "", false);
    libxl_domain_build_info a, b;
    char *ja, *jb;

    libxl_domain_build_info_init(&a);
    libxl_domain_build_info_init(&b);
    for (; *strings; strings++) {
        int rc = our_parse(&a.cpuid, *strings);

        if (rc != their_parse(&b.cpuid, *strings) || !rc == refused)
            fail_msg("%s: '%s': we return %d", parser, *strings, rc);
    }
    if (!refused) {
        assert_int_equal(libxl_cpuid_policy_list_length(&a.cpuid), their_length(&b.cpuid));
        ja = libxl_domain_build_info_to_json(&our_ctx, &a);
        jb = their_to_json(their_ctx(), &b);
        assert_string_equal(ja, jb);
        free(ja);
        free(jb);
    }
    libxl_domain_build_info_dispose(&a);
    their_dispose(&b);
}

static void compare_named(const char *name, const char *value, bool refused)
{
    char text[80];

    snprintf(text, sizeof(text), "%s=%s", name, value);
    compare("libxl_cpuid_parse_config", (const char *const[]){ text, NULL }, refused);
}

static void features_have_their_bits(void **state)
{
    static const char *const constants[] = {
#define XEN_CPUFEATURE(name, value) #name,
#include <xen/arch-x86/cpufeatureset.h>
    };

    (void)state;
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        char name[64] = "";

        for (size_t n = 0; constants[i][n]; n++)
            name[n] = constants[i][n] == '_' ? '-' : (char)tolower(constants[i][n]);
        compare_named(name, "1", false);
        compare_named(name, "0", false);
        compare_named(name, "k", false);
    }
}

/* Of a family that is "x" or "s", Debian's has the high part 0, and of one above 255 a wrong one;
 * it cuts numbers that are too large instead of refusing them. */
static void compare_value(const char *name, const char *value)
{
    libxl_cpuid_policy_list list = NULL;
    struct cpuid_bits bits;
    unsigned long long limit;
    char text[80];

    assert_true(cpuid_find_bits(name, strlen(name), &bits));
    limit = 1ULL << (bits.width + bits.high_width);
    if (bits.high == CPUID_HIGH_ADDED) {
        if (!isdigit((unsigned char)*value))
            return;
        limit = (1ULL << bits.high_width) + (1ULL << bits.width) - 1;
    }
    if (strtoull(value, NULL, 0) < limit) {
        compare_named(name, value, false);
        return;
    }
    snprintf(text, sizeof(text), "%s=%s", name, value);
    assert_int_equal(libxl_cpuid_parse_config(&list, text), 3);
    libxl_cpuid_dispose(&list);
}

static void fields_have_their_bits(void **state)
{
    static const char *const names[] = {
        "apicidsize",  "brandid",       "clflush",       "family",
        "localapicid", "maxhvleaf",     "maxleaf",       "model",
        "nc",          "proccount",     "procpkg",       "stepping",
        "altmovcr8",   "arat",          "clfsh",         "cmplegacy",
        "cmpxchg16",   "cmpxchg8",      "cmt",           "cntxid",
        "ia64",        "invtsc",        "lahfsahf",      "lfence+",
        "nodeid",      "perfctr_core",  "perfctr_nb",    "psn",
        "sse4.1",      "sse4.2",        "sse4_1",        "sse4_2",
        "svm_decode",  "svm_lbrv",      "svm_npt",       "svm_nrips",
        "svm_tscrate", "svm_pausefilt", "svm_vmcbclean", "sysenter",
        "tsc_adjust",  "aes",           "est",           "ppin",
        "tm",
    };
    static const char *const values[] = {
        "0", "1", "6", "0x17", "255", "500", "0x80000008", "010", "s", "1,tail", "x,tail",
    };

    (void)state;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
            compare_value(names[n], values[v]);
    for (const char *const *v = (const char *const[]){ "", "abc", "host", NULL }; *v; v++)
        compare_named("family", *v, true);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    compare_named("nosuch", "1", true);
    compare_named("SSE3", "1", true);
    compare_named("", "0", true);
    compare("libxl_cpuid_parse_config", (const char *const[]){ "host", NULL }, true);
    compare("libxl_cpuid_parse_config", (const char *const[]){ "", NULL }, true);
}

static void strings_add_up(void **state)
{
    (void)state;
    compare("libxl_cpuid_parse_config",
            (const char *const[]){ "sse3=1", "fpu=0", "avx2=k", "rdcl-no=1", "family=6", "sse3=0",
                                   "doitm=0", "xsaveopt=x", "model=26", NULL },
            false);
}

static void leaves_are_taken(void **state)
{
    static const char *const good[] = {
        "1:ecx=" ALL_X "1",
        "0x80000001:ecx=" ALL_X "0,edx=1" ALL_X,
        "7,0:ebx=" ALL_X "k",
        "0xd,1:eax=" ALL_X "s",
        "1:",
        "1:ecx=" ALL_X "1,",
        " 1:eax=" ALL_X "1",
        "010:eax=" ALL_X "1",
        "1:eax=" ALL_X "1,ebx=" ALL_X "1,ecx=" ALL_X "1,edx=" ALL_X "1",
        "1:ecx=" ALL_X "1,ecx=" ALL_X "0",
        NULL,
    };

    (void)state;
    for (size_t i = 0; good[i]; i++)
        compare("libxl_cpuid_parse_config_xend", (const char *const[]){ good[i], NULL }, false);
    compare("libxl_cpuid_parse_config_xend", good, false);
}

static void bad_leaves_are_refused(void **state)
{
    static const char *const bad[] = {
        "1:ecx=" ALL_X,     "1:ecx=" ALL_X "11", "1",
        "1:efx=" ALL_X "1", "x:eax=" ALL_X "1",  "1:eax",
        "1:eax=",           "1:eax=" ALL_X "s ", "1:ECX=" ALL_X "1",
        "1,:eax=",          "1: eax=" ALL_X "1", NULL,
    };

    (void)state;
    for (size_t i = 0; bad[i]; i++)
        compare("libxl_cpuid_parse_config_xend", (const char *const[]){ bad[i], NULL }, true);
}

const struct CMUnitTest cpuid_tests[] = {
    cmocka_unit_test(features_have_their_bits), cmocka_unit_test(fields_have_their_bits),
    cmocka_unit_test(bad_names_are_refused),    cmocka_unit_test(strings_add_up),
    cmocka_unit_test(leaves_are_taken),         cmocka_unit_test(bad_leaves_are_refused),
};
const size_t nr_cpuid_tests = sizeof(cpuid_tests) / sizeof(cpuid_tests[0]);
