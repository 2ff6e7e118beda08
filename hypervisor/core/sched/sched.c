/*
 * The scheduling framework: what state a vCPU is in, who may run where, and the order of events
 * around a switch. Which vCPU runs is the scheduler's decision (a const table, here credit2).
 * The states, the locks and the races are described in docs/design/scheduling.md.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/string.h>
#include <hv/time.h>
#include <xen/sched.h>

static char sched_name[16] = "credit2";
STRING_OPTION("sched", sched_name, "the scheduler: credit2");

static const struct scheduler *const schedulers[] = { &sched_credit2 };
const struct scheduler *sched_ops = &sched_credit2;

/* The boot CPU is "in" a vCPU before there are any: `current` is never NULL. */
static struct domain idle_domain = { .id = DOMID_IDLE, .refs = 1 };
static struct vcpu early_vcpu = { .domain = &idle_domain, .is_running = true };
struct domain *domain_idle = &idle_domain;

DEFINE_PER_CPU_FIRST(struct vcpu *, running_vcpu) = &early_vcpu;
DEFINE_PER_CPU(struct sched_cpu, sched_cpu) = {
    .lock = SPINLOCK_INIT(LOCK_SCHED_CPU),
    .idle = &early_vcpu,
};

struct vcpu *sched_idle_vcpu(unsigned int cpu)
{
    return per_cpu(sched_cpu, cpu).idle;
}

/* A vCPU can move while we wait for the lock of the CPU it was on. */
static struct sched_cpu *lock_vcpu(const struct vcpu *v, unsigned long *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(v->cpu);
        struct sched_cpu *sc = &per_cpu(sched_cpu, cpu);

        *flags = spin_lock_irqsave(&sc->lock);
        if (likely(v->cpu == cpu))
            return sc;
        spin_unlock_irqrestore(&sc->lock, *flags);
    }
}

/* ---- states ---- */

static int resting_state(const struct vcpu *v)
{
    unsigned long pauses = READ_ONCE(v->pause_flags);

    if (!(pauses & ~BIT(VCPU_PARKED)) && !READ_ONCE(v->pause_count) &&
        !READ_ONCE(v->domain->pause_count))
        return RUNSTATE_runnable;
    if (pauses & (BIT(VCPU_BLOCKED) | BIT(VCPU_POLLING)))
        return RUNSTATE_blocked;
    return RUNSTATE_offline;
}

static void set_runstate(struct vcpu *v, int state, s_time_t time)
{
    struct vcpu_runstate_info *r = &v->runstate;
    s_time_t passed = time - (s_time_t)r->state_entry_time;

    /* Counters of two CPUs may differ by a little. */
    if (passed > 0) {
        r->time[r->state] += (uint64_t)passed;
        r->state_entry_time = (uint64_t)time;
    }
    r->state = state;
}

/* A pause bit or count of v changed: put v where it belongs now. LOCK_SCHED_CPU of v->cpu. */
static void settle_locked(struct vcpu *v)
{
    bool runnable = vcpu_runnable(v), queued = v->sched->queued;

    /* On a CPU, or on its way off: that CPU looks at v, now or in sched_context_saved(). */
    if (v->is_running && !queued) {
        if (!runnable)
            softirq_raise_on(v->cpu, SOFTIRQ_SCHEDULE);
        return;
    }
    if (runnable && queued)
        return;
    set_runstate(v, resting_state(v), now());
    if (runnable)
        sched_ops->wake(v);
    else if (queued)
        sched_ops->sleep(v);
}

static void settle(struct vcpu *v)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);

    settle_locked(v);
    spin_unlock_irqrestore(&sc->lock, flags);
}

void vcpu_wake(struct vcpu *v)
{
    settle(v);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    settle(v);
}

void vcpu_sleep_sync(struct vcpu *v)
{
    ASSERT(v != current);
    settle(v);
    while (!vcpu_runnable(v) && __atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE))
        cpu_relax();
}

void vcpu_kick(struct vcpu *v)
{
    unsigned long waiting = BIT(VCPU_BLOCKED) | BIT(VCPU_POLLING);

    /* The event was marked before; whoever blocks sets its bit and then looks for events. */
    smp_mb();
    if ((READ_ONCE(v->pause_flags) & waiting) &&
        (__atomic_fetch_and(&v->pause_flags, ~waiting, __ATOMIC_SEQ_CST) & waiting))
        vcpu_wake(v);
    else if (v != current && READ_ONCE(v->is_running))
        smp_send_ipi(READ_ONCE(v->cpu), IPI_EVENT_CHECK);
}

