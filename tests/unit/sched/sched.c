/* The scheduler on a simulated machine: shares, latencies, affinity, and the races around a switch.
 */
#include "machine.h"

static int teardown(void **state)
{
    (void)state;
    machine_stop();
    return 0;
}

static struct guest *hog(unsigned int weight)
{
    struct guest *g = add_guest(weight);

    start_guest(g);
    return g;
}

static void assert_share(const struct guest *g, s_time_t of, unsigned int percent,
                         unsigned int tolerance)
{
    s_time_t is = g->ran * 1000 / of;

    if (is < (percent - tolerance) * 10 || is > (percent + tolerance) * 10)
        fail_msg("guest %d has %d.%d%% of a CPU, not %u%%", (int)(g - guest), (int)is / 10,
                 (int)is % 10, percent);
}

static void shares_follow_weights(void **state)
{
    struct guest *g[3];

    (void)state;
    machine_start(1);
    g[0] = hog(256);
    g[1] = hog(512);
    g[2] = hog(1280);
    machine_run(SECONDS(4));
    assert_share(g[0], SECONDS(4), 12, 1);
    assert_share(g[1], SECONDS(4), 25, 1);
    assert_share(g[2], SECONDS(4), 62, 1);
    assert_true(shortest_run >= MILLISECS(1));
}

static void alone_without_a_timer(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(1);
    g = hog(256);
    machine_run(SECONDS(1));
    assert_share(g, SECONDS(1), 100, 0);
    assert_int_equal(g->switched_in, 1);
    assert_false(timer_active(&per_cpu(sched_cpu, 0).slice));
}

static void spread_over_cpus(void **state)
{
    (void)state;
    machine_start(4);
    for (unsigned int i = 0; i < 4; i++)
        hog(256);
    machine_run(SECONDS(1));
    for (unsigned int i = 0; i < 4; i++) {
        assert_share(&guest[i], SECONDS(1), 100, 0);
        assert_int_equal(guest[i].switched_in, 1);
    }
}

/* 5 on 4 CPUs: the pair that shares one changes. */
static void five_on_four(void **state)
{
    (void)state;
    machine_start(4);
    for (unsigned int i = 0; i < 5; i++)
        hog(256);
    machine_run(SECONDS(10));
    for (unsigned int i = 0; i < 5; i++)
        assert_share(&guest[i], SECONDS(10), 80, 2);
}

static void weights_across_cpus(void **state)
{
    (void)state;
    machine_start(2);
    for (unsigned int i = 0; i < 4; i++)
        hog(i < 2 ? 256 : 512);
    machine_run(SECONDS(10));
    for (unsigned int i = 0; i < 4; i++)
        assert_share(&guest[i], SECONDS(10), i < 2 ? 33 : 67, 3);
}

static void many_on_one_cpu(void **state)
{
    (void)state;
    machine_start(1);
    for (unsigned int i = 0; i < 40; i++)
        hog(256);
    machine_run(SECONDS(20));
    for (unsigned int i = 0; i < 40; i++)
        assert_true(guest[i].ran > MILLISECS(400) && guest[i].ran < MILLISECS(600));
}

/* One that runs little runs at once: it waits for no more than the rate limit. */
static void sleepers_wake_fast(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(1);
    for (unsigned int i = 0; i < 3; i++)
        hog(256);
    g = add_guest(256);
    g->burst = MICROSECS(100);
    g->rest = MILLISECS(7);
    start_guest(g);
    machine_run(SECONDS(3));
    assert_true(g->switched_in > 350);
    assert_true(g->worst_wait <= MILLISECS(1));
}

/* Sleeping does not save up: who wakes after a long time gets one grant, not the time it slept. */
static void sleep_is_not_saved(void **state)
{
    struct guest *sleeper;

    (void)state;
    machine_start(1);
    hog(256);
    sleeper = add_guest(256);
    machine_run(SECONDS(10));
    start_guest(sleeper);
    machine_run(MILLISECS(100));
    assert_true(sleeper->ran >= MILLISECS(50) && sleeper->ran <= MILLISECS(62));
}

