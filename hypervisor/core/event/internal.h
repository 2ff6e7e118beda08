/*
 * Event channels, as the files of this folder share them. A port is an index into a domain's table
 * of channels: 32 groups of 64 buckets of 64 channels, a bucket being one page. Groups and buckets
 * come when they are needed and stay until the domain is freed, so a channel's address is good for
 * as long as its domain is.
 *
 * Locks: domain_event.lock guards which ports are used, the ABI, and virq_port[]; a channel's own
 * lock guards its state, and is also taken in interrupt context. An interdomain channel changes its
 * state only under both ends' locks: who holds one may use the other end, and that end's domain
 * lives. See docs/design/event-channels.md.
 */
#ifndef EVENT_INTERNAL_H
#define EVENT_INTERNAL_H

#include <hv/errno.h>
#include <hv/event.h>
#include <hv/sched.h>
#include <hv/spinlock.h>
#include <arch/irqflags.h>

#define EVENT_MAX_PORTS ((evtchn_port_t)EVTCHN_FIFO_NR_CHANNELS)
#define GROUP_SHIFT     12
#define BUCKET_SHIFT    6
#define NR_GROUPS       (EVENT_MAX_PORTS >> GROUP_SHIFT)
#define BUCKET_PORTS    (1U << BUCKET_SHIFT)
#define GROUP_BUCKETS   (1U << (GROUP_SHIFT - BUCKET_SHIFT))

enum channel_state {
    CHANNEL_FREE = EVTCHNSTAT_closed,
    CHANNEL_UNBOUND = EVTCHNSTAT_unbound,
    CHANNEL_INTERDOMAIN = EVTCHNSTAT_interdomain,
    CHANNEL_PIRQ = EVTCHNSTAT_pirq,
    CHANNEL_VIRQ = EVTCHNSTAT_virq,
    CHANNEL_IPI = EVTCHNSTAT_ipi,
    CHANNEL_RESERVED, /* port 0 */
};

struct event_channel {
    spinlock_t lock; /* LOCK_EVENT_CHANNEL: state, vcpu, priority, what it is bound to */
    evtchn_port_t port;
    uint8_t state;     /* enum channel_state */
    uint8_t priority;  /* FIFO: queue for the next event */
    bool changing;     /* being bound or closed by one who does not hold the lock; domain lock */
    bool raised_early; /* FIFO: raised when the event array did not reach it yet; atomic */
    uint32_t vcpu;     /* whom it notifies */
    uint32_t queue; /* FIFO: where it was linked last; under that queue's and the new one's lock */
    union {
        struct {
            struct domain *domain;
            struct event_channel *channel;
        } peer;         /* CHANNEL_INTERDOMAIN */
        domid_t remote; /* CHANNEL_UNBOUND: who may bind */
        uint32_t pirq;  /* CHANNEL_PIRQ */
        uint32_t virq;  /* CHANNEL_VIRQ */
    };
    void (*consumer)(struct vcpu *v, evtchn_port_t port); /* the hypervisor's own channel */
} aligned_to(64);

_Static_assert(sizeof(struct event_channel) == PAGE_SIZE / BUCKET_PORTS, "a bucket is a page");

struct event_group {
    unsigned long full;                 /* buckets without a free port */
    unsigned long taken[GROUP_BUCKETS]; /* a bit a port */
    struct event_channel *bucket[GROUP_BUCKETS];
};

/* How pending and masked bits are shared with the guest: 2-level or FIFO. */
struct event_abi {
    const char *name;
    evtchn_port_t max_ports;
    /* The caller holds a lock that keeps ch in use: its own, or its peer's. Any context. */
    void (*raise)(struct domain *d, struct event_channel *ch);
    void (*unmask)(struct domain *d, struct event_channel *ch);
    void (*clear)(struct domain *d, struct event_channel *ch); /* forget that it is pending */
    bool (*is_pending)(const struct domain *d, const struct event_channel *ch);
    bool (*is_masked)(const struct domain *d, const struct event_channel *ch);
    /* A closed port that the guest has yet to take off a queue: not to be reused. */
    bool (*is_busy)(const struct domain *d, evtchn_port_t port);
    uint32_t (*word)(const struct domain *d, evtchn_port_t port); /* for printing; may be NULL */
};

