/* A PV guest's debug registers: checked when set, in the CPU while DR7 enables any of them. */
#ifndef ARCH_DEBUGREG_H
#define ARCH_DEBUGREG_H

#include <hv/domain.h>

#define DR6_DEFAULT 0xffff0ff0UL
#define DR7_DEFAULT 0x400UL

/* v current. 4 and 5 are 6 and 7 unless CR4.DE is set. -ENODEV: no such register; -EINVAL: not a
 * value for it. */
must_check int debugreg_get(const struct vcpu *v, unsigned int reg, uint64_t *value);
must_check int debugreg_set(struct vcpu *v, unsigned int reg, uint64_t value);
/* A vCPU's whole set, while it does not run; 4 and 5 are not looked at. */
bool debugreg_context_valid(const uint64_t dr[8]);
void debugreg_load_context(struct vcpu *v, const uint64_t dr[8]); /* valid ones */

/* Context switch: take the CPU's away from prev, give it next's. */
void debugreg_save(struct vcpu *prev);
void debugreg_restore(const struct vcpu *next);
/* #DB from a guest: what the CPU found, into its DR6; before it is bounced. */
void debugreg_note_trap(struct vcpu *v);

must_check long do_set_debugreg(int reg, unsigned long value);
long do_get_debugreg(int reg);

#endif
