/* Binding, closing, sending by the 2-level ABI; error codes; VIRQs; polling; the hypervisor's own
 * channels; allocation to the last port. */
#include "event_test.h"

static bool bit(const xen_ulong_t *map, unsigned int n)
{
    return map[n / 64] >> (n % 64) & 1;
}

static bool pending(const struct domain *d, evtchn_port_t port)
{
    return bit(d->shared_info->evtchn_pending, port);
}

static void clear_pending(struct domain *d, evtchn_port_t port)
{
    d->shared_info->evtchn_pending[port / 64] &= ~(1UL << port % 64);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        d->vcpu[i]->info->evtchn_pending_sel = 0;
        d->vcpu[i]->info->evtchn_upcall_pending = 0;
    }
}

static void mask(struct domain *d, evtchn_port_t port)
{
    d->shared_info->evtchn_mask[port / 64] |= 1UL << port % 64;
}

static unsigned int status_of(domid_t dom, long port)
{
    long rc;
    struct evtchn_status s = ev_status(dom, (evtchn_port_t)port, &rc);

    assert_int_equal(rc, 0);
    return s.status;
}

static void test_interdomain(void **state)
{
    struct evtchn_status s;
    struct ev_pair p;
    long server, client, rc;

    (void)state;
    server = ev_alloc_unbound(DOMID_SELF, 2);
    assert_int_equal(server, 1);
    s = ev_status(DOMID_SELF, 1, &rc);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.u.unbound.dom, 2);
    assert_int_equal(ev_send(1), 0);

    world_be(dom0, 0);
    assert_int_equal(ev_bind_interdomain(1, 1), -EINVAL); /* meant for 2 */
    world_be(dom2, 0);
    assert_int_equal(ev_bind_interdomain(7, 1), -ESRCH);
    assert_int_equal(ev_bind_interdomain(1, 0), -EINVAL);
    assert_int_equal(ev_bind_interdomain(1, 2), -EINVAL);
    assert_int_equal(ev_bind_interdomain(1, 70000), -EINVAL);
    assert_int_equal(ev_bind_interdomain(1, ~0U), -EINVAL);
    client = ev_bind_interdomain(1, 1);
    assert_int_equal(client, 1); /* the failures took no port */
    assert_true(pending(dom2, 1));
    assert_true(event_upcall_pending(dom2->vcpu[0]));
    assert_int_equal(world.kicks[2][0], 1);
    assert_int_equal(ev_bind_interdomain(1, 1), -EINVAL); /* taken */

    s = ev_status(DOMID_SELF, 1, &rc);
    assert_int_equal(s.status, EVTCHNSTAT_interdomain);
    assert_int_equal(s.u.interdomain.dom, 1);
    assert_int_equal(s.u.interdomain.port, 1);

    assert_int_equal(ev_send(1), 0);
    assert_true(pending(dom1, 1));
    assert_int_equal(world.kicks[1][0], 1);
    assert_int_equal(ev_send(1), 0); /* already pending: nobody is told */
    assert_int_equal(world.kicks[1][0], 1);

    assert_int_equal(ev_close(1), 0);
    assert_false(pending(dom2, 1));
    assert_int_equal(status_of(DOMID_SELF, 1), EVTCHNSTAT_closed);
    assert_int_equal(ev_close(1), -EINVAL);
    assert_int_equal(ev_send(1), -EINVAL);
    world_be(dom1, 0);
    s = ev_status(DOMID_SELF, 1, &rc);
    assert_int_equal(s.status, EVTCHNSTAT_unbound); /* waits again for */
    assert_int_equal(s.u.unbound.dom, 2);
    world_be(dom2, 0);
    assert_int_equal(ev_bind_interdomain(1, 1), 1);

    p = ev_pair(dom1, dom1); /* loopback */
    world_be(dom1, 0);
    clear_pending(dom1, p.a);
    clear_pending(dom1, p.b);
    assert_int_equal(ev_send(p.a), 0);
    assert_true(pending(dom1, p.b) && !pending(dom1, p.a));
    assert_int_equal(ev_close(p.b), 0);
    assert_int_equal(status_of(DOMID_SELF, p.a), EVTCHNSTAT_unbound);
}

