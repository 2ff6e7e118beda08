/*
 * Hypercall dispatch and preemption. Core's calls stand in one const table
 * (core/hypercall/dispatch.c), the architecture's in another, looked up second.
 */
#ifndef HV_HYPERCALL_H
#define HV_HYPERCALL_H

#include <hv/types.h>

#define NR_HYPERCALL_ARGS 6
#define NR_HYPERCALLS     64

/* Who may use a row; everyone else gets -ENOSYS. */
#define HYPERCALL_PV           1U
#define HYPERCALL_HVM          2U
#define HYPERCALL_ALL          (HYPERCALL_PV | HYPERCALL_HVM)
#define HYPERCALL_NO_MULTICALL 4U /* -EINVAL inside a multicall */

struct hypercall {
    const char *name;
    long (*fn)(const uint64_t args[NR_HYPERCALL_ARGS]); /* arguments in ABI order */
    uint8_t nargs;
    uint8_t who; /* HYPERCALL_*; 0 in the rows of numbers that nobody implements */
};

extern const struct hypercall arch_hypercalls[NR_HYPERCALLS];

/* Is there something more urgent than going on (softirq, event for the caller)? */
bool hypercall_preempt_check(void);

/*
 * Arrange for the guest to re-execute hypercall `op` with these arguments (integers; a
 * guest_ptr_t's .v) when it next runs. Returns the value the handler must return. Inside a
 * multicall the entry in guest memory is updated instead. A macro, for every argument to be
 * converted to 64 bits.
 */
#define hypercall_continue(op, nargs, ...)                                                         \
    hypercall_continue_args(op, nargs, (const uint64_t[NR_HYPERCALL_ARGS]){ __VA_ARGS__ })
long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args);
/* A call that this CPU dispatched since it was last asked wants to be continued: its result is not
 * for the guest. For architectures whose result register is not that of the number. */
bool hypercall_was_continued(void);

/* Dispatch one call; -ENOSYS for an unknown number. Arguments in ABI order. */
long hypercall_dispatch(unsigned int op, const uint64_t args[NR_HYPERCALL_ARGS]);
/* For printing: NULL if there is no such call. */
const char *hypercall_name(unsigned int op);

#endif
