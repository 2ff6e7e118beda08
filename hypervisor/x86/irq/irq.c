/*
 * Interrupts: from the vector that the CPU took to whoever has the line, and the lines' setup.
 *
 * do_irq() is called by the entry code with interrupts off. A line's descriptor lock
 * (LOCK_IRQ_DESC) guards its state and is dropped before anything is told to a guest or a driver.
 * The whole way of an interrupt, and why it is safe: docs/design/interrupts.md.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/time.h>
#include <arch/apic.h>
#include <arch/irq.h>
#include <arch/regs.h>
#include <arch/smp.h>
#include <arch/page.h>

/* A line may come this often in a window; then it rests until the window's timer. No healthy
 * device comes near it, and a broken one leaves the CPU half of its time. */
#define STORM_WINDOW MILLISECS(10)
#define STORM_LIMIT  5000

#define DYNAMIC_IRQS_MIN 256U
#define DYNAMIC_IRQS_MAX 2048U

struct irq_desc *irq_desc;
unsigned int nr_irqs, nr_gsis;

static unsigned long *dynamic_used; /* irqs from nr_gsis on; dynamic_lock */
static spinlock_t dynamic_lock = SPINLOCK_INIT(LOCK_IRQ_VECTOR);
static unsigned int unexpected_count;

/* ---- lines ---- */

void irq_mask(struct irq_desc *desc)
{
    if (desc->masked)
        return;
    desc->masked = true;
    desc->chip->mask(desc);
}

void irq_unmask(struct irq_desc *desc)
{
    if (!desc->masked)
        return;
    desc->masked = false;
    desc->chip->unmask(desc);
}

static void gsi_mask(struct irq_desc *desc)
{
    ioapic_mask(irq_number(desc));
}

static void gsi_unmask(struct irq_desc *desc)
{
    ioapic_unmask(irq_number(desc));
}

static void gsi_set_destination(struct irq_desc *desc, uint32_t apic_id)
{
    ioapic_set_destination(irq_number(desc), apic_id);
}

static const struct irq_chip ioapic_chip = {
    .name = "IO-APIC",
    .mask = gsi_mask,
    .unmask = gsi_unmask,
    .set_destination = gsi_set_destination,
};

void irq_program_gsi(struct irq_desc *desc)
{
    ioapic_set_entry(irq_number(desc), desc->vector, cpu_apic_id[desc->cpu], desc->level,
                     desc->active_low);
}

int irq_setup_gsi(struct irq_desc *desc)
{
    int vector;

    if (desc->vector)
        return 0;
    if (!cpu_takes_device_irqs(desc->wanted_cpu))
        desc->wanted_cpu = 0;
    vector = vector_alloc(desc->wanted_cpu, irq_number(desc), 1);
    if (vector < 0)
        return vector;
    desc->vector = (uint8_t)vector;
    desc->nr_vectors = 1;
    desc->cpu = desc->wanted_cpu;
    desc->masked = true;
    irq_program_gsi(desc);
    return 0;
}

void irq_release_vector(struct irq_desc *desc)
{
    if (!desc->vector)
        return;
    if (desc->old_cpu != NR_CPUS)
        vector_free(desc->old_cpu, desc->vector, desc->nr_vectors);
    vector_free(desc->cpu, desc->vector, desc->nr_vectors);
    desc->old_cpu = NR_CPUS;
    desc->vector = 0;
}

void irq_try_move(struct irq_desc *desc)
{
    unsigned int to = desc->wanted_cpu, from = desc->cpu;

    if (to == from || !desc->vector || desc->nr_vectors == 0)
        return;
    if (!cpu_takes_device_irqs(to)) {
        desc->wanted_cpu = desc->cpu;
        return;
    }
    if (desc->old_cpu != to) {
        /* Two CPUs may hold the vector, not three: let late arrivals drain first. The move is
         * tried again at the next interrupt. */
        if (desc->old_cpu != NR_CPUS && now() - desc->moved < IRQ_MOVE_GRACE)
            return;
        if (vector_claim(to, desc->vector, irq_number(desc), desc->nr_vectors)) {
            desc->wanted_cpu = desc->cpu; /* taken there: stay */
            return;
        }
        if (desc->old_cpu != NR_CPUS)
            vector_free(desc->old_cpu, desc->vector, desc->nr_vectors);
    }
    desc->cpu = (uint16_t)to;
    desc->chip->set_destination(desc, cpu_apic_id[to]);
    desc->old_cpu = (uint16_t)from;
    desc->moved = now();
}