static void test_rights(void **state)
{
    long rc;

    (void)state;
    assert_int_equal(ev_alloc_unbound(2, DOMID_SELF), -EPERM);
    assert_int_equal(ev_alloc_unbound(7, DOMID_SELF), -ESRCH);
    ev_status(2, 1, &rc);
    assert_int_equal(rc, -EPERM);
    assert_int_equal(ev_reset(2), -EPERM);
    world_be(dom0, 0);
    assert_int_equal(ev_alloc_unbound(2, DOMID_SELF), 1);
    assert_int_equal(status_of(2, 1), EVTCHNSTAT_unbound);
    assert_int_equal(ev_reset(2), -EINVAL); /* it runs */
    dom2->pause_count = 1;
    assert_int_equal(ev_reset(2), 0);
    assert_int_equal(status_of(2, 1), EVTCHNSTAT_closed);
    ev_status(2, 131072, &rc);
    assert_int_equal(rc, -EINVAL);
    world_domain(3, 0); /* has no vCPU yet that could be told of an event */
    assert_int_equal(ev_alloc_unbound(3, DOMID_SELF), -EINVAL);
}

static void test_bad_calls(void **state)
{
    struct evtchn_bind_ipi a = { .vcpu = 0 };

    (void)state;
    assert_int_equal(do_event_channel_op(-1, G(&a)), -ENOSYS);
    assert_int_equal(do_event_channel_op(14, G(&a)), -ENOSYS);
    assert_int_equal(do_event_channel_op(INT32_MAX, G(&a)), -ENOSYS);
    for (int cmd = 0; cmd < 14; cmd++)
        assert_int_equal(do_event_channel_op(cmd, BAD_POINTER), -EFAULT);
    assert_int_equal(ev_close(0), -EINVAL);
    assert_int_equal(ev_send(0), -EINVAL);
    assert_int_equal(ev_send(5), -EINVAL);
    assert_int_equal(ev_send(~0U), -EINVAL);
    assert_int_equal(ev_unmask(~0U), -EINVAL);
    assert_int_equal(ev_unmask(5), 0); /* closed, but possible */
    assert_int_equal(ev_bind_vcpu(5, 0), -EINVAL);
    assert_int_equal(ev_bind_vcpu(0, 0), -EINVAL);
    assert_int_equal(ev_set_priority(5, 0), -ENOSYS); /* not in this ABI */
    assert_int_equal(ev_set_priority(5, 16), -EINVAL);
    assert_int_equal(ev_expand_array(world_page(dom1).v), -EOPNOTSUPP);
}

static void test_ipi_and_virq(void **state)
{
    struct evtchn_status s;
    long ipi, timer, rc;

    (void)state;
    ipi = ev_bind_ipi(3);
    assert_true(ipi > 0);
    assert_int_equal(ev_bind_ipi(4), -ENOENT);
    assert_int_equal(ev_send((evtchn_port_t)ipi), 0);
    assert_true(dom1->vcpu[3]->info->evtchn_upcall_pending);
    assert_int_equal(dom1->vcpu[3]->info->evtchn_pending_sel, 1);
    assert_int_equal(world.kicks[1][3], 1);
    assert_int_equal(ev_bind_vcpu((evtchn_port_t)ipi, 1), -EINVAL);

    timer = ev_bind_virq(VIRQ_TIMER, 2);
    assert_true(timer > 0);
    assert_int_equal(ev_bind_virq(VIRQ_TIMER, 2), -EEXIST);
    assert_true(ev_bind_virq(VIRQ_TIMER, 1) > 0);
    assert_int_equal(ev_bind_virq(VIRQ_TIMER, 4), -ENOENT);
    assert_int_equal(ev_bind_virq(NR_VIRQS, 0), -EINVAL);
    assert_int_equal(ev_bind_virq(~0U, 0), -EINVAL);
    assert_int_equal(ev_bind_virq(VIRQ_CONSOLE, 1), -EINVAL); /* global ones begin at vCPU 0 */
    assert_int_equal(ev_send((evtchn_port_t)timer), -EINVAL);
    assert_int_equal(ev_bind_vcpu((evtchn_port_t)timer, 0), -EINVAL);
    event_send_vcpu_virq(dom1->vcpu[2], VIRQ_TIMER);
    assert_true(pending(dom1, (evtchn_port_t)timer));
    assert_int_equal(world.kicks[1][2], 1);
    event_send_vcpu_virq(dom1->vcpu[2], VIRQ_DEBUG); /* not bound */
    s = ev_status(DOMID_SELF, (evtchn_port_t)timer, &rc);
    assert_int_equal(s.status, EVTCHNSTAT_virq);
    assert_int_equal(s.vcpu, 2);
    assert_int_equal(s.u.virq, VIRQ_TIMER);
    assert_int_equal(ev_close((evtchn_port_t)timer), 0);
    event_send_vcpu_virq(dom1->vcpu[2], VIRQ_TIMER);
    assert_false(pending(dom1, (evtchn_port_t)timer));
    assert_int_equal(ev_bind_virq(VIRQ_TIMER, 2), timer);
}

