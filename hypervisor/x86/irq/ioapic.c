/*
 * The IO-APICs: redirection entries of all GSIs. Entries are shadowed, so that masking is one
 * write and nothing is read back in an interrupt.
 *
 * Called by irq.c with the line's lock held; each IO-APIC's lock (LOCK_IO_APIC) makes its index and
 * data registers one access. Intel 82093AA data sheet; the ICH's differences do not matter here.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <arch/apic.h>
#include <arch/irq.h>

#define REG_INDEX  0x00
#define REG_DATA   0x10
#define IO_VERSION 0x01
#define IO_ENTRY   0x10 /* low half of entry n at 0x10 + 2n, high half after it */

#define ENTRY_ACTIVE_LOW (1U << 13)
#define ENTRY_REMOTE_IRR (1U << 14)
#define ENTRY_LEVEL      (1U << 15)
#define ENTRY_MASKED     (1U << 16)

struct ioapic {
    spinlock_t lock;
    volatile uint8_t *regs;
    uint64_t base;
    unsigned int gsi_base, nr_entries;
    struct {
        uint32_t low, high;
    } * entry; /* what we wrote last */
};

static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics, gsi_end;

static uint32_t io_read(struct ioapic *io, unsigned int reg)
{
    *(volatile uint32_t *)(io->regs + REG_INDEX) = reg;
    return *(volatile uint32_t *)(io->regs + REG_DATA);
}

static void io_write(struct ioapic *io, unsigned int reg, uint32_t value)
{
    *(volatile uint32_t *)(io->regs + REG_INDEX) = reg;
    *(volatile uint32_t *)(io->regs + REG_DATA) = value;
}

static void write_low(struct ioapic *io, unsigned int pin, uint32_t value)
{
    unsigned long flags = spin_lock_irqsave(&io->lock);

    io->entry[pin].low = value;
    io_write(io, IO_ENTRY + 2 * pin, value);
    spin_unlock_irqrestore(&io->lock, flags);
}

static void write_high(struct ioapic *io, unsigned int pin, uint32_t value)
{
    unsigned long flags = spin_lock_irqsave(&io->lock);

    io->entry[pin].high = value;
    io_write(io, IO_ENTRY + 2 * pin + 1, value);
    spin_unlock_irqrestore(&io->lock, flags);
}

static struct ioapic *find(unsigned int gsi, unsigned int *pin)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *io = &ioapics[i];

        if (gsi >= io->gsi_base && gsi - io->gsi_base < io->nr_entries) {
            *pin = gsi - io->gsi_base;
            return io;
        }
    }
    return NULL;
}

/* For GSIs that irq.c gave a chip, and so have an entry. */
static struct ioapic *lookup(unsigned int gsi, unsigned int *pin)
{
    struct ioapic *io = find(gsi, pin);

    BUG_ON(!io);
    return io;
}

static void init_text add(const struct acpi_ioapic *table)
{
    struct ioapic *io = &ioapics[nr_ioapics];
    uint32_t version;

    io->regs = arch_map_phys(paddr(table->base), PAGE_SIZE, MAP_UNCACHED);
    if (!io->regs)
        panic("no room to map the IO-APIC at 0x%lx", (unsigned long)table->base);
    version = io_read(io, IO_VERSION);
    if (version == 0xffffffff) {
        printk(LOG_WARN, "no IO-APIC answers at 0x%lx: left out\n", (unsigned long)table->base);
        arch_unmap((void *)io->regs, PAGE_SIZE);
        return;
    }
    spin_lock_init(&io->lock, LOCK_IO_APIC);
    io->base = table->base;
    io->gsi_base = table->gsi_base;
    io->nr_entries = (version >> 16 & 0xff) + 1;
    io->entry = hv_alloc_array_checked(sizeof(*io->entry), io->nr_entries);
    if (!io->entry)
        panic("no memory for the IO-APIC's entries");
    /* A GSI number is an index of ours: tables with absurd bases are not followed. */
    if (io->gsi_base > 4096) {
        printk(LOG_WARN, "IO-APIC %u starts at GSI %u: left out\n", table->id, io->gsi_base);
        return;
    }
    for (unsigned int pin = 0; pin < io->nr_entries; pin++) {
        write_low(io, pin, ENTRY_MASKED);
        write_high(io, pin, 0);
    }
    gsi_end = max(gsi_end, io->gsi_base + io->nr_entries);
    nr_ioapics++;
    printk(LOG_INFO, "IO-APIC %u, version 0x%x, at 0x%lx: GSIs %u-%u\n", table->id, version & 0xff,
           (unsigned long)io->base, io->gsi_base, io->gsi_base + io->nr_entries - 1);
}

