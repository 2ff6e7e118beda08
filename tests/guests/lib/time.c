/*
 * System time from the running vCPU's time record: nanoseconds at a TSC reading plus a scaled TSC
 * delta. The version is odd while the hypervisor writes, and changes with every write.
 */
#include "guest.h"

uint64_t read_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

uint64_t time_now(void)
{
    const volatile struct vcpu_time_info *info = &vcpu_info()->time;
    uint64_t now;
    uint32_t version;

    do {
        uint64_t delta;

        version = info->version;
        barrier();
        delta = read_tsc() - info->tsc_timestamp;
        if (info->tsc_shift >= 0)
            delta <<= info->tsc_shift;
        else
            delta >>= -info->tsc_shift;
        now = info->system_time +
              (uint64_t)((unsigned __int128)delta * info->tsc_to_system_mul >> 32);
        barrier();
    } while ((version & 1) || version != info->version);
    return now;
}

void time_spin(uint64_t ns)
{
    uint64_t end = time_now() + ns;

    while (time_now() < end)
        relax();
}

bool wait_for(volatile unsigned int *value, unsigned int wanted)
{
    uint64_t end = time_now() + LATE;

    while (*value < wanted && time_now() < end)
        sched_op(SCHEDOP_yield, NULL);
    return *value >= wanted;
}

/* Events are off until the block turns them on: a timer that fires before it must not be missed. */
void time_sleep(uint64_t ns)
{
    events_disable();
    set_timer_op(time_now() + ns);
    sched_op(SCHEDOP_block, NULL);
}
