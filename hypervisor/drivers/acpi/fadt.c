/*
 * The fixed description (FADT, "FACP"): ports of the sleep registers, PM timer and reset register,
 * and their use. What a table has depends on its length, whatever revision it claims. Manual:
 * ACPI 6.4, chapters 5.2.9 and 4.8.3.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/pci.h>
#include <hv/string.h>
#include <hv/time.h>
#include <arch/processor.h>
#include "internal.h"

#define FLAG_TIMER_32BIT 0x100U
#define FLAG_RESET       0x400U
#define SLEEP_ENABLE     0x2000U
#define WAKE_STATUS      0x8000U
#define SLEEP_WAIT_MS    1000
/* Before revision 2 a PC had a keyboard controller and the other old devices. */
#define BOOT_FLAGS_V1 0x3

struct fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t int_model, profile;
    uint16_t sci_irq;
    uint32_t smi_cmd;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_timer, gpe0, gpe1;
    uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_timer_len;
    uint8_t gpe0_len, gpe1_len, gpe1_base, cst;
    uint16_t lvl2, lvl3, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved;
    uint32_t flags;
    /* 116: here revision 1 ends */
    struct acpi_address reset;
    uint8_t reset_value, more_reserved[3];
    uint64_t x_facs, x_dsdt;
    struct acpi_address x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_timer;
} packed;
_Static_assert(offsetof(struct fadt, pm_timer) == 76 && offsetof(struct fadt, boot_flags) == 109 &&
                   offsetof(struct fadt, reset) == 116 && offsetof(struct fadt, x_facs) == 132 &&
                   offsetof(struct fadt, x_pm_timer) == 208,
               "ACPI 6.4 table 5.9");
#define FADT_SIZE_V1 116

static volatile uint8_t *reset_register;

/* The 64-bit form of a port, where there is one, replaces the other. */
static uint32_t choose_port(uint32_t port, const struct acpi_address *wide)
{
    if (wide->space_id == ACPI_SPACE_IO && wide->address && wide->address <= 0xffff)
        port = (uint32_t)wide->address;
    return port <= 0xffff ? port : 0;
}

int acpi_parse_fadt(const void *table, size_t len, struct acpi_info *info)
{
    struct fadt f = { .reset_value = 0 }; /* what the table does not have reads as 0 */

    if (len < FADT_SIZE_V1)
        return -EINVAL;
    memcpy(&f, table, min(len, sizeof(f)));

    info->sci_irq = f.sci_irq;
    info->pm1a_evt = (uint16_t)choose_port(f.pm1a_evt, &f.x_pm1a_evt);
    info->pm1b_evt = (uint16_t)choose_port(f.pm1b_evt, &f.x_pm1b_evt);
    info->pm1a_cnt = choose_port(f.pm1a_cnt, &f.x_pm1a_cnt);
    info->pm1b_cnt = choose_port(f.pm1b_cnt, &f.x_pm1b_cnt);
    info->pmtimer_port = f.pm_timer_len == 4 ? choose_port(f.pm_timer, &f.x_pm_timer) : 0;
    info->pmtimer_32bit = f.flags & FLAG_TIMER_32BIT;
    info->facs = f.x_facs ? f.x_facs : f.facs;
    info->boot_flags = f.header.revision >= 2 ? f.boot_flags : BOOT_FLAGS_V1;
    info->reset.present = (f.flags & FLAG_RESET) && f.reset.address && f.reset.bit_width == 8;
    info->reset.space_id = f.reset.space_id;
    info->reset.bit_width = f.reset.bit_width;
    info->reset.address = f.reset.address;
    info->reset.value = f.reset_value;
    return 0;
}

static void write_sleep(uint16_t pm1a_value, uint16_t pm1b_value)
{
    outw((uint16_t)acpi.pm1a_cnt, pm1a_value);
    if (acpi.pm1b_cnt)
        outw((uint16_t)acpi.pm1b_cnt, pm1b_value);
}

int acpi_enter_sleep(uint16_t pm1a_value, uint16_t pm1b_value)
{
    if (!acpi.pm1a_cnt)
        return -ENODEV;
    if (acpi.pm1a_evt)
        outw(acpi.pm1a_evt, WAKE_STATUS); /* written ones clear */
    if (acpi.pm1b_evt)
        outw(acpi.pm1b_evt, WAKE_STATUS);
    write_sleep(pm1a_value & (uint16_t)~SLEEP_ENABLE, pm1b_value & (uint16_t)~SLEEP_ENABLE);
    write_sleep(pm1a_value, pm1b_value);
    for (unsigned int i = 0; i < SLEEP_WAIT_MS; i++)
        delay_us(1000);
    return -EIO;
}

void acpi_map_reset_register(void)
{
    if (acpi.reset.present && acpi.reset.space_id == ACPI_SPACE_MEMORY)
        reset_register = arch_map_phys(paddr(acpi.reset.address), 1, MAP_UNCACHED);
}

void acpi_reboot(void)
{
    uint64_t address = acpi.reset.address;

    if (!acpi.reset.present)
        return;
    switch (acpi.reset.space_id) {
    case ACPI_SPACE_IO:
        outb((uint16_t)address, acpi.reset.value);
        break;
    case ACPI_SPACE_MEMORY:
        if (reset_register)
            *reset_register = acpi.reset.value;
        break;
    case ACPI_SPACE_PCI_CONFIG: /* device, function and register on bus 0 */
        pci_write(
            (pci_sbdf_t){ .devfn = (uint8_t)((address >> 32 & 0x1f) << 3 | (address >> 16 & 0x7)) },
            address & 0xff, 1, acpi.reset.value);
        break;
    }
    delay_us(50000);
}
