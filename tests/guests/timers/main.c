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

static void wait_tick(uint64_t limit_ns)
{
    uint64_t end = time_now() + limit_ns;

    while (!ticks && time_now() < end)
        relax();
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
    wait_tick(2000000000);
    ok(ticks == 1 && time_now() >= start + 10000000, "fires, not early");
    note("%lu us late", (time_now() - start - 10000000) / 1000);
    ticks = 0;
    is(set_timer_op(1), 0, "a deadline in the past");
    wait_tick(2000000000);
    is(ticks, 1, "fires at once");
    ticks = 0;
    set_timer_op(time_now() + 20000000);
    is(set_timer_op(0), 0, "deadline 0 cancels");
    time_spin(60000000);
    is(ticks, 0, "nothing fires");
}

static void check_singleshot(void)
{
    struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = time_now() + 10000000 };

    ticks = 0;
    is(vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer), 0, "single-shot timer in 10 ms");
    wait_tick(2000000000);
    ok(ticks == 1 && time_now() >= timer.timeout_abs_ns, "fires, not early");
    timer.timeout_abs_ns = time_now() + 20000000;
    ticks = 0;
    vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
    is(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0, "stop it");
    time_spin(60000000);
    is(ticks, 0, "nothing fires");
}

static void check_periodic(void)
{
    struct vcpu_set_periodic_timer timer = { .period_ns = 10000000 };
    uint64_t end;

    is(vcpu_op(VCPUOP_set_periodic_timer, 0, &timer), 0, "a timer every 10 ms");
    ticks = 0;
    end = time_now() + 200000000;
    while (time_now() < end)
        relax();
    ok(ticks >= 5 && ticks <= 22, "%u ticks in 200 ms", ticks);
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
    uint64_t sum = 0, blocked;

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
    time_sleep(20000000);
    vcpu_op(VCPUOP_get_runstate_info, 0, &info);
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
