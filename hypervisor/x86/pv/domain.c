/*
 * A PV domain's and vCPU's state on x86: creation, teardown, and what a context switch loads beyond
 * the registers.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/range_set.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/policy.h>
#include <arch/processor.h>
#include <arch/trap.h>

#include "internal.h"

char pv_zero_page[PAGE_SIZE] aligned_to(4096);

void pv_load_cr3(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;

    write_cr3(mfn_to_paddr(pv->kernel_mode ? pv->walked_table : pv->walked_table_user).v);
}

void pv_fill_l4(struct domain *d, pte_t *l4)
{
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        l4[i] = boot_l4[i];
    l4[PERDOMAIN_SLOT] = pte_make(d->arch->pv.perdomain_l3, PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
}

/* The table below *entry, made if need be. */
static pte_t *table_of(pte_t *entry)
{
    if (!(*entry & PTE_PRESENT)) {
        void *page = page_alloc();

        if (!page)
            return NULL;
        *entry = pte_make(virt_to_mfn(page), PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
    }
    return mfn_to_virt(pte_mfn(*entry));
}

static int area_init(struct vcpu *v)
{
    uint64_t va = pv_gdt_va(v);
    pte_t *l2, *l1;

    l2 = table_of((pte_t *)mfn_to_virt(v->domain->arch->pv.perdomain_l3) + pte_index(va, 3));
    l1 = l2 ? table_of(l2 + pte_index(va, 2)) : NULL;
    if (!l1)
        return -ENOMEM;
    l1 += pte_index(va, 1);
    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++)
        l1[i] = pte_make(virt_to_mfn(pv_zero_page), HV_RO & ~PTE_GLOBAL);
    v->arch->perdomain_l1 = l1;
    return 0;
}

static int arch_init(struct domain *d)
{
    void *l3;
    int rc;

    d->arch = hv_alloc_type(struct arch_domain);
    if (!d->arch)
        return -ENOMEM;
    spin_lock_init(&d->arch->pv.lock, LOCK_PV_MM);
    d->arch->pv.perdomain_l3 = INVALID_MFN;
    rc = policy_domain_init(d);
    if (!rc)
        rc = guest_tsc_set(d, TSC_MODE_DEFAULT, 0, 0, 0);
    if (rc)
        return rc;
    l3 = page_alloc();
    if (!l3)
        return -ENOMEM;
    d->arch->pv.perdomain_l3 = virt_to_mfn(l3);
    return 0;
}

static int arch_vcpu_init(struct vcpu *v)
{
    int rc;

    v->arch = hv_alloc_type(struct arch_vcpu);
    if (!v->arch)
        return -ENOMEM;
    v->arch->pv.guest_table = v->arch->pv.guest_table_user = INVALID_MFN;
    v->arch->pv.walked_table = v->arch->pv.walked_table_user = INVALID_MFN;
    v->arch->pv.traps = hv_alloc_array(struct trap_info, 256);
    if (!v->arch->pv.traps)
        return -ENOMEM;
    rc = fpu_vcpu_init(v);
    if (rc)
        return rc;
    arch_vcpu_reset(v);
    return area_init(v);
}

void arch_vcpu_reset(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;

    pv->kernel_mode = true;
    pv->cr0 = CR0_PG | CR0_PE | CR0_NE | CR0_WP | CR0_AM | CR0_ET | CR0_MP;
    pv->dr[6] = DR6_DEFAULT;
    pv->dr[7] = DR7_DEFAULT;
    v->arch->regs.rflags = EFLAGS_IF | 2;
    fpu_vcpu_reset(v);
}

static void arch_vcpu_free(struct vcpu *v)
{
    if (!v->arch)
        return;
    fpu_vcpu_free(v);
    hv_free(v->arch->pv.traps);
    hv_free(v->arch);
    v->arch = NULL;
}

/* Let go of what keeps types: page tables, descriptor tables. v does not run. */
must_check static int drop_tables(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;
    spinlock_t *lock = &v->domain->arch->pv.lock;
    int rc = pv_put_old_table(v);

    if (rc)
        return rc;
    spin_lock(lock);
    pv_release_gdt(v);
    pv_release_ldt(v);
    rc = pv_set_base(v, INVALID_MFN, false);
    if (rc == 0 && !pv->old_table)
        rc = pv_set_base(v, INVALID_MFN, true);
    spin_unlock(lock);
    return rc == 0 && pv->old_table ? -ERESTART : rc;
}

/* The vCPUs do not run any more. */
static int arch_teardown(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;
    int rc;

    if (!d->arch)
        return 0;
    rc = pv_log_dirty_off(d);
    if (rc)
        return rc;
    for_each_vcpu (d, v, i) {
        rc = v->arch && v->arch->perdomain_l1 ? drop_tables(v) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

int pv_vcpu_drop_context(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;
    struct trap_info *traps = pv->traps;
    int rc;

    v->is_initialised = false; /* it cannot come up with half of them */
    rc = drop_tables(v);
    if (rc)
        return rc;
    memset(traps, 0, 256 * sizeof(*traps));
    *pv = (struct pv_vcpu){ .traps = traps,
                            .guest_table = INVALID_MFN,
                            .guest_table_user = INVALID_MFN,
                            .walked_table = INVALID_MFN,
                            .walked_table_user = INVALID_MFN };
    v->arch->regs = (struct regs){ 0 };
    v->nmi_pending = v->nmi_blocked = false;
    arch_vcpu_reset(v);
    return 0;
}

static void free_perdomain(mfn_t l3)
{
    pte_t *t3 = mfn_to_virt(l3);

    for (unsigned int i = 0; i < PTES_PER_TABLE; i++) {
        pte_t *t2 = mfn_to_virt(pte_mfn(t3[i]));

        if (!(t3[i] & PTE_PRESENT))
            continue;
        for (unsigned int j = 0; j < PTES_PER_TABLE; j++)
            if (t2[j] & PTE_PRESENT)
                page_free(mfn_to_virt(pte_mfn(t2[j])));
        page_free(t2);
    }
    page_free(t3);
}

static void arch_free(struct domain *d)
{
    if (!d->arch)
        return;
    if (d->arch->pv.perdomain_l3.v != INVALID_MFN.v)
        free_perdomain(d->arch->pv.perdomain_l3);
    policy_domain_free(d);
    range_set_destroy(d->arch->io_ports);
    range_set_destroy(d->arch->io_mem);
    hv_free(d->arch->memory_map);
    hv_free(d->arch);
    d->arch = NULL;
}

const struct domain_part arch_part = {
    .name = "x86",
    .init = arch_init,
    .vcpu_init = arch_vcpu_init,
    .teardown = arch_teardown,
    .vcpu_free = arch_vcpu_free,
    .free = arch_free,
};
