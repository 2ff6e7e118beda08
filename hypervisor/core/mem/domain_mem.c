/*
 * A domain's memory: getting frames, giving them up, and giving all of it back when it dies.
 * LOCK_DOMAIN_PAGES guards the page list and the totals.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>

static int memory_init(struct domain *d)
{
    d->mem = hv_alloc_type(struct domain_mem);
    if (!d->mem)
        return -ENOMEM;
    spin_lock_init(&d->mem->lock, LOCK_DOMAIN_PAGES);
    frame_list_init(&d->mem->pages);
    frame_list_init(&d->mem->given_up);
    d->mem->max_pages = UINT64_MAX;
    return 0;
}

/* Where no node is named, the domain's own take turns. */
static mfn_t alloc_for(struct domain *d, unsigned int order, unsigned int flags, unsigned int node)
{
    if (node == NUMA_ANY && frames_node_count() > 1) {
        unsigned int count = frames_node_count(), last = READ_ONCE(d->mem->last_node);
        uint64_t nodes = domain_nodes(d);

        for (unsigned int i = 1; i <= count; i++) {
            unsigned int n = (last + i) % count;
            mfn_t m = INVALID_MFN;

            if (nodes & BIT(n))
                m = frames_alloc(order, flags | ALLOC_EXACT, n);
            if (m.v != INVALID_MFN.v) {
                WRITE_ONCE(d->mem->last_node, n);
                return m;
            }
        }
    }
    return frames_alloc(order, flags, node);
}

int domain_populate(struct domain *d, unsigned int order, unsigned int flags, unsigned int node,
                    gfn_t g, mfn_t *out)
{
    uint64_t count = 1UL << order, claimed;
    mfn_t m;

    if (d->mem->tot_pages + count > d->mem->max_pages)
        return -EPERM;
    if (!claim_use(d, count, &claimed))
        return -ENOMEM;
    m = alloc_for(d, order, flags | ALLOC_RESERVED, node);
    if (m.v == INVALID_MFN.v) {
        claim_unuse(d, count, claimed);
        return -ENOMEM;
    }
    spin_lock(&d->mem->lock);
    if (d->is_dying || d->mem->tot_pages + count > d->mem->max_pages) {
        spin_unlock(&d->mem->lock);
        frames_free(m, order);
        if (frames_reserve(claimed))
            claim_unuse(d, claimed, claimed);
        return d->is_dying ? -EINVAL : -EPERM;
    }
    frames_assign(mfn_to_frame(m), count, d);
    /* Nobody gives one up as long as the lock is held, so they need no references. */
    for (uint64_t i = 0; g.v != INVALID_GFN.v && i < count; i++)
        arch_frame_set_gfn(mfn_add(m, i), gfn(g.v + i));
    spin_unlock(&d->mem->lock);
    *out = m;
    return 0;
}

/* Clear the bit that stands for the owner's own reference. What the owner keeps in use as a table
 * by its own means (a pin, a check that was preempted) cannot lose it. */
