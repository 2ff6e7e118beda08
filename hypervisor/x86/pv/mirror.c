/*
 * Mirrors: while what a domain writes is logged, each of its page tables has an exact copy, and the
 * CPUs walk the copies. They differ in two ways: an entry of level 2-4 names the copy of the table,
 * and an entry of level 1 is only writable once a write through it was logged. The guest goes on
 * seeing its own tables, with the accessed and dirty bits that the CPU would have set.
 *
 * Tables come and go under the domain's LOCK_PV_MM. An entry and its mirror change together under
 * LOCK_LOG_DIRTY, with interrupts off, because a write fault may come at any place where guest
 * memory is written. Why this is safe: docs/design/log-dirty.md.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <arch/trap.h>

#include "log_dirty.h"

#define MAX_GONE    64  /* pages kept back before the CPUs are flushed for them */
#define BUILD_BATCH 256 /* frames looked at between two looks at what else waits */
#define MIN_TABLES  1024U

static struct mirror **bucket_of(const struct log_dirty *l, mfn_t table)
{
    return &l->bucket[(table.v ^ table.v >> 11) % MIRROR_BUCKETS];
}

/* LOCK_PV_MM or LOCK_LOG_DIRTY. */
static struct mirror *find(const struct log_dirty *l, mfn_t table)
{
    struct mirror *m = *bucket_of(l, table);

    while (m && m->table != table.v)
        m = m->next;
    return m;
}

static pte_t *entries(mfn_t m)
{
    return mfn_to_virt(m);
}

static bool is_table(union frame_state s)
{
    return s.progress == FRAME_VALID && s.type >= FRAME_L1 && s.type <= FRAME_L4;
}

/* ---- entries ---- */

/* What the CPU may see of an entry that cannot be written through yet. A table without a copy
 * stands for itself: what is written below it is lost to the log, which has an error then. */
static pte_t closed(const struct log_dirty *l, pte_t e, unsigned int level)
{
    const struct mirror *child;

    if (!(e & PTE_PRESENT))
        return 0;
    if (level == 1)
        return e & ~PTE_WRITE;
    child = find(l, pte_mfn(e));
    return child ? pte_make(mfn(child->page), e & ~PTE_ADDR) : e;
}

/* The CPU sets the accessed bit in the mirror, where the guest does not see it: so it is set
 * beforehand. */
static pte_t accessed(pte_t *entry)
{
    pte_t e = READ_ONCE(*entry);

    if (e & PTE_PRESENT && !(e & PTE_ACCESSED))
        e = __atomic_or_fetch(entry, PTE_ACCESSED, __ATOMIC_RELAXED);
    return e;
}

/* An entry is open: the frame behind it is dirty, and so is the table, by the entry's dirty bit. */
static void open_entry(struct domain *d, struct log_dirty *l, struct mirror *m, unsigned int index,
                       pte_t e)
{
    log_dirty_mark(d, l, pte_mfn(e));
    log_dirty_mark(d, l, mfn(m->table));
    WRITE_ONCE(entries(mfn(m->page))[index], e);
    list_del(&m->open);
    list_add(&m->open, &l->open);
}

/* The guest's slots of a table, once what they name is copied. LOCK_PV_MM, and no CPU walks the
 * mirror. */
static void fill(struct log_dirty *l, struct mirror *m, unsigned int level)
{
    pte_t *from = entries(mfn(m->table)), *to = entries(mfn(m->page));

    for (unsigned int i = 0; i < PTES_PER_TABLE; i++)
        to[i] =
            level == 4 && !pv_l4_slot_is_guests(i) ? from[i] : closed(l, accessed(&from[i]), level);
}

int pv_store_mirrored(struct domain *d, struct frame *table, unsigned int level, unsigned int index,
                      pte_t new, unsigned int how, pte_t *old)
{
    struct log_dirty *l = d->arch->pv.log;
    pte_t *entry = entries(frame_to_mfn(table)) + index;
    unsigned long flags = spin_lock_irqsave(&l->lock);
    int rc = pv_store_entry(entry, new, how, old);
    struct mirror *m = rc ? NULL : find(l, frame_to_mfn(table));

    if (rc == 0)
        log_dirty_mark(d, l, frame_to_mfn(table));
    if (m) {
        pte_t e = accessed(entry), writes = PTE_PRESENT | PTE_WRITE | PTE_DIRTY;

        /* Who says that it writes will do it at once. (For another, the domain may be held while
         * what it wrote is taken.) */
        if (level == 1 && d == current->domain && (e & writes) == writes)
            open_entry(d, l, m, index, e);
        else
            WRITE_ONCE(entries(mfn(m->page))[index], closed(l, e, level));
    }
    spin_unlock_irqrestore(&l->lock, flags);
    return rc;
}

