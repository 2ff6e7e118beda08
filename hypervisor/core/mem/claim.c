/*
 * Claims: free memory that a domain was promised before it is allocated (XENMEM_claim_pages). A
 * claim's frames are reserved in the buddy allocator, where they are free but not available to
 * others, and go over to the domain as it is populated. LOCK_DOMAIN_PAGES guards a domain's claim.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/guest_access.h>

static uint64_t total; /* of all claims; atomic */

uint64_t domain_claims(void)
{
    return __atomic_load_n(&total, __ATOMIC_RELAXED);
}

/* LOCK_DOMAIN_PAGES. */
static void set_claim(struct domain *d, uint64_t frames)
{
    __atomic_fetch_add(&total, frames - d->mem->claimed_pages, __ATOMIC_RELAXED);
    WRITE_ONCE(d->mem->claimed_pages, frames);
}

static int stake(struct domain *d, uint64_t pages)
{
    struct domain_mem *mem = d->mem;

    if (d->is_dying || mem->claimed_pages || pages <= mem->tot_pages || pages > mem->max_pages)
        return -EINVAL;
    if (!frames_reserve(pages - mem->tot_pages))
        return -ENOMEM;
    set_claim(d, pages - mem->tot_pages);
    return 0;
}

/* So that d will have `pages`. -EINVAL: it has as many, may not have as many, or has a claim;
 * -ENOMEM. */
static int claim_stake(struct domain *d, uint64_t pages)
{
    int rc;

    spin_lock(&d->mem->lock);
    rc = stake(d, pages);
    spin_unlock(&d->mem->lock);
    return rc;
}

void claim_drop(struct domain *d)
{
    uint64_t frames;

    spin_lock(&d->mem->lock);
    frames = d->mem->claimed_pages;
    set_claim(d, 0);
    spin_unlock(&d->mem->lock);
    frames_unreserve(frames);
}

bool claim_use(struct domain *d, uint64_t frames, uint64_t *claimed)
{
    spin_lock(&d->mem->lock);
    *claimed = min(d->mem->claimed_pages, frames);
    set_claim(d, d->mem->claimed_pages - *claimed);
    spin_unlock(&d->mem->lock);
    if (frames_reserve(frames - *claimed))
        return true;
    claim_unuse(d, *claimed, *claimed);
    return false;
}

void claim_unuse(struct domain *d, uint64_t frames, uint64_t claimed)
{
    spin_lock(&d->mem->lock);
    if (d->is_dying) /* its claim is gone */
        claimed = 0;
    set_claim(d, d->mem->claimed_pages + claimed);
    spin_unlock(&d->mem->lock);
    frames_unreserve(frames - claimed);
}

long mem_claim_pages(guest_ptr_t arg)
{
    struct xen_memory_reservation r;
    struct domain *d;
    int rc;

    if (copy_from_guest(&r, arg, sizeof(r)))
        return -EFAULT;
    if (!guest_ptr_is_null(guest_ptr(r.extent_start)) || r.extent_order || r.mem_flags)
        return -EINVAL;
    if (!current->domain->is_control)
        return -EPERM;
    d = r.domid == DOMID_SELF ? NULL : domain_get(r.domid);
    if (!d)
        return -ESRCH;
    rc = r.nr_extents ? claim_stake(d, r.nr_extents) : 0;
    if (!r.nr_extents)
        claim_drop(d);
    domain_put(d);
    return rc;
}
