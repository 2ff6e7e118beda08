/*
 * Exceptions and system calls of PV guests: the guest's own handler runs next, on its kernel stack,
 * with the frame that the PV ABI describes (public arch-x86/xen.h). A guest whose stack or handler
 * cannot be used is killed, with the reason.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/hypercall.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/softirq.h>
#include <hv/sched.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/io.h>
#include <arch/processor.h>
#include <arch/trap.h>

#include "internal.h"

#define HAS_ERROR_CODE                                                                             \
    (1U << TRAP_DF | 1U << TRAP_TS | 1U << TRAP_NP | 1U << TRAP_SS | 1U << TRAP_GP |               \
     1U << TRAP_PF | 1U << TRAP_AC)

void pv_toggle_mode(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;

    pv->kernel_mode = !pv->kernel_mode;
    __asm__ volatile("swapgs");
    pv_load_cr3(v);
}

static uint64_t guest_selectors(unsigned int which)
{
    uint16_t sel;

    switch (which) {
    case 0:
        __asm__ volatile("mov %%ds, %0" : "=r"(sel));
        break;
    case 1:
        __asm__ volatile("mov %%es, %0" : "=r"(sel));
        break;
    case 2:
        __asm__ volatile("mov %%fs, %0" : "=r"(sel));
        break;
    default:
        __asm__ volatile("mov %%gs, %0" : "=r"(sel));
        break;
    }
    return sel;
}

void pv_bounce(enum bounce_kind kind, uint64_t address, bool mask_events, uint32_t error)
{
    struct vcpu *v = current;
    struct pv_vcpu *pv = &v->arch->pv;
    struct regs *r = guest_regs();
    bool was_kernel = pv->kernel_mode, masked = READ_ONCE(v->info->evtchn_upcall_mask);
    uint64_t frame[13], sp, cs;
    unsigned int n = 0;

    if (address == 0) {
        domain_crash(v->domain, "It has no handler for vector %u at %#lx (error %#x).", r->vector,
                     (unsigned long)r->rip, error);
        return;
    }
    frame[n++] = r->rcx;
    frame[n++] = r->r11;
    if (kind == BOUNCE_FAILSAFE)
        for (unsigned int i = 0; i < 4; i++)
            frame[n++] = guest_selectors(i);
    if (kind == BOUNCE_FAULT_ERROR)
        frame[n++] = error;
    cs = r->cs & 0xffff;
    frame[n++] = r->rip;
    frame[n++] = (was_kernel ? cs & ~3UL : cs) | (uint64_t)masked << 32;
    frame[n++] = (r->rflags & ~(EFLAGS_IF | EFLAGS_IOPL)) | (masked ? 0 : EFLAGS_IF) |
                 (uint64_t)pv->iopl << 12;
    frame[n++] = r->rsp;
    frame[n++] = r->ss & 0xffff;

    if (!was_kernel)
        pv_toggle_mode(v);
    sp = was_kernel ? r->rsp : pv->kernel_sp;
    sp = (sp & ~15UL) - n * 8;
    if (copy_to_guest((guest_ptr_t){ sp }, frame, n * 8)) {
        domain_crash(v->domain, "Its kernel stack at %#lx cannot take a frame for vector %u.",
                     (unsigned long)sp, r->vector);
        return;
    }
    if (mask_events)
        WRITE_ONCE(v->info->evtchn_upcall_mask, 1);
    r->rsp = sp;
    r->ss = GUEST_DS;
    r->cs = GUEST_CS64;
    r->rip = address;
    r->rflags &= ~(EFLAGS_TF | EFLAGS_RF | EFLAGS_NT | EFLAGS_VM | EFLAGS_AC);
    /* SYSRET can leave this frame: RCX and R11 are on the guest's stack. */
    r->vector = TRAP_SYSCALL;
}

void pv_inject_fault(unsigned int vector, uint32_t error)
{
    struct trap_info *t = &current->arch->pv.traps[vector];

    guest_regs()->vector = vector;
    pv_bounce(vector < 32 && HAS_ERROR_CODE >> vector & 1 ? BOUNCE_FAULT_ERROR : BOUNCE_FAULT,
              t->address, TI_GET_IF(t), error);
}

