/*
 * PCI configuration space and the list of devices that dom0 told of. Used by the port emulation
 * (CF8/CFC), MSI setup and physdev_op. CF8 and CFC are one register pair: LOCK_PCI_CONFIG. Windows
 * (MCFG) need no lock; each bus is mapped when it is first used. Manual: PCI Local Bus 3.0, 3.2.2.3
 * and 6; PCI Express Base 3.0, 7.2.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/list.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <arch/processor.h>

#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE 0x80000000U
#define CONFIG_SIZE    256U
#define EXT_SIZE       4096U
#define BUS_WINDOW     (1UL << 20)

#define REG_STATUS       0x06
#define REG_HEADER_TYPE  0x0e
#define REG_CAPABILITIES 0x34
#define REG_CARDBUS_CAPS 0x14
#define STATUS_HAS_CAPS  0x10
#define MAX_CAPS         48 /* as many as fit; a loop ends there */
#define MAX_EXT_CAPS     ((EXT_SIZE - CONFIG_SIZE) / 8)

struct window {
    struct acpi_mcfg mcfg;
    bool allowed;                   /* the memory map or dom0 says that it is real */
    volatile uint8_t *bus_map[256]; /* set once, by compare-and-swap */
};

struct pci_device {
    struct list_head list;
    pci_sbdf_t sbdf;
};

static spinlock_t config_lock = SPINLOCK_INIT(LOCK_PCI_CONFIG);
static spinlock_t list_lock = SPINLOCK_INIT(LOCK_PCI); /* devices */
static struct list_head devices = LIST_HEAD_INIT(devices);
static struct window *windows; /* [acpi.nr_mcfg] */
static unsigned int nr_windows;

static bool firmware_reserved(uint64_t start, uint64_t end)
{
    for (unsigned int i = 0; i < boot_info.nr_ranges; i++) {
        const struct mem_range *r = &boot_info.range[i];

        if (r->type == MEM_RESERVED && r->start <= start && end <= r->start + r->size)
            return true;
    }
    return false;
}

void pci_init(void)
{
    if (!acpi.nr_mcfg)
        return;
    windows = hv_alloc_array(struct window, acpi.nr_mcfg);
    if (!windows) {
        printk(LOG_WARN, "PCI: no memory for the configuration windows; they are not used.\n");
        return;
    }
    nr_windows = acpi.nr_mcfg;
    for (unsigned int i = 0; i < nr_windows; i++) {
        struct window *w = &windows[i];
        uint64_t start, end;

        w->mcfg = acpi.mcfg[i];
        start = w->mcfg.base + w->mcfg.bus_start * BUS_WINDOW;
        end = w->mcfg.base + (w->mcfg.bus_end + 1UL) * BUS_WINDOW;
        w->allowed = firmware_reserved(start, end);
        printk(LOG_INFO, "PCI: segment %u, buses %u-%u at 0x%lx%s.\n", w->mcfg.segment,
               w->mcfg.bus_start, w->mcfg.bus_end, w->mcfg.base,
               w->allowed ? "" : " (not used until dom0 confirms it)");
    }
}

/* ---- access ---- */

static volatile uint8_t *map_bus(struct window *w, uint8_t bus)
{
    volatile uint8_t *map = __atomic_load_n(&w->bus_map[bus], __ATOMIC_ACQUIRE), *none = NULL;

    if (map)
        return map;
    map = arch_map_phys(paddr(w->mcfg.base + bus * BUS_WINDOW), BUS_WINDOW, MAP_UNCACHED);
    if (map && !__atomic_compare_exchange_n(&w->bus_map[bus], &none, map, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
        arch_unmap((void *)(uintptr_t)map, BUS_WINDOW);
        map = none; /* another CPU was faster */
    }
    return map;
}

/* Where the register is mapped; NULL: not through a window. */
static volatile void *window_address(pci_sbdf_t dev, unsigned int reg)
{
    for (unsigned int i = 0; i < nr_windows; i++) {
        struct window *w = &windows[i];
        volatile uint8_t *map;

        if (w->mcfg.segment != dev.seg || dev.bus < w->mcfg.bus_start ||
            dev.bus > w->mcfg.bus_end || !READ_ONCE(w->allowed))
            continue;
        map = map_bus(w, dev.bus);
        return map ? map + ((unsigned int)dev.devfn << 12) + reg : NULL;
    }
    return NULL;
}

static bool access_valid(unsigned int reg, unsigned int size)
{
    return (size == 1 || size == 2 || size == 4) && reg % size == 0 && reg < EXT_SIZE;
}

static uint32_t cf8_address(pci_sbdf_t dev, unsigned int reg)
{
    return ADDRESS_ENABLE | (uint32_t)dev.bus << 16 | (uint32_t)dev.devfn << 8 | (reg & 0xfc);
}

static uint32_t port_read(pci_sbdf_t dev, unsigned int reg, unsigned int size)
{
    unsigned long flags = spin_lock_irqsave(&config_lock);
    uint16_t port = (uint16_t)(PORT_DATA + (reg & 3));
    uint32_t value;

    outl(PORT_ADDRESS, cf8_address(dev, reg));
    value = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
    spin_unlock_irqrestore(&config_lock, flags);
    return value;
}

static void port_write(pci_sbdf_t dev, unsigned int reg, unsigned int size, uint32_t value)
{
    unsigned long flags = spin_lock_irqsave(&config_lock);
    uint16_t port = (uint16_t)(PORT_DATA + (reg & 3));

    outl(PORT_ADDRESS, cf8_address(dev, reg));
    if (size == 1)
        outb(port, (uint8_t)value);
    else if (size == 2)
        outw(port, (uint16_t)value);
    else
        outl(port, value);
    spin_unlock_irqrestore(&config_lock, flags);
}

uint32_t pci_read(pci_sbdf_t dev, unsigned int reg, unsigned int size)
{
    volatile void *p;

    if (!access_valid(reg, size))
        return UINT32_MAX;
    p = window_address(dev, reg);
    if (!p) {
        if (dev.seg || reg >= CONFIG_SIZE)
            return UINT32_MAX >> (32 - 8 * size);
        return port_read(dev, reg, size);
    }
    return size == 1   ? *(volatile uint8_t *)p
           : size == 2 ? *(volatile uint16_t *)p
                       : *(volatile uint32_t *)p;
}

void pci_write(pci_sbdf_t dev, unsigned int reg, unsigned int size, uint32_t value)
{
    volatile void *p;

    if (!access_valid(reg, size))
        return;
    p = window_address(dev, reg);
    if (!p) {
        if (!dev.seg && reg < CONFIG_SIZE)
            port_write(dev, reg, size, value);
        return;
    }
    if (size == 1)
        *(volatile uint8_t *)p = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)p = (uint16_t)value;
    else
        *(volatile uint32_t *)p = value;
}

