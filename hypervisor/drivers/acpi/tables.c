/*
 * Finding the firmware's ACPI tables. Runs once on the boot CPU, before the other CPUs. Firmware is
 * not trusted to be right: lengths are bounded, checksums checked, and a table that fails is named
 * and left out. Manual: ACPI 6.4, chapter 5.2.
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>
#include "internal.h"

#define RSDP_SIZE_V1   20U
#define RSDP_SIZE      36U
#define RSDP_ALIGN     16U
#define BIOS_AREA      0xe0000U
#define BIOS_AREA_END  0x100000U
#define EBDA_POINTER   0x40eU /* real-mode segment */
#define EBDA_SEARCH    1024U
#define MAX_TABLE_SIZE (1U << 20)
#define MAX_TABLES     256U

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; /* from here on: revision 2 */
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} packed;
_Static_assert(sizeof(struct acpi_rsdp) == RSDP_SIZE, "ACPI 6.4 table 5.3");

struct acpi_info acpi;

static const struct {
    char signature[5];
    int (*parse)(const void *table, size_t len, struct acpi_info *info);
} parsers[] = {
    { "APIC", acpi_parse_madt }, { "FACP", acpi_parse_fadt }, { "HPET", acpi_parse_hpet },
    { "MCFG", acpi_parse_mcfg }, { "SRAT", acpi_parse_srat }, { "SLIT", acpi_parse_slit },
};

bool acpi_checksum_ok(const void *table, size_t len)
{
    const uint8_t *bytes = table;
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

const struct acpi_entry *acpi_next_entry(const void *table, size_t len, size_t *offset)
{
    const struct acpi_entry *e;

    if (*offset > len || len - *offset < sizeof(*e))
        return NULL;
    e = (const void *)((const char *)table + *offset);
    if (e->length < sizeof(*e) || e->length > len - *offset)
        return NULL;
    *offset += e->length;
    return e;
}

int acpi_parse_rsdp(const void *p, size_t len, uint64_t *root, bool *wide)
{
    const struct acpi_rsdp *rsdp = p;

    if (len < RSDP_SIZE_V1 || memcmp(rsdp->signature, "RSD PTR ", 8) ||
        !acpi_checksum_ok(rsdp, RSDP_SIZE_V1))
        return -EINVAL;
    *wide =
        rsdp->revision >= 2 && len >= RSDP_SIZE && rsdp->xsdt && acpi_checksum_ok(rsdp, RSDP_SIZE);
    *root = *wide ? rsdp->xsdt : rsdp->rsdt;
    return *root ? 0 : -EINVAL;
}

uint64_t acpi_root_entry(const void *table, size_t len, bool wide, unsigned int n)
{
    size_t size = wide ? sizeof(uint64_t) : sizeof(uint32_t);
    size_t offset = sizeof(struct acpi_header) + n * size;
    uint64_t entry = 0;

    if (n >= MAX_TABLES || len < offset || len - offset < size)
        return 0;
    memcpy(&entry, (const char *)table + offset, size);
    return entry;
}

/* Map a whole table after its header was looked at; NULL if it cannot be one. */
static const void *map_table(uint64_t address, const char *signature, size_t *len)
{
    const struct acpi_header *header;
    const void *table = NULL;
    bool wanted;

    if (!address || address > UINT64_MAX - MAX_TABLE_SIZE)
        return NULL;
    header = arch_map_phys(paddr(address), sizeof(*header), MAP_READONLY);
    if (!header)
        return NULL;
    wanted = !memcmp(header->signature, signature, sizeof(header->signature));
    *len = header->length;
    arch_unmap((void *)(uintptr_t)header, sizeof(*header));
    if (!wanted)
        return NULL;

    if (*len >= sizeof(*header) && *len <= MAX_TABLE_SIZE)
        table = arch_map_phys(paddr(address), *len, MAP_READONLY);
    if (table && acpi_checksum_ok(table, *len))
        return table;
    printk(LOG_WARN, "ACPI: the table %s at 0x%lx is damaged; it is not used.\n", signature,
           address);
    if (table)
        arch_unmap((void *)(uintptr_t)table, *len);
    return NULL;
}

static void unmap_table(const void *table, size_t len)
{
    arch_unmap((void *)(uintptr_t)table, len);
}

/* Hand the first good table of each kind to its parser, in the order of parsers[]. */
static void parse_tables(const void *root, size_t root_len, bool wide)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(parsers); i++) {
        const void *table = NULL;
        size_t len = 0;

        for (unsigned int n = 0; !table && n < MAX_TABLES; n++)
            table = map_table(acpi_root_entry(root, root_len, wide, n), parsers[i].signature, &len);
        if (!table)
            continue;
        if (parsers[i].parse(table, len, &acpi))
            printk(LOG_WARN, "ACPI: the table %s is too short; it is not used.\n",
                   parsers[i].signature);
        unmap_table(table, len);
    }
}

