/* The tables that say one thing each: HPET (IA-PC HPET 1.0a, 3.2.4) and MCFG (PCI Firmware
 * Specification 3.3, 4.1.2). */
#include <hv/errno.h>
#include <hv/string.h>
#include "internal.h"

struct hpet {
    struct acpi_header header;
    uint32_t block_id;
    struct acpi_address address;
    uint8_t number;
    uint16_t min_tick;
    uint8_t page_protection;
} packed;
_Static_assert(sizeof(struct hpet) == 56, "IA-PC HPET 1.0a table 3");

struct mcfg {
    struct acpi_header header;
    uint64_t reserved;
} packed;
struct mcfg_entry {
    uint64_t base;
    uint16_t segment;
    uint8_t bus_start, bus_end;
    uint32_t reserved;
} packed;
_Static_assert(sizeof(struct mcfg) == 44 && sizeof(struct mcfg_entry) == 16,
               "PCI Firmware Specification 3.3 tables 4-2, 4-3");

int acpi_parse_hpet(const void *table, size_t len, struct acpi_info *info)
{
    const struct hpet *hpet = table;

    if (len < sizeof(*hpet))
        return -EINVAL;
    if (hpet->address.space_id == ACPI_SPACE_MEMORY)
        info->hpet_base = hpet->address.address;
    return 0;
}

/* Each bus takes 1 MiB from `base`, which is where bus 0 would be. */
int acpi_parse_mcfg(const void *table, size_t len, struct acpi_info *info)
{
    const struct mcfg_entry *e = (const void *)((const char *)table + sizeof(struct mcfg));
    size_t count;

    if (len < sizeof(struct mcfg))
        return -EINVAL;
    count = (len - sizeof(struct mcfg)) / sizeof(*e);
    for (; count && info->nr_mcfg < ACPI_MAX_MCFG; count--, e++) {
        if (!e->base || e->base & 0xfffff || e->bus_start > e->bus_end ||
            e->base > UINT64_MAX - (256UL << 20))
            continue;
        info->mcfg[info->nr_mcfg++] = (struct acpi_mcfg){
            .base = e->base, .segment = e->segment, .bus_start = e->bus_start, .bus_end = e->bus_end
        };
    }
    return 0;
}