void pv_show_slot(struct domain *d, mfn_t l4, unsigned int slot, pte_t e)
{
    struct log_dirty *l = d->arch->pv.log;
    struct mirror *m = unlikely(l) ? find(l, l4) : NULL;

    WRITE_ONCE(entries(l4)[slot], e);
    if (m)
        WRITE_ONCE(entries(mfn(m->page))[slot], e);
}

mfn_t pv_walked_table(struct domain *d, mfn_t l4)
{
    struct log_dirty *l = d->arch->pv.log;
    struct mirror *m = unlikely(l) && l->active && l4.v != INVALID_MFN.v ? find(l, l4) : NULL;

    return m ? mfn(m->page) : l4;
}

/* ---- faults ---- */

/* The guest's own tables let this address be written: make the mirror do so. LOCK_LOG_DIRTY keeps
 * every entry as it is, so the walk from a live base meets valid tables only. */
static bool open_address(struct vcpu *v, struct log_dirty *l, uint64_t va)
{
    const struct pv_vcpu *pv = &v->arch->pv;
    mfn_t m = pv->kernel_mode ? pv->guest_table : pv->guest_table_user;
    struct mirror *mirror;
    pte_t *entry;

    for (unsigned int level = 4;; level--, m = pte_mfn(*entry)) {
        entry = entries(m) + pte_index(va, level);
        if ((READ_ONCE(*entry) & (PTE_PRESENT | PTE_WRITE)) != (PTE_PRESENT | PTE_WRITE))
            return false;
        if (level == 1)
            break;
    }
    mirror = find(l, m);
    /* If the mirror lets it be written, the CPU remembered what was before. */
    if (mirror && !(entries(mfn(mirror->page))[pte_index(va, 1)] & PTE_WRITE)) {
        pte_t e = __atomic_or_fetch(entry, PTE_ACCESSED | PTE_DIRTY, __ATOMIC_RELAXED);

        open_entry(v->domain, l, mirror, pte_index(va, 1), e);
        l->faults++;
    }
    return true;
}

bool pv_log_dirty_fault(uint64_t va, uint32_t error)
{
    struct vcpu *v = current;
    struct log_dirty *l = is_idle_vcpu(v) ? NULL : v->domain->arch->pv.log;
    unsigned long flags;
    bool opened = false;

    if (likely(!l) || (error & ~PFEC_USER) != (PFEC_PRESENT | PFEC_WRITE) || !is_canonical(va) ||
        (va >= HV_VIRT_START && va < HV_VIRT_END))
        return false;
    /* Its own vCPU does not run while the structure goes. */
    flags = spin_lock_irqsave(&l->lock);
    if (l->active)
        opened = open_address(v, l, va);
    spin_unlock_irqrestore(&l->lock, flags);
    return opened;
}

/* ---- tables ---- */

static void free_first(struct log_dirty *l, struct mirror **list)
{
    struct mirror *m = *list;

    *list = m->next;
    l->nr_mirrors--;
    page_free(mfn_to_virt(mfn(m->page)));
    hv_free(m);
}

/* Once no CPU remembers them: each was counted as stale when it went. As many as come in one go, so
 * that they do not pile up. LOCK_PV_MM. */
static void free_gone(struct domain *d, struct log_dirty *l)
{
    if (l->nr_gone < MAX_GONE)
        return;
    arch_tlb_sync(d);
    for (unsigned int i = 0; i < 2 * MAX_GONE && l->gone; i++)
        free_first(l, &l->gone);
    l->nr_gone = l->gone ? MAX_GONE : 0; /* what is left goes with the next table */
}

/* A guest could make all of its memory page tables. None that works comes near. */
static bool is_too_many(const struct domain *d, const struct log_dirty *l)
{
    return l->nr_mirrors >= MIN_TABLES + d->mem->tot_pages / 8;
}

/* An empty one, found from now on. LOCK_PV_MM. */
static struct mirror *add(struct domain *d, struct log_dirty *l, mfn_t table)
{
    struct mirror *m = is_too_many(d, l) ? NULL : hv_alloc_type(struct mirror);
    void *page = m ? page_alloc() : NULL;
    unsigned long flags;

    if (!page) {
        hv_free(m);
        l->error = -ENOMEM;
        return NULL;
    }
    m->table = (uint32_t)table.v;
    m->page = (uint32_t)virt_to_mfn(page).v;
    list_init(&m->open);
    flags = spin_lock_irqsave(&l->lock);
    m->next = *bucket_of(l, table);
    *bucket_of(l, table) = m;
    l->nr_mirrors++;
    spin_unlock_irqrestore(&l->lock, flags);
    return m;
}

