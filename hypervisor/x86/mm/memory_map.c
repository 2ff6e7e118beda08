/*
 * Memory maps as the firmware's E820 calls tell them: the machine's, and those that the control
 * domain gave to others (XENMEM_*memory_map, public memory.h).
 */
#include "internal.h"

#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <arch/domain.h>
#include <xen/memory.h>

#define MAX_MAP_ENTRIES 1024

/* An E820 entry as the ABI has it: 20 bytes, not padded. */
struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} packed;

_Static_assert(sizeof(struct e820_entry) == 20, "ACPI 6.5 table 15.2");

struct memory_map {
    unsigned int count;
    struct e820_entry entry[];
};

long mem_machine_memory_map(guest_ptr_t arg)
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

static int read_map(const struct xen_memory_map *from, struct memory_map **out)
{
    struct memory_map *map;

    if (from->nr_entries > MAX_MAP_ENTRIES)
        return -EINVAL;
    map = hv_alloc(sizeof(*map) + from->nr_entries * sizeof(map->entry[0]));
    if (!map)
        return -ENOMEM;
    map->count = from->nr_entries;
    if (copy_from_guest(map->entry, guest_ptr(from->buffer), map->count * sizeof(map->entry[0]))) {
        hv_free(map);
        return -EFAULT;
    }
    *out = map;
    return 0;
}

/* What a domain is told of its memory. Only told: it is not compared with what it has. */
long mem_set_memory_map(guest_ptr_t arg)
{
    struct xen_foreign_memory_map f;
    struct memory_map *map, *old;
    struct domain *d;
    int rc;

    if (copy_from_guest(&f, arg, sizeof(f)))
        return -EFAULT;
    rc = domain_get_subject(f.domid, &d);
    if (rc)
        return rc;
    rc = current->domain->is_control ? read_map(&f.map, &map) : -EPERM;
    if (!rc) {
        spin_lock(&d->lock);
        old = d->arch->memory_map;
        d->arch->memory_map = map;
        spin_unlock(&d->lock);
        hv_free(old);
    }
    domain_put(d);
    return rc;
}

static bool get_entry(struct domain *d, unsigned int i, struct e820_entry *e)
{
    const struct memory_map *map;
    bool there;

    spin_lock(&d->lock);
    map = d->arch->memory_map;
    there = map && i < map->count;
    if (there)
        *e = map->entry[i];
    spin_unlock(&d->lock);
    return there;
}

/* As much of it as the caller has room for. -ENOSYS: it has none; dom0 asks for the machine's. */
long mem_memory_map(guest_ptr_t arg)
{
    struct domain *d = current->domain;
    struct xen_memory_map map;
    struct e820_entry e;
    unsigned int i;

    if (!get_entry(d, 0, &e))
        return -ENOSYS;
    if (copy_from_guest(&map, arg, sizeof(map)))
        return -EFAULT;
    for (i = 0; i < map.nr_entries && get_entry(d, i, &e); i++)
        if (copy_to_guest(guest_ptr_add(guest_ptr(map.buffer), i * sizeof(e)), &e, sizeof(e)))
            return -EFAULT;
    map.nr_entries = i;
    return copy_to_guest(arg, &map, sizeof(map)) ? -EFAULT : 0;
}
