/* What the interrupt code drives, as arrays. */
#include <stdlib.h>
#include <string.h>

#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/smp.h>
#include <hv/timer.h>
#include <arch/apic.h>
#include <arch/irq.h>
#include <arch/msi.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <arch/regs.h>
#include <arch/smp.h>
#include "machine.h"

struct acpi_info acpi = {
    .nr_overrides = 2,
    .override = { { 0, 2, 0 }, { 9, 9, 0xd } }, /* the timer is on 2; the SCI is level, high */
};
uint32_t cpu_apic_id[NR_CPUS] = { 0, 2, 4, 300 };
struct test_line test_line[24];
unsigned int test_events[64], test_eois;
struct timer *test_timer;
bool test_lost_level;

/* ---- what the boot allocates for good is collected between tests ---- */

static void *boot_memory[8];
static unsigned int boot_allocations;
static bool booting;

void *hv_alloc_array_checked(size_t size, size_t count)
{
    void *p = calloc(count, size);

    if (booting && boot_allocations < ARRAY_SIZE(boot_memory))
        boot_memory[boot_allocations++] = p;
    return p;
}

void *hv_alloc(size_t size)
{
    return hv_alloc_array_checked(size, 1);
}

void hv_free(void *p)
{
    free(p);
}

void test_machine_boot(void)
{
    booting = true;
    arch_init_irq();
    booting = false;
}

void test_machine_off(void)
{
    while (boot_allocations)
        free(boot_memory[--boot_allocations]);
}

/* ---- delivery ---- */

static void interrupt(unsigned int cpu, unsigned int vector)
{
    struct regs r = { .vector = vector };
    unsigned int before = fake_cpu;

    fake_cpu = cpu;
    fake_irq_on = false;
    do_irq(&r);
    fake_irq_on = true;
    fake_cpu = before;
}

void test_message(unsigned int cpu, unsigned int vector)
{
    interrupt(cpu, vector);
}

static unsigned int cpu_with(uint32_t apic_id)
{
    unsigned int cpu = 0;

    while (cpu_apic_id[cpu] != apic_id)
        cpu++;
    return cpu;
}

static void poll_line(unsigned int gsi)
{
    struct test_line *l = &test_line[gsi];

    while (l->level && l->asserted && !l->masked && !l->remote_irr) {
        l->remote_irr = true;
        interrupt(cpu_with(l->destination), l->vector);
        /* The EOI's broadcast, unless the local APIC took it for an edge. */
        if (!test_lost_level)
            l->remote_irr = false;
    }
}

void test_assert(unsigned int gsi)
{
    struct test_line *l = &test_line[gsi];

    l->asserted = true;
    if (l->level)
        poll_line(gsi);
    else if (!l->masked)
        interrupt(cpu_with(l->destination), l->vector);
}

void test_release(unsigned int gsi)
{
    test_line[gsi].asserted = false;
}

/* ---- IO-APIC ---- */

void ioapic_init(void)
{
    for (unsigned int i = 0; i < 24; i++)
        test_line[i] = (struct test_line){ .masked = true };
}

unsigned int ioapic_nr_gsis(void)
{
    return 24;
}

bool ioapic_has_gsi(unsigned int gsi)
{
    return gsi < 24;
}

void ioapic_set_entry(unsigned int gsi, unsigned int vector, uint32_t apic_id, bool level,
                      bool active_low)
{
    test_line[gsi] = (struct test_line){
        .vector = vector,
        .destination = apic_id,
        .level = level,
        .active_low = active_low,
        .masked = true,
        .asserted = test_line[gsi].asserted,
    };
}

void ioapic_mask(unsigned int gsi)
{
    test_line[gsi].masked = true;
}

/* A line that is still active fires again when the caller is out of the interrupt code. */
void ioapic_unmask(unsigned int gsi)
{
    test_line[gsi].masked = false;
}

