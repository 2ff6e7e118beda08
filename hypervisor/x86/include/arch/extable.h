/*
 * Instructions of ours that may fault, and where to go on instead. The fault handlers ask
 * extable_find() before they call a hypervisor fault fatal. Entries are self-relative.
 */
#ifndef ARCH_EXTABLE_H
#define ARCH_EXTABLE_H

#include <hv/types.h>

struct extable_entry {
    int32_t insn, fixup;
};

/* Inside asm: the instruction at label `insn` continues at label `fixup` when it faults. */
#define EXTABLE(insn, fixup)                                                                       \
    ".pushsection ex_table, \"a\"\n\t"                                                             \
    ".balign 4\n\t"                                                                                \
    ".long " #insn " - ., " #fixup " - .\n\t"                                                      \
    ".popsection\n\t"

/* Where to continue after a fault at rip; 0 if the instruction is not expected to fault. */
uintptr_t extable_find(uintptr_t rip);

/* Registers that the CPU may not have. False, and *value untouched, if it raised #GP. */
static inline must_check bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo, hi, failed = 1;

    __asm__ volatile("1: rdmsr\n\t"
                     "xor %2, %2\n"
                     "2:\n\t" EXTABLE(1b, 2b)
                     : "=a"(lo), "=d"(hi), "+r"(failed)
                     : "c"(msr));
    if (failed)
        return false;
    *value = (uint64_t)hi << 32 | lo;
    return true;
}

static inline must_check bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint32_t failed = 1;

    __asm__ volatile("1: wrmsr\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EXTABLE(1b, 2b)
                     : "+r"(failed)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
    return !failed;
}

#endif
