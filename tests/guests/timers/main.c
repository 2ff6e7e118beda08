/*
 * Time: it never goes back, timers fire neither early nor much too late, and the run state adds up.
 */
#include "guest.h"

static volatile unsigned int ticks;

static void tick(unsigned int port)
{
    (void)port;
    ticks++;
}

static void wait_ticks(unsigned int count)
{
    uint64_t end = time_now() + LATE;

    while (ticks < count && time_now() < end)
        relax();
}

/* A timer that is set and cancelled again never fires, unless a busy host stalled the machine until
 * it was due: then it is tried again. */
static void check_cancelled(long (*set)(uint64_t deadline), long (*cancel)(void), const char *what)
{
    uint64_t deadline;
    long rc;

    do {
        deadline = time_now() + 20000000;
        ticks = 0;
        set(deadline);
        rc = cancel();
    } while (time_now() >= deadline);
    is(rc, 0, "%s", what);
    time_spin(60000000);
    is(ticks, 0, "nothing fires");
}

static long cancel_timer(void)
{
    return set_timer_op(0);
}

static long set_singleshot(uint64_t deadline)
{
    struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = deadline };

    return vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
}

static long stop_singleshot(void)
{
    return vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
}

static void check_monotonic(void)
{
    uint64_t last = time_now(), backwards = 0, start = last, tsc = read_tsc();

    for (int i = 0; i < 200000; i++) {
        uint64_t now = time_now();

        backwards += now < last;
        last = now;
    }
    is((long)backwards, 0, "time did not go back in 200000 readings");
    ok(last > start && read_tsc() > tsc, "it went on by %lu us", (last - start) / 1000);
}

static void check_set_timer(void)
{
    uint64_t start = time_now();

    ticks = 0;
    is(set_timer_op(start + 10000000), 0, "set_timer_op in 10 ms");
    wait_ticks(1);
    ok(ticks == 1 && time_now() >= start + 10000000, "fires, not early");
    note("%lu us late", (time_now() - start - 10000000) / 1000);
    ticks = 0;
    is(set_timer_op(1), 0, "a deadline in the past");
    wait_ticks(1);
    is(ticks, 1, "fires at once");
    check_cancelled(set_timer_op, cancel_timer, "deadline 0 cancels");
}

static void check_singleshot(void)
{
    uint64_t deadline = time_now() + 10000000;

    ticks = 0;
    is(set_singleshot(deadline), 0, "single-shot timer in 10 ms");
    wait_ticks(1);
    ok(ticks == 1 && time_now() >= deadline, "fires, not early");
    check_cancelled(set_singleshot, stop_singleshot, "stop it");
}

static void check_periodic(void)
{
    struct vcpu_set_periodic_timer timer = { .period_ns = 10000000 };
    uint64_t start, ms;
    unsigned int seen;

    is(vcpu_op(VCPUOP_set_periodic_timer, 0, &timer), 0, "a timer every 10 ms");
    ticks = 0;
    start = time_now();
    wait_ticks(20);
    seen = ticks; /* before the time: what comes in between is not too much */
    ms = (time_now() - start) / 1000000;
    ok(seen >= 20 && seen <= ms / 10 + 2, "%u ticks in %lu ms", seen, ms);
    is(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0, "stop it");
    ticks = 0;
    time_spin(50000000);
    ok(ticks <= 1, "it stopped");
    timer.period_ns = 10;
    is(vcpu_op(VCPUOP_set_periodic_timer, 0, &timer), -XEN_EINVAL, "every 10 ns is EINVAL");
}

static void check_runstate(void)
{
    static struct vcpu_runstate_info info, area;
    struct vcpu_register_runstate_memory_area registration;
    uint64_t sum = 0, blocked, end = time_now() + LATE;

    registration.addr.v = &area;
    is(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &registration), 0,
       "register a runstate area");
    is(area.state, RUNSTATE_running, "it says running");
    is(vcpu_op(VCPUOP_get_runstate_info, 0, &info), 0, "get_runstate_info");
    is(info.state, RUNSTATE_running, "so does it");
    for (int i = 0; i < 4; i++)
        sum += info.time[i];
    ok(info.time[RUNSTATE_running] > 0 && sum <= time_now(), "times add up to %lu us", sum / 1000);
    blocked = info.time[RUNSTATE_blocked];
    do {
        time_sleep(20000000);
        vcpu_op(VCPUOP_get_runstate_info, 0, &info);
    } while (info.time[RUNSTATE_blocked] < blocked + 5000000 && time_now() < end);
    ok(info.time[RUNSTATE_blocked] >= blocked + 5000000, "blocking counts as blocked: %lu us",
       (info.time[RUNSTATE_blocked] - blocked) / 1000);
    ok(area.time[RUNSTATE_blocked] >= blocked + 5000000, "in the area as well");
    is(vcpu_op(VCPUOP_get_runstate_info, 77, &info), -XEN_ENOENT, "of an unknown vCPU: ENOENT");
}

static void check_time_area(void)
{
    static struct vcpu_time_info area;
    struct vcpu_register_time_memory_area registration;

    registration.addr.v = &area;
    is(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &registration), 0, "register a time area");
    ok(area.tsc_to_system_mul == vcpu_info()->time.tsc_to_system_mul, "it is filled in");
}

void guest_main(void)
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    event_bind((unsigned int)port, tick);
    events_enable();
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    check_monotonic();
    check_set_timer();
    check_singleshot();
    check_periodic();
    check_runstate();
    check_time_area();
}
