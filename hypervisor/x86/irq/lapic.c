/*
 * The CPU's local APIC: as memory-mapped xAPIC or, through MSRs, as x2APIC, chosen once at boot for
 * all CPUs. IPIs, end of interrupt, and the one-shot timer.
 *
 * Called by irq.c, smp.c and core's timers. No locks: a CPU touches only its own APIC, with
 * interrupts off where two writes belong together. Intel SDM volume 3, chapter "APIC".
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/time.h>
#include <arch/apic.h>
#include <arch/cpu_features.h>
#include <arch/irq.h>
#include <arch/tsc.h>

#define APIC_BASE_BSP    (1UL << 8)
#define APIC_BASE_X2APIC (1UL << 10)
#define APIC_BASE_ENABLE (1UL << 11)
#define MSR_X2APIC       0x800

#define REG_ID          0x20
#define REG_VERSION     0x30
#define REG_TPR         0x80
#define REG_EOI         0xb0
#define REG_LDR         0xd0
#define REG_DFR         0xe0
#define REG_SPURIOUS    0xf0
#define REG_ISR         0x100
#define REG_TMR         0x180
#define REG_ESR         0x280
#define REG_LVT_CMCI    0x2f0
#define REG_ICR         0x300
#define REG_ICR_HIGH    0x310
#define REG_LVT_TIMER   0x320
#define REG_LVT_THERMAL 0x330
#define REG_LVT_PERF    0x340
#define REG_LVT_LINT0   0x350
#define REG_LVT_LINT1   0x360
#define REG_LVT_ERROR   0x370
#define REG_TIMER_INIT  0x380
#define REG_TIMER_COUNT 0x390
#define REG_TIMER_DIV   0x3e0

#define LVT_MASKED         (1U << 16)
#define LVT_NMI            (4U << 8)
#define TIMER_ONE_SHOT     (0U << 17)
#define TIMER_TSC_DEADLINE (2U << 17)
#define TIMER_DIV_1        0xb
#define SPURIOUS_ENABLE    (1U << 8)

#define ICR_NMI     (4U << 8)
#define ICR_INIT    (5U << 8)
#define ICR_STARTUP (6U << 8)
#define ICR_PENDING (1U << 12)
#define ICR_ASSERT  (1U << 14)
#define ICR_LEVEL   (1U << 15)

/* Priority classes 0 and 1 never reach the CPU: a device can send an MSI with any vector, and one
 * below 32 would look like an exception. */
#define TPR_BLOCK_EXCEPTIONS 0x10

static volatile uint8_t *apic_regs; /* NULL: x2APIC */
static bool x2apic;
static bool tsc_deadline;
static struct tsc_scale ns_to_ticks; /* timer counts in a nanosecond */
static bool option_x2apic = true;
BOOL_OPTION("x2apic", option_x2apic, "use x2APIC mode where it is safe (default: on)");

static uint32_t apic_read(unsigned int reg)
{
    if (x2apic)
        return (uint32_t)rdmsr(MSR_X2APIC + (reg >> 4));
    return *(volatile uint32_t *)(apic_regs + reg);
}

static void apic_write(unsigned int reg, uint32_t value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC + (reg >> 4), value);
    else
        *(volatile uint32_t *)(apic_regs + reg) = value;
}

/*
 * Without interrupt remapping the architecture promises x2APIC only where the firmware turned it
 * on or where IDs do not fit otherwise; virtual machines can always do it, and do it faster.
 */
static bool init_text want_x2apic(void)
{
    if (!cpu_has(X86_X2APIC))
        return false;
    if (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC)
        return true;
    for (unsigned int i = 0; i < acpi.nr_cpus; i++) {
        if (acpi.cpu[i].enabled && acpi.cpu[i].apic_id > APIC_ID_MAX_EXTERNAL)
            return true;
    }
    return option_x2apic && cpu_has(X86_HYPERVISOR);
}

