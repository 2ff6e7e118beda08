/*
 * A second vCPU: brought up, running beside or after the first, taken down and up again; events
 * between the two.
 */
#include "guest.h"

static volatile unsigned int stage, seen_on[2];
static volatile bool quit;

static void count(unsigned int port)
{
    (void)port;
    seen_on[vcpu_id() & 1]++;
}

static void second(void *arg)
{
    stage = vcpu_id() == 1 && arg == &stage ? 1 : 100;
    vcpu_op(VCPUOP_down, 1, NULL);
    stage = 2;
    events_enable();
    while (!quit)
        sched_op(SCHEDOP_yield, NULL);
    stage = 3;
}

static void check_life(void)
{
    uint64_t end;

    is(vcpu_op(VCPUOP_is_up, 0, NULL), 1, "vCPU 0 is up");
    is(vcpu_op(VCPUOP_is_up, 1, NULL), 0, "vCPU 1 is down");
    is(vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL, "up before initialise is EINVAL");
    is(vcpu_start(1, second, (void *)&stage), 0, "initialise and up");
    ok(wait_for(&stage, 1) && stage == 1, "it runs where it was told, and knows itself");
    is(vcpu_start(1, second, NULL), -XEN_EEXIST, "initialise again is EEXIST");
    end = time_now() + LATE;
    while (vcpu_op(VCPUOP_is_up, 1, NULL) && time_now() < end)
        sched_op(SCHEDOP_yield, NULL);
    is(vcpu_op(VCPUOP_is_up, 1, NULL), 0, "it went down by itself");
    is(vcpu_op(VCPUOP_up, 1, NULL), 0, "up again");
    ok(wait_for(&stage, 2), "it continues after its down");
    is(vcpu_op(VCPUOP_up, 77, NULL), -XEN_ENOENT, "an unknown vCPU is ENOENT");
    is(vcpu_op(77, 0, NULL), -XEN_ENOSYS, "an unknown operation is ENOSYS");
}

static void check_events(void)
{
    unsigned int port = (unsigned int)event_bind_ipi(1);
    struct evtchn_bind_vcpu bind = { .vcpu = 1 };
    struct evtchn_status status = { .dom = DOMID_SELF };
    struct vcpu_runstate_info runstate;

    event_bind(port, count);
    is(event_send(port), 0, "an event for vCPU 1");
    ok(wait_for(&seen_on[1], 1), "is seen there");
    is(seen_on[0], 0, "and not here");
    event_close(port);

    bind.port = (evtchn_port_t)event_alloc_unbound(DOMID_SELF);
    status.port = (evtchn_port_t)event_bind_interdomain(DOMID_SELF, bind.port);
    is(event_op(EVTCHNOP_bind_vcpu, &bind), 0, "bind an interdomain port to vCPU 1");
    event_bind(bind.port, count);
    time_spin(500000000); /* there may be an event of the binding itself */
    seen_on[0] = seen_on[1] = 0;
    event_send(status.port);
    ok(wait_for(&seen_on[1], 1), "its events are seen there");
    is(event_op(EVTCHNOP_status, &status), 0, "status of the other end");
    is(status.vcpu, 0, "says vCPU 0");
    bind.vcpu = 77;
    is(event_op(EVTCHNOP_bind_vcpu, &bind), -XEN_ENOENT, "an unknown vCPU is ENOENT");
    is(vcpu_op(VCPUOP_get_runstate_info, 1, &runstate), 0, "its run state");
    ok(runstate.state <= RUNSTATE_runnable && runstate.time[RUNSTATE_running] > 0,
       "it ran for %lu us", runstate.time[RUNSTATE_running] / 1000);
}

void guest_main(void)
{
    check_life();
    check_events();
    quit = true;
    ok(wait_for(&stage, 3), "it stops when told");
}
