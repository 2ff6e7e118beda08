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

    write_cr3(mfn_to_paddr(pv->kernel_mode ? pv->guest_table : pv->guest_table_user).v);
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

/* Page tables, descriptor tables: what keeps types. The vCPUs do not run any more. */
static int arch_teardown(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    if (!d->arch)
        return 0;
    for_each_vcpu (d, v, i) {
        struct pv_vcpu *pv;
        int rc = 0;

        if (!v->arch || !v->arch->perdomain_l1)
            continue;
        pv = &v->arch->pv;
        rc = pv_put_old_table(v);
        if (rc)
            return rc;
        spin_lock(&d->arch->pv.lock);
        pv_release_gdt(v);
        pv_release_ldt(v);
        rc = pv_set_base(v, INVALID_MFN, false);
        if (rc == 0 && !pv->old_table)
            rc = pv_set_base(v, INVALID_MFN, true);
        spin_unlock(&d->arch->pv.lock);
        if (rc == 0 && pv->old_table)
            rc = -ERESTART;
        if (rc)
            return rc;
    }
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

static int copy_callbacks(struct pv_vcpu *pv, const struct vcpu_guest_context *c)
{
    if (!is_canonical(c->event_callback_eip) || !is_canonical(c->failsafe_callback_eip) ||
        !is_canonical(c->syscall_callback_eip) || !is_canonical(c->fs_base) ||
        !is_canonical(c->gs_base_kernel) || !is_canonical(c->gs_base_user))
        return -EINVAL;
    for (unsigned int i = 0; i < 256; i++)
        if (!is_canonical(c->trap_ctxt[i].address))
            return -EINVAL;
    for (unsigned int i = 0; i < 256; i++) {
        pv->traps[i] = c->trap_ctxt[i];
        pv->traps[i].vector = (uint8_t)i;
    }
    pv->event.address = c->event_callback_eip;
    pv->failsafe =
        (struct pv_callback){ c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events };
    pv->syscall =
        (struct pv_callback){ c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events };
    pv->kernel_ss = (c->kernel_ss & 0xffff) | 3;
    pv->kernel_sp = c->kernel_sp;
    pv->fs_base = c->fs_base;
    pv->gs_base_kernel = c->gs_base_kernel;
    pv->gs_base_user = c->gs_base_user;
    return 0;
}

static void copy_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    const struct cpu_user_regs *u = &c->user_regs;
    struct pv_vcpu *pv = &v->arch->pv;

    v->arch->regs = (struct regs){
        .r15 = u->r15,
        .r14 = u->r14,
        .r13 = u->r13,
        .r12 = u->r12,
        .rbp = u->rbp,
        .rbx = u->rbx,
        .r11 = u->r11,
        .r10 = u->r10,
        .r9 = u->r9,
        .r8 = u->r8,
        .rax = u->rax,
        .rcx = u->rcx,
        .rdx = u->rdx,
        .rsi = u->rsi,
        .rdi = u->rdi,
        .rip = u->rip,
        .cs = u->cs | 3,
        .rflags = (u->rflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_NT)) | EFLAGS_IF | 2,
        .rsp = u->rsp,
        .ss = u->ss | 3,
    };
    pv->ds = u->ds;
    pv->es = u->es;
    pv->fs = u->fs;
    pv->gs = u->gs;
    /* As PHYSDEVOP_set_iopl would: a kernel gives its secondary vCPUs port access this way. */
    pv->iopl = (unsigned int)(u->rflags & EFLAGS_IOPL) >> 12;
    pv->kernel_mode = c->flags & VGCF_in_kernel;
}

int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct pv_vcpu *pv = &v->arch->pv;
    struct domain *d = v->domain;
    uint64_t base = xen_cr3_to_pfn(c->ctrlreg[3]), user = xen_cr3_to_pfn(c->ctrlreg[1]);
    int rc;

    if (!(c->flags & VGCF_in_kernel) && !user)
        return -EINVAL;
    rc = pv_put_old_table(v);
    if (rc)
        return rc;
    rc = copy_callbacks(pv, c);
    if (rc)
        return rc;
    if (c->flags & VGCF_i387_valid) {
        rc = fpu_vcpu_load_fxsave(v, &c->fpu_ctxt);
        if (rc)
            return rc;
    }
    rc = debugreg_load_context(v, c->debugreg);
    if (rc)
        return rc;
    rc = pv_load_gdt(v, c->gdt_frames, (unsigned int)min(c->gdt_ents, 65536UL));
    if (rc)
        return rc;
    spin_lock(&d->arch->pv.lock);
    rc = pv_set_base(v, mfn(base), false);
    if (rc == 0)
        rc = pv_set_base(v, mfn(user), true);
    if (rc == 0)
        rc = pv_set_ldt(v, c->ldt_base, c->ldt_ents);
    spin_unlock(&d->arch->pv.lock);
    if (rc)
        return rc;
    copy_registers(v, c);
    v->is_initialised = true;
    return 0;
}

int arch_vcpu_initialise(struct vcpu *v, guest_ptr_t context)
{
    struct vcpu_guest_context *c = hv_alloc_type(struct vcpu_guest_context);
    int rc;

    if (!c)
        return -ENOMEM;
    rc = copy_from_guest(c, context, sizeof(*c)) ? -EFAULT : pv_vcpu_set_context(v, c);
    hv_free(c);
    return rc;
}
