/*
 * The names that `cpuid=` of xl.cfg knows. Those of the features are in Xen's public header, which
 * is read here as a table; fields with a number and older names of features stand below it.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include "libxl/types/types.h"
#include "libxl/types/cpuid.h"

static const struct {
    const char *name;
    unsigned int bit; /* 32 * word + bit of the word */
} features[] = {
#define XEN_CPUFEATURE(name, value) { #name, value },
#include <xen/arch-x86/cpufeatureset.h>
};

/* Where the words of a feature set come from */
static const struct cpuid_bits words[] = {
    [0] = { NULL, 0x1, CPUID_NO_SUBLEAF, CPUID_EDX, 0, 32 },
    [1] = { NULL, 0x1, CPUID_NO_SUBLEAF, CPUID_ECX, 0, 32 },
    [2] = { NULL, 0x80000001, CPUID_NO_SUBLEAF, CPUID_EDX, 0, 32 },
    [3] = { NULL, 0x80000001, CPUID_NO_SUBLEAF, CPUID_ECX, 0, 32 },
    [4] = { NULL, 0xd, 1, CPUID_EAX, 0, 32 },
    [5] = { NULL, 0x7, 0, CPUID_EBX, 0, 32 },
    [6] = { NULL, 0x7, 0, CPUID_ECX, 0, 32 },
    [7] = { NULL, 0x80000007, CPUID_NO_SUBLEAF, CPUID_EDX, 0, 32 },
    [8] = { NULL, 0x80000008, CPUID_NO_SUBLEAF, CPUID_EBX, 0, 32 },
    [9] = { NULL, 0x7, 0, CPUID_EDX, 0, 32 },
    [10] = { NULL, 0x7, 1, CPUID_EAX, 0, 32 },
    [11] = { NULL, 0x80000021, CPUID_NO_SUBLEAF, CPUID_EAX, 0, 32 },
    [12] = { NULL, 0x7, 1, CPUID_EBX, 0, 32 },
    [13] = { NULL, 0x7, 2, CPUID_EDX, 0, 32 },
    [14] = { NULL, 0x7, 1, CPUID_ECX, 0, 32 },
    [15] = { NULL, 0x7, 1, CPUID_EDX, 0, 32 },
    [16] = { NULL, 0x10a, CPUID_MSR, CPUID_EAX, 0, 32 },
    [17] = { NULL, 0x10a, CPUID_MSR, CPUID_EAX, 32, 32 },
    [18] = { NULL, 0x80000021, CPUID_NO_SUBLEAF, CPUID_ECX, 0, 32 },
};

/* Fields, and features without a name in the header. "family" and "model" have a second part, which
 * cpuid.c knows. These count before the features: "clflush" is a size here. */
static const struct cpuid_bits fields[] = {
    { "apicidsize", 0x80000008, CPUID_NO_SUBLEAF, CPUID_ECX, 12, 4 },
    { "brandid", 0x1, CPUID_NO_SUBLEAF, CPUID_EBX, 0, 8 },
    { "clflush", 0x1, CPUID_NO_SUBLEAF, CPUID_EBX, 8, 8 },
    { "family", 0x1, CPUID_NO_SUBLEAF, CPUID_EAX, 8, 4 },
    { "localapicid", 0x1, CPUID_NO_SUBLEAF, CPUID_EBX, 24, 8 },
    { "maxhvleaf", 0x40000000, CPUID_NO_SUBLEAF, CPUID_EAX, 0, 8 },
    { "maxleaf", 0x0, CPUID_NO_SUBLEAF, CPUID_EAX, 0, 32 },
    { "model", 0x1, CPUID_NO_SUBLEAF, CPUID_EAX, 4, 4 },
    { "nc", 0x80000008, CPUID_NO_SUBLEAF, CPUID_ECX, 0, 8 },
    { "proccount", 0x1, CPUID_NO_SUBLEAF, CPUID_EBX, 16, 8 },
    { "procpkg", 0x4, 0, CPUID_EAX, 26, 6 },
    { "stepping", 0x1, CPUID_NO_SUBLEAF, CPUID_EAX, 0, 4 },

    { "arat", 0x6, CPUID_NO_SUBLEAF, CPUID_EAX, 2, 1 },
    { "clfsh", 0x1, CPUID_NO_SUBLEAF, CPUID_EDX, 19, 1 },
    { "cntxid", 0x1, CPUID_NO_SUBLEAF, CPUID_ECX, 10, 1 },
    { "ia64", 0x1, CPUID_NO_SUBLEAF, CPUID_EDX, 30, 1 },
    { "perfctr_core", 0x80000001, CPUID_NO_SUBLEAF, CPUID_ECX, 23, 1 },
    { "perfctr_nb", 0x80000001, CPUID_NO_SUBLEAF, CPUID_ECX, 24, 1 },
    { "psn", 0x1, CPUID_NO_SUBLEAF, CPUID_EDX, 18, 1 },
    { "svm_decode", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 7, 1 },
    { "svm_lbrv", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 1, 1 },
    { "svm_npt", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 0, 1 },
    { "svm_nrips", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 3, 1 },
    { "svm_pausefilt", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 10, 1 },
    { "svm_tscrate", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 4, 1 },
    { "svm_vmcbclean", 0x8000000a, CPUID_NO_SUBLEAF, CPUID_EDX, 5, 1 },
};

static const struct {
    const char *old, *name;
} aliases[] = {
    { "altmovcr8", "cr8-legacy" },
    { "cmplegacy", "cmp-legacy" },
    { "cmpxchg16", "cx16" },
    { "cmpxchg8", "cx8" },
    { "cmt", "pqm" },
    { "invtsc", "itsc" },
    { "lahfsahf", "lahf-lm" },
    { "lfence+", "lfence-dispatch" },
    { "nodeid", "nodeid-msr" },
    { "sse4.1", "sse4-1" },
    { "sse4.2", "sse4-2" },
    { "sse4_1", "sse4-1" },
    { "sse4_2", "sse4-2" },
    { "sysenter", "sep" },
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
