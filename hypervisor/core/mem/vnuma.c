/*
 * Virtual NUMA nodes: what the control domain says of them (XEN_DOMCTL_setvnumainfo), what the
 * guest asks (XENMEM_get_vnumainfo), and on which real node a virtual one is. A description is
 * never changed, only replaced; who reads it holds a reference. LOCK_DOMAIN_PAGES guards the
 * pointer.
 */
#include "internal.h"

#include <hv/control.h>
#include <hv/errno.h>
#include <hv/guest_access.h>

struct vnuma {
    uint32_t refs; /* LOCK_DOMAIN_PAGES */
    unsigned int nr_vnodes, nr_vcpus, nr_ranges;
    unsigned int *distance;      /* [nr_vnodes][nr_vnodes] */
    unsigned int *vcpu_to_vnode; /* [nr_vcpus] */
    unsigned int *vnode_to_node; /* [nr_vnodes] */
    struct xen_vmemrange *range; /* [nr_ranges] */
};

static void vnuma_free(struct vnuma *v)
{
    if (!v)
        return;
    hv_free(v->distance);
    hv_free(v->vcpu_to_vnode);
    hv_free(v->vnode_to_node);
    hv_free(v->range);
    hv_free(v);
}

static struct vnuma *vnuma_get(struct domain *d)
{
    struct vnuma *v;

    spin_lock(&d->mem->lock);
    v = d->mem->vnuma;
    if (v)
        v->refs++;
    spin_unlock(&d->mem->lock);
    return v;
}

static void vnuma_put(struct domain *d, struct vnuma *v)
{
    bool last = false;

    if (!v)
        return;
    spin_lock(&d->mem->lock);
    last = --v->refs == 0;
    spin_unlock(&d->mem->lock);
    if (last)
        vnuma_free(v);
}

static void replace(struct domain *d, struct vnuma *v)
{
    struct vnuma *old;

    spin_lock(&d->mem->lock);
    old = d->mem->vnuma;
    d->mem->vnuma = v;
    spin_unlock(&d->mem->lock);
    vnuma_put(d, old);
}

/* A copy of a guest's array, of a page at most. -E2BIG, -ENOMEM, -EFAULT. */
static int read_array(void *out, guest_ptr_t from, size_t size, uint64_t count)
{
    void **array = out;

    if (count > PAGE_SIZE / size)
        return -E2BIG;
    *array = hv_alloc(count * size);
    if (!*array)
        return -ENOMEM;
    return copy_from_guest(*array, from, count * size);
}

int vnuma_set(struct domain *d, const struct xen_domctl_vnuma *from)
{
    uint64_t n = from->nr_vnodes;
    struct vnuma *v;
    int rc;

    if (n == 0 || from->nr_vcpus != d->max_vcpus || from->pad)
        return -EINVAL;
    v = hv_alloc_type(struct vnuma);
    if (!v)
        return -ENOMEM;
    v->refs = 1;
    v->nr_vnodes = from->nr_vnodes;
    v->nr_vcpus = from->nr_vcpus;
    v->nr_ranges = from->nr_vmemranges;
    rc = read_array(&v->distance, guest_ptr(from->vdistance), sizeof(v->distance[0]), n * n);
    if (!rc)
        rc = read_array(&v->vcpu_to_vnode, guest_ptr(from->vcpu_to_vnode),
                        sizeof(v->vcpu_to_vnode[0]), v->nr_vcpus);
    if (!rc)
        rc = read_array(&v->vnode_to_node, guest_ptr(from->vnode_to_pnode),
                        sizeof(v->vnode_to_node[0]), n);
    if (!rc)
        rc = read_array(&v->range, guest_ptr(from->vmemrange), sizeof(v->range[0]), v->nr_ranges);
    if (rc)
        vnuma_free(v);
    else
        replace(d, v);
    return rc;
}

void vnuma_drop(struct domain *d)
{
    replace(d, NULL);
}

int vnuma_node(struct domain *d, unsigned int vnode, unsigned int *node)
{
    struct vnuma *v = vnuma_get(d);
    int rc = 0;

    *node = NUMA_ANY;
    if (v && vnode >= v->nr_vnodes)
        rc = -EINVAL;
    else if (v && v->vnode_to_node[vnode] < NR_NODES)
        *node = v->vnode_to_node[vnode];
    vnuma_put(d, v);
    return rc;
}

static int tell(struct xen_vnuma_topology_info *to, const struct vnuma *v)
{
    bool fits = to->nr_vnodes >= v->nr_vnodes && to->nr_vcpus >= v->nr_vcpus &&
                to->nr_vmemranges >= v->nr_ranges;
    size_t n = v->nr_vnodes;

    to->nr_vnodes = v->nr_vnodes;
    to->nr_vcpus = v->nr_vcpus;
    to->nr_vmemranges = v->nr_ranges;
    if (!fits)
        return -ENOBUFS;
    if (copy_to_guest(guest_ptr(to->vdistance.h), v->distance, n * n * sizeof(v->distance[0])) ||
        copy_to_guest(guest_ptr(to->vcpu_to_vnode.h), v->vcpu_to_vnode,
                      v->nr_vcpus * sizeof(v->vcpu_to_vnode[0])) ||
        copy_to_guest(guest_ptr(to->vmemrange.h), v->range, v->nr_ranges * sizeof(v->range[0])))
        return -EFAULT;
    return 0;
}

/* -ENOBUFS: how much room is needed stands in the numbers. -EOPNOTSUPP: it has no virtual nodes. */
long mem_get_vnumainfo(guest_ptr_t arg)
{
    struct xen_vnuma_topology_info info;
    struct domain *d;
    struct vnuma *v;
    int rc;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    if (info.pad)
        return -EINVAL;
    rc = domain_get_subject(info.domid, &d);
    if (rc)
        return rc;
    v = vnuma_get(d);
    rc = v ? tell(&info, v) : -EOPNOTSUPP;
    if ((rc == 0 || rc == -ENOBUFS) && copy_to_guest(arg, &info, sizeof(info)))
        rc = -EFAULT;
    vnuma_put(d, v);
    domain_put(d);
    return rc;
}
