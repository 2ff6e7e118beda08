/* The XENMEM_* operations that are x86's, beside memory maps: the machine-to-physical table, and
 * what there is only for HVM guests. */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <arch/page.h>
#include <xen/memory.h>

/* Translated domains have a map from their frame numbers to the machine's, PV domains do not. */
static long change_physmap(guest_ptr_t arg)
{
    struct domain *d;
    int rc = mem_get_subject(arg, &d); /* all of their arguments begin with the domain */

    if (rc)
        return rc;
    domain_put(d);
    return -EACCES;
}

/* Nothing of a PV domain is populated on demand, so any target that it may reach is reached. */
static long pod_target(bool set, guest_ptr_t arg)
{
    struct xen_pod_target target;
    struct domain *d;
    int rc = 0;

    if (!current->domain->is_control)
        return -EPERM;
    if (copy_from_guest(&target, arg, sizeof(target)))
        return -EFAULT;
    d = domain_get(target.domid);
    if (!d)
        return -ESRCH;
    if (set && target.target_pages > READ_ONCE(d->mem->max_pages))
        rc = -EINVAL;
    target.tot_pages = READ_ONCE(d->mem->tot_pages);
    target.pod_cache_pages = target.pod_entries = 0;
    domain_put(d);
    if (!rc && copy_to_guest(arg, &target, sizeof(target)))
        rc = -EFAULT;
    return rc;
}

/* No device's memory accesses are translated, so none needs memory at a fixed place. */
static long reserved_device_memory_map(guest_ptr_t arg)
{
    struct xen_reserved_device_memory_map map;

    if (copy_from_guest(&map, arg, sizeof(map)))
        return -EFAULT;
    if (map.flags & ~(uint32_t)XENMEM_RDM_ALL)
        return -EINVAL;
    map.nr_entries = 0;
    return copy_to_guest(arg, &map, sizeof(map)) ? -EFAULT : 0;
}

/* The M2P's frames, one for each 2 MiB of it; where there is no RAM, the one before again. */
static long machphys_mfn_list(guest_ptr_t arg)
{
    struct xen_machphys_mfn_list list;
    uint64_t last = 0;
    unsigned int i;

    if (copy_from_guest(&list, arg, sizeof(list)))
        return -EFAULT;
    for (i = 0; i < list.max_extents && i < m2p_extents(); i++) {
        mfn_t m = m2p_extent(i);
        uint64_t out = m.v == INVALID_MFN.v ? last : m.v;

        if (copy_to_guest(guest_ptr_add(guest_ptr(list.extent_start), i * sizeof(out)), &out,
                          sizeof(out)))
            return -EFAULT;
        last = out;
    }
    list.nr_extents = i;
    return copy_to_guest(arg, &list, sizeof(list)) ? -EFAULT : 0;
}

static long machphys_mapping(guest_ptr_t arg)
{
    struct xen_machphys_mapping m = {
        .v_start = M2P_RO_VIRT,
        .v_end = M2P_RO_VIRT + (1UL << 39),
        .max_mfn = max_mfn - 1,
    };

    return copy_to_guest(arg, &m, sizeof(m)) ? -EFAULT : 0;
}

static long maximum_gpfn(guest_ptr_t arg)
{
    struct domain *d;
    uint64_t max_pfn;
    int rc = mem_get_subject(arg, &d);

    if (rc)
        return rc;
    max_pfn = READ_ONCE(d->shared_info->arch.max_pfn);
    domain_put(d);
    return max_pfn ? (long)(min(max_pfn, 1UL << 52) - 1) : 0;
}

long arch_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    switch (cmd) {
    case XENMEM_memory_map:
        return mem_memory_map(arg);
    case XENMEM_machine_memory_map:
        return mem_machine_memory_map(arg);
    case XENMEM_set_memory_map:
        return mem_set_memory_map(arg);
    case XENMEM_machphys_mfn_list:
        return machphys_mfn_list(arg);
    case XENMEM_machphys_mapping:
        return machphys_mapping(arg);
    case XENMEM_maximum_gpfn:
        return maximum_gpfn(arg);
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_remove_from_physmap:
        return change_physmap(arg);
    case XENMEM_set_pod_target:
    case XENMEM_get_pod_target:
        return pod_target(cmd == XENMEM_set_pod_target, arg);
    case XENMEM_reserved_device_memory_map:
        return reserved_device_memory_map(arg);
    default:
        return -ENOSYS;
    }
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    /* Whoever migrates the domain hears of the number it had, and of the one it has. */
    frame_dirtied(mfn_to_frame(m));
    WRITE_ONCE(*m2p_entry(m), g.v);
    frame_dirtied(mfn_to_frame(m));
}

gfn_t arch_frame_gfn(mfn_t m)
{
    return gfn(READ_ONCE(*m2p_entry(m)));
}

int arch_get_guest_frame(struct domain *d, gfn_t g, struct frame **out)
{
    int rc;

    if (mfn_is_io(mfn(g.v)))
        return -EINVAL;
    *out = mfn_to_frame(mfn(g.v));
    rc = frame_get(*out, d);
    return rc ? -EINVAL : 0;
}

int arch_map_guest_frame(struct domain *d, gfn_t g, mfn_t *out, void **va)
{
    struct frame *f;
    int rc;

    if (mfn_is_io(mfn(g.v)))
        return -EINVAL;
    f = mfn_to_frame(mfn(g.v));
    rc = frame_get_writable(f, d);
    if (rc)
        return -EINVAL;
    *out = mfn(g.v);
    *va = mfn_to_virt(*out);
    return 0;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d;
    (void)va;
    frame_put_writable(mfn_to_frame(m));
}
