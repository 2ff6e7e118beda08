/*
 * ACPI tables of a PVH guest (ACPI 6.2): as few as tell its processors. Root pointer, XSDT, FADT
 * (of a machine with reduced hardware), MADT, and a DSDT without a byte of code, as nothing of the
 * machine needs to be described. A pure function.
 */
#include <stddef.h>
#include <string.h>
#include "builder/internal.h"

#define LAPIC_BASE       0xfee00000u
#define FADT_SIZE        276
#define FADT_REVISION    6
#define FADT_HW_REDUCED  (1u << 20)
#define BOOT_NO_VGA      (1u << 2)
#define BOOT_NO_CMOS     (1u << 5)
#define MADT_LAPIC       0
#define MADT_X2APIC      9
#define MADT_ENABLED     1
#define MAX_XAPIC        254
#define MAX_LAPIC_UID    255
#define APIC_ID_OF(vcpu) ((vcpu)*2) /* as the hypervisor numbers them */

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct acpi_xsdt {
    struct acpi_header h;
    uint64_t table[2];
} __attribute__((packed));

/* Only what is not zero has a name; the revision says which fields there are. */
struct acpi_fadt {
    struct acpi_header h;
    uint8_t unused1[73];
    uint16_t boot_flags;
    uint8_t unused2;
    uint32_t flags;
    uint8_t unused3[24];
    uint64_t dsdt;
    uint8_t unused4[FADT_SIZE - 148];
} __attribute__((packed));

struct acpi_madt {
    struct acpi_header h;
    uint32_t lapic, flags;
} __attribute__((packed));

struct acpi_lapic {
    uint8_t type, length, uid, id;
    uint32_t flags;
} __attribute__((packed));

struct acpi_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t id, flags, uid;
} __attribute__((packed));

_Static_assert(offsetof(struct acpi_fadt, boot_flags) == 109, "ACPI 6.2, table 5-34");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 6.2, table 5-34");
_Static_assert(offsetof(struct acpi_fadt, dsdt) == 140, "ACPI 6.2, table 5-34");
_Static_assert(sizeof(struct acpi_fadt) == FADT_SIZE, "ACPI 6.2, table 5-34");
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.2, table 5-27");
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.2, table 5-29");

struct acpi {
    uint8_t *out;
    size_t room, used; /* room 0: it was too small */
    uint64_t base;
};

/* Zeroed room; NULL when there is none */
static void *take(struct acpi *a, size_t size)
{
    void *p = a->out + a->used;

    if (size > a->room - a->used) {
        a->room = a->used = 0;
        return NULL;
    }
    memset(p, 0, size);
    a->used += size;
    return p;
}

static uint8_t checksum(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint8_t sum = 0;

    while (size--)
        sum -= *p++;
    return sum;
}

/* From the table's start to what is used now */
static void end_table(struct acpi *a, struct acpi_header *h, const char *signature,
                      uint8_t revision)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    h->length = a->out + a->used - (uint8_t *)h;
    h->revision = revision;
    memcpy(h->oem, "hospes", sizeof(h->oem));
    memcpy(h->table, "guest   ", sizeof(h->table));
    memcpy(h->creator, "hosp", sizeof(h->creator));
    h->checksum = checksum(h, h->length);
}

static uint64_t address_of(const struct acpi *a, const void *table)
{
    return a->base + ((const uint8_t *)table - a->out);
}

static void add_cpu(struct acpi *a, unsigned int vcpu)
{
    unsigned int id = APIC_ID_OF(vcpu);

    if (id <= MAX_XAPIC && vcpu < MAX_LAPIC_UID) {
        struct acpi_lapic *l = take(a, sizeof(*l));

        if (l)
            *l = (struct acpi_lapic){ MADT_LAPIC, sizeof(*l), vcpu, id, MADT_ENABLED };
    } else {
        struct acpi_x2apic *x = take(a, sizeof(*x));

        if (x)
            *x = (struct acpi_x2apic){ MADT_X2APIC, sizeof(*x), 0, id, MADT_ENABLED, vcpu };
    }
}

size_t acpi_tables(uint8_t *out, size_t room, uint64_t base, unsigned int vcpus)
{
    struct acpi a = { .out = out, .room = room, .base = base };
    struct acpi_rsdp *rsdp = take(&a, sizeof(*rsdp));
    struct acpi_header *dsdt;
    struct acpi_xsdt *xsdt;
    struct acpi_fadt *fadt;
    struct acpi_madt *madt;

    if (room < sizeof(*rsdp) + sizeof(*xsdt) + sizeof(*fadt) + sizeof(*dsdt) + sizeof(*madt))
        return 0;
    xsdt = take(&a, sizeof(*xsdt));
    xsdt->table[0] = address_of(&a, a.out + a.used);
    xsdt->table[1] = address_of(&a, a.out + a.used + sizeof(*fadt) + sizeof(*dsdt));
    end_table(&a, &xsdt->h, "XSDT", 1);
    fadt = take(&a, sizeof(*fadt));
    fadt->boot_flags = BOOT_NO_VGA | BOOT_NO_CMOS;
    fadt->flags = FADT_HW_REDUCED;
    fadt->dsdt = address_of(&a, a.out + a.used);
    end_table(&a, &fadt->h, "FACP", FADT_REVISION);
    dsdt = take(&a, sizeof(*dsdt));
    end_table(&a, dsdt, "DSDT", 2);
    madt = take(&a, sizeof(*madt));
    madt->lapic = LAPIC_BASE;
    for (unsigned int i = 0; i < vcpus; i++)
        add_cpu(&a, i);
    if (!a.room)
        return 0;
    end_table(&a, &madt->h, "APIC", 4);
    memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
    memcpy(rsdp->oem, "hospes", sizeof(rsdp->oem));
    rsdp->revision = 2;
    rsdp->length = sizeof(*rsdp);
    rsdp->xsdt = address_of(&a, xsdt);
    rsdp->checksum = checksum(rsdp, 20);
    rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
    return a.used;
}
