/* The FIFO ABI: set-up, order, priorities, moving between queues, words that the guest fills with
 * anything, and a guest that handles events in the middle of a send. */
#include "fifo_guest.h"

static struct fifo_guest guest;
static evtchn_port_t order[4096];
static unsigned int priority_seen[4096];
static unsigned int handled;

static void note(evtchn_port_t port, unsigned int priority)
{
    if (handled < 4096) {
        order[handled] = port;
        priority_seen[handled] = priority;
    }
    handled++;
}

static void run_guest(unsigned int vcpu)
{
    dom1->vcpu[vcpu]->info->evtchn_upcall_pending = 0;
    fifo_guest_upcall(&guest, vcpu, note);
}

static void add_page(unsigned int n)
{
    mfn_t m = world_page(dom1);

    guest.page[n] = mfn_to_virt(m);
    for (unsigned int i = 0; i < 1024; i++)
        guest.page[n][i] = MASKED;
    assert_int_equal(ev_expand_array(m.v), 0);
}

static void add_vcpu(unsigned int vcpu)
{
    mfn_t m = world_page(dom1);

    guest.control[vcpu] = (void *)((char *)mfn_to_virt(m) + 128);
    assert_int_equal(ev_init_control(m.v, 128, vcpu), 0);
}

/* dom1 in the FIFO ABI, four vCPUs, one page of words. */
static int setup_fifo(void **state)
{
    setup_world(state);
    memset(&guest, 0, sizeof(guest));
    handled = 0;
    for (unsigned int i = 0; i < 4; i++)
        add_vcpu(i);
    add_page(0);
    return 0;
}

static evtchn_port_t new_ipi(unsigned int vcpu)
{
    long port = ev_bind_ipi(vcpu);

    assert_true(port > 0);
    assert_int_equal(ev_unmask((evtchn_port_t)port), 0);
    return (evtchn_port_t)port;
}

static void test_setup(void **state)
{
    mfn_t m = world_page(dom1), theirs = world_page(dom2), table = world_page(dom1);

    (void)state;
    world.frame[table.v].is_table = true;
    assert_int_equal(ev_init_control(m.v, 0, 4), -ENOENT);
    assert_int_equal(ev_init_control(m.v, 4, 0), -EINVAL);
    assert_int_equal(ev_init_control(m.v, PAGE_SIZE - 64, 0), -EINVAL);
    assert_int_equal(ev_init_control(m.v, ~7U, 0), -EINVAL);
    assert_int_equal(ev_init_control(theirs.v, 0, 0), -EINVAL);
    assert_int_equal(ev_init_control(table.v, 0, 0), -EINVAL);
    assert_int_equal(ev_init_control(~0UL, 0, 0), -EINVAL);
    for (int n = 0; n < 2; n++) {
        world.allocations_before_failure = n;
        assert_int_equal(ev_init_control(m.v, 0, 0), -ENOMEM);
    }
    world.allocations_before_failure = -1;
    assert_int_equal(ev_expand_array(m.v), -EOPNOTSUPP);
    assert_int_equal(world.mapped_frames, 0);

    assert_int_equal(ev_init_control(m.v, PAGE_SIZE - 72, 1), 0);
    assert_int_equal(ev_init_control(m.v, 0, 1), -EINVAL); /* once */
    assert_int_equal(ev_init_control(m.v, 0, 0), 0);       /* in one page */
    assert_int_equal(ev_expand_array(theirs.v), -EINVAL);
    for (unsigned int i = 0; i < 128; i++)
        assert_int_equal(ev_expand_array(world_page(dom1).v), 0);
    assert_int_equal(ev_expand_array(m.v), -ENOSPC);
    assert_int_equal(ev_set_priority(1, 0), -EACCES);
    assert_int_equal(ev_set_priority(0, 0), -EACCES);
    assert_int_equal(ev_set_priority(~0U, 0), -EINVAL);
}

