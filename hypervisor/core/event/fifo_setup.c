/*
 * Going over to the FIFO ABI and back: control blocks, the event array's pages, priorities. Called
 * by the hypercall with no lock held; frames are mapped before, and unmapped after, the domain's
 * LOCK_EVENT_DOMAIN is held.
 */
#include "fifo.h"

#include <hv/arch.h>
#include <hv/mem.h>
#include <hv/smp.h>

_Static_assert(sizeof(struct evtchn_init_control) == 24, "ABI");
_Static_assert(sizeof(struct evtchn_expand_array) == 8, "ABI");
_Static_assert(sizeof(struct evtchn_set_priority) == 8, "ABI");

/* What was raised in the other ABI, or while the array did not cover it, is raised again. */
static void raise_again(struct domain *d, struct event_channel *ch)
{
    unsigned long flags = spin_lock_irqsave(&ch->lock);

    if (__atomic_exchange_n(&ch->raised_early, false, __ATOMIC_SEQ_CST) &&
        ch->state != CHANNEL_FREE && !ch->consumer)
        event_raise(d, ch);
    spin_unlock_irqrestore(&ch->lock, flags);
}

/*
 * The channels of the ports that are open carry their pending state over. A sender may have looked
 * at the ABI just before it changed: it sends with interrupts off, and is waited for before the
 * bits that it may have set are read. No vCPU's queues are used meanwhile, since the array has no
 * page.
 */
static void fifo_switch_to(struct domain *d, struct event_fifo *fifo)
{
    struct domain_event *e = d->event;

    __atomic_store_n(&e->fifo, fifo, __ATOMIC_RELEASE);
    __atomic_store_n(&e->abi, &event_abi_fifo, __ATOMIC_SEQ_CST);
    smp_grace();
    for (evtchn_port_t port = port_next_used(d, 1); port < EVENT_MAX_PORTS;
         port = port_next_used(d, port + 1)) {
        struct event_channel *ch = channel_lookup(d, port);
        unsigned long flags = spin_lock_irqsave(&ch->lock);

        if (!ch->consumer && event_abi_2l.is_pending(d, ch))
            ch->raised_early = true;
        spin_unlock_irqrestore(&ch->lock, flags);
    }
}

static struct fifo_vcpu *fifo_vcpu_create(mfn_t m, void *page, uint32_t offset)
{
    struct fifo_vcpu *fv = hv_alloc_type(struct fifo_vcpu);

    if (!fv)
        return NULL;
    fv->control = (struct evtchn_fifo_control_block *)((char *)page + offset);
    fv->page = page;
    fv->mfn = m;
    for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        spin_lock_init(&fv->queue[i].lock, LOCK_EVENT_QUEUE);
    return fv;
}

/* The domain lock is held. *fresh is used, and set to NULL, if the domain had none. */
static int fifo_vcpu_install(struct domain *d, unsigned int vcpu, struct fifo_vcpu *fv,
                             struct event_fifo **fresh)
{
    struct event_fifo *fifo = d->event->fifo ? d->event->fifo : *fresh;

    if (READ_ONCE(d->is_dying) || fifo->vcpu[vcpu])
        return -EINVAL;
    __atomic_store_n(&fifo->vcpu[vcpu], fv, __ATOMIC_RELEASE);
    if (!d->event->fifo) {
        fifo_switch_to(d, fifo);
        *fresh = NULL;
    }
    return 0;
}

