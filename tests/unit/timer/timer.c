/* Priority queue, timers, softirqs and tasklets on a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/arch.h>
#include <hv/percpu.h>
#include <hv/prio_queue.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/timer.h>
#include "../fake/hv.h"

static s_time_t deadline[FAKE_CPUS];
static unsigned int programmed; /* how often */
static unsigned int ipis[FAKE_CPUS];

void arch_timer_set(s_time_t when)
{
    assert_false(irq_enabled());
    deadline[fake_cpu] = when;
    programmed++;
}

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    assert_int_equal(ipi, IPI_EVENT_CHECK);
    assert_int_not_equal(cpu, fake_cpu);
    ipis[cpu]++;
}

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    fake_now = 1000;
    for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
        fake_cpu = cpu;
        timers_init_cpu(cpu);
        softirq_process();
        assert_true(deadline[cpu] == STIME_MAX);
    }
    fake_cpu = 0;
    programmed = 0;
    memset(ipis, 0, sizeof(ipis));
    return 0;
}

/* Time passes; the hardware of every CPU interrupts when its deadline comes. */
static void advance(s_time_t to)
{
    unsigned int self = fake_cpu;

    for (;;) {
        unsigned int first = 0;

        for (unsigned int cpu = 1; cpu < FAKE_CPUS; cpu++) {
            if (deadline[cpu] < deadline[first])
                first = cpu;
        }
        if (deadline[first] > to)
            break;
        fake_now = max(fake_now, deadline[first]);
        fake_cpu = first;
        deadline[first] = STIME_MAX;
        timer_interrupt();
        softirq_process();
    }
    fake_now = to;
    fake_cpu = self;
}

static char order[64];

static void note(void *arg)
{
    size_t len = strlen(order);

    assert_true(irq_enabled());
    order[len] = *(const char *)arg;
    order[len + 1] = 0;
}

static void in_order_of_expiry(void **state)
{
    struct timer a, b, c;

    (void)state;
    order[0] = 0;
    timer_init(&a, note, "a", 0);
    timer_init(&b, note, "b", 0);
    timer_init(&c, note, "c", 0);
    timer_set(&b, 3000);
    timer_set(&a, 2000);
    timer_set(&c, 2500);
    assert_true(deadline[0] == 2000);
    advance(1999);
    assert_string_equal(order, "");
    assert_true(timer_active(&a));
    advance(2000);
    assert_string_equal(order, "a");
    assert_false(timer_active(&a));
    assert_true(deadline[0] == 2500);
    advance(10000);
    assert_string_equal(order, "acb");
    assert_true(deadline[0] == STIME_MAX);
}

static void setting_again_replaces(void **state)
{
    struct timer a, b;

    (void)state;
    order[0] = 0;
    timer_init(&a, note, "a", 0);
    timer_init(&b, note, "b", 0);
    timer_set(&a, 2000);
    timer_set(&b, 3000);
    timer_set(&a, 4000);
    advance(3500);
    assert_string_equal(order, "b");
    advance(4000);
    assert_string_equal(order, "ba");
    timer_set(&a, 1); /* the past */
    advance(fake_now);
    assert_string_equal(order, "baa");
}

static void stopped_and_killed_stay_silent(void **state)
{
    struct timer a, b;

    (void)state;
    order[0] = 0;
    timer_init(&a, note, "a", 0);
    timer_init(&b, note, "b", 0);
    timer_set(&a, 2000);
    timer_set(&b, 2000);
    timer_stop(&a);
    timer_stop(&a);
    timer_kill(&b);
    timer_set(&b, 2500);
    assert_false(timer_active(&b));
    advance(5000);
    assert_string_equal(order, "");
    timer_set(&a, 6000);
    advance(6000);
    assert_string_equal(order, "a");
}

/* Programming the hardware is slow: a timer that is set and stopped all the time costs once. */
static void the_hardware_is_set_lazily(void **state)
{
    struct timer slice;

    (void)state;
    order[0] = 0;
    timer_init(&slice, note, "s", 0);
    for (unsigned int i = 0; i < 100; i++) {
        timer_set(&slice, 2000 + i);
        timer_stop(&slice);
    }
    assert_int_equal(programmed, 1);
    advance(10000);
    assert_string_equal(order, "");
    assert_true(deadline[0] == STIME_MAX);
}

