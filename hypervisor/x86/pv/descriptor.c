/*
 * A PV guest's GDT and LDT: pages of its own, read-only to it, whose every descriptor was checked:
 * code and data for ring 3, nothing else. They are mapped in the vCPU's area of its domain's slot;
 * the CPU reads them there. Intel SDM 3A 3.4.5.
 */
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <arch/trap.h>

#include "internal.h"

#define DESC_P        (1UL << 47)
#define DESC_DPL3     (3UL << 45)
#define DESC_S        (1UL << 44)
#define DESC_CODE     (1UL << 43)
#define DESC_CONFORM  (1UL << 42)
#define DESC_ACCESSED (1UL << 40)
#define DESC_LONG     (1UL << 53)
#define DESC_BIG      (1UL << 54)
#define PER_PAGE      (PAGE_SIZE / sizeof(uint64_t))
#define RESERVED_PAGE (GDT_PAGE_START >> PAGE_SHIFT)

/* What the CPU may see for the guest's descriptor; false: nothing like it. */
static bool sanitise(uint64_t *desc)
{
    uint64_t d = *desc;

    if (!(d & DESC_P))
        return true; /* loading it faults, whatever it says */
    if (!(d & DESC_S))
        return false; /* gates, TSSs and LDTs are the hypervisor's */
    if (d & DESC_CODE && (d & (DESC_LONG | DESC_BIG)) == (DESC_LONG | DESC_BIG))
        return false; /* reserved */
    if (d & DESC_CODE && d & DESC_CONFORM)
        return false; /* runs at its caller's level: ours, if we could be made to load it */
    /* The guest's kernel runs in ring 3 too. Accessed, so that the CPU does not write it. */
    *desc = d | DESC_DPL3 | DESC_ACCESSED;
    return true;
}

int pv_check_descriptors(struct frame *f, unsigned int *done)
{
    uint64_t *table = mfn_to_virt(frame_to_mfn(f));

    for (; *done < PER_PAGE; ++*done) {
        uint64_t d = table[*done];

        if (!sanitise(&d))
            return -EINVAL;
        if (d != table[*done])
            table[*done] = d;
    }
    return 0;
}

static pte_t *area_l1(struct vcpu *v)
{
    return v->arch->perdomain_l1;
}

/* The running CPU may still have the old pages' translations, which it must not read any more. */
static void area_flush(struct vcpu *v)
{
    if (v == current)
        tlb_flush_local();
}

static void put_segdesc(mfn_t m)
{
    struct frame *f = mfn_to_frame(m);
    int rc = frame_put_type(f); /* releasing descriptors is never preempted */

    BUG_ON(rc != 0);
    frame_put(f);
}

static int get_segdesc(struct domain *d, mfn_t m)
{
    struct frame *f;
    int rc;

    if (mfn_is_io(m))
        return -EINVAL;
    f = mfn_to_frame(m);
    if (frame_get(f, d))
        return -EINVAL;
    rc = frame_get_type(f, FRAME_SEGDESC);
    if (rc)
        frame_put(f);
    return rc ? -EINVAL : 0;
}

void pv_release_gdt(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;

    for (unsigned int i = 0; i < pv->nr_gdt_frames; i++)
        area_l1(v)[i] = pte_make(virt_to_mfn(pv_zero_page), HV_RO & ~PTE_GLOBAL);
    area_flush(v);
    for (unsigned int i = 0; i < pv->nr_gdt_frames; i++)
        put_segdesc(pv->gdt_frame[i]);
    pv->nr_gdt_frames = pv->gdt_entries = 0;
}

int pv_load_gdt(struct vcpu *v, const uint64_t *frames, unsigned int entries)
{
    struct pv_vcpu *pv = &v->arch->pv;
    unsigned int pages = DIV_ROUND_UP(entries, (unsigned int)PER_PAGE), taken = 0;
    int rc = 0;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    spin_lock(&v->domain->arch->pv.lock);
    while (!rc && taken < pages) {
        rc = get_segdesc(v->domain, mfn(frames[taken]));
        taken += rc == 0;
    }
    if (rc) {
        while (taken > 0)
            put_segdesc(mfn(frames[--taken]));
    } else {
        pv_release_gdt(v);
        for (unsigned int i = 0; i < pages; i++) {
            pv->gdt_frame[i] = mfn(frames[i]);
            area_l1(v)[i] = pte_make(pv->gdt_frame[i], HV_RO & ~PTE_GLOBAL);
        }
        pv->nr_gdt_frames = pages;
        pv->gdt_entries = entries;
        area_flush(v);
    }
    spin_unlock(&v->domain->arch->pv.lock);
    return rc;
}

