/*
 * I/O ports of PV guests. Two questions: may this code execute IN and OUT at all (I/O privilege
 * level or the bitmap of the guest's user; else #GP), and was the port given to the domain (else
 * all ones, and writes are dropped: what an admin expects of a device that is not there).
 * PCI configuration, the CMOS index, the PIT and the speaker port are shared with the hypervisor,
 * so they are never passed through as they are.
 */
#include <hv/guest_access.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/range_set.h>
#include <hv/spinlock.h>
#include <arch/domain.h>
#include <arch/io.h>
#include <arch/processor.h>

#define PORT_PIT_2      0x42
#define PORT_PIT_MODE   0x43
#define PORT_SPEAKER    0x61
#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA  0x71
#define PORT_PCI_INDEX  0xcf8
#define PORT_PCI_DATA   0xcfc

#define CF8_ENABLED     0x80000000U
#define SPEAKER_CONTROL 3U /* gate and output; the others steer NMIs */

static spinlock_t cmos_lock = SPINLOCK_INIT(LOCK_PCI_CONFIG); /* index and data belong together */

bool pv_io_privileged(const struct vcpu *v)
{
    const struct pv_vcpu *pv = &v->arch->pv;

    return pv->iopl >= (pv->kernel_mode ? 1U : 3U);
}

bool pv_io_allowed(const struct vcpu *v, unsigned int port, unsigned int size)
{
    const struct pv_vcpu *pv = &v->arch->pv;
    unsigned int first = port / 8, last = (port + size - 1) / 8;
    uint16_t bits = 0;

    if (pv_io_privileged(v))
        return true;
    if (port + size > pv->io_bitmap_ports)
        return false;
    if (copy_from_guest(&bits, guest_ptr_add(pv->io_bitmap, first), last - first + 1))
        return false;
    return !(bits >> (port & 7) & ((1U << size) - 1));
}

static uint32_t all_ones(unsigned int size)
{
    return 0xffffffffU >> (32 - 8 * size);
}

static uint32_t port_in(unsigned int port, unsigned int size)
{
    switch (size) {
    case 1:
        return inb((uint16_t)port);
    case 2:
        return inw((uint16_t)port);
    default:
        return inl((uint16_t)port);
    }
}

static void port_out(unsigned int port, unsigned int size, uint32_t value)
{
    switch (size) {
    case 1:
        outb((uint16_t)port, (uint8_t)value);
        break;
    case 2:
        outw((uint16_t)port, (uint16_t)value);
        break;
    default:
        outl((uint16_t)port, value);
        break;
    }
}

/* ---- PCI configuration ---- */

/* The device and register that a data port means now; false if there is none. */
static bool pci_target(const struct domain *d, unsigned int port, unsigned int size,
                       pci_sbdf_t *dev, unsigned int *reg)
{
    uint32_t cf8 = d->arch->pci_cf8;

    if (!d->is_hardware || !(cf8 & CF8_ENABLED) || (port & 3) + size > 4)
        return false;
    *dev = (pci_sbdf_t){ .bus = (uint8_t)(cf8 >> 16), .devfn = (uint8_t)(cf8 >> 8) };
    /* AMD takes the upper four bits of an extended register from bits 24-27. */
    *reg = (cf8 & 0xfc) | (cf8 >> 16 & 0xf00) | (port & 3);
    return true;
}

/* An access that its size does not divide goes byte by byte, as on the bus. */
static uint32_t pci_data_in(const struct domain *d, unsigned int port, unsigned int size)
{
    unsigned int reg;
    pci_sbdf_t dev;
    uint32_t value = 0;

    if (!pci_target(d, port, size, &dev, &reg))
        return all_ones(size);
    if (reg % size == 0)
        return pci_read(dev, reg, size);
    for (unsigned int n = 0; n < size; n++)
        value |= pci_read(dev, reg + n, 1) << 8 * n;
    return value;
}

static void pci_data_out(const struct domain *d, unsigned int port, unsigned int size,
                         uint32_t value)
{
    unsigned int reg;
    pci_sbdf_t dev;

    if (!pci_target(d, port, size, &dev, &reg))
        return;
    if (reg % size == 0) {
        pci_write(dev, reg, size, value);
        return;
    }
    for (unsigned int n = 0; n < size; n++)
        pci_write(dev, reg + n, 1, value >> 8 * n & 0xff);
}

