/* Time. System time is monotonic nanoseconds since start, the same on every CPU within the skew of
 * the synchronised counters; wall clock is kept as the offset between it and UTC. */
#ifndef HV_TIME_H
#define HV_TIME_H

#include <hv/types.h>

s_time_t now(void); /* arch: counter to nanoseconds */
void time_set_wallclock(uint64_t secs, uint32_t nsecs, s_time_t system_time);
struct domain;
/* Tell one domain, or all, what the wall clock is. */
void time_publish(struct domain *d);
/* UTC at system time 0. */
void time_get_wallclock_base(uint64_t *secs, uint32_t *nsecs);
void delay_us(unsigned int us); /* busy wait */

#endif
