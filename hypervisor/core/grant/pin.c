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
#include <hv/string.h>

/* A granter that does not play with its entry while it is valid needs one. */
#define MAX_TRIES 5

/* What is changed as a whole: in version 1 our marks are among the flags. */
union entry_head {
    uint32_t raw;
    struct grant_entry_header header;
};

/* A use of an entry that is about to begin, as the functions below hand it on. */
struct request {
    struct domain *granter;
    grant_ref_t ref;
    const struct domain *grantee;
    bool write, map;
};

static bool is_pinned(const struct active_entry *active)
{
    return active->readers || active->writers;
}

static int refuse(const struct request *r, const char *why)
{
    guest_printk(r->granter, LOG_DEBUG, "grant %u is refused to d%u: %s\n", r->ref, r->grantee->id,
                 why);
    return GNTST_general_error;
}

/* What the granter wrote gives what is asked for. `pinned`: as what it is in use already. */
static int check(const struct request *r, const struct grant_entry_header *h, unsigned int version,
                 const struct active_entry *pinned)
{
    unsigned int kind = h->flags & GTF_type_mask;
    bool transitive = version == 2 && kind == GTF_transitive;

    if ((kind != GTF_permit_access && !transitive) ||
        (r->map && (transitive || (h->flags & GTF_sub_page))))
        return refuse(r, "it gives no such access");
    if (h->domid != r->grantee->id)
        return refuse(r, "it is for another domain");
    if (r->write && (h->flags & GTF_readonly))
        return refuse(r, "it is read-only");
    if (pinned && pinned->transitive != transitive)
        return refuse(r, "it was another kind of grant before");
    return GNTST_okay;
}

