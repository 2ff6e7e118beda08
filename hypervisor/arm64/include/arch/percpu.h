/* Each CPU's area is an aligned block with its stack in it, so that the stack pointer finds it. */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <stdint.h>
#include <arch/layout.h>

#define PERCPU_FIRST "percpu_first"

extern char __start_percpu_data[], __stop_percpu_data[];
extern char cpu_areas[]; /* image.lds.S */

static inline uintptr_t cpu_area(unsigned int cpu)
{
    return (uintptr_t)cpu_areas + ((uintptr_t)cpu << CPU_AREA_SHIFT);
}

static inline uintptr_t cpu_area_self(void)
{
    uintptr_t sp;

    __asm__("mov %0, sp" : "=r"(sp));
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
    return (unsigned int)((cpu_area_self() - (uintptr_t)cpu_areas) >> CPU_AREA_SHIFT);
}

#endif
