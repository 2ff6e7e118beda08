/*
 * Scaling between the TSC and nanoseconds: value * 2^shift * mul / 2^32, as the PV clock does it.
 * Pure arithmetic in cpu/tsc_scale.c; the machine's own scale and its start are in cpu/time.c.
 */
#ifndef ARCH_TSC_H
#define ARCH_TSC_H

#include <hv/types.h>

struct tsc_scale {
    uint32_t mul; /* top bit set, unless all is 0 */
    int8_t shift; /* -32 .. 31 */
};

/* The scale that turns `from` units into `to` units; from > 0, to > 0, ratio below 2^32. */
struct tsc_scale tsc_scale_make(uint64_t to, uint64_t from);
/* Rounded down; the product is formed with 128 bits, so nothing is lost on the way. */
uint64_t tsc_scale(struct tsc_scale s, uint64_t value);

extern uint64_t tsc_hz;
bool tsc_is_synchronised(void); /* all CPUs online have the same count */

s_time_t tsc_to_ns(uint64_t ticks);    /* a difference */
uint64_t tsc_from_ns(s_time_t ns);     /* a difference, ns >= 0 */
uint64_t tsc_of_time(s_time_t system); /* this CPU's counter at that system time, at least 1 */

#endif
