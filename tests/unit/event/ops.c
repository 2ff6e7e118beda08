/* The operations as a guest calls them, the world they are called in, and main(). */
#include "event_test.h"

struct domain *dom0, *dom1, *dom2;

const struct domain_part *const world_parts[] = { &event_part };
const unsigned int world_nr_parts = 1;

int setup_world(void **state)
{
    (void)state;
    world_reset();
    dom0 = world_domain(0, 2);
    dom1 = world_domain(1, 4);
    dom2 = world_domain(2, 1);
    world_be(dom1, 0);
    return 0;
}

int teardown_world(void **state)
{
    (void)state;
    world_end();
    return 0;
}

#define CALL(op, a) do_event_channel_op(EVTCHNOP_##op, G(&(a)))

long ev_alloc_unbound(domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound a = { .dom = dom, .remote_dom = remote };
    long rc = CALL(alloc_unbound, a);

    return rc ? rc : (long)a.port;
}

long ev_bind_interdomain(domid_t dom, evtchn_port_t port)
{
    struct evtchn_bind_interdomain a = { .remote_dom = dom, .remote_port = port };
    long rc = CALL(bind_interdomain, a);

    return rc ? rc : (long)a.local_port;
}

long ev_bind_virq(unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq a = { .virq = virq, .vcpu = vcpu };
    long rc = CALL(bind_virq, a);

    return rc ? rc : (long)a.port;
}

long ev_bind_ipi(unsigned int vcpu)
{
    struct evtchn_bind_ipi a = { .vcpu = vcpu };
    long rc = CALL(bind_ipi, a);

    return rc ? rc : (long)a.port;
}

long ev_bind_pirq(unsigned int pirq)
{
    struct evtchn_bind_pirq a = { .pirq = pirq };
    long rc = CALL(bind_pirq, a);

    return rc ? rc : (long)a.port;
}

long ev_bind_vcpu(evtchn_port_t port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu a = { .port = port, .vcpu = vcpu };

    return CALL(bind_vcpu, a);
}

long ev_close(evtchn_port_t port)
{
    struct evtchn_close a = { .port = port };

    return CALL(close, a);
}

long ev_send(evtchn_port_t port)
{
    struct evtchn_send a = { .port = port };

    return CALL(send, a);
}

long ev_unmask(evtchn_port_t port)
{
    struct evtchn_unmask a = { .port = port };

    return CALL(unmask, a);
}

long ev_reset(domid_t dom)
{
    struct evtchn_reset a = { .dom = dom };

    return CALL(reset, a);
}

struct evtchn_status ev_status(domid_t dom, evtchn_port_t port, long *rc)
{
    struct evtchn_status a = { .dom = dom, .port = port };

    *rc = CALL(status, a);
    return a;
}

long ev_init_control(uint64_t frame, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control a = { .control_gfn = frame, .offset = offset, .vcpu = vcpu };
    long rc = CALL(init_control, a);

    if (!rc)
        assert_int_equal(a.link_bits, EVTCHN_FIFO_LINK_BITS);
    return rc;
}

long ev_expand_array(uint64_t frame)
{
    struct evtchn_expand_array a = { .array_gfn = frame };

    return CALL(expand_array, a);
}

long ev_set_priority(evtchn_port_t port, unsigned int priority)
{
    struct evtchn_set_priority a = { .port = port, .priority = priority };

    return CALL(set_priority, a);
}

struct ev_pair ev_pair(struct domain *a, struct domain *b)
{
    struct vcpu *before = world.running;
    struct ev_pair pair;
    long port;

    world_be(a, 0);
    port = ev_alloc_unbound(DOMID_SELF, b->id);
    assert_true(port > 0);
    pair.a = (evtchn_port_t)port;
    world_be(b, 0);
    port = ev_bind_interdomain(a->id, pair.a);
    assert_true(port > 0);
    pair.b = (evtchn_port_t)port;
    world.running = before;
    return pair;
}

int main(void)
{
    struct CMUnitTest all[64];
    size_t n = nr_tests_2l + nr_tests_fifo + nr_tests_model;

    assert_true(n <= ARRAY_SIZE(all));
    memcpy(all, tests_2l, nr_tests_2l * sizeof(all[0]));
    memcpy(all + nr_tests_2l, tests_fifo, nr_tests_fifo * sizeof(all[0]));
    memcpy(all + nr_tests_2l + nr_tests_fifo, tests_model, nr_tests_model * sizeof(all[0]));
    return _cmocka_run_group_tests("event", all, n, NULL, NULL);
}
