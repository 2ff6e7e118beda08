/*
 * The tables themselves: growth, lookup, and grant tables as a part of a domain. Growth takes the
 * domain's LOCK_GRANT_TABLE; lookups take nothing.
 */
#include "internal.h"

#include <hv/cmdline.h>
#include <hv/hypercall.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>

/* More than this would only cost memory for the arrays of pointers. */
#define FRAMES_CEILING 4096U

static unsigned int gnttab_max_frames = 64;
static unsigned int gnttab_max_maptrack_frames = 1024;
static unsigned int gnttab_max_version = NEWEST_VERSION;

UINT_OPTION("gnttab_max_frames", gnttab_max_frames, "frames of a domain's grant table, at most");
UINT_OPTION("gnttab_max_maptrack_frames", gnttab_max_maptrack_frames,
            "frames for the handles of a domain's grant mappings, at most");

static int parse_gnttab(const char *value)
{
    for (unsigned int version = 1; version <= NEWEST_VERSION; version++) {
        const char text[] = { 'm', 'a', 'x', '-', 'v', 'e', 'r', ':', (char)('0' + version), '\0' };

        if (strcmp(value, text) == 0) {
            gnttab_max_version = version;
            return 0;
        }
    }
    return -EINVAL;
}
CUSTOM_OPTION("gnttab", parse_gnttab, "max-ver:1 or max-ver:2: newest version of grant tables");

static unsigned int limit(unsigned int option)
{
    return min(max(option, 1U), FRAMES_CEILING);
}

/* Version 1 has the more entries. */
static unsigned int active_pages(unsigned int frames)
{
    return DIV_ROUND_UP(frames * V1_PER_FRAME, ACTIVE_PER_PAGE);
}

unsigned int grant_status_frames(unsigned int frames)
{
    return DIV_ROUND_UP(frames * V2_PER_FRAME, STATUS_PER_FRAME);
}

bool grant_ref_valid(const struct domain *d, grant_ref_t ref)
{
    return ref / V1_PER_FRAME < __atomic_load_n(&d->grant->nr_frames, __ATOMIC_ACQUIRE);
}

int shared_entry(const struct domain *d, grant_ref_t ref, struct shared_entry *out)
{
    const struct domain_grant *g = d->grant;
    bool v1 = g->version == 1;
    unsigned int shift =
        v1 ? V1_SHIFT : V2_SHIFT; /* every use of a grant comes here: no division */
    size_t offset = ((size_t)ref << (PAGE_SHIFT - shift)) % PAGE_SIZE;
    char *page;

    if (ref >> shift >= __atomic_load_n(&g->nr_frames, __ATOMIC_ACQUIRE))
        return GNTST_bad_gntref;
    page = __atomic_load_n(&g->shared[ref >> shift], __ATOMIC_ACQUIRE);
    if (!page)
        return GNTST_bad_domain;
    out->version = g->version;
    out->head = (struct grant_entry_header *)(page + offset);
    out->status =
        v1 ? &out->head->flags : &g->status[ref / STATUS_PER_FRAME][ref % STATUS_PER_FRAME];
    return GNTST_okay;
}

struct active_entry *active_entry(struct domain *d, grant_ref_t ref)
{
    struct domain_grant *g = d->grant;
    struct active_entry **slot = &g->active[ref / ACTIVE_PER_PAGE];
    struct active_entry *page = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

    if (unlikely(!page)) {
        spin_lock(&g->lock);
        page = *slot;
        if (!page)
            page = page_alloc();
        if (page && !*slot) {
            for (unsigned int i = 0; i < ACTIVE_PER_PAGE; i++)
                spin_lock_init(&page[i].lock, LOCK_GRANT_ENTRY);
            __atomic_store_n(slot, page, __ATOMIC_RELEASE);
        }
        spin_unlock(&g->lock);
    }
    return page ? &page[ref % ACTIVE_PER_PAGE] : NULL;
}

/* A page that d may map, at the end of an array. LOCK_GRANT_TABLE is held. */
static void *shared_page_alloc(struct domain *d)
{
    void *page = page_alloc();

    if (page)
        frame_share(mfn_to_frame(virt_to_mfn(page)), d, false);
    return page;
}

int grant_grow_status(struct domain *d, unsigned int frames)
{
    struct domain_grant *g = d->grant;

    while (g->nr_status < grant_status_frames(frames)) {
        grant_status_t *page = shared_page_alloc(d);

        if (!page)
            return -ENOMEM;
        __atomic_store_n(&g->status[g->nr_status], page, __ATOMIC_RELEASE);
        g->nr_status++;
    }
    return 0;
}

