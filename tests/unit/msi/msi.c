/* MSI and MSI-X against a made-up device: what is written where, what is refused, what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/pci.h>
#include <arch/apic.h>
#include <arch/irq.h>
#include <arch/msi.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <arch/smp.h>

#define CAP_MSI      0x50
#define CAP_MSIX     0x70
#define BAR          0xfebf0000UL
#define TABLE_OFFSET 0x2010UL
#define ENTRIES      4
#define RAM_END      0x40000000UL

/* ---- the machine ---- */

struct irq_desc *irq_desc;
unsigned int nr_irqs = 64, nr_gsis = 24;
uint32_t cpu_apic_id[NR_CPUS] = { 0, 2, 4, 6 };

static uint8_t config[256];
static uint32_t bars_memory[0x3000 / 4]; /* where BAR points */
static bool msi_capable, msix_capable, known;
static unsigned long used_irqs[1];
static int mappings;

static const pci_sbdf_t dev = { 0, 0, 0x18 };

uint32_t pci_read(pci_sbdf_t d, unsigned int reg, unsigned int size)
{
    uint32_t value = 0;

    if (d.devfn != dev.devfn)
        return 0xffffffff >> (32 - 8 * size);
    memcpy(&value, config + reg, size);
    return value;
}

void pci_write(pci_sbdf_t d, unsigned int reg, unsigned int size, uint32_t value)
{
    if (d.devfn == dev.devfn)
        memcpy(config + reg, &value, size);
}

unsigned int pci_find_capability(pci_sbdf_t d, uint8_t id)
{
    if (d.devfn != dev.devfn)
        return 0;
    return id == 5 && msi_capable ? CAP_MSI : id == 0x11 && msix_capable ? CAP_MSIX : 0;
}

bool pci_device_known(pci_sbdf_t d)
{
    (void)d;
    return known;
}

bool mfn_is_io(mfn_t m)
{
    return m.v >= RAM_END >> PAGE_SHIFT;
}

bool apic_owns_frame(uint64_t frame)
{
    return frame == 0xfee00;
}

void *arch_map_phys(paddr_t start, size_t size, enum map_type type)
{
    assert_int_equal(type, MAP_UNCACHED);
    assert_true(start.v >= BAR && start.v + size <= BAR + sizeof(bars_memory));
    mappings++;
    return (char *)bars_memory + (start.v - BAR);
}

void arch_unmap(void *va, size_t size)
{
    (void)va, (void)size;
    mappings--;
}

bool cpu_takes_device_irqs(unsigned int cpu)
{
    return cpu < 4;
}

int irq_alloc_dynamic(unsigned int count)
{
    for (unsigned int i = 0; i + count <= nr_irqs - nr_gsis; i++) {
        unsigned int n = 0;

        while (n < count && !test_bit(i + n, used_irqs))
            n++;
        if (n == count) {
            while (n--)
                set_bit(i + n, used_irqs);
            return (int)(nr_gsis + i);
        }
    }
    return -ENOSPC;
}

void irq_free_dynamic(unsigned int first, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        clear_bit(first - nr_gsis + i, used_irqs);
}

void irq_mask(struct irq_desc *desc)
{
    if (!desc->masked)
        desc->chip->mask(desc);
    desc->masked = true;
}

void irq_release_vector(struct irq_desc *desc)
{
    vector_free(desc->cpu, desc->vector, desc->nr_vectors);
}

/* ---- helpers ---- */

static uint32_t word(unsigned int reg, unsigned int size)
{
    return pci_read(dev, reg, size);
}

static uint32_t *table(unsigned int entry)
{
    return bars_memory + (TABLE_OFFSET + 16 * entry) / 4;
}

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    memset(config, 0, sizeof(config));
    memset(bars_memory, 0, sizeof(bars_memory));
    pci_write(dev, 0, 2, 0x1af4);
    pci_write(dev, 4, 2, 2); /* memory decoding */
    pci_write(dev, 0x14, 4, (uint32_t)BAR | 4);
    pci_write(dev, 0x18, 4, 0);
    pci_write(dev, CAP_MSI + 2, 2, 3 << 1); /* 8 messages */
    pci_write(dev, CAP_MSIX + 2, 2, ENTRIES - 1);
    pci_write(dev, CAP_MSIX + 4, 4, TABLE_OFFSET | 1);
    for (unsigned int i = 0; i < ENTRIES; i++)
        table(i)[3] = 1; /* as after reset */
    msi_capable = msix_capable = known = true;
    irq_desc = calloc(nr_irqs, sizeof(*irq_desc));
    for (unsigned int i = 0; i < nr_irqs; i++) {
        spin_lock_init(&irq_desc[i].lock, LOCK_IRQ_DESC);
        irq_desc[i].masked = true;
        irq_desc[i].old_cpu = NR_CPUS;
    }
    return 0;
}

