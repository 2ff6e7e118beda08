/*
 * Message-signalled interrupts. A device's message is a write of (vector) to an address that names
 * the CPU; both are ours to choose, so dom0 asks (PHYSDEVOP_map_pirq) and we program the device.
 *
 * msi_setup() and friends are called by pirq.c under a domain's LOCK_PIRQ; msi_lock (LOCK_PCI)
 * guards the list of functions. Mask words are shared by a function's irqs: mask_lock
 * (LOCK_IO_APIC), under their descriptor locks. PCI Local Bus 3.0, section 6.8.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/list.h>
#include <hv/mem.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <arch/apic.h>
#include <arch/irq.h>
#include <arch/msi.h>
#include <arch/page.h>
#include <arch/smp.h>

#define PCI_VENDOR  0x00
#define PCI_COMMAND 0x04
#define PCI_BAR0    0x10
#define COMMAND_MEM 0x2
#define CAP_MSI     0x05
#define CAP_MSIX    0x11

#define MSI_CONTROL    2
#define MSI_ADDRESS    4
#define MSI_ENABLE     0x1
#define MSI_CAPABLE(c) (1U << ((c) >> 1 & 7))
#define MSI_COUNT_MASK 0x70
#define MSI_64BIT      0x80
#define MSI_MASKABLE   0x100

#define MSIX_CONTROL 2
#define MSIX_TABLE   4
#define MSIX_SIZE(c) (((c)&0x7ff) + 1)
#define MSIX_MASKALL 0x4000
#define MSIX_ENABLE  0x8000
#define MSIX_MASKED  1U

#define MESSAGE_ADDRESS 0xfee00000U

struct msix_entry {
    uint32_t address, address_high, data, control;
};

/* One capability of one device that is in use. */
struct msi_function {
    struct list_head list; /* functions; msi_lock */
    pci_sbdf_t dev;
    bool msix;
    unsigned int cap;
    unsigned int users; /* irqs; msi_lock */
    /* MSI */
    bool is_64bit, maskable;
    unsigned int count;
    uint32_t masks; /* mask_lock: bit n: message n is masked */
    /* MSI-X */
    volatile struct msix_entry *table;
    void *mapping;
    size_t mapping_size;
};

/* What an irq_desc points to. */
struct msi {
    struct msi_function *fn;
    unsigned int entry; /* MSI-X: in the table; MSI: which of the messages */
};

static spinlock_t msi_lock = SPINLOCK_INIT(LOCK_PCI);
static spinlock_t mask_lock = SPINLOCK_INIT(LOCK_IO_APIC);
static struct list_head functions = LIST_HEAD_INIT(functions); /* msi_lock */

static uint32_t message_address(uint32_t apic_id)
{
    return MESSAGE_ADDRESS | apic_id << 12; /* physical destination, that CPU only */
}

/* ---- the chips ---- */

/* Without mask bits the only way to silence a function is to switch its messages off. */
static void msi_apply_masks(struct msi_function *fn)
{
    unsigned int reg = fn->cap + (fn->is_64bit ? 16 : 12);
    uint32_t control;

    if (fn->maskable) {
        pci_write(fn->dev, reg, 4, fn->masks);
        return;
    }
    control = pci_read(fn->dev, fn->cap + MSI_CONTROL, 2) & ~(uint32_t)MSI_ENABLE;
    if (fn->masks != (1ULL << fn->count) - 1)
        control |= MSI_ENABLE;
    pci_write(fn->dev, fn->cap + MSI_CONTROL, 2, control);
}

static void msi_set_mask(struct irq_desc *desc, bool masked)
{
    struct msi_function *fn = desc->msi->fn;
    uint32_t bit = 1U << desc->msi->entry;
    unsigned long flags = spin_lock_irqsave(&mask_lock);

    fn->masks = masked ? fn->masks | bit : fn->masks & ~bit;
    msi_apply_masks(fn);
    spin_unlock_irqrestore(&mask_lock, flags);
}

static void msi_mask(struct irq_desc *desc)
{
    msi_set_mask(desc, true);
}

static void msi_unmask(struct irq_desc *desc)
{
    msi_set_mask(desc, false);
}

static void msi_set_destination(struct irq_desc *desc, uint32_t apic_id)
{
    struct msi_function *fn = desc->msi->fn;

    pci_write(fn->dev, fn->cap + MSI_ADDRESS, 4, message_address(apic_id));
}

static const struct irq_chip msi_chip = {
    .name = "MSI",
    .mask = msi_mask,
    .unmask = msi_unmask,
    .set_destination = msi_set_destination,
};

static volatile struct msix_entry *msix_entry(struct irq_desc *desc)
{
    return &desc->msi->fn->table[desc->msi->entry];
}