/* Tell the granter that its entry is in use: version 1, by flags in the word that was checked. */
static bool mark_v1(const struct shared_entry *shared, union entry_head *old, uint16_t marks)
{
    union entry_head *head = (union entry_head *)shared->head, new = *old;

    new.header.flags |= marks;
    return __atomic_compare_exchange_n(&head->raw, &old->raw, new.raw, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* Version 2, by a status of its own: a granter clears its flags, then looks at the status; we set
 * the status, then look whether the flags are what they were. One of us sees the other. */
static bool mark_v2(const struct shared_entry *shared, union entry_head *old, uint16_t marks)
{
    uint32_t before = old->raw;
    uint16_t had = __atomic_fetch_or(shared->status, marks, __ATOMIC_SEQ_CST);

    smp_mb();
    old->raw = READ_ONCE(((union entry_head *)shared->head)->raw);
    if (old->raw == before)
        return true;
    __atomic_fetch_and(shared->status, (uint16_t) ~(marks & ~had), __ATOMIC_SEQ_CST);
    return false;
}

static int mark(const struct request *r, const struct shared_entry *shared,
                const struct active_entry *pinned, struct grant_entry_header *was)
{
    union entry_head old = { .raw = READ_ONCE(((union entry_head *)shared->head)->raw) };
    uint16_t marks = GTF_reading | (r->write ? GTF_writing : 0);

    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        int rc = check(r, &old.header, shared->version, pinned);

        if (rc)
            return rc;
        *was = old.header;
        if (shared->version == 1 ? mark_v1(shared, &old, marks) : mark_v2(shared, &old, marks))
            return GNTST_okay;
    }
    return refuse(r, "it keeps changing");
}

/* Clear what no pin stands for any more. */
static void unmark(const struct active_entry *active, const struct shared_entry *shared)
{
    uint16_t marks = 0;

    if (!active->writers)
        marks |= GTF_writing;
    if (!is_pinned(active))
        marks |= GTF_reading;
    if (marks)
        __atomic_fetch_and(shared->status, (uint16_t)~marks, __ATOMIC_SEQ_CST);
}

/* Each of what the granter wrote is read once. */
static int read_frame(const struct request *r, const struct shared_entry *shared,
                      const struct grant_entry_header *was, struct grant_access *out)
{
    const struct grant_entry_v1 *v1 = (const struct grant_entry_v1 *)shared->head;
    const union grant_entry_v2 *v2 = (const union grant_entry_v2 *)shared->head;
    uint64_t frame = shared->version == 1 ? READ_ONCE(v1->frame) : READ_ONCE(v2->full_page.frame);

    out->length = PAGE_SIZE;
    if (shared->version == 2 && (was->flags & GTF_sub_page)) {
        out->start = READ_ONCE(v2->sub_page.page_off);
        out->length = READ_ONCE(v2->sub_page.length);
    }
    return arch_get_guest_frame(r->granter, gfn(frame), &out->frame) ? GNTST_bad_page : GNTST_okay;
}

static void read_transitive(const struct shared_entry *shared, struct grant_access *out)
{
    const union grant_entry_v2 *v2 = (const union grant_entry_v2 *)shared->head;

    out->next_domid = READ_ONCE(v2->transitive.trans_domid);
    out->next_ref = READ_ONCE(v2->transitive.gref);
}

/* As the first pin found it. */
static int pinned_frame(const struct request *r, const struct active_entry *active,
                        struct grant_access *out)
{
    out->frame = mfn_to_frame(mfn(active->mfn));
    out->start = active->start;
    out->length = active->length;
    return frame_get(out->frame, r->granter) ? GNTST_bad_page : GNTST_okay;
}

/* The frame behind the entry, referenced. *drop: a reference to be dropped without the lock. */
static int pin_frame(const struct request *r, const struct active_entry *active,
                     const struct shared_entry *shared, const struct grant_entry_header *was,
                     struct grant_access *out, struct frame **drop)
{
    int rc = is_pinned(active) ? pinned_frame(r, active, out) : read_frame(r, shared, was, out);

    if (rc || !r->write)
        return rc;
    rc = frame_get_type(out->frame, FRAME_WRITABLE);
    if (!rc)
        return GNTST_okay;
    *drop = out->frame;
    return rc == -ERESTART ? GNTST_eagain : GNTST_general_error;
}

/* The entry gives it: count it. */
static void note_pin(const struct request *r, struct active_entry *active,
                     const struct grant_access *out)
{
    active->transitive = !out->frame;
    active->mfn = out->frame ? (uint32_t)frame_to_mfn(out->frame).v : 0;
    active->start = out->start;
    active->length = out->length;
    active->domid = r->grantee->id;
    if (r->write)
        active->writers++;
    else
        active->readers++;
}

/* The active entry's lock is held. */
static int pin_locked(const struct request *r, struct active_entry *active,
                      struct grant_access *out, struct frame **drop)
{
    struct active_entry *pinned = is_pinned(active) ? active : NULL;
    struct grant_entry_header was = { .flags = 0 };
    struct shared_entry shared;
    int rc;

    if (READ_ONCE(r->granter->is_dying))
        return GNTST_bad_domain;
    if (READ_ONCE(r->granter->grant->is_switching))
        return GNTST_eagain;
    rc = shared_entry(r->granter, r->ref, &shared);
    if (rc)
        return rc;
    if (pinned && active->domid != r->grantee->id)
        return refuse(r, "another domain uses it");
    if (pinned && r->map && (active->transitive || active->start || active->length != PAGE_SIZE))
        return refuse(r, "it is not of a whole frame");
    if ((r->write ? active->writers : active->readers) == MAX_PINS)
        return GNTST_no_space;
    if (!pinned || pinned->transitive || (r->write && !active->writers)) {
        rc = mark(r, &shared, pinned, &was);
        if (rc)
            return rc;
    }
    if (pinned ? pinned->transitive : (was.flags & GTF_type_mask) == GTF_transitive)
        read_transitive(&shared, out);
    else
        rc = pin_frame(r, active, &shared, &was, out, drop);
    if (rc)
        unmark(active, &shared);
    else
        note_pin(r, active, out);
    return rc;
}

int grant_pin(struct domain *granter, grant_ref_t ref, const struct domain *grantee, bool write,
              bool map, struct grant_access *out)
{
    const struct request r = { granter, ref, grantee, write, map };
    struct active_entry *active;
    struct frame *drop = NULL;
    int rc;

    if (!grant_ref_valid(granter, ref))
        return GNTST_bad_gntref;
    active = active_entry(granter, ref);
    if (!active)
        return GNTST_no_space;
    *out = (struct grant_access){ .frame = NULL };
    spin_lock(&active->lock);
    rc = pin_locked(&r, active, out, &drop);
    spin_unlock(&active->lock);
    if (drop)
        frame_put(drop);
    return rc;
}

/* While the table changes its version, the marks of what is pinned are being moved. */
static void lock_settled(const struct domain *granter, struct active_entry *active)
{
    spin_lock(&active->lock);
    while (READ_ONCE(granter->grant->is_switching)) {
        spin_unlock(&active->lock);
        cpu_relax();
        spin_lock(&active->lock);
    }
}

void grant_unpin(struct domain *granter, grant_ref_t ref, bool write)
{
    struct active_entry *active = active_entry(granter, ref);
    struct shared_entry shared;
    struct frame *f;

    lock_settled(granter, active);
    f = active->transitive ? NULL : mfn_to_frame(mfn(active->mfn));
    if (write) {
        ASSERT(active->writers);
        active->writers--;
    } else {
        ASSERT(active->readers);
        active->readers--;
    }
    if (shared_entry(granter, ref, &shared) == GNTST_okay)
        unmark(active, &shared);
    spin_unlock(&active->lock);
    if (!f)
        return;
    if (write)
        frame_put_writable(f);
    else
        frame_put(f);
}

void grant_mark_written(struct domain *d)
{
    for (grant_ref_t ref = 0; grant_ref_valid(d, ref); ref++) {
        struct active_entry *page =
            __atomic_load_n(&d->grant->active[ref / ACTIVE_PER_PAGE], __ATOMIC_ACQUIRE);
        struct active_entry *active = page ? &page[ref % ACTIVE_PER_PAGE] : NULL;

        if (!active || !READ_ONCE(active->writers))
            continue;
        spin_lock(&active->lock);
        if (active->writers && !active->transitive)
            frame_dirtied(mfn_to_frame(mfn(active->mfn)));
        spin_unlock(&active->lock);
    }
}

mfn_t grant_pinned_mfn(struct domain *granter, grant_ref_t ref)
{
    return mfn(READ_ONCE(active_entry(granter, ref)->mfn));
}

/* Neither may be in use: their marks would be in the wrong place. */
int grant_swap(struct domain *d, grant_ref_t a, grant_ref_t b)
{
    struct active_entry *active_a, *active_b;
    struct shared_entry shared_a, shared_b;
    int rc;

    if (!grant_ref_valid(d, a) || !grant_ref_valid(d, b))
        return GNTST_bad_gntref;
    active_a = active_entry(d, a);
    active_b = active_entry(d, b);
    if (!active_a || !active_b)
        return GNTST_no_space;
    spin_lock_both(&active_a->lock, &active_b->lock);
    if (READ_ONCE(d->grant->is_switching) || is_pinned(active_a) || is_pinned(active_b))
        rc = GNTST_eagain;
    else
        rc = shared_entry(d, a, &shared_a);
    if (!rc)
        rc = shared_entry(d, b, &shared_b);
    if (!rc) {
        union grant_entry_v2 tmp;
        size_t size = shared_a.version == 1 ? sizeof(struct grant_entry_v1) : sizeof(tmp);

        memcpy(&tmp, shared_a.head, size);
        memmove(shared_a.head, shared_b.head, size);
        memcpy(shared_b.head, &tmp, size);
    }
    spin_unlock_both(&active_a->lock, &active_b->lock);
    return rc;
}
