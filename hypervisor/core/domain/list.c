/*
 * Finding domains. Changes are made under LOCK_DOMAIN_LIST; lookups by id, which every grant and
 * event hypercall makes, take no lock: they walk one bucket of a hash with interrupts off. Once
 * every CPU has run a function on request, which it does with interrupts on only, no lookup that
 * began before the removal is under way.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/smp.h>

#define NR_BUCKETS 256

static spinlock_t list_lock = SPINLOCK_INIT(LOCK_DOMAIN_LIST);
static struct list_head domains = LIST_HEAD_INIT(domains); /* by id */
static struct domain *buckets[NR_BUCKETS];

static struct domain **bucket(domid_t id)
{
    return &buckets[id % NR_BUCKETS];
}

/* With interrupts off, or with LOCK_DOMAIN_LIST. */
static struct domain *look_up(domid_t id)
{
    struct domain *d = __atomic_load_n(bucket(id), __ATOMIC_ACQUIRE);

    while (d && d->id != id)
        d = __atomic_load_n(&d->next_same_hash, __ATOMIC_ACQUIRE);
    return d;
}

/* Not if the last reference is gone: the domain is on its way out. */
static bool hold_if_alive(struct domain *d)
{
    uint32_t refs = READ_ONCE(d->refs);

    while (refs) {
        if (__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

struct domain *domain_find(domid_t id)
{
    unsigned long flags = irq_save();
    struct domain *d = look_up(id);

    irq_restore(flags);
    return d;
}

struct domain *domain_get(domid_t id)
{
    unsigned long flags;
    struct domain *d;

    if (id == DOMID_SELF) {
        d = current->domain;
        domain_hold(d);
        return d;
    }
    flags = irq_save();
    d = look_up(id);
    if (d && (!__atomic_load_n(&d->is_ready, __ATOMIC_ACQUIRE) || !hold_if_alive(d)))
        d = NULL;
    irq_restore(flags);
    return d;
}

struct domain *domain_next(unsigned int from)
{
    struct domain *d, *found = NULL;

    spin_lock(&list_lock);
    list_for_each_entry (d, &domains, list) {
        if (d->id >= from && READ_ONCE(d->is_ready) && hold_if_alive(d)) {
            found = d;
            break;
        }
    }
    spin_unlock(&list_lock);
    return found;
}

void domain_put(struct domain *d)
{
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL) == 0)
        tasklet_schedule(&d->destroy);
}

int domain_list_add(struct domain *d)
{
    struct domain *after;
    int rc = 0;

    spin_lock(&list_lock);
    list_for_each_entry (after, &domains, list) {
        if (after->id >= d->id)
            break;
    }
    if (look_up(d->id)) {
        rc = -EEXIST;
    } else {
        list_add_before(&d->list, &after->list);
        d->next_same_hash = *bucket(d->id);
        __atomic_store_n(bucket(d->id), d, __ATOMIC_RELEASE);
    }
    spin_unlock(&list_lock);
    return rc;
}

void domain_list_remove(struct domain *d)
{
    struct domain **link = bucket(d->id);

    spin_lock(&list_lock);
    list_del(&d->list);
    while (*link != d)
        link = &(*link)->next_same_hash;
    __atomic_store_n(link, d->next_same_hash, __ATOMIC_RELEASE);
    spin_unlock(&list_lock);

    smp_grace();
}