void vcpu_yield(struct vcpu *v)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);

    sched_ops->yield(v);
    spin_unlock_irqrestore(&sc->lock, flags);
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);
    s_time_t passed;

    *info = v->runstate;
    passed = now() - (s_time_t)info->state_entry_time;
    spin_unlock_irqrestore(&sc->lock, flags);
    if (passed > 0)
        info->time[info->state] += (uint64_t)passed;
}

void vcpu_update_runstate_area(struct vcpu *v)
{
    guest_ptr_t area = v->runstate_guest;
    guest_ptr_t entry_time =
        guest_ptr_add(area, offsetof(struct vcpu_runstate_info, state_entry_time));
    struct vcpu_runstate_info info = v->runstate;
    bool marked = READ_ONCE(v->domain->vm_assist) & BIT(VMASST_TYPE_runstate_update_flag);

    if (guest_ptr_is_null(area))
        return;
    /* A page that is not mapped just now is the guest's loss: it gets the next update. */
    if (marked) {
        info.state_entry_time |= XEN_RUNSTATE_UPDATE;
        if (copy_to_guest(entry_time, &info.state_entry_time, sizeof(info.state_entry_time)))
            return;
        smp_wmb();
    }
    if (copy_to_guest(area, &info, sizeof(info)) || !marked)
        return;
    smp_wmb();
    info.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
    if (copy_to_guest(entry_time, &info.state_entry_time, sizeof(info.state_entry_time)))
        guest_printk(v->domain, LOG_DEBUG, "vCPU %u: its runstate area went away\n", v->id);
}

/* ---- affinity ---- */

/* Move v to where it may run, if it is neither there nor running (then sched_context_saved() comes
 * back here). */
static void relocate(struct vcpu *v)
{
    for (;;) {
        unsigned int old = READ_ONCE(v->cpu), cpu = sched_ops->pick_cpu(v);
        struct sched_cpu *from = &per_cpu(sched_cpu, old), *to = &per_cpu(sched_cpu, cpu);
        unsigned long flags = irq_save();
        bool done = false;

        spin_lock_both(&from->lock, &to->lock);
        if (v->cpu == old) {
            done = cpumask_test(old, &v->sched->allowed);
            if (!done && v->is_running) {
                softirq_raise_on(old, SOFTIRQ_SCHEDULE);
                done = true;
            } else if (!done && cpumask_test(cpu, &v->sched->allowed)) {
                if (v->sched->queued)
                    sched_ops->sleep(v);
                sched_ops->move(v, cpu);
                settle_locked(v);
                done = true;
            }
        }
        spin_unlock_both(&from->lock, &to->lock);
        irq_restore(flags);
        if (done)
            return;
    }
}

/* LOCK_SCHED_CPU of v->cpu. -EINVAL, and nothing changes: v could not run anywhere. 1: once the
 * lock is released, relocate() is to be called. */
static int set_places(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft)
{
    cpumask_t allowed = cpumask_and(hard, &v->domain->sched->pool->cpus);

    if (cpumask_empty(&allowed))
        return -EINVAL;
    v->hard_affinity = *hard;
    v->soft_affinity = *soft;
    v->sched->allowed = allowed;
    if (!cpumask_test(v->cpu, &allowed))
        return 1;
    if (v->sched->queued)
        sched_ops->movable(v);
    return 0;
}

int sched_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);
    int rc = set_places(v, hard, soft);

    spin_unlock_irqrestore(&sc->lock, flags);
    if (rc <= 0)
        return rc;
    relocate(v);
    return 0;
}

void sched_pool_changed(struct vcpu *v, bool anew)
{
    cpumask_t all;
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);
    int rc = -EINVAL;

    memset(&all, 0xff, sizeof(all));
    if (!anew)
        rc = set_places(v, &v->hard_affinity, &v->soft_affinity);
    if (rc == -EINVAL)
        rc = set_places(v, &all, &all);
    spin_unlock_irqrestore(&sc->lock, flags);
    if (rc == 1)
        relocate(v);
}

