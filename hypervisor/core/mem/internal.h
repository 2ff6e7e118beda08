/* Between the files of core/mem that implement XENMEM_*. */
#ifndef MEM_INTERNAL_H
#define MEM_INTERNAL_H

#include <hv/domain.h>
#include <hv/mem.h>
#include <xen/memory.h>

/* A list that was preempted continues at the place in the command's upper bits. */
#define CMD_SHIFT 6
#define CMD_MASK  ((1UL << CMD_SHIFT) - 1)

/* ---- claim.c ---- */
/* Reserve frames to populate d with, *claimed of them from its claim. False: there are none. */
must_check bool claim_use(struct domain *d, uint64_t frames, uint64_t *claimed);
/* They were not allocated: back to the claim, and to all. */
void claim_unuse(struct domain *d, uint64_t frames, uint64_t claimed);
void claim_drop(struct domain *d);
long mem_claim_pages(guest_ptr_t arg);

/* ---- vnuma.c ---- */
/* The node of a virtual one; NUMA_ANY where d has no such, or it may be any. -EINVAL: d has virtual
 * nodes, but not this one. */
must_check int vnuma_node(struct domain *d, unsigned int vnode, unsigned int *node);
void vnuma_drop(struct domain *d);
long mem_get_vnumainfo(guest_ptr_t arg);

/* ---- resource.c ---- */
long mem_acquire_resource(unsigned long cmd, guest_ptr_t arg);

#endif