int irq_alloc_dynamic(unsigned int count)
{
    unsigned int size = nr_irqs - nr_gsis, first = 0, n = 0;
    unsigned long flags = spin_lock_irqsave(&dynamic_lock);

    for (unsigned int i = 0; i < size && n < count; i++) {
        n = test_bit(i, dynamic_used) ? 0 : n + 1;
        if (n == 1)
            first = i;
    }
    if (n == count) {
        for (unsigned int i = 0; i < count; i++)
            set_bit(first + i, dynamic_used);
    }
    spin_unlock_irqrestore(&dynamic_lock, flags);
    return n == count ? (int)(nr_gsis + first) : -ENOSPC;
}

void irq_free_dynamic(unsigned int first, unsigned int count)
{
    unsigned long flags = spin_lock_irqsave(&dynamic_lock);

    for (unsigned int i = 0; i < count; i++)
        clear_bit(first - nr_gsis + i, dynamic_used);
    spin_unlock_irqrestore(&dynamic_lock, flags);
}

int irq_request_gsi(unsigned int gsi, irq_handler_t handler, void *arg, const char *name)
{
    struct irq_desc *desc;
    unsigned long flags;
    int rc = -EBUSY;

    if (gsi >= nr_gsis || !irq_desc[gsi].chip)
        return -EINVAL;
    desc = &irq_desc[gsi];
    flags = spin_lock_irqsave(&desc->lock);
    if (!desc->enabled) {
        rc = irq_setup_gsi(desc);
        if (!rc) {
            desc->handler = handler;
            desc->handler_arg = arg;
            desc->name = name;
            desc->enabled = true;
            irq_unmask(desc);
        }
    }
    spin_unlock_irqrestore(&desc->lock, flags);
    return rc;
}

unsigned int irq_from_isa(unsigned int isa)
{
    for (unsigned int i = 0; i < acpi.nr_overrides; i++) {
        if (acpi.override[i].isa_irq == isa)
            return acpi.override[i].gsi;
    }
    return isa;
}

/* ---- an interrupt arrives ---- */

static void deliver(const struct irq_target *target, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        event_send_port(target[i].domain, target[i].port);
}

static void storm_over(void *arg)
{
    struct irq_target target[IRQ_MAX_GUESTS];
    struct irq_desc *desc = arg;
    unsigned int count = 0;
    unsigned long flags = spin_lock_irqsave(&desc->lock);

    if (desc->throttled) {
        desc->throttled = false;
        if (desc->enabled) {
            irq_unmask(desc);
            /* What came meanwhile may be lost: the driver is to look. */
            count = irq_guest_fired(desc, target);
        }
    }
    spin_unlock_irqrestore(&desc->lock, flags);
    deliver(target, count);
}

/* Edge and message interrupts come without asking: at most STORM_LIMIT per window. A level line
 * cannot come again before its guest's EOI, which costs the guest, not us. */
static void check_storm(struct irq_desc *desc)
{
    s_time_t time;

    if (++desc->window_count % 64 != 0) /* look at the clock now and then */
        return;
    time = now();
    if (time - desc->window >= STORM_WINDOW) {
        desc->window = time;
        desc->window_count = 0;
    } else if (desc->window_count >= STORM_LIMIT) {
        if (desc->storms++ % 1024 == 0)
            printk(LOG_WARN, "interrupt storm on irq %u (%s): throttled\n", irq_number(desc),
                   desc->chip->name);
        desc->window_count = 0;
        desc->throttled = true;
        irq_mask(desc);
        timer_set(&desc->storm_timer, time + STORM_WINDOW);
    }
}

static void own_interrupt(struct irq_desc *desc)
{
    irq_handler_t handler = desc->handler;
    void *arg = desc->handler_arg;

    spin_unlock(&desc->lock);
    /* The EOI comes last: a level line must not fire again before it was served. */
    handler(irq_number(desc), arg);
    lapic_eoi();
}

static void unexpected(unsigned int vector)
{
    lapic_eoi();
    if (__atomic_fetch_add(&unexpected_count, 1, __ATOMIC_RELAXED) < 10)
        printk(LOG_WARN, "CPU %u: unexpected interrupt vector 0x%02x\n", smp_processor_id(),
               vector);
}

static void device_interrupt(unsigned int vector)
{
    struct irq_target target[IRQ_MAX_GUESTS];
    unsigned int irq = vector_to_irq(vector), count = 0;
    struct irq_desc *desc;

    if (irq == IRQ_NONE) {
        unexpected(vector);
        return;
    }
    desc = &irq_desc[irq];
    spin_lock(&desc->lock);
    desc->count++;
    if (desc->handler) {
        own_interrupt(desc);
        return;
    }
    if (desc->level) {
        /* Quiet until every guest on it has said EOI; without one, until somebody binds. */
        irq_mask(desc);
        /* Some IO-APICs send a level interrupt as an edge when it races with masking; no EOI will
         * reach them then. */
        if (!lapic_vector_level(vector))
            ioapic_clear_remote_irr(irq);
    }
    lapic_eoi();
    if (desc->enabled)
        count = irq_guest_fired(desc, target);
    if (!desc->level)
        check_storm(desc);
    if (desc->wanted_cpu != desc->cpu)
        irq_try_move(desc);
    spin_unlock(&desc->lock);
    deliver(target, count);
}

