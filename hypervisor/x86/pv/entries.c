/*
 * What a PV guest's page-table entry may say, and what it holds: the heart of PV memory safety
 * (docs/design/pv-memory-safety.md). An entry of level 1 holds a reference on the frame it maps
 * and, if it is writable, the frame's writable type; one of level n holds the type of a level n-1
 * table. Called under the table owner's LOCK_PV_MM.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/range_set.h>
#include <hv/string.h>
#include <arch/io.h>

#include "internal.h"

static bool has_io(const struct domain *d, mfn_t m)
{
    const struct range_set *set = READ_ONCE(d->arch->io_mem);

    return set && range_set_contains(set, m.v, m.v);
}

/* Who maps it must have the device, and so must the domain for which it is mapped. */
static int get_io(pte_t *e, struct domain *d, const struct domain *pg_owner)
{
    mfn_t m = pte_mfn(*e);

    if (!has_io(d, m) || (pg_owner != d && pg_owner->arch && !has_io(pg_owner, m))) {
        guest_printk(d, LOG_WARN, "may not map device frame %#lx\n", (unsigned long)m.v);
        return -EPERM;
    }
    if (iomem_readonly(m))
        *e &= ~PTE_WRITE;
    *e = pv_adjust_l1(*e);
    return 0;
}

static noinline int refuse_l1(pte_t e, const struct domain *d, int error)
{
    guest_printk(d, LOG_WARN, "may not map frame %#lx%s: %s\n", (unsigned long)pte_mfn(e).v,
                 e & PTE_WRITE ? " writable" : "",
                 error == -EPERM   ? "it is not its own"
                 : error == -EBUSY ? "it is a page table or a descriptor table"
                                   : "it has too many mappings");
    return error == -EPERM ? -EPERM : -EINVAL;
}

/* Of our own frames, one that may be mapped: it stays so for good, the heap's never are. */
static bool is_for_reading(const struct frame *f)
{
    union frame_state s = { .raw = READ_ONCE(f->state.raw) };

    return s.owner == DOMID_XEN && s.shared;
}

/* Who sees memory past the caches can have its tables checked in the cache and walked outside, or
 * give a frame back with two contents. Only who has devices needs to. */
static bool may_choose_caching(const struct domain *d)
{
    return READ_ONCE(d->arch->io_mem);
}

static int get_l1(pte_t *e, struct domain *d, struct domain *pg_owner)
{
    mfn_t m = pte_mfn(*e);
    struct frame *f;
    int rc;

    if (unlikely(mfn_is_io(m)))
        return get_io(e, d, pg_owner);
    f = mfn_to_frame(m);
    if (unlikely(pg_owner == &pv_domain_xen) && (*e & PTE_WRITE || !is_for_reading(f)))
        return refuse_l1(*e, d, -EPERM);
    rc = *e & PTE_WRITE ? frame_get_writable(f, pg_owner) : frame_get(f, pg_owner);
    if (unlikely(rc))
        return refuse_l1(*e, d, rc);
    if (unlikely(*e & PTE_UNCACHED) && !may_choose_caching(d))
        *e &= ~PTE_UNCACHED;
    *e = pv_adjust_l1(*e);
    return 0;
}

static noinline int get_table(pte_t *e, unsigned int level, struct domain *d)
{
    struct frame *f;
    int rc;

    if (*e & PTE_PSE || mfn_is_io(pte_mfn(*e))) {
        guest_printk(d, LOG_WARN, "level-%u entry %#lx is not a page table of its own\n", level,
                     (unsigned long)*e);
        return -EINVAL;
    }
    f = mfn_to_frame(pte_mfn(*e));
    rc = frame_get(f, d);
    if (rc)
        return rc;
    rc = frame_get_type(f, FRAME_L1 + level - 2);
    if (rc) {
        frame_put(f);
        return rc;
    }
    *e = (*e & ~(PTE_PWT | PTE_PCD)) | PTE_USER;
    return 0;
}

int pv_entry_get(pte_t *e, unsigned int level, struct domain *d, struct domain *pg_owner)
{
    if (!(*e & PTE_PRESENT))
        return 0;
    return level == 1 ? get_l1(e, d, pg_owner) : get_table(e, level, d);
}

static noinline int put_table(struct frame *f)
{
    if (frame_put_type(f) == -ERESTART)
        return -ERESTART;
    frame_put(f);
    return 0;
}

/* Its owner will change its use, or free it, and must reach the mapper's CPUs then. Not now: who
 * unmaps one unmaps thousands, of a domain that he builds or saves. */
