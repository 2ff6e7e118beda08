/*
 * Caps: a domain with one may use so many percent of a CPU, over all its vCPUs. In each period of
 * 10 ms it has a budget, which the scheduler charges with the time that its vCPUs ran. Whose domain
 * has none left is parked, by a pause bit of its own, until the budget is positive again: what was
 * overdrawn is paid back first, so the average is exact. Called by the scheduler with
 * LOCK_SCHED_CPU held; LOCK_SCHED_CAP guards a domain's budget.
 */
#include "internal.h"

#include <hv/time.h>

#define PERIOD      MILLISECS(10)
#define MIN_SLICE   MICROSECS(250) /* a budget is not cut into smaller pieces */
#define MAX_PERIODS 0x100000L      /* that may pass at once: far more than can be overdrawn */

/* What is left of one period may be used in the next: a vCPU may have run until now that has not
 * been charged for it yet. */
static void refill(struct cap *c, s_time_t time)
{
    s_time_t quota = PERIOD / 100 * c->percent, periods = (time - c->period) / PERIOD;

    if (periods <= 0)
        return;
    c->period += periods * PERIOD;
    periods = min(periods, MAX_PERIODS);
    c->budget = min(c->budget + periods * quota, 2 * quota);
}

static void unpark_all(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    for_each_vcpu (d, v, i) {
        if (test_and_clear_bit_atomic(VCPU_PARKED, &v->pause_flags))
            vcpu_wake(v);
    }
}

/* A vCPU was parked in the period before, or found this one's budget used up, too. */
static void period_over(void *arg)
{
    struct domain *d = arg;
    struct cap *c = &d->sched->cap;
    unsigned long flags = spin_lock_irqsave(&c->lock);
    bool admits;

    refill(c, now());
    admits = !c->percent || c->budget > 0;
    if (!admits)
        timer_set(&c->timer, c->period + PERIOD);
    spin_unlock_irqrestore(&c->lock, flags);
    if (admits)
        unpark_all(d);
}

void cap_init(struct domain *d)
{
    struct cap *c = &d->sched->cap;

    spin_lock_init(&c->lock, LOCK_SCHED_CAP);
    timer_init(&c->timer, period_over, d, smp_processor_id());
}

void cap_set(struct domain *d, unsigned int percent)
{
    struct cap *c = &d->sched->cap;
    unsigned long flags = spin_lock_irqsave(&c->lock);

    WRITE_ONCE(c->percent, percent);
    c->period = now();
    c->budget = PERIOD / 100 * percent;
    spin_unlock_irqrestore(&c->lock, flags);
    unpark_all(d);
}

void cap_charge(struct domain *d, s_time_t ran, s_time_t time)
{
    struct cap *c = &d->sched->cap;

    if (!READ_ONCE(c->percent))
        return;
    spin_lock(&c->lock);
    c->budget -= ran;
    refill(c, time);
    spin_unlock(&c->lock);
}

/* The bit is set under the lock: whoever refills the budget after that finds it. */
bool cap_admits(struct vcpu *v, s_time_t time)
{
    struct cap *c = &v->domain->sched->cap;
    bool admits;

    if (!READ_ONCE(c->percent))
        return true;
    spin_lock(&c->lock);
    refill(c, time);
    admits = !c->percent || c->budget > 0;
    if (!admits) {
        set_bit_atomic(VCPU_PARKED, &v->pause_flags);
        if (!timer_active(&c->timer))
            timer_set(&c->timer, c->period + PERIOD);
    }
    spin_unlock(&c->lock);
    return admits;
}

/* Its vCPUs share the budget, as if all of them ran. */
s_time_t cap_slice(struct domain *d, s_time_t slice)
{
    struct cap *c = &d->sched->cap;
    s_time_t mine;

    if (!READ_ONCE(c->percent))
        return slice;
    mine = max(READ_ONCE(c->budget) / READ_ONCE(d->sched->vcpus), MIN_SLICE);
    return slice < 0 ? mine : min(slice, mine);
}