void sched_get_affinity(struct vcpu *v, cpumask_t *hard, cpumask_t *soft)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);

    *hard = v->sched->pinned ? v->sched->unpinned : v->hard_affinity;
    *soft = v->soft_affinity;
    spin_unlock_irqrestore(&sc->lock, flags);
}

void sched_get_places(struct vcpu *v, cpumask_t *may, cpumask_t *likes)
{
    unsigned long flags;
    struct sched_cpu *sc = lock_vcpu(v, &flags);

    *may = v->sched->allowed;
    *likes = v->soft_affinity;
    spin_unlock_irqrestore(&sc->lock, flags);
}

int sched_control_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft, bool unpin)
{
    int rc;

    if (v->sched->pinned && !unpin)
        return -EBUSY;
    rc = sched_set_affinity(v, hard, soft);
    if (!rc)
        v->sched->pinned = false;
    return rc;
}

/* ---- parameters ---- */

uint32_t sched_id(void)
{
    return sched_ops->id;
}

unsigned int sched_get_weight(const struct domain *d)
{
    return READ_ONCE(d->sched->weight);
}

void sched_set_weight(struct domain *d, unsigned int weight)
{
    WRITE_ONCE(d->sched->weight, weight);
}

unsigned int sched_get_cap(const struct domain *d)
{
    return READ_ONCE(d->sched->cap.percent);
}

void sched_set_cap(struct domain *d, unsigned int percent)
{
    cap_set(d, percent);
}

/* ---- switching ---- */

