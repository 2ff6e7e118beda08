/* Work that a CPU does on its way out of the hypervisor, with interrupts on and no lock held. */
#ifndef HV_SOFTIRQ_H
#define HV_SOFTIRQ_H

#include <hv/types.h>
#include <hv/percpu.h>

enum softirq { SOFTIRQ_TIMER, SOFTIRQ_SCHEDULE, SOFTIRQ_TASKLET, SOFTIRQ_RCU, NR_SOFTIRQS };

void softirq_register(enum softirq nr, void (*handler)(void));
void softirq_raise(enum softirq nr);                      /* on this CPU */
void softirq_raise_on(unsigned int cpu, enum softirq nr); /* sends an IPI if that CPU is another */
bool softirq_pending(unsigned int cpu);
DECLARE_PER_CPU(unsigned long, pending_softirqs);
/* The same of this CPU, on every way out of the hypervisor. */
static inline bool softirq_pending_here(void)
{
    return READ_ONCE(this_cpu(pending_softirqs)) != 0;
}
/* Run all pending ones; interrupts on at entry and exit. May not return (SOFTIRQ_SCHEDULE). */
void softirq_process(void);

/* A function called later on a CPU, once per schedule. */
struct tasklet {
    void (*fn)(void *arg);
    void *arg;
    struct tasklet *next;
    bool scheduled;
};
void tasklet_init(struct tasklet *t, void (*fn)(void *), void *arg);
void tasklet_schedule(struct tasklet *t); /* any context; runs on this CPU */

#endif
