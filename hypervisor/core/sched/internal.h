/* Private to core/sched. */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include <hv/percpu.h>
#include <hv/sched.h>
#include <xen/sysctl.h>

#define DEFAULT_WEIGHT 256U
#define NR_WATCHDOGS   2

/* CPUs and the domains that run on them and nowhere else. LOCK_DOMCTL but where it says so. */
struct cpupool {
    uint32_t id;
    unsigned int domains;      /* atomic: a domain leaves it when its last reference goes */
    unsigned int ratelimit_us; /* a vCPU runs so long before it is preempted; any CPU reads it */
    cpumask_t cpus;            /* online; any CPU reads it, bit by bit */
    struct cpupool *next;      /* by id */
};
extern struct cpupool cpupool0;

struct sched_cpu {
    spinlock_t lock;      /* LOCK_SCHED_CPU: this CPU's queue, and every vCPU whose `cpu` it is */
    struct cpupool *pool; /* whose vCPUs run here; NULL: nobody's */
    struct vcpu *idle;
    struct timer slice; /* ask the scheduler again */
    uint64_t switches;
};
DECLARE_PER_CPU(struct sched_cpu, sched_cpu);

/* What the framework keeps for a vCPU; the head of what the scheduler allocates. */
struct vcpu_sched {
    bool queued;        /* LOCK_SCHED_CPU: on its CPU's queue */
    cpumask_t allowed;  /* LOCK_SCHED_CPU: its pool's CPUs in its hard affinity; one at least */
    bool pinned;        /* SCHEDOP_pin_override is in force */
    cpumask_t unpinned; /* the hard affinity to go back to */
};

struct watchdog {
    struct timer timer;
    bool in_use; /* LOCK_DOMAIN */
};

struct cap {
    spinlock_t lock;      /* LOCK_SCHED_CAP */
    unsigned int percent; /* of a CPU; 0: no cap */
    s_time_t budget;      /* ns left in this period; below 0: overdrawn */
    s_time_t period;      /* when it began */
    struct timer timer;   /* its end, if a vCPU waits for that */
};

struct domain_sched {
    struct cpupool *pool; /* LOCK_DOMCTL; readable with LOCK_SCHED_CPU of one of its vCPUs */
    unsigned int weight;  /* 1-65535: share relative to other domains' vCPUs */
    unsigned int vcpus;   /* created; atomic */
    struct cap cap;
    struct watchdog watchdog[NR_WATCHDOGS];
};

extern const struct scheduler *sched_ops;

void cpupool_init(void);
/* Count d in its pool; for its creation and its end. */
void cpupool_enter(struct domain *d, struct cpupool *pool);
void cpupool_leave(struct domain *d);
/* v's domain is in another pool, or its pool has other CPUs: move v if it has to. If no CPU of the
 * pool is in v's affinity, or `anew`: it has none from now on. */
void sched_pool_changed(struct vcpu *v, bool anew);

void cap_init(struct domain *d);
void cap_set(struct domain *d, unsigned int percent);
/* The next three: LOCK_SCHED_CPU of some CPU is held. */
void cap_charge(struct domain *d, s_time_t ran, s_time_t time);
/* May v run now? If not, it is parked: not runnable until its domain has time again. */
must_check bool cap_admits(struct vcpu *v, s_time_t time);
/* How long a vCPU may run before cap_admits() is to be asked again; slice < 0: for ever. */
s_time_t cap_slice(struct domain *d, s_time_t slice);

/* Let others run first, once; v is current. */
void vcpu_yield(struct vcpu *v);

#endif