/* ---- CMOS, PIT, speaker ---- */

/* Only what concerns the PIT's channel 2: channel 0 may be the hypervisor's. */
static bool pit_mode_allowed(uint8_t value)
{
    return value >> 6 == 2 || (value >> 6 == 3 && (value & 0x0f) == 0x08);
}

static uint8_t cmos_access(uint8_t index, const uint8_t *value)
{
    unsigned long flags = spin_lock_irqsave(&cmos_lock);
    uint8_t result = 0;

    outb(PORT_CMOS_INDEX, index);
    if (value)
        outb(PORT_CMOS_DATA, *value);
    else
        result = inb(PORT_CMOS_DATA);
    spin_unlock_irqrestore(&cmos_lock, flags);
    return result;
}

/* Ports of the hardware domain that are not its alone. True if this was one. */
static bool shared_in(struct domain *d, unsigned int port, uint32_t *value)
{
    switch (port) {
    case PORT_PIT_2:
    case PORT_SPEAKER:
        *value = inb((uint16_t)port);
        return true;
    case PORT_CMOS_INDEX:
        *value = d->arch->cmos_index;
        return true;
    case PORT_CMOS_DATA:
        *value = cmos_access(d->arch->cmos_index, NULL);
        return true;
    default:
        return false;
    }
}

static bool shared_out(struct domain *d, unsigned int port, uint8_t value)
{
    switch (port) {
    case PORT_PIT_2:
        outb(PORT_PIT_2, value);
        return true;
    case PORT_PIT_MODE:
        if (pit_mode_allowed(value))
            outb(PORT_PIT_MODE, value);
        return pit_mode_allowed(value);
    case PORT_SPEAKER:
        outb(PORT_SPEAKER, (uint8_t)((inb(PORT_SPEAKER) & 0xc) | (value & SPEAKER_CONTROL)));
        return true;
    case PORT_CMOS_INDEX:
        d->arch->cmos_index = value & 0x7f; /* bit 7 would mask NMIs */
        return true;
    case PORT_CMOS_DATA:
        cmos_access(d->arch->cmos_index, &value);
        return true;
    default:
        return false;
    }
}

/* ---- the two entries ---- */

static bool is_pci_data(unsigned int port)
{
    return port >= PORT_PCI_DATA && port < PORT_PCI_DATA + 4;
}

static bool has_ports(const struct domain *d, unsigned int port, unsigned int size)
{
    return d->arch->io_ports && port + size <= 0x10000 &&
           range_set_contains(d->arch->io_ports, port, port + size - 1);
}

uint32_t pv_io_read(struct domain *d, unsigned int port, unsigned int size)
{
    uint32_t value;

    if (has_ports(d, port, size))
        return port_in(port, size);
    if (port == PORT_PCI_INDEX && size == 4)
        return d->arch->pci_cf8;
    if (is_pci_data(port))
        return pci_data_in(d, port, size);
    if (size == 1 && d->is_hardware && shared_in(d, port, &value))
        return value;
    /* A PIT that is not there stands still at 0: kernels that calibrate their clock by it give up
     * at once. With all ones they would wait for it to move, a hundred thousand reads long. */
    if (size == 1 && port == PORT_PIT_2)
        return 0;
    guest_printk(d, LOG_DEBUG, "reads %u bytes from I/O port 0x%x, which it was not given.\n", size,
                 port);
    return all_ones(size);
}

void pv_io_write(struct domain *d, unsigned int port, unsigned int size, uint32_t value)
{
    if (has_ports(d, port, size))
        port_out(port, size, value);
    else if (port == PORT_PCI_INDEX && size == 4)
        d->arch->pci_cf8 = value & 0x8ffffffcU;
    else if (is_pci_data(port))
        pci_data_out(d, port, size, value);
    else if (size != 1 || !d->is_hardware || !shared_out(d, port, (uint8_t)value))
        guest_printk(d, LOG_DEBUG, "writes 0x%x to I/O port 0x%x, which it was not given.\n", value,
                     port);
}