static void test_order(void **state)
{
    evtchn_port_t p[10];

    (void)state;
    for (unsigned int i = 0; i < 10; i++)
        p[i] = new_ipi(1);
    for (unsigned int i = 10; i-- > 0;)
        ev_send(p[i]);
    for (unsigned int i = 10; i-- > 0;)
        ev_send(p[i]); /* once each all the same */
    assert_int_equal(world.kicks[1][1], 1);
    run_guest(1);
    assert_int_equal(handled, 10);
    for (unsigned int i = 0; i < 10; i++)
        assert_int_equal(order[i], p[9 - i]);
    ev_send(p[3]);
    ev_send(p[4]);
    run_guest(1);
    assert_int_equal(handled, 12);
    assert_int_equal(world.kicks[1][1], 2);
}

/* What the guest left in the link of a word is overwritten, not added to. */
static void test_stale_link(void **state)
{
    evtchn_port_t a = new_ipi(0), b = new_ipi(0);

    (void)state;
    ev_send(a);
    *fifo_guest_word(&guest, a) |= 0x155 | BUSY;
    ev_send(b);
    assert_int_equal(*fifo_guest_word(&guest, a), PENDING | LINKED | b);
}

static void test_priorities(void **state)
{
    evtchn_port_t low = new_ipi(0), high = new_ipi(0), normal = new_ipi(0);

    (void)state;
    assert_int_equal(ev_set_priority(low, 15), 0);
    assert_int_equal(ev_set_priority(high, 0), 0);
    assert_int_equal(ev_set_priority(high, 16), -EINVAL);
    ev_send(low);
    ev_send(normal);
    ev_send(high);
    assert_int_equal(guest.control[0]->ready, 1U << 15 | 1U << 7 | 1U);
    run_guest(0);
    assert_int_equal(handled, 3);
    assert_int_equal(order[0], high);
    assert_int_equal(order[1], normal);
    assert_int_equal(order[2], low);
}

static void test_masking(void **state)
{
    evtchn_port_t p = new_ipi(0), next;

    (void)state;
    *fifo_guest_word(&guest, p) |= MASKED;
    ev_send(p);
    assert_int_equal(*fifo_guest_word(&guest, p), PENDING | MASKED);
    assert_int_equal(world.kicks[1][0], 0);
    assert_int_equal(event_port_is_pending(dom1, p), 1);
    ev_unmask(p);
    run_guest(0);
    assert_int_equal(handled, 1);
    ev_unmask(p); /* not pending */
    assert_int_equal(handled, 1);

    /* Closed while linked: not to be reused before the guest took it off. */
    ev_send(p);
    assert_int_equal(ev_close(p), 0);
    assert_int_equal(*fifo_guest_word(&guest, p), LINKED);
    next = new_ipi(0);
    assert_int_not_equal(next, p);
    run_guest(0);
    assert_int_equal(handled, 1); /* nobody is bothered */
    assert_int_equal(new_ipi(0), p);
}

/* The old queue must forget a tail that moved away, or it chains its next event to it. */
static void test_moving(void **state)
{
    evtchn_port_t a = new_ipi(0), b = new_ipi(0), c = new_ipi(0);

    (void)state;
    ev_send(a);
    run_guest(0); /* queue 7's tail is a */
    ev_set_priority(a, 3);
    ev_set_priority(b, 3);
    ev_send(a);
    ev_send(c); /* queue 7 */
    ev_send(b);
    assert_int_equal(*fifo_guest_word(&guest, a) & LINK, b);
    handled = 0;
    run_guest(0);
    assert_int_equal(handled, 3);
    assert_int_equal(order[0], a);
    assert_int_equal(order[1], b);
    assert_int_equal(order[2], c);

    /* While it is linked, it stays where it is. */
    ev_send(a);
    ev_set_priority(a, 1);
    ev_send(a);
    assert_int_equal(guest.control[0]->ready, 1U << 3);
    handled = 0;
    run_guest(0);
    assert_int_equal(handled, 1);
    ev_send(a);
    assert_int_equal(guest.control[0]->ready, 1U << 1);
}

