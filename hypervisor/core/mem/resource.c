/*
 * XENMEM_acquire_resource: the frames of what the hypervisor keeps for a domain, for the control
 * domain to map (public memory.h). A PV caller is told their numbers and maps them by mmu_update as
 * frames of that domain. Of the resources there are grant tables; no lock is held.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>

typedef int get_frame_fn(struct domain *d, unsigned long index, mfn_t *out);

struct resource {
    get_frame_fn *get;
    unsigned int size; /* frames */
};

/* -EINVAL: there is no such resource, or the domain cannot have it. */
static int find_resource(const struct domain *d, const struct xen_mem_acquire_resource *r,
                         struct resource *out)
{
    if (r->type != XENMEM_resource_grant_table)
        return -EINVAL; /* I/O requests and traces are for HVM guests */
    switch (r->id) {
    case XENMEM_resource_grant_table_id_shared:
        *out = (struct resource){ grant_get_shared_frame, grant_max_frames(d) };
        return 0;
    case XENMEM_resource_grant_table_id_status:
        *out = (struct resource){ grant_get_status_frame, grant_max_status_frames(d) };
        return 0;
    default:
        return -EINVAL;
    }
}

/* Tell the frames [*done, n) of those asked for. -ERESTART: preempted. */
static int list_frames(struct domain *d, const struct xen_mem_acquire_resource *r,
                       const struct resource *resource, uint64_t *done)
{
    for (uint64_t start = *done; *done < r->nr_frames; ++*done) {
        mfn_t m;
        int rc;

        if (*done != start && hypercall_preempt_check())
            return -ERESTART;
        rc = resource->get(d, r->frame + *done, &m);
        if (rc)
            return rc;
        if (copy_to_guest(guest_ptr_add(guest_ptr(r->frame_list), *done * sizeof(m.v)), &m.v,
                          sizeof(m.v)))
            return -EFAULT;
    }
    return 0;
}

static int acquire(struct domain *d, struct xen_mem_acquire_resource *r, guest_ptr_t arg,
                   uint64_t *done)
{
    struct resource resource;
    int rc = find_resource(d, r, &resource);

    if (rc)
        return rc;
    if (guest_ptr_is_null(guest_ptr(r->frame_list))) {
        if (r->nr_frames || *done)
            return -EINVAL;
        r->nr_frames = resource.size;
        return copy_to_guest(
            guest_ptr_add(arg, offsetof(struct xen_mem_acquire_resource, nr_frames)), &r->nr_frames,
            sizeof(r->nr_frames));
    }
    if (r->frame >= resource.size || r->nr_frames > resource.size - r->frame)
        return -EINVAL;
    return list_frames(d, r, &resource, done);
}

long mem_acquire_resource(unsigned long cmd, guest_ptr_t arg)
{
    struct xen_mem_acquire_resource r;
    uint64_t done = cmd >> CMD_SHIFT;
    struct domain *d;
    int rc;

    if (copy_from_guest(&r, arg, sizeof(r)))
        return -EFAULT;
    if (r.pad || done > r.nr_frames)
        return -EINVAL;
    if (!current->domain->is_control)
        return -EPERM;
    d = domain_get(r.domid);
    if (!d)
        return -ESRCH;
    rc = d == current->domain ? -EPERM : acquire(d, &r, arg, &done);
    domain_put(d);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_memory_op, 2,
                                  XENMEM_acquire_resource | done << CMD_SHIFT, arg.v);
    return rc;
}