static void slice_over(void *arg)
{
    (void)arg;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

/* Its timers follow a vCPU, so that they wake it where it runs. */
static void bring_timers(struct vcpu *v, unsigned int cpu)
{
    if (is_idle_vcpu(v) || v->singleshot.cpu == cpu)
        return;
    timer_migrate(&v->singleshot, cpu);
    timer_migrate(&v->periodic, cpu);
    timer_migrate(&v->poll_timer, cpu);
}

/* SOFTIRQ_SCHEDULE. Returns if the same vCPU goes on. */
static void schedule(void)
{
    unsigned int cpu = smp_processor_id();
    struct sched_cpu *sc = &this_cpu(sched_cpu);
    struct vcpu *prev = current, *next;
    struct sched_decision decision;
    s_time_t time;

    spin_lock_irq(&sc->lock);
    time = now();
    decision = sched_ops->decide(cpu, time);
    next = decision.next;
    if (decision.slice >= 0)
        timer_set(&sc->slice, time + decision.slice);
    else
        timer_stop(&sc->slice);
    if (next == prev) {
        spin_unlock_irq(&sc->lock);
        return;
    }
    set_runstate(prev, resting_state(prev), time);
    set_runstate(next, RUNSTATE_running, time);
    next->is_running = true;
    this_cpu(running_vcpu) = next;
    sc->switches++;
    spin_unlock(&sc->lock);

    bring_timers(next, cpu);
    /* vcpu_kick() marks an event, then looks at is_running; next looks for events after this. */
    smp_mb();
    arch_context_switch(prev, next);
}

void sched_context_saved(struct vcpu *prev)
{
    struct sched_cpu *sc = &this_cpu(sched_cpu);
    unsigned long flags = spin_lock_irqsave(&sc->lock);
    bool misplaced;

    __atomic_store_n(&prev->is_running, false, __ATOMIC_SEQ_CST); /* see domain_check_shut_down() */
    if (is_idle_vcpu(prev)) {
        spin_unlock_irqrestore(&sc->lock, flags);
        return;
    }
    misplaced = !cpumask_test(prev->cpu, &prev->sched->allowed);
    if (prev->sched->queued)
        sched_ops->movable(prev);
    else if (!misplaced)
        settle_locked(prev);
    if (unlikely(READ_ONCE(prev->domain->is_shutting_down)))
        domain_check_shut_down(prev->domain);
    spin_unlock_irqrestore(&sc->lock, flags);
    if (misplaced)
        relocate(prev);
}

/* ---- start ---- */

void sched_init(void)
{
    const struct scheduler *chosen = NULL;

    for (unsigned int i = 0; i < ARRAY_SIZE(schedulers); i++) {
        if (!strcmp(schedulers[i]->name, sched_name))
            chosen = schedulers[i];
    }
    if (chosen)
        sched_ops = chosen;
    else
        printk(LOG_WARN, "sched=%s: there is no such scheduler, using %s\n", sched_name,
               sched_ops->name);

    cpupool_init();
    spin_lock_init(&idle_domain.lock, LOCK_DOMAIN);
    list_init(&idle_domain.list);
    idle_domain.vcpu = hv_alloc_array(struct vcpu *, NR_CPUS);
    if (!idle_domain.vcpu)
        panic("No memory for the idle domain");
    idle_domain.max_vcpus = NR_CPUS;
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
}

int sched_cpu_up(unsigned int cpu)
{
    struct sched_cpu *sc = &per_cpu(sched_cpu, cpu);
    struct vcpu *v = hv_alloc_type(struct vcpu);
    int rc;

    if (!v)
        return -ENOMEM;
    v->own_info = hv_alloc_type(struct vcpu_info);
    rc = v->own_info ? sched_ops->cpu_init(cpu) : -ENOMEM;
    if (rc) {
        hv_free(v->own_info);
        hv_free(v);
        return rc;
    }
    v->id = v->cpu = cpu;
    v->domain = &idle_domain;
    v->info = v->own_info;
    v->info_mfn = INVALID_MFN;
    v->is_running = v->is_initialised = true;
    v->hard_affinity = v->soft_affinity = cpumask_of(cpu);
    v->runstate.state = RUNSTATE_running;
    v->runstate.state_entry_time = (uint64_t)now();
    timer_init(&sc->slice, slice_over, NULL, cpu);
    sc->idle = per_cpu(running_vcpu, cpu) = v;
    idle_domain.vcpu[cpu] = v;
    return 0;
}

void sched_print(void)
{
    unsigned int cpu;

    printk_raw("Scheduler %s, time %lld ns\n", sched_ops->name, (long long)now());
    for_each_online_cpu (cpu) {
        const struct sched_cpu *sc = &per_cpu(sched_cpu, cpu);
        const struct vcpu *v = READ_ONCE(per_cpu(running_vcpu, cpu));

        if (is_idle_vcpu(v))
            printk_raw("CPU %u: idle", cpu);
        else
            printk_raw("CPU %u: d%uv%u", cpu, v->domain->id, v->id);
        printk_raw(", %llu switches\n", (unsigned long long)sc->switches);
        sched_ops->print_cpu(cpu);
    }
}

KEY_HANDLER(sched, 'r', sched_print, "print the run queues");

/* ---- a domain's part ---- */

static void watchdog_expired(void *arg)
{
    struct domain *d = arg;

    guest_printk(d, LOG_WARN, "its watchdog expired\n");
    domain_shutdown(d, SHUTDOWN_watchdog);
}

static int sched_domain_init(struct domain *d)
{
    d->sched = hv_alloc_type(struct domain_sched);
    if (!d->sched)
        return -ENOMEM;
    d->sched->weight = DEFAULT_WEIGHT;
    cpupool_enter(d, &cpupool0);
    cap_init(d);
    for (unsigned int i = 0; i < NR_WATCHDOGS; i++)
        timer_init(&d->sched->watchdog[i].timer, watchdog_expired, d, smp_processor_id());
    return 0;
}

static int sched_domain_teardown(struct domain *d)
{
    for (unsigned int i = 0; d->sched && i < NR_WATCHDOGS; i++)
        timer_kill(&d->sched->watchdog[i].timer);
    if (d->sched)
        timer_kill(&d->sched->cap.timer);
    return 0;
}

static void sched_domain_free(struct domain *d)
{
    if (d->sched)
        cpupool_leave(d);
    hv_free(d->sched);
    d->sched = NULL;
}

/* Chooses v->cpu, too. */
static int sched_vcpu_init(struct vcpu *v)
{
    return sched_ops->vcpu_init(v);
}

static void sched_vcpu_free(struct vcpu *v)
{
    sched_ops->vcpu_free(v);
}

const struct domain_part sched_part = {
    .name = "sched",
    .init = sched_domain_init,
    .vcpu_init = sched_vcpu_init,
    .teardown = sched_domain_teardown,
    .vcpu_free = sched_vcpu_free,
    .free = sched_domain_free,
};
