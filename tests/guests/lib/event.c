/*
 * Event channels, 2-level ABI: pending and mask bits in the shared info page, a selector word and
 * an upcall flag per vCPU. events_upcall() is entered by the back end with events masked.
 */
#include "guest.h"

#define BITS  64u
#define PORTS (BITS * BITS)

static event_handler *handlers[PORTS];

static void scan_two_level(void)
{
    struct vcpu_info *self = vcpu_info();
    unsigned long words = __atomic_exchange_n(&self->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    for (; words; words &= words - 1) {
        unsigned int word = (unsigned int)__builtin_ctzl(words);
        unsigned long ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];

        for (; ready; ready &= ready - 1) {
            unsigned int port = word * BITS + (unsigned int)__builtin_ctzl(ready);

            event_clear(port);
            if (handlers[port])
                handlers[port](port);
        }
    }
}

static void (*upcall)(void) = scan_two_level;

void event_set_upcall(void (*fn)(void))
{
    upcall = fn;
}

void events_upcall(void)
{
    vcpu_info()->evtchn_upcall_pending = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    upcall();
}

void events_enable(void)
{
    struct vcpu_info *self = vcpu_info();

    self->evtchn_upcall_mask = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* Any hypercall looks for pending events on its way out. */
    if (self->evtchn_upcall_pending)
        xen_version(XENVER_version, NULL);
}

void events_disable(void)
{
    vcpu_info()->evtchn_upcall_mask = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void event_bind(unsigned int port, event_handler *handler)
{
    if (port < PORTS)
        handlers[port] = handler;
    event_unmask(port);
}

void event_mask(unsigned int port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / BITS], 1ul << port % BITS, __ATOMIC_SEQ_CST);
}

void event_unmask(unsigned int port)
{
    struct evtchn_unmask arg = { .port = port };

    event_op(EVTCHNOP_unmask, &arg);
}

bool event_pending(unsigned int port)
{
    return __atomic_load_n(&shared_info->evtchn_pending[port / BITS], __ATOMIC_SEQ_CST) >>
               (port % BITS) &
           1;
}

void event_clear(unsigned int port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / BITS], ~(1ul << port % BITS),
                       __ATOMIC_SEQ_CST);
}

int event_bind_virq(unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq arg = { .virq = virq, .vcpu = vcpu };
    long ret = event_op(EVTCHNOP_bind_virq, &arg);

    return ret ? (int)ret : (int)arg.port;
}

int event_bind_ipi(unsigned int vcpu)
{
    struct evtchn_bind_ipi arg = { .vcpu = vcpu };
    long ret = event_op(EVTCHNOP_bind_ipi, &arg);

    return ret ? (int)ret : (int)arg.port;
}

int event_alloc_unbound(unsigned int remote)
{
    struct evtchn_alloc_unbound arg = { .dom = DOMID_SELF, .remote_dom = (domid_t)remote };
    long ret = event_op(EVTCHNOP_alloc_unbound, &arg);

    return ret ? (int)ret : (int)arg.port;
}

int event_bind_interdomain(unsigned int remote, unsigned int remote_port)
{
    struct evtchn_bind_interdomain arg = { .remote_dom = (domid_t)remote,
                                           .remote_port = remote_port };
    long ret = event_op(EVTCHNOP_bind_interdomain, &arg);

    return ret ? (int)ret : (int)arg.local_port;
}

/* Nobody tells it; but a channel to DOMID_SELF says whose it is. */
unsigned int guest_domid(void)
{
    static unsigned int self = DOMID_INVALID;

    if (self == DOMID_INVALID) {
        int port = event_alloc_unbound(DOMID_SELF);
        struct evtchn_status status = { .dom = DOMID_SELF, .port = (evtchn_port_t)port };

        if (port < 0 || event_op(EVTCHNOP_status, &status))
            bail("the guest does not know its number");
        event_close((unsigned int)port);
        self = status.u.unbound.dom;
    }
    return self;
}

long event_send(unsigned int port)
{
    struct evtchn_send arg = { .port = port };

    return event_op(EVTCHNOP_send, &arg);
}

long event_close(unsigned int port)
{
    struct evtchn_close arg = { .port = port };

    if (port < PORTS)
        handlers[port] = NULL;
    return event_op(EVTCHNOP_close, &arg);
}