/* Every test frees what it set up: nothing may stay. */
static int nothing_is_left(void **state)
{
    (void)state;
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        assert_int_equal(vectors_used(cpu), 0);
    assert_int_equal(used_irqs[0], 0);
    assert_int_equal(mappings, 0);
    free(irq_desc);
    return 0;
}

static int make(bool msix, unsigned int entry, unsigned int count, uint64_t base)
{
    struct msi_request rq = {
        .dev = dev, .msix = msix, .entry = entry, .count = count, .table_base = base
    };

    return msi_setup(&rq);
}

static void unmask(int irq)
{
    irq_desc[irq].masked = false;
    irq_desc[irq].chip->unmask(&irq_desc[irq]);
}

/* ---- MSI ---- */

static void a_plain_message(void **state)
{
    int irq = make(false, 0, 1, 0);

    (void)state;
    assert_true(irq >= (int)nr_gsis);
    assert_int_equal(word(CAP_MSI + 4, 4), 0xfee00000);
    assert_int_equal(word(CAP_MSI + 8, 2), irq_desc[irq].vector);
    assert_false(word(CAP_MSI + 2, 2) & 1); /* no mask bits: off until it has a user */
    unmask(irq);
    assert_true(word(CAP_MSI + 2, 2) & 1);
    irq_desc[irq].chip->set_destination(&irq_desc[irq], 4);
    assert_int_equal(word(CAP_MSI + 4, 4), 0xfee04000);
    assert_int_equal(make(false, 0, 1, 0), -EEXIST);
    assert_int_equal(make(true, 0, 1, BAR), -EEXIST);
    msi_teardown((unsigned int)irq);
    assert_false(word(CAP_MSI + 2, 2) & 1);
}

static void wide_and_maskable(void **state)
{
    int irq;

    (void)state;
    pci_write(dev, CAP_MSI + 2, 2, 0x180 | 3 << 1);
    pci_write(dev, CAP_MSI + 8, 4, 0xdeadbeef);
    irq = make(false, 0, 3, 0); /* three are four */
    assert_int_equal(msi_count((unsigned int)irq), 4);
    assert_int_equal(msi_count((unsigned int)irq + 1), 0);
    assert_int_equal(word(CAP_MSI + 8, 4), 0);
    assert_int_equal(word(CAP_MSI + 12, 2), irq_desc[irq].vector);
    assert_int_equal(irq_desc[irq].vector % 4, 0);
    assert_int_equal(irq_desc[irq + 3].vector, irq_desc[irq].vector + 3);
    assert_int_equal(word(CAP_MSI + 2, 2), 0x180 | 3 << 1 | 2 << 4 | 1);
    assert_int_equal(word(CAP_MSI + 16, 4), 0xf);
    unmask(irq + 2);
    assert_int_equal(word(CAP_MSI + 16, 4), 0xb);
    msi_teardown((unsigned int)irq);
    assert_int_equal(word(CAP_MSI + 16, 4), 0xf);
}

static void message_refusals(void **state)
{
    (void)state;
    assert_int_equal(make(false, 0, 0, 0), -EINVAL);
    assert_int_equal(make(false, 0, 9, 0), -EINVAL);
    known = false;
    assert_int_equal(make(false, 0, 1, 0), -ENODEV);
    known = true;
    msi_capable = false;
    assert_int_equal(make(false, 0, 1, 0), -ENODEV);
    memset(config, 0xff, sizeof(config)); /* unplugged */
    msi_capable = true;
    assert_int_equal(make(false, 0, 1, 0), -ENODEV);
}

/* ---- MSI-X ---- */

