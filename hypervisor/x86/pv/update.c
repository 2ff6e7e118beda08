/*
 * A PV guest's changes to its page tables: mmu_update, update_va_mapping, and emulated writes. All
 * changes of a domain's live tables happen under its LOCK_PV_MM; the CPU's own accessed and dirty
 * bits are the only other writer.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/printk.h>

#include "internal.h"

#define AD_BITS (PTE_ACCESSED | PTE_DIRTY)

static pte_t read_entry(const pte_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

int pv_store_entry(pte_t *entry, pte_t new, unsigned int how, pte_t *old)
{
    pte_t seen, want = *old;

    if (how == 0) {
        *old = __atomic_exchange_n(entry, new, __ATOMIC_SEQ_CST);
        return 0;
    }
    seen = read_entry(entry);
    for (;;) {
        pte_t n = how & PV_UPDATE_KEEP_AD ? new | (seen & AD_BITS) : new;

        if (how & PV_UPDATE_CHECK_OLD && seen != want) {
            *old = seen;
            return -EAGAIN;
        }
        if (__atomic_compare_exchange_n(entry, &seen, n, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            *old = seen;
            return 0;
        }
    }
}

int pv_update_entry(struct vcpu *v, struct frame *table, unsigned int level, unsigned int index,
                    pte_t new, struct domain *pg_owner, unsigned int how, pte_t *old)
{
    pte_t *entry = (pte_t *)mfn_to_virt(frame_to_mfn(table)) + index;
    struct domain *d = v->domain;
    int rc;

    if (unlikely(table->state.owner != d->id)) /* one that v's domain controls */
        d = frame_owner(table);
    if (level == 4 && !pv_l4_slot_is_guests(index)) {
        guest_printk(d, LOG_WARN, "may not change the hypervisor's slot %u of a level-4 table\n",
                     index);
        return -EINVAL;
    }
    if (level == 1 && likely(!d->arch->pv.log) && pv_holds_the_same(read_entry(entry), new))
        return pv_store_entry(entry, pv_adjust_l1(new), how, old);
    rc = pv_entry_get(&new, level, d, pg_owner);
    if (rc)
        return rc;
    rc = unlikely(d->arch->pv.log) ? pv_store_mirrored(d, table, level, index, new, how, old)
                                   : pv_store_entry(entry, new, how, old);
    if (rc) {
        int undone = pv_entry_put(new, level, NULL);

        if (undone == -ERESTART) /* only tables: nobody compares and exchanges those */
            v->arch->pv.old_table = mfn_to_frame(pte_mfn(new));
        return rc;
    }
    if (*old & PTE_PRESENT) {
        pv_tlb_stale(d);
        if (pv_entry_put(*old, level, how & PV_UPDATE_OLD_HELD ? NULL : d) == -ERESTART) {
            v->arch->pv.old_table = mfn_to_frame(pte_mfn(*old));
            return -ERESTART;
        }
    }
    return 0;
}

int pv_put_old_table(struct vcpu *v)
{
    struct frame *f = v->arch->pv.old_table;
    struct domain *d;
    int rc;

    if (likely(!f))
        return 0;
    d = frame_owner(f); /* another than v's if v may control it */
    spin_lock(&d->arch->pv.lock);
    rc = frame_put_type(f);
    spin_unlock(&d->arch->pv.lock);
    if (rc == 0) {
        v->arch->pv.old_table = NULL;
        frame_put(f);
    }
    return rc;
}

static inline pte_t *walk(struct vcpu *v, uint64_t va, struct frame **table, bool locked)
{
    mfn_t m = v->arch->pv.guest_table;

    if (!is_canonical(va) || (va >= HV_VIRT_START && va < HV_VIRT_END))
        return NULL;
    for (unsigned int level = 4; level > 1; level--) {
        pte_t e = read_entry((pte_t *)mfn_to_virt(m) + pte_index(va, level));

        if (!(e & PTE_PRESENT))
            return NULL;
        m = pte_mfn(e);
        if (!locked && (e & PTE_PSE || mfn_is_io(m)))
            return NULL;
    }
    *table = mfn_to_frame(m);
    return (pte_t *)mfn_to_virt(m) + pte_index(va, 1);
}

/* With LOCK_PV_MM a table that is reachable is a valid one, down to level 1. */
pte_t *pv_l1_entry(struct vcpu *v, uint64_t va, struct frame **table)
{
    return walk(v, va, table, true);
}

/* Without it one may cease to be one in the middle of the walk: every frame number is checked to be
 * RAM before it is read, and what comes out is a hint. */
pte_t *pv_l1_entry_unlocked(struct vcpu *v, uint64_t va, struct frame **table)
{
    return walk(v, va, table, false);
}