void init_text lapic_init(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE) & 0x000ffffffffff000UL;

    x2apic = want_x2apic();
    tsc_deadline = cpu_has(X86_TSC_DEADLINE);
    if (!x2apic) {
        apic_regs = arch_map_phys(paddr(base), PAGE_SIZE, MAP_UNCACHED);
        if (!apic_regs)
            panic("no room to map the local APIC's registers");
    }
    printk(LOG_INFO, "local APIC in %s mode, timer %s\n", x2apic ? "x2APIC" : "xAPIC",
           tsc_deadline ? "by TSC deadline" : "one-shot");
}

bool lapic_is_x2apic(void)
{
    return x2apic;
}

uint32_t lapic_id(void)
{
    uint32_t id = apic_read(REG_ID);

    return x2apic ? id : id >> 24;
}

static void enable(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    /* From off to x2APIC the CPU only goes through xAPIC. */
    if (!(base & APIC_BASE_ENABLE))
        wrmsr(MSR_APIC_BASE, base |= APIC_BASE_ENABLE);
    if (x2apic && !(base & APIC_BASE_X2APIC))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

/* A vector that the firmware or an earlier kernel left in service would block all lower ones. */
static void drain_in_service(void)
{
    for (unsigned int pass = 0; pass < 256; pass++) {
        uint32_t busy = 0;

        for (unsigned int i = 0; i < 8; i++)
            busy |= apic_read(REG_ISR + 0x10 * i);
        if (!busy)
            return;
        lapic_eoi();
    }
}

void lapic_init_cpu(void)
{
    unsigned int max_lvt;

    enable();
    max_lvt = apic_read(REG_VERSION) >> 16 & 0xff;

    apic_write(REG_LVT_TIMER, LVT_MASKED);
    apic_write(REG_LVT_LINT0, LVT_MASKED);
    /* By convention LINT1 is the platform's NMI; one CPU is enough to hear it. */
    apic_write(REG_LVT_LINT1, smp_processor_id() == 0 ? LVT_NMI : LVT_MASKED | LVT_NMI);
    if (max_lvt >= 4)
        apic_write(REG_LVT_PERF, LVT_MASKED);
    if (max_lvt >= 5)
        apic_write(REG_LVT_THERMAL, LVT_MASKED);
    if (max_lvt >= 6)
        apic_write(REG_LVT_CMCI, LVT_MASKED);
    if (!x2apic) {
        /* Nothing is sent to logical destinations; a flat model with no bit set hears none. */
        apic_write(REG_DFR, 0xffffffff);
        apic_write(REG_LDR, 0);
    }
    apic_write(REG_TPR, TPR_BLOCK_EXCEPTIONS);
    apic_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    drain_in_service();

    apic_write(REG_ESR, 0);
    apic_write(REG_LVT_ERROR, VECTOR_LAPIC_ERROR);

    apic_write(REG_TIMER_DIV, TIMER_DIV_1);
    apic_write(REG_TIMER_INIT, 0);
    apic_write(REG_LVT_TIMER, VECTOR_TIMER | (tsc_deadline ? TIMER_TSC_DEADLINE : TIMER_ONE_SHOT));
    /* The mode's change must be seen before the first write of the MSR. */
    __asm__ volatile("mfence" ::: "memory");
}

void lapic_eoi(void)
{
    apic_write(REG_EOI, 0);
}

bool lapic_vector_level(unsigned int vector)
{
    return apic_read(REG_TMR + 0x10 * (vector / 32)) >> (vector % 32) & 1;
}

void lapic_error_interrupt(void)
{
    static unsigned int told;
    uint32_t errors;

    apic_write(REG_ESR, 0); /* latches */
    errors = apic_read(REG_ESR);
    lapic_eoi();
    /* A device's MSI with an illegal vector lands here: dom0 must not flood the console with it. */
    if (__atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) < 10)
        printk(LOG_WARN, "CPU %u: local APIC error 0x%x%s\n", smp_processor_id(), errors,
               errors & 0x40 ? " (illegal vector received)" : "");
}

