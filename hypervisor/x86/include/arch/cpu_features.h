/*
 * What this machine's CPUs can do: CPUID's feature words, in the order of Xen's public feature set.
 * Read from the boot CPU by cpu_init_features(); every CPU that comes online has at least these.
 */
#ifndef ARCH_CPU_FEATURES_H
#define ARCH_CPU_FEATURES_H

#include <hv/types.h>

#define XEN_CPUFEATURE(name, value) X86_##name = (value),
enum cpu_feature {
#include <xen/arch-x86/cpufeatureset.h>
};
#undef XEN_CPUFEATURE

/* Words of the feature set: CPUID leaf and register each. */
enum feature_word {
    WORD_1D,
    WORD_1C,
    WORD_E1D, /* 0x80000001 */
    WORD_E1C,
    WORD_DA1, /* 0xd, subleaf 1 */
    WORD_7B0,
    WORD_7C0,
    WORD_E7D,
    WORD_E8B,
    WORD_7D0,
    WORD_7A1,
    WORD_E21A,
    WORD_7B1,
    WORD_7D2,
    WORD_7C1,
    WORD_7D1,
    WORD_ARCH_CAPS_LO,
    WORD_ARCH_CAPS_HI,
    WORD_E21C,
    NR_FEATURE_WORDS
};

/* AMD repeats these bits of 1.edx in 0x80000001.edx; only WORD_1D has them. */
#define AMD_COMMON_EDX 0x0183f3ffU

enum cpu_vendor { VENDOR_OTHER, VENDOR_INTEL, VENDOR_AMD }; /* AMD: Hygon too */

struct host_cpu {
    enum cpu_vendor vendor;
    unsigned int family, model, stepping;
    uint32_t max_leaf, max_ext_leaf;
    unsigned int phys_bits, virt_bits;
    bool cpuid_faulting; /* CPUID outside the hypervisor can be made to raise #GP */
    uint64_t cr4;        /* the bits every CPU runs with, before the guest's own */
    uint32_t features[NR_FEATURE_WORDS];
};

extern struct host_cpu host_cpu;

static inline bool cpu_has(enum cpu_feature f)
{
    return host_cpu.features[(unsigned int)f / 32] >> ((unsigned int)f % 32) & 1;
}

#define PLATFORM_INFO_CPUID_FAULT (1UL << 31) /* MSR_PLATFORM_INFO: CPUID can be made to fault */

/* The PAT of the PV ABI: WB WT UC- UC WC WP UC UC. */
#define PV_PAT 0x050100070406UL

/* On every CPU, early: control registers, EFER, PAT. The boot CPU detects; a secondary that lacks
 * something is stopped for good. The command line must have been parsed. */
void cpu_init_features(void);
/* By the name that CPUID leaf 0 spells. */
struct cpuid_regs;
enum cpu_vendor cpu_vendor_of(const struct cpuid_regs *leaf0);
/* CPUID leaf 1's family and model, extended fields folded in. */
void cpu_decode_signature(uint32_t eax, unsigned int *family, unsigned int *model);

#endif