int grant_grow(struct domain *d, unsigned int frames)
{
    struct domain_grant *g = d->grant;
    int rc = 0;

    spin_lock(&g->lock);
    if (frames > g->max_frames || READ_ONCE(d->is_dying))
        rc = -EINVAL;
    else if (g->version == 2)
        rc = grant_grow_status(d, frames);
    while (!rc && g->nr_frames < frames) {
        void *page = shared_page_alloc(d);

        if (!page) {
            rc = -ENOMEM;
            break;
        }
        __atomic_store_n(&g->shared[g->nr_frames], page, __ATOMIC_RELEASE);
        __atomic_store_n(&g->nr_frames, g->nr_frames + 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&g->lock);
    return rc;
}

int grant_get_shared_frame(struct domain *d, unsigned long idx, mfn_t *out)
{
    void *page;
    int rc;

    if (idx >= d->grant->max_frames)
        return -EINVAL;
    rc = grant_grow(d, (unsigned int)idx + 1);
    if (rc)
        return rc;
    page = __atomic_load_n(&d->grant->shared[idx], __ATOMIC_ACQUIRE);
    if (!page)
        return -EINVAL;
    *out = virt_to_mfn(page);
    return 0;
}

unsigned int grant_max_frames(const struct domain *d)
{
    return d->grant->max_frames;
}

unsigned int grant_max_status_frames(const struct domain *d)
{
    return grant_status_frames(d->grant->max_frames);
}

int grant_get_status_frame(struct domain *d, unsigned long idx, mfn_t *out)
{
    struct domain_grant *g = d->grant;
    grant_status_t *page;
    int rc;

    if (READ_ONCE(g->version) != 2 || idx >= grant_status_frames(g->max_frames))
        return -EINVAL;
    rc = grant_grow(d, (unsigned int)(idx * (STATUS_PER_FRAME / V2_PER_FRAME)) + 1);
    if (rc)
        return rc;
    page = __atomic_load_n(&g->status[idx], __ATOMIC_ACQUIRE);
    if (!page)
        return -EINVAL;
    *out = virt_to_mfn(page);
    return 0;
}

int grant_set_limits(struct domain *d, int32_t max_frames, int32_t max_maptrack_frames,
                     unsigned int max_version)
{
    struct domain_grant *g = d->grant;
    unsigned int frames = max_frames < 0 ? g->max_frames : (unsigned int)max_frames;
    unsigned int maptrack =
        max_maptrack_frames < 0 ? g->max_maptrack : (unsigned int)max_maptrack_frames;

    if (frames > limit(gnttab_max_frames) || frames < g->nr_frames ||
        maptrack > limit(gnttab_max_maptrack_frames) || max_version > gnttab_max_version)
        return -EINVAL;
    g->max_frames = frames;
    g->max_maptrack = maptrack;
    g->max_version = (uint8_t)(max_version ? max_version : gnttab_max_version);
    return 0;
}

unsigned int grant_max_version(void)
{
    return gnttab_max_version;
}

static int grant_init(struct domain *d)
{
    struct domain_grant *g = hv_alloc_type(struct domain_grant);

    if (!g)
        return -ENOMEM;
    d->grant = g;
    spin_lock_init(&g->lock, LOCK_GRANT_TABLE);
    spin_lock_init(&g->maptrack_lock, LOCK_MAPTRACK);
    g->version = 1;
    g->max_version = (uint8_t)gnttab_max_version;
    g->max_frames = limit(gnttab_max_frames);
    g->max_maptrack = limit(gnttab_max_maptrack_frames);
    g->shared = hv_alloc_array(void *, g->max_frames);
    g->status = hv_alloc_array(grant_status_t *, grant_status_frames(g->max_frames));
    g->active = hv_alloc_array(struct active_entry *, active_pages(g->max_frames));
    g->maptrack = hv_alloc_array(struct maptrack_entry *, g->max_maptrack);
    g->free = hv_alloc_array(struct maptrack_list, d->max_vcpus);
    if (!g->shared || !g->status || !g->active || !g->maptrack || !g->free)
        return -ENOMEM;
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        spin_lock_init(&g->free[i].lock, LOCK_MAPTRACK);
        g->free[i].head = HANDLES_END;
    }
    return 0;
}

