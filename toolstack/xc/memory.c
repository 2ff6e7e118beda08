/*
 * Operations on the memory of a domain. Bulk arrays (frames to make, pages to type) are the
 * caller's, from xc_buffer_alloc(), so that a gigabyte's worth of numbers is not copied; the rest
 * is bounced here. Called by libxl, the builder and the stream.
 */
#include <errno.h>
#include "xc/memory.h"

static long reservation(struct xc *xc, unsigned int cmd, uint32_t domid, unsigned long count,
                        unsigned int order, unsigned int mem_flags, xen_pfn_t *frames)
{
    struct xen_memory_reservation arg = {
        .nr_extents = count,
        .extent_order = order,
        .mem_flags = mem_flags,
        .domid = domid,
    };

    set_xen_guest_handle(arg.extent_start, frames);
    return xc_memory_op(xc, cmd, &arg, sizeof(arg));
}

long xc_populate(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int mem_flags, xen_pfn_t *frames)
{
    return reservation(xc, XENMEM_populate_physmap, domid, count, order, mem_flags, frames);
}

long xc_decrease(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 xen_pfn_t *frames)
{
    return reservation(xc, XENMEM_decrease_reservation, domid, count, order, 0, frames);
}

long xc_increase(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int mem_flags, xen_pfn_t *frames)
{
    return reservation(xc, XENMEM_increase_reservation, domid, count, order, mem_flags, frames);
}

int xc_claim(struct xc *xc, uint32_t domid, uint64_t pages)
{
    return reservation(xc, XENMEM_claim_pages, domid, pages, 0, 0, NULL);
}

int xc_add_to_physmap(struct xc *xc, uint32_t domid, unsigned int space, unsigned long idx,
                      xen_pfn_t gpfn)
{
    struct xen_add_to_physmap arg = { .domid = domid, .space = space, .idx = idx, .gpfn = gpfn };

    return xc_memory_op(xc, XENMEM_add_to_physmap, &arg, sizeof(arg));
}

int xc_remove_from_physmap(struct xc *xc, uint32_t domid, xen_pfn_t gpfn)
{
    struct xen_remove_from_physmap arg = { .domid = domid, .gpfn = gpfn };

    return xc_memory_op(xc, XENMEM_remove_from_physmap, &arg, sizeof(arg));
}

long xc_maximum_gpfn(struct xc *xc, uint32_t domid)
{
    struct xen_memory_domain arg = { .domid = domid };

    return xc_memory_op(xc, XENMEM_maximum_gpfn, &arg, sizeof(arg));
}

long xc_maximum_ram_page(struct xc *xc)
{
    return xc_memory_op(xc, XENMEM_maximum_ram_page, NULL, 0);
}

int xc_machphys_frames(struct xc *xc, xen_pfn_t *frames, unsigned int *count)
{
    struct xen_machphys_mfn_list arg = { .max_extents = *count };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, frames, *count * sizeof(*frames), XC_OUT);

    if (rc < 0)
        return rc;
    set_xen_guest_handle(arg.extent_start, b.buffer);
    rc = xc_memory_op(xc, XENMEM_machphys_mfn_list, &arg, sizeof(arg));
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *count = arg.nr_extents;
    return rc;
}

int xc_set_memory_map(struct xc *xc, uint32_t domid, const struct xc_e820_entry *map,
                      unsigned int count)
{
    struct xen_foreign_memory_map arg = { .domid = domid, .map.nr_entries = count };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, map, count * sizeof(*map), XC_IN);

    if (rc < 0)
        return rc;
    set_xen_guest_handle(arg.map.buffer, b.buffer);
    rc = xc_memory_op(xc, XENMEM_set_memory_map, &arg, sizeof(arg));
    xc_bounce_out(xc, &b);
    return rc;
}

static int read_map(struct xc *xc, unsigned int cmd, struct xc_e820_entry *map, unsigned int *count)
{
    struct xen_memory_map arg = { .nr_entries = map ? *count : 0 };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, map, *count * sizeof(*map), XC_OUT);

    if (rc < 0)
        return rc;
    set_xen_guest_handle(arg.buffer, b.buffer);
    rc = xc_memory_op(xc, cmd, &arg, sizeof(arg));
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *count = arg.nr_entries;
    return rc;
}

int xc_memory_map(struct xc *xc, struct xc_e820_entry *map, unsigned int *count)
{
    return read_map(xc, XENMEM_memory_map, map, count);
}

int xc_machine_memory_map(struct xc *xc, struct xc_e820_entry *map, unsigned int *count)
{
    return read_map(xc, XENMEM_machine_memory_map, map, count);
}

int xc_page_types(struct xc *xc, uint32_t domid, unsigned long count, xen_pfn_t *frames)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getpageframeinfo3, .domain = domid };

    op.u.getpageframeinfo3.num = count;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, frames);
    return xc_domctl(xc, &op);
}

int xc_pin(struct xc *xc, uint32_t domid, unsigned int cmd, xen_pfn_t mfn)
{
    struct mmuext_op op = { .cmd = cmd, .arg1.mfn = mfn };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, &op, sizeof(op), XC_IN);

    if (rc == 0)
        rc = xc_mmuext_op(xc, domid, b.buffer, 1);
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_shadow_op(struct xc *xc, uint32_t domid, struct xen_domctl_shadow_op *shadow)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_shadow_op, .domain = domid };
    int rc;

    op.u.shadow_op = *shadow;
    rc = xc_domctl(xc, &op);
    *shadow = op.u.shadow_op;
    return rc;
}

int xc_set_vnuma(struct xc *xc, uint32_t domid, unsigned int nodes, unsigned int ranges,
                 unsigned int vcpus, const struct xen_vmemrange *range,
                 const unsigned int *distance, const unsigned int *vcpu_node,
                 const unsigned int *host_node)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_setvnumainfo, .domain = domid };
    struct xc_bounce b[4] = { 0 };
    const void *arrays[] = { range, distance, vcpu_node, host_node };
    size_t sizes[] = { ranges * sizeof(*range), nodes * nodes * sizeof(*distance),
                       vcpus * sizeof(*vcpu_node), nodes * sizeof(*host_node) };
    int rc = 0;

    for (int i = 0; i < 4 && rc == 0; i++)
        rc = xc_bounce_in(xc, &b[i], arrays[i], sizes[i], XC_IN);
    if (rc == 0) {
        op.u.vnuma.nr_vnodes = nodes;
        op.u.vnuma.nr_vmemranges = ranges;
        op.u.vnuma.nr_vcpus = vcpus;
        set_xen_guest_handle(op.u.vnuma.vmemrange, b[0].buffer);
        set_xen_guest_handle(op.u.vnuma.vdistance, b[1].buffer);
        set_xen_guest_handle(op.u.vnuma.vcpu_to_vnode, b[2].buffer);
        set_xen_guest_handle(op.u.vnuma.vnode_to_pnode, b[3].buffer);
        rc = xc_domctl(xc, &op);
    }
    for (int i = 0; i < 4; i++)
        xc_bounce_out(xc, &b[i]);
    return rc;
}