static bool clear_claim(struct frame *f, const struct domain *d)
{
    union frame_state s = { .raw = READ_ONCE(f->state.raw) }, n;

    do {
        n = s;
        if (s.owner != d->id || s.refs == 0 || !s.allocated || s.pinned ||
            s.progress == FRAME_BUSY || s.progress == FRAME_PROMOTING ||
            s.progress == FRAME_UNDOING)
            return false;
        n.allocated = 0;
    } while (!__atomic_compare_exchange_n(&f->state.raw, &s.raw, n.raw, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return true;
}

/* LOCK_DOMAIN_PAGES. The claim's reference is the caller's to drop. */
static bool drop_claim(struct domain *d, struct frame *f)
{
    if (!clear_claim(f, d))
        return false;
    frame_list_del(&d->mem->pages, f);
    frame_list_add(&d->mem->given_up, f);
    return true;
}

int domain_give_up(struct domain *d, struct frame *f)
{
    bool dropped;

    spin_lock(&d->mem->lock);
    dropped = !d->is_dying && drop_claim(d, f);
    spin_unlock(&d->mem->lock);
    if (!dropped)
        return -EINVAL;
    arch_frame_set_gfn(frame_to_mfn(f), INVALID_GFN);
    frame_put(f);
    return 0;
}

int domain_set_gfn(struct domain *d, mfn_t m, gfn_t g)
{
    struct frame *f = mfn_to_frame(m);

    if (frame_get(f, d))
        return -EINVAL;
    arch_frame_set_gfn(m, g);
    frame_put(f);
    return 0;
}

int domain_take_frame(const struct domain *d, struct frame *f)
{
    union frame_state s = { .raw = READ_ONCE(f->state.raw) }, n;

    do {
        if (s.owner != d->id || s.refs != 1 || !s.allocated || s.progress != FRAME_INVALID)
            return -EINVAL;
        n = s;
        n.refs = 0; /* from here on nobody can take a reference */
        n.allocated = 0;
    } while (!__atomic_compare_exchange_n(&f->state.raw, &s.raw, n.raw, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return 0;
}

/* The type it had last stays: CPUs may still remember it as that. */
void domain_return_frame(struct frame *f)
{
    union frame_state s = f->state;

    s.refs = 1;
    s.allocated = 1;
    __atomic_store_n(&f->state.raw, s.raw, __ATOMIC_RELEASE);
}

static int accept(struct domain *d, struct frame *f)
{
    int rc = 0;

    spin_lock(&d->mem->lock);
    if (d->is_dying)
        rc = -EINVAL;
    else if (d->mem->tot_pages >= d->mem->max_pages)
        rc = -EPERM;
    else
        frames_assign(f, 1, d);
    spin_unlock(&d->mem->lock);
    return rc;
}

/* A taken frame is d's no more: nor do its CPUs remember it. */
static void forget(struct domain *d, struct frame *f)
{
    bool last;

    arch_tlb_sync(d);
    spin_lock(&d->mem->lock);
    frame_list_del(&d->mem->pages, f);
    last = --d->mem->tot_pages == 0 && d->mem->shared_pages == 0;
    spin_unlock(&d->mem->lock);
    arch_frame_set_gfn(frame_to_mfn(f), INVALID_GFN);
    if (last)
        domain_put(d); /* what it held for having memory */
}

void domain_free_frame(struct domain *from, struct frame *f)
{
    forget(from, f);
    frames_free(frame_to_mfn(f), 0);
}

int domain_pass_frame(struct domain *from, struct frame *f, struct domain *to)
{
    int rc;

    forget(from, f);
    rc = accept(to, f);
    if (rc)
        frames_free(frame_to_mfn(f), 0);
    return rc;
}

/* Drop the domain's claims, one frame after the other. With a claim goes all that is of the
 * domain's own making: only what others still map is left, on the other list, until they let go.
 * Nobody else drops claims of a dying domain, so a claim keeps its frame meanwhile. */
static int memory_teardown(struct domain *d)
{
    if (!d->mem)
        return 0;
    claim_drop(d);
    for (unsigned int done = 1;; done++) {
        struct frame *f = NULL;
        bool dropped;
        int rc;

        spin_lock(&d->mem->lock);
        if (d->mem->pages.count)
            f = mfn_to_frame(mfn(d->mem->pages.head));
        spin_unlock(&d->mem->lock);
        if (!f)
            return 0;
        rc = arch_frame_relinquish(d, f);
        if (rc)
            return rc;
        spin_lock(&d->mem->lock);
        dropped = drop_claim(d, f);
        spin_unlock(&d->mem->lock);
        if (dropped) {
            arch_frame_set_gfn(frame_to_mfn(f), INVALID_GFN);
            frame_put(f);
        }
        if (!dropped || done % 64 == 0)
            return -ERESTART;
    }
}

static void memory_free(struct domain *d)
{
    if (d->mem)
        vnuma_drop(d);
    hv_free(d->mem);
    d->mem = NULL;
}

const struct domain_part memory_part = {
    .name = "memory",
    .init = memory_init,
    .teardown = memory_teardown,
    .free = memory_free,
};
