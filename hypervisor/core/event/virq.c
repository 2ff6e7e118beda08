/*
 * Virtual interrupts: raising them, and who gets the global ones. Those are the hardware domain's
 * unless the control domain gave one to another (XEN_DOMCTL_set_virq_handler), and again when that
 * one dies. Sending works in any context that holds no lock of an event channel.
 */
#include "internal.h"

static spinlock_t handlers_lock = SPINLOCK_INIT(LOCK_VIRQ_HANDLERS);
static struct domain *handlers[NR_VIRQS]; /* with a reference; NULL: the hardware domain */

bool virq_is_global(unsigned int virq)
{
    switch (virq) {
    case VIRQ_TIMER:
    case VIRQ_DEBUG:
    case VIRQ_XENOPROF:
    case VIRQ_XENPMU:
        return false;
    default:
        return true;
    }
}

/* virq_port[] is read without a lock; what it led to is checked under the channel's. */
void event_send_vcpu_virq(struct vcpu *v, unsigned int virq)
{
    evtchn_port_t port = READ_ONCE(v->event->virq_port[virq]);
    struct event_channel *ch = port ? channel_lookup(v->domain, port) : NULL;
    unsigned long flags;

    if (!ch)
        return;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state == CHANNEL_VIRQ && ch->virq == virq &&
        (virq_is_global(virq) || ch->vcpu == v->id))
        event_raise(v->domain, ch);
    spin_unlock_irqrestore(&ch->lock, flags);
}

void event_send_global_virq(unsigned int virq)
{
    unsigned long flags = spin_lock_irqsave(&handlers_lock);
    struct domain *d = handlers[virq] ? handlers[virq] : READ_ONCE(hardware_domain);
    struct vcpu *v = d ? domain_vcpu(d, 0) : NULL;

    if (v)
        event_send_vcpu_virq(v, virq);
    spin_unlock_irqrestore(&handlers_lock, flags);
}

int event_set_virq_handler(struct domain *d, unsigned int virq)
{
    struct domain *old = NULL;
    unsigned long flags;
    int rc = -EINVAL;

    if (virq >= NR_VIRQS || !virq_is_global(virq))
        return -EINVAL;
    flags = spin_lock_irqsave(&handlers_lock);
    /* Its teardown looks here once more after it is marked. */
    if (!READ_ONCE(d->is_dying)) {
        old = handlers[virq];
        handlers[virq] = d;
        domain_hold(d);
        rc = 0;
    }
    spin_unlock_irqrestore(&handlers_lock, flags);
    if (old)
        domain_put(old);
    return rc;
}

void event_drop_virq_handler(struct domain *d)
{
    for (unsigned int virq = 0; virq < NR_VIRQS; virq++) {
        unsigned long flags = spin_lock_irqsave(&handlers_lock);
        bool it = handlers[virq] == d;

        if (it)
            handlers[virq] = NULL;
        spin_unlock_irqrestore(&handlers_lock, flags);
        if (it)
            domain_put(d);
    }
}