static void table_entries(void **state)
{
    int a = make(true, 0, 1, BAR), b = make(true, 3, 1, BAR);

    (void)state;
    assert_true(a > 0 && b > 0);
    assert_int_equal(mappings, 1);
    assert_int_equal(table(3)[0] & 0xfff00fff, 0xfee00000);
    assert_int_equal(table(3)[1], 0);
    assert_int_equal(table(3)[2], irq_desc[b].vector);
    assert_int_equal(table(3)[3], 1);
    assert_int_equal(table(1)[2], 0); /* not ours to touch */
    assert_int_equal(word(CAP_MSIX + 2, 2), 0x8000 | (ENTRIES - 1));
    unmask(b);
    assert_int_equal(table(3)[3], 0);
    assert_int_equal(make(true, 3, 1, BAR), -EEXIST);
    msi_teardown((unsigned int)b);
    assert_int_equal(table(3)[3], 1);
    assert_true(word(CAP_MSIX + 2, 2) & 0x8000); /* the other goes on */
    msi_teardown((unsigned int)a);
    assert_false(word(CAP_MSIX + 2, 2) & 0x8000);
}

static void mask_of_the_driver_stays(void **state)
{
    int irq;

    (void)state;
    pci_write(dev, CAP_MSIX + 2, 2, 0xc000 | (ENTRIES - 1));
    irq = make(true, 1, 1, BAR);
    assert_int_equal(word(CAP_MSIX + 2, 2), 0xc000 | (ENTRIES - 1));
    msi_teardown((unsigned int)irq);
}

static void table_refusals(void **state)
{
    (void)state;
    assert_int_equal(make(true, ENTRIES, 1, BAR), -EINVAL);
    assert_int_equal(make(true, 0, 1, BAR + 0x1000), -EINVAL); /* not what the BAR says */
    pci_write(dev, CAP_MSIX + 4, 4, TABLE_OFFSET | 6);         /* no such BAR */
    assert_int_equal(make(true, 0, 1, BAR), -EINVAL);
    pci_write(dev, CAP_MSIX + 4, 4, TABLE_OFFSET | 1);
    pci_write(dev, 4, 2, 0); /* memory not decoded */
    assert_int_equal(make(true, 0, 1, BAR), -ENXIO);
    pci_write(dev, 4, 2, 2);
    pci_write(dev, 0x14, 4, 0xc001); /* I/O ports */
    assert_int_equal(make(true, 0, 1, BAR), -EINVAL);
    /* A BAR moved over RAM, over the local APIC, beyond all addresses: nothing may be written. */
    pci_write(dev, 0x14, 4, 0x100004);
    assert_int_equal(make(true, 0, 1, 0x100000), -ENXIO);
    pci_write(dev, 0x14, 4, 0xfedfe000 | 4);
    assert_int_equal(make(true, 0, 1, 0xfedfe000), -ENXIO);
    pci_write(dev, 0x18, 4, 0xfff00000);
    assert_int_equal(make(true, 0, 1, 0xfff00000fedfe000), -ENXIO);
    pci_write(dev, 0x14, 4, 0);
    pci_write(dev, 0x18, 4, 0);
    assert_int_equal(make(true, 0, 1, 0x100000), -ENXIO); /* a virtual function's claim */
}

static void restored_after_sleep(void **state)
{
    int a = make(true, 0, 1, BAR), b = make(true, 2, 1, BAR);
    const pci_sbdf_t nobody = { 0, 0, 0x20 };

    (void)state;
    unmask(b);
    memset(bars_memory, 0, sizeof(bars_memory));
    pci_write(dev, CAP_MSIX + 2, 2, ENTRIES - 1);
    assert_int_equal(msi_restore(dev), 0);
    assert_int_equal(table(0)[2], irq_desc[a].vector);
    assert_int_equal(table(0)[3], 1);
    assert_int_equal(table(2)[2], irq_desc[b].vector);
    assert_int_equal(table(2)[3], 0);
    assert_int_equal(msi_restore(nobody), -ENODEV);
    msi_teardown((unsigned int)a);
    msi_teardown((unsigned int)b);
}

static void failure_leaves_nothing(void **state)
{
    (void)state;
    used_irqs[0] = ~0UL;
    assert_int_equal(make(true, 0, 1, BAR), -ENOSPC);
    assert_int_equal(mappings, 0);
    used_irqs[0] = 0;
    /* No vector left on any CPU. */
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        while (vector_alloc(cpu, 1, 1) > 0)
            ;
    }
    assert_int_equal(make(false, 0, 1, 0), -ENOSPC);
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        for (unsigned int v = 0x20; v < 0xf0; v++)
            vector_free(cpu, v, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, nothing_is_left)
    static const struct CMUnitTest tests[] = {
        TEST(a_plain_message),      TEST(wide_and_maskable),        TEST(message_refusals),
        TEST(table_entries),        TEST(mask_of_the_driver_stays), TEST(table_refusals),
        TEST(restored_after_sleep), TEST(failure_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
