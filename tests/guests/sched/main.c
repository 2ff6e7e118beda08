/*
 * sched_op as one vCPU sees it: yielding, sleeping until an event, watchdogs.
 */
#include "guest.h"

static volatile bool fired;

static void fire(unsigned int port)
{
    (void)port;
    fired = true;
}

void guest_main(void)
{
    struct sched_watchdog watchdog = { .timeout = 1000 };
    int port = event_bind_virq(VIRQ_TIMER, 0);
    uint64_t start, end;
    long id;

    is(sched_op(SCHEDOP_yield, NULL), 0, "yield");
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    event_bind((unsigned int)port, fire);
    events_enable();
    events_disable();
    fired = false;
    start = time_now();
    set_timer_op(start + 30000000);
    is(sched_op(SCHEDOP_block, NULL), 0, "block, with events disabled");
    ok(fired && time_now() >= start + 30000000, "enables them, and sleeps until the timer");
    is(vcpu_info()->evtchn_upcall_mask, 0, "they stay enabled");

    events_disable();
    fired = false;
    set_timer_op(1);
    end = time_now() + LATE;
    while (!vcpu_info()->evtchn_upcall_pending && time_now() < end)
        relax();
    ok(!fired && vcpu_info()->evtchn_upcall_pending, "an event is pending");
    is(sched_op(SCHEDOP_block, NULL), 0, "block");
    ok(fired, "does not sleep then"); /* nothing would wake it */

    is(sched_op(SCHEDOP_shutdown, (void *)0xdead000ul), -XEN_EFAULT, "a bad pointer is EFAULT");
    is(sched_op(77, NULL), -XEN_ENOSYS, "an unknown operation is ENOSYS");
    id = sched_op(SCHEDOP_watchdog, &watchdog);
    ok(id > 0, "a watchdog of 1000 s gives id %ld", id);
    watchdog.id = (uint32_t)id;
    watchdog.timeout = 0;
    is(sched_op(SCHEDOP_watchdog, &watchdog), 0, "it can be stopped");
    is(sched_op(SCHEDOP_watchdog, &watchdog), -XEN_EINVAL, "stopping it again is EINVAL");
    watchdog.id = 99;
    is(sched_op(SCHEDOP_watchdog, &watchdog), -XEN_EINVAL, "an unknown one is EINVAL");
}
