/* The clock that the daemon's parts look at: the linker gives them this one (libs). */
#include "world.h"

#include <time.h>

static struct timespec stopped_at;
static bool stopped;

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    if (!stopped)
        return __real_clock_gettime(clock, t);
    *t = stopped_at;
    return 0;
}

void world_stop_clock(bool stop)
{
    stopped = false;
    clock_gettime(CLOCK_MONOTONIC, &stopped_at);
    stopped = stop;
}
