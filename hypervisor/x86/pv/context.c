/*
 * A PV vCPU's state as VCPUOP_initialise and the control interface hand it around (public
 * arch-x86/xen.h, struct vcpu_guest_context). The vCPU does not run. What a context says is checked
 * as a whole before anything changes; what can fail after that is taking page and descriptor
 * tables, and only a vCPU without a context takes any.
 */
#include <hv/arch.h>
#include <hv/bitops.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/layout.h>
#include <arch/processor.h>
#include <arch/trap.h>

#include "internal.h"

_Static_assert(sizeof(struct vcpu_guest_context) == 5168,
               "also the size in a saved guest's stream");

#define FLAGS_KEPT_IN_REGS (~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_NT))

/* ---- checks ---- */

static bool addresses_valid(const struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < 256; i++)
        if (!is_canonical(c->trap_ctxt[i].address))
            return false;
    return is_canonical(c->event_callback_eip) && is_canonical(c->failsafe_callback_eip) &&
           is_canonical(c->syscall_callback_eip) && is_canonical(c->fs_base) &&
           is_canonical(c->gs_base_kernel) && is_canonical(c->gs_base_user);
}

static bool context_valid(const struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (!(c->flags & VGCF_in_kernel) && !xen_cr3_to_pfn(c->ctrlreg[1]))
        return false;
    if (v->id == 0 && c->vm_assist & ~arch_abi.vm_assist_all)
        return false;
    return addresses_valid(c) && c->gdt_ents <= FIRST_RESERVED_GDT_ENTRY &&
           debugreg_context_valid(c->debugreg) &&
           (!(c->flags & VGCF_i387_valid) || fpu_image_valid(&c->fpu_ctxt));
}

/* ---- tables ---- */

static uint64_t user_table(const struct pv_vcpu *pv)
{
    return pv->guest_table_user.v == INVALID_MFN.v ? 0 : pv->guest_table_user.v;
}

static bool has_tables_of(const struct pv_vcpu *pv, const struct vcpu_guest_context *c)
{
    if (pv->guest_table.v != xen_cr3_to_pfn(c->ctrlreg[3]) ||
        user_table(pv) != xen_cr3_to_pfn(c->ctrlreg[1]) || pv->gdt_entries != c->gdt_ents ||
        pv->ldt_base != c->ldt_base || pv->ldt_entries != c->ldt_ents)
        return false;
    for (unsigned int i = 0; i < pv->nr_gdt_frames; i++)
        if (pv->gdt_frame[i].v != c->gdt_frames[i])
            return false;
    return true;
}

/* What a failure leaves behind is what the next attempt, or the domain's end, finds. */
static int take_tables(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct domain *d = v->domain;
    int rc = pv_put_old_table(v);

    if (rc == 0)
        rc = pv_load_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents);
    if (rc)
        return rc;
    spin_lock(&d->arch->pv.lock);
    rc = pv_set_base(v, mfn(xen_cr3_to_pfn(c->ctrlreg[3])), false);
    if (rc == 0)
        rc = pv_set_base(v, mfn(xen_cr3_to_pfn(c->ctrlreg[1])), true);
    if (rc == 0)
        rc = pv_set_ldt(v, c->ldt_base, c->ldt_ents);
    spin_unlock(&d->arch->pv.lock);
    return rc;
}

/* ---- set ---- */

static void set_callbacks(struct pv_vcpu *pv, const struct vcpu_guest_context *c)
{
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
}

static void set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
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
        .rflags = (u->rflags & FLAGS_KEPT_IN_REGS) | EFLAGS_IF | 2,
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
    pv->cr0 = (pv->cr0 & ~CR0_TS) | (c->ctrlreg[0] & CR0_TS);
    if (c->ctrlreg[4]) /* who begins does not say, and has chosen nothing yet */
        pv_set_cr4(v, c->ctrlreg[4]);
}

