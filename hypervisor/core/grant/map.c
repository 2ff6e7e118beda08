/*
 * Mapping and unmapping of grants into the current vCPU's address space. A handle is one pin; its
 * host and device halves may be dropped one after the other. What a batch unmapped is given back
 * only after one flush of stale translations.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/hypercall.h>

#define HALVES (GNTMAP_host_map | GNTMAP_device_map)
/* What a handle remembers; the guest's own bits go into the page table alone. */
#define HANDLE_FLAGS (HALVES | GNTMAP_readonly | GNTMAP_contains_pte)

static int map_pinned(const struct gnttab_map_grant_ref *op, mfn_t m)
{
    if (!(op->flags & GNTMAP_host_map))
        return GNTST_okay;
    return arch_grant_map(current, op->host_addr, m, op->flags) ? GNTST_general_error : GNTST_okay;
}

/* The granter's reference is the handle's if it succeeds. */
static int map_from(struct domain *granter, struct gnttab_map_grant_ref *op)
{
    struct domain *d = current->domain;
    bool write = !(op->flags & GNTMAP_readonly);
    struct maptrack_entry *entry;
    struct grant_access access;
    grant_handle_t handle;
    mfn_t m;
    int rc;

    entry = maptrack_get(d, current->id, &handle);
    if (!entry)
        return GNTST_no_space;
    rc = grant_pin(granter, op->ref, d, write, true, &access);
    if (rc)
        goto out_handle;
    m = frame_to_mfn(access.frame);
    rc = map_pinned(op, m);
    if (rc)
        goto out_pin;
    entry->granter = granter;
    entry->ref = op->ref;
    maptrack_publish(entry, op->flags & HANDLE_FLAGS);
    op->handle = handle;
    op->dev_bus_addr = mfn_to_paddr(m).v;
    return GNTST_okay;
out_pin:
    grant_unpin(granter, op->ref, write);
out_handle:
    maptrack_put(d, handle, entry);
    return rc;
}

void grant_map_one(struct gnttab_map_grant_ref *op)
{
    struct domain *granter;

    if (!(op->flags & HALVES)) {
        op->status = GNTST_bad_gntref;
        return;
    }
    granter = domain_get(op->dom);
    if (!granter) {
        op->status = GNTST_bad_domain;
        return;
    }
    op->status = (int16_t)map_from(granter, op);
    if (op->status != GNTST_okay)
        domain_put(granter);
}

/* Drop the halves that are named from a claimed handle. */
static int unmap_halves(struct grant_batch *batch, const struct maptrack_entry *entry,
                        unsigned int *flags, uint64_t host_addr, uint64_t bus_addr,
                        uint64_t new_addr)
{
    mfn_t m = grant_pinned_mfn(entry->granter, entry->ref);
    bool host = host_addr && (*flags & GNTMAP_host_map);
    bool device = bus_addr && (*flags & GNTMAP_device_map);

    if (device && bus_addr != mfn_to_paddr(m).v)
        return GNTST_bad_dev_addr;
    if (host) {
        if (arch_grant_unmap(current, host_addr, m, *flags, new_addr))
            return GNTST_general_error;
        batch->flush = true;
        *flags &= ~(unsigned int)GNTMAP_host_map;
    }
    if (device)
        *flags &= ~(unsigned int)GNTMAP_device_map;
    return GNTST_okay;
}

int grant_unmap_one(struct grant_batch *batch, grant_handle_t handle, uint64_t host_addr,
                    uint64_t bus_addr, uint64_t new_addr)
{
    struct maptrack_entry *entry;
    unsigned int flags;
    int rc;

    if (batch->nr_unmapped == UNMAP_BATCH)
        grant_unmap_finish(batch);
    entry = maptrack_claim(current->domain, handle, &flags);
    if (!entry)
        return GNTST_bad_handle;
    rc = unmap_halves(batch, entry, &flags, host_addr, bus_addr, new_addr);
    if (flags & HALVES) {
        maptrack_publish(entry, flags);
    } else {
        batch->unmapped[batch->nr_unmapped].handle = handle;
        batch->unmapped[batch->nr_unmapped++].entry = entry;
        /* Still claimed; whether it could write is all that matters from here on. */
        maptrack_publish(entry, flags | HANDLE_CLAIMED);
    }
    return rc;
}

/* A claimed handle of d, of which nothing is mapped any more. */
static void handle_release(struct domain *d, grant_handle_t handle, struct maptrack_entry *entry)
{
    struct domain *granter = entry->granter;
    bool write = !(entry->flags & GNTMAP_readonly);

    grant_unpin(granter, entry->ref, write);
    maptrack_put(d, handle, entry);
    domain_put(granter);
}

void grant_unmap_finish(struct grant_batch *batch)
{
    if (batch->flush)
        arch_tlb_sync(current->domain);
    for (unsigned int i = 0; i < batch->nr_unmapped; i++)
        handle_release(current->domain, batch->unmapped[i].handle, batch->unmapped[i].entry);
    batch->flush = false;
    batch->nr_unmapped = 0;
}

/* Its page tables are never walked again, so what is in them does not matter. */
int grant_unmap_all(struct domain *d)
{
    struct domain_grant *g = d->grant;

    for (; g->teardown_next < maptrack_size(d); g->teardown_next++) {
        struct maptrack_entry *entry;
        unsigned int flags;

        if (g->teardown_next % HANDLES_PER_PAGE == 0 && hypercall_preempt_check() &&
            g->teardown_next)
            return -ERESTART;
        entry = maptrack_claim(d, g->teardown_next, &flags);
        if (entry)
            handle_release(d, g->teardown_next, entry);
    }
    return 0;
}