static void light_weights_do_not_starve(void **state)
{
    struct guest *light;
    s_time_t before = 0;

    (void)state;
    machine_start(2);
    light = hog(1);
    for (unsigned int i = 0; i < 4; i++)
        hog(256);
    for (unsigned int i = 0; i < 20; i++) {
        machine_run(SECONDS(1));
        assert_true(light->ran > before);
        before = light->ran;
    }
    assert_true(light->ran < MILLISECS(400));
}

static void short_runs_are_paid_for(void **state)
{
    struct guest *cheat, *honest;

    (void)state;
    machine_start(1);
    honest = hog(65535);
    cheat = add_guest(65535);
    cheat->burst = 200; /* ns: less than one unit of its spending */
    cheat->yields = true;
    start_guest(cheat);
    machine_run(MILLISECS(200));
    assert_true(honest->ran > MILLISECS(90));
    assert_true(cheat->switched_in > 0);
}

static void yielding_lets_others_run(void **state)
{
    struct guest *polite, *other;

    (void)state;
    machine_start(1);
    polite = add_guest(256);
    polite->burst = MICROSECS(20);
    polite->yields = true;
    start_guest(polite);
    other = hog(256);
    machine_run(SECONDS(1));
    assert_true(polite->switched_in > 100);
    assert_true(other->ran > MILLISECS(900));
}

static void idle_cpus_are_used_at_once(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(4);
    for (unsigned int i = 0; i < 3; i++)
        hog(256);
    for (unsigned int i = 0; i < 6; i++) {
        g = add_guest(256);
        g->burst = MICROSECS(50 + 10 * i);
        g->rest = MILLISECS(3);
        g->vcpu.cpu = 0;
        start_guest(g);
    }
    machine_run(SECONDS(1)); /* check_invariants(): no CPU idles while one waits */
    for (unsigned int i = 0; i < 3; i++)
        assert_true(guest[i].ran > MILLISECS(880));
}

/* ---- affinity ---- */

static void pinned_stays(void **state)
{
    cpumask_t all = { { 0xf } }, two = cpumask_of(2);
    struct guest *g;

    (void)state;
    machine_start(4);
    g = hog(256);
    for (unsigned int i = 0; i < 7; i++)
        hog(256);
    assert_int_equal(sched_set_affinity(&g->vcpu, &two, &all), 0);
    machine_run(SECONDS(2));
    assert_true(g->ran_on[2] > MILLISECS(700));
    assert_true(g->ran - g->ran_on[2] < MILLISECS(1));
}

static void a_running_one_moves(void **state)
{
    cpumask_t all = { { 0xf } }, one, none = { { 0 } }, offline = cpumask_of(7);
    struct guest *g;

    (void)state;
    machine_start(4);
    g = hog(256);
    machine_run(MILLISECS(1));
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        one = cpumask_of(cpu);
        assert_int_equal(sched_set_affinity(&g->vcpu, &one, &all), 0);
        machine_settle();
        assert_ptr_equal(on_cpu(cpu), &g->vcpu);
        assert_int_equal(g->vcpu.cpu, cpu);
        assert_false(timer_active(&g->vcpu.singleshot));
        assert_int_equal(g->vcpu.singleshot.cpu, cpu);
    }
    assert_int_equal(sched_set_affinity(&g->vcpu, &none, &all), -EINVAL);
    assert_int_equal(sched_set_affinity(&g->vcpu, &offline, &all), -EINVAL);
    assert_true(cpumask_test(3, &g->vcpu.hard_affinity));
}

static void a_sleeping_one_moves(void **state)
{
    cpumask_t all = { { 0xf } }, one = cpumask_of(1);
    struct guest *g;

    (void)state;
    machine_start(4);
    g = add_guest(256);
    assert_int_equal(sched_set_affinity(&g->vcpu, &one, &all), 0);
    assert_int_equal(g->vcpu.cpu, 1);
    start_guest(g);
    machine_settle();
    assert_ptr_equal(on_cpu(1), &g->vcpu);
}

