/* The PC's battery-backed clock. */
#ifndef ARCH_RTC_H
#define ARCH_RTC_H

#include <stdint.h>

/* UTC in seconds since 1970; 0 if the clock does not hold a date. Takes up to 20 ms. */
uint64_t rtc_read_utc(void);

#endif