long pv_set_gdt(guest_ptr_t list, unsigned int entries)
{
    uint64_t frames[PV_GDT_FRAMES];

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (copy_from_guest(frames, list,
                        DIV_ROUND_UP(entries, (unsigned int)PER_PAGE) * sizeof(frames[0])))
        return -EFAULT;
    return pv_load_gdt(current, frames, entries);
}

void pv_release_ldt(struct vcpu *v)
{
    pte_t *l1 = area_l1(v) + PV_AREA_PAGES / 2, old[PV_AREA_PAGES / 2];

    for (unsigned int i = 0; i < PV_AREA_PAGES / 2; i++) {
        old[i] = l1[i];
        l1[i] = 0;
    }
    area_flush(v);
    for (unsigned int i = 0; i < PV_AREA_PAGES / 2; i++)
        if (old[i] & PTE_PRESENT)
            put_segdesc(pte_mfn(old[i]));
    v->arch->pv.ldt_base = 0;
    v->arch->pv.ldt_entries = 0;
}

/* The LDT is given by address: its pages are taken now, through the guest's page tables. A page
 * that is not mapped or does not pass is left out, and faults when a selector in it is loaded.
 * LOCK_PV_MM is held. */
int pv_set_ldt(struct vcpu *v, uint64_t base, uint64_t entries)
{
    pte_t *l1 = area_l1(v) + PV_AREA_PAGES / 2;

    if (entries > PTES_PER_TABLE * (PV_AREA_PAGES / 2) || base & ~PAGE_MASK ||
        (entries && (!is_canonical(base) || (base >= HV_VIRT_START && base < HV_VIRT_END))))
        return -EINVAL;
    pv_release_ldt(v);
    for (uint64_t i = 0; i < DIV_ROUND_UP(entries, PER_PAGE); i++) {
        struct frame *table;
        pte_t *entry = pv_l1_entry(v, base + i * PAGE_SIZE, &table);

        if (!entry || !(*entry & PTE_PRESENT))
            continue;
        if (get_segdesc(v->domain, pte_mfn(*entry))) {
            guest_printk(v->domain, LOG_WARN, "LDT page %#lx holds descriptors it may not have\n",
                         (unsigned long)(base + i * PAGE_SIZE));
            continue;
        }
        l1[i] = pte_make(pte_mfn(*entry), HV_RO & ~PTE_GLOBAL);
    }
    v->arch->pv.ldt_base = base;
    v->arch->pv.ldt_entries = (unsigned int)entries;
    if (v == current)
        desc_load_vcpu(v);
    return 0;
}

long pv_update_descriptor(uint64_t maddr, uint64_t desc)
{
    mfn_t m = paddr_to_mfn(paddr(maddr));
    struct domain *d = current->domain;
    struct frame *f;
    uint64_t *slot;
    int rc = -EINVAL;

    if (maddr & 7 || mfn_is_io(m) || !sanitise(&desc))
        return -EINVAL;
    f = mfn_to_frame(m);
    if (frame_get(f, d))
        return -EINVAL;
    slot = (uint64_t *)mfn_to_virt(m) + (maddr & ~PAGE_MASK) / sizeof(*slot);
    spin_lock(&d->arch->pv.lock);
    if (f->state.type == FRAME_SEGDESC && f->state.progress == FRAME_VALID) {
        WRITE_ONCE(*slot, desc);
        rc = 0;
    } else if (frame_get_type(f, FRAME_WRITABLE) == 0) {
        WRITE_ONCE(*slot, desc);
        rc = frame_put_type(f);
    }
    frame_dirtied(f);
    spin_unlock(&d->arch->pv.lock);
    frame_put(f);
    return rc;
}