/* ---- IPIs ---- */

static void wait_icr_idle(void)
{
    /* Some 100 us at most on real machines; then send anyway rather than hang. */
    for (unsigned int i = 0; i < 100000 && (apic_read(REG_ICR) & ICR_PENDING); i++)
        cpu_relax();
}

static void send(uint32_t apic_id, uint32_t command)
{
    unsigned long flags;

    if (x2apic) {
        /* This MSR's write does not order earlier stores, which the target is to see. */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC + (REG_ICR >> 4), (uint64_t)apic_id << 32 | command);
        return;
    }
    flags = irq_save();
    wait_icr_idle();
    apic_write(REG_ICR_HIGH, apic_id << 24);
    apic_write(REG_ICR, command);
    irq_restore(flags);
}

void lapic_send_ipi(uint32_t apic_id, unsigned int vector)
{
    send(apic_id, vector | ICR_ASSERT);
}

void lapic_send_nmi(uint32_t apic_id)
{
    send(apic_id, ICR_NMI | ICR_ASSERT);
}

void lapic_send_init(uint32_t apic_id)
{
    send(apic_id, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
    if (!x2apic) {
        wait_icr_idle();
        send(apic_id, ICR_INIT | ICR_LEVEL); /* deassert, for APICs that wait for it */
    }
}

void lapic_send_startup(uint32_t apic_id, unsigned int page)
{
    send(apic_id, ICR_STARTUP | ICR_ASSERT | page);
}

/* ---- timer ---- */

struct sample {
    uint64_t tsc;
    uint32_t count;
};

/* The counter and the time of reading it; the fastest of a few tries, which nothing interrupted. */
static struct sample init_text sample_timer(void)
{
    struct sample s = { 0, 0 };
    uint64_t best = UINT64_MAX;

    for (unsigned int try = 0; try < 4; try++) {
        uint64_t before = rdtsc_ordered();
        uint32_t count = apic_read(REG_TIMER_COUNT);
        uint64_t took = rdtsc_ordered() - before;

        if (took < best) {
            best = took;
            s = (struct sample){ before + took / 2, count };
        }
    }
    return s;
}

void init_text lapic_timer_calibrate(void)
{
    struct sample first, last;
    uint64_t ticks, ns;
    unsigned long flags;

    if (tsc_deadline)
        return;
    flags = irq_save();
    apic_write(REG_LVT_TIMER, LVT_MASKED);
    apic_write(REG_TIMER_INIT, 0xffffffff);
    first = sample_timer();
    delay_us(1000);
    last = sample_timer();
    apic_write(REG_TIMER_INIT, 0);
    apic_write(REG_LVT_TIMER, VECTOR_TIMER | TIMER_ONE_SHOT);
    irq_restore(flags);

    ticks = first.count - last.count;
    ns = (uint64_t)tsc_to_ns(last.tsc - first.tsc);
    if (ticks == 0 || ns == 0)
        panic("the local APIC's timer does not count");
    ns_to_ticks = tsc_scale_make(ticks, ns);
    printk(LOG_INFO, "local APIC timer at %lu kHz\n", (unsigned long)(ticks * 1000000 / ns));
}

void arch_timer_set(s_time_t deadline)
{
    s_time_t left;
    uint64_t count;

    if (tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, deadline == STIME_MAX ? 0 : tsc_of_time(deadline));
        return;
    }
    if (deadline == STIME_MAX) {
        apic_write(REG_TIMER_INIT, 0);
        return;
    }
    left = deadline - now();
    count = left <= 0 ? 0 : tsc_scale(ns_to_ticks, (uint64_t)left);
    /* 0 would switch it off; too far just fires early, and the timer code sets it again. */
    apic_write(REG_TIMER_INIT, count == 0 ? 1 : (uint32_t)min(count, 0xffffffffUL));
}