void pv_mirror_table(struct domain *d, struct frame *f, enum frame_type type)
{
    struct log_dirty *l = d->arch->pv.log;
    struct mirror *m;

    log_dirty_mark(d, l, frame_to_mfn(f));
    if (type < FRAME_L1 || type > FRAME_L4)
        return;
    free_gone(d, l);
    m = add(d, l, frame_to_mfn(f));
    if (m)
        fill(l, m, type - FRAME_L1 + 1);
}

void pv_unmirror_table(struct domain *d, struct frame *f)
{
    struct log_dirty *l = d->arch->pv.log;
    unsigned long flags = spin_lock_irqsave(&l->lock);
    struct mirror **link = bucket_of(l, frame_to_mfn(f)), *m;

    log_dirty_mark(d, l, frame_to_mfn(f));
    while (*link && (*link)->table != frame_to_mfn(f).v)
        link = &(*link)->next;
    m = *link;
    if (m) {
        *link = m->next;
        list_del(&m->open);
        m->next = l->gone;
        l->gone = m;
        l->nr_gone++;
    }
    spin_unlock_irqrestore(&l->lock, flags);
}

/* ---- all of them ---- */

int mirrors_init(struct log_dirty *l)
{
    spin_lock_init(&l->lock, LOCK_LOG_DIRTY);
    list_init(&l->open);
    l->bucket = pages_alloc(MIRROR_BUCKETS_ORDER);
    return l->bucket ? 0 : -ENOMEM;
}

/* A frame that is a table gets its mirror; from then on both change together. */
static void add_missing(struct domain *d, struct log_dirty *l, mfn_t m)
{
    struct frame *f = mfn_to_frame(m);
    union frame_state s = { .raw = READ_ONCE(f->state.raw) };

    if (s.owner != d->id || !is_table(s))
        return;
    spin_lock(&d->arch->pv.lock);
    s.raw = READ_ONCE(f->state.raw);
    if (s.owner == d->id && is_table(s) && !find(l, m)) {
        struct mirror *mirror = add(d, l, m);

        if (mirror)
            fill(l, mirror, s.type - FRAME_L1 + 1);
    }
    spin_unlock(&d->arch->pv.lock);
}

/* Now that all tables have theirs: what was filled too early named tables themselves. */
static void link_bucket(struct domain *d, struct log_dirty *l, uint64_t bucket)
{
    spin_lock(&d->arch->pv.lock);
    for (struct mirror *m = l->bucket[bucket]; m; m = m->next) {
        unsigned int type = mfn_to_frame(mfn(m->table))->state.type;

        if (type > FRAME_L1)
            fill(l, m, type - FRAME_L1 + 1);
    }
    spin_unlock(&d->arch->pv.lock);
}

static void build_step(struct domain *d, struct log_dirty *l, uint64_t place)
{
    if (place >= max_mfn)
        link_bucket(d, l, place - max_mfn);
    else if (mfn_valid(mfn(place)))
        add_missing(d, l, mfn(place));
}

int mirrors_build(struct domain *d, struct log_dirty *l)
{
    while (l->place < max_mfn + MIRROR_BUCKETS && !l->error) {
        build_step(d, l, l->place++);
        if (l->place % BUILD_BATCH == 0 && hypercall_preempt_check())
            return -ERESTART;
    }
    return l->error;
}

static void close_mirror(struct mirror *m)
{
    pte_t *e = entries(mfn(m->page));

    for (unsigned int i = 0; i < PTES_PER_TABLE; i++)
        e[i] &= ~PTE_WRITE;
    list_del(&m->open);
}

int mirrors_close(struct log_dirty *l)
{
    bool more = true;

    while (more) {
        unsigned long flags = spin_lock_irqsave(&l->lock);

        if (!list_empty(&l->open))
            close_mirror(list_entry(l->open.next, struct mirror, open));
        more = !list_empty(&l->open);
        spin_unlock_irqrestore(&l->lock, flags);
        if (more && hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}

int mirrors_free(struct log_dirty *l)
{
    while (l->place < MIRROR_BUCKETS) {
        struct mirror **list = l->gone ? &l->gone : &l->bucket[l->place];

        if (!*list) {
            l->place++;
            continue;
        }
        free_first(l, list);
        if (hypercall_preempt_check())
            return -ERESTART;
    }
    pages_free(l->bucket, MIRROR_BUCKETS_ORDER);
    return 0;
}
