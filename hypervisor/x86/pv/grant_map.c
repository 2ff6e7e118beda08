/*
 * Grant mappings in a PV guest's page tables. The entry holds a reference (and the writable type)
 * of its own, like every entry, beside the one that the grant's handle holds: a guest that
 * overwrites the entry itself only spoils its own unmapping.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <xen/grant_table.h>

#include "internal.h"

#define AVAIL_SHIFT 9 /* GNTMAP_guest_avail: the entry's three lowest software bits */
#define AVAIL_MASK  7UL

/* The level-1 entry that addr names. LOCK_PV_MM is held, and a table stays one for as long. */
static int find_entry(struct vcpu *v, uint64_t addr, unsigned int flags, struct frame **table,
                      unsigned int *index)
{
    union frame_state s;

    if (flags & GNTMAP_contains_pte) {
        mfn_t m = paddr_to_mfn(paddr(addr));

        if (addr % sizeof(pte_t) || mfn_is_io(m))
            return -EINVAL;
        *table = mfn_to_frame(m);
        *index = (unsigned int)(addr & ~PAGE_MASK) / sizeof(pte_t);
    } else {
        if (!pv_l1_entry(v, addr, table))
            return -EINVAL;
        *index = pte_index(addr, 1);
    }
    s.raw = READ_ONCE((*table)->state.raw);
    if (s.owner != v->domain->id || s.type != FRAME_L1 || s.progress != FRAME_VALID)
        return -EINVAL;
    return 0;
}

int arch_grant_map(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags)
{
    struct domain *owner = frame_owner(mfn_to_frame(m));
    struct frame *table;
    unsigned int index;
    pte_t new, old;
    int rc;

    if (!owner)
        return -EINVAL;
    new = pte_make(m, PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY |
                          (flags & GNTMAP_readonly ? 0 : PTE_WRITE) |
                          (flags & GNTMAP_application_map ? PTE_USER : 0) |
                          ((flags >> _GNTMAP_guest_avail0) & AVAIL_MASK) << AVAIL_SHIFT);
    spin_lock(&v->domain->arch->pv.lock);
    rc = find_entry(v, addr, flags, &table, &index);
    if (rc == 0)
        rc = pv_update_entry(v, table, 1, index, new, owner, 0, &old);
    spin_unlock(&v->domain->arch->pv.lock);
    return rc;
}

/* The entry at new_addr moves: its mapping is what replaces the grant's. */
static int take_replacement(struct vcpu *v, uint64_t new_addr, pte_t *new, struct frame **table,
                            unsigned int *index)
{
    if (new_addr == 0)
        return 0;
    if (find_entry(v, new_addr, 0, table, index))
        return -EINVAL;
    *new = ((pte_t *)mfn_to_virt(frame_to_mfn(*table)))[*index];
    return 0;
}

int arch_grant_unmap(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags, uint64_t new_addr)
{
    struct frame *table, *from = NULL;
    unsigned int index, from_index = 0;
    pte_t old, new = 0, unused;
    int rc;

    spin_lock(&v->domain->arch->pv.lock);
    rc = find_entry(v, addr, flags, &table, &index);
    if (rc == 0) {
        old = READ_ONCE(((pte_t *)mfn_to_virt(frame_to_mfn(table)))[index]);
        rc = take_replacement(v, new_addr, &new, &from, &from_index);
        /* Of several mappings of a frame, one that may write cannot pass for one that may not. */
        if (rc == 0 && (!(old & PTE_PRESENT) || pte_mfn(old).v != m.v ||
                        !(old & PTE_WRITE) != !!(flags & GNTMAP_readonly)))
            rc = -ENXIO;
        if (rc == 0)
            rc = pv_update_entry(v, table, 1, index, new, v->domain, PV_UPDATE_OLD_HELD, &old);
        if (rc == 0 && from)
            rc = pv_update_entry(v, from, 1, from_index, 0, v->domain, 0, &unused);
    }
    spin_unlock(&v->domain->arch->pv.lock);
    return rc;
}
