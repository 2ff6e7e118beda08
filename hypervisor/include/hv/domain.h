/*
 * Domains and vCPUs: what every area knows of them. Each area's own state hangs off a pointer and
 * is private to its folder (`internal.h`).
 */
#ifndef HV_DOMAIN_H
#define HV_DOMAIN_H

#include <hv/types.h>
#include <hv/cpumask.h>
#include <hv/errno.h>
#include <hv/list.h>
#include <hv/percpu.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/timer.h>
#include <arch/current.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>

#define DOMID_IDLE_CPU DOMID_IDLE
#define MAX_VCPUS      512 /* more than XEN_LEGACY_MAX_VCPUS needs vcpu_info registration */

struct domain_event;   /* core/event */
struct domain_grant;   /* core/grant */
struct domain_mem;     /* core/mem */
struct domain_sched;   /* core/sched */
struct domain_irq;     /* core/irq */
struct domain_console; /* core/hypercall: its half line of output */
struct arch_domain;    /* the architecture */
struct vcpu_event;
struct vcpu_sched;
struct arch_vcpu;

enum domain_type { DOMAIN_PV, DOMAIN_HVM };

/* What a domain is created with. */
struct domain_config {
    enum domain_type type;
    unsigned int flags; /* DOMAIN_CREATE_* */
    unsigned int max_vcpus;
    evtchn_port_t max_port;         /* the highest event channel; 0: the default */
    int32_t max_grant_frames;       /* of its table; < 0: the default, as for the next */
    int32_t max_maptrack_frames;    /* for the handles of what it maps */
    unsigned int max_grant_version; /* 1 or 2; 0: the newest */
    uint8_t handle[16];
};

struct domain {
    domid_t id;
    enum domain_type type;
    bool is_control;       /* may use the control interface */
    bool is_hardware;      /* owns the machine's devices */
    bool is_ready;         /* built: domain_get() finds it */
    bool is_dying;         /* no new references, mappings, channels */
    bool is_shutting_down; /* its vCPUs are being stopped */
    bool is_shut_down;     /* and none of them runs any more */
    bool is_telling;       /* `tell` is scheduled */
    bool debugger_attached;
    uint8_t shutdown_code;      /* SHUTDOWN_*, or SHUTDOWN_CODE_NONE; atomic */
    evtchn_port_t suspend_port; /* notified of a suspension instead of VIRQ_DOM_EXC; 0: none */
    uint32_t refs;              /* struct lives while not 0; atomic */
    uint32_t pause_count;       /* atomic; every vCPU is held while not 0 */
    uint32_t control_pauses;    /* LOCK_DOMCTL; how many of these the control domain may undo */
    unsigned long vm_assist;    /* VMASST_TYPE_* bits, atomic */
    unsigned int max_vcpus;
    struct vcpu **vcpu;    /* [max_vcpus], entries set under `lock`, never cleared before free */
    spinlock_t lock;       /* LOCK_DOMAIN */
    struct list_head list; /* LOCK_DOMAIN_LIST; by id */
    struct domain *next_same_hash;
    struct tasklet destroy;     /* when the last reference goes */
    struct tasklet tell;        /* that it has shut down */
    unsigned int parts_built;   /* whose init was called */
    unsigned int parts_to_undo; /* whose teardown is not done */
    uint8_t handle[16];         /* UUID */
    s_time_t created;
    int64_t time_offset; /* seconds that its wall clock is ahead of the machine's */

    struct shared_info *shared_info; /* mapped for us for the domain's life */
    mfn_t shared_info_mfn;

    struct domain_event *event;
    struct domain_grant *grant;
    struct domain_mem *mem;
    struct domain_sched *sched;
    struct domain_irq *irq;
    struct domain_console *console;
    struct arch_domain *arch;
};

enum vcpu_pause_bit {
    VCPU_DOWN,    /* not brought up by its domain (VCPUOP_up) */
    VCPU_BLOCKED, /* SCHEDOP_block: until an event */
    VCPU_POLLING, /* SCHEDOP_poll: until one of its ports, or the timeout */
    VCPU_PARKED,  /* its domain used up its cap: until it has time again; counts as runnable */
};

