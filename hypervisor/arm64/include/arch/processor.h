/* Small pieces of arm64 that need an instruction. */
#ifndef ARCH_PROCESSOR_H
#define ARCH_PROCESSOR_H

#include <stdint.h>

static inline void cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

#define read_sysreg(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory");                               \
        value_;                                                                                    \
    })
#define write_sysreg(name, value)                                                                  \
    __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

/* All earlier accesses are done, table updates included. */
static inline void dsb(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void wait_for_interrupt(void)
{
    __asm__ volatile("dsb sy; wfi" ::: "memory");
}

#endif