int pci_mmcfg_reserved(uint64_t base, uint16_t seg, uint8_t from, uint8_t to, bool reserved)
{
    for (unsigned int i = 0; i < nr_windows; i++) {
        struct window *w = &windows[i];

        if (w->mcfg.base != base || w->mcfg.segment != seg || w->mcfg.bus_start != from ||
            w->mcfg.bus_end != to)
            continue;
        WRITE_ONCE(w->allowed, reserved);
        return 0;
    }
    return -ENODEV;
}

/* ---- capabilities ---- */

unsigned int pci_find_capability(pci_sbdf_t dev, uint8_t id)
{
    unsigned int type = pci_read(dev, REG_HEADER_TYPE, 1) & 0x7f;
    unsigned int pos;

    if (!(pci_read(dev, REG_STATUS, 2) & STATUS_HAS_CAPS) || type > 2)
        return 0;
    pos = pci_read(dev, type == 2 ? REG_CARDBUS_CAPS : REG_CAPABILITIES, 1);
    for (unsigned int i = 0; i < MAX_CAPS; i++) {
        uint32_t header;

        pos &= 0xfc;
        if (pos < 0x40)
            return 0;
        header = pci_read(dev, pos, 2);
        if ((header & 0xff) == 0xff) /* the device is gone */
            return 0;
        if ((header & 0xff) == id)
            return pos;
        pos = header >> 8;
    }
    return 0;
}

unsigned int pci_find_ext_capability(pci_sbdf_t dev, uint16_t id)
{
    unsigned int pos = CONFIG_SIZE;

    for (unsigned int i = 0; i < MAX_EXT_CAPS; i++) {
        uint32_t header = pci_read(dev, pos, 4);

        if (header == 0 || header == UINT32_MAX)
            return 0;
        if ((header & 0xffff) == id)
            return pos;
        pos = header >> 20 & 0xffc;
        if (pos < CONFIG_SIZE)
            return 0;
    }
    return 0;
}

/* ---- devices ---- */

/* list_lock held */
static struct pci_device *find_device(pci_sbdf_t dev)
{
    struct pci_device *p;

    list_for_each_entry (p, &devices, list)
        if (p->sbdf.seg == dev.seg && p->sbdf.bus == dev.bus && p->sbdf.devfn == dev.devfn)
            return p;
    return NULL;
}

int pci_device_add(pci_sbdf_t dev)
{
    struct pci_device *p = hv_alloc_type(struct pci_device);

    if (!p)
        return -ENOMEM;
    p->sbdf = dev;
    spin_lock(&list_lock);
    if (!find_device(dev)) { /* telling twice is no error */
        list_add_tail(&p->list, &devices);
        p = NULL;
    }
    spin_unlock(&list_lock);
    hv_free(p);
    return 0;
}

int pci_device_remove(pci_sbdf_t dev)
{
    struct pci_device *p;

    spin_lock(&list_lock);
    p = find_device(dev);
    if (p)
        list_del(&p->list);
    spin_unlock(&list_lock);
    hv_free(p);
    return p ? 0 : -ENODEV;
}

bool pci_device_known(pci_sbdf_t dev)
{
    bool known;

    spin_lock(&list_lock);
    known = find_device(dev) != NULL;
    spin_unlock(&list_lock);
    return known;
}

static void print_devices(void)
{
    const struct pci_device *p;

    spin_lock(&list_lock);
    list_for_each_entry (p, &devices, list)
        printk_raw("%04x:%02x:%02x.%x\n", p->sbdf.seg, p->sbdf.bus, p->sbdf.devfn >> 3,
                   p->sbdf.devfn & 7U);
    spin_unlock(&list_lock);
}

KEY_HANDLER(pci, 'Q', print_devices, "print the PCI devices that dom0 reported");
