/*
 * GNTTABOP_transfer: a frame changes its owner. The receiver has an entry that accepts one from the
 * caller; it is marked as committed first and as completed when the frame is the receiver's. Once
 * the frame is taken from the caller it does not come back: if nobody gets it, it is freed.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/mem.h>

/* The entry accepts a frame from `from`, and nobody else's. GNTST_*. */
static int commit(const struct shared_entry *shared, const struct domain *from)
{
    uint32_t *head = (uint32_t *)shared->head;
    union {
        uint32_t raw;
        struct grant_entry_header header;
    } old = { .header = { GTF_accept_transfer, from->id } }, new = old;

    new.header.flags |= GTF_transfer_committed;
    return __atomic_compare_exchange_n(head, &old.raw, new.raw, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED)
               ? GNTST_okay
               : GNTST_general_error;
}

/* Tell the receiver which frame it got, and make it the one that it wanted it to be. */
static void complete(struct domain *to, const struct shared_entry *shared, mfn_t m)
{
    struct grant_entry_v1 *v1 = (struct grant_entry_v1 *)shared->head;
    union grant_entry_v2 *v2 = (union grant_entry_v2 *)shared->head;

    if (shared->version == 1) {
        domain_set_gfn(to, m, gfn(READ_ONCE(v1->frame)));
        WRITE_ONCE(v1->frame, (uint32_t)m.v);
    } else {
        domain_set_gfn(to, m, gfn(READ_ONCE(v2->full_page.frame)));
        WRITE_ONCE(v2->full_page.frame, m.v);
    }
    __atomic_fetch_or(&shared->head->flags, GTF_transfer_completed, __ATOMIC_SEQ_CST);
}

/* The active entry's lock is held. *taken: the frame is the receiver's, or gone. */
static int transfer_locked(struct domain *from, struct domain *to, grant_ref_t ref,
                           const struct active_entry *active, struct frame *f, bool *taken)
{
    struct shared_entry shared;
    int rc;

    if (READ_ONCE(to->is_dying))
        return GNTST_bad_domain;
    if (READ_ONCE(to->grant->is_switching) || active->readers || active->writers)
        return GNTST_general_error;
    rc = shared_entry(to, ref, &shared);
    if (!rc)
        rc = commit(&shared, from);
    if (rc)
        return rc;
    *taken = true;
    if (domain_pass_frame(from, f, to)) {
        __atomic_fetch_and(&shared.head->flags, (uint16_t)~GTF_transfer_committed,
                           __ATOMIC_SEQ_CST);
        return GNTST_general_error;
    }
    complete(to, &shared, frame_to_mfn(f));
    return GNTST_okay;
}

static int transfer_to(struct domain *from, struct domain *to, grant_ref_t ref, struct frame *f,
                       bool *taken)
{
    struct active_entry *active;
    int rc;

    if (!grant_ref_valid(to, ref))
        return GNTST_bad_gntref;
    active = active_entry(to, ref);
    if (!active)
        return GNTST_no_space;
    spin_lock(&active->lock);
    rc = transfer_locked(from, to, ref, active, f, taken);
    spin_unlock(&active->lock);
    return rc;
}

int grant_transfer_one(const struct gnttab_transfer *op)
{
    struct domain *from = current->domain, *to;
    bool taken = false;
    struct frame *f;
    int rc = GNTST_bad_domain;

    if (from->type != DOMAIN_PV || !mfn_valid(mfn(op->mfn)))
        return GNTST_bad_page;
    f = mfn_to_frame(mfn(op->mfn));
    if (domain_take_frame(from, f))
        return GNTST_bad_page;
    to = op->domid < DOMID_FIRST_RESERVED ? domain_get(op->domid) : NULL;
    if (to) {
        rc = transfer_to(from, to, op->ref, f, &taken);
        domain_put(to);
    }
    if (!taken)
        domain_free_frame(from, f);
    return rc;
}