/* Whoever got an entry's lock before has released it. */
static void pass_entry_locks(const struct domain_grant *g, grant_ref_t from, grant_ref_t to)
{
    for (grant_ref_t ref = from; ref < to; ref++) {
        struct active_entry *active = g->active[ref / ACTIVE_PER_PAGE];

        if (!active)
            continue;
        spin_lock(&active[ref % ACTIVE_PER_PAGE].lock);
        spin_unlock(&active[ref % ACTIVE_PER_PAGE].lock);
    }
}

/*
 * Take the shared pages back. Grantees may still have pins, which they will drop by the active
 * entries alone: each such lock is passed once, so that nobody is still at a shared entry, nor at
 * its status.
 */
static int shared_release(struct domain *d)
{
    struct domain_grant *g = d->grant;
    unsigned int per_frame = g->version == 1 ? V1_PER_FRAME : V2_PER_FRAME;

    for (unsigned int i = 0; i < g->nr_frames; i++) {
        void *page = __atomic_exchange_n(&g->shared[i], NULL, __ATOMIC_SEQ_CST);

        if (!page)
            continue;
        pass_entry_locks(g, i * per_frame, (i + 1) * per_frame);
        frame_unshare(mfn_to_frame(virt_to_mfn(page)));
        if (hypercall_preempt_check())
            return -ERESTART;
    }
    for (unsigned int i = 0; i < g->nr_status; i++) {
        grant_status_t *page = __atomic_exchange_n(&g->status[i], NULL, __ATOMIC_SEQ_CST);

        if (page)
            frame_unshare(mfn_to_frame(virt_to_mfn(page)));
    }
    return 0;
}

static int grant_teardown(struct domain *d)
{
    struct domain_grant *g = d->grant;
    int rc;

    if (!g || !g->free || !g->maptrack)
        return 0;
    rc = grant_unmap_all(d);
    if (rc)
        return rc;
    /* From here on the table does not grow: is_dying is set, and seen by who gets the lock. */
    spin_lock(&g->lock);
    spin_unlock(&g->lock);
    return shared_release(d);
}

static void grant_free(struct domain *d)
{
    struct domain_grant *g = d->grant;

    if (!g)
        return;
    for (unsigned int i = 0; g->active && i < active_pages(g->nr_frames); i++)
        if (g->active[i])
            page_free(g->active[i]);
    for (unsigned int i = 0; i < g->nr_maptrack; i++)
        page_free(g->maptrack[i]);
    hv_free(g->shared);
    hv_free(g->status);
    hv_free(g->active);
    hv_free(g->maptrack);
    hv_free(g->free);
    hv_free(g);
    d->grant = NULL;
}

const struct domain_part grant_part = {
    .name = "grant",
    .init = grant_init,
    .teardown = grant_teardown,
    .free = grant_free,
};

static void active_print(const struct domain *d, grant_ref_t ref, struct active_entry *active)
{
    struct shared_entry shared;

    spin_lock(&active->lock);
    if (active->readers || active->writers)
        printk_raw("  %6u for d%u: %s %x, %u readers, %u writers, flags %x\n", ref, active->domid,
                   active->transitive ? "transitive" : "frame", active->mfn, active->readers,
                   active->writers,
                   shared_entry(d, ref, &shared) ? 0U : READ_ONCE(shared.head->flags));
    spin_unlock(&active->lock);
}

void grant_print(const struct domain *d)
{
    const struct domain_grant *g = d->grant;
    unsigned int frames = __atomic_load_n(&g->nr_frames, __ATOMIC_ACQUIRE);

    printk_raw("d%u: grant table v%u, %u of %u frames; handles in %u of %u frames\n", d->id,
               g->version, frames, g->max_frames, g->nr_maptrack, g->max_maptrack);
    for (grant_ref_t ref = 0; ref < frames * V1_PER_FRAME; ref++) {
        struct active_entry *page =
            __atomic_load_n(&g->active[ref / ACTIVE_PER_PAGE], __ATOMIC_ACQUIRE);

        if (page)
            active_print(d, ref, &page[ref % ACTIVE_PER_PAGE]);
    }
}

static void grant_print_all(void)
{
    struct domain *d;

    for (unsigned int from = 0; (d = domain_next(from)) != NULL; domain_put(d)) {
        grant_print(d);
        from = d->id + 1U;
    }
}

KEY_HANDLER(grant, 'g', grant_print_all, "grant entries in use");