void pv_inject_page_fault(uint64_t cr2, uint32_t error)
{
    struct vcpu *v = current;

    error &= ~PFEC_USER;
    if (!v->arch->pv.kernel_mode)
        error |= PFEC_USER;
    v->info->arch.cr2 = cr2;
    pv_inject_fault(TRAP_PF, error);
}

void pv_failsafe(void)
{
    struct pv_callback *cb = &current->arch->pv.failsafe;

    irq_enable();
    pv_bounce(BOUNCE_FAILSAFE, cb->address, cb->mask_events, 0);
    irq_disable();
    return_to_guest();
}

void pv_note_debug_hit(void)
{
    if (!is_idle_vcpu(current))
        debugreg_note_trap(current);
}

static void debug_trap(void)
{
    debugreg_note_trap(current);
    pv_inject_fault(TRAP_DB, 0);
}

/* A write to one of its live page tables, or to device registers that all may only read. */
static bool write_emulated(struct vcpu *v, struct regs *r, uint64_t cr2)
{
    struct frame *table;
    pte_t *entry, e;
    mfn_t m;

    if ((r->error_code & (PFEC_PRESENT | PFEC_WRITE | PFEC_RSVD)) != (PFEC_PRESENT | PFEC_WRITE))
        return false;
    entry = pv_l1_entry_unlocked(v, cr2, &table);
    e = entry ? READ_ONCE(*entry) : 0;
    if (!(e & PTE_PRESENT))
        return false;
    m = pte_mfn(e);
    if (!mfn_valid(m))
        return iomem_readonly(m) && pv_emulate_readonly_write(r, cr2);
    return mfn_to_frame(m)->state.type == FRAME_L1 && pv_emulate_page_table_write(r, cr2);
}

/* Where a page fault came from decides what it means. */
static void page_fault(struct regs *r, uint64_t cr2)
{
    struct vcpu *v = current;
    uint64_t ldt = pv_ldt_va(v);

    /* The CPU reads descriptors of the guest's LDT through our mapping of it. */
    if (cr2 >= ldt && cr2 < ldt + PV_AREA_PAGES / 2 * PAGE_SIZE) {
        pv_inject_page_fault(v->arch->pv.ldt_base + (cr2 - ldt), r->error_code & ~PFEC_PRESENT);
        return;
    }
    if (unlikely(v->domain->arch->pv.log) && pv_log_dirty_fault(cr2, r->error_code))
        return;
    if (v->arch->pv.kernel_mode && write_emulated(v, r, cr2))
        return;
    pv_inject_page_fault(cr2, r->error_code);
}

/* May the guest's code raise this vector with INT n? Its own table decides. */
static bool may_interrupt(unsigned int vector)
{
    const struct pv_vcpu *pv = &current->arch->pv;
    const struct trap_info *t = &pv->traps[vector];

    return t->address && TI_GET_DPL(t) >= (pv->kernel_mode ? 1 : 3);
}

/* INT n that the CPU refused because our gate is for ring 0. */
static bool software_interrupt(struct regs *r)
{
    unsigned int vector = r->error_code >> 3;

    if ((r->error_code & 7) != 2 || vector > 255 || !may_interrupt(vector))
        return false;
    r->rip += 2;
    pv_inject_fault(vector, 0);
    return true;
}

/* The one of them for which our gate is open. */
static void interrupt_80(struct regs *r)
{
    if (may_interrupt(0x80)) {
        pv_inject_fault(0x80, 0);
    } else {
        r->rip -= 2;
        pv_inject_fault(TRAP_GP, 0x80 * 8 + 2);
    }
}

void pv_exception(struct regs *r)
{
    uint64_t cr2 = r->vector == TRAP_PF ? read_cr2() : 0;

    irq_enable();
    switch (r->vector) {
    case TRAP_PF:
        page_fault(r, cr2);
        break;
    case TRAP_GP:
        if (software_interrupt(r))
            break;
        if (r->error_code == 0 && pv_emulate_privileged(r))
            break;
        pv_inject_fault(TRAP_GP, r->error_code);
        break;
    case TRAP_UD:
        if (!pv_emulate_forced(r))
            pv_inject_fault(TRAP_UD, 0);
        break;
    case TRAP_NM:
        fpu_device_not_available();
        break;
    case TRAP_DB:
        debug_trap();
        break;
    case 0x80:
        interrupt_80(r);
        break;
    default:
        pv_inject_fault(r->vector, r->error_code);
        break;
    }
    irq_disable();
}

