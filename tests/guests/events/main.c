/*
 * Event channels by the 2-level ABI, all ends in one domain: binding, sending, masking, the upcall,
 * virtual interrupts, polling.
 */
#include "guest.h"

static volatile unsigned int seen[64];

static void count(unsigned int port)
{
    seen[port % 64]++;
}

static unsigned int status_of(unsigned int port)
{
    struct evtchn_status arg = { .dom = DOMID_SELF, .port = port };

    return event_op(EVTCHNOP_status, &arg) ? 99 : arg.status;
}

static void check_interdomain(void)
{
    int server = event_alloc_unbound(DOMID_SELF), client;

    ok(server > 0, "alloc_unbound gives port %d", server);
    is(status_of((unsigned int)server), EVTCHNSTAT_unbound, "it is unbound");
    is(event_send((unsigned int)server), 0, "sending into the void is no error");
    client = event_bind_interdomain(DOMID_SELF, (unsigned int)server);
    ok(client > 0 && client != server, "bind_interdomain gives port %d", client);
    is(status_of((unsigned int)server), EVTCHNSTAT_interdomain, "now it is interdomain");
    ok(event_bind_interdomain(DOMID_SELF, (unsigned int)server) < 0, "it cannot be bound again");

    event_clear((unsigned int)server);
    event_clear((unsigned int)client);
    event_bind((unsigned int)server, count);
    event_bind((unsigned int)client, count);
    events_enable();
    seen[server % 64] = seen[client % 64] = 0;
    is(event_send((unsigned int)client), 0, "send from the client");
    is(seen[server % 64], 1, "the server sees it at once");
    is(event_send((unsigned int)server), 0, "send from the server");
    is(seen[client % 64], 1, "the client sees it at once");

    events_disable();
    event_send((unsigned int)client);
    event_send((unsigned int)client);
    is(seen[server % 64], 1, "with events disabled nothing is delivered");
    ok(event_pending((unsigned int)server), "but it is pending");
    ok(vcpu_info()->evtchn_upcall_pending, "and so is the upcall");
    events_enable();
    is(seen[server % 64], 2, "enabling delivers once for both");

    event_mask((unsigned int)server);
    event_send((unsigned int)client);
    is(seen[server % 64], 2, "a masked port is not delivered");
    event_unmask((unsigned int)server);
    is(seen[server % 64], 3, "unmasking delivers it");
    is(event_close((unsigned int)client), 0, "close the client");
    is(status_of((unsigned int)server), EVTCHNSTAT_unbound, "the server is unbound again");
    is(event_close((unsigned int)server), 0, "close the server");
    is(status_of((unsigned int)server), EVTCHNSTAT_closed, "closed");
    is(event_send((unsigned int)server), -XEN_EINVAL, "sending on a closed port is EINVAL");
}

static void check_ipi(void)
{
    int port = event_bind_ipi(0);

    ok(port > 0, "bind_ipi gives port %d", port);
    is(status_of((unsigned int)port), EVTCHNSTAT_ipi, "its status is ipi");
    event_bind((unsigned int)port, count);
    seen[port % 64] = 0;
    for (int i = 0; i < 1000; i++)
        event_send((unsigned int)port);
    is(seen[port % 64], 1000, "a thousand events to self arrive one by one");
    event_close((unsigned int)port);
    ok(event_bind_ipi(77) < 0, "an unknown vCPU is refused");
}

static void check_virq(void)
{
    int port = event_bind_virq(VIRQ_TIMER, 0);
    uint64_t start;

    ok(port > 0, "bind_virq gives port %d", port);
    is(status_of((unsigned int)port), EVTCHNSTAT_virq, "its status is virq");
    is(event_bind_virq(VIRQ_TIMER, 0), -XEN_EEXIST, "the same VIRQ again is EEXIST");
    is(event_bind_virq(NR_VIRQS + 5, 0), -XEN_EINVAL, "an unknown VIRQ is EINVAL");
    is(event_bind_virq(VIRQ_TIMER, 77), -XEN_ENOENT, "of an unknown vCPU is ENOENT");
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    event_bind((unsigned int)port, count);
    seen[port % 64] = 0;
    start = time_now();
    is(set_timer_op(start + 20000000), 0, "a timer in 20 ms");
    while (!seen[port % 64] && time_now() < start + LATE)
        relax();
    ok(seen[port % 64] && time_now() >= start + 20000000, "it fires, not early");
    start = time_now();
    time_sleep(20000000);
    ok(time_now() >= start + 20000000, "it ends a sleep, not early");
    event_close((unsigned int)port);
}

static void check_poll(void)
{
    evtchn_port_t ports[2] = { (evtchn_port_t)event_bind_ipi(0), (evtchn_port_t)event_bind_ipi(0) };
    struct sched_poll poll = { .nr_ports = 2 };
    uint64_t start = time_now();

    set_xen_guest_handle(poll.ports, ports);
    events_disable();
    event_mask(ports[0]);
    event_mask(ports[1]);
    poll.timeout = start + 20000000;
    is(sched_op(SCHEDOP_poll, &poll), 0, "poll with nothing pending");
    ok(time_now() >= start + 20000000, "lasts until its timeout");
    event_send(ports[1]);
    start = time_now();
    poll.timeout = start + 240000000000;
    is(sched_op(SCHEDOP_poll, &poll), 0, "poll with one pending, though masked");
    ok(time_now() < start + 120000000000, "returns at once");
    poll.nr_ports = 1000000;
    is(sched_op(SCHEDOP_poll, &poll), -XEN_EINVAL, "a million ports are EINVAL");
    poll.nr_ports = 2;
    ports[0] = 0x7fffffff;
    is(sched_op(SCHEDOP_poll, &poll), -XEN_EINVAL, "a wild port is EINVAL");
    event_close(ports[1]);
}

static void check_refusals(void)
{
    struct evtchn_bind_vcpu bind = { .port = 0x7fffffff };

    is(event_send(0), -XEN_EINVAL, "port 0 is reserved");
    is(event_send(0x7fffffff), -XEN_EINVAL, "a wild port is EINVAL");
    is(event_close(0x7fffffff), -XEN_EINVAL, "also to close");
    is(event_op(EVTCHNOP_bind_vcpu, &bind), -XEN_EINVAL, "also to bind");
    is(event_bind_interdomain(999, 1), -XEN_ESRCH, "an unknown domain is ESRCH");
    is(event_bind_interdomain(DOMID_SELF, 0x7fffffff), -XEN_EINVAL, "a wild remote port is EINVAL");
    is(event_op(77, &bind), -XEN_ENOSYS, "an unknown operation is ENOSYS");
    is(event_op(EVTCHNOP_send, (void *)0xdead000ul), -XEN_EFAULT, "a bad pointer is EFAULT");
}

void guest_main(void)
{
    check_interdomain();
    check_ipi();
    check_virq();
    check_poll();
    check_refusals();
}
