/*
 * XENMEM_*: a domain changing its memory (public memory.h). Extent lists are guest memory: each
 * frame number is read once, checked against the frame table, and results are written back. Long
 * lists continue from where they were preempted: the place is kept in the command's upper bits.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/string.h>
#include <xen/memory.h>
#include <xen/xen.h>

/* Orders that a domain may ask for: 2 MiB; the hardware domain 1 GiB, for its DMA buffers. */
static unsigned int max_order(const struct domain *d)
{
    return d->is_hardware ? MAX_ORDER : 9;
}

/* What XENMEMF_* ask of the allocator. */
struct alloc_wish {
    unsigned int flags, bits, node; /* bits: address width, 0 for any */
};

/* For d. -EINVAL: an address width or a node that there is not. */
static int read_mem_flags(struct domain *d, unsigned int mem_flags, struct alloc_wish *w)
{
    unsigned int node = XENMEMF_get_node(mem_flags);
    bool exact = mem_flags & XENMEMF_exact_node_request;

    w->bits = XENMEMF_get_address_bits(mem_flags);
    w->flags = w->bits && w->bits <= 32 ? ALLOC_BELOW_4G : 0;
    w->node = NUMA_ANY;
    if (w->bits && w->bits <= PAGE_SHIFT)
        return -EINVAL;
    if (node == NUMA_ANY)
        return 0;
    if (mem_flags & XENMEMF_vnode) {
        int rc = vnuma_node(d, node, &w->node);

        if (rc == 0 && exact && w->node != NUMA_ANY)
            w->flags |= ALLOC_EXACT;
        return rc;
    }
    /* How the machine is built is only for these two to know. */
    if (!current->domain->is_hardware && !current->domain->is_control)
        return exact ? -EINVAL : 0;
    if (node >= NR_NODES)
        return -EINVAL;
    w->node = node;
    if (exact)
        w->flags |= ALLOC_EXACT;
    return 0;
}

static bool fits(mfn_t m, unsigned int order, unsigned int bits)
{
    return bits == 0 || bits >= 64 || (m.v + (1UL << order) - 1) >> (bits - PAGE_SHIFT) == 0;
}

static int read_pfn(XEN_GUEST_HANDLE(xen_pfn_t) list, uint64_t index, uint64_t *pfn)
{
    return copy_from_guest(pfn, guest_ptr_add(guest_ptr(list), index * sizeof(*pfn)), sizeof(*pfn));
}

static int write_pfn(XEN_GUEST_HANDLE(xen_pfn_t) list, uint64_t index, uint64_t pfn)
{
    return copy_to_guest(guest_ptr_add(guest_ptr(list), index * sizeof(pfn)), &pfn, sizeof(pfn));
}

/* One extent of populate_physmap (to be put at frame numbers) or increase_reservation. */
static int populate_one(struct domain *d, const struct xen_memory_reservation *r, uint64_t index,
                        bool at_pfn)
{
    struct alloc_wish wish;
    uint64_t pfn = 0;
    mfn_t m;
    int rc = read_mem_flags(d, r->mem_flags, &wish);

    if (rc)
        return rc;
    if (at_pfn) {
        rc = read_pfn(r->extent_start, index, &pfn);
        if (rc)
            return rc;
    }
    rc = domain_populate(d, r->extent_order, wish.flags, wish.node, at_pfn ? gfn(pfn) : INVALID_GFN,
                         &m);
    if (rc)
        return rc;
    if (!fits(m, r->extent_order, wish.bits))
        rc = -ENOMEM;
    else if (!guest_ptr_is_null(guest_ptr(r->extent_start)))
        rc = write_pfn(r->extent_start, index, m.v);
    for (uint64_t i = 0; rc && i < 1UL << r->extent_order; i++)
        (void)!domain_give_up(d, mfn_to_frame(mfn_add(m, i))); /* nobody else has seen it */
    return rc;
}

