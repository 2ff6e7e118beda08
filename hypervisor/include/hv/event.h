/* Event channels: 2-level and FIFO. See docs/design/event-channels.md. */
#ifndef HV_EVENT_H
#define HV_EVENT_H

#include <hv/domain.h>
#include <xen/event_channel.h>

must_check long do_event_channel_op(int cmd, guest_ptr_t arg);

/* Raise a per-vCPU VIRQ (VIRQ_TIMER, VIRQ_DEBUG...) if the vCPU bound it. Any context. */
void event_send_vcpu_virq(struct vcpu *v, unsigned int virq);
/* Raise a global VIRQ (VIRQ_CONSOLE, VIRQ_DOM_EXC...) at its handler, if that bound it. Any
 * context, but without a lock of an event channel. */
void event_send_global_virq(unsigned int virq);
/* From now on a global VIRQ goes to d, until it dies; not to the hardware domain. -EINVAL: no such
 * VIRQ, or one of vCPUs; dying. */
must_check int event_set_virq_handler(struct domain *d, unsigned int virq);
/* As d's EVTCHNOP_send. -EINVAL: not a port of d that can send. Any context. */
must_check int event_send(struct domain *d, evtchn_port_t port);
/* Raise a bound port of d as an interrupt line does (irq code, lock-free on the caller's side). */
void event_send_port(struct domain *d, evtchn_port_t port);
/* An upcall is due: pending and not masked. */
static inline bool event_upcall_pending(const struct vcpu *v)
{
    const struct vcpu_info *info = READ_ONCE(v->info);

#ifdef XEN_HAVE_PV_UPCALL_MASK
    if (READ_ONCE(info->evtchn_upcall_mask))
        return false;
#endif
    return READ_ONCE(info->evtchn_upcall_pending);
}
/* An NMI is due, which no mask but the handling of an earlier one holds back. */
static inline bool event_nmi_due(const struct vcpu *v)
{
    return READ_ONCE(v->nmi_pending) && !v->nmi_blocked;
}
/* SCHEDOP_block lets events in again; a vCPU without a place for them keeps them out. */
static inline void event_upcall_set_mask(struct vcpu_info *info, bool mask)
{
#ifdef XEN_HAVE_PV_UPCALL_MASK
    WRITE_ONCE(info->evtchn_upcall_mask, mask);
#else
    (void)info, (void)mask;
#endif
}
/* SCHEDOP_poll: is this port pending? -EINVAL if it is not a port of d. The poller must set its
 * VCPU_POLLING before asking; an event that arrives later then kicks it. */
must_check int event_port_is_pending(struct domain *d, evtchn_port_t port);
/* The vcpu_info moved: re-deliver what might have been pending. */
void event_vcpu_info_moved(struct vcpu *v);
/* Unmask a port as EVTCHNOP_unmask does. -EINVAL: not a port of d. */
must_check int event_unmask(struct domain *d, evtchn_port_t port);
/* Highest port that d may use, from XEN_DOMCTL_createdomain; before d runs. */
void event_set_max_port(struct domain *d, evtchn_port_t max);

/* Hypervisor-side channels (ioreq, console): a port in d that calls fn(v, port) on notify, with the
 * sender's channel locked and interrupts off. d itself can neither use nor close it. Returns the
 * port, -EINVAL (no such vCPU, dying), -ENOSPC, -ENOMEM. */
must_check int event_alloc_unbound_xen(struct domain *d, unsigned int vcpu, domid_t remote,
                                       void (*fn)(struct vcpu *v, evtchn_port_t port));
void event_close_xen(struct domain *d, evtchn_port_t port);
/* Notify the domain that is bound to the other end; nothing if nobody is. */
void event_notify_xen(struct domain *d, evtchn_port_t port);
/* Frames of its own that d gave for the FIFO ABI, which are written at any time, are dirty. */
void event_mark_written(struct domain *d);
void event_print(const struct domain *d); /* debug key 'e' */

#endif
