/*
 * A guest's CPUID policy, what `struct libxl__cpu_policy` of libxl.h is: rows in the order in which
 * they were first named. A rule is a string of one character for each bit, the highest bit first:
 *
 *     '0', '1'   the bit has this value
 *     'x'        as the default policy has it
 *     'k', 's'   as the host has it
 *
 * An empty string is no rule at all. Whoever builds a domain applies them: domain/cpuid.c.
 */
#ifndef LIBXL_TYPES_CPUID_H
#define LIBXL_TYPES_CPUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_NO_SUBLEAF 0xffffffffU

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX, CPUID_REGISTERS };

struct cpuid_rule {
    uint32_t leaf, subleaf; /* CPUID_NO_SUBLEAF: of a leaf without */
    char reg[CPUID_REGISTERS][32 + 1];
};

struct msr_rule {
    uint32_t index;
    char policy[64 + 1];
};

struct libxl__cpu_policy {
    size_t nr_cpuid, nr_msr;
    struct cpuid_rule *cpuid;
    struct msr_rule *msr;
};

/* Some neighbouring bits of a register or MSR that have a name. What does not fit into them may go
 * on elsewhere in the register. */
struct cpuid_bits {
    const char *name;
    uint32_t leaf, subleaf; /* of an MSR: its index, CPUID_MSR */
    enum cpuid_register reg;
    unsigned int low, width;
    enum {
        CPUID_HIGH_NONE,
        CPUID_HIGH_SHIFTED, /* the number's higher bits */
        CPUID_HIGH_ADDED,   /* what is above the largest number of `width` bits */
    } high;
    unsigned int high_low, high_width;
};
#define CPUID_MSR 0xfffffffeU

/* What the name of a length stands for; false: not a name */
bool cpuid_find_bits(const char *name, size_t length, struct cpuid_bits *bits);

#endif
