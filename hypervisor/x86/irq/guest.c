/*
 * The guests of a line: who is told when it fires, and whose EOI is awaited before it may fire
 * again. Nothing here touches hardware; called by irq.c and pirq.c with the line's lock held.
 */
#include <hv/errno.h>
#include <arch/irq.h>

static struct irq_guest *find(struct irq_desc *desc, const struct domain *d, unsigned int pirq)
{
    for (unsigned int i = 0; i < desc->nr_guests; i++) {
        if (desc->guest[i].domain == d && desc->guest[i].pirq == pirq)
            return &desc->guest[i];
    }
    return NULL;
}

int irq_guest_add(struct irq_desc *desc, struct domain *d, unsigned int pirq, evtchn_port_t port,
                  bool shareable)
{
    if (find(desc, d, pirq))
        return -EEXIST;
    /* Sharing is for lines that say how long they are active: an edge would be lost on one. */
    if (desc->nr_guests > 0 && !(shareable && desc->shareable && desc->level))
        return -EBUSY;
    if (desc->nr_guests == IRQ_MAX_GUESTS)
        return -EBUSY;
    if (desc->nr_guests == 0)
        desc->shareable = shareable;
    desc->guest[desc->nr_guests++] = (struct irq_guest){ .domain = d, .port = port, .pirq = pirq };
    return 0;
}

bool irq_guest_remove(struct irq_desc *desc, const struct domain *d, unsigned int pirq)
{
    struct irq_guest *g = find(desc, d, pirq);

    if (!g)
        return false;
    *g = desc->guest[--desc->nr_guests];
    return true;
}

unsigned int irq_guest_fired(struct irq_desc *desc, struct irq_target target[IRQ_MAX_GUESTS])
{
    for (unsigned int i = 0; i < desc->nr_guests; i++) {
        struct irq_guest *g = &desc->guest[i];

        g->unacked = desc->level;
        target[i] = (struct irq_target){ g->domain, g->port };
    }
    return desc->nr_guests;
}

bool irq_guest_ack(struct irq_desc *desc, const struct domain *d, unsigned int pirq)
{
    struct irq_guest *g = find(desc, d, pirq);

    if (!g)
        return false;
    g->unacked = false;
    return true;
}

bool irq_guest_ready(const struct irq_desc *desc)
{
    if (desc->nr_guests == 0 || desc->throttled)
        return false;
    for (unsigned int i = 0; i < desc->nr_guests; i++) {
        if (desc->guest[i].unacked)
            return false;
    }
    return true;
}
