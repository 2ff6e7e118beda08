/*
 * Pinning: one use of a grant entry begins and ends. The only place that reads what the granter
 * wrote and that writes to it (the reading and writing flags), under the LOCK_GRANT_ENTRY of the
 * active entry. The granter can change its entry at any time: its flags and domain are checked and
 * marked by one compare-and-swap, its frame number is read once, after that, and only by the first
 * pin.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/printk.h>

/* A granter that does not play with its entry while it is valid needs one. */
#define MAX_TRIES 5

/* The half of an entry that is changed as a whole. */
union entry_head {
    uint32_t raw;
    struct {
        uint16_t flags;
        domid_t domid;
    };
};

static bool is_pinned(const struct active_entry *active)
{
    return active->readers || active->writers;
}

static int refuse(const struct domain *granter, grant_ref_t ref, const struct domain *grantee,
                  const char *why)
{
    guest_printk(granter, LOG_DEBUG, "grant %u is refused to d%u: %s\n", ref, grantee->id, why);
    return GNTST_general_error;
}

/* Set the flags that tell the granter that its entry is in use. */
static int mark(const struct domain *granter, grant_ref_t ref, struct grant_entry_v1 *shared,
                const struct domain *grantee, bool write, bool map)
{
    unsigned int mask = GTF_type_mask | (map ? GTF_sub_page : 0);
    union entry_head *head = (union entry_head *)shared;
    union entry_head old = { .raw = READ_ONCE(head->raw) }, new;

    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        if ((old.flags & mask) != GTF_permit_access)
            return refuse(granter, ref, grantee, "it gives no such access");
        if (old.domid != grantee->id)
            return refuse(granter, ref, grantee, "it is for another domain");
        if (write && (old.flags & GTF_readonly))
            return refuse(granter, ref, grantee, "it is read-only");
        new = old;
        new.flags |= GTF_reading | (write ? GTF_writing : 0);
        if (__atomic_compare_exchange_n(&head->raw, &old.raw, new.raw, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return GNTST_okay;
    }
    return refuse(granter, ref, grantee, "it keeps changing");
}

/* Clear the flags that no pin stands for any more. */
static void unmark(const struct active_entry *active, struct grant_entry_v1 *shared)
{
    uint16_t flags = 0;

    if (!active->writers)
        flags |= GTF_writing;
    if (!is_pinned(active))
        flags |= GTF_reading;
    if (shared && flags)
        __atomic_fetch_and(&shared->flags, (uint16_t)~flags, __ATOMIC_SEQ_CST);
}

/* The frame behind the entry, referenced. *drop: a reference to be dropped without the lock. */
static int pin_frame(struct domain *granter, const struct active_entry *active,
                     const struct grant_entry_v1 *shared, bool write, struct frame **out,
                     struct frame **drop)
{
    struct frame *f;
    int rc;

    if (is_pinned(active)) {
        f = mfn_to_frame(mfn(active->mfn));
        rc = frame_get(f, granter);
    } else {
        rc = arch_get_guest_frame(granter, gfn(READ_ONCE(shared->frame)), &f);
    }
    if (rc)
        return GNTST_bad_page;
    if (write) {
        rc = frame_get_type(f, FRAME_WRITABLE);
        if (rc) {
            *drop = f;
            return rc == -ERESTART ? GNTST_eagain : GNTST_general_error;
        }
    }
    *out = f;
    return GNTST_okay;
}

/* The active entry's lock is held. */
static int pin_locked(struct domain *granter, grant_ref_t ref, struct active_entry *active,
                      const struct domain *grantee, bool write, bool map, struct frame **out,
                      struct frame **drop)
{
    struct grant_entry_v1 *shared = shared_entry(granter, ref);
    bool pinned = is_pinned(active);
    int rc;

    if (!shared || READ_ONCE(granter->is_dying))
        return GNTST_bad_domain;
    if (pinned && active->domid != grantee->id)
        return refuse(granter, ref, grantee, "another domain uses it");
    if ((write ? active->writers : active->readers) == MAX_PINS)
        return GNTST_no_space;
    if (!pinned || (write && !active->writers)) {
        rc = mark(granter, ref, shared, grantee, write, map);
        if (rc)
            return rc;
    }
    rc = pin_frame(granter, active, shared, write, out, drop);
    if (rc) {
        unmark(active, shared);
        return rc;
    }
    active->mfn = (uint32_t)frame_to_mfn(*out).v;
    active->domid = grantee->id;
    if (write)
        active->writers++;
    else
        active->readers++;
    return GNTST_okay;
}

int grant_pin(struct domain *granter, grant_ref_t ref, const struct domain *grantee, bool write,
              bool map, struct frame **out)
{
    struct active_entry *active;
    struct frame *drop = NULL;
    int rc;

    if (!grant_ref_valid(granter, ref))
        return GNTST_bad_gntref;
    active = active_entry(granter, ref);
    if (!active)
        return GNTST_no_space;
    spin_lock(&active->lock);
    rc = pin_locked(granter, ref, active, grantee, write, map, out, &drop);
    spin_unlock(&active->lock);
    if (drop)
        frame_put(drop);
    return rc;
}

void grant_unpin(struct domain *granter, grant_ref_t ref, bool write)
{
    struct active_entry *active = active_entry(granter, ref);
    struct frame *f;

    spin_lock(&active->lock);
    f = mfn_to_frame(mfn(active->mfn));
    if (write) {
        ASSERT(active->writers);
        active->writers--;
    } else {
        ASSERT(active->readers);
        active->readers--;
    }
    unmark(active, shared_entry(granter, ref));
    spin_unlock(&active->lock);
    if (write)
        frame_put_writable(f);
    else
        frame_put(f);
}

mfn_t grant_pinned_mfn(struct domain *granter, grant_ref_t ref)
{
    return mfn(READ_ONCE(active_entry(granter, ref)->mfn));
}

int grant_swap(struct domain *d, grant_ref_t a, grant_ref_t b)
{
    struct active_entry *active_a, *active_b;
    struct grant_entry_v1 *shared_a, *shared_b, tmp;
    int rc = GNTST_eagain;

    if (!grant_ref_valid(d, a) || !grant_ref_valid(d, b))
        return GNTST_bad_gntref;
    active_a = active_entry(d, a);
    active_b = active_entry(d, b);
    if (!active_a || !active_b)
        return GNTST_no_space;
    spin_lock_both(&active_a->lock, &active_b->lock);
    shared_a = shared_entry(d, a);
    shared_b = shared_entry(d, b);
    if (shared_a && shared_b && !is_pinned(active_a) && !is_pinned(active_b)) {
        tmp = *shared_a;
        *shared_a = *shared_b;
        *shared_b = tmp;
        rc = GNTST_okay;
    }
    spin_unlock_both(&active_a->lock, &active_b->lock);
    return rc;
}
