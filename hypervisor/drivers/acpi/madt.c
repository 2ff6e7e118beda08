/* The table of CPUs and interrupt controllers (MADT, "APIC"). Manual: ACPI 6.4, chapter 5.2.12. */
#include <hv/errno.h>
#include "internal.h"

enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
};

#define MADT_PCAT_COMPAT   1U
#define CPU_ENABLED        1U
#define CPU_ONLINE_CAPABLE 2U
#define BUS_ISA            0
#define NR_ISA_IRQS        16
#define APIC_ID_NONE       0xffU

struct madt {
    struct acpi_header header;
    uint32_t lapic_address, flags;
} packed;
struct madt_lapic {
    struct acpi_entry entry;
    uint8_t uid, apic_id;
    uint32_t flags;
} packed;
struct madt_ioapic {
    struct acpi_entry entry;
    uint8_t id, reserved;
    uint32_t address, gsi_base;
} packed;
struct madt_override {
    struct acpi_entry entry;
    uint8_t bus, source;
    uint32_t gsi;
    uint16_t flags;
} packed;
struct madt_lapic_address {
    struct acpi_entry entry;
    uint16_t reserved;
    uint64_t address;
} packed;
struct madt_x2apic {
    struct acpi_entry entry;
    uint16_t reserved;
    uint32_t apic_id, flags, uid;
} packed;
_Static_assert(sizeof(struct madt_lapic) == 8 && sizeof(struct madt_ioapic) == 12 &&
                   sizeof(struct madt_override) == 10 && sizeof(struct madt_lapic_address) == 12 &&
                   sizeof(struct madt_x2apic) == 16,
               "ACPI 6.4 tables 5.21 to 5.34");

/* A CPU may be listed in both forms; firmware also pads the list with entries for none. */
static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags,
                    bool x2apic)
{
    if (!(flags & (CPU_ENABLED | CPU_ONLINE_CAPABLE)) || info->nr_cpus == ACPI_MAX_CPUS)
        return;
    for (unsigned int i = 0; i < info->nr_cpus; i++)
        if (info->cpu[i].apic_id == apic_id)
            return;
    info->cpu[info->nr_cpus++] = (struct acpi_cpu){
        .apic_id = apic_id, .acpi_uid = uid, .enabled = flags & CPU_ENABLED, .x2apic = x2apic
    };
}

static void add_ioapic(struct acpi_info *info, const struct madt_ioapic *e)
{
    if (!e->address || info->nr_ioapics == ACPI_MAX_IOAPICS)
        return;
    info->ioapic[info->nr_ioapics++] =
        (struct acpi_ioapic){ .id = e->id, .base = e->address, .gsi_base = e->gsi_base };
}

static void add_override(struct acpi_info *info, const struct madt_override *e)
{
    if (e->bus != BUS_ISA || e->source >= NR_ISA_IRQS || info->nr_overrides == ACPI_MAX_OVERRIDES)
        return;
    info->override[info->nr_overrides++] =
        (struct acpi_override){ .isa_irq = e->source, .gsi = e->gsi, .flags = e->flags };
}

static size_t entry_size(uint8_t type)
{
    switch (type) {
    case MADT_LAPIC:
        return sizeof(struct madt_lapic);
    case MADT_IOAPIC:
        return sizeof(struct madt_ioapic);
    case MADT_OVERRIDE:
        return sizeof(struct madt_override);
    case MADT_LAPIC_ADDRESS:
        return sizeof(struct madt_lapic_address);
    case MADT_X2APIC:
        return sizeof(struct madt_x2apic);
    default:
        return SIZE_MAX; /* not for us */
    }
}

static void parse_entry(struct acpi_info *info, const struct acpi_entry *entry)
{
    const struct madt_lapic *lapic = (const void *)entry;
    const struct madt_x2apic *x2apic = (const void *)entry;

    switch (entry->type) {
    case MADT_LAPIC:
        if (lapic->apic_id != APIC_ID_NONE)
            add_cpu(info, lapic->apic_id, lapic->uid, lapic->flags, false);
        break;
    case MADT_IOAPIC:
        add_ioapic(info, (const void *)entry);
        break;
    case MADT_OVERRIDE:
        add_override(info, (const void *)entry);
        break;
    case MADT_LAPIC_ADDRESS:
        info->lapic_base = ((const struct madt_lapic_address *)entry)->address;
        break;
    case MADT_X2APIC:
        if (x2apic->apic_id != UINT32_MAX)
            add_cpu(info, x2apic->apic_id, x2apic->uid, x2apic->flags, true);
        break;
    }
}

int acpi_parse_madt(const void *table, size_t len, struct acpi_info *info)
{
    const struct madt *madt = table;
    const struct acpi_entry *entry;
    size_t offset = sizeof(*madt);

    if (len < sizeof(*madt))
        return -EINVAL;
    info->lapic_base = madt->lapic_address;
    info->pcat_compat = madt->flags & MADT_PCAT_COMPAT;
    while ((entry = acpi_next_entry(table, len, &offset)))
        if (entry->length >= entry_size(entry->type))
            parse_entry(info, entry);
    return 0;
}
