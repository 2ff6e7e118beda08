/*
 * The fake architecture's state, shared by all unit tests that need it: which CPU is "this", the
 * interrupt flag, and the per-CPU areas.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/irqflags.h>
#include <arch/percpu.h>

unsigned int fake_cpu;
bool fake_irq_on = true;

static char *areas[FAKE_CPUS];

/* So that the section exists in every test. */
static __attribute__((section("percpu_data"), used)) long percpu_anchor;

void fake_percpu_reset(void)
{
    size_t size = (size_t)(__stop_percpu_data - __start_percpu_data);

    for (unsigned int i = 0; i < FAKE_CPUS; i++) {
        free(areas[i]);
        areas[i] = malloc(size);
        memcpy(areas[i], __start_percpu_data, size);
    }
    fake_cpu = 0;
    fake_irq_on = true;
}

uintptr_t percpu_offset(unsigned int cpu)
{
    return (uintptr_t)areas[cpu] - (uintptr_t)__start_percpu_data;
}
