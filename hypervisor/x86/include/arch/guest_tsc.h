/*
 * The counter that a domain's RDTSC reads: the CPU's own, or one that is computed from system time
 * where RDTSC traps (CR4.TSD), so that a guest keeps its rate and count when it moves to a machine
 * with another counter.
 */
#ifndef ARCH_GUEST_TSC_H
#define ARCH_GUEST_TSC_H

#include <hv/types.h>
#include <arch/tsc.h>

struct domain;

/* As XEN_DOMCTL_settscinfo and CPUID have it (public arch-x86/cpuid.h, leaf 4). */
enum tsc_mode {
    TSC_MODE_DEFAULT, /* emulated if the CPU's has another rate, or cannot be relied on */
    TSC_MODE_ALWAYS_EMULATE,
    TSC_MODE_NEVER_EMULATE,
};

/* Set while the domain is paused. */
struct guest_tsc {
    uint32_t mode;
    uint32_t khz;
    uint32_t incarnation; /* how often it was set: once for each machine that the guest was on */
    bool emulated;
    uint64_t origin;         /* system time, ns, at count 0; emulated */
    struct tsc_scale to_ns;  /* of its ticks */
    struct tsc_scale to_tsc; /* of ns; emulated */
    uint64_t last;           /* system time last read from it; atomic */
};

/* khz 0: the machine's. elapsed: ns that it has counted. d is paused or not running yet. -EINVAL:
 * no such mode. The hardware domain always has the CPU's. */
must_check int guest_tsc_set(struct domain *d, uint32_t mode, uint32_t khz, uint64_t elapsed,
                             uint32_t incarnation);
/* How far it has counted, and at what rate, for its next machine; 0: of no interest. */
void guest_tsc_elapsed(const struct domain *d, uint32_t *khz, uint64_t *elapsed);
/* What d's RDTSC returns now; never less than it did before. */
uint64_t guest_tsc_read(struct domain *d);
/* What an emulated one counted at a system time. */
uint64_t guest_tsc_at(const struct domain *d, s_time_t system);

#endif
