/*
 * Operations on a domain as a whole: one domctl each, but for the list (a sysctl) and the shutdown
 * from outside (an operation of the scheduler). Called by libxl, the builder and the stream.
 */
#include <errno.h>
#include <string.h>
#include "xc/domain.h"

/* An operation that has no argument but the domain */
static int plain(struct xc *xc, uint32_t domid, uint32_t cmd)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };

    return xc_domctl(xc, &op);
}

int xc_domain_create(struct xc *xc, uint32_t *domid, const struct xen_domctl_createdomain *config)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_createdomain, .domain = *domid };
    int rc;

    op.u.createdomain = *config;
    rc = xc_domctl(xc, &op);
    if (rc == 0)
        *domid = op.domain;
    return rc;
}

int xc_domain_destroy(struct xc *xc, uint32_t domid)
{
    int rc;

    do
        rc = plain(xc, domid, XEN_DOMCTL_destroydomain);
    while (rc == -EAGAIN);
    return rc;
}

int xc_domain_pause(struct xc *xc, uint32_t domid)
{
    return plain(xc, domid, XEN_DOMCTL_pausedomain);
}

int xc_domain_unpause(struct xc *xc, uint32_t domid)
{
    return plain(xc, domid, XEN_DOMCTL_unpausedomain);
}

int xc_domain_resume(struct xc *xc, uint32_t domid)
{
    return plain(xc, domid, XEN_DOMCTL_resumedomain);
}

int xc_domain_soft_reset(struct xc *xc, uint32_t domid)
{
    return plain(xc, domid, XEN_DOMCTL_soft_reset);
}

int xc_domain_shutdown(struct xc *xc, uint32_t domid, unsigned int reason)
{
    struct sched_remote_shutdown arg = { .domain_id = domid, .reason = reason };

    return xc_command(xc, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &arg, sizeof(arg));
}

int xc_domain_info(struct xc *xc, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getdomaininfo, .domain = domid };
    int rc = xc_domctl(xc, &op);

    if (rc < 0)
        return rc;
    /* Older hypervisors answer for the next domain */
    if (op.u.getdomaininfo.domain != domid)
        return -ESRCH;
    *info = op.u.getdomaininfo;
    return 0;
}

int xc_domain_list(struct xc *xc, uint32_t first, unsigned int max,
                   struct xen_domctl_getdomaininfo *info)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_getdomaininfolist };
    struct xc_bounce b;
    int rc;

    rc = xc_bounce_in(xc, &b, info, max * sizeof(*info), XC_OUT);
    if (rc < 0)
        return rc;
    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, b.buffer);
    rc = xc_sysctl(xc, &op);
    xc_bounce_out(xc, &b);
    return rc < 0 ? rc : (int)op.u.getdomaininfolist.num_domains;
}

int xc_domain_set_handle(struct xc *xc, uint32_t domid, const uint8_t handle[16])
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_setdomainhandle, .domain = domid };

    memcpy(op.u.setdomainhandle.handle, handle, sizeof(op.u.setdomainhandle.handle));
    return xc_domctl(xc, &op);
}

int xc_domain_max_vcpus(struct xc *xc, uint32_t domid, unsigned int count)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_max_vcpus, .domain = domid };

    op.u.max_vcpus.max = count;
    return xc_domctl(xc, &op);
}

int xc_domain_max_memory(struct xc *xc, uint32_t domid, uint64_t kb)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_max_mem, .domain = domid };

    op.u.max_mem.max_memkb = kb;
    return xc_domctl(xc, &op);
}

int xc_domain_set_time_offset(struct xc *xc, uint32_t domid, int64_t seconds)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_settimeoffset, .domain = domid };

    op.u.settimeoffset.time_offset_seconds = seconds;
    return xc_domctl(xc, &op);
}

int xc_domain_set_address_size(struct xc *xc, uint32_t domid, unsigned int size)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_set_address_size, .domain = domid };

    op.u.address_size.size = size;
    return xc_domctl(xc, &op);
}

int xc_domain_get_address_size(struct xc *xc, uint32_t domid, unsigned int *size)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_get_address_size, .domain = domid };
    int rc = xc_domctl(xc, &op);

    if (rc == 0)
        *size = op.u.address_size.size;
    return rc;
}

