/*
 * HYPERVISOR_multicall: a list of hypercalls in one. Each entry is read once; its result is written
 * back before the next is read. Preemptible between entries, and inside one: an entry that wants to
 * be continued has its number and arguments replaced in guest memory, so that a second execution of
 * the list from there goes on where it stopped. No lock is held in between.
 */
#include "internal.h"

#include <hv/errno.h>
#include <xen/xen.h>

_Static_assert(sizeof(struct multicall_entry) == 64, "ABI");
_Static_assert(offsetof(struct multicall_entry, result) == 8, "ABI");
_Static_assert(offsetof(struct multicall_entry, args) == 16, "ABI");

/* Put the continuation of the entry at `p` where the guest re-executes it from. */
static int entry_replace(guest_ptr_t p, struct multicall_entry *entry,
                         const struct hypercall_state *state)
{
    entry->op = state->op;
    for (unsigned int i = 0; i < state->nargs; i++)
        entry->args[i] = state->args[i];
    return copy_to_guest(p, entry, sizeof(*entry));
}

#define FETCH_BATCH 4 /* entries read at a time */

/* Up to n entries; as many as can be read. */
static unsigned int fetch(struct multicall_entry *entry, guest_ptr_t list, uint32_t n)
{
    unsigned int count = min(n, (uint32_t)FETCH_BATCH);

    while (count && copy_from_guest(entry, list, count * sizeof(*entry)))
        count /= 2;
    return count;
}

long do_multicall(guest_ptr_t list, uint32_t nr_calls)
{
    struct hypercall_state *state = &this_cpu(hypercall_state);
    struct multicall_entry entry[FETCH_BATCH];
    uint32_t done = 0;
    unsigned int i = 0, fetched = 0;
    long rc = 0;

    state->in_multicall = true;
    state->continued = false;
    while (done < nr_calls) {
        struct multicall_entry *e;

        if (i == fetched) {
            fetched = fetch(entry, list, nr_calls - done);
            i = 0;
            if (fetched == 0) {
                rc = -EFAULT;
                break;
            }
        }
        e = &entry[i++];
        e->result = (xen_ulong_t)hypercall_call_in_multicall(e->op, e->args);
        if (state->continued) {
            rc = entry_replace(list, e, state);
            break;
        }
        rc = copy_to_guest(guest_ptr_add(list, offsetof(struct multicall_entry, result)),
                           &e->result, sizeof(e->result));
        if (rc)
            break;
        list = guest_ptr_add(list, sizeof(*e));
        if (++done < nr_calls && hypercall_preempt_check())
            break;
    }
    state->in_multicall = false;
    state->continued = false;
    if (rc || done == nr_calls)
        return rc;
    return hypercall_continue(__HYPERVISOR_multicall, 2, list.v, nr_calls - done);
}
