/* Static ACPI tables: what the hypervisor itself needs. No AML. Filled once at boot. */
#ifndef HV_ACPI_H
#define HV_ACPI_H

#include <hv/types.h>

#define ACPI_MAX_CPUS         256
#define ACPI_MAX_IOAPICS      32
#define ACPI_MAX_OVERRIDES    24
#define ACPI_MAX_MCFG         16
#define ACPI_MAX_MEM_AFFINITY 128
#define ACPI_MAX_PXM          64

/* Relative distances (SLIT): of a proximity domain from itself; where the firmware is silent. */
#define ACPI_DISTANCE_LOCAL  10
#define ACPI_DISTANCE_REMOTE 20

struct acpi_cpu {
    uint32_t apic_id, acpi_uid;
    uint32_t pxm; /* proximity domain from SRAT; 0 without */
    bool enabled, x2apic;
};
struct acpi_ioapic {
    uint8_t id;
    uint64_t base;
    uint32_t gsi_base;
};
struct acpi_override { /* ISA interrupt source override */
    uint8_t isa_irq;
    uint32_t gsi;
    uint16_t flags; /* MPS INTI flags: polarity bits 0-1, trigger bits 2-3 */
};
struct acpi_mcfg {
    uint64_t base;
    uint16_t segment;
    uint8_t bus_start, bus_end;
};
struct acpi_mem_affinity {
    uint64_t base, size;
    uint32_t pxm;
};

struct acpi_info {
    bool present;
    paddr_t rsdp;
    uint64_t lapic_base;
    bool pcat_compat; /* there are dual 8259s */
    unsigned int nr_cpus, nr_ioapics, nr_overrides, nr_mcfg, nr_mem_affinity;
    struct acpi_cpu cpu[ACPI_MAX_CPUS];
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
    struct acpi_override override[ACPI_MAX_OVERRIDES];
    struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
    struct acpi_mem_affinity mem_affinity[ACPI_MAX_MEM_AFFINITY];
    unsigned int nr_distances; /* 0: no SLIT */
    uint8_t distance[ACPI_MAX_PXM][ACPI_MAX_PXM];
    uint64_t hpet_base; /* 0: none */
    /* FADT */
    uint32_t pmtimer_port; /* 0: none */
    bool pmtimer_32bit;
    uint16_t sci_irq, pm1a_evt, pm1b_evt;
    uint32_t pm1a_cnt, pm1b_cnt; /* I/O ports */
    uint64_t facs;               /* physical */
    uint16_t boot_flags;
    struct {
        uint8_t space_id; /* 0 memory, 1 I/O, 2 PCI config; bit width 0: no reset register */
        uint8_t bit_width;
        uint64_t address;
        uint8_t value;
        bool present;
    } reset;
};

extern struct acpi_info acpi;

/* Find and check the tables; a bad one is reported and skipped. Uses arch_map_phys(). */
void acpi_init(void);

/* Write the sleep registers as dom0, which has the AML interpreter, tells. Does not return from S5;
 * -ENODEV: there are no such registers; -EIO: the machine is still awake. Interrupts off. */
must_check int acpi_enter_sleep(uint16_t pm1a_value, uint16_t pm1b_value);
/* Reset through the FADT's reset register; returns if there is none, or it does nothing. */
void acpi_reboot(void);

#endif
