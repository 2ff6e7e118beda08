/*
 * Time: the TSC, calibrated once against a timer of known rate, is system time; and what a guest
 * sees of it. now() works from arch_init_time() on and is 0 before.
 *
 * No locks: the scale is written once at boot, a CPU's offset before it runs anything else, a
 * vCPU's published time only by its own CPU or by who has it paused.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/time.h>
#include <arch/apic.h>
#include <arch/cpu_features.h>
#include <arch/domain.h>
#include <arch/platform.h>
#include <arch/rtc.h>
#include <arch/time.h>
#include <arch/tsc.h>

/* Guests scale a difference from the last stamp: keep it fresh enough that 64 bits do. */
#define REPUBLISH SECONDS(1)

uint64_t tsc_hz;
static struct tsc_scale ticks_to_ns, ns_to_ticks;
static uint64_t tsc_start;
static bool tsc_synchronised = true;
/* What this CPU's counter is ahead of the boot CPU's; 0 unless that was measured beyond doubt. */
static DEFINE_PER_CPU(int64_t, tsc_offset);

static s_time_t time_of_tsc(uint64_t tsc)
{
    return (s_time_t)tsc_scale(ticks_to_ns, tsc - (uint64_t)this_cpu(tsc_offset) - tsc_start);
}

s_time_t now(void)
{
    return tsc_hz ? time_of_tsc(rdtsc_ordered()) : 0;
}

s_time_t tsc_to_ns(uint64_t ticks)
{
    return (s_time_t)tsc_scale(ticks_to_ns, ticks);
}

uint64_t tsc_from_ns(s_time_t ns)
{
    return tsc_scale(ns_to_ticks, (uint64_t)ns);
}

uint64_t tsc_of_time(s_time_t system)
{
    /* Relative to the present: the two scales' rounding must not add up over the uptime. */
    uint64_t tsc = rdtsc_ordered();
    s_time_t left = system - time_of_tsc(tsc);

    return left > 0 ? tsc + tsc_from_ns(left) : max(tsc, 1UL);
}

void delay_us(unsigned int us)
{
    uint64_t start;

    if (!tsc_hz) {
        /* Not calibrated yet: an access to the diagnostics port takes about a microsecond. */
        while (us--)
            outb(0x80, 0);
        return;
    }
    start = rdtsc_ordered();
    while (rdtsc_ordered() - start < tsc_from_ns(MICROSECS(us)))
        cpu_relax();
}

/* ---- boot ---- */

void init_text arch_init_time(void)
{
    const char *against;

    tsc_hz = tsc_calibrate(&against);
    ticks_to_ns = tsc_scale_make(1000000000, tsc_hz);
    ns_to_ticks = tsc_scale_make(tsc_hz, 1000000000);
    tsc_start = rdtsc_ordered();
    printk(LOG_INFO, "TSC at %lu.%03lu MHz (%s)%s\n", (unsigned long)(tsc_hz / 1000000),
           (unsigned long)(tsc_hz / 1000 % 1000), against,
           cpu_has(X86_ITSC) || cpu_has(X86_HYPERVISOR)
               ? ""
               : ", not invariant: time will be wrong where the CPU changes its clock");
    lapic_timer_calibrate();
    platform_op_init();
    time_set_wallclock(rtc_read_utc(), 0, now());
}

/* ---- the counters of two CPUs ---- */

#define SYNC_ROUNDS  8
#define SYNC_TIMEOUT MILLISECS(200)

/* Ping-pong: the boot CPU writes odd numbers, the new one answers with the next even one. */
static volatile uint32_t sync_step;
static volatile uint64_t sync_remote;

static bool sync_wait(uint32_t step)
{
    uint64_t start = rdtsc(), limit = tsc_from_ns(SYNC_TIMEOUT);

    while (sync_step != step) {
        if (rdtsc() - start > limit)
            return false;
        cpu_relax();
    }
    return true;
}

bool tsc_is_synchronised(void)
{
    return tsc_synchronised;
}

void tsc_sync_start(void)
{
    sync_step = 0;
}

void tsc_sync_boot_cpu(unsigned int cpu)
{
    uint64_t best = UINT64_MAX;
    int64_t ahead = 0;

    for (uint32_t round = 0; round < SYNC_ROUNDS; round++) {
        uint64_t sent = rdtsc_ordered(), took;

        sync_step = 2 * round + 1;
        if (!sync_wait(2 * round + 2))
            return; /* the caller notices that it does not come up */
        took = rdtsc_ordered() - sent;
        if (took < best) {
            best = took;
            ahead = (int64_t)(sync_remote - (sent + took / 2));
        }
    }
    if (best < (uint64_t)(ahead < 0 ? -ahead : ahead)) {
        if (tsc_synchronised)
            printk(LOG_WARN, "the CPUs' TSCs differ (CPU %u by %ld ticks): corrected\n", cpu,
                   (long)ahead);
        tsc_synchronised = false;
        per_cpu(tsc_offset, cpu) = ahead;
    }
    sync_step = 2 * SYNC_ROUNDS + 1; /* the offset is in place */
}

