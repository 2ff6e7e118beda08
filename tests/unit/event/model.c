/*
 * Random operations of three domains, of which the first is the control domain, against a model of
 * what each port is bound to and whether it is pending. The model foretells every answer; after
 * each step the state of every port is compared. 2-level ABI: what a queue does with an event is
 * tested elsewhere.
 */
#include "event_test.h"

#define DOMAINS 3U
#define PORTS   24U /* 1 to 23 */
#define VCPUS   2U
#define STEPS   60000U

static struct domain *who[DOMAINS];
static struct port {
    unsigned int state; /* EVTCHNSTAT_* */
    unsigned int remote, remote_port;
    unsigned int virq, vcpu;
    bool pending;
} model[DOMAINS][PORTS];
static unsigned int handler[NR_VIRQS]; /* whose a global one is */

static unsigned int below(unsigned int n)
{
    return (unsigned int)rand() % n;
}

static unsigned int running(void)
{
    return world.running->domain->id;
}

/* The lowest free one, or 0. */
static unsigned int free_port(unsigned int d)
{
    for (unsigned int p = 1; p < PORTS; p++)
        if (model[d][p].state == EVTCHNSTAT_closed)
            return p;
    return 0;
}

static bool may(unsigned int d)
{
    return d == running() || running() == 0;
}

static struct port *peer_of(const struct port *p)
{
    return &model[p->remote][p->remote_port];
}

static void close_port(unsigned int d, unsigned int port)
{
    struct port *p = &model[d][port];

    if (p->state == EVTCHNSTAT_interdomain) {
        struct port *peer = peer_of(p);

        peer->state = EVTCHNSTAT_unbound;
        peer->remote = d;
    }
    *p = (struct port){ .state = EVTCHNSTAT_closed };
}

/* ---- the operations ---- */

static void try_alloc(unsigned int d, unsigned int remote)
{
    unsigned int port = d < DOMAINS ? free_port(d) : 0;
    long want = d >= DOMAINS ? -ESRCH : !may(d) ? -EPERM : port ? (long)port : -ENOSPC;

    assert_int_equal(ev_alloc_unbound((domid_t)d, (domid_t)remote), want);
    if (want > 0)
        model[d][port] = (struct port){ .state = EVTCHNSTAT_unbound, .remote = remote };
}

static void try_bind(unsigned int d, unsigned int rport)
{
    unsigned int self = running(), port = free_port(self);
    struct port *r = d < DOMAINS && rport < PORTS ? &model[d][rport] : NULL;
    long want;

    /* A port of one's own that waits for oneself may be the very one that is free no more. */
    if (d >= DOMAINS)
        want = -ESRCH;
    else if (!port)
        want = -ENOSPC;
    else if (!r || r->state != EVTCHNSTAT_unbound || r->remote != self)
        want = -EINVAL;
    else
        want = (long)port;
    assert_int_equal(ev_bind_interdomain((domid_t)d, rport), want);
    if (want < 0)
        return;
    r->state = EVTCHNSTAT_interdomain;
    r->remote_port = port;
    model[self][port] = (struct port){
        .state = EVTCHNSTAT_interdomain, .remote = d, .remote_port = rport, .pending = true
    };
}

static void try_close(unsigned int port)
{
    bool open = port && port < PORTS && model[running()][port].state != EVTCHNSTAT_closed;

    assert_int_equal(ev_close(port), open ? 0 : -EINVAL);
    if (open)
        close_port(running(), port);
}

static void try_send(unsigned int port)
{
    struct port *p = &model[running()][port < PORTS ? port : 0];
    long want = 0;

    if (p->state == EVTCHNSTAT_interdomain)
        peer_of(p)->pending = true;
    else if (p->state == EVTCHNSTAT_ipi)
        p->pending = true;
    else if (p->state != EVTCHNSTAT_unbound)
        want = -EINVAL;
    assert_int_equal(ev_send(port), want);
}

