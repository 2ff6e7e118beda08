/*
 * Binding: a fresh port becomes one end of an interdomain channel, a VIRQ, an IPI or a physical
 * interrupt. Called by the hypercall (op.c) with no lock held, interrupts on.
 */
#include "internal.h"

#include <hv/irq.h>

/* The channel's own lock is held. */
static void channel_open(struct event_channel *ch, enum channel_state state, unsigned int vcpu)
{
    ch->vcpu = vcpu;
    ch->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    ch->state = state;
}

/* Allocate a port and open it, with `value` as the pirq, virq or remote domain. The domain lock is
 * held. */
static int channel_create(struct domain *d, enum channel_state state, unsigned int vcpu,
                          uint32_t value, struct event_channel **out)
{
    struct event_channel *ch;
    unsigned long flags;
    int rc = port_alloc(d, &ch);

    if (rc)
        return rc;
    flags = spin_lock_irqsave(&ch->lock);
    if (state == CHANNEL_UNBOUND)
        ch->remote = (domid_t)value;
    else if (state == CHANNEL_PIRQ)
        ch->pirq = value;
    else if (state == CHANNEL_VIRQ)
        ch->virq = value;
    channel_open(ch, state, vcpu);
    spin_unlock_irqrestore(&ch->lock, flags);
    *out = ch;
    return 0;
}

int event_alloc_unbound(struct domain *d, domid_t remote, evtchn_port_t *port)
{
    struct event_channel *ch;
    int rc;

    /* The control domain may ask before d has vCPUs; events need one to go to. */
    if (!domain_vcpu(d, 0))
        return -EINVAL;
    spin_lock(&d->event->lock);
    rc = channel_create(d, CHANNEL_UNBOUND, 0, remote, &ch);
    if (!rc)
        *port = ch->port;
    spin_unlock(&d->event->lock);
    return rc;
}

int event_alloc_unbound_xen(struct domain *d, unsigned int vcpu, domid_t remote,
                            void (*fn)(struct vcpu *v, evtchn_port_t port))
{
    struct event_channel *ch;
    int rc;

    if (!domain_vcpu(d, vcpu))
        return -EINVAL;
    spin_lock(&d->event->lock);
    rc = channel_create(d, CHANNEL_UNBOUND, vcpu, remote, &ch);
    if (!rc) {
        /* Nobody knows the port yet, and binding to it takes the domain lock. */
        ch->consumer = fn;
        rc = (int)ch->port;
    }
    spin_unlock(&d->event->lock);
    return rc;
}

/* Connect lch, free, with rch if that waits for ld. Both domain locks are held. */
static int channels_connect(struct domain *ld, struct event_channel *lch, struct domain *rd,
                            struct event_channel *rch)
{
    unsigned long flags = irq_save();
    int rc = -EINVAL;

    spin_lock_both(&lch->lock, &rch->lock);
    if (rch->state == CHANNEL_UNBOUND && rch->remote == ld->id && !rch->changing) {
        lch->peer.domain = rd;
        lch->peer.channel = rch;
        channel_open(lch, CHANNEL_INTERDOMAIN, 0);
        rch->peer.domain = ld;
        rch->peer.channel = lch;
        rch->state = CHANNEL_INTERDOMAIN;
        /* The peer may have sent before we were there. */
        event_raise(ld, lch);
        rc = 0;
    }
    spin_unlock_both(&lch->lock, &rch->lock);
    irq_restore(flags);
    return rc;
}

int event_bind_interdomain(struct domain *d, struct domain *rd, evtchn_port_t rport,
                           evtchn_port_t *port)
{
    struct event_channel *lch, *rch = channel_lookup(rd, rport);
    int rc;

    if (!rch)
        return -EINVAL;
    spin_lock_both(&d->event->lock, &rd->event->lock);
    /* Teardown closes every channel after is_dying is set: no new ones from then on. */
    rc = READ_ONCE(rd->is_dying) ? -EINVAL : port_alloc(d, &lch);
    if (!rc) {
        rc = channels_connect(d, lch, rd, rch);
        if (rc)
            port_free(d, lch);
        else
            *port = lch->port;
    }
    spin_unlock_both(&d->event->lock, &rd->event->lock);
    return rc;
}

int event_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, evtchn_port_t *port)
{
    struct event_channel *ch;
    struct vcpu *v;
    int rc;

    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    v = domain_vcpu(d, vcpu);
    if (!v)
        return -ENOENT;
    spin_lock(&d->event->lock);
    rc = v->event->virq_port[virq] ? -EEXIST : channel_create(d, CHANNEL_VIRQ, vcpu, virq, &ch);
    if (!rc) {
        *port = ch->port;
        WRITE_ONCE(v->event->virq_port[virq], ch->port);
    }
    spin_unlock(&d->event->lock);
    return rc;
}

int event_bind_ipi(struct domain *d, unsigned int vcpu, evtchn_port_t *port)
{
    struct event_channel *ch;
    int rc;

    if (!domain_vcpu(d, vcpu))
        return -ENOENT;
    spin_lock(&d->event->lock);
    rc = channel_create(d, CHANNEL_IPI, vcpu, 0, &ch);
    if (!rc)
        *port = ch->port;
    spin_unlock(&d->event->lock);
    return rc;
}

/*
 * The interrupt code has locks of a lower rank, so it is called with none of ours: `changing` keeps
 * others off the port. Interrupts may arrive at it before pirq_bind() has even returned.
 */
int event_bind_pirq(struct domain *d, unsigned int pirq, bool shareable, evtchn_port_t *port)
{
    struct vcpu *v = domain_vcpu(d, 0);
    struct event_channel *ch;
    unsigned long flags;
    int rc;

    if (!v)
        return -ENOENT;
    spin_lock(&d->event->lock);
    rc = channel_create(d, CHANNEL_PIRQ, 0, pirq, &ch);
    if (!rc)
        ch->changing = true;
    spin_unlock(&d->event->lock);
    if (rc)
        return rc;

    rc = pirq_bind(v, pirq, ch->port, shareable);
    spin_lock(&d->event->lock);
    if (rc) {
        flags = spin_lock_irqsave(&ch->lock);
        ch->state = CHANNEL_FREE;
        spin_unlock_irqrestore(&ch->lock, flags);
        port_free(d, ch);
    }
    ch->changing = false;
    spin_unlock(&d->event->lock);
    *port = ch->port;
    return rc;
}

int event_bind_vcpu(struct domain *d, evtchn_port_t port, unsigned int vcpu)
{
    struct event_channel *ch = channel_lookup(d, port);
    struct vcpu *v = domain_vcpu(d, vcpu);
    int rc = 0, pirq = -1;
    unsigned long flags;

    if (!v)
        return -ENOENT;
    if (!ch)
        return -EINVAL;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->consumer)
        rc = -EINVAL;
    else if (ch->state == CHANNEL_PIRQ)
        pirq = (int)ch->pirq;
    else if (ch->state == CHANNEL_VIRQ)
        rc = virq_is_global(ch->virq) ? 0 : -EINVAL;
    else if (ch->state != CHANNEL_UNBOUND && ch->state != CHANNEL_INTERDOMAIN)
        rc = -EINVAL;
    if (!rc)
        WRITE_ONCE(ch->vcpu, vcpu);
    spin_unlock_irqrestore(&ch->lock, flags);
    if (pirq >= 0)
        pirq_set_affinity(d, (unsigned int)pirq, v);
    return rc;
}
