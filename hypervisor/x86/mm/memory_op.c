/* The XENMEM_* operations that are x86's: memory maps and the machine-to-physical table. */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <arch/page.h>
#include <xen/memory.h>

/* An E820 entry as the ABI has it: 20 bytes, not padded. */
struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} packed;

_Static_assert(sizeof(struct e820_entry) == 20, "ACPI 6.5 table 15.2");

static long machine_memory_map(guest_ptr_t arg)
{
    struct xen_memory_map map;
    unsigned int i;

    if (!current->domain->is_hardware)
        return -EPERM;
    if (copy_from_guest(&map, arg, sizeof(map)))
        return -EFAULT;
    if (map.nr_entries < boot_info.nr_ranges)
        return -EINVAL; /* a map cut short would lose memory silently */
    for (i = 0; i < boot_info.nr_ranges; i++) {
        const struct mem_range *r = &boot_info.range[i];
        struct e820_entry e = { r->start, r->size, r->type };

        if (copy_to_guest(guest_ptr_add(guest_ptr(map.buffer), i * sizeof(e)), &e, sizeof(e)))
            return -EFAULT;
    }
    map.nr_entries = i;
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
    struct xen_memory_domain who;
    struct domain *d;
    uint64_t max_pfn;
    int rc;

    if (copy_from_guest(&who, arg, sizeof(who)))
        return -EFAULT;
    rc = domain_get_subject(who.domid, &d);
    if (rc)
        return rc;
    max_pfn = READ_ONCE(d->shared_info->arch.max_pfn);
    domain_put(d);
    return max_pfn ? (long)(min(max_pfn, 1UL << 52) - 1) : -ENOENT;
}

long arch_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    switch (cmd) {
    case XENMEM_machine_memory_map:
        return machine_memory_map(arg);
    case XENMEM_machphys_mfn_list:
        return machphys_mfn_list(arg);
    case XENMEM_machphys_mapping:
        return machphys_mapping(arg);
    case XENMEM_maximum_gpfn:
        return maximum_gpfn(arg);
    case XENMEM_memory_map:
        return -ENOSYS; /* dom0 has none: it asks for the machine's */
    default:
        return -ENOSYS;
    }
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    WRITE_ONCE(*m2p_entry(m), g.v);
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