static void msix_mask(struct irq_desc *desc)
{
    msix_entry(desc)->control = MSIX_MASKED;
}

static void msix_unmask(struct irq_desc *desc)
{
    msix_entry(desc)->control = 0;
}

static void msix_set_destination(struct irq_desc *desc, uint32_t apic_id)
{
    msix_entry(desc)->address = message_address(apic_id);
}

static const struct irq_chip msix_chip = {
    .name = "MSI-X",
    .mask = msix_mask,
    .unmask = msix_unmask,
    .set_destination = msix_set_destination,
};

/* ---- functions; msi_lock held ---- */

static bool same_device(pci_sbdf_t a, pci_sbdf_t b)
{
    return a.seg == b.seg && a.bus == b.bus && a.devfn == b.devfn;
}

static struct msi_function *find_function(pci_sbdf_t dev)
{
    struct msi_function *fn;

    list_for_each_entry (fn, &functions, list) {
        if (same_device(fn->dev, dev))
            return fn;
    }
    return NULL;
}

/* Where a BAR points. A virtual function's BARs read as 0: then `claimed` is all there is. */
static int bar_address(pci_sbdf_t dev, unsigned int bar, uint64_t claimed, uint64_t *base)
{
    uint32_t low;

    if (bar > 5)
        return -EINVAL;
    low = pci_read(dev, PCI_BAR0 + 4 * bar, 4);
    if (low & 1)
        return -EINVAL; /* I/O ports */
    *base = low & ~0xfU;
    if ((low >> 1 & 3) == 2) {
        if (bar == 5)
            return -EINVAL;
        *base |= (uint64_t)pci_read(dev, PCI_BAR0 + 4 * bar + 4, 4) << 32;
    }
    if (*base == 0)
        *base = claimed;
    return *base && (claimed == 0 || claimed == *base) ? 0 : -EINVAL;
}

/* The table must be device memory: a BAR is dom0's to move, and we are about to write there. */
static bool is_device_memory(uint64_t start, uint64_t size)
{
    if (start >> 52)
        return false;
    for (uint64_t f = start >> PAGE_SHIFT; f <= (start + size - 1) >> PAGE_SHIFT; f++) {
        if (!mfn_is_io(mfn(f)) || apic_owns_frame(f))
            return false;
    }
    return true;
}

static int map_table(struct msi_function *fn, unsigned int control, uint64_t claimed)
{
    uint32_t where = pci_read(fn->dev, fn->cap + MSIX_TABLE, 4);
    uint64_t size = MSIX_SIZE(control) * sizeof(struct msix_entry), base, offset;
    int rc = bar_address(fn->dev, where & 7, claimed, &base);

    if (rc)
        return rc;
    if (!(pci_read(fn->dev, PCI_COMMAND, 2) & COMMAND_MEM))
        return -ENXIO;
    base += where & ~7U;
    if (!is_device_memory(base, size))
        return -ENXIO;
    offset = base & ~PAGE_MASK;
    fn->mapping_size = ROUND_UP(offset + size, PAGE_SIZE);
    fn->mapping = arch_map_phys(paddr(base & PAGE_MASK), fn->mapping_size, MAP_UNCACHED);
    if (!fn->mapping)
        return -ENOMEM;
    fn->table = (volatile struct msix_entry *)((char *)fn->mapping + offset);
    return 0;
}

static int new_msix(const struct msi_request *rq, struct msi_function *fn)
{
    unsigned int control;

    fn->cap = pci_find_capability(rq->dev, CAP_MSIX);
    if (!fn->cap)
        return -ENODEV;
    control = pci_read(rq->dev, fn->cap + MSIX_CONTROL, 2);
    fn->count = MSIX_SIZE(control);
    return map_table(fn, control, rq->table_base);
}

static int new_msi(const struct msi_request *rq, struct msi_function *fn)
{
    unsigned int control;

    fn->cap = pci_find_capability(rq->dev, CAP_MSI);
    if (!fn->cap)
        return -ENODEV;
    control = pci_read(rq->dev, fn->cap + MSI_CONTROL, 2);
    fn->count = 1;
    while (fn->count < rq->count)
        fn->count *= 2;
    if (rq->count == 0 || fn->count > min(MSI_CAPABLE(control), 32U))
        return -EINVAL;
    fn->is_64bit = control & MSI_64BIT;
    fn->maskable = control & MSI_MASKABLE;
    fn->masks = (uint32_t)((1ULL << fn->count) - 1);
    return 0;
}