int event_fifo_init_control(struct domain *d, struct evtchn_init_control *args)
{
    struct event_fifo *fresh;
    struct fifo_vcpu *fv;
    void *page;
    mfn_t m;
    int rc;

    if (!domain_vcpu(d, args->vcpu))
        return -ENOENT;
    if (args->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || args->offset % 8)
        return -EINVAL;
    fresh = hv_alloc(sizeof(*fresh) + d->max_vcpus * sizeof(fresh->vcpu[0]));
    if (!fresh)
        return -ENOMEM;
    fresh->nr_vcpus = d->max_vcpus;
    rc = arch_map_guest_frame(d, gfn(args->control_gfn), &m, &page);
    if (rc)
        goto out_free;
    fv = fifo_vcpu_create(m, page, args->offset);
    rc = -ENOMEM;
    if (!fv)
        goto out_unmap;
    spin_lock(&d->event->lock);
    rc = fifo_vcpu_install(d, args->vcpu, fv, &fresh);
    spin_unlock(&d->event->lock);
    args->link_bits = EVTCHN_FIFO_LINK_BITS;
    if (!rc)
        goto out_free;
    hv_free(fv);
out_unmap:
    arch_unmap_guest_frame(d, m, page);
out_free:
    hv_free(fresh);
    return rc;
}

int event_fifo_expand_array(struct domain *d, uint64_t array_gfn)
{
    struct domain_event *e = d->event;
    evtchn_port_t port, end;
    struct event_fifo *fifo;
    unsigned int slot;
    void *page;
    mfn_t m;
    int rc;

    rc = arch_map_guest_frame(d, gfn(array_gfn), &m, &page);
    if (rc)
        return rc;
    spin_lock(&e->lock);
    fifo = e->fifo;
    if (READ_ONCE(d->is_dying))
        rc = -EINVAL;
    else if (!fifo)
        rc = -EOPNOTSUPP;
    else if (fifo->nr_pages == FIFO_MAX_PAGES)
        rc = -ENOSPC;
    if (rc) {
        spin_unlock(&e->lock);
        arch_unmap_guest_frame(d, m, page);
        return rc;
    }
    slot = fifo->nr_pages++;
    fifo->mfn[slot] = m;
    __atomic_store_n(&fifo->page[slot], page, __ATOMIC_SEQ_CST);
    smp_mb();
    end = (slot + 1) * WORDS_PER_PAGE;
    for (port = port_next_used(d, slot * WORDS_PER_PAGE); port < end;
         port = port_next_used(d, port + 1))
        raise_again(d, channel_lookup(d, port));
    spin_unlock(&e->lock);
    return 0;
}

int event_set_priority(struct domain *d, evtchn_port_t port, unsigned int priority)
{
    struct event_channel *ch = channel_lookup(d, port);
    unsigned long flags;
    int rc = 0;

    if (!ch || priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    if (event_abi(d) != &event_abi_fifo)
        return -ENOSYS;
    flags = spin_lock_irqsave(&ch->lock);
    if (ch->state == CHANNEL_FREE || ch->state == CHANNEL_RESERVED || ch->consumer)
        rc = -EACCES;
    else
        WRITE_ONCE(ch->priority, priority);
    spin_unlock_irqrestore(&ch->lock, flags);
    return rc;
}

void event_mark_written(struct domain *d)
{
    const struct event_fifo *fifo;

    spin_lock(&d->event->lock);
    fifo = d->event->fifo;
    for (unsigned int i = 0; fifo && i < fifo->nr_vcpus; i++)
        if (fifo->vcpu[i])
            frame_dirtied(mfn_to_frame(fifo->vcpu[i]->mfn));
    for (unsigned int i = 0; fifo && i < fifo->nr_pages; i++)
        frame_dirtied(mfn_to_frame(fifo->mfn[i]));
    spin_unlock(&d->event->lock);
}

void event_fifo_destroy(struct domain *d, struct event_fifo *fifo)
{
    if (!fifo)
        return;
    for (unsigned int i = 0; i < fifo->nr_vcpus; i++) {
        struct fifo_vcpu *fv = fifo->vcpu[i];

        if (fv)
            arch_unmap_guest_frame(d, fv->mfn, fv->page);
        hv_free(fv);
    }
    for (unsigned int i = 0; i < fifo->nr_pages; i++)
        arch_unmap_guest_frame(d, fifo->mfn[i], fifo->page[i]);
    hv_free(fifo);
}
