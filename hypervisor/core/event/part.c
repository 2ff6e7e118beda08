/*
 * Event channels as a part of a domain: created with it, closed when it dies, freed with it. And
 * debug key 'e', which prints every channel there is.
 */
#include "internal.h"

#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>

/* Unless the toolstack says otherwise. */
#define DEFAULT_MAX_PORT 1023

static int event_init(struct domain *d)
{
    struct domain_event *e = hv_alloc_type(struct domain_event);

    if (!e)
        return -ENOMEM;
    spin_lock_init(&e->lock, LOCK_EVENT_DOMAIN);
    e->abi = &event_abi_2l;
    e->max_port = d->is_hardware ? EVENT_MAX_PORTS - 1 : DEFAULT_MAX_PORT;
    d->event = e;
    return event_table_init(d);
}

void event_set_max_port(struct domain *d, evtchn_port_t max)
{
    WRITE_ONCE(d->event->max_port, max);
}

static int event_vcpu_init(struct vcpu *v)
{
    v->event = hv_alloc_type(struct vcpu_event);
    return v->event ? 0 : -ENOMEM;
}

static int event_teardown(struct domain *d)
{
    event_drop_virq_handler(d);
    return d->event ? event_reset(d, false) : 0;
}

static void event_vcpu_free(struct vcpu *v)
{
    hv_free(v->event);
    v->event = NULL;
}

static void event_free(struct domain *d)
{
    if (d->event)
        event_table_free(d);
    hv_free(d->event);
    d->event = NULL;
}

const struct domain_part event_part = {
    .name = "event",
    .init = event_init,
    .vcpu_init = event_vcpu_init,
    .teardown = event_teardown,
    .vcpu_free = event_vcpu_free,
    .free = event_free,
};

static void channel_print(const struct domain *d, const struct event_channel *ch)
{
    static const char *const names[] = {
        [CHANNEL_FREE] = "free", [CHANNEL_UNBOUND] = "unbound", [CHANNEL_INTERDOMAIN] = "domain",
        [CHANNEL_PIRQ] = "pirq", [CHANNEL_VIRQ] = "virq",       [CHANNEL_IPI] = "ipi",
    };
    const struct event_abi *abi = d->event->abi;

    printk_raw("  %5u %c%c vcpu %-3u %s", ch->port, abi->is_pending(d, ch) ? 'P' : '-',
               abi->is_masked(d, ch) ? 'M' : '-', ch->vcpu, names[ch->state]);
    if (ch->state == CHANNEL_UNBOUND)
        printk_raw(" for d%u", ch->remote);
    else if (ch->state == CHANNEL_INTERDOMAIN)
        printk_raw(" d%u port %u", ch->peer.domain->id, ch->peer.channel->port);
    else if (ch->state == CHANNEL_PIRQ)
        printk_raw(" %u", ch->pirq);
    else if (ch->state == CHANNEL_VIRQ)
        printk_raw(" %u", ch->virq);
    if (abi->word)
        printk_raw(" word %08x priority %u", abi->word(d, ch->port), ch->priority);
    printk_raw("%s\n", ch->consumer ? " (hypervisor's)" : "");
}

void event_print(const struct domain *d)
{
    struct domain_event *e = d->event;

    spin_lock(&e->lock);
    printk_raw("d%u: event channels, %s ABI, ports up to %u\n", d->id, e->abi->name, e->max_port);
    for (evtchn_port_t port = port_next_used(d, 1); port < EVENT_MAX_PORTS;
         port = port_next_used(d, port + 1)) {
        struct event_channel *ch = channel_lookup(d, port);
        unsigned long flags = spin_lock_irqsave(&ch->lock);

        if (ch->state < CHANNEL_RESERVED)
            channel_print(d, ch);
        spin_unlock_irqrestore(&ch->lock, flags);
    }
    spin_unlock(&e->lock);
}

static void event_print_all(void)
{
    struct domain *d;

    for (unsigned int from = 0; (d = domain_next(from)) != NULL; domain_put(d)) {
        event_print(d);
        from = d->id + 1U;
    }
}

KEY_HANDLER(event, 'e', event_print_all, "event channels of all domains");