static int decrease_one(struct domain *d, const struct xen_memory_reservation *r, uint64_t index)
{
    uint64_t pfn;
    int rc = read_pfn(r->extent_start, index, &pfn);

    if (rc)
        return rc;
    for (uint64_t i = 0; i < 1UL << r->extent_order; i++) {
        struct frame *f;

        rc = arch_get_guest_frame(d, gfn(pfn + i), &f);
        if (rc)
            return rc;
        rc = domain_give_up(d, f);
        frame_put(f);
        if (rc)
            return rc;
    }
    return 0;
}

/* The three reservation changes share their walk. Returns the number of extents done. */
static long change_reservation(unsigned long cmd, guest_ptr_t arg)
{
    uint64_t start = cmd >> CMD_SHIFT, i = start;
    struct xen_memory_reservation r;
    struct domain *d;
    int rc;

    cmd &= CMD_MASK;
    if (copy_from_guest(&r, arg, sizeof(r)))
        return -EFAULT;
    if (i > r.nr_extents || r.nr_extents >= 1UL << (63 - CMD_SHIFT))
        return (long)i;
    rc = domain_get_subject(r.domid, &d);
    if (rc)
        return (long)i;
    if (r.extent_order > max_order(current->domain)) {
        domain_put(d);
        return (long)i;
    }
    for (; i < r.nr_extents; i++) {
        if (i != start && hypercall_preempt_check()) {
            domain_put(d);
            return hypercall_continue(__HYPERVISOR_memory_op, 2, cmd | i << CMD_SHIFT, arg.v);
        }
        if (cmd == XENMEM_decrease_reservation)
            rc = decrease_one(d, &r, i);
        else
            rc = populate_one(d, &r, i, cmd == XENMEM_populate_physmap);
        if (rc)
            break;
    }
    domain_put(d);
    return (long)i;
}

#define MAX_EXCHANGE_ORDER 10 /* the largest contiguous piece: 4 MiB */

/* Exchange the frames of one chunk (2^chunk_order of them). The new memory is there first, so the
 * old is given back whole when anything fails. */
static int exchange_chunk(struct domain *d, const struct xen_memory_exchange *x, uint64_t chunk,
                          unsigned int chunk_order, uint64_t *old)
{
    uint64_t frames = 1UL << chunk_order, stolen = 0;
    uint64_t in_per = chunk_order - x->in.extent_order, out_per = chunk_order - x->out.extent_order;
    struct alloc_wish wish;
    mfn_t fresh;
    int rc = read_mem_flags(d, x->out.mem_flags, &wish);

    if (rc)
        return rc;
    fresh = frames_alloc(chunk_order, wish.flags, wish.node);
    if (fresh.v == INVALID_MFN.v)
        return -ENOMEM;
    if (!fits(fresh, chunk_order, wish.bits))
        rc = -ENOMEM;
    while (!rc && stolen < frames) {
        uint64_t pfn;

        rc = read_pfn(x->in.extent_start, (chunk << in_per) + (stolen >> x->in.extent_order), &pfn);
        if (rc)
            break;
        pfn += stolen & ((1UL << x->in.extent_order) - 1);
        if (!mfn_valid(mfn(pfn)))
            rc = -EINVAL;
        else
            rc = domain_take_frame(d, mfn_to_frame(mfn(pfn)));
        if (!rc)
            old[stolen++] = pfn;
    }
    if (rc) {
        for (uint64_t i = 0; i < stolen; i++)
            domain_return_frame(mfn_to_frame(mfn(old[i])));
        frames_free(fresh, chunk_order);
        return rc;
    }
    arch_tlb_sync(d);
    spin_lock(&d->mem->lock);
    frames_assign(mfn_to_frame(fresh), frames, d); /* first: the total must not reach 0 */
    for (uint64_t i = 0; i < frames; i++)
        frame_list_del(&d->mem->pages, mfn_to_frame(mfn(old[i])));
    d->mem->tot_pages -= frames;
    spin_unlock(&d->mem->lock);
    for (uint64_t i = 0; i < frames; i++) {
        arch_frame_set_gfn(mfn(old[i]), INVALID_GFN);
        frames_free(mfn(old[i]), 0);
    }
    for (uint64_t e = 0; e < 1UL << out_per; e++) {
        uint64_t index = (chunk << out_per) + e, pfn, first = e << x->out.extent_order;

        /* The frames are the guest's already; if its list is bad it loses track of them. */
        if (read_pfn(x->out.extent_start, index, &pfn) ||
            write_pfn(x->out.extent_start, index, fresh.v + first)) {
            rc = -EFAULT;
            continue;
        }
        for (uint64_t i = 0; i < 1UL << x->out.extent_order; i++)
            domain_set_gfn(d, mfn_add(fresh, first + i), gfn(pfn + i));
    }
    return rc;
}

