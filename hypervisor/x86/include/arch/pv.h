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

/* ---- mm/: a guest's write to one of its live page tables ---- */
/* Replace the entry at va (its size: 8; aligned) by `new`. With cmpxchg only if it holds `old`,
 * else -EAGAIN and what it holds in *seen. -EINVAL: refused. */
must_check int pv_pt_write(struct vcpu *v, uint64_t va, unsigned int size, uint64_t old,
                           uint64_t new, bool cmpxchg, uint64_t *seen);

/* ---- emulate/: true: done, the instruction was retired or a fault injected. False: not ours, the
 * caller bounces the exception. ---- */
bool pv_emulate_privileged(struct regs *r);                     /* #GP with error code 0 */
bool pv_emulate_forced(struct regs *r);                         /* #UD */
bool pv_emulate_page_table_write(struct regs *r, uint64_t cr2); /* #PF, write, present */

#endif