int xc_domain_get_tsc(struct xc *xc, uint32_t domid, struct xen_domctl_tsc_info *info)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_gettscinfo, .domain = domid };
    int rc = xc_domctl(xc, &op);

    if (rc == 0)
        *info = op.u.tsc_info;
    return rc;
}

int xc_domain_set_tsc(struct xc *xc, uint32_t domid, const struct xen_domctl_tsc_info *info)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_settscinfo, .domain = domid };

    op.u.tsc_info = *info;
    return xc_domctl(xc, &op);
}

int xc_domain_hypercall_init(struct xc *xc, uint32_t domid, uint64_t gmfn)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_hypercall_init, .domain = domid };

    op.u.hypercall_init.gmfn = gmfn;
    return xc_domctl(xc, &op);
}

int xc_domain_subscribe_suspend(struct xc *xc, uint32_t domid, uint32_t port)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_subscribe, .domain = domid };

    op.u.subscribe.port = port;
    return xc_domctl(xc, &op);
}

int xc_domain_set_target(struct xc *xc, uint32_t domid, uint32_t target)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_set_target, .domain = domid };

    op.u.set_target.target = target;
    return xc_domctl(xc, &op);
}

int xc_domain_set_debugging(struct xc *xc, uint32_t domid, bool on)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_setdebugging, .domain = domid };

    op.u.setdebugging.enable = on;
    return xc_domctl(xc, &op);
}

int xc_domain_trigger(struct xc *xc, uint32_t domid, unsigned int trigger, unsigned int vcpu)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_sendtrigger, .domain = domid };

    op.u.sendtrigger.trigger = trigger;
    op.u.sendtrigger.vcpu = vcpu;
    return xc_domctl(xc, &op);
}

static int node_affinity(struct xc *xc, uint32_t domid, uint32_t cmd, const uint8_t *nodes,
                         unsigned int bits, enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, nodes, (bits + 7) / 8, direction);

    if (rc < 0)
        return rc;
    set_xen_guest_handle(op.u.nodeaffinity.nodemap.bitmap, b.buffer);
    op.u.nodeaffinity.nodemap.nr_bits = bits;
    rc = xc_domctl(xc, &op);
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_domain_set_node_affinity(struct xc *xc, uint32_t domid, const uint8_t *nodes,
                                unsigned int bits)
{
    return node_affinity(xc, domid, XEN_DOMCTL_setnodeaffinity, nodes, bits, XC_IN);
}

int xc_domain_get_node_affinity(struct xc *xc, uint32_t domid, uint8_t *nodes, unsigned int bits)
{
    return node_affinity(xc, domid, XEN_DOMCTL_getnodeaffinity, nodes, bits, XC_OUT);
}

int xc_domain_set_paging_pool(struct xc *xc, uint32_t domid, uint64_t bytes)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_set_paging_mempool_size, .domain = domid };

    op.u.paging_mempool.size = bytes;
    return xc_domctl(xc, &op);
}

int xc_domain_get_paging_pool(struct xc *xc, uint32_t domid, uint64_t *bytes)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_get_paging_mempool_size, .domain = domid };
    int rc = xc_domctl(xc, &op);

    if (rc == 0)
        *bytes = op.u.paging_mempool.size;
    return rc;
}

int xc_domain_irq_permission(struct xc *xc, uint32_t domid, uint32_t pirq, bool allow)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_irq_permission, .domain = domid };

    op.u.irq_permission.pirq = pirq;
    op.u.irq_permission.allow_access = allow;
    return xc_domctl(xc, &op);
}

int xc_domain_iomem_permission(struct xc *xc, uint32_t domid, uint64_t first_mfn, uint64_t count,
                               bool allow)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_iomem_permission, .domain = domid };

    op.u.iomem_permission.first_mfn = first_mfn;
    op.u.iomem_permission.nr_mfns = count;
    op.u.iomem_permission.allow_access = allow;
    return xc_domctl(xc, &op);
}

int xc_domain_ioport_permission(struct xc *xc, uint32_t domid, uint32_t first, uint32_t count,
                                bool allow)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_ioport_permission, .domain = domid };

    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = count;
    op.u.ioport_permission.allow_access = allow;
    return xc_domctl(xc, &op);
}
