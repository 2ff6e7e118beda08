/*
 * PV guests on x86: faults given to them, page-table writes, and the emulation entry points.
 * All of it is about the current vCPU, whose registers are guest_regs().
 */
#ifndef ARCH_PV_H
#define ARCH_PV_H

#include <hv/domain.h>
#include <arch/regs.h>

/* ---- trap/: the guest's own handler runs next. `error` is ignored by vectors without one. ---- */
void pv_inject_fault(unsigned int vector, uint32_t error);
void pv_inject_page_fault(uint64_t cr2, uint32_t error); /* error: PFEC bits */

void pv_exception(struct regs *r);   /* an exception of the current guest's; interrupts off */
noreturn void pv_failsafe(void);     /* its registers could not be loaded: guest_regs() */
void pv_note_debug_hit(void);        /* #DB while we touched its memory */
void pv_load_cr3(struct vcpu *v);    /* its current mode's page table onto this CPU */
void pv_toggle_mode(struct vcpu *v); /* guest kernel <-> guest user: page table, GS base */

/* ---- pv/context.c, domain.c: v does not run. Setting: -EINVAL: no such state, and nothing
 * changed; -EOPNOTSUPP: it has a context, with other tables; -EBUSY, -EOVERFLOW: a table cannot be
 * one; -ERESTART: call again. ---- */
must_check int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void pv_vcpu_get_context(const struct vcpu *v, struct vcpu_guest_context *c);
must_check int pv_vcpu_drop_context(struct vcpu *v); /* as when it was created; -ERESTART */

/* ---- mm/: a guest's write to one of its live page tables ---- */
/* Replace the entry at va (its size: 8; aligned) by `new`. With cmpxchg only if it holds `old`,
 * else -EAGAIN and what it holds in *seen. -EINVAL: refused. */
must_check int pv_pt_write(struct vcpu *v, uint64_t va, unsigned int size, uint64_t old,
                           uint64_t new, bool cmpxchg, uint64_t *seen);

/* MOV to CR3: what MMUEXT_NEW_BASEPTR does, for the current vCPU. -EINVAL, -ERESTART. */
must_check int pv_new_base_pointer(struct vcpu *v, mfn_t table);

/* ---- pv/mirror.c: a write fault at va. True: it was only there to be logged; try again. ---- */
bool pv_log_dirty_fault(uint64_t va, uint32_t error);
/* pv/log_dirty.c: XEN_DOMCTL_shadow_op; LOCK_DOMCTL. -ERESTART. */
struct xen_domctl;
must_check int pv_shadow_op(struct domain *d, struct xen_domctl *op);

/* ---- pv/privileged.c: CR4, of which pv.cr4 keeps the bits that the guest chooses ---- */
uint64_t pv_visible_cr4(const struct vcpu *v);
void pv_set_cr4(struct vcpu *v, uint64_t value); /* v's choice; loading it is the caller's */
uint64_t pv_real_cr4(const struct vcpu *v);      /* what the CPU runs v with */

/* ---- pv/hypercalls.c: fill a page with a stub for each hypercall ---- */
void pv_hypercall_page(void *page);

/* ---- pv/emulate.c: true: done, the instruction was retired or a fault injected. False: not ours,
 * the caller bounces the exception. ---- */
bool pv_emulate_privileged(struct regs *r);                     /* #GP with error code 0 */
bool pv_emulate_forced(struct regs *r);                         /* #UD */
bool pv_emulate_page_table_write(struct regs *r, uint64_t cr2); /* #PF, write, present */
/* #PF, write, on a device frame that iomem_readonly(): the store is dropped. */
bool pv_emulate_readonly_write(struct regs *r, uint64_t cr2);

#endif
