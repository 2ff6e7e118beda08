/*
 * Sending: from a guest's EVTCHNOP_send, an interrupt line or the hypervisor itself to the
 * channel at the other end. Any context, interrupts included; O(1); takes the sender's
 * LOCK_EVENT_CHANNEL and, in the FIFO ABI, a LOCK_EVENT_QUEUE.
 */
#include "internal.h"

void event_upcall(struct vcpu *v)
{
    struct vcpu_info *info = READ_ONCE(v->info);

    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
}

/*
 * may_poll is a hint that is never wrong in one direction: a poller sets VCPU_POLLING, then (in
 * event_port_is_pending()) may_poll, and only then looks at the pending bit. We set that bit first.
 */
void event_wake_pollers(struct domain *d, evtchn_port_t port)
{
    bool still = false;
    struct vcpu *v;
    unsigned int i;

    if (likely(!READ_ONCE(d->event->may_poll)))
        return;
    __atomic_store_n(&d->event->may_poll, false, __ATOMIC_SEQ_CST);
    smp_mb();
    for_each_vcpu (d, v, i) {
        evtchn_port_t only;

        if (!test_bit(VCPU_POLLING, &v->pause_flags))
            continue;
        still = true;
        only = READ_ONCE(v->poll_port);
        if (only == 0 || only == port)
            vcpu_kick(v);
    }
    if (still)
        __atomic_store_n(&d->event->may_poll, true, __ATOMIC_SEQ_CST);
}

void event_raise(struct domain *d, struct event_channel *ch)
{
    if (unlikely(ch->consumer))
        ch->consumer(domain_vcpu(d, ch->vcpu), ch->port);
    else
        event_abi(d)->raise(d, ch);
}

int event_send(struct domain *d, evtchn_port_t port)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;
    int rc = 0;

    if (!ch)
        return -EINVAL;
    flags = spin_lock_irqsave(&ch->lock);
    if (unlikely(ch->consumer))
        rc = -EINVAL;
    else if (ch->state == CHANNEL_INTERDOMAIN)
        event_raise(ch->peer.domain, ch->peer.channel);
    else if (ch->state == CHANNEL_IPI)
        event_raise(d, ch);
    else if (ch->state != CHANNEL_UNBOUND) /* into the void is no error */
        rc = -EINVAL;
    spin_unlock_irqrestore(&ch->lock, flags);
    return rc;
}

void event_notify_xen(struct domain *d, evtchn_port_t port)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;

    if (!ch)
        return;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->consumer && ch->state == CHANNEL_INTERDOMAIN)
        event_raise(ch->peer.domain, ch->peer.channel);
    spin_unlock_irqrestore(&ch->lock, flags);
}

void event_send_port(struct domain *d, evtchn_port_t port)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;

    if (!ch)
        return;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state == CHANNEL_PIRQ)
        event_raise(d, ch);
    spin_unlock_irqrestore(&ch->lock, flags);
}

int event_unmask(struct domain *d, evtchn_port_t port)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;

    if (!ch)
        return -EINVAL;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state != CHANNEL_FREE && ch->state != CHANNEL_RESERVED && !ch->consumer)
        event_abi(d)->unmask(d, ch);
    spin_unlock_irqrestore(&ch->lock, flags);
    return 0;
}

int event_port_is_pending(struct domain *d, evtchn_port_t port)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;
    int rc = -EINVAL;

    if (!ch)
        return rc;
    __atomic_store_n(&d->event->may_poll, true, __ATOMIC_SEQ_CST);
    smp_mb();
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state != CHANNEL_FREE && ch->state != CHANNEL_RESERVED)
        rc = event_abi(d)->is_pending(d, ch);
    spin_unlock_irqrestore(&ch->lock, flags);
    return rc;
}

void event_vcpu_info_moved(struct vcpu *v)
{
    struct vcpu_info *info = READ_ONCE(v->info);

    /* Events raised while it moved may have been noted in the old place: let the guest look at
     * all. */
    __atomic_store_n(&info->evtchn_pending_sel, ~(xen_ulong_t)0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
    vcpu_kick(v);
}