/* The device's function for this request, made if it is the first. */
static int get_function(const struct msi_request *rq, struct msi_function **out)
{
    struct msi_function *fn = find_function(rq->dev);
    int rc;

    if (fn) {
        *out = fn;
        /* One MSI capability is set up as a whole; and a device uses one kind or the other. */
        return fn->msix && rq->msix ? 0 : -EEXIST;
    }
    fn = hv_alloc_type(struct msi_function);
    if (!fn)
        return -ENOMEM;
    fn->dev = rq->dev;
    fn->msix = rq->msix;
    rc = rq->msix ? new_msix(rq, fn) : new_msi(rq, fn);
    if (rc) {
        hv_free(fn);
        return rc;
    }
    list_add_tail(&fn->list, &functions);
    *out = fn;
    return 0;
}

static void put_function(struct msi_function *fn)
{
    if (fn->users)
        return;
    list_del(&fn->list);
    if (fn->mapping)
        arch_unmap(fn->mapping, fn->mapping_size);
    hv_free(fn);
}

static bool entry_in_use(const struct msi_function *fn, unsigned int entry)
{
    for (unsigned int irq = nr_gsis; irq < nr_irqs; irq++) {
        const struct msi *m = irq_desc[irq].msi; /* changes under msi_lock only */

        if (m && m->fn == fn && m->entry == entry)
            return true;
    }
    return false;
}

/* ---- programming ---- */

static void program_msi(struct msi_function *fn, const struct irq_desc *first)
{
    uint32_t control = pci_read(fn->dev, fn->cap + MSI_CONTROL, 2);
    unsigned long flags;

    control &= ~(uint32_t)(MSI_ENABLE | MSI_COUNT_MASK);
    control |= log2_floor(fn->count) << 4;
    pci_write(fn->dev, fn->cap + MSI_CONTROL, 2, control);
    pci_write(fn->dev, fn->cap + MSI_ADDRESS, 4, message_address(cpu_apic_id[first->cpu]));
    if (fn->is_64bit)
        pci_write(fn->dev, fn->cap + MSI_ADDRESS + 4, 4, 0);
    /* The device puts the message's number into the low bits of this. */
    pci_write(fn->dev, fn->cap + (fn->is_64bit ? 12 : 8), 2, first->vector);

    flags = spin_lock_irqsave(&mask_lock);
    msi_apply_masks(fn);
    spin_unlock_irqrestore(&mask_lock, flags);
    if (fn->maskable)
        pci_write(fn->dev, fn->cap + MSI_CONTROL, 2, control | MSI_ENABLE);
}

static void program_msix(struct msi_function *fn, struct irq_desc *desc)
{
    volatile struct msix_entry *e = msix_entry(desc);
    uint32_t control = pci_read(fn->dev, fn->cap + MSIX_CONTROL, 2), kept;

    /* The table may be dead memory until the capability is on; entries that nobody set up must
     * not fire meanwhile. Whether the whole function is masked stays the driver's business. */
    kept = control & MSIX_ENABLE ? control : control | MSIX_ENABLE;
    pci_write(fn->dev, fn->cap + MSIX_CONTROL, 2, control | MSIX_ENABLE | MSIX_MASKALL);
    e->control = MSIX_MASKED;
    e->address = message_address(cpu_apic_id[desc->cpu]);
    e->address_high = 0;
    e->data = desc->vector;
    e->control = desc->masked ? MSIX_MASKED : 0;
    pci_write(fn->dev, fn->cap + MSIX_CONTROL, 2, kept);
}

static void program(struct irq_desc *desc)
{
    if (desc->msi->fn->msix)
        program_msix(desc->msi->fn, desc);
    else if (desc->msi->entry == 0)
        program_msi(desc->msi->fn, desc);
}

/* ---- setup and teardown; msi_lock held ---- */

static void init_desc(unsigned int irq, unsigned int cpu, unsigned int vector, struct msi *m)
{
    struct irq_desc *desc = &irq_desc[irq];
    unsigned long flags = spin_lock_irqsave(&desc->lock);

    desc->chip = m->fn->msix ? &msix_chip : &msi_chip;
    desc->msi = m;
    desc->cpu = desc->wanted_cpu = (uint16_t)cpu;
    desc->vector = (uint8_t)vector;
    desc->nr_vectors = m->fn->msix ? 1 : m->entry == 0 ? (uint8_t)m->fn->count : 0;
    desc->level = false;
    desc->masked = true;
    desc->count = desc->storms = 0;
    spin_unlock_irqrestore(&desc->lock, flags);
}

/* Where a new message starts; its user's CPU takes it over when it is bound. */
static unsigned int emptiest_cpu(void)
{
    unsigned int cpu, best = 0;

    for_each_online_cpu (cpu) {
        if (cpu_takes_device_irqs(cpu) && vectors_used(cpu) < vectors_used(best))
            best = cpu;
    }
    return best;
}