static long exchange(guest_ptr_t arg)
{
    struct xen_memory_exchange x;
    unsigned int order;
    uint64_t chunks, *old;
    int rc = 0;

    if (copy_from_guest(&x, arg, sizeof(x)))
        return -EFAULT;
    order = max(x.in.extent_order, x.out.extent_order);
    if (x.in.domid != DOMID_SELF || x.out.domid != DOMID_SELF)
        return -EPERM;
    if (order > max_order(current->domain))
        return -EPERM;
    if (x.in.nr_extents > ~0UL >> order || x.out.nr_extents > ~0UL >> order ||
        x.in.nr_extents << x.in.extent_order != x.out.nr_extents << x.out.extent_order ||
        x.nr_exchanged > x.in.nr_extents)
        return -EINVAL;
    if (order > MAX_EXCHANGE_ORDER)
        return -ENOMEM;
    if ((x.in.nr_extents << x.in.extent_order) & ((1UL << order) - 1))
        return -EINVAL;
    chunks = x.in.nr_extents << x.in.extent_order >> order;
    old = hv_alloc_array(uint64_t, 1UL << order);
    if (!old)
        return -ENOMEM;
    for (uint64_t c = x.nr_exchanged << x.in.extent_order >> order; c < chunks; c++) {
        rc = exchange_chunk(current->domain, &x, c, order, old);
        if (rc)
            break;
        x.nr_exchanged = (c + 1) << order >> x.in.extent_order;
        if (c + 1 < chunks && hypercall_preempt_check()) {
            rc = -ERESTART;
            break;
        }
    }
    hv_free(old);
    if (copy_to_guest(guest_ptr_add(arg, offsetof(struct xen_memory_exchange, nr_exchanged)),
                      &x.nr_exchanged, sizeof(x.nr_exchanged)))
        return -EFAULT;
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_memory_op, 2, (uint64_t)XENMEM_exchange, arg.v);
    return rc;
}

int mem_get_subject(guest_ptr_t arg, struct domain **out)
{
    struct xen_memory_domain who;

    if (copy_from_guest(&who, arg, sizeof(who)))
        return -EFAULT;
    return domain_get_subject(who.domid, out);
}

static long reservation_size(unsigned long cmd, guest_ptr_t arg)
{
    struct domain *d;
    uint64_t pages;
    int rc = mem_get_subject(arg, &d);

    if (rc)
        return rc;
    pages = cmd == XENMEM_current_reservation ? d->mem->tot_pages : d->mem->max_pages;
    domain_put(d);
    return (long)min(pages, (uint64_t)INT64_MAX >> PAGE_SHIFT);
}

long do_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    unsigned long op = cmd & CMD_MASK;

    switch (op) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return change_reservation(cmd, arg);
    case XENMEM_exchange:
        return cmd == op ? exchange(arg) : -EINVAL;
    case XENMEM_maximum_ram_page:
        return (long)max_mfn;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
        return reservation_size(op, arg);
    case XENMEM_claim_pages:
        return mem_claim_pages(arg);
    case XENMEM_get_vnumainfo:
        return mem_get_vnumainfo(arg);
    case XENMEM_acquire_resource:
        return mem_acquire_resource(cmd, arg);
    default:
        return arch_memory_op(cmd, arg);
    }
}
