/* Unit tests: an interrupt flag that is only remembered. */
#ifndef ARCH_IRQFLAGS_H
#define ARCH_IRQFLAGS_H

#include <stdbool.h>

extern bool fake_irq_on;

static inline void irq_disable(void)
{
    fake_irq_on = false;
}

static inline void irq_enable(void)
{
    fake_irq_on = true;
}

static inline bool irq_enabled(void)
{
    return fake_irq_on;
}

static inline unsigned long irq_save(void)
{
    unsigned long flags = fake_irq_on;

    fake_irq_on = false;
    return flags;
}

static inline void irq_restore(unsigned long flags)
{
    fake_irq_on = flags;
}

#endif