static void test_moving_vcpu(void **state)
{
    struct ev_pair p = ev_pair(dom1, dom2), q = ev_pair(dom1, dom2);

    (void)state;
    run_guest(0);
    ev_unmask(p.a);
    ev_unmask(q.a);
    run_guest(0);
    handled = 0;
    world_be(dom2, 0);
    ev_send(p.b);
    world_be(dom1, 0);
    assert_int_equal(ev_bind_vcpu(p.a, 2), 0);
    run_guest(0);
    assert_int_equal(handled, 1);
    world_be(dom2, 0);
    ev_send(p.b); /* now linked at vCPU 2; vCPU 0's queue had it as its tail */
    ev_send(q.b);
    handled = 0;
    run_guest(0);
    assert_int_equal(handled, 1);
    assert_int_equal(order[0], q.a);
    run_guest(2);
    assert_int_equal(handled, 2);
    assert_int_equal(order[1], p.a);
}

static void test_switch_keeps_pending(void **state)
{
    evtchn_port_t early, far;
    struct ev_pair pair;

    setup_world(state);
    memset(&guest, 0, sizeof(guest));
    handled = 0;
    early = (evtchn_port_t)ev_bind_ipi(0);
    ev_send(early);
    pair = ev_pair(dom1, dom2);
    add_vcpu(0);
    assert_int_equal(event_port_is_pending(dom1, early), 0); /* no word yet */
    ev_send(early);
    add_page(0);
    assert_int_equal(*fifo_guest_word(&guest, early), PENDING | MASKED);
    ev_unmask(early);
    run_guest(0);
    assert_int_equal(handled, 1);

    /* A port that the array does not reach yet. */
    event_set_max_port(dom1, 131071);
    do
        far = (evtchn_port_t)ev_bind_ipi(0);
    while (far < 1024);
    ev_send(far);
    ev_unmask(far);
    assert_int_equal(ev_close(pair.a), 0);
    add_page(1);
    ev_unmask(far);
    run_guest(0);
    assert_int_equal(handled, 2);
    assert_int_equal(order[1], far);

    /* A vCPU without a control block: nothing to link to, nothing breaks. */
    early = new_ipi(3);
    ev_send(early);
    assert_int_equal(*fifo_guest_word(&guest, early), PENDING);
    add_vcpu(3);
    ev_unmask(early);
    run_guest(3);
    assert_int_equal(handled, 3);
    teardown_world(state);
}

static void test_reset(void **state)
{
    evtchn_port_t p = new_ipi(0);

    (void)state;
    ev_send(p);
    world_be(dom0, 0);
    dom1->pause_count = 1;
    assert_int_equal(ev_reset(1), 0);
    dom1->pause_count = 0;
    assert_int_not_equal(world.mapped_frames, 0); /* its ABI is its own affair */
    world_be(dom1, 0);
    assert_int_equal(ev_set_priority(p, 3), -EACCES);
    assert_int_equal(ev_reset(DOMID_SELF), 0);
    assert_int_equal(world.mapped_frames, 0);
    assert_int_equal(ev_set_priority(p, 3), -ENOSYS);
    p = (evtchn_port_t)ev_bind_ipi(0);
    ev_send(p);
    assert_true(dom1->shared_info->evtchn_pending[0] >> p & 1);
    add_vcpu(0);
    add_page(0);
    memset(&guest.head, 0, sizeof(guest.head));
    handled = 0;
    ev_unmask(p);
    run_guest(0);
    assert_int_equal(handled, 1);
}

static void test_many_ports(void **state)
{
    long port, last = 0;

    (void)state;
    event_set_max_port(dom1, 131071);
    for (unsigned int i = 0; (port = ev_bind_ipi(0)) > 0; i++)
        last = port;
    assert_int_equal(port, -ENOSPC);
    assert_int_equal(last, EVTCHN_FIFO_NR_CHANNELS - 1);
}

/* ---- a guest that plays with its words ---- */

