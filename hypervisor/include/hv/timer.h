/* One-shot timers, a heap per CPU; expiry runs in SOFTIRQ_TIMER with interrupts on. */
#ifndef HV_TIMER_H
#define HV_TIMER_H

#include <hv/types.h>

struct timer {
    s_time_t expires;
    void (*fn)(void *arg);
    void *arg;
    unsigned int cpu;
    uint32_t slot; /* place in the heap + 1; 0 when inactive */
    bool running, killed;
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
void timer_set(struct timer *t, s_time_t expires); /* absolute; replaces an earlier one */
void timer_stop(struct timer *t);
void timer_kill(struct timer *t); /* stop, wait until fn is not running, for good */
void timer_migrate(struct timer *t, unsigned int cpu);
static inline bool timer_active(const struct timer *t)
{
    return READ_ONCE(t->slot) != 0;
}
void timers_init_cpu(unsigned int cpu);
/* Interrupt entry: the hardware timer of this CPU fired. */
void timer_interrupt(void);
void timers_print(void); /* debug key 'a' */

#endif
