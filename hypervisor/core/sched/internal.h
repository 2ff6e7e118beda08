/* Private to core/sched. */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include <hv/percpu.h>
#include <hv/sched.h>

#define DEFAULT_WEIGHT 256U
#define NR_WATCHDOGS   2

struct sched_cpu {
    spinlock_t lock; /* LOCK_SCHED_CPU: this CPU's queue, and every vCPU whose `cpu` it is */
    struct vcpu *idle;
    struct timer slice; /* ask the scheduler again */
    uint64_t switches;
};
DECLARE_PER_CPU(struct sched_cpu, sched_cpu);

/* What the framework keeps for a vCPU; the head of what the scheduler allocates. */
struct vcpu_sched {
    bool queued;        /* LOCK_SCHED_CPU: on its CPU's queue */
    bool pinned;        /* SCHEDOP_pin_override is in force */
    cpumask_t unpinned; /* the hard affinity to go back to */
};

struct watchdog {
    struct timer timer;
    bool in_use; /* LOCK_DOMAIN */
};

struct domain_sched {
    unsigned int weight; /* 1-65535: share relative to other domains' vCPUs */
    unsigned int cap;    /* percent of a CPU, 0: none; not enforced yet */
    struct watchdog watchdog[NR_WATCHDOGS];
};

extern const struct scheduler *sched_ops;

/* Let others run first, once; v is current. */
void vcpu_yield(struct vcpu *v);

#endif