static void test_all_linked(void **state)
{
    evtchn_port_t p;
    long port;

    (void)state;
    event_set_max_port(dom1, 131071);
    for (unsigned int n = 1; n < FIFO_PAGES; n++)
        add_page(n);
    for (unsigned int n = 0; n < FIFO_PAGES; n++)
        memset(guest.page[n], 0xff, PAGE_SIZE);
    port = ev_bind_ipi(0);
    assert_true(port == -ENOSPC || port >= 4096);
    for (unsigned int n = 0; n < FIFO_PAGES; n++)
        memset(guest.page[n], 0, PAGE_SIZE);
    p = new_ipi(0);
    assert_int_equal(p, 1);
    ev_send(p);
    run_guest(0);
    assert_int_equal(handled, 1);
}

static void test_random_words(void **state)
{
    struct ev_pair p[30];

    (void)state;
    for (unsigned int i = 0; i < 30; i++)
        p[i] = ev_pair(dom1, dom2);
    srand(7);
    for (unsigned int i = 0; i < 200000; i++) {
        unsigned int k = (unsigned int)rand() % 30;

        switch (rand() % 6) {
        case 0: {
            event_word_t word = (event_word_t)rand() << 16 ^ (event_word_t)rand();

            *fifo_guest_word(&guest, (evtchn_port_t)rand() % 64) = word;
            guest.control[rand() % 4]->head[rand() % 16] = word;
            guest.control[rand() % 4]->ready = word;
            break;
        }
        case 1:
            world_be(dom1, 0);
            ev_bind_vcpu(p[k].a, (unsigned int)rand() % 4);
            break;
        case 2:
            world_be(dom1, 0);
            ev_set_priority(p[k].a, (unsigned int)rand() % 16);
            break;
        case 3:
            world_be(dom1, 0);
            ev_unmask(p[k].a);
            break;
        default:
            world_be(dom2, 0);
            assert_int_equal(ev_send(p[k].b), 0);
            break;
        }
    }
    /* Its neighbour has come to no harm. */
    for (unsigned int i = 0; i < 30; i++) {
        world_be(dom1, 0);
        memset(dom2->shared_info, 0, sizeof(*dom2->shared_info));
        assert_int_equal(ev_send(p[i].a), 0);
        assert_true(dom2->shared_info->evtchn_pending[p[i].b / 64] >> p[i].b % 64 & 1);
    }
}

/* The guest takes events off while the hypervisor is about to tell it of another. */
static void consume_on_kick(struct vcpu *v)
{
    if (v->domain == dom1)
        run_guest(v->id);
}

static void test_consume_on_kick(void **state)
{
    struct ev_pair p[20];
    unsigned int sent = 0;

    (void)state;
    for (unsigned int i = 0; i < 20; i++) {
        p[i] = ev_pair(dom1, dom2);
        ev_unmask(p[i].a);
    }
    run_guest(0);
    handled = 0;
    world.on_kick = consume_on_kick;
    srand(3);
    for (unsigned int i = 0; i < 50000; i++) {
        unsigned int k = (unsigned int)rand() % 20;

        world_be(dom1, 0);
        if (rand() % 3 == 0)
            ev_bind_vcpu(p[k].a, (unsigned int)rand() % 4);
        if (rand() % 3 == 0)
            ev_set_priority(p[k].a, (unsigned int)rand() % 16);
        world_be(dom2, 0);
        ev_send(p[k].b);
        sent++;
    }
    assert_int_equal(handled, sent);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup_fifo, teardown_world)

const struct CMUnitTest tests_fifo[] = {
    cmocka_unit_test_setup_teardown(test_setup, setup_world, teardown_world),
    T(order),
    T(stale_link),
    T(priorities),
    T(masking),
    T(moving),
    T(moving_vcpu),
    cmocka_unit_test(test_switch_keeps_pending),
    T(reset),
    T(many_ports),
    T(all_linked),
    T(random_words),
    T(consume_on_kick),
};
const size_t nr_tests_fifo = ARRAY_SIZE(tests_fifo);
