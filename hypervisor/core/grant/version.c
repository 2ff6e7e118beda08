/*
 * GNTTABOP_set_version: a domain's table goes over from one version to the other. Nothing may be
 * pinned then, except for the reserved entries, which dom0's daemons keep mapped. `is_switching`
 * keeps new pins away and has those who unpin wait; every active entry's lock is passed before the
 * entries are rewritten. Under LOCK_GRANT_TABLE, so that the table does not grow meanwhile.
 */
#include "internal.h"

#include <hv/string.h>

/* What both versions can say of an entry; the first few are carried over. */
struct plain_entry {
    struct grant_entry_header head;
    uint64_t frame;
};

static struct plain_entry read_entry(const struct domain_grant *g, grant_ref_t ref)
{
    const struct grant_entry_v1 *v1 = (const struct grant_entry_v1 *)g->shared[0] + ref;
    const union grant_entry_v2 *v2 = (const union grant_entry_v2 *)g->shared[0] + ref;

    if (g->version == 1)
        return (struct plain_entry){ { READ_ONCE(v1->flags), READ_ONCE(v1->domid) },
                                     READ_ONCE(v1->frame) };
    return (struct plain_entry){ { READ_ONCE(v2->hdr.flags), READ_ONCE(v2->hdr.domid) },
                                 READ_ONCE(v2->full_page.frame) };
}

/* What says that it is in use. */
static uint16_t marks_of(const struct domain_grant *g, grant_ref_t ref)
{
    const struct active_entry *page = g->active[ref / ACTIVE_PER_PAGE];
    const struct active_entry *active = page ? &page[ref % ACTIVE_PER_PAGE] : NULL;

    if (!active || !(active->readers || active->writers))
        return 0;
    return GTF_reading | (active->writers ? GTF_writing : 0);
}

static void write_entry(const struct domain_grant *g, grant_ref_t ref, const struct plain_entry *e)
{
    struct grant_entry_v1 *v1 = (struct grant_entry_v1 *)g->shared[0] + ref;
    union grant_entry_v2 *v2 = (union grant_entry_v2 *)g->shared[0] + ref;
    uint16_t flags = e->head.flags & (uint16_t) ~(GTF_reading | GTF_writing);
    uint16_t marks = marks_of(g, ref);

    if (g->version == 1) {
        v1->frame = (uint32_t)e->frame;
        v1->domid = e->head.domid;
        __atomic_store_n(&v1->flags, flags | marks, __ATOMIC_RELEASE);
    } else {
        g->status[0][ref] = marks;
        v2->full_page.frame = e->frame;
        v2->hdr.domid = e->head.domid;
        __atomic_store_n(&v2->hdr.flags, flags, __ATOMIC_RELEASE);
    }
}

/* Nothing, or access to a whole frame that version 1 has the bits for. */
static bool can_carry(const struct plain_entry *e)
{
    unsigned int kind = e->head.flags & GTF_type_mask;

    return kind == GTF_invalid ||
           (kind == GTF_permit_access && !(e->head.flags & GTF_sub_page) && e->frame <= UINT32_MAX);
}

static bool is_idle(const struct domain_grant *g)
{
    for (unsigned int ref = 0; ref < g->nr_frames * V1_PER_FRAME; ref++) {
        struct active_entry *active = g->active[ref / ACTIVE_PER_PAGE];
        bool busy;

        if (!active) {
            ref += ACTIVE_PER_PAGE - 1;
            continue;
        }
        active += ref % ACTIVE_PER_PAGE;
        spin_lock(&active->lock);
        busy = active->readers || active->writers;
        spin_unlock(&active->lock);
        if (busy && ref >= GNTTAB_NR_RESERVED_ENTRIES)
            return false;
    }
    return true;
}

static int rewrite(struct domain_grant *g, unsigned int version)
{
    struct plain_entry keep[GNTTAB_NR_RESERVED_ENTRIES];

    for (grant_ref_t ref = 0; g->nr_frames && ref < ARRAY_SIZE(keep); ref++) {
        keep[ref] = read_entry(g, ref);
        if (!can_carry(&keep[ref]))
            return -EINVAL;
    }
    for (unsigned int i = 0; i < g->nr_frames; i++)
        memset(g->shared[i], 0, PAGE_SIZE);
    for (unsigned int i = 0; i < g->nr_status; i++)
        memset(g->status[i], 0, PAGE_SIZE);
    WRITE_ONCE(g->version, (uint8_t)version);
    for (grant_ref_t ref = 0; g->nr_frames && ref < ARRAY_SIZE(keep); ref++)
        write_entry(g, ref, &keep[ref]);
    return 0;
}

static int switch_to(struct domain_grant *g, unsigned int version)
{
    int rc;

    __atomic_store_n(&g->is_switching, true, __ATOMIC_SEQ_CST);
    rc = is_idle(g) ? rewrite(g, version) : -EBUSY;
    __atomic_store_n(&g->is_switching, false, __ATOMIC_RELEASE);
    return rc;
}

int grant_set_version(struct domain *d, unsigned int version)
{
    struct domain_grant *g = d->grant;
    int rc = 0;

    if (version < 1 || version > NEWEST_VERSION)
        return -EINVAL;
    if (version > g->max_version)
        return -ENOSYS;
    spin_lock(&g->lock);
    if (READ_ONCE(d->is_dying))
        rc = -EINVAL;
    else if (version == 2)
        rc = grant_grow_status(d, g->nr_frames);
    /* Those who use its grants wait only for a switch that is likely to be made. */
    if (!rc && g->version != version)
        rc = is_idle(g) ? switch_to(g, version) : -EBUSY;
    spin_unlock(&g->lock);
    return rc;
}
