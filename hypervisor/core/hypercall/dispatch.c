/*
 * The hypercalls that core implements, and how a number becomes a call. The architecture's entry
 * code calls hypercall_dispatch() with interrupts on and no lock held. A number that stands in
 * neither table is -ENOSYS: there are no placeholders.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/irq.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/softirq.h>

DEFINE_PER_CPU(struct hypercall_state, hypercall_state);

static long call_memory_op(const uint64_t *a)
{
    return do_memory_op(a[0], guest_ptr(a[1]));
}

static long call_multicall(const uint64_t *a)
{
    return do_multicall(guest_ptr(a[0]), (uint32_t)a[1]);
}

static long call_set_timer_op(const uint64_t *a)
{
    return do_set_timer_op((s_time_t)a[0]);
}

static long call_xen_version(const uint64_t *a)
{
    return do_xen_version((unsigned int)a[0], guest_ptr(a[1]));
}

static long call_console_io(const uint64_t *a)
{
    return do_console_io((unsigned int)a[0], (uint32_t)a[1], guest_ptr(a[2]));
}

static long call_grant_table_op(const uint64_t *a)
{
    return do_grant_table_op((unsigned int)a[0], guest_ptr(a[1]), (unsigned int)a[2]);
}

static long call_vm_assist(const uint64_t *a)
{
    return do_vm_assist((unsigned int)a[0], (unsigned int)a[1]);
}

static long call_vcpu_op(const uint64_t *a)
{
    return do_vcpu_op((int)a[0], (unsigned int)a[1], guest_ptr(a[2]));
}

static long call_sched_op(const uint64_t *a)
{
    return do_sched_op((int)a[0], guest_ptr(a[1]));
}

static long call_event_channel_op(const uint64_t *a)
{
    return do_event_channel_op((int)a[0], guest_ptr(a[1]));
}

static long call_physdev_op(const uint64_t *a)
{
    return do_physdev_op((int)a[0], guest_ptr(a[1]));
}

static long call_sysctl(const uint64_t *a)
{
    return do_sysctl(guest_ptr(a[0]));
}

static long call_domctl(const uint64_t *a)
{
    return do_domctl(guest_ptr(a[0]));
}

static long call_hypfs_op(const uint64_t *a)
{
    return do_hypfs_op((unsigned int)a[0], guest_ptr(a[1]), a[2], guest_ptr(a[3]), a[4]);
}

/* clang-format off */
#define CALL(op, args, may) [__HYPERVISOR_##op] = { .name = #op, .fn = call_##op, .nargs = (args), .who = (may) }
static const struct hypercall core_hypercalls[NR_HYPERCALLS] = {
    CALL(memory_op,        2, HYPERCALL_ALL),
    CALL(multicall,        2, HYPERCALL_ALL | HYPERCALL_NO_MULTICALL),
    CALL(set_timer_op,     1, HYPERCALL_ALL),
    CALL(xen_version,      2, HYPERCALL_ALL),
    CALL(console_io,       3, HYPERCALL_ALL),
    CALL(grant_table_op,   3, HYPERCALL_ALL),
    CALL(vm_assist,        2, HYPERCALL_ALL),
    CALL(vcpu_op,          3, HYPERCALL_ALL),
    CALL(sched_op,         2, HYPERCALL_ALL),
    CALL(event_channel_op, 2, HYPERCALL_ALL),
    CALL(physdev_op,       2, HYPERCALL_ALL),
    CALL(sysctl,           1, HYPERCALL_ALL),
    CALL(domctl,           1, HYPERCALL_ALL),
    CALL(hypfs_op,         5, HYPERCALL_ALL),
};
#undef CALL
/* clang-format on */

static const struct hypercall *hypercall_find(unsigned int op)
{
    const struct hypercall *row;

    if (op >= NR_HYPERCALLS)
        return NULL;
    op &= NR_HYPERCALLS - 1; /* also where the processor speculates past the check */
    row = &core_hypercalls[op];
    if (!row->fn)
        row = &arch_hypercalls[op];
    return row->fn ? row : NULL;
}

const char *hypercall_name(unsigned int op)
{
    const struct hypercall *row = hypercall_find(op);

    return row ? row->name : NULL;
}

static inline long call_row(const struct hypercall *row, const uint64_t args[NR_HYPERCALL_ARGS])
{
    unsigned int kind = current->domain->type == DOMAIN_PV ? HYPERCALL_PV : HYPERCALL_HVM;

    if (unlikely(!(row->who & kind)))
        return -ENOSYS;
    return row->fn(args);
}

long hypercall_dispatch(unsigned int op, const uint64_t args[NR_HYPERCALL_ARGS])
{
    const struct hypercall *row = hypercall_find(op);

    return likely(row) ? call_row(row, args) : -ENOSYS;
}

long hypercall_call_in_multicall(uint64_t op, const unsigned long args[NR_HYPERCALL_ARGS])
{
    const struct hypercall *row = op < NR_HYPERCALLS ? hypercall_find((unsigned int)op) : NULL;

    if (row && row->who & HYPERCALL_NO_MULTICALL)
        return -EINVAL;
    return row ? call_row(row, args) : -ENOSYS;
}

bool hypercall_preempt_check(void)
{
    return softirq_pending(smp_processor_id()) || event_upcall_pending(current);
}

long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    struct hypercall_state *state = &this_cpu(hypercall_state);

    ASSERT(nargs <= NR_HYPERCALL_ARGS);
    state->continued = true;
    if (state->in_multicall) {
        state->op = op;
        state->nargs = nargs;
        for (unsigned int i = 0; i < nargs; i++)
            state->args[i] = args[i];
    } else {
        arch_hypercall_continue(op, nargs, args);
    }
    /* Where the result register is that of the number (x86), storing this changes nothing. */
    return (long)op;
}

bool hypercall_was_continued(void)
{
    struct hypercall_state *state = &this_cpu(hypercall_state);
    bool continued = state->continued;

    state->continued = false;
    return continued;
}