static void soft_affinity_is_a_wish(void **state)
{
    cpumask_t all = { { 0xf } }, three = cpumask_of(3);
    struct guest *g;

    (void)state;
    machine_start(4);
    g = add_guest(256);
    g->burst = MICROSECS(500);
    g->rest = MILLISECS(1);
    assert_int_equal(sched_set_affinity(&g->vcpu, &all, &three), 0);
    start_guest(g);
    machine_run(SECONDS(1));
    assert_true(g->ran_on[3] * 10 > g->ran * 9);
    /* Its CPU is taken: elsewhere is better than waiting. */
    assert_int_equal(sched_set_affinity(&hog(256)->vcpu, &three, &all), 0);
    g->ran = g->ran_on[3] = 0;
    machine_run(SECONDS(1));
    assert_true(g->ran > MILLISECS(320));
    assert_true(g->ran_on[3] < g->ran / 2);
}

/* ---- around a switch ---- */

static void an_event_before_the_block(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(1);
    g = hog(256);
    become(g);
    g->info.evtchn_upcall_pending = 1;
    g->info.evtchn_upcall_mask = 1;
    assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
    assert_int_equal(g->info.evtchn_upcall_mask, 0);
    machine_settle();
    assert_ptr_equal(on_cpu(0), &g->vcpu);
    assert_int_equal(g->switched_in, 1);
}

static void a_kick_before_the_switch(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(1);
    g = hog(256);
    become(g);
    assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
    vcpu_kick(&g->vcpu);
    machine_settle();
    assert_ptr_equal(on_cpu(0), &g->vcpu);
    assert_int_equal(g->switched_in, 1);
}

/* The wake comes after the CPU chose another, before the registers are saved. */
static void a_kick_during_the_switch(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(2);
    g = hog(256);
    become(g);
    save_later = true;
    assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
    machine_settle();
    assert_ptr_equal(unsaved[g->vcpu.cpu], &g->vcpu);
    fake_cpu = !g->vcpu.cpu;
    vcpu_kick(&g->vcpu);
    machine_settle(); /* nobody may take it yet */
    assert_true(is_idle_vcpu(on_cpu(0)) && is_idle_vcpu(on_cpu(1)));
    save_later = false;
    machine_save(g->vcpu.cpu);
    machine_settle();
    assert_ptr_equal(on_cpu(g->vcpu.cpu), &g->vcpu);
}

/* Preempted, and paused before its registers are saved. */
static void a_pause_during_the_switch(void **state)
{
    cpumask_t all = { { 0xf } }, zero = cpumask_of(0);
    struct guest *a, *b;

    (void)state;
    machine_start(1);
    a = hog(256);
    b = hog(256);
    assert_int_equal(sched_set_affinity(&a->vcpu, &zero, &all), 0);
    machine_settle();
    save_later = true;
    for (unsigned int i = 0; i < 100 && !unsaved[0]; i++)
        machine_run(MILLISECS(1));
    assert_non_null(unsaved[0]);
    a = container_of(unsaved[0], struct guest, vcpu);
    assert_true(a->vcpu.sched->queued);
    vcpu_pause_nosync(&a->vcpu);
    assert_false(a->vcpu.sched->queued);
    save_later = false;
    machine_save(0);
    machine_settle();
    assert_int_equal(a->vcpu.runstate.state, RUNSTATE_offline);
    vcpu_unpause(&a->vcpu);
    machine_run(MILLISECS(50));
    assert_true(a->ran > 0 && b->ran > 0);
}

static void a_running_one_is_kicked_by_ipi(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(2);
    g = hog(256);
    machine_settle();
    fake_cpu = g->vcpu.cpu;
    kicks = 0;
    vcpu_kick(&g->vcpu);
    assert_int_equal(kicks, 0);
    fake_cpu = !g->vcpu.cpu;
    vcpu_kick(&g->vcpu);
    assert_int_equal(kicks, 1);
}