int pv_pt_write(struct vcpu *v, uint64_t va, unsigned int size, uint64_t old, uint64_t new,
                bool cmpxchg, uint64_t *seen)
{
    struct domain *d = v->domain;
    struct frame *l1, *table;
    pte_t *entry, previous = old;
    int rc = -EINVAL;

    if (size != sizeof(pte_t) || va % sizeof(pte_t))
        return -EINVAL;
    spin_lock(&d->arch->pv.lock);
    entry = pv_l1_entry(v, va, &l1);
    if (entry && *entry & PTE_PRESENT && !mfn_is_io(pte_mfn(*entry))) {
        union frame_state s;

        table = mfn_to_frame(pte_mfn(*entry));
        s.raw = READ_ONCE(table->state.raw);
        if (s.owner == d->id && s.type == FRAME_L1 && s.progress == FRAME_VALID)
            rc = pv_update_entry(v, table, 1, (va & ~PAGE_MASK) / sizeof(pte_t), new, d,
                                 cmpxchg ? PV_UPDATE_CHECK_OLD : 0, &previous);
    }
    spin_unlock(&d->arch->pv.lock);
    if (seen)
        *seen = previous;
    return rc;
}

/* The table that the last update of a list was in: the next one is likely in the same. It keeps a
 * reference. */
struct last_table {
    mfn_t m;
    struct frame *frame; /* NULL: none */
};

static void forget_table(struct last_table *t)
{
    if (t->frame)
        frame_put(t->frame);
    t->frame = NULL;
}

static int find_table(struct last_table *t, mfn_t m, const struct domain *owner)
{
    if (t->frame && t->m.v == m.v)
        return 0;
    forget_table(t);
    if (mfn_is_io(m) || frame_get(mfn_to_frame(m), owner))
        return -EINVAL;
    t->m = m;
    t->frame = mfn_to_frame(m);
    return 0;
}

/* One normal update: `ptr` is the machine address of the entry, in a table of pt_owner's. */
static int update_one(struct vcpu *v, struct last_table *t, uint64_t ptr, uint64_t val,
                      struct domain *pt_owner, struct domain *pg_owner, unsigned int how)
{
    mfn_t m = paddr_to_mfn(paddr(ptr));
    unsigned int index = (unsigned int)(ptr & ~PAGE_MASK) / sizeof(pte_t);
    union frame_state s;
    pte_t old;
    int rc;

    if (find_table(t, m, pt_owner))
        return -EINVAL;
    s.raw = READ_ONCE(t->frame->state.raw);
    if (s.progress == FRAME_VALID && s.type >= FRAME_L1 && s.type <= FRAME_L4)
        return pv_update_entry(v, t->frame, s.type - FRAME_L1 + 1, index, val, pg_owner, how, &old);
    rc = frame_get_type(t->frame, FRAME_WRITABLE);
    if (rc)
        return rc;
    WRITE_ONCE(((uint64_t *)mfn_to_virt(m))[index], val);
    frame_dirtied(t->frame);
    return frame_put_type(t->frame);
}

static int update_m2p(uint64_t ptr, uint64_t val, struct domain *pg_owner)
{
    mfn_t m = paddr_to_mfn(paddr(ptr));

    if (mfn_is_io(m) || !pg_owner->arch) /* DOMID_IO, DOMID_XEN */
        return -EINVAL;
    return domain_set_gfn(pg_owner, m, gfn(val));
}

/* foreigndom: the frames' owner in the low half; whose tables, plus one, in the high half. */
static int get_owners(unsigned int foreigndom, struct domain **pt_owner, struct domain **pg_owner)
{
    unsigned int pt = foreigndom >> 16;
    int rc;

    *pt_owner = *pg_owner = current->domain;
    if (likely(foreigndom == DOMID_SELF))
        return 0;
    if (pt && pt - 1 != current->domain->id) {
        if (!current->domain->is_control)
            return -EPERM;
        *pt_owner = pt - 1 < DOMID_FIRST_RESERVED ? domain_get((domid_t)(pt - 1)) : NULL;
        if (!*pt_owner)
            return -ESRCH;
        if ((*pt_owner)->type != DOMAIN_PV) {
            domain_put(*pt_owner);
            return -EINVAL;
        }
    }
    rc = pv_get_pg_owner((domid_t)foreigndom, pg_owner);
    if (rc == 0 && *pt_owner != current->domain && *pg_owner != *pt_owner &&
        *pg_owner != &pv_domain_io) {
        pv_put_pg_owner(*pg_owner); /* what its tables map is its own */
        rc = -EPERM;
    }
    if (rc && *pt_owner != current->domain)
        domain_put(*pt_owner);
    return rc;
}

static int run_update(struct vcpu *v, struct last_table *t, const struct mmu_update *u,
                      struct domain *pt_owner, struct domain *pg_owner)
{
    uint64_t ptr = u->ptr & ~7UL;

    switch (u->ptr & 7) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_one(v, t, ptr, u->val, pt_owner, pg_owner, 0);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_one(v, t, ptr, u->val, pt_owner, pg_owner, PV_UPDATE_KEEP_AD);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(ptr, u->val, pg_owner);
    default:
        return -ENOSYS;
    }
}

#define FETCH_BATCH 8 /* updates read, and run without a look at what else waits */

/* Run a list until its end, an error, or -ERESTART; *done is how many are behind us. */
static int run_list(struct vcpu *v, guest_ptr_t list, unsigned int count, unsigned int *done,
                    struct domain *pt_owner, struct domain *pg_owner)
{
    struct mmu_update u[FETCH_BATCH];
    struct last_table table = { .frame = NULL };
    int rc = 0;

