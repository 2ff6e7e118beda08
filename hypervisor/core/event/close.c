/*
 * Closing: one port, or all of a domain's (EVTCHNOP_reset, and its death). Called with no lock
 * held, interrupts on. `changing` gives the closer the port to itself, so that it need not hold the
 * domain lock over calls into the interrupt code or while it gets hold of the other end.
 */
#include "internal.h"

#include <hv/hypercall.h>
#include <hv/irq.h>
#include <arch/processor.h>

/* Part an interdomain channel from its peer, which waits for a new connection then. */
static void channel_disconnect(struct domain *d, struct event_channel *ch)
{
    struct event_channel *peer_ch;
    struct domain *peer;
    unsigned long flags;

    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state != CHANNEL_INTERDOMAIN) {
        spin_unlock_irqrestore(&ch->lock, flags);
        return;
    }
    peer = ch->peer.domain;
    peer_ch = ch->peer.channel;
    domain_hold(peer);
    spin_unlock_irqrestore(&ch->lock, flags);

    flags = irq_save();
    spin_lock_both(&ch->lock, &peer_ch->lock);
    /* The peer may have closed its end meanwhile; ours cannot have been bound again. */
    if (ch->state == CHANNEL_INTERDOMAIN) {
        peer_ch->remote = d->id;
        peer_ch->state = CHANNEL_UNBOUND;
        ch->remote = peer->id;
        ch->state = CHANNEL_UNBOUND;
    }
    spin_unlock_both(&ch->lock, &peer_ch->lock);
    irq_restore(flags);
    domain_put(peer);
}

static void virq_unbind(struct domain *d, const struct event_channel *ch)
{
    unsigned int vcpu = virq_is_global(ch->virq) ? 0 : ch->vcpu;

    WRITE_ONCE(d->vcpu[vcpu]->event->virq_port[ch->virq], 0);
}

int event_close(struct domain *d, evtchn_port_t port, bool guest)
{
    struct domain_event *e = d->event;
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;
    int rc = 0;

    if (!ch)
        return -EINVAL;
    spin_lock(&e->lock);
    if (ch->changing)
        rc = -EBUSY;
    else if (ch->state == CHANNEL_FREE || ch->state == CHANNEL_RESERVED || (guest && ch->consumer))
        rc = -EINVAL;
    else
        ch->changing = true;
    spin_unlock(&e->lock);
    if (rc)
        return rc;

    if (ch->state == CHANNEL_PIRQ)
        pirq_unbind(d, ch->pirq);
    else
        channel_disconnect(d, ch);

    spin_lock(&e->lock);
    if (ch->state == CHANNEL_VIRQ)
        virq_unbind(d, ch);
    flags = spin_lock_irqsave(&ch->lock);
    if (!ch->consumer)
        e->abi->clear(d, ch);
    ch->state = CHANNEL_FREE;
    ch->consumer = NULL;
    ch->raised_early = false;
    ch->vcpu = 0;
    spin_unlock_irqrestore(&ch->lock, flags);
    port_free(d, ch);
    ch->changing = false;
    spin_unlock(&e->lock);
    return 0;
}

void event_close_xen(struct domain *d, evtchn_port_t port)
{
    /* -EBUSY: teardown is closing it right now. */
    while (event_close(d, port, false) == -EBUSY)
        cpu_relax();
}

static evtchn_port_t next_to_close(struct domain *d, evtchn_port_t from, bool guest)
{
    evtchn_port_t port;

    for (port = port_next_used(d, from); port < EVENT_MAX_PORTS; port = port_next_used(d, port + 1))
        if (!guest || !channel_lookup(d, port)->consumer)
            break;
    return port;
}

int event_reset(struct domain *d, bool guest)
{
    struct domain_event *e = d->event;
    struct event_fifo *fifo = NULL;
    evtchn_port_t port = 0;

    for (;;) {
        spin_lock(&e->lock);
        port = next_to_close(d, port + 1, guest);
        spin_unlock(&e->lock);
        if (port == EVENT_MAX_PORTS)
            break;
        /* -EBUSY: looked at again below. -EINVAL: its owner was faster. */
        if (event_close(d, port, guest) == 0 && hypercall_preempt_check())
            return -ERESTART;
    }

    spin_lock(&e->lock);
    if (next_to_close(d, 1, guest) < EVENT_MAX_PORTS) {
        spin_unlock(&e->lock);
        return -ERESTART;
    }
    /* With no port in use nobody looks at the FIFO's pages, and none can be opened meanwhile. A
     * domain that someone else resets keeps its ABI. */
    if (!guest || d == current->domain) {
        fifo = e->fifo;
        WRITE_ONCE(e->abi, &event_abi_2l);
        e->fifo = NULL;
    }
    spin_unlock(&e->lock);
    event_fifo_destroy(d, fifo);
    return 0;
}
