/*
 * The TSC's rate: told by the machine (CPUID), else measured against the HPET, the ACPI PM timer or
 * the 8254, the best of them that there is. Called once, at boot, with interrupts off.
 *
 * A measurement is as long as its reference is slow to read: from 2 ms where that takes nothing to
 * 20 ms, for an error below about 50 ppm. Every loop is bounded: a dead timer is skipped.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/printk.h>
#include <arch/cpu_features.h>
#include <arch/time.h>

struct reference {
    const char *name;
    uint64_t hz;
    uint32_t mask; /* the counter's width; it must not wrap in 20 ms */
    uint32_t (*read)(void);
};

#define PM_TIMER_HZ 3579545
#define PIT_HZ      1193182

#define READS_FOR_EDGE 20000
#define READS_MAX      10000000

/* ---- the HPET's counter; IA-PC HPET specification 1.0a ---- */
#define HPET_PERIOD     0x04 /* high half of the capabilities: femtoseconds per tick */
#define HPET_CONFIG     0x10
#define HPET_COUNTER    0xf0
#define HPET_ENABLE     1U
#define HPET_PERIOD_MAX 100000000U /* 100 ns */

static volatile uint8_t *hpet;

static uint32_t init_text hpet_read(void)
{
    return *(volatile uint32_t *)(hpet + HPET_COUNTER);
}

static bool init_text hpet_start(struct reference *ref)
{
    uint32_t period;

    if (!acpi.hpet_base)
        return false;
    hpet = arch_map_phys(paddr(acpi.hpet_base), PAGE_SIZE, MAP_UNCACHED);
    if (!hpet)
        return false;
    period = *(volatile uint32_t *)(hpet + HPET_PERIOD);
    if (period < 1000000 || period > HPET_PERIOD_MAX)
        return false;
    *(volatile uint32_t *)(hpet + HPET_CONFIG) |= HPET_ENABLE;
    *ref = (struct reference){ "HPET", 1000000000000000UL / period, 0xffffffff, hpet_read };
    return true;
}

/* ---- ACPI power management timer ---- */
static uint32_t init_text pm_timer_read(void)
{
    return inl((uint16_t)acpi.pmtimer_port);
}

static bool init_text pm_timer_start(struct reference *ref)
{
    if (!acpi.pmtimer_port)
        return false;
    *ref = (struct reference){ "PM timer", PM_TIMER_HZ, 0xffffff, pm_timer_read };
    return true;
}

/* ---- channel 2 of the 8254: the speaker's, gated by port 0x61 ---- */
static uint32_t init_text pit_read(void)
{
    uint32_t count;

    outb(0x43, 0x80); /* latch channel 2 */
    count = inb(0x42);
    count |= (uint32_t)inb(0x42) << 8;
    return 0xffff - count; /* it counts down */
}

static bool init_text pit_start(struct reference *ref)
{
    outb(0x61, (inb(0x61) & ~2) | 1); /* gate open, speaker off */
    outb(0x43, 0xb0);                 /* channel 2, both bytes, mode 0 */
    outb(0x42, 0xff);
    outb(0x42, 0xff);
    *ref = (struct reference){ "PIT", PIT_HZ, 0xffff, pit_read };
    return true;
}

/* ---- measuring ---- */

struct sample {
    uint64_t tsc, latency; /* TSC ticks; at the reference's step to `count`, and one read of it */
    uint32_t count;
};

/* Wait for the reference to step. Of a few tries keep the one with the fastest read: the others
 * were interrupted by the firmware or a host. */
static bool init_text take_sample(const struct reference *ref, struct sample *s)
{
    s->latency = UINT64_MAX;
    for (unsigned int try = 0; try < 4; try++) {
        uint32_t before = ref->read(), count = before;
        uint64_t tsc = 0, end = 0;

        for (unsigned int i = 0; i < READS_FOR_EDGE && count == before; i++) {
            tsc = rdtsc_ordered();
            count = ref->read();
            end = rdtsc_ordered();
        }
        if (count == before)
            return false;
        if (end - tsc < s->latency)
            *s = (struct sample){ tsc, end - tsc, count };
    }
    return true;
}

static uint64_t init_text measure(const struct reference *ref)
{
    uint64_t shortest = ref->hz / 500, longest = ref->hz / 50, elapsed;
    struct sample first, last;

    if (!take_sample(ref, &first))
        return 0;
    for (unsigned int i = 0; i < READS_MAX; i++) {
        elapsed = (ref->read() - first.count) & ref->mask;
        if (elapsed >= longest ||
            (elapsed >= shortest && rdtsc() - first.tsc >= 20000 * first.latency))
            break;
    }
    if (!take_sample(ref, &last))
        return 0;
    elapsed = (last.count - first.count) & ref->mask;
    /* The product of ticks (2^27 for 20 ms at 5 GHz) and Hz (below 2^30) must fit 64 bits. */
    if (elapsed < shortest || (last.tsc - first.tsc) >> 33)
        return 0;
    return (last.tsc - first.tsc) * ref->hz / elapsed;
}

/* CPUID's own word: the crystal and its ratio, or the convention of virtual machines. */
static uint64_t init_text told_by_cpuid(const char **against)
{
    struct cpuid_regs r;

    if (cpu_has(X86_HYPERVISOR) && cpuid(0x40000000, 0).eax >= 0x40000010 &&
        cpuid(0x40000000, 0).eax <= 0x40001000) {
        r = cpuid(0x40000010, 0);
        if (r.eax > 10000) {
            *against = "told by the virtual machine";
            return r.eax * 1000UL;
        }
    }
    if (host_cpu.max_leaf >= 0x15) {
        r = cpuid(0x15, 0);
        if (r.eax && r.ebx && r.ecx > 1000000) {
            *against = "told by the CPU";
            return (uint64_t)r.ecx * r.ebx / r.eax;
        }
    }
    return 0;
}

uint64_t init_text tsc_calibrate(const char **against)
{
    static bool (*const start[])(struct reference *) = { hpet_start, pm_timer_start, pit_start };
    uint64_t hz = told_by_cpuid(against);

    for (unsigned int i = 0; i < ARRAY_SIZE(start) && !hz; i++) {
        struct reference ref;

        if (!start[i](&ref))
            continue;
        hz = measure(&ref);
        *against = ref.name;
        if (!hz)
            printk(LOG_WARN, "the %s does not count\n", ref.name);
    }
    if (hpet)
        arch_unmap((void *)hpet, PAGE_SIZE);
    if (!hz)
        panic("no timer to measure the TSC with: neither HPET, PM timer nor PIT counts");
    return hz;
}