static struct timer tick;
static unsigned int ticks;

static void ticking(void *arg)
{
    (void)arg;
    ticks++;
    assert_false(timer_active(&tick));
    if (ticks < 10)
        timer_set(&tick, fake_now + 100);
}

static void a_callback_may_set_its_timer(void **state)
{
    (void)state;
    ticks = 0;
    timer_init(&tick, ticking, NULL, 0);
    timer_set(&tick, 1100);
    advance(100000);
    assert_int_equal(ticks, 10);
    timer_kill(&tick);
}

static void killing_from_the_callback_is_a_bug(void **state)
{
    (void)state;
    timer_init(&tick, (void (*)(void *))timer_kill, &tick, 0);
    timer_set(&tick, 1100);
    expect_panic(advance(1100), "running != t");
}

static void another_cpus_timer(void **state)
{
    struct timer a, b;

    (void)state;
    order[0] = 0;
    timer_init(&a, note, "a", 2);
    timer_init(&b, note, "b", 2);
    timer_set(&a, 2000);
    assert_int_equal(ipis[2], 1);
    assert_true(softirq_pending(2));
    timer_set(&b, 3000);
    assert_int_equal(ipis[2], 1);
    fake_cpu = 2;
    softirq_process();
    assert_true(deadline[2] == 2000);
    fake_cpu = 0;

    timer_migrate(&b, 1);
    assert_int_equal(b.cpu, 1);
    assert_int_equal(ipis[1], 1);
    fake_cpu = 1;
    softirq_process();
    assert_true(deadline[1] == 3000);
    timer_migrate(&b, 1);
    fake_cpu = 0;
    advance(5000);
    assert_string_equal(order, "ab");
    timer_migrate(&a, 3); /* inactive: only its place changes */
    assert_false(timer_active(&a));
    assert_int_equal(ipis[3], 0);
}

/* A CPU stops: what was set there comes on the boot CPU, and so does what is set later. */
static void a_cpu_leaves(void **state)
{
    struct timer a, b;

    (void)state;
    order[0] = 0;
    timer_init(&a, note, "a", 2);
    timer_init(&b, note, "b", 2);
    timer_set(&a, 3000);
    fake_cpu = 2;
    softirq_process();
    assert_true(deadline[2] == 3000);
    fake_cpu = 1;
    cpumask_clear(2, &cpu_online_mask);
    timers_leave_cpu(2);
    assert_int_equal(a.cpu, 0);
    assert_true(timer_active(&a));
    deadline[2] = STIME_MAX; /* the hardware stopped, too */
    timer_set(&b, 2000);
    assert_int_equal(b.cpu, 0);
    assert_true(ipis[0] > 0);
    fake_cpu = 0;
    softirq_process();
    assert_true(deadline[0] == 2000);
    advance(5000);
    assert_string_equal(order, "ba");
    cpumask_set(2, &cpu_online_mask);
}

/* ---- the queue ---- */

struct item {
    struct prio_node node;
    bool in;
};

static unsigned int check_shape(const struct prio_node *node, unsigned int *dist)
{
    unsigned int left, right, count;

    if (!node) {
        *dist = 0;
        return 0;
    }
    if (node->left) {
        assert_ptr_equal(node->left->parent, node);
        assert_true(node->left->key >= node->key);
    }
    if (node->right) {
        assert_ptr_equal(node->right->parent, node);
        assert_true(node->right->key >= node->key);
    }
    count = 1 + check_shape(node->left, &left) + check_shape(node->right, &right);
    assert_true(left >= right);
    *dist = right + 1;
    assert_int_equal(node->dist, *dist);
    assert_true((1U << *dist) - 1 <= count);
    return count;
}

#define ITEMS 300