static noinline void note_foreign(const struct frame *f, const struct domain *mapper)
{
    struct domain *owner = frame_owner(f);

    if (!owner) /* ours, which stay what they are */
        return;
    for (unsigned int i = 0; i < ARRAY_SIZE(mapper->arch->pv.dirty_cpus.bits); i++) {
        unsigned long cpus = READ_ONCE(mapper->arch->pv.dirty_cpus.bits[i]);

        if (cpus & ~READ_ONCE(owner->arch->pv.foreign_cpus.bits[i]))
            __atomic_fetch_or(&owner->arch->pv.foreign_cpus.bits[i], cpus, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&owner->arch->pv.foreign_stale, 1, __ATOMIC_SEQ_CST);
}

int pv_entry_put(pte_t e, unsigned int level, struct domain *d)
{
    struct frame *f;

    if (!(e & PTE_PRESENT) || mfn_is_io(pte_mfn(e)))
        return 0;
    f = mfn_to_frame(pte_mfn(e));
    if (level > 1)
        return put_table(f);
    if (d && unlikely(f->state.owner != d->id)) {
        note_foreign(f, d);
        if (e & PTE_WRITE)
            frame_dirtied(f); /* once it is noted: see report() in log_dirty.c */
    }
    if (e & PTE_WRITE)
        frame_put_unwritten(f); /* by its owner: d's mirrors know */
    else
        frame_put(f);
    return 0;
}

unsigned int arch_frame_entries(enum frame_type type)
{
    (void)type;
    return PTES_PER_TABLE; /* page tables and descriptor tables alike: 8 bytes each */
}

static int check_descriptors(struct domain *d, struct frame *f, unsigned int *done)
{
    int rc = pv_check_descriptors(f, done);

    if (unlikely(d->arch->pv.log))
        pv_mirror_table(d, f, FRAME_SEGDESC);
    return rc;
}

/* Between two tables below the one that is checked or released. Whoever waits for the lock spins,
 * and so does all whose turn it is on that CPU. */
static bool must_pause(const struct domain *d)
{
    return hypercall_preempt_check() || spin_is_contended(&d->arch->pv.lock);
}

int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done)
{
    struct domain *d = frame_owner(f);
    unsigned int level = type - FRAME_L1 + 1;
    pte_t *table = mfn_to_virt(frame_to_mfn(f));

    if (!d || d->is_dying) /* its teardown must not miss anything */
        return -EINVAL;
    if (type == FRAME_SEGDESC)
        return check_descriptors(d, f, done);
    for (; *done < PTES_PER_TABLE; ++*done) {
        pte_t old = table[*done], e = old;
        int rc;

        if (level == 4 && !pv_l4_slot_is_guests(*done))
            continue;
        if (!(e & PTE_PRESENT))
            continue;
        rc = pv_entry_get(&e, level, d, d);
        if (rc)
            return rc;
        if (e != old) {
            table[*done] = e;
            frame_dirtied(f);
        }
        if (level > 1 && *done + 1 < PTES_PER_TABLE && must_pause(d)) {
            ++*done;
            return -ERESTART;
        }
    }
    if (level == 4)
        pv_fill_l4(d, table);
    if (unlikely(d->arch->pv.log))
        pv_mirror_table(d, f, type);
    return 0;
}

int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done)
{
    struct domain *d = frame_owner(f);
    unsigned int level = type - FRAME_L1 + 1;
    pte_t *table = mfn_to_virt(frame_to_mfn(f));

    if (type == FRAME_SEGDESC) {
        *done = 0;
        return 0;
    }
    if (unlikely(d->arch->pv.log))
        pv_unmirror_table(d, f);
    /* No way leads to the table any more, but the CPUs may remember one. Before anything is
     * released: a frame that goes with its last reference is only flushed for changes that were
     * counted. */
    pv_tlb_stale(d);
    /* The guest must not learn from the page where the hypervisor's tables are. */
    if (level == 4)
        memset(table + HV_SLOT_FIRST, 0, (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(*table));
    while (*done > 0) {
        unsigned int i = *done - 1;

        if ((level < 4 || pv_l4_slot_is_guests(i)) && table[i] & PTE_PRESENT) {
            if (pv_entry_put(table[i], level, d) == -ERESTART)
                return -ERESTART;
            if (level > 1 && i > 0 && must_pause(d)) {
                *done = i;
                return -ERESTART;
            }
        }
        *done = i;
    }
    return 0;
}

int arch_frame_relinquish(struct domain *d, struct frame *f)
{
    bool unpinned = false;
    int rc;

    spin_lock(&d->arch->pv.lock);
    rc = frame_settle(f);
    if (rc == 0 && f->state.pinned) {
        rc = frame_put_type(f);
        unpinned = rc == 0;
        if (unpinned)
            __atomic_fetch_and(&f->state.raw, ~(union frame_state){ .pinned = 1 }.raw,
                               __ATOMIC_SEQ_CST);
    }
    spin_unlock(&d->arch->pv.lock);
    if (unpinned)
        frame_put(f); /* the pin's; the caller has one too */
    return rc;
}

void pv_tlb_stale(struct domain *d)
{
    __atomic_fetch_add(&d->arch->pv.tlb_stale, 1, __ATOMIC_SEQ_CST);
}

/* How many changes must be seen by everybody from now on; 0: they are already. */
static uint64_t unseen(const uint64_t *stale, const uint64_t *seen)
{
    uint64_t changes = __atomic_load_n(stale, __ATOMIC_SEQ_CST);

    return __atomic_load_n(seen, __ATOMIC_SEQ_CST) < changes ? changes : 0;
}

static void mark_seen(uint64_t *seen, uint64_t changes)
{
    uint64_t before = __atomic_load_n(seen, __ATOMIC_SEQ_CST);

    while (before < changes && !__atomic_compare_exchange_n(seen, &before, changes, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
}

/* A mapping is changed first, then counted; whoever reads the count before flushing therefore
 * covers every change that it counted. */
void arch_tlb_sync(struct domain *d)
{
    struct pv_domain *pv;
    uint64_t own, foreign;
    cpumask_t cpus;

    if (!d->arch) /* its creation failed early */
        return;
    pv = &d->arch->pv;
    own = unseen(&pv->tlb_stale, &pv->tlb_seen);
    foreign = unseen(&pv->foreign_stale, &pv->foreign_seen);
    if (!own && !foreign)
        return;
    cpus = pv->dirty_cpus;
    for (unsigned int i = 0; foreign && i < ARRAY_SIZE(cpus.bits); i++)
        cpus.bits[i] |= READ_ONCE(pv->foreign_cpus.bits[i]);
    tlb_flush_mask(&cpus);
    mark_seen(&pv->tlb_seen, own);
    mark_seen(&pv->foreign_seen, foreign);
}
