/* Time on x86: calibration (cpu/calibrate.c), the CPUs' counters, and what guests see (cpu/time.c).
 */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include <hv/domain.h>

/* The TSC's rate in Hz, and in *against what it was measured with. Panics without any timer. */
uint64_t tsc_calibrate(const char **against);

/* Compare a new CPU's counter with the boot CPU's: both sides run at the same time, after
 * tsc_sync_start() and before the new CPU looks at the time. */
void tsc_sync_start(void);
void tsc_sync_boot_cpu(unsigned int cpu);
void tsc_sync_secondary(void);

#endif
