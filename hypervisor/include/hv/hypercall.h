/* Hypercall dispatch and preemption. */
#ifndef HV_HYPERCALL_H
#define HV_HYPERCALL_H

#include <hv/types.h>

#define NR_HYPERCALL_ARGS 6

/* Is there something more urgent than going on (softirq, event for the caller)? */
bool hypercall_preempt_check(void);
/* Arrange for the guest to re-execute hypercall `op` with these arguments when it next runs.
 * Returns the value the handler must return. Works inside a multicall too. */
long hypercall_continue(unsigned int op, unsigned int nargs, ...);

/* Dispatch one call; -ENOSYS for an unknown number. Arguments in ABI order. */
long hypercall_dispatch(unsigned int op, const uint64_t args[NR_HYPERCALL_ARGS]);

#endif