static void test_global_virq(void **state)
{
    evtchn_port_t port;

    (void)state;
    event_send_global_virq(VIRQ_CONSOLE);
    world_be(dom0, 0);
    port = (evtchn_port_t)ev_bind_virq(VIRQ_CONSOLE, 0);
    assert_int_equal(port, 1);
    assert_int_equal(ev_bind_vcpu(port, 1), 0);
    assert_int_equal(ev_bind_vcpu(port, 2), -ENOENT);
    event_send_global_virq(VIRQ_CONSOLE);
    assert_true(pending(dom0, port));
    assert_int_equal(world.kicks[0][0], 0);
    assert_int_equal(world.kicks[0][1], 1);
    assert_int_equal(ev_close(port), 0);
    assert_int_equal(ev_bind_virq(VIRQ_CONSOLE, 0), port);
}

/* The control domain gives a global VIRQ away; it comes back when the new handler dies. */
static void test_virq_handler(void **state)
{
    evtchn_port_t port0, port2;

    (void)state;
    world_be(dom0, 0);
    port0 = (evtchn_port_t)ev_bind_virq(VIRQ_DOM_EXC, 0);
    world_be(dom2, 0);
    port2 = (evtchn_port_t)ev_bind_virq(VIRQ_DOM_EXC, 0);
    assert_true(port2 > 0);
    assert_int_equal(event_set_virq_handler(dom2, VIRQ_TIMER), -EINVAL);
    assert_int_equal(event_set_virq_handler(dom2, NR_VIRQS), -EINVAL);
    assert_int_equal(event_set_virq_handler(dom2, ~0U), -EINVAL);
    event_send_global_virq(VIRQ_DOM_EXC);
    assert_true(pending(dom0, port0) && !pending(dom2, port2));
    clear_pending(dom0, port0);

    assert_int_equal(event_set_virq_handler(dom1, VIRQ_DOM_EXC), 0); /* has not bound it */
    event_send_global_virq(VIRQ_DOM_EXC);
    assert_true(!pending(dom0, port0) && !pending(dom2, port2));
    assert_int_equal(event_set_virq_handler(dom2, VIRQ_DOM_EXC), 0);
    assert_int_equal(event_set_virq_handler(dom2, VIRQ_DOM_EXC), 0);
    assert_int_equal(event_set_virq_handler(dom2, VIRQ_ARGO), 0);
    assert_int_equal(dom1->refs, 1);
    assert_int_equal(dom2->refs, 3);
    event_send_global_virq(VIRQ_DOM_EXC);
    assert_true(!pending(dom0, port0) && pending(dom2, port2));
    world_kill(dom2);
    assert_int_equal(dom2->refs, 1);
    assert_int_equal(event_set_virq_handler(dom2, VIRQ_DOM_EXC), -EINVAL);
    event_send_global_virq(VIRQ_DOM_EXC);
    assert_true(pending(dom0, port0));
}