void ioapic_set_destination(unsigned int gsi, uint32_t apic_id)
{
    test_line[gsi].destination = apic_id;
}

void ioapic_clear_remote_irr(unsigned int gsi)
{
    test_line[gsi].remote_irr = false;
}

/* ---- local APIC, CPUs, and whom we call ---- */

void lapic_init(void)
{
}

void lapic_init_cpu(void)
{
}

void lapic_eoi(void)
{
    test_eois++;
}

bool lapic_vector_level(unsigned int vector)
{
    (void)vector;
    return !test_lost_level;
}

void lapic_error_interrupt(void)
{
    lapic_eoi();
}

void i8259_init(void)
{
}

void smp_number_cpus(void)
{
}

bool cpu_takes_device_irqs(unsigned int cpu)
{
    return cpu < 4 && cpu_apic_id[cpu] <= APIC_ID_MAX_EXTERNAL;
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    (void)mask;
    fn(arg);
}

void smp_call_interrupt(void)
{
}

void tlb_flush_interrupt(void)
{
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, s_time_t expires)
{
    (void)expires;
    test_timer = t;
}

void timer_interrupt(void)
{
}

void event_send_port(struct domain *d, evtchn_port_t port)
{
    (void)d;
    test_events[port]++;
}

/* ---- messages: set up is all that is asked of them here ---- */

static void no_hardware(struct irq_desc *desc)
{
    (void)desc;
}

static void no_destination(struct irq_desc *desc, uint32_t apic_id)
{
    (void)desc, (void)apic_id;
}

static const struct irq_chip message_chip = { "test", no_hardware, no_hardware, no_destination };

int msi_setup(const struct msi_request *rq)
{
    int irq = irq_alloc_dynamic(rq->count), vector;

    if (irq < 0)
        return irq;
    vector = vector_alloc(0, (unsigned int)irq, rq->count);
    for (unsigned int i = 0; i < rq->count; i++) {
        struct irq_desc *desc = &irq_desc[irq + (int)i];

        desc->chip = &message_chip;
        desc->vector = (uint8_t)(vector + (int)i);
        desc->nr_vectors = i ? 0 : (uint8_t)rq->count;
        desc->masked = true;
    }
    return irq;
}

unsigned int msi_count(unsigned int irq)
{
    return irq_desc[irq].nr_vectors;
}

void msi_teardown(unsigned int irq)
{
    unsigned int count = msi_count(irq);

    irq_release_vector(&irq_desc[irq]);
    for (unsigned int i = 0; i < count; i++) {
        irq_desc[irq + i].chip = NULL;
        irq_desc[irq + i].vector = 0;
    }
    irq_free_dynamic(irq, count);
}

void msi_describe(unsigned int irq, char *buf, size_t size)
{
    (void)irq, (void)size;
    buf[0] = '\0';
}

/* ---- guest frames ---- */

int arch_map_guest_frame(struct domain *d, gfn_t frame, mfn_t *out, void **va)
{
    (void)d;
    if (frame.v == 0xbad)
        return -EINVAL;
    *out = mfn(frame.v);
    *va = calloc(1, PAGE_SIZE);
    return 0;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d, (void)m;
    free(va);
}

/* ---- domains ---- */

void test_domain_init(struct test_domain *t, domid_t id)
{
    memset(t, 0, sizeof(*t));
    t->d.id = id;
    t->d.is_hardware = true;
    t->d.arch = &t->arch;
    t->d.max_vcpus = 2;
    t->d.vcpu = t->vcpus;
    for (unsigned int i = 0; i < 2; i++) {
        t->vcpus[i] = &t->v[i];
        t->v[i].id = t->v[i].cpu = i;
        t->v[i].domain = &t->d;
    }
    if (irq_part.init(&t->d))
        abort();
}

void test_domain_destroy(struct test_domain *t)
{
    if (irq_part.teardown(&t->d))
        abort();
    irq_part.free(&t->d);
}
