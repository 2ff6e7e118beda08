/*
 * The control operations on the machine that few tools use: trace buffers, pages out of use, where
 * PCI devices are, live patches (public sysctl.h). Called by do_sysctl() under LOCK_DOMCTL. Most
 * of them can only tell that there is nothing.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/frame.h>
#include <hv/guest_access.h>
#include <hv/pci.h>

/* ---- trace buffers: there are none, and tracing is off ---- */

int sysctl_tbuf_op(struct xen_sysctl *op)
{
    struct xen_sysctl_tbuf_op *t = &op->u.tbuf_op;

    switch (t->cmd) {
    case XEN_SYSCTL_TBUFOP_get_info:
        t->evt_mask = 0;
        t->buffer_mfn = 0;
        t->size = 0;
        return 0;
    case XEN_SYSCTL_TBUFOP_disable:
        return 0;
    case XEN_SYSCTL_TBUFOP_set_cpu_mask:
    case XEN_SYSCTL_TBUFOP_set_evt_mask:
    case XEN_SYSCTL_TBUFOP_set_size:
        return -EOPNOTSUPP;
    default: /* enable, too: without buffers it cannot be */
        return -EINVAL;
    }
}

/* ---- pages ---- */

#define MAX_PAGES 1024 /* of one call */

/* Every page of RAM is in use for good: taking one out is not there. */
int sysctl_page_offline_op(struct xen_sysctl *op)
{
    const struct xen_sysctl_page_offline_op *p = &op->u.page_offline;
    guest_ptr_t at = guest_ptr(p->status.p);
    const uint32_t online = 0;

    if (p->cmd != sysctl_page_offline && p->cmd != sysctl_page_online &&
        p->cmd != sysctl_query_page_offline)
        return -EINVAL;
    if (p->end < p->start || p->end - p->start >= MAX_PAGES)
        return -EINVAL;
    for (uint32_t i = 0; i <= p->end - p->start; i++) {
        if (!mfn_valid(mfn(p->start + i)))
            return -EINVAL;
        if (p->cmd == sysctl_page_offline)
            return -EOPNOTSUPP;
        if (copy_to_guest(guest_ptr_add(at, i * sizeof(online)), &online, sizeof(online)))
            return -EFAULT;
    }
    return 0;
}

/* ---- PCI ---- */

#define MAX_DEVICES 65536 /* as many as a segment has */

/* dom0 does not say on which node a device is. */
int sysctl_pcitopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;
    guest_ptr_t devs = guest_ptr(t->devs), nodes = guest_ptr(t->nodes);

    if (guest_ptr_is_null(devs) || guest_ptr_is_null(nodes) || t->num_devs > MAX_DEVICES)
        return -EINVAL;
    for (uint32_t i = 0; i < t->num_devs; i++) {
        physdev_pci_device_t d;
        uint32_t node;

        if (copy_from_guest(&d, guest_ptr_add(devs, i * sizeof(d)), sizeof(d)))
            return -EFAULT;
        node = pci_device_known((pci_sbdf_t){ d.seg, d.bus, d.devfn }) ? XEN_INVALID_NODE_ID
                                                                       : XEN_INVALID_DEV;
        if (copy_to_guest(guest_ptr_add(nodes, i * sizeof(node)), &node, sizeof(node)))
            return -EFAULT;
    }
    return 0;
}

/* ---- live patches: there are none, and none can be loaded ---- */

static int find_patch(const struct xen_livepatch_name *name)
{
    if (name->size == 0 || name->size > XEN_LIVEPATCH_NAME_SIZE || name->pad[0] || name->pad[1] ||
        name->pad[2])
        return -EINVAL;
    return -ENOENT;
}

static int list_patches(struct xen_sysctl_livepatch_list *l)
{
    if (l->pad)
        return -EINVAL;
    if (l->idx)
        return -EINVAL;
    l->version = 0;
    l->nr = 0;
    l->name_total_size = l->metadata_total_size = 0;
    return 0;
}

int sysctl_livepatch_op(struct xen_sysctl *op)
{
    struct xen_sysctl_livepatch_op *l = &op->u.livepatch;
    int rc;

    if (l->pad)
        return -EINVAL;
    switch (l->cmd) {
    case XEN_SYSCTL_LIVEPATCH_UPLOAD:
        rc = find_patch(&l->u.upload.name);
        return rc == -ENOENT ? -EOPNOTSUPP : rc;
    case XEN_SYSCTL_LIVEPATCH_GET:
        return find_patch(&l->u.get.name);
    case XEN_SYSCTL_LIVEPATCH_LIST:
        return list_patches(&l->u.list);
    case XEN_SYSCTL_LIVEPATCH_ACTION:
        return find_patch(&l->u.action.name);
    default:
        return -EOPNOTSUPP;
    }
}

/* ---- what a debugging build of the hypervisor would have ---- */

int sysctl_coverage_op(struct xen_sysctl *op)
{
    (void)op;
    return -EOPNOTSUPP;
}
