/*
 * The wall clock: UTC at system time 0, set by the boot (RTC) and by dom0 (XENPF_settime), and told
 * to every domain through its shared info page. LOCK_WALLCLOCK guards the base and keeps
 * publications apart; the base is read without it, by sequence number, since the publication itself
 * reads it. And the time part of a domain: the timers of its vCPUs.
 */
#include <hv/arch.h>
#include <hv/event.h>
#include <hv/sched.h>
#include <hv/time.h>

#define NSEC_PER_SEC 1000000000U

static spinlock_t wallclock_lock = SPINLOCK_INIT(LOCK_WALLCLOCK);
static struct {
    uint32_t sequence; /* odd while being written */
    uint32_t nsecs;
    uint64_t secs;
} base;

static void write_base(uint64_t secs, uint32_t nsecs)
{
    __atomic_store_n(&base.sequence, base.sequence + 1, __ATOMIC_RELAXED);
    smp_wmb();
    WRITE_ONCE(base.secs, secs);
    WRITE_ONCE(base.nsecs, nsecs);
    __atomic_store_n(&base.sequence, base.sequence + 1, __ATOMIC_RELEASE);
}

void time_get_wallclock_base(uint64_t *secs, uint32_t *nsecs)
{
    uint32_t before;

    do {
        before = __atomic_load_n(&base.sequence, __ATOMIC_ACQUIRE);
        *secs = READ_ONCE(base.secs);
        *nsecs = READ_ONCE(base.nsecs);
        smp_rmb();
    } while ((before & 1) || before != READ_ONCE(base.sequence));
}

/* `secs` and `nsecs` are UTC at `system_time`. */
void time_set_wallclock(uint64_t secs, uint32_t nsecs, s_time_t system_time)
{
    uint64_t back = (uint64_t)system_time / NSEC_PER_SEC;
    uint32_t back_nsecs = (uint32_t)((uint64_t)system_time % NSEC_PER_SEC);
    struct domain *d;

    secs += nsecs / NSEC_PER_SEC;
    nsecs %= NSEC_PER_SEC;
    if (nsecs < back_nsecs) {
        nsecs += NSEC_PER_SEC;
        back++;
    }

    spin_lock(&wallclock_lock);
    write_base(secs - back, nsecs - back_nsecs);
    for (unsigned int id = 0; (d = domain_next(id)) != NULL; id = d->id + 1U) {
        arch_update_wallclock(d);
        domain_put(d);
    }
    spin_unlock(&wallclock_lock);
}

void time_publish(struct domain *d)
{
    spin_lock(&wallclock_lock);
    arch_update_wallclock(d);
    spin_unlock(&wallclock_lock);
}

static int time_init(struct domain *d)
{
    time_publish(d);
    return 0;
}

static void singleshot_expired(void *arg)
{
    event_send_vcpu_virq(arg, VIRQ_TIMER);
}

static void periodic_expired(void *arg)
{
    struct vcpu *v = arg;
    s_time_t period = READ_ONCE(v->periodic_period), time = now(), next;

    if (!period)
        return;
    /* Ticks that were missed are not made up for. */
    next = v->periodic.node.key + period;
    if (next <= time)
        next += (time - next) / period * period + period;
    timer_set(&v->periodic, next);
    event_send_vcpu_virq(v, VIRQ_TIMER);
}

static void poll_expired(void *arg)
{
    struct vcpu *v = arg;

    if (test_and_clear_bit_atomic(VCPU_POLLING, &v->pause_flags))
        vcpu_wake(v);
}

static int time_vcpu_init(struct vcpu *v)
{
    timer_init(&v->singleshot, singleshot_expired, v, v->cpu);
    timer_init(&v->periodic, periodic_expired, v, v->cpu);
    timer_init(&v->poll_timer, poll_expired, v, v->cpu);
    return 0;
}

static void time_vcpu_free(struct vcpu *v)
{
    timer_kill(&v->singleshot);
    timer_kill(&v->periodic);
    timer_kill(&v->poll_timer);
}

/* Here already, so that none goes off once the event channels are gone. */
static int time_teardown(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    for_each_vcpu (d, v, i)
        time_vcpu_free(v);
    return 0;
}

const struct domain_part time_part = {
    .name = "time",
    .init = time_init,
    .vcpu_init = time_vcpu_init,
    .teardown = time_teardown,
    .vcpu_free = time_vcpu_free,
};