extern const struct event_abi event_abi_2l, event_abi_fifo;

struct event_fifo;

struct domain_event {
    spinlock_t lock; /* LOCK_EVENT_DOMAIN */
    const struct event_abi *abi;
    struct event_fifo *fifo; /* there before abi says FIFO, gone after it says so no longer */
    evtchn_port_t max_port;
    bool may_poll; /* a vCPU may be in SCHEDOP_poll; atomic */
    struct event_group *group[NR_GROUPS];
};

static inline const struct event_abi *event_abi(const struct domain *d)
{
    return __atomic_load_n(&d->event->abi, __ATOMIC_ACQUIRE);
}

struct vcpu_event {
    evtchn_port_t virq_port[NR_VIRQS]; /* 0: not bound; the global ones at vCPU 0 */
};

/* ---- table.c: the domain lock is held, except for channel_lookup() ---- */
struct event_channel *channel_lookup(const struct domain *d, evtchn_port_t port);
/* A free port, marked used, its channel still CHANNEL_FREE. -ENOSPC, -ENOMEM. */
must_check int port_alloc(struct domain *d, struct event_channel **out);
void port_free(struct domain *d, struct event_channel *ch);
/* First used port from `from` on; EVENT_MAX_PORTS if there is none. */
evtchn_port_t port_next_used(const struct domain *d, evtchn_port_t from);
must_check int event_table_init(struct domain *d);
void event_table_free(struct domain *d);

/* ---- bind.c ---- */
/* Each gives 0 and the new port in *port. The errors are those of the public header's callers:
 * -ENOENT no such vCPU, -EEXIST bound already, -EINVAL, -ENOSPC no port left, -ENOMEM. */
must_check int event_alloc_unbound(struct domain *d, domid_t remote, evtchn_port_t *port);
must_check int event_bind_interdomain(struct domain *d, struct domain *rd, evtchn_port_t rport,
                                      evtchn_port_t *port);
must_check int event_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu,
                               evtchn_port_t *port);
must_check int event_bind_ipi(struct domain *d, unsigned int vcpu, evtchn_port_t *port);
must_check int event_bind_pirq(struct domain *d, unsigned int pirq, bool shareable,
                               evtchn_port_t *port);
must_check int event_bind_vcpu(struct domain *d, evtchn_port_t port, unsigned int vcpu);

/* ---- virq.c ---- */
bool virq_is_global(unsigned int virq);
/* A dying domain gets no more global VIRQs. */
void event_drop_virq_handler(struct domain *d);

/* ---- close.c ---- */
/* -EINVAL: not in use, or the hypervisor's and `guest`; -EBUSY: someone else is at it. */
must_check int event_close(struct domain *d, evtchn_port_t port, bool guest);
/* Close all, back to 2-level. -ERESTART when preempted. */
must_check int event_reset(struct domain *d, bool guest);

/* ---- send.c ---- */
/* Raise ch of d, or call its consumer; locking as for event_abi.raise. */
void event_raise(struct domain *d, struct event_channel *ch);
/* Tell v that there is something in its queues or selector. */
void event_upcall(struct vcpu *v);
/* The port has just become pending. */
void event_wake_pollers(struct domain *d, evtchn_port_t port);

/* ---- fifo.c, fifo_setup.c ---- */
must_check int event_fifo_init_control(struct domain *d, struct evtchn_init_control *args);
must_check int event_fifo_expand_array(struct domain *d, uint64_t array_gfn);
must_check int event_set_priority(struct domain *d, evtchn_port_t port, unsigned int priority);
/* Unmap the guest's frames and free it; no channel uses it any more. NULL is fine. */
void event_fifo_destroy(struct domain *d, struct event_fifo *fifo);

#endif