static bool is_global(unsigned int virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static struct port *virq_port(unsigned int d, unsigned int virq, unsigned int vcpu)
{
    for (unsigned int p = 1; p < PORTS; p++) {
        struct port *it = &model[d][p];

        if (it->state == EVTCHNSTAT_virq && it->virq == virq &&
            (is_global(virq) || it->vcpu == vcpu))
            return it;
    }
    return NULL;
}

static void try_virq(unsigned int virq, unsigned int vcpu)
{
    unsigned int d = running(), port = free_port(d);
    long want = (long)port;

    if (virq >= NR_VIRQS || (is_global(virq) && vcpu))
        want = -EINVAL;
    else if (vcpu >= VCPUS)
        want = -ENOENT;
    else if (virq_port(d, virq, vcpu))
        want = -EEXIST;
    else if (!port)
        want = -ENOSPC;
    assert_int_equal(ev_bind_virq(virq, vcpu), want);
    if (want > 0)
        model[d][port] = (struct port){ .state = EVTCHNSTAT_virq, .virq = virq, .vcpu = vcpu };
}

static void try_ipi(unsigned int vcpu)
{
    unsigned int d = running(), port = free_port(d);
    long want = vcpu >= VCPUS ? -ENOENT : port ? (long)port : -ENOSPC;

    assert_int_equal(ev_bind_ipi(vcpu), want);
    if (want > 0)
        model[d][port] = (struct port){ .state = EVTCHNSTAT_ipi, .vcpu = vcpu };
}

static void try_move(unsigned int port, unsigned int vcpu)
{
    struct port *p = &model[running()][port];
    bool movable = p->state == EVTCHNSTAT_unbound || p->state == EVTCHNSTAT_interdomain ||
                   (p->state == EVTCHNSTAT_virq && is_global(p->virq));
    long want = vcpu >= VCPUS ? -ENOENT : movable ? 0 : -EINVAL;

    assert_int_equal(ev_bind_vcpu(port, vcpu), want);
    if (!want)
        p->vcpu = vcpu;
}

static void try_reset(unsigned int d)
{
    long want = d >= DOMAINS ? -ESRCH : !may(d) ? -EPERM : 0;

    if (!want && d != running())
        who[d]->pause_count = below(2);
    if (!want && d != running() && !who[d]->pause_count)
        want = -EINVAL;
    assert_int_equal(ev_reset((domid_t)d), want);
    if (!want)
        for (unsigned int p = 1; p < PORTS; p++)
            close_port(d, p);
}

static void raise_virq(unsigned int virq)
{
    unsigned int d = below(DOMAINS), vcpu = below(VCPUS);
    struct port *p;

    if (is_global(virq)) {
        d = handler[virq];
        event_send_global_virq(virq);
    } else {
        event_send_vcpu_virq(who[d]->vcpu[vcpu], virq);
    }
    p = virq_port(d, virq, vcpu);
    if (p)
        p->pending = true;
}

static void give_virq(unsigned int d, unsigned int virq)
{
    assert_int_equal(event_set_virq_handler(who[d], virq), is_global(virq) ? 0 : -EINVAL);
    if (is_global(virq))
        handler[virq] = d;
}

/* The guest takes its events. */
static void consume(unsigned int d)
{
    memset(who[d]->shared_info->evtchn_pending, 0, sizeof(who[d]->shared_info->evtchn_pending));
    for (unsigned int i = 0; i < VCPUS; i++)
        who[d]->vcpu[i]->info->evtchn_pending_sel = 0;
    for (unsigned int p = 0; p < PORTS; p++)
        model[d][p].pending = false;
}

/* ---- after each step ---- */

static void compare_port(unsigned int d, unsigned int port)
{
    const struct port *p = &model[d][port];
    struct evtchn_status s;
    long rc;

    s = ev_status((domid_t)d, port, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(s.status, p->state);
    if (p->state != EVTCHNSTAT_closed)
        assert_int_equal(s.vcpu, p->vcpu);
    if (p->state == EVTCHNSTAT_unbound) {
        assert_int_equal(s.u.unbound.dom, p->remote);
    } else if (p->state == EVTCHNSTAT_interdomain) {
        assert_int_equal(s.u.interdomain.dom, p->remote);
        assert_int_equal(s.u.interdomain.port, p->remote_port);
    } else if (p->state == EVTCHNSTAT_virq) {
        assert_int_equal(s.u.virq, p->virq);
    }
    assert_int_equal(who[d]->shared_info->evtchn_pending[0] >> port & 1, p->pending);
}

static void compare(void)
{
    world_be(dom0, 0);
    for (unsigned int d = 0; d < DOMAINS; d++)
        for (unsigned int port = 1; port < PORTS; port++)
            compare_port(d, port);
}

static void step(void)
{
    unsigned int d = below(DOMAINS + 1), port = below(PORTS + 1);

    world_be(who[below(DOMAINS)], below(VCPUS));
    switch (below(16)) {
    case 0:
    case 1:
        try_alloc(d, below(DOMAINS));
        break;
    case 2:
    case 3:
    case 4:
        try_bind(d, port);
        break;
    case 5:
        try_close(port);
        break;
    case 6:
    case 7:
    case 8:
        try_send(port);
        break;
    case 9:
        try_virq(below(NR_VIRQS + 1), below(VCPUS + 1));
        break;
    case 10:
        try_ipi(below(VCPUS + 1));
        break;
    case 11:
        try_move(below(PORTS), below(VCPUS + 1));
        break;
    case 12:
        raise_virq(below(NR_VIRQS));
        break;
    case 13:
        give_virq(below(DOMAINS), below(NR_VIRQS));
        break;
    case 14:
        consume(below(DOMAINS));
        break;
    default:
        if (below(40) == 0)
            try_reset(d);
    }
}

static int setup_model(void **state)
{
    (void)state;
    world_reset();
    srand(8);
    memset(model, 0, sizeof(model));
    memset(handler, 0, sizeof(handler));
    for (unsigned int d = 0; d < DOMAINS; d++) {
        who[d] = world_domain((domid_t)d, VCPUS);
        event_set_max_port(who[d], PORTS - 1);
    }
    dom0 = who[0];
    return 0;
}

static void test_model(void **state)
{
    (void)state;
    for (unsigned int n = 0; n < STEPS; n++) {
        step();
        compare();
    }
}

const struct CMUnitTest tests_model[] = {
    cmocka_unit_test_setup_teardown(test_model, setup_model, teardown_world),
};
const size_t nr_tests_model = ARRAY_SIZE(tests_model);