struct vcpu {
    unsigned int id;
    struct domain *domain;
    unsigned int cpu;           /* where it runs, or ran last; LOCK_SCHED_CPU */
    bool is_running;            /* on that CPU now */
    bool is_initialised;        /* has a register state (VCPUOP_initialise) */
    bool nmi_pending;           /* atomic */
    bool nmi_blocked;           /* its kernel handles one; its own CPU's */
    unsigned long pause_flags;  /* enum vcpu_pause_bit, atomic; runnable when 0 */
    uint32_t pause_count;       /* atomic, nests */
    evtchn_port_t poll_port;    /* VCPU_POLLING: the only port, 0 if several */
    struct vcpu_info *info;     /* never NULL: the shared page, a registered place, or a dummy */
    mfn_t info_mfn;             /* of a registered place, else INVALID_MFN */
    struct vcpu_info *own_info; /* the dummy, if it began with one */
    struct vcpu_runstate_info runstate; /* LOCK_SCHED_CPU */
    guest_ptr_t runstate_guest;         /* where the guest wants it; 0: nowhere */
    struct timer singleshot;            /* set_timer_op, VCPUOP_set_singleshot_timer */
    struct timer periodic;              /* VCPUOP_set_periodic_timer */
    s_time_t periodic_period;           /* ns, 0 when off */
    struct timer poll_timer;
    cpumask_t hard_affinity, soft_affinity; /* LOCK_SCHED_CPU */
    cpumask_t dirty_cpus;                   /* CPUs whose TLB may hold its translations */

    struct vcpu_event *event;
    struct vcpu_sched *sched;
    struct arch_vcpu *arch;
};

#define SHUTDOWN_CODE_NONE 0xffU

/* One part of a domain. Creation walks domain_parts[] forward, death backward. Every function may
 * be NULL; teardown is idempotent on zeroed memory and returns -ERESTART to be called again.
 * A part whose init (vcpu_init) failed gets its teardown and free (vcpu_free) called too. */
struct domain_part {
    const char *name;
    int (*init)(struct domain *d);
    int (*vcpu_init)(struct vcpu *v);
    int (*teardown)(struct domain *d); /* domain is dying: give back what others hold */
    void (*vcpu_free)(struct vcpu *v);
    void (*free)(struct domain *d);
};

extern const struct domain_part event_part, grant_part, memory_part, sched_part, irq_part,
    time_part, console_part, arch_part;

extern struct domain *hardware_domain; /* dom0 */
extern struct domain *domain_idle;     /* owner of the idle vCPUs */

/* `id` must be free. -ENOMEM, -EEXIST, -EINVAL (limits). The domain starts paused once. */
must_check int domain_create(domid_t id, const struct domain_config *config, struct domain **out);
#define DOMAIN_CREATE_CONTROL  1U
#define DOMAIN_CREATE_HARDWARE 2U
must_check int vcpu_create(struct domain *d, unsigned int id, struct vcpu **out);

/* By id, with a reference; NULL if there is none. DOMID_SELF is the caller's. */
must_check struct domain *domain_get(domid_t id);
void domain_put(struct domain *d);
/* By id, being built or dying included, without a reference: only for who knows that the domain
 * lives, because something of it (a frame) does. */
must_check struct domain *domain_find(domid_t id);
/* The domain with the lowest id at or above `from`, with a reference; NULL if there is none. */
must_check struct domain *domain_next(unsigned int from);
/* Destroy: stop it, give back what it holds, drop the reference of its creation. -ERESTART: call
 * again; -EINVAL: the hardware domain or the caller's own. */
must_check int domain_kill(struct domain *d);
/* One more, for who knows that the domain cannot vanish meanwhile. */
static inline void domain_hold(struct domain *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}
static inline struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    return id < d->max_vcpus ? READ_ONCE(d->vcpu[id]) : NULL;
}
#define for_each_vcpu(d, v, i)                                                                     \
    for ((i) = 0; (i) < (d)->max_vcpus; (i)++)                                                     \
        if (((v) = READ_ONCE((d)->vcpu[i])) != NULL)

void domain_pause(struct domain *d); /* waits until no vCPU runs; not on the caller's own */
void domain_unpause(struct domain *d);
void vcpu_pause(struct vcpu *v);
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
/* The guest asked for it, or was stopped for what it did. Reason: SHUTDOWN_*. */
void domain_shutdown(struct domain *d, uint8_t reason);
/* Undo a domain_shutdown(), if there was one: run again (after SHUTDOWN_suspend). Control
 * operations. */
void domain_resume(struct domain *d);
/* The scheduler took a vCPU of a domain that is shutting down off its CPU. Any context. */
void domain_check_shut_down(struct domain *d);
/* Kill for a violation: one plain sentence with the reason is logged. dom0: the machine goes with
 * it, after a report of its state. */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);

/* Changed by its own CPU only, in the scheduler; never NULL. */
DECLARE_PER_CPU(struct vcpu *, running_vcpu);
#define current (current_vcpu())
static inline bool is_idle_vcpu(const struct vcpu *v)
{
    return v->domain == domain_idle;
}
/* The domain that an operation names, with a reference: the caller's own, or any if the caller is
 * the control domain. -ESRCH; -EPERM: another's, without the right to it. */
static inline must_check int domain_get_subject(domid_t id, struct domain **out)
{
    struct domain *d = domain_get(id);

    if (!d)
        return -ESRCH;
    if (d != current->domain && !current->domain->is_control) {
        domain_put(d);
        return -EPERM;
    }
    *out = d;
    return 0;
}

#endif
