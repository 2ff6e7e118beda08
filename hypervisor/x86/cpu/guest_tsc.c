/*
 * The time-stamp counters of domains (arch/guest_tsc.h). Emulated ones are a scale and an origin:
 * the guest's clock (cpu/time.c) is published in the same scale, so that what the guest computes
 * from it is system time either way. No lock: a domain's is set while none of its vCPUs runs.
 */
#include <hv/errno.h>
#include <hv/time.h>
#include <arch/domain.h>
#include <arch/guest_tsc.h>
#include <arch/processor.h>

#define NS_PER_SECOND 1000000000U

static uint32_t host_khz(void)
{
    return (uint32_t)(tsc_hz / 1000);
}

static bool must_emulate(const struct domain *d, uint32_t mode, uint32_t khz)
{
    if (d->is_hardware || mode == TSC_MODE_NEVER_EMULATE)
        return false;
    return mode == TSC_MODE_ALWAYS_EMULATE || khz != host_khz() || !tsc_is_synchronised();
}

int guest_tsc_set(struct domain *d, uint32_t mode, uint32_t khz, uint64_t elapsed,
                  uint32_t incarnation)
{
    struct guest_tsc *t = &d->arch->tsc;
    uint64_t hz;

    if (mode > TSC_MODE_NEVER_EMULATE)
        return -EINVAL;
    if (khz == 0 || mode == TSC_MODE_NEVER_EMULATE)
        khz = host_khz();
    hz = khz == host_khz() ? tsc_hz : khz * 1000UL;
    *t = (struct guest_tsc){
        .mode = mode,
        .khz = khz,
        .incarnation = incarnation + 1,
        .emulated = must_emulate(d, mode, khz),
        .origin = (uint64_t)now() - elapsed,
        .to_ns = tsc_scale_make(NS_PER_SECOND, hz),
        .to_tsc = tsc_scale_make(hz, NS_PER_SECOND),
    };
    return 0;
}

void guest_tsc_elapsed(const struct domain *d, uint32_t *khz, uint64_t *elapsed)
{
    const struct guest_tsc *t = &d->arch->tsc;

    *khz = t->khz;
    *elapsed = t->emulated ? (uint64_t)now() - t->origin : tsc_scale(t->to_ns, rdtsc());
    if (t->mode == TSC_MODE_NEVER_EMULATE) {
        *khz = 0;
        *elapsed = 0;
    }
}

uint64_t guest_tsc_at(const struct domain *d, s_time_t system)
{
    return tsc_scale(d->arch->tsc.to_tsc, (uint64_t)system - d->arch->tsc.origin);
}

uint64_t guest_tsc_read(struct domain *d)
{
    struct guest_tsc *t = &d->arch->tsc;
    uint64_t time, last;

    if (!t->emulated)
        return rdtsc();
    /* Two CPUs may disagree about now() by less than a cross-CPU message takes. */
    time = (uint64_t)now();
    last = __atomic_load_n(&t->last, __ATOMIC_RELAXED);
    do
        if (time < last)
            time = last;
    while (!__atomic_compare_exchange_n(&t->last, &last, time, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return guest_tsc_at(d, (s_time_t)time);
}