int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = 0;

    if (!context_valid(v, c))
        return -EINVAL;
    if (!v->is_initialised)
        rc = take_tables(v, c);
    else if (!has_tables_of(&v->arch->pv, c))
        rc = -EOPNOTSUPP;
    if (rc)
        return rc;
    if (c->flags & VGCF_i387_valid)
        fpu_vcpu_load_fxsave(v, &c->fpu_ctxt);
    debugreg_load_context(v, c->debugreg);
    set_callbacks(&v->arch->pv, c);
    set_registers(v, c);
    if (v->id == 0)
        __atomic_store_n(&v->domain->vm_assist, c->vm_assist, __ATOMIC_SEQ_CST);
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

/* ---- get ---- */

static void get_callbacks(const struct pv_vcpu *pv, struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < 256; i++) {
        c->trap_ctxt[i] = pv->traps[i];
        c->trap_ctxt[i].vector = (uint8_t)i;
    }
    c->event_callback_eip = pv->event.address;
    c->failsafe_callback_eip = pv->failsafe.address;
    c->syscall_callback_eip = pv->syscall.address;
    c->flags |= (pv->failsafe.mask_events ? VGCF_failsafe_disables_events : 0) |
                (pv->syscall.mask_events ? VGCF_syscall_disables_events : 0);
    c->kernel_ss = pv->kernel_ss;
    c->kernel_sp = pv->kernel_sp;
    c->fs_base = pv->fs_base;
    c->gs_base_kernel = pv->gs_base_kernel;
    c->gs_base_user = pv->gs_base_user;
}

static void get_registers(const struct vcpu *v, struct cpu_user_regs *u)
{
    const struct regs *r = &v->arch->regs;
    const struct pv_vcpu *pv = &v->arch->pv;

    *u = (struct cpu_user_regs){
        .r15 = r->r15,
        .r14 = r->r14,
        .r13 = r->r13,
        .r12 = r->r12,
        .rbp = r->rbp,
        .rbx = r->rbx,
        .r11 = r->r11,
        .r10 = r->r10,
        .r9 = r->r9,
        .r8 = r->r8,
        .rax = r->rax,
        .rcx = r->rcx,
        .rdx = r->rdx,
        .rsi = r->rsi,
        .rdi = r->rdi,
        .rip = r->rip,
        .cs = (uint16_t)r->cs,
        .rflags = (r->rflags & FLAGS_KEPT_IN_REGS) | (uint64_t)pv->iopl << 12,
        .rsp = r->rsp,
        .ss = (uint16_t)r->ss,
        .ds = pv->ds,
        .es = pv->es,
        .fs = pv->fs,
        .gs = pv->gs,
    };
}

static void get_tables(const struct pv_vcpu *pv, struct vcpu_guest_context *c)
{
    c->ctrlreg[3] = xen_pfn_to_cr3(pv->guest_table.v);
    c->ctrlreg[1] = xen_pfn_to_cr3(user_table(pv));
    for (unsigned int i = 0; i < pv->nr_gdt_frames; i++)
        c->gdt_frames[i] = pv->gdt_frame[i].v;
    c->gdt_ents = pv->gdt_entries;
    c->ldt_base = pv->ldt_base;
    c->ldt_ents = pv->ldt_entries;
}

void pv_vcpu_get_context(const struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct pv_vcpu *pv = &v->arch->pv;

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_i387_valid | (pv->kernel_mode ? VGCF_in_kernel : 0) |
               (test_bit(VCPU_DOWN, &v->pause_flags) ? 0 : VGCF_online);
    fpu_vcpu_store_fxsave(v, &c->fpu_ctxt);
    get_callbacks(pv, c);
    get_registers(v, &c->user_regs);
    get_tables(pv, c);
    c->ctrlreg[0] = pv->cr0;
    c->ctrlreg[4] = pv_visible_cr4(v);
    memcpy(c->debugreg, pv->dr, sizeof(c->debugreg));
    c->vm_assist = v->domain->vm_assist;
}
