/*
 * Scheduling. core/sched/sched.c is the framework (states, affinity, blocking, context switch
 * order); a scheduler is a const table of functions.
 */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include <hv/domain.h>

struct sched_decision {
    struct vcpu *next; /* the CPU's idle vCPU if nothing is runnable */
    s_time_t slice;    /* ns until the scheduler wants to be asked again; <0: never */
};

struct scheduler {
    const char *name; /* sched= */
    unsigned int id;  /* XEN_SCHEDULER_* */
    int (*cpu_init)(unsigned int cpu);
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_free)(struct vcpu *v);
    unsigned int (*pick_cpu)(struct vcpu *v); /* of those where it may run; no lock */
    /* LOCK_SCHED_CPU of v->cpu held: */
    void (*wake)(struct vcpu *v);  /* became runnable, neither queued nor running */
    void (*sleep)(struct vcpu *v); /* take it off its queue */
    void (*yield)(struct vcpu *v); /* current: let others go first, once */
    struct sched_decision (*decide)(unsigned int cpu, s_time_t time);
    void (*movable)(struct vcpu *v); /* is queued, and may from now on run elsewhere */
    /* Both CPUs' LOCK_SCHED_CPU held; v is neither queued nor running: sets v->cpu. */
    void (*move)(struct vcpu *v, unsigned int cpu);
    void (*print_cpu)(unsigned int cpu);
};

extern const struct scheduler sched_credit2;

void sched_init(void);
must_check int sched_cpu_up(unsigned int cpu); /* its idle vCPU and queue; before the CPU runs */
void sched_cpu_online(unsigned int cpu);       /* it runs: pool 0 has it */
/* It leaves its pool, if it is in one, before it stops. LOCK_DOMCTL. As cpupool_remove_cpu(). */
must_check int sched_cpu_leave(unsigned int cpu);
struct vcpu *sched_idle_vcpu(unsigned int cpu);

void vcpu_wake(struct vcpu *v);         /* re-evaluate after a pause bit was cleared */
void vcpu_sleep_nosync(struct vcpu *v); /* re-evaluate after one was set */
void vcpu_sleep_sync(struct vcpu *v);   /* and wait until it is off its CPU */
/* Called from event delivery: an event is pending for v; ends block and poll. */
void vcpu_kick(struct vcpu *v);
/* -EINVAL: no CPU of its pool in `hard`. */
must_check int sched_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft);
/* What was last set, whatever SCHEDOP_pin_override put in its place. */
void sched_get_affinity(struct vcpu *v, cpumask_t *hard, cpumask_t *soft);
/* Where it may run, by its affinity and in its pool, and where it would like to. */
void sched_get_places(struct vcpu *v, cpumask_t *may, cpumask_t *likes);
/* For the control domain. Also -EBUSY: the vCPU pinned itself; with `unpin` that ends. */
must_check int sched_control_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft,
                                      bool unpin);
uint32_t sched_id(void); /* XEN_SCHEDULER_* */
/* A domain's share relative to others': 1-65535. */
unsigned int sched_get_weight(const struct domain *d);
void sched_set_weight(struct domain *d, unsigned int weight);
/* The most that its vCPUs may use together, in percent of a CPU; 0: there is no such limit. */
unsigned int sched_get_cap(const struct domain *d);
void sched_set_cap(struct domain *d, unsigned int percent);
/* Its runstate with the time up to now counted. */
void vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info);
static inline bool vcpu_runnable(const struct vcpu *v)
{
    return !(READ_ONCE(v->pause_flags) | READ_ONCE(v->pause_count) |
             READ_ONCE(v->domain->pause_count));
}
/* arch calls this from arch_context_switch() when prev's registers are saved. */
void sched_context_saved(struct vcpu *prev);

/* ---- pools of CPUs; all under LOCK_DOMCTL ---- */
/* A domain that was created a moment ago, without vCPUs, enters pool `id` rather than pool 0.
 * -ENOENT: no such pool; -ENODEV: it has no CPUs. */
must_check int cpupool_add_domain(struct domain *d, uint32_t id);
/* The same for any domain. It loses weight and cap, its vCPUs their affinity. Also -EBUSY: one
 * pinned itself. */
must_check int cpupool_move_domain(struct domain *d, uint32_t id);
uint32_t cpupool_of(const struct domain *d);
cpumask_t cpupool_cpus_of(const struct domain *d);
/* XEN_SYSCTL_CPUPOOL_PAR_ANY as `*id` is the number after the last; as `cpu` the first that is
 * free, the last of the pool. scheduler: XEN_SCHEDULER_*. -ENOSPC: no such scheduler, or too
 * many pools; -EEXIST; -ENOMEM. */
must_check int cpupool_create(uint32_t *id, uint32_t scheduler);
/* -ENOENT: no such pool; -EINVAL: no such CPU; -ENODEV: it is not free. */
must_check int cpupool_add_cpu(uint32_t id, unsigned int cpu);
/* -ENOENT; -EINVAL: no such CPU, or pool 0's last; -EADDRNOTAVAIL: the CPU is not in the pool;
 * -EBUSY: it is the last, and there are domains; -EADDRINUSE: a vCPU pinned itself to it. */
must_check int cpupool_remove_cpu(uint32_t id, unsigned int cpu);
/* -ENOENT; -EBUSY: it has CPUs or domains. */
must_check int cpupool_destroy(uint32_t id);
cpumask_t cpupool_free_cpus(void);
struct cpupool_info {
    uint32_t id;
    uint32_t domains; /* how many */
    cpumask_t cpus;
};
/* The pool with the lowest number at or above `from`. -ENOENT. */
must_check int cpupool_info(uint32_t from, struct cpupool_info *info);
/* Where a pool's rate limit is kept, microseconds. -ESRCH: no such pool. */
must_check int cpupool_ratelimit(uint32_t id, unsigned int **us);

noreturn void idle_loop(void); /* from arch_idle_entry(), on a clean stack */
/* How often an online CPU slept, and for how long it had nothing to do and something, ns; since the
 * start or the last reset. LOCK_DOMCTL. */
struct idle_stats {
    uint64_t sleeps, asleep, awake;
};
struct idle_stats idle_get_stats(unsigned int cpu);
void idle_reset_stats(unsigned int cpu);
extern unsigned int idle_max_cstate; /* 0: CPUs with nothing to do do not sleep */

must_check long do_sched_op(int cmd, guest_ptr_t arg);
must_check long do_set_timer_op(s_time_t deadline);
must_check long do_vcpu_op(int cmd, unsigned int vcpuid, guest_ptr_t arg);
/* Write v's runstate to where the guest registered it; on v's own CPU, v current. */
void vcpu_update_runstate_area(struct vcpu *v);
void sched_print(void); /* debug key 'r' */

#endif
