/* This CPU's interrupt mask (PSTATE.I). */
#ifndef ARCH_IRQFLAGS_H
#define ARCH_IRQFLAGS_H

#include <stdbool.h>

#define DAIF_I 0x80UL

static inline void irq_disable(void)
{
    __asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

static inline unsigned long irq_flags(void)
{
    unsigned long daif;

    __asm__ volatile("mrs %0, daif" : "=r"(daif)::"memory");
    return daif;
}

static inline bool irq_enabled(void)
{
    return !(irq_flags() & DAIF_I);
}

static inline unsigned long irq_save(void)
{
    unsigned long flags = irq_flags();

    irq_disable();
    return flags;
}

static inline void irq_restore(unsigned long flags)
{
    if (!(flags & DAIF_I))
        irq_enable();
}

#endif
