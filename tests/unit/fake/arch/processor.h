/* Unit tests: nothing to relax. */
#ifndef ARCH_PROCESSOR_H
#define ARCH_PROCESSOR_H

static inline void cpu_relax(void)
{
}

#endif
