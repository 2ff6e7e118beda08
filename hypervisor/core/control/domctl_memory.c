/*
 * The control operations on a domain's NUMA nodes: where its memory comes from, and which virtual
 * ones it sees (public domctl.h). Rows in domctl.c; called under LOCK_DOMCTL. Sets of nodes in
 * guest memory are bitmaps like those of CPUs.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>

#define MAX_BITMAP_BYTES PAGE_SIZE

static size_t bitmap_bytes(const struct xenctl_bitmap *bitmap)
{
    return DIV_ROUND_UP((uint64_t)bitmap->nr_bits, 8);
}

static uint64_t first_bits(unsigned int n)
{
    return n >= NR_NODES ? ~0UL : BIT(n) - 1;
}

/* All nodes there can be: as if none were named. Those without memory do no harm. */
int domctl_setnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xenctl_bitmap *map = &op->u.nodeaffinity.nodemap;
    uint64_t nodes = 0;

    if (copy_from_guest(&nodes, guest_ptr(map->bitmap), min(bitmap_bytes(map), sizeof(nodes))))
        return -EFAULT;
    nodes &= first_bits(map->nr_bits);
    if (!nodes)
        return -EINVAL;
    WRITE_ONCE(d->mem->nodes, nodes == ~0UL ? 0 : nodes);
    return 0;
}

int domctl_getnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xenctl_bitmap *map = &op->u.nodeaffinity.nodemap;
    uint64_t nodes = domain_nodes(d) & first_bits(map->nr_bits);
    size_t bytes = bitmap_bytes(map), ours = min(bytes, sizeof(nodes));
    guest_ptr_t at = guest_ptr(map->bitmap);

    if (bytes > MAX_BITMAP_BYTES)
        return -E2BIG;
    if (copy_to_guest(at, &nodes, ours))
        return -EFAULT;
    return bytes > ours ? clear_guest(guest_ptr_add(at, ours), bytes - ours) : 0;
}

int domctl_setvnumainfo(struct domain *d, struct xen_domctl *op)
{
    return vnuma_set(d, &op->u.vnuma);
}