static void runstates_add_up(void **state)
{
    s_time_t begin;

    (void)state;
    machine_start(2);
    begin = fake_now;
    for (unsigned int i = 0; i < 6; i++) {
        struct guest *g = add_guest(256);

        g->burst = MILLISECS(1 + i);
        g->rest = MILLISECS(6 - i);
        start_guest(g);
    }
    machine_run(SECONDS(1));
    for (unsigned int i = 0; i < 6; i++) {
        struct vcpu_runstate_info info;
        uint64_t sum = 0;

        vcpu_get_runstate(&guest[i].vcpu, &info);
        for (unsigned int s = 0; s < 4; s++)
            sum += info.time[s];
        assert_true(sum == (uint64_t)(fake_now - begin));
        assert_true(info.time[RUNSTATE_running] == (uint64_t)guest[i].ran);
        assert_true(info.time[RUNSTATE_blocked] > 0 && info.time[RUNSTATE_offline] == 0);
    }
}

/* ---- anything, in any order ---- */

static void random_step(struct guest *g)
{
    cpumask_t all = { { 0xf } }, mask = { { 1 + (unsigned long)rand() % 15 } };

    fake_cpu = (unsigned int)rand() % 4;
    switch (rand() % 8) {
    case 0:
        vcpu_pause_nosync(&g->vcpu);
        break;
    case 1:
        if (g->vcpu.pause_count)
            vcpu_unpause(&g->vcpu);
        break;
    case 2:
        assert_int_equal(sched_set_affinity(&g->vcpu, &mask, &all), 0);
        break;
    case 3:
        g->domain->sched->weight = 1U << rand() % 16;
        break;
    case 4:
        if (current != &g->vcpu)
            break;
        g->info.evtchn_upcall_pending = 0;
        assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
        break;
    case 5:
        if (current == &g->vcpu)
            assert_int_equal(do_sched_op(SCHEDOP_yield, (guest_ptr_t){ 0 }), 0);
        break;
    default:
        g->info.evtchn_upcall_pending = 1;
        vcpu_kick(&g->vcpu);
    }
}

static void random_events(void **state)
{
    (void)state;
    machine_start(4);
    srand(3);
    for (unsigned int i = 0; i < 12; i++)
        hog(256);
    for (unsigned int step = 0; step < 30000; step++) {
        save_later = rand() % 2;
        random_step(&guest[(unsigned int)rand() % nr_guests]);
        check_invariants(false);
        if (rand() % 3 == 0) {
            machine_settle();
            fake_now += rand() % 1000000;
        }
        if (rand() % 3 == 0)
            machine_save((unsigned int)rand() % 4);
    }
    /* All are let go: all must run. */
    save_later = false;
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        machine_save(cpu);
    fake_cpu = 0;
    for (unsigned int i = 0; i < nr_guests; i++) {
        guest[i].ran = 0;
        guest[i].domain->sched->weight = 256;
        while (guest[i].vcpu.pause_count)
            vcpu_unpause(&guest[i].vcpu);
        vcpu_kick(&guest[i].vcpu);
    }
    machine_run(SECONDS(8));
    for (unsigned int i = 0; i < nr_guests; i++)
        assert_true(guest[i].ran > MILLISECS(100));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_teardown(fn, teardown)
    const struct CMUnitTest tests[] = {
        CASE(shares_follow_weights),
        CASE(alone_without_a_timer),
        CASE(spread_over_cpus),
        CASE(five_on_four),
        CASE(weights_across_cpus),
        CASE(many_on_one_cpu),
        CASE(sleepers_wake_fast),
        CASE(sleep_is_not_saved),
        CASE(light_weights_do_not_starve),
        CASE(short_runs_are_paid_for),
        CASE(yielding_lets_others_run),
        CASE(idle_cpus_are_used_at_once),
        CASE(pinned_stays),
        CASE(a_running_one_moves),
        CASE(a_sleeping_one_moves),
        CASE(soft_affinity_is_a_wish),
        CASE(an_event_before_the_block),
        CASE(a_kick_before_the_switch),
        CASE(a_kick_during_the_switch),
        CASE(a_pause_during_the_switch),
        CASE(a_running_one_is_kicked_by_ipi),
        CASE(runstates_add_up),
        CASE(random_events),
    };

    struct CMUnitTest all[64];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
        all[n++] = tests[i];
    for (size_t i = 0; i < nr_pool_tests; i++)
        all[n++] = pool_tests[i];
    return _cmocka_run_group_tests("sched", all, n, NULL, NULL);
}
