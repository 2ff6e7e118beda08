/* Sets of physical CPUs. CPU numbers are dense from 0 (the boot CPU). */
#ifndef HV_CPUMASK_H
#define HV_CPUMASK_H

#include <hv/bitops.h>

#define NR_CPUS 256

typedef struct {
    unsigned long bits[BITS_TO_LONGS(NR_CPUS)];
} cpumask_t;

extern cpumask_t cpu_online_mask;
/* One more than the highest CPU number that may ever come online; fixed once the MADT was read. */
extern unsigned int nr_cpus;

static inline bool cpumask_test(unsigned int cpu, const cpumask_t *m)
{
    return test_bit(cpu, m->bits);
}

static inline void cpumask_set(unsigned int cpu, cpumask_t *m)
{
    set_bit_atomic(cpu, m->bits);
}

static inline void cpumask_clear(unsigned int cpu, cpumask_t *m)
{
    clear_bit_atomic(cpu, m->bits);
}

static inline void cpumask_zero(cpumask_t *m)
{
    *m = (cpumask_t){ { 0 } };
}

static inline cpumask_t cpumask_of(unsigned int cpu)
{
    cpumask_t m = { { 0 } };

    set_bit(cpu, m.bits);
    return m;
}

static inline cpumask_t cpumask_and(const cpumask_t *a, const cpumask_t *b)
{
    cpumask_t m;

    for (unsigned int i = 0; i < ARRAY_SIZE(m.bits); i++)
        m.bits[i] = a->bits[i] & b->bits[i];
    return m;
}

static inline bool cpumask_empty(const cpumask_t *m)
{
    return find_next_bit(m->bits, NR_CPUS, 0) == NR_CPUS;
}

static inline unsigned int cpumask_next(unsigned int from, const cpumask_t *m)
{
    return find_next_bit(m->bits, NR_CPUS, from);
}

static inline unsigned int cpumask_weight(const cpumask_t *m)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(m->bits); i++)
        n += (unsigned int)__builtin_popcountl(m->bits[i]);
    return n;
}

#define for_each_cpu(cpu, mask)                                                                    \
    for ((cpu) = cpumask_next(0, mask); (cpu) < NR_CPUS; (cpu) = cpumask_next((cpu) + 1, mask))
#define for_each_online_cpu(cpu) for_each_cpu (cpu, &cpu_online_mask)

#endif