static void test_masking(void **state)
{
    evtchn_port_t ipi = (evtchn_port_t)ev_bind_ipi(0);

    (void)state;
    mask(dom1, ipi);
    assert_int_equal(ev_send(ipi), 0);
    assert_true(pending(dom1, ipi));
    assert_int_equal(world.kicks[1][0], 0);
    assert_int_equal(ev_unmask(ipi), 0);
    assert_int_equal(world.kicks[1][0], 1);
    assert_true(event_upcall_pending(dom1->vcpu[0]));
    dom1->vcpu[0]->info->evtchn_upcall_mask = 1;
    assert_false(event_upcall_pending(dom1->vcpu[0]));
    assert_int_equal(ev_unmask(ipi), 0); /* not masked: nothing */
    assert_int_equal(world.kicks[1][0], 1);
    clear_pending(dom1, ipi);
    mask(dom1, ipi);
    assert_int_equal(ev_unmask(ipi), 0); /* not pending: nothing */
    assert_int_equal(world.kicks[1][0], 1);
    event_vcpu_info_moved(dom1->vcpu[0]);
    assert_int_equal(world.kicks[1][0], 2);
    assert_true(dom1->vcpu[0]->info->evtchn_pending_sel == ~0UL);
}

static void test_bind_vcpu(void **state)
{
    struct ev_pair p = ev_pair(dom1, dom2);

    (void)state;
    assert_int_equal(ev_bind_vcpu(p.a, 2), 0);
    world_be(dom2, 0);
    ev_send(p.b);
    assert_int_equal(world.kicks[1][2], 1);
    world_be(dom1, 0);
    assert_int_equal(ev_close(p.a), 0);
    assert_int_equal(ev_alloc_unbound(DOMID_SELF, 2), p.a); /* back to vCPU 0 */
    world_be(dom2, 0);
    assert_true(ev_bind_interdomain(1, p.a) > 0);
    ev_send(2);
    assert_int_equal(world.kicks[1][0], 1);
}

static void test_polling(void **state)
{
    evtchn_port_t ipi = (evtchn_port_t)ev_bind_ipi(0), other = (evtchn_port_t)ev_bind_ipi(0);
    struct vcpu *poller = dom1->vcpu[3];

    (void)state;
    mask(dom1, ipi);
    mask(dom1, other);
    assert_int_equal(event_port_is_pending(dom1, 77), -EINVAL);
    assert_int_equal(event_port_is_pending(dom1, 0), -EINVAL);
    poller->poll_port = ipi;
    poller->pause_flags |= BIT(VCPU_POLLING);
    assert_int_equal(event_port_is_pending(dom1, ipi), 0);
    ev_send(other);
    assert_int_equal(world.kicks[1][3], 0); /* not its port */
    ev_send(ipi);
    assert_int_equal(world.kicks[1][3], 1); /* though masked, and another vCPU's */
    assert_int_equal(event_port_is_pending(dom1, ipi), 1);
    clear_pending(dom1, ipi);
    clear_pending(dom1, other);
    poller->poll_port = 0; /* several */
    assert_int_equal(event_port_is_pending(dom1, ipi), 0);
    ev_send(other);
    assert_int_equal(world.kicks[1][3], 2);
    poller->pause_flags = 0;
    clear_pending(dom1, ipi);
    ev_send(ipi);
    assert_int_equal(world.kicks[1][3], 2);
}

static evtchn_port_t heard;

static void hear(struct vcpu *v, evtchn_port_t port)
{
    assert_ptr_equal(v->domain, dom1);
    assert_int_equal(v->id, 2);
    heard = port;
}