void tsc_sync_secondary(void)
{
    for (uint32_t round = 0; round < SYNC_ROUNDS; round++) {
        if (!sync_wait(2 * round + 1))
            return;
        sync_remote = rdtsc_ordered();
        sync_step = 2 * round + 2;
    }
    (void)sync_wait(2 * SYNC_ROUNDS + 1);
}

/* ---- what guests see ---- */

/* The area outside vcpu_info that the guest registered: by virtual address, so only reachable in
 * its own address space. It may have moved or be write-protected; that is the guest's loss. */
static int publish_area(struct vcpu *v)
{
    const struct vcpu_time_info *t = &v->arch->time;
    guest_ptr_t area = v->arch->time_area;
    uint32_t busy = t->version - 1;
    int rc;

    rc = copy_to_guest(area, &busy, sizeof(busy));
    if (!rc)
        rc = copy_to_guest(guest_ptr_add(area, sizeof(busy)), (const char *)t + sizeof(busy),
                           sizeof(*t) - sizeof(busy));
    if (!rc)
        rc = copy_to_guest(area, &t->version, sizeof(t->version));
    v->arch->time_area_stale = rc != 0;
    return rc;
}

static bool published_is_good(const struct vcpu *v, const struct vcpu_time_info *shared)
{
    const struct vcpu_time_info *t = &v->arch->time;

    return tsc_synchronised && !v->arch->time_stale && t->version != 0 &&
           READ_ONCE(shared->version) == t->version &&
           READ_ONCE(shared->tsc_timestamp) == t->tsc_timestamp &&
           (uint64_t)time_of_tsc(rdtsc()) - t->system_time < (uint64_t)REPUBLISH;
}

/* A pair of counts, and how the guest gets on from there. */
static void take_stamp(const struct domain *d, struct vcpu_time_info *t)
{
    const struct guest_tsc *tsc = &d->arch->tsc;
    uint64_t count = rdtsc_ordered();
    s_time_t system = time_of_tsc(count);

    t->version += 2;
    t->tsc_timestamp = tsc->emulated ? guest_tsc_at(d, system) : count;
    t->system_time = (uint64_t)system;
    t->tsc_to_system_mul = tsc->to_ns.mul;
    t->tsc_shift = tsc->to_ns.shift;
    t->flags = tsc_synchronised || tsc->emulated ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}

void arch_update_vcpu_time(struct vcpu *v)
{
    struct vcpu_time_info *shared = &v->info->time, *t = &v->arch->time;

    if (is_idle_vcpu(v))
        return;
    if (!published_is_good(v, shared)) {
        take_stamp(v->domain, t);
        v->arch->time_stale = false;
        WRITE_ONCE(shared->version, t->version - 1);
        smp_wmb();
        WRITE_ONCE(shared->tsc_timestamp, t->tsc_timestamp);
        WRITE_ONCE(shared->system_time, t->system_time);
        WRITE_ONCE(shared->tsc_to_system_mul, t->tsc_to_system_mul);
        WRITE_ONCE(shared->tsc_shift, t->tsc_shift);
        WRITE_ONCE(shared->flags, t->flags);
        smp_wmb();
        WRITE_ONCE(shared->version, t->version);
        v->arch->time_area_stale = true;
    }
    if (v->arch->time_area_stale && v == current && !guest_ptr_is_null(v->arch->time_area))
        (void)publish_area(v);
}

int arch_register_vcpu_time(struct vcpu *v, guest_ptr_t area)
{
    v->arch->time_area = area;
    v->arch->time_area_stale = true;
    if (guest_ptr_is_null(area) || v != current)
        return 0;
    arch_update_vcpu_time(v);
    if (v->arch->time_area_stale) {
        v->arch->time_area = (guest_ptr_t){ 0 };
        return -EFAULT;
    }
    return 0;
}

void arch_update_wallclock(struct domain *d)
{
    struct shared_info *shared = d->shared_info;
    uint64_t secs;
    uint32_t nsecs, version;

    if (!shared)
        return;
    time_get_wallclock_base(&secs, &nsecs);
    secs += (uint64_t)d->time_offset;
    version = READ_ONCE(shared->wc_version) | 1;
    WRITE_ONCE(shared->wc_version, version);
    smp_wmb();
    WRITE_ONCE(shared->wc_sec, (uint32_t)secs);
    WRITE_ONCE(shared->wc_sec_hi, (uint32_t)(secs >> 32));
    WRITE_ONCE(shared->wc_nsec, nsecs);
    smp_wmb();
    WRITE_ONCE(shared->wc_version, version + 1);
}
