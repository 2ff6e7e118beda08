/*
 * Handles: what a domain mapped, by number. Free ones are kept in a list a vCPU, so that mapping on
 * one does not wait for another; an entry in use belongs to who claims it by its flags.
 */
#include "internal.h"

#include <hv/mem.h>

uint32_t maptrack_size(const struct domain *d)
{
    return __atomic_load_n(&d->grant->nr_maptrack, __ATOMIC_ACQUIRE) * (uint32_t)HANDLES_PER_PAGE;
}

static struct maptrack_entry *entry_of(const struct domain *d, grant_handle_t handle)
{
    return &d->grant->maptrack[handle / HANDLES_PER_PAGE][handle % HANDLES_PER_PAGE];
}

static struct maptrack_entry *list_pop(const struct domain *d, struct maptrack_list *list,
                                       grant_handle_t *handle)
{
    struct maptrack_entry *entry = NULL;

    spin_lock(&list->lock);
    if (list->head != HANDLES_END) {
        *handle = list->head;
        entry = entry_of(d, list->head);
        list->head = entry->next;
    }
    spin_unlock(&list->lock);
    return entry;
}

void maptrack_put(struct domain *d, grant_handle_t handle, struct maptrack_entry *entry)
{
    struct maptrack_list *list = &d->grant->free[entry->vcpu];

    spin_lock(&list->lock);
    entry->granter = NULL;
    entry->next = list->head;
    __atomic_store_n(&entry->flags, 0, __ATOMIC_RELEASE);
    list->head = handle;
    spin_unlock(&list->lock);
}

/* A page of handles for this vCPU, as far as the limit allows. */
static bool maptrack_grow(struct domain *d, unsigned int vcpu)
{
    struct domain_grant *g = d->grant;
    struct maptrack_entry *page = NULL;
    grant_handle_t first = 0;

    spin_lock(&g->maptrack_lock);
    if (g->nr_maptrack < g->max_maptrack && !READ_ONCE(d->is_dying))
        page = page_alloc();
    if (page) {
        first = g->nr_maptrack * (uint32_t)HANDLES_PER_PAGE;
        g->maptrack[g->nr_maptrack] = page;
        __atomic_store_n(&g->nr_maptrack, g->nr_maptrack + 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&g->maptrack_lock);
    if (!page)
        return false;
    for (unsigned int i = HANDLES_PER_PAGE; i-- > 0;) {
        page[i].vcpu = (uint16_t)vcpu;
        maptrack_put(d, first + i, &page[i]);
    }
    return true;
}

struct maptrack_entry *maptrack_get(struct domain *d, unsigned int vcpu, grant_handle_t *handle)
{
    struct domain_grant *g = d->grant;
    struct maptrack_entry *entry = list_pop(d, &g->free[vcpu], handle);

    if (!entry && maptrack_grow(d, vcpu))
        entry = list_pop(d, &g->free[vcpu], handle);
    for (unsigned int i = 0; !entry && i < d->max_vcpus; i++) {
        entry = list_pop(d, &g->free[i], handle);
        if (entry)
            entry->vcpu = (uint16_t)vcpu;
    }
    return entry;
}

struct maptrack_entry *maptrack_claim(const struct domain *d, grant_handle_t handle,
                                      unsigned int *flags)
{
    struct maptrack_entry *entry;
    uint16_t old;

    if (handle >= maptrack_size(d))
        return NULL;
    entry = entry_of(d, handle);
    old = READ_ONCE(entry->flags);
    do {
        if (old == 0 || (old & HANDLE_CLAIMED))
            return NULL;
    } while (!__atomic_compare_exchange_n(&entry->flags, &old, (uint16_t)(old | HANDLE_CLAIMED),
                                          false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    *flags = old;
    return entry;
}

void maptrack_publish(struct maptrack_entry *entry, unsigned int flags)
{
    __atomic_store_n(&entry->flags, (uint16_t)flags, __ATOMIC_RELEASE);
}