static void queue_against_a_scan(void **state)
{
    static struct item items[ITEMS];
    struct prio_queue q = { 0 };
    unsigned int count = 0;

    (void)state;
    srand(2);
    for (unsigned int step = 0; step < 20000; step++) {
        struct item *it = &items[(unsigned int)rand() % ITEMS];
        int64_t smallest = INT64_MAX;
        unsigned int dist, seen = 0;

        if (it->in)
            prio_del(&q, &it->node);
        else
            prio_add(&q, &it->node, step % 3 ? rand() % 50 : (int64_t)step);
        it->in = !it->in;
        count += it->in ? 1U : ~0U;
        assert_int_equal(q.count, count);
        if (step % 16)
            continue;
        assert_int_equal(check_shape(q.root, &dist), count);
        for (unsigned int i = 0; i < ITEMS; i++) {
            if (items[i].in)
                smallest = min(smallest, items[i].node.key);
        }
        if (count) {
            assert_null(q.root->parent);
            assert_true(prio_first(&q)->key == smallest);
        } else {
            assert_null(prio_first(&q));
        }
        for (struct prio_node *n = prio_first(&q); n; n = prio_next(n)) {
            assert_true(container_of(n, struct item, node)->in);
            seen++;
        }
        assert_int_equal(seen, count);
    }
}

/* ---- softirqs ---- */

static void schedule_softirq(void)
{
    note("S");
}

static void rcu_softirq(void)
{
    note("R");
}

static void scheduling_comes_last(void **state)
{
    struct timer t;

    (void)state;
    order[0] = 0;
    softirq_register(SOFTIRQ_SCHEDULE, schedule_softirq);
    softirq_register(SOFTIRQ_RCU, rcu_softirq);
    timer_init(&t, note, "t", 0);
    timer_set(&t, fake_now);
    softirq_raise(SOFTIRQ_SCHEDULE);
    softirq_raise(SOFTIRQ_RCU);
    softirq_raise(SOFTIRQ_TIMER);
    assert_true(softirq_pending(0));
    softirq_process();
    assert_false(softirq_pending(0));
    assert_string_equal(order, "tRS");
}

static void one_ipi_until_it_is_served(void **state)
{
    (void)state;
    softirq_register(SOFTIRQ_RCU, rcu_softirq);
    softirq_raise_on(3, SOFTIRQ_RCU);
    softirq_raise_on(3, SOFTIRQ_RCU);
    assert_int_equal(ipis[3], 1);
    fake_cpu = 3;
    softirq_process();
    fake_cpu = 0;
    softirq_raise_on(3, SOFTIRQ_RCU);
    assert_int_equal(ipis[3], 2);
    softirq_raise_on(0, SOFTIRQ_RCU);
    assert_true(softirq_pending(0));
}

static struct tasklet again;
static unsigned int rounds;

static void once_more(void *arg)
{
    (void)arg;
    note("x");
    if (++rounds < 3)
        tasklet_schedule(&again);
}

static void tasklets_run_in_order(void **state)
{
    struct tasklet a, b;

    (void)state;
    order[0] = 0;
    rounds = 0;
    tasklet_init(&a, note, "a");
    tasklet_init(&b, note, "b");
    tasklet_init(&again, once_more, NULL);
    tasklet_schedule(&a);
    tasklet_schedule(&again);
    tasklet_schedule(&b);
    tasklet_schedule(&a);
    softirq_process();
    assert_string_equal(order, "axbxx");
    tasklet_schedule(&a);
    softirq_process();
    assert_string_equal(order, "axbxxa");
}

static void free_itself(void *arg)
{
    free(arg);
}

static void a_tasklet_may_free_itself(void **state)
{
    struct tasklet *t = malloc(sizeof(*t));

    (void)state;
    tasklet_init(t, free_itself, t);
    tasklet_schedule(t);
    softirq_process();
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, setup)
    const struct CMUnitTest tests[] = {
        CASE(in_order_of_expiry),
        CASE(setting_again_replaces),
        CASE(stopped_and_killed_stay_silent),
        CASE(the_hardware_is_set_lazily),
        CASE(a_callback_may_set_its_timer),
        CASE(killing_from_the_callback_is_a_bug),
        CASE(another_cpus_timer),
        CASE(a_cpu_leaves),
        CASE(queue_against_a_scan),
        CASE(scheduling_comes_last),
        CASE(one_ipi_until_it_is_served),
        CASE(tasklets_run_in_order),
        CASE(a_tasklet_may_free_itself),
    };

    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