void syscall_dispatch(struct regs *r)
{
    struct vcpu *v = current;

    irq_enable();
    if (likely(v->arch->pv.kernel_mode)) {
        r->rax = (uint64_t)hypercall_dispatch((unsigned int)r->rax, r->args);
    } else {
        struct pv_callback *cb = &v->arch->pv.syscall;

        pv_bounce(BOUNCE_SYSCALL, cb->address, cb->mask_events, 0);
    }
    irq_disable();
}

/* Without a handler of the guest's, the instruction does not exist for it. */
static void bounce_or_undefined(struct regs *r, const struct pv_callback *cb, unsigned int vector)
{
    irq_enable();
    if (cb->address && !current->arch->pv.kernel_mode)
        pv_bounce(BOUNCE_SYSCALL, cb->address, cb->mask_events, 0);
    else {
        r->rip -= vector == TRAP_UD ? 2 : 0;
        pv_inject_fault(vector, 0);
    }
    irq_disable();
}

void syscall32_dispatch(struct regs *r)
{
    bounce_or_undefined(r, &current->arch->pv.syscall32, TRAP_UD);
}

void sysenter_dispatch(struct regs *r)
{
    /* The ABI shows the user's frame as null: only the flags are known. */
    r->rflags |= EFLAGS_IF;
    bounce_or_undefined(r, &current->arch->pv.sysenter, TRAP_GP);
}

/* ---- on the way to the guest ---- */

int arch_vcpu_send_nmi(struct vcpu *v)
{
    if (!__atomic_exchange_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
    return 0;
}

/* It is lost on a guest that has no handler. The next one waits for the IRET of this. */
static void deliver_nmi(struct vcpu *v)
{
    WRITE_ONCE(v->nmi_pending, false);
    if (!v->arch->pv.traps[TRAP_NMI].address)
        return;
    v->nmi_blocked = true;
    pv_inject_fault(TRAP_NMI, 0);
}

static bool work_pending(void)
{
    const struct vcpu *v = current;

    return softirq_pending_here() || event_upcall_pending(v) || event_nmi_due(v);
}

/* Of events it is told once: another of its vCPUs may unmask them as fast as we mask them. */
static noinline void work_before_guest(void)
{
    bool told = false;

    for (;;) {
        if (softirq_pending_here()) {
            irq_enable();
            softirq_process();
            irq_disable();
        } else if (event_nmi_due(current)) {
            deliver_nmi(current);
        } else if (event_upcall_pending(current) && !told) {
            told = true;
            guest_regs()->vector = 0;
            pv_bounce(BOUNCE_EVENT, current->arch->pv.event.address, true, 0);
        } else {
            return;
        }
    }
}

void exit_to_guest(void)
{
    if (unlikely(work_pending()))
        work_before_guest();
}

/*
 * IRET: the frame is on the guest's kernel stack. What it may restore is limited: ring 3 always,
 * and flags that the guest may have.
 */
struct iret_frame {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

long pv_iret(void)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    struct iret_frame f;

    if (copy_from_guest(&f, (guest_ptr_t){ r->rsp }, sizeof(f))) {
        domain_crash(v->domain, "The frame for IRET at %#lx cannot be read.",
                     (unsigned long)r->rsp);
        return 0;
    }
    if ((f.cs & 3) == 3) {
        if (v->arch->pv.guest_table_user.v == INVALID_MFN.v) {
            domain_crash(v->domain, "It returned to user mode without a user page table.");
            return 0;
        }
        pv_toggle_mode(v);
    }
    r->rip = f.rip;
    r->cs = (f.cs & 0xffff) | 3;
    r->rflags = (f.rflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_NT)) | EFLAGS_IF | 2;
    r->rsp = f.rsp;
    r->ss = (f.ss & 0xffff) | 3;
    if (f.flags & VGCF_in_syscall) {
        r->vector = TRAP_SYSCALL; /* RCX and R11 are what SYSRET makes of them */
    } else {
        r->vector = 0;
        r->r11 = f.r11;
        r->rcx = f.rcx;
    }
    WRITE_ONCE(v->info->evtchn_upcall_mask, !(f.rflags & EFLAGS_IF));
    v->nmi_blocked = false;
    /* The hypercall's result register. */
    return (long)f.rax;
}
