/* The table of proximity domains (SRAT): which NUMA node a CPU or a range of memory belongs to; and
 * of distances between them (SLIT). Manual: ACPI 6.4, chapters 5.2.16 and 5.2.17. */
#include <hv/errno.h>
#include "internal.h"

enum { SRAT_LAPIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };
#define SRAT_ENABLED 1U

struct srat {
    struct acpi_header header;
    uint32_t one;
    uint64_t reserved;
} packed;
struct srat_lapic {
    struct acpi_entry entry;
    uint8_t pxm_low, apic_id;
    uint32_t flags;
    uint8_t sapic_eid, pxm_high[3];
    uint32_t clock_domain;
} packed;
struct srat_memory {
    struct acpi_entry entry;
    uint32_t pxm;
    uint16_t reserved;
    uint64_t base, size;
    uint32_t more_reserved, flags;
    uint64_t last_reserved;
} packed;
struct srat_x2apic {
    struct acpi_entry entry;
    uint16_t reserved;
    uint32_t pxm, apic_id, flags, clock_domain, more_reserved;
} packed;
struct slit {
    struct acpi_header header;
    uint64_t count;
    uint8_t distance[];
} packed;
_Static_assert(sizeof(struct slit) == 44, "ACPI 6.4 table 5.65");
_Static_assert(sizeof(struct srat) == 48 && sizeof(struct srat_lapic) == 16 &&
                   sizeof(struct srat_memory) == 40 && sizeof(struct srat_x2apic) == 24,
               "ACPI 6.4 tables 5.59 to 5.62");

static void set_pxm(struct acpi_info *info, uint32_t apic_id, uint32_t pxm)
{
    for (unsigned int i = 0; i < info->nr_cpus; i++)
        if (info->cpu[i].apic_id == apic_id)
            info->cpu[i].pxm = pxm;
}

static void parse_lapic(struct acpi_info *info, const struct srat_lapic *e, uint8_t revision)
{
    uint32_t pxm = e->pxm_low;

    if (revision >= 2) /* before that these bytes were not defined */
        pxm |= (uint32_t)e->pxm_high[0] << 8 | (uint32_t)e->pxm_high[1] << 16 |
               (uint32_t)e->pxm_high[2] << 24;
    if (e->flags & SRAT_ENABLED)
        set_pxm(info, e->apic_id, pxm);
}

static void parse_memory(struct acpi_info *info, const struct srat_memory *e)
{
    if (!(e->flags & SRAT_ENABLED) || !e->size || e->base > UINT64_MAX - e->size ||
        info->nr_mem_affinity == ACPI_MAX_MEM_AFFINITY)
        return;
    info->mem_affinity[info->nr_mem_affinity++] =
        (struct acpi_mem_affinity){ .base = e->base, .size = e->size, .pxm = e->pxm };
}

int acpi_parse_srat(const void *table, size_t len, struct acpi_info *info)
{
    const struct srat *srat = table;
    const struct acpi_entry *entry;
    size_t offset = sizeof(*srat);

    if (len < sizeof(*srat))
        return -EINVAL;
    while ((entry = acpi_next_entry(table, len, &offset))) {
        const struct srat_x2apic *x2apic = (const void *)entry;

        if (entry->type == SRAT_LAPIC && entry->length >= sizeof(struct srat_lapic))
            parse_lapic(info, (const void *)entry, srat->header.revision);
        else if (entry->type == SRAT_MEMORY && entry->length >= sizeof(struct srat_memory))
            parse_memory(info, (const void *)entry);
        else if (entry->type == SRAT_X2APIC && entry->length >= sizeof(*x2apic) &&
                 (x2apic->flags & SRAT_ENABLED))
            set_pxm(info, x2apic->apic_id, x2apic->pxm);
    }
    return 0;
}

/* A square matrix of bytes. One that says that a node is not the nearest to itself is not used. */
int acpi_parse_slit(const void *table, size_t len, struct acpi_info *info)
{
    const struct slit *slit = table;
    uint64_t count;

    if (len < sizeof(*slit))
        return -EINVAL;
    count = slit->count;
    if (count == 0 || count > UINT16_MAX || len - sizeof(*slit) < count * count)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < count; j++) {
            uint8_t distance = slit->distance[i * count + j];

            if (i == j ? distance != ACPI_DISTANCE_LOCAL : distance <= ACPI_DISTANCE_LOCAL)
                return -EINVAL;
        }
    info->nr_distances = (unsigned int)min(count, (uint64_t)ACPI_MAX_PXM);
    for (unsigned int i = 0; i < info->nr_distances; i++)
        for (unsigned int j = 0; j < info->nr_distances; j++)
            info->distance[i][j] = slit->distance[i * count + j];
    return 0;
}
