/* Unit tests: a few CPUs with an area each; fake_cpu says which one is "this". */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <stdint.h>

#define FAKE_CPUS    4
#define PERCPU_FIRST "percpu_data"

extern char __start_percpu_data[], __stop_percpu_data[];
extern unsigned int fake_cpu;
/* Fill every CPU's area with the initial values; call in a test's setup. */
void fake_percpu_reset(void);
uintptr_t percpu_offset(unsigned int cpu);

static inline uintptr_t percpu_offset_self(void)
{
    return percpu_offset(fake_cpu);
}

static inline unsigned int smp_processor_id(void)
{
    return fake_cpu;
}

#endif