static int alloc_irqs(const struct msi_request *rq, struct msi_function *fn)
{
    unsigned int count = fn->msix ? 1 : fn->count, cpu = emptiest_cpu();
    struct msi *m = hv_alloc_array(struct msi, count);
    int irq, vector;

    if (!m)
        return -ENOMEM;
    irq = irq_alloc_dynamic(count);
    if (irq < 0) {
        hv_free(m);
        return irq;
    }
    vector = vector_alloc(cpu, (unsigned int)irq, count);
    if (vector < 0) {
        irq_free_dynamic((unsigned int)irq, count);
        hv_free(m);
        return vector;
    }
    for (unsigned int i = 0; i < count; i++) {
        m[i].fn = fn;
        m[i].entry = fn->msix ? rq->entry : i;
        init_desc((unsigned int)irq + i, cpu, (unsigned int)vector + i, &m[i]);
    }
    fn->users += count;
    return irq;
}

int msi_setup(const struct msi_request *rq)
{
    struct msi_function *fn;
    int rc;

    if (!pci_device_known(rq->dev) || pci_read(rq->dev, PCI_VENDOR, 2) == 0xffff)
        return -ENODEV;
    spin_lock(&msi_lock);
    rc = get_function(rq, &fn);
    if (!rc) {
        if (fn->msix && rq->entry >= fn->count)
            rc = -EINVAL;
        else if (fn->msix && entry_in_use(fn, rq->entry))
            rc = -EEXIST;
        else
            rc = alloc_irqs(rq, fn);
        if (rc >= 0)
            program(&irq_desc[rc]);
        else
            put_function(fn);
    }
    spin_unlock(&msi_lock);
    return rc;
}

unsigned int msi_count(unsigned int irq)
{
    return irq < nr_irqs && irq_desc[irq].msi ? irq_desc[irq].nr_vectors : 0;
}

/* Forget the message's irq; its vector goes with the first one. */
static void reset_desc(unsigned int irq)
{
    struct irq_desc *desc = &irq_desc[irq];
    unsigned long flags = spin_lock_irqsave(&desc->lock);

    irq_mask(desc);
    if (desc->nr_vectors)
        irq_release_vector(desc);
    desc->vector = 0;
    desc->throttled = false;
    desc->msi = NULL;
    desc->chip = NULL;
    spin_unlock_irqrestore(&desc->lock, flags);
}

void msi_teardown(unsigned int irq)
{
    unsigned int count = msi_count(irq), reg, off;
    struct msi_function *fn;
    struct msi *m;

    BUG_ON(count == 0);
    spin_lock(&msi_lock);
    m = irq_desc[irq].msi;
    fn = m->fn;
    reg = fn->cap + (fn->msix ? MSIX_CONTROL : MSI_CONTROL);
    off = fn->msix ? MSIX_ENABLE : MSI_ENABLE;
    if (fn->users == count)
        pci_write(fn->dev, reg, 2, pci_read(fn->dev, reg, 2) & ~off);
    for (unsigned int i = 0; i < count; i++)
        reset_desc(irq + i);
    hv_free(m);
    fn->users -= count;
    put_function(fn);
    irq_free_dynamic(irq, count);
    spin_unlock(&msi_lock);
}

int msi_restore(pci_sbdf_t dev)
{
    struct msi_function *fn;
    int rc = -ENODEV;

    spin_lock(&msi_lock);
    fn = find_function(dev);
    for (unsigned int irq = nr_gsis; fn && irq < nr_irqs; irq++) {
        struct irq_desc *desc = &irq_desc[irq];
        unsigned long flags = spin_lock_irqsave(&desc->lock);

        if (desc->msi && desc->msi->fn == fn) {
            program(desc);
            rc = 0;
        }
        spin_unlock_irqrestore(&desc->lock, flags);
    }
    spin_unlock(&msi_lock);
    return rc;
}

bool msi_has_msix(pci_sbdf_t dev)
{
    return pci_find_capability(dev, CAP_MSIX) != 0;
}

void msi_describe(unsigned int irq, char *buf, size_t size)
{
    struct irq_desc *desc = &irq_desc[irq];
    unsigned long flags = spin_lock_irqsave(&desc->lock);

    buf[0] = '\0';
    if (desc->msi) {
        pci_sbdf_t dev = desc->msi->fn->dev;

        (void)snprintf(buf, size, " %04x:%02x:%02x.%u message %u", dev.seg, dev.bus, dev.devfn >> 3,
                       dev.devfn & 7U, desc->msi->entry);
    }
    spin_unlock_irqrestore(&desc->lock, flags);
}