/* Address of a root pointer in [start, end), 0 if there is none. */
static uint64_t scan_for_rsdp(uint64_t start, uint64_t end)
{
    const char *area = arch_map_phys(paddr(start), end - start, MAP_READONLY);
    uint64_t root, found = 0;
    bool wide;

    if (!area)
        return 0;
    for (size_t i = 0; !found && i + RSDP_SIZE_V1 <= end - start; i += RSDP_ALIGN)
        if (!acpi_parse_rsdp(area + i, min(end - start - i, (uint64_t)RSDP_SIZE), &root, &wide))
            found = start + i;
    unmap_table(area, end - start);
    return found;
}

static uint64_t find_rsdp(void)
{
    const uint16_t *segment;
    uint64_t ebda = 0, found = 0;

    if (boot_info.rsdp.v)
        return boot_info.rsdp.v;
    segment = arch_map_phys(paddr(EBDA_POINTER), sizeof(*segment), MAP_READONLY);
    if (segment) {
        ebda = (uint64_t)*segment << 4;
        unmap_table(segment, sizeof(*segment));
    }
    if (ebda >= 0x80000 && ebda + EBDA_SEARCH <= BIOS_AREA_END)
        found = scan_for_rsdp(ebda, ebda + EBDA_SEARCH);
    return found ? found : scan_for_rsdp(BIOS_AREA, BIOS_AREA_END);
}

/* The RSDT or XSDT behind the root pointer: all tables through it. */
static int read_root(uint64_t rsdp_address)
{
    const void *rsdp = arch_map_phys(paddr(rsdp_address), RSDP_SIZE, MAP_READONLY);
    const void *root;
    uint64_t address;
    size_t len;
    bool wide;
    int rc = -ENOMEM;

    if (rsdp) {
        rc = acpi_parse_rsdp(rsdp, RSDP_SIZE, &address, &wide);
        unmap_table(rsdp, RSDP_SIZE);
    }
    if (rc)
        return rc;
    root = map_table(address, wide ? "XSDT" : "RSDT", &len);
    if (!root)
        return -EINVAL;
    parse_tables(root, len, wide);
    unmap_table(root, len);
    return 0;
}

void acpi_init(void)
{
    uint64_t rsdp = find_rsdp();

    if (!rsdp || read_root(rsdp)) {
        printk(LOG_WARN, "ACPI: the firmware has no tables; one CPU, no IO-APIC.\n");
        return;
    }
    acpi.present = true;
    acpi.rsdp = paddr(rsdp);
    acpi_map_reset_register();
    printk(LOG_INFO,
           "ACPI: %u CPUs, %u IO-APICs, %u PCI windows, HPET at 0x%lx, PM timer at 0x%x.\n",
           acpi.nr_cpus, acpi.nr_ioapics, acpi.nr_mcfg, acpi.hpet_base, acpi.pmtimer_port);
}
