/* What a CPU remembers of the hypercall it is in. */
#ifndef HYPERCALL_INTERNAL_H
#define HYPERCALL_INTERNAL_H

#include <hv/hypercall.h>
#include <hv/guest_access.h>
#include <hv/percpu.h>

/* A vCPU does not leave its CPU in the middle of a hypercall: this is the CPU's, without a lock. */
struct hypercall_state {
    bool in_multicall;
    bool continued; /* the call asked to be continued; inside a multicall, as the rest says */
    unsigned int op, nargs;
    uint64_t args[NR_HYPERCALL_ARGS];
};

DECLARE_PER_CPU(struct hypercall_state, hypercall_state);

/* hypercall_dispatch() for an entry of a multicall: -EINVAL for what may not be one. */
long hypercall_call_in_multicall(uint64_t op, const unsigned long args[NR_HYPERCALL_ARGS]);

long do_multicall(guest_ptr_t list, uint32_t nr_calls);
long do_xen_version(unsigned int cmd, guest_ptr_t arg);
long do_console_io(unsigned int cmd, uint32_t count, guest_ptr_t buffer);
long do_vm_assist(unsigned int cmd, unsigned int type);

#endif
