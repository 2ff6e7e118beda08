/*
 * The table of a domain's ports: lookup, allocation, walking. Callers hold the domain's
 * LOCK_EVENT_DOMAIN, except that lookup may happen at any time: groups and buckets are published
 * complete and never taken away while the domain lives.
 */
#include "internal.h"

#include <hv/mem.h>

/* Closed ports that the guest left linked are passed over, but not without end. */
#define MAX_BUSY_PORTS 4096

static unsigned int bucket_of(evtchn_port_t port)
{
    return (port >> BUCKET_SHIFT) % GROUP_BUCKETS;
}

struct event_channel *channel_lookup(const struct domain *d, evtchn_port_t port)
{
    const struct event_group *group;
    struct event_channel *bucket;

    if (port >= EVENT_MAX_PORTS)
        return NULL;
    group = READ_ONCE(d->event->group[port >> GROUP_SHIFT]);
    bucket = group ? READ_ONCE(group->bucket[bucket_of(port)]) : NULL;
    return bucket ? &bucket[port % BUCKET_PORTS] : NULL;
}

/* The channel of a port, its group and bucket made if need be. NULL: no memory. */
static struct event_channel *channel_make(struct domain *d, evtchn_port_t port)
{
    struct domain_event *e = d->event;
    struct event_group *group = e->group[port >> GROUP_SHIFT];
    struct event_channel *bucket;

    if (!group) {
        group = hv_alloc_type(struct event_group);
        if (!group)
            return NULL;
        __atomic_store_n(&e->group[port >> GROUP_SHIFT], group, __ATOMIC_RELEASE);
    }
    bucket = group->bucket[bucket_of(port)];
    if (!bucket) {
        bucket = page_alloc();
        if (!bucket)
            return NULL;
        for (unsigned int i = 0; i < BUCKET_PORTS; i++) {
            spin_lock_init(&bucket[i].lock, LOCK_EVENT_CHANNEL);
            bucket[i].port = (port & ~(BUCKET_PORTS - 1)) + i;
            bucket[i].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
            bucket[i].queue = EVTCHN_FIFO_PRIORITY_DEFAULT;
        }
        __atomic_store_n(&group->bucket[bucket_of(port)], bucket, __ATOMIC_RELEASE);
    }
    return &bucket[port % BUCKET_PORTS];
}

static void port_mark(struct domain *d, evtchn_port_t port, bool in_use)
{
    struct event_group *group = d->event->group[port >> GROUP_SHIFT];
    unsigned int bucket = bucket_of(port);

    if (in_use)
        set_bit(port % BUCKET_PORTS, &group->taken[bucket]);
    else
        clear_bit(port % BUCKET_PORTS, &group->taken[bucket]);
    if (group->taken[bucket] == ~0UL)
        set_bit(bucket, &group->full);
    else
        clear_bit(bucket, &group->full);
}

static evtchn_port_t port_next_free(const struct domain *d, evtchn_port_t from)
{
    while (from < EVENT_MAX_PORTS) {
        const struct event_group *group = d->event->group[from >> GROUP_SHIFT];
        unsigned int first = bucket_of(from), bucket, bit;

        if (!group)
            return from;
        bucket = find_next_zero_bit(&group->full, GROUP_BUCKETS, first);
        if (bucket != first)
            from = (from >> GROUP_SHIFT << GROUP_SHIFT) + (bucket << BUCKET_SHIFT);
        if (bucket == GROUP_BUCKETS)
            continue;
        bit = find_next_zero_bit(&group->taken[bucket], BUCKET_PORTS, from % BUCKET_PORTS);
        from = (from & ~(BUCKET_PORTS - 1)) + bit;
        if (bit < BUCKET_PORTS)
            return from;
    }
    return EVENT_MAX_PORTS;
}

evtchn_port_t port_next_used(const struct domain *d, evtchn_port_t from)
{
    while (from < EVENT_MAX_PORTS) {
        const struct event_group *group = d->event->group[from >> GROUP_SHIFT];
        unsigned int bit;

        if (!group) {
            from = ((from >> GROUP_SHIFT) + 1) << GROUP_SHIFT;
            continue;
        }
        bit = find_next_bit(&group->taken[bucket_of(from)], BUCKET_PORTS, from % BUCKET_PORTS);
        from = (from & ~(BUCKET_PORTS - 1)) + bit;
        if (bit < BUCKET_PORTS)
            return from;
    }
    return EVENT_MAX_PORTS;
}

int port_alloc(struct domain *d, struct event_channel **out)
{
    const struct domain_event *e = d->event;
    unsigned int busy = 0;

    if (READ_ONCE(d->is_dying))
        return -EINVAL;
    for (evtchn_port_t port = port_next_free(d, 1);
         port < e->abi->max_ports && port <= e->max_port && busy < MAX_BUSY_PORTS;
         port = port_next_free(d, port + 1), busy++) {
        struct event_channel *ch;

        if (e->abi->is_busy(d, port))
            continue;
        ch = channel_make(d, port);
        if (!ch)
            return -ENOMEM;
        port_mark(d, port, true);
        *out = ch;
        return 0;
    }
    return -ENOSPC;
}

void port_free(struct domain *d, struct event_channel *ch)
{
    port_mark(d, ch->port, false);
}

int event_table_init(struct domain *d)
{
    struct event_channel *ch = channel_make(d, 0);

    if (!ch)
        return -ENOMEM;
    ch->state = CHANNEL_RESERVED;
    port_mark(d, 0, true);
    return 0;
}

void event_table_free(struct domain *d)
{
    for (unsigned int g = 0; g < NR_GROUPS; g++) {
        struct event_group *group = d->event->group[g];

        if (!group)
            continue;
        for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
            if (group->bucket[b])
                page_free(group->bucket[b]);
        hv_free(group);
        d->event->group[g] = NULL;
    }
}