    spin_lock(&pt_owner->arch->pv.lock);
    while (rc == 0 && *done < count) {
        unsigned int n = min(count - *done, (unsigned int)FETCH_BATCH);

        if (*done && hypercall_preempt_check()) {
            rc = -ERESTART;
            break;
        }
        /* Other vCPUs wait for the lock, and so do all whose turn it is on their CPUs. */
        if (spin_is_contended(&pt_owner->arch->pv.lock)) {
            spin_unlock(&pt_owner->arch->pv.lock);
            spin_lock(&pt_owner->arch->pv.lock);
        }
        /* Up to a page that cannot be read, the updates before it still count. */
        while (n && copy_from_guest(u, guest_ptr_add(list, *done * sizeof(*u)), n * sizeof(*u)))
            n /= 2;
        if (n == 0)
            rc = -EFAULT;
        for (unsigned int i = 0; rc == 0 && i < n; i++) {
            rc = run_update(v, &table, &u[i], pt_owner, pg_owner);
            /* With an old table left, all is done but for its release. */
            if (rc == 0 || (rc == -ERESTART && v->arch->pv.old_table))
                ++*done;
        }
    }
    spin_unlock(&pt_owner->arch->pv.lock);
    forget_table(&table);
    return rc;
}

long pv_mmu_update(guest_ptr_t list, unsigned int count, guest_ptr_t done, unsigned int foreigndom)
{
    struct vcpu *v = current;
    struct domain *pt_owner, *pg_owner;
    unsigned int i = 0, before = 0;
    int rc = pv_put_old_table(v);

    if (rc)
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, list.v, count, done.v, foreigndom);
    if (count & MMU_UPDATE_PREEMPTED) {
        count &= ~MMU_UPDATE_PREEMPTED;
        if (!guest_ptr_is_null(done) && copy_from_guest(&before, done, sizeof(before)))
            return -EFAULT;
    }
    rc = get_owners(foreigndom, &pt_owner, &pg_owner);
    if (rc)
        return rc;
    rc = run_list(v, list, count, &i, pt_owner, pg_owner);
    pv_put_pg_owner(pg_owner);
    if (pt_owner != v->domain)
        domain_put(pt_owner);
    before += i;
    if (!guest_ptr_is_null(done) && copy_to_guest(done, &before, sizeof(before)))
        rc = -EFAULT;
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmu_update, 4,
                                  list.v + i * sizeof(struct mmu_update),
                                  (count - i) | MMU_UPDATE_PREEMPTED, done.v, foreigndom);
    return rc;
}

/* Which CPUs: this one, all of the domain's, or those of the vCPUs in a bitmap of the guest's. */
static int flush_targets(uint64_t flags, cpumask_t *mask)
{
    struct vcpu *v = current;

    switch (flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK) {
    case UVMF_LOCAL:
        *mask = cpumask_of(smp_processor_id());
        return 0;
    case UVMF_ALL:
        *mask = v->domain->arch->pv.dirty_cpus;
        return 0;
    default:
        return pv_vcpumask_to_cpus(v->domain, guest_ptr(flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK),
                                   mask);
    }
}

long pv_update_va_mapping(uint64_t va, uint64_t val, uint64_t flags, domid_t pg_owner_id)
{
    struct vcpu *v = current;
    struct domain *d = v->domain, *pg_owner;
    struct frame *table;
    cpumask_t mask;
    pte_t *entry, old;
    int rc = pv_put_old_table(v);

    if (rc)
        return hypercall_continue(__HYPERVISOR_update_va_mapping_otherdomain, 4, va, val, flags,
                                  (uint64_t)pg_owner_id);
    rc = pv_get_pg_owner(pg_owner_id, &pg_owner);
    if (rc)
        return rc;
    spin_lock(&d->arch->pv.lock);
    entry = pv_l1_entry(v, va, &table);
    if (!entry || table->state.type != FRAME_L1 || table->state.progress != FRAME_VALID)
        rc = -EINVAL;
    else
        rc = pv_update_entry(v, table, 1, pte_index(va, 1), val, pg_owner, 0, &old);
    spin_unlock(&d->arch->pv.lock);
    pv_put_pg_owner(pg_owner);
    if (rc)
        return rc;
    if (flags == UVMF_NONE)
        return 0;
    if (flags == (UVMF_INVLPG | UVMF_LOCAL)) {
        tlb_flush_page_local(va);
        return 0;
    }
    switch (flags & UVMF_FLUSHTYPE_MASK) {
    case UVMF_NONE:
        return 0;
    case UVMF_TLB_FLUSH:
        rc = flush_targets(flags, &mask);
        if (rc == 0)
            tlb_flush_mask(&mask);
        return rc;
    case UVMF_INVLPG:
        rc = flush_targets(flags, &mask);
        if (rc == 0)
            tlb_flush_page_mask(&mask, va);
        return rc;
    default:
        return -EINVAL;
    }
}
