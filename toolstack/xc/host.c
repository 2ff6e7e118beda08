/*
 * Operations on the machine as a whole: mostly sysctls, and the operations on devices that may be
 * given away. Called by libxl's host and device parts.
 */
#include <errno.h>
#include <string.h>
#include "xc/host.h"
#include <xen/platform.h>

int xc_physinfo(struct xc *xc, struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo };
    int rc = xc_sysctl(xc, &op);

    if (rc == 0)
        *info = op.u.physinfo;
    return rc;
}

int xc_cpu_topology(struct xc *xc, struct xen_sysctl_cputopo *topology, unsigned int *count)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_cputopoinfo };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, topology, *count * sizeof(*topology), XC_OUT);

    if (rc < 0)
        return rc;
    op.u.cputopoinfo.num_cpus = *count;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, b.buffer);
    rc = xc_sysctl(xc, &op);
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *count = op.u.cputopoinfo.num_cpus;
    return rc;
}

int xc_numa_info(struct xc *xc, struct xen_sysctl_meminfo *memory, uint32_t *distance,
                 unsigned int *count)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_numainfo };
    struct xc_bounce m, d = { 0 };
    int rc = xc_bounce_in(xc, &m, memory, *count * sizeof(*memory), XC_OUT);

    if (rc == 0)
        rc = xc_bounce_in(xc, &d, distance, (size_t)*count * *count * sizeof(*distance), XC_OUT);
    if (rc == 0) {
        op.u.numainfo.num_nodes = *count;
        set_xen_guest_handle(op.u.numainfo.meminfo, m.buffer);
        set_xen_guest_handle(op.u.numainfo.distance, d.buffer);
        rc = xc_sysctl(xc, &op);
    }
    xc_bounce_out(xc, &d);
    xc_bounce_out(xc, &m);
    if (rc == 0)
        *count = op.u.numainfo.num_nodes;
    return rc;
}

int xc_pci_topology(struct xc *xc, const struct physdev_pci_device *devices, uint32_t *nodes,
                    unsigned int count)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_pcitopoinfo };
    struct xc_bounce d, n = { 0 };
    int rc = xc_bounce_in(xc, &d, devices, count * sizeof(*devices), XC_IN);

    if (rc == 0)
        rc = xc_bounce_in(xc, &n, nodes, count * sizeof(*nodes), XC_OUT);
    if (rc == 0) {
        op.u.pcitopoinfo.num_devs = count;
        set_xen_guest_handle(op.u.pcitopoinfo.devs, d.buffer);
        set_xen_guest_handle(op.u.pcitopoinfo.nodes, n.buffer);
        rc = xc_sysctl(xc, &op);
    }
    xc_bounce_out(xc, &n);
    xc_bounce_out(xc, &d);
    return rc < 0 ? rc : (int)op.u.pcitopoinfo.num_devs;
}

int xc_console_read(struct xc *xc, char *buffer, uint32_t *count, uint32_t *index, bool clear)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_readconsole };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, buffer, *count, XC_OUT);

    if (rc < 0)
        return rc;
    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = index != NULL;
    op.u.readconsole.index = index ? *index : 0;
    op.u.readconsole.count = *count;
    set_xen_guest_handle(op.u.readconsole.buffer, b.buffer);
    rc = xc_sysctl(xc, &op);
    xc_bounce_out(xc, &b);
    if (rc < 0)
        return rc;
    *count = op.u.readconsole.count;
    if (index)
        *index = op.u.readconsole.index;
    return 0;
}

int xc_debug_keys(struct xc *xc, const char *keys)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_debug_keys };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, keys, strlen(keys), XC_IN);

    if (rc < 0)
        return rc;
    op.u.debug_keys.nr_keys = strlen(keys);
    set_xen_guest_handle(op.u.debug_keys.keys, b.buffer);
    rc = xc_sysctl(xc, &op);
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_psr_cmt(struct xc *xc, struct xen_sysctl_psr_cmt_op *arg)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_psr_cmt_op, .u.psr_cmt_op = *arg };
    int rc = xc_sysctl(xc, &op);

    *arg = op.u.psr_cmt_op;
    return rc;
}

int xc_psr_alloc(struct xc *xc, struct xen_sysctl_psr_alloc *arg)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_psr_alloc, .u.psr_alloc = *arg };
    int rc = xc_sysctl(xc, &op);

    *arg = op.u.psr_alloc;
    return rc;
}

int xc_domain_psr_cmt(struct xc *xc, uint32_t domid, struct xen_domctl_psr_cmt_op *arg)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_psr_cmt_op, .domain = domid };
    int rc;

    op.u.psr_cmt_op = *arg;
    rc = xc_domctl(xc, &op);
    *arg = op.u.psr_cmt_op;
    return rc;
}

int xc_domain_psr_alloc(struct xc *xc, uint32_t domid, struct xen_domctl_psr_alloc *arg)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_psr_alloc, .domain = domid };
    int rc;

    op.u.psr_alloc = *arg;
    rc = xc_domctl(xc, &op);
    *arg = op.u.psr_alloc;
    return rc;
}

int xc_read_msrs(struct xc *xc, const struct xc_msr_read *read)
{
    struct xen_platform_op op = { .cmd = XENPF_resource_op,
                                  .interface_version = XENPF_INTERFACE_VERSION };
    struct xenpf_resource_entry *entries = xc_buffer_alloc(xc, read->count * sizeof(*entries));
    long rc;

    if (!entries)
        return -ENOMEM;
    for (unsigned int i = 0; i < read->count; i++)
        entries[i] = (struct xenpf_resource_entry){
            .u.cmd = read->steps[i].write ? XEN_RESOURCE_OP_MSR_WRITE : XEN_RESOURCE_OP_MSR_READ,
            .idx = read->steps[i].msr,
            .val = read->steps[i].value,
        };
    op.u.resource_op.cpu = read->cpu;
    op.u.resource_op.nr_entries = read->count;
    set_xen_guest_handle(op.u.resource_op.entries, entries);
    rc = xc_request(xc, __HYPERVISOR_platform_op, &op, sizeof(op));
    for (unsigned int i = 0; i < read->count; i++)
        read->values[i] = entries[i].val;
    xc_buffer_free(xc, entries);
    return rc < 0 ? rc : 0;
}

static int assign_op(struct xc *xc, uint32_t domid, uint32_t cmd, uint32_t sbdf, uint32_t flags)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };

    op.u.assign_device.dev = XEN_DOMCTL_DEV_PCI;
    op.u.assign_device.flags = flags;
    op.u.assign_device.u.pci.machine_sbdf = sbdf;
    return xc_domctl(xc, &op);
}

int xc_test_assign(struct xc *xc, uint32_t domid, uint32_t sbdf)
{
    return assign_op(xc, domid, XEN_DOMCTL_test_assign_device, sbdf, 0);
}

int xc_assign_device(struct xc *xc, uint32_t domid, uint32_t sbdf, uint32_t flags)
{
    return assign_op(xc, domid, XEN_DOMCTL_assign_device, sbdf, flags);
}

int xc_deassign_device(struct xc *xc, uint32_t domid, uint32_t sbdf)
{
    return assign_op(xc, domid, XEN_DOMCTL_deassign_device, sbdf, 0);
}
