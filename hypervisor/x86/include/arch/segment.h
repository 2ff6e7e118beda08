/*
 * The running vCPU's segment bases, which are live in the CPU. While a guest's kernel runs GS is
 * the kernel's and the shadow (what SWAPGS would bring) its user's; while its user runs the other
 * way round.
 */
#ifndef ARCH_SEGMENT_H
#define ARCH_SEGMENT_H

#include <arch/cpu_features.h>
#include <arch/processor.h>

static inline uint64_t read_fs_base(void)
{
    uint64_t base;

    if (!cpu_has(X86_FSGSBASE))
        return rdmsr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline uint64_t read_gs_base(void)
{
    uint64_t base;

    if (!cpu_has(X86_FSGSBASE))
        return rdmsr(MSR_GS_BASE);
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static inline uint64_t read_gs_shadow(void)
{
    return rdmsr(MSR_KERNEL_GS_BASE);
}

/* The addresses must be canonical. */
static inline void write_fs_base(uint64_t base)
{
    if (cpu_has(X86_FSGSBASE))
        __asm__ volatile("wrfsbase %0" ::"r"(base));
    else
        wrmsr(MSR_FS_BASE, base);
}

static inline void write_gs_base(uint64_t base)
{
    if (cpu_has(X86_FSGSBASE))
        __asm__ volatile("wrgsbase %0" ::"r"(base));
    else
        wrmsr(MSR_GS_BASE, base);
}

static inline void write_gs_shadow(uint64_t base)
{
    wrmsr(MSR_KERNEL_GS_BASE, base);
}

#endif
