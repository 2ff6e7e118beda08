/*
 * The names that `cpuid=` of xl.cfg knows. Those of the features are in Xen's public header, which
 * is read here as a table; fields with a number and older names of features stand below it.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include "libxl/types/types.h"
#include "libxl/types/cpuid.h"

/* For rows that are short enough to be compared */
#define NO   CPUID_NO_SUBLEAF
#define NONE CPUID_HIGH_NONE, 0, 0

static const struct {
    const char *name;
    unsigned int bit; /* 32 * word + bit of the word */
} features[] = {
#define XEN_CPUFEATURE(name, value) { #name, value },
#include <xen/arch-x86/cpufeatureset.h>
};

/* Where the words of a feature set come from */
static const struct cpuid_bits words[] = {
    [0] = { NULL, 0x1, NO, CPUID_EDX, 0, 32, NONE },
    [1] = { NULL, 0x1, NO, CPUID_ECX, 0, 32, NONE },
    [2] = { NULL, 0x80000001, NO, CPUID_EDX, 0, 32, NONE },
    [3] = { NULL, 0x80000001, NO, CPUID_ECX, 0, 32, NONE },
    [4] = { NULL, 0xd, 1, CPUID_EAX, 0, 32, NONE },
    [5] = { NULL, 0x7, 0, CPUID_EBX, 0, 32, NONE },
    [6] = { NULL, 0x7, 0, CPUID_ECX, 0, 32, NONE },
    [7] = { NULL, 0x80000007, NO, CPUID_EDX, 0, 32, NONE },
    [8] = { NULL, 0x80000008, NO, CPUID_EBX, 0, 32, NONE },
    [9] = { NULL, 0x7, 0, CPUID_EDX, 0, 32, NONE },
    [10] = { NULL, 0x7, 1, CPUID_EAX, 0, 32, NONE },
    [11] = { NULL, 0x80000021, NO, CPUID_EAX, 0, 32, NONE },
    [12] = { NULL, 0x7, 1, CPUID_EBX, 0, 32, NONE },
    [13] = { NULL, 0x7, 2, CPUID_EDX, 0, 32, NONE },
    [14] = { NULL, 0x7, 1, CPUID_ECX, 0, 32, NONE },
    [15] = { NULL, 0x7, 1, CPUID_EDX, 0, 32, NONE },
    [16] = { NULL, 0x10a, CPUID_MSR, CPUID_EAX, 0, 32, NONE },
    [17] = { NULL, 0x10a, CPUID_MSR, CPUID_EAX, 32, 32, NONE },
    [18] = { NULL, 0x80000021, NO, CPUID_ECX, 0, 32, NONE },
};

/* Fields, and features without a name in the header. These count before the features: "clflush" is
 * a size here. */
static const struct cpuid_bits fields[] = {
    { "apicidsize", 0x80000008, NO, CPUID_ECX, 12, 4, NONE },
    { "brandid", 0x1, NO, CPUID_EBX, 0, 8, NONE },
    { "clflush", 0x1, NO, CPUID_EBX, 8, 8, NONE },
    { "family", 0x1, NO, CPUID_EAX, 8, 4, CPUID_HIGH_ADDED, 20, 8 },
    { "localapicid", 0x1, NO, CPUID_EBX, 24, 8, NONE },
    { "maxhvleaf", 0x40000000, NO, CPUID_EAX, 0, 8, NONE },
    { "maxleaf", 0x0, NO, CPUID_EAX, 0, 32, NONE },
    { "model", 0x1, NO, CPUID_EAX, 4, 4, CPUID_HIGH_SHIFTED, 16, 4 },
    { "nc", 0x80000008, NO, CPUID_ECX, 0, 8, NONE },
    { "proccount", 0x1, NO, CPUID_EBX, 16, 8, NONE },
    { "procpkg", 0x4, 0, CPUID_EAX, 26, 6, NONE },
    { "stepping", 0x1, NO, CPUID_EAX, 0, 4, NONE },

    { "arat", 0x6, NO, CPUID_EAX, 2, 1, NONE },
    { "clfsh", 0x1, NO, CPUID_EDX, 19, 1, NONE },
    { "cntxid", 0x1, NO, CPUID_ECX, 10, 1, NONE },
    { "ia64", 0x1, NO, CPUID_EDX, 30, 1, NONE },
    { "perfctr_core", 0x80000001, NO, CPUID_ECX, 23, 1, NONE },
    { "perfctr_nb", 0x80000001, NO, CPUID_ECX, 24, 1, NONE },
    { "psn", 0x1, NO, CPUID_EDX, 18, 1, NONE },
    { "svm_decode", 0x8000000a, NO, CPUID_EDX, 7, 1, NONE },
    { "svm_lbrv", 0x8000000a, NO, CPUID_EDX, 1, 1, NONE },
    { "svm_npt", 0x8000000a, NO, CPUID_EDX, 0, 1, NONE },
    { "svm_nrips", 0x8000000a, NO, CPUID_EDX, 3, 1, NONE },
    { "svm_pausefilt", 0x8000000a, NO, CPUID_EDX, 10, 1, NONE },
    { "svm_tscrate", 0x8000000a, NO, CPUID_EDX, 4, 1, NONE },
    { "svm_vmcbclean", 0x8000000a, NO, CPUID_EDX, 5, 1, NONE },
};

static const struct {
    const char *old, *name;
} aliases[] = {
    { "aes", "aesni" },
    { "altmovcr8", "cr8-legacy" },
    { "cmplegacy", "cmp-legacy" },
    { "cmpxchg16", "cx16" },
    { "cmpxchg8", "cx8" },
    { "cmt", "pqm" },
    { "est", "eist" },
    { "invtsc", "itsc" },
    { "lahfsahf", "lahf-lm" },
    { "lfence+", "lfence-dispatch" },
    { "nodeid", "nodeid-msr" },
    { "ppin", "amd-ppin" },
    { "sse4.1", "sse4-1" },
    { "sse4.2", "sse4-2" },
    { "sse4_1", "sse4-1" },
    { "sse4_2", "sse4-2" },
    { "sysenter", "sep" },
    { "tm", "tm1" },
    { "tsc_adjust", "tsc-adjust" },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_name(const char *name, size_t length, const char *known)
{
    return strlen(known) == length && !memcmp(name, known, length);
}

/* A constant of the header, SSE4_1, is written sse4-1. */
static bool is_feature(const char *name, size_t length, const char *constant)
{
    if (strlen(constant) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != (constant[i] == '_' ? '-' : tolower((unsigned char)constant[i])))
            return false;
    return true;
}

bool cpuid_find_bits(const char *name, size_t length, struct cpuid_bits *bits)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (is_name(name, length, fields[i].name)) {
            *bits = fields[i];
            return true;
        }
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (is_name(name, length, aliases[i].old))
            return cpuid_find_bits(aliases[i].name, strlen(aliases[i].name), bits);
    for (size_t i = 0; i < COUNT(features); i++)
        if (features[i].bit / 32 < COUNT(words) && is_feature(name, length, features[i].name)) {
            *bits = words[features[i].bit / 32];
            bits->low += features[i].bit % 32;
            bits->width = 1;
            return true;
        }
    return false;
}
