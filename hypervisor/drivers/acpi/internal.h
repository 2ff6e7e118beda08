/*
 * Between the files of drivers/acpi. Parsers take a table as it is in memory: `len` bytes may be
 * read, of whatever content; they fill in `info` and return 0, or -EINVAL if the table is too short
 * to be one. Entries that make no sense, or for which there is no room, are skipped.
 */
#ifndef ACPI_INTERNAL_H
#define ACPI_INTERNAL_H

#include <hv/acpi.h>

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} packed;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.4 table 5.4");

struct acpi_address { /* "generic address structure" */
    uint8_t space_id, bit_width, bit_offset, access_size;
    uint64_t address;
} packed;
_Static_assert(sizeof(struct acpi_address) == 12, "ACPI 6.4 table 5.1");

#define ACPI_SPACE_MEMORY     0
#define ACPI_SPACE_IO         1
#define ACPI_SPACE_PCI_CONFIG 2

/* All bytes add up to 0. */
bool acpi_checksum_ok(const void *table, size_t len);

must_check int acpi_parse_madt(const void *table, size_t len, struct acpi_info *info);
must_check int acpi_parse_fadt(const void *table, size_t len, struct acpi_info *info);
must_check int acpi_parse_hpet(const void *table, size_t len, struct acpi_info *info);
must_check int acpi_parse_mcfg(const void *table, size_t len, struct acpi_info *info);
must_check int acpi_parse_srat(const void *table, size_t len,
                               struct acpi_info *info); /* after MADT */
must_check int acpi_parse_slit(const void *table, size_t len, struct acpi_info *info);

/* The root pointer, 20 or 36 bytes of it: the address of the XSDT (*wide) or RSDT. -EINVAL. */
must_check int acpi_parse_rsdp(const void *p, size_t len, uint64_t *root, bool *wide);
/* The address that the n-th entry of the XSDT (`wide`) or RSDT holds; 0 behind the last one. */
uint64_t acpi_root_entry(const void *table, size_t len, bool wide, unsigned int n);

/* A reset register in memory is mapped at boot: a panic cannot map any more. */
void acpi_map_reset_register(void);

/* Step through a table's entries that begin with a type and a length byte. */
struct acpi_entry {
    uint8_t type, length;
} packed;
/* The entry at *offset, which moves behind it; NULL at the end or at one that does not fit. */
const struct acpi_entry *acpi_next_entry(const void *table, size_t len, size_t *offset);

#endif
