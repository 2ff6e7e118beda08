/* Each CPU's area is an aligned block; the stacks and the per-CPU variables are in it, so that the
 * stack pointer alone finds them. */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <stdint.h>
#include <arch/layout.h>

#define PERCPU_FIRST "percpu_first"

extern char __start_percpu_data[], __stop_percpu_data[];

static inline uintptr_t cpu_area(unsigned int cpu)
{
    return CPU_AREA_VIRT + ((uintptr_t)cpu << CPU_AREA_SHIFT);
}

static inline uintptr_t cpu_area_self(void)
{
    uintptr_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return sp & ~(CPU_AREA_SIZE - 1);
}

static inline uintptr_t percpu_offset(unsigned int cpu)
{
    return cpu_area(cpu) - (uintptr_t)__start_percpu_data;
}

static inline uintptr_t percpu_offset_self(void)
{
    return cpu_area_self() - (uintptr_t)__start_percpu_data;
}

static inline unsigned int smp_processor_id(void)
{
    return (unsigned int)((cpu_area_self() - CPU_AREA_VIRT) >> CPU_AREA_SHIFT);
}

#endif