static void test_xen_channels(void **state)
{
    evtchn_port_t port, client;
    long rc;

    (void)state;
    assert_int_equal(event_alloc_unbound_xen(dom1, 4, 0, hear), -EINVAL);
    rc = event_alloc_unbound_xen(dom1, 2, 0, hear);
    assert_true(rc > 0);
    port = (evtchn_port_t)rc;
    assert_int_equal(ev_close(port), -EINVAL); /* not its own to use */
    assert_int_equal(ev_send(port), -EINVAL);
    assert_int_equal(ev_bind_vcpu(port, 0), -EINVAL);
    event_notify_xen(dom1, port); /* nobody there */
    world_be(dom0, 0);
    client = (evtchn_port_t)ev_bind_interdomain(1, port);
    assert_int_equal(client, 1);
    assert_int_equal(ev_send(client), 0);
    assert_int_equal(heard, port);
    assert_false(pending(dom1, port));
    clear_pending(dom0, client);
    event_notify_xen(dom1, port);
    assert_true(pending(dom0, client));
    world_be(dom1, 0);
    assert_int_equal(ev_reset(DOMID_SELF), 0); /* leaves it alone */
    assert_int_equal(status_of(DOMID_SELF, port), EVTCHNSTAT_interdomain);
    event_close_xen(dom1, port);
    assert_int_equal(status_of(DOMID_SELF, port), EVTCHNSTAT_closed);
    world_be(dom0, 0);
    assert_int_equal(status_of(DOMID_SELF, client), EVTCHNSTAT_unbound);
    assert_int_equal(ev_close(client), 0);
}

/* ---- physical interrupts ---- */

static int pirq_result;
static evtchn_port_t pirq_port;
static bool pirq_fires;
static const struct vcpu *pirq_vcpu;

int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable)
{
    assert_int_equal(pirq, 9);
    assert_false(shareable);
    pirq_port = port;
    pirq_vcpu = v;
    if (pirq_fires)
        event_send_port(v->domain, port);
    assert_int_equal(ev_close(port), -EBUSY); /* not while it is being bound */
    return pirq_result;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    assert_int_equal(pirq, 9);
    assert_ptr_equal(d, pirq_vcpu->domain);
    pirq_vcpu = NULL;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    assert_int_equal(pirq, 9);
    assert_ptr_equal(d, v->domain);
    pirq_vcpu = v;
}

static void test_pirq(void **state)
{
    evtchn_port_t port;
    struct evtchn_status s;
    long rc;

    (void)state;
    pirq_result = -EINVAL;
    assert_int_equal(ev_bind_pirq(9), -EINVAL);
    assert_int_equal(status_of(DOMID_SELF, pirq_port), EVTCHNSTAT_closed);
    pirq_result = 0;
    pirq_fires = true;
    port = (evtchn_port_t)ev_bind_pirq(9);
    assert_int_equal(port, pirq_port);
    assert_true(pending(dom1, port));
    s = ev_status(DOMID_SELF, port, &rc);
    assert_int_equal(s.status, EVTCHNSTAT_pirq);
    assert_int_equal(s.u.pirq, 9);
    assert_int_equal(ev_send(port), -EINVAL);
    assert_int_equal(ev_bind_vcpu(port, 1), 0);
    assert_ptr_equal(pirq_vcpu, dom1->vcpu[1]);
    clear_pending(dom1, port);
    event_send_port(dom1, port);
    assert_int_equal(world.kicks[1][1], 1);
    assert_int_equal(ev_close(port), 0);
    assert_null(pirq_vcpu);
    event_send_port(dom1, port);
    assert_false(pending(dom1, port));
    event_send_port(dom1, ~0U);
    assert_int_equal(ev_bind_pirq(9), port);
}

/* ---- quantity ---- */

static void test_quota(void **state)
{
    unsigned int n = 0;

    (void)state;
    while (ev_bind_ipi(0) > 0)
        n++;
    assert_int_equal(n, 1023);
    assert_int_equal(ev_bind_ipi(0), -ENOSPC);
    assert_int_equal(ev_close(500), 0);
    assert_int_equal(ev_bind_ipi(0), 500);
    event_set_max_port(dom1, 1024);
    assert_int_equal(ev_bind_ipi(0), 1024);
    assert_int_equal(ev_bind_ipi(0), -ENOSPC);
    world_be(dom0, 0);
    for (n = 0; ev_bind_ipi(0) > 0; n++)
        ;
    assert_int_equal(n, EVTCHN_2L_NR_CHANNELS - 1);
    assert_int_equal(ev_close(4095), 0);
    assert_int_equal(ev_close(64), 0);
    assert_int_equal(ev_bind_ipi(0), 64);
    assert_int_equal(ev_bind_ipi(0), 4095);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 63; i++)
        assert_true(ev_bind_ipi(0) > 0);
    world.allocations_before_failure = 0;
    assert_int_equal(ev_bind_ipi(0), -ENOMEM); /* the next bucket */
    assert_int_equal(ev_alloc_unbound(DOMID_SELF, 0), -ENOMEM);
    assert_int_equal(ev_bind_virq(VIRQ_DEBUG, 0), -ENOMEM);
    world.allocations_before_failure = -1;
    assert_int_equal(ev_bind_virq(VIRQ_DEBUG, 0), 64);
}

