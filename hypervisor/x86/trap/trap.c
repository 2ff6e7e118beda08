/*
 * What happens on each vector: guests' exceptions go to x86/pv, interrupts to x86/irq, and faults
 * of our own are either expected (arch/extable.h), a guest's bad return frame, or the end.
 */
#include <hv/arch.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/softirq.h>
#include <hv/string.h>
#include <arch/extable.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/pv.h>
#include <arch/smp.h>
#include <arch/trap.h>

/* For the report: the frame of the exception that ended it. */
DEFINE_PER_CPU(struct regs *, fatal_regs);

static const char *const names[] = {
    [TRAP_DE] = "divide error",
    [TRAP_DB] = "debug",
    [TRAP_NMI] = "NMI",
    [TRAP_BP] = "breakpoint",
    [TRAP_OF] = "overflow",
    [TRAP_BR] = "bound range",
    [TRAP_UD] = "invalid opcode",
    [TRAP_NM] = "device not available",
    [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid TSS",
    [TRAP_NP] = "segment not present",
    [TRAP_SS] = "stack fault",
    [TRAP_GP] = "general protection",
    [TRAP_PF] = "page fault",
    [TRAP_MF] = "x87 error",
    [TRAP_AC] = "alignment check",
    [TRAP_MC] = "machine check",
    [TRAP_XM] = "SIMD error",
};

static const char *vector_name(unsigned int v)
{
    return v < ARRAY_SIZE(names) && names[v] ? names[v] : "unknown";
}

static noreturn void fatal(struct regs *r)
{
    this_cpu(fatal_regs) = r;
    if (r->vector == TRAP_PF)
        panic("Fatal page fault in the hypervisor: address %#lx, error %#x.",
              (unsigned long)read_cr2(), r->error_code);
    panic("Fatal exception in the hypervisor: %s (%u), error %#x.", vector_name(r->vector),
          r->vector, r->error_code);
}

/* IRET refused the guest's frame (SYSRET is never given one that it could refuse). The guest's
 * registers are in this exception's frame, except for what lies above it, where that frame still
 * is: put the two together again. */
static noreturn void bad_return_frame(struct regs *r)
{
    struct regs *g = guest_regs();

    memmove(g, r, offsetof(struct regs, error_code));
    g->error_code = 0;
    g->vector = TRAP_GP;
    call_on_clean_stack(pv_failsafe);
}

static void hypervisor_exception(struct regs *r)
{
    uintptr_t fixup;

    if (r->vector == TRAP_DB) {
        /* A guest's watchpoint on memory that we copied: it learns of it from its DR6. Or SYSENTER,
         * which a user can bring here single-stepping. */
        r->rflags &= ~EFLAGS_TF;
        pv_note_debug_hit();
        return;
    }
    if (r->rip == (uintptr_t)guest_iret)
        bad_return_frame(r);
    fixup = extable_find(r->rip);
    if (!fixup)
        fatal(r);
    if (r->vector == TRAP_PF && pv_log_dirty_fault(read_cr2(), r->error_code))
        return;
    r->rip = fixup;
}

void trap_dispatch(struct regs *r)
{
    if (r->vector >= 32 && r->vector != 0x80) {
        do_irq(r);
    } else if (from_guest(r)) {
        pv_exception(r);
    } else {
        hypervisor_exception(r);
    }
}

void trap_ist(struct regs *r)
{
    if (r->vector == TRAP_NMI) {
        if (!smp_handle_nmi(r))
            printk(LOG_WARN, "NMI of unknown cause on CPU %u.\n", smp_processor_id());
        return;
    }
    fatal(r);
}
