/*
 * Which I/O ports and device frames dom0 gets: all but what the hypervisor drives itself. Called
 * once while dom0 is built; frames are protected further by drivers (MSI-X tables). The read-only
 * set only grows, under range_set's own rules.
 */
#include <hv/acpi.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/range_set.h>
#include <hv/uart.h>
#include <arch/cpu_features.h>
#include <arch/domain.h>
#include <arch/io.h>

#define MSI_WINDOW      0xfee00000UL
#define MSI_WINDOW_SIZE 0x100000UL
#define HYPERTRANSPORT  0xfd00000000UL /* AMD: reserved below 1 TiB */
#define LOW_MEMORY      0x100000UL     /* BIOS, EBDA, VGA: dom0's to look at */

static struct range_set *readonly_frames;

/* Ports that are ours, or that pv/io.c stands in for. */
static const struct {
    uint16_t first, last;
} kept_ports[] = {
    { 0x20, 0x21 },   { 0xa0, 0xa1 },   /* interrupt controllers */
    { 0x4d0, 0x4d1 },                   /* their trigger modes */
    { 0x40, 0x43 },   { 0x61, 0x61 },   /* interval timer, speaker and NMI control */
    { 0x70, 0x71 },                     /* CMOS */
    { 0xcf8, 0xcf8 }, { 0xcfa, 0xcff }, /* PCI configuration; 0xcf9 resets the machine */
};

static int setup_ports(struct domain *d)
{
    uint16_t first, last;
    int rc;

    if (!d->arch->io_ports)
        d->arch->io_ports = range_set_create("I/O ports");
    if (!d->arch->io_ports)
        return -ENOMEM;
    rc = range_set_add(d->arch->io_ports, 0, 0xffff);
    for (unsigned int n = 0; !rc && n < ARRAY_SIZE(kept_ports); n++)
        rc = range_set_remove(d->arch->io_ports, kept_ports[n].first, kept_ports[n].last);
    for (unsigned int n = 0; !rc && n < 2; n++)
        if (ns16550_ports(n, &first, &last))
            rc = range_set_remove(d->arch->io_ports, first, last);
    return rc;
}

static int remove_bytes(struct range_set *s, uint64_t start, uint64_t size)
{
    return size ? range_set_remove(s, start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT) : 0;
}

/* RAM is reached as RAM, by owner; only the first MiB may also be looked at as a device. */
static int remove_memory(struct range_set *s)
{
    for (unsigned int n = 0; n < boot_info.nr_ranges; n++) {
        const struct mem_range *range = &boot_info.range[n];
        uint64_t start = max(range->start, LOW_MEMORY), end = range->start + range->size;
        int rc;

        if ((range->type != MEM_RAM && range->type != MEM_UNUSABLE) || end <= start)
            continue;
        /* Partial frames at the ends may hold a table: they are not RAM to us. */
        if (range->type == MEM_RAM) {
            start = ROUND_UP(start, PAGE_SIZE);
            end &= PAGE_MASK;
        }
        rc = end > start ? remove_bytes(s, start, end - start) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int setup_frames(struct domain *d)
{
    struct range_set *s;
    int rc;

    if (!d->arch->io_mem)
        d->arch->io_mem = range_set_create("I/O memory");
    s = d->arch->io_mem;
    if (!s)
        return -ENOMEM;
    rc = range_set_add(s, 0, (1UL << (host_cpu.phys_bits - PAGE_SHIFT)) - 1);
    if (!rc)
        rc = remove_memory(s);
    if (!rc)
        rc = remove_bytes(s, MSI_WINDOW, MSI_WINDOW_SIZE);
    if (!rc && acpi.lapic_base)
        rc = remove_bytes(s, acpi.lapic_base, PAGE_SIZE);
    if (!rc && host_cpu.vendor == VENDOR_AMD && host_cpu.phys_bits >= 40)
        rc = remove_bytes(s, HYPERTRANSPORT, (1UL << 40) - HYPERTRANSPORT);
    for (unsigned int n = 0; !rc && n < acpi.nr_ioapics; n++)
        rc = iomem_protect(mfn(acpi.ioapic[n].base >> PAGE_SHIFT),
                           mfn(acpi.ioapic[n].base >> PAGE_SHIFT));
    if (!rc && acpi.hpet_base)
        rc = iomem_protect(mfn(acpi.hpet_base >> PAGE_SHIFT), mfn(acpi.hpet_base >> PAGE_SHIFT));
    return rc;
}

int pv_io_setup_dom0(struct domain *d)
{
    int rc = setup_ports(d);

    return rc ? rc : setup_frames(d);
}

int iomem_protect(mfn_t first, mfn_t last)
{
    if (!readonly_frames)
        readonly_frames = range_set_create("read-only device frames");
    if (!readonly_frames)
        return -ENOMEM;
    return range_set_add(readonly_frames, first.v, last.v);
}

bool iomem_readonly(mfn_t m)
{
    return readonly_frames && range_set_contains(readonly_frames, m.v, m.v);
}