static void test_reset(void **state)
{
    struct ev_pair p[100];
    unsigned int calls = 0;
    long rc;

    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        p[i] = ev_pair(dom1, dom2);
    assert_true(ev_bind_virq(VIRQ_TIMER, 1) > 0);
    do {
        world.continued.set = false;
        world.work_before_preemption = 7;
        rc = ev_reset(DOMID_SELF);
        calls++;
        if (world.continued.set) {
            assert_int_equal(world.continued.op, __HYPERVISOR_event_channel_op);
            assert_int_equal(world.continued.args[0], EVTCHNOP_reset);
        }
    } while (world.continued.set);
    assert_int_equal(rc, 0);
    assert_in_range(calls, 10, 20);
    world.work_before_preemption = -1;
    assert_true(ev_bind_virq(VIRQ_TIMER, 1) > 0);
    world_be(dom2, 0);
    for (unsigned int i = 0; i < 100; i++)
        assert_int_equal(status_of(DOMID_SELF, p[i].b), EVTCHNSTAT_unbound);
}

static void test_death(void **state)
{
    struct ev_pair p = ev_pair(dom1, dom2), q = ev_pair(dom2, dom1);

    (void)state;
    assert_true(ev_alloc_unbound(DOMID_SELF, 2) > 0);
    assert_true(event_alloc_unbound_xen(dom1, 2, 0, hear) > 0);
    world_kill(dom1);
    world_be(dom2, 0);
    assert_int_equal(status_of(DOMID_SELF, p.b), EVTCHNSTAT_unbound);
    assert_int_equal(status_of(DOMID_SELF, q.a), EVTCHNSTAT_unbound);
    assert_int_equal(ev_bind_interdomain(1, 3), -EINVAL);
    world_be(dom0, 0);
    assert_int_equal(ev_alloc_unbound(1, 0), -EINVAL);
    assert_int_equal(dom1->refs, 1);
    world_kill(dom1); /* again: nothing to do */
}

static void test_print(void **state)
{
    (void)state;
    ev_pair(dom1, dom2);
    ev_bind_ipi(1);
    ev_bind_virq(VIRQ_TIMER, 0);
    event_print(dom1);
}

/* All operations at random, by three domains; the world's end finds what leaks. */
static void test_random(void **state)
{
    struct domain *const who[] = { dom0, dom1, dom2 };

    (void)state;
    pirq_result = 0;
    pirq_fires = true;
    srand(1);
    for (unsigned int i = 0; i < 200000; i++) {
        evtchn_port_t port = (evtchn_port_t)rand() % 40;
        domid_t dom = (domid_t)(rand() % 3);

        world_be(who[rand() % 3], 0);
        switch (rand() % 9) {
        case 0:
            ev_alloc_unbound(DOMID_SELF, dom);
            break;
        case 1:
        case 2:
            ev_bind_interdomain(dom, port);
            break;
        case 3:
        case 4:
            ev_close(port);
            break;
        case 5:
            ev_bind_virq((unsigned int)rand() % NR_VIRQS, (unsigned int)rand() % 2);
            break;
        case 6:
            ev_bind_vcpu(port, (unsigned int)rand() % 4);
            break;
        case 7:
            ev_unmask(port);
            break;
        default:
            ev_send(port);
            break;
        }
    }
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup_world, teardown_world)

const struct CMUnitTest tests_2l[] = {
    T(interdomain),   T(rights),    T(bad_calls), T(ipi_and_virq), T(global_virq), T(virq_handler),
    T(masking),       T(bind_vcpu), T(polling),   T(xen_channels), T(pirq),        T(quota),
    T(out_of_memory), T(reset),     T(death),     T(print),        T(random),
};
const size_t nr_tests_2l = ARRAY_SIZE(tests_2l);
