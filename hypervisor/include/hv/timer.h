/* One-shot timers, a heap per CPU; expiry runs in SOFTIRQ_TIMER with interrupts on. */
#ifndef HV_TIMER_H
#define HV_TIMER_H

#include <hv/prio_queue.h>
#include <hv/types.h>

struct timer {
    struct prio_node node; /* by expiry: system time, ns */
    void (*fn)(void *arg);
    void *arg;
    unsigned int cpu; /* on whose heap it is, or would be; LOCK_TIMER of that CPU */
    uint32_t running; /* calls of fn under way; atomic */
    bool active, killed;
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
void timer_set(struct timer *t, s_time_t expires); /* absolute; replaces an earlier one */
void timer_stop(struct timer *t);
/* Stop for good and wait until fn is not running; not from fn itself, nor holding what fn takes. */
void timer_kill(struct timer *t);
void timer_migrate(struct timer *t, unsigned int cpu);
static inline bool timer_active(const struct timer *t)
{
    return READ_ONCE(t->active);
}
void timers_init_cpu(unsigned int cpu);
/* The CPU went offline: its timers run on the boot CPU from now on. */
void timers_leave_cpu(unsigned int cpu);
/* Interrupt entry: the hardware timer of this CPU fired. */
void timer_interrupt(void);
void timers_print(void); /* debug key 'a' */

#endif