void init_text ioapic_init(void)
{
    for (unsigned int i = 0; i < acpi.nr_ioapics; i++)
        add(&acpi.ioapic[i]);
    if (nr_ioapics == 0)
        printk(LOG_WARN, "no IO-APIC: only message-signalled interrupts will work\n");
}

unsigned int ioapic_nr_gsis(void)
{
    return gsi_end;
}

bool ioapic_has_gsi(unsigned int gsi)
{
    unsigned int pin;

    return find(gsi, &pin) != NULL;
}

void ioapic_set_entry(unsigned int gsi, unsigned int vector, uint32_t apic_id, bool level,
                      bool active_low)
{
    unsigned int pin;
    struct ioapic *io = lookup(gsi, &pin);

    write_low(io, pin,
              ENTRY_MASKED | vector | (level ? ENTRY_LEVEL : 0) |
                  (active_low ? ENTRY_ACTIVE_LOW : 0));
    write_high(io, pin, apic_id << 24);
}

void ioapic_mask(unsigned int gsi)
{
    unsigned int pin;
    struct ioapic *io = lookup(gsi, &pin);

    write_low(io, pin, io->entry[pin].low | ENTRY_MASKED);
}

void ioapic_unmask(unsigned int gsi)
{
    unsigned int pin;
    struct ioapic *io = lookup(gsi, &pin);

    write_low(io, pin, io->entry[pin].low & ~ENTRY_MASKED);
}

void ioapic_set_destination(unsigned int gsi, uint32_t apic_id)
{
    unsigned int pin;
    struct ioapic *io = lookup(gsi, &pin);

    write_high(io, pin, apic_id << 24);
}

void ioapic_clear_remote_irr(unsigned int gsi)
{
    unsigned int pin;
    struct ioapic *io = lookup(gsi, &pin);
    uint32_t low = io->entry[pin].low;

    /* An edge-triggered entry has nothing in service. */
    write_low(io, pin, (low & ~ENTRY_LEVEL) | ENTRY_MASKED);
    write_low(io, pin, low);
}

bool apic_owns_frame(uint64_t frame)
{
    if (frame == acpi.lapic_base >> PAGE_SHIFT)
        return true;
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        if (frame == ioapics[i].base >> PAGE_SHIFT)
            return true;
    }
    return false;
}

static struct ioapic *at(uint64_t base)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        if (ioapics[i].base == base)
            return &ioapics[i];
    }
    return NULL;
}

int ioapic_read_register(uint64_t base, uint32_t reg, uint32_t *value)
{
    struct ioapic *io = at(base);
    unsigned long flags;

    if (!io || reg >= IO_ENTRY + 2 * io->nr_entries)
        return -EINVAL;
    flags = spin_lock_irqsave(&io->lock);
    *value = io_read(io, reg);
    spin_unlock_irqrestore(&io->lock, flags);
    return 0;
}

int ioapic_register_gsi(uint64_t base, uint32_t reg, unsigned int *gsi, bool *high)
{
    struct ioapic *io = at(base);

    if (!io || reg < IO_ENTRY || reg >= IO_ENTRY + 2 * io->nr_entries)
        return -EINVAL;
    *gsi = io->gsi_base + (reg - IO_ENTRY) / 2;
    *high = reg & 1;
    return 0;
}

static void ioapic_print(void)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *io = &ioapics[i];

        printk_raw("IO-APIC at 0x%lx\n", (unsigned long)io->base);
        for (unsigned int pin = 0; pin < io->nr_entries; pin++) {
            unsigned long flags = spin_lock_irqsave(&io->lock);
            uint32_t low = io_read(io, IO_ENTRY + 2 * pin);
            uint32_t high = io_read(io, IO_ENTRY + 2 * pin + 1);

            spin_unlock_irqrestore(&io->lock, flags);
            if ((low & 0xff) == 0)
                continue;
            printk_raw(
                "  GSI %3u: vector 0x%02x to APIC %3u, %s, active %s%s%s\n", io->gsi_base + pin,
                low & 0xff, high >> 24, low & ENTRY_LEVEL ? "level" : "edge",
                low & ENTRY_ACTIVE_LOW ? "low" : "high", low & ENTRY_MASKED ? ", masked" : "",
                low & ENTRY_REMOTE_IRR ? ", in service" : "");
        }
    }
}
KEY_HANDLER(ioapic, 'z', ioapic_print, "print the IO-APICs' entries");