/* ---- our own vectors ---- */

static void timer_vector(void)
{
    lapic_eoi();
    timer_interrupt();
}

/* Its purpose was to bring the CPU here: softirqs and events are looked at on the way out. */
static void event_check_vector(void)
{
    lapic_eoi();
}

static void call_vector(void)
{
    lapic_eoi();
    smp_call_interrupt();
}

static void tlb_flush_vector(void)
{
    lapic_eoi();
    tlb_flush_interrupt();
}

static void spurious_vector(void)
{
    /* The APIC withdrew an interrupt; nothing is in service, so no EOI. */
}

static void (*const own_vectors[])(void) = {
    [VECTOR_TIMER - VECTOR_DYNAMIC_LAST - 1] = timer_vector,
    [VECTOR_EVENT_CHECK - VECTOR_DYNAMIC_LAST - 1] = event_check_vector,
    [VECTOR_CALL - VECTOR_DYNAMIC_LAST - 1] = call_vector,
    [VECTOR_TLB_FLUSH - VECTOR_DYNAMIC_LAST - 1] = tlb_flush_vector,
    [VECTOR_LAPIC_ERROR - VECTOR_DYNAMIC_LAST - 1] = lapic_error_interrupt,
    [VECTOR_SPURIOUS - VECTOR_DYNAMIC_LAST - 1] = spurious_vector,
};

void do_irq(struct regs *r)
{
    unsigned int vector = r->vector & 0xff;

    lock_irq_enter();
    if (vector <= VECTOR_DYNAMIC_LAST)
        device_interrupt(vector);
    else if (own_vectors[vector - VECTOR_DYNAMIC_LAST - 1])
        own_vectors[vector - VECTOR_DYNAMIC_LAST - 1]();
    else
        unexpected(vector);
    lock_irq_exit();
}

/* ---- boot ---- */

static void init_text init_gsi(unsigned int gsi)
{
    struct irq_desc *desc = &irq_desc[gsi];

    if (!ioapic_has_gsi(gsi))
        return;
    desc->chip = &ioapic_chip;
    /* PCI's way unless it is an ISA line; dom0 corrects it from AML (PHYSDEVOP_setup_gsi). */
    desc->level = desc->active_low = gsi >= 16;
}

/* An ISA line's trigger and polarity: "conforms to the bus" is edge, active high. */
static void init_text apply_override(const struct acpi_override *o)
{
    struct irq_desc *desc;

    if (o->gsi >= nr_gsis || !irq_desc[o->gsi].chip) {
        printk(LOG_WARN, "ACPI: ISA interrupt %u is routed to GSI %u, which no IO-APIC has\n",
               o->isa_irq, o->gsi);
        return;
    }
    desc = &irq_desc[o->gsi];
    desc->active_low = (o->flags & 3) == 3;
    desc->level = (o->flags >> 2 & 3) == 3;
}

void init_text arch_init_irq(void)
{
    unsigned int dynamic;

    i8259_init();
    lapic_init();
    lapic_init_cpu();
    smp_number_cpus();
    ioapic_init();

    nr_gsis = max(ioapic_nr_gsis(), 16U);
    dynamic = min(max(64 * nr_cpus, DYNAMIC_IRQS_MIN), DYNAMIC_IRQS_MAX);
    nr_irqs = nr_gsis + dynamic;
    irq_desc = hv_alloc_array(struct irq_desc, nr_irqs);
    dynamic_used = hv_alloc_array(unsigned long, BITS_TO_LONGS(dynamic));
    if (!irq_desc || !dynamic_used)
        panic("no memory for %u interrupt lines", nr_irqs);
    for (unsigned int i = 0; i < nr_irqs; i++) {
        spin_lock_init(&irq_desc[i].lock, LOCK_IRQ_DESC);
        timer_init(&irq_desc[i].storm_timer, storm_over, &irq_desc[i], 0);
        irq_desc[i].old_cpu = NR_CPUS;
        irq_desc[i].masked = true;
    }
    for (unsigned int gsi = 0; gsi < nr_gsis; gsi++)
        init_gsi(gsi);
    for (unsigned int i = 0; i < acpi.nr_overrides; i++)
        apply_override(&acpi.override[i]);
}
