/* Pools of CPUs and caps on the simulated machine. */
#include "machine.h"

static struct guest *hog(void)
{
    struct guest *g = add_guest(256);

    start_guest(g);
    return g;
}

static uint32_t new_pool(void)
{
    uint32_t id = XEN_SYSCTL_CPUPOOL_PAR_ANY;

    assert_int_equal(cpupool_create(&id, XEN_SCHEDULER_CREDIT2), 0);
    return id;
}

static void give_cpu(unsigned int cpu, uint32_t from, uint32_t to)
{
    assert_int_equal(cpupool_remove_cpu(from, cpu), 0);
    assert_int_equal(cpupool_add_cpu(to, cpu), 0);
}

static void forget_time(void)
{
    for (unsigned int i = 0; i < nr_guests; i++) {
        guest[i].ran = 0;
        memset(guest[i].ran_on, 0, sizeof(guest[i].ran_on));
    }
}

static void assert_percent(s_time_t ran, s_time_t of, unsigned int percent, unsigned int tolerance)
{
    if (ran < of * ((int)percent * 10 - (int)tolerance) / 1000 ||
        ran > of * ((int)percent * 10 + (int)tolerance) / 1000)
        fail_msg("%lld of %lld us is not %u percent", (long long)ran / 1000, (long long)of / 1000,
                 percent);
}

/* ---- pools ---- */

/* 2 of 4 CPUs for one domain: the others share the rest. */
static void a_pool_is_apart(void **state)
{
    struct guest *g;
    uint32_t id;

    (void)state;
    machine_start(4);
    g = hog();
    for (unsigned int i = 0; i < 5; i++)
        hog();
    machine_run(MILLISECS(10));
    id = new_pool();
    give_cpu(2, 0, id);
    give_cpu(3, 0, id);
    assert_int_equal(cpupool_move_domain(g->domain, id), 0);
    machine_settle();
    forget_time();
    machine_run(SECONDS(2));
    assert_int_equal(g->ran, SECONDS(2));
    assert_int_equal(g->ran_on[2] + g->ran_on[3], SECONDS(2));
    for (unsigned int i = 1; i < nr_guests; i++)
        assert_int_equal(guest[i].ran, guest[i].ran_on[0] + guest[i].ran_on[1]);
    assert_true(is_idle_vcpu(on_cpu(2)) != is_idle_vcpu(on_cpu(3)));

    /* And back. */
    assert_int_equal(cpupool_move_domain(g->domain, 0), 0);
    give_cpu(2, id, 0);
    give_cpu(3, id, 0);
    assert_int_equal(cpupool_destroy(id), 0);
    machine_settle();
    forget_time();
    machine_run(SECONDS(20));
    for (unsigned int i = 0; i < nr_guests; i++)
        assert_percent(guest[i].ran, SECONDS(20), 66, 50);
}

/* Who walks the pools looks for the number after the last one's. */
static void the_last_number_is_nobodys(void **state)
{
    uint32_t last = XEN_SYSCTL_CPUPOOL_PAR_ANY - 1, any = XEN_SYSCTL_CPUPOOL_PAR_ANY;

    (void)state;
    machine_start(1);
    assert_int_equal(cpupool_create(&last, XEN_SCHEDULER_CREDIT2), 0);
    assert_int_equal(cpupool_create(&any, XEN_SCHEDULER_CREDIT2), -ENOSPC);
    assert_int_equal(cpupool_destroy(last), 0);
    assert_int_equal(new_pool(), 1);
    assert_int_equal(cpupool_destroy(1), 0);
}

static void a_free_cpu_idles(void **state)
{
    (void)state;
    machine_start(4);
    for (unsigned int i = 0; i < 8; i++)
        hog();
    machine_run(MILLISECS(10));
    assert_int_equal(cpupool_remove_cpu(0, 1), 0);
    machine_settle();
    assert_true(is_idle_vcpu(on_cpu(1)));
    forget_time();
    machine_run(SECONDS(1));
    for (unsigned int i = 0; i < nr_guests; i++)
        assert_int_equal(guest[i].ran_on[1], 0);
    assert_int_equal(cpupool_add_cpu(0, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    machine_settle();
    assert_false(is_idle_vcpu(on_cpu(1)));
}

/* The CPU that a vCPU was bound to goes: it may run anywhere. */
static void affinity_gives_way(void **state)
{
    cpumask_t all, two = cpumask_of(2), hard, soft;
    struct guest *g, *asleep;

    (void)state;
    memset(&all, 0xff, sizeof(all));
    machine_start(4);
    g = hog();
    asleep = add_guest(256);
    assert_int_equal(sched_set_affinity(&g->vcpu, &two, &two), 0);
    assert_int_equal(sched_set_affinity(&asleep->vcpu, &two, &all), 0);
    machine_settle();
    assert_ptr_equal(on_cpu(2), &g->vcpu);
    assert_int_equal(cpupool_remove_cpu(0, 2), 0);
    machine_settle();
    assert_true(g->vcpu.is_running);
    assert_int_not_equal(g->vcpu.cpu, 2);
    assert_int_not_equal(asleep->vcpu.cpu, 2);
    sched_get_affinity(&g->vcpu, &hard, &soft);
    assert_memory_equal(&hard, &all, sizeof(all));
    assert_memory_equal(&soft, &all, sizeof(all));
    sched_get_places(&g->vcpu, &hard, &soft);
    assert_int_equal(hard.bits[0], 0xb);
    assert_int_equal(sched_set_affinity(&g->vcpu, &two, &all), -EINVAL);
}

static void the_rate_limit_is_the_pools(void **state)
{
    unsigned int *us;

    (void)state;
    machine_start(1);
    hog();
    hog();
    assert_int_equal(cpupool_ratelimit(0, &us), 0);
    *us = 20000;
    shortest_run = STIME_MAX;
    machine_run(SECONDS(1));
    assert_true(shortest_run >= MILLISECS(20));
    *us = 0;
    machine_run(SECONDS(1));
    assert_true(shortest_run < MILLISECS(20));
    assert_percent(guest[0].ran, SECONDS(2), 50, 10);
}

/* ---- caps ---- */

static void a_capped_one_alone(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(1);
    g = hog();
    for (unsigned int cap = 1; cap <= 100; cap += 9) {
        sched_set_cap(g->domain, cap);
        assert_int_equal(sched_get_cap(g->domain), cap);
        forget_time();
        machine_run(SECONDS(5));
        assert_percent(g->ran, SECONDS(5), cap, 5);
    }
    sched_set_cap(g->domain, 0);
    forget_time();
    machine_run(SECONDS(1));
    assert_int_equal(g->ran, SECONDS(1));
}

/* A cap is over all vCPUs of a domain, wherever they run. */
static void a_capped_domain_of_many(void **state)
{
    static const unsigned int caps[] = { 5, 100, 130, 250, 1000 };
    struct domain *d;

    (void)state;
    machine_start(4);
    d = hog()->domain;
    for (unsigned int i = 1; i < 8; i++)
        start_guest(add_vcpu(d));
    for (unsigned int i = 0; i < ARRAY_SIZE(caps); i++) {
        s_time_t ran = 0;

        sched_set_cap(d, caps[i]);
        forget_time();
        machine_run(SECONDS(5));
        for (unsigned int n = 0; n < nr_guests; n++) {
            ran += guest[n].ran;
            assert_percent(guest[n].ran, SECONDS(5), min(caps[i], 400U) / 8, 40);
        }
        assert_percent(ran, SECONDS(5), min(caps[i], 400U), 10);
    }
}

/* What a capped domain may not use is the others', by weight; who wakes does not wait for it. */
static void others_get_the_rest(void **state)
{
    struct guest *capped, *a, *b, *waker;

    (void)state;
    machine_start(1);
    capped = hog();
    capped->domain->sched->weight = 65535;
    a = hog();
    b = hog();
    b->domain->sched->weight = 512;
    waker = add_guest(256);
    waker->burst = MICROSECS(100);
    waker->rest = MILLISECS(10);
    start_guest(waker);
    sched_set_cap(capped->domain, 10);
    machine_run(SECONDS(10));
    assert_percent(capped->ran, SECONDS(10), 10, 5);
    assert_percent(waker->ran, SECONDS(10), 1, 2);
    assert_percent(a->ran, SECONDS(10), 30, 20);
    assert_percent(b->ran, SECONDS(10), 59, 20);
    assert_true(waker->worst_wait <= MILLISECS(2));
}

/* A domain that sleeps does not save its budget up. */
static void budgets_are_not_saved(void **state)
{
    struct guest *g;

    (void)state;
    machine_start(2);
    g = add_guest(256);
    sched_set_cap(g->domain, 20);
    machine_run(SECONDS(3600));
    start_guest(g);
    machine_run(MILLISECS(100));
    assert_percent(g->ran, MILLISECS(100), 20, 30);
}

/* Waiting for time is waiting, as its guest sees it. */
static void parked_is_runnable(void **state)
{
    struct vcpu_runstate_info info;
    struct guest *g;

    (void)state;
    machine_start(1);
    g = hog();
    sched_set_cap(g->domain, 25);
    machine_run(SECONDS(1));
    vcpu_get_runstate(&g->vcpu, &info);
    assert_percent((s_time_t)info.time[RUNSTATE_running], SECONDS(1), 25, 10);
    assert_percent((s_time_t)info.time[RUNSTATE_runnable], SECONDS(1), 75, 10);
    assert_int_equal(info.time[RUNSTATE_blocked] + info.time[RUNSTATE_offline], 0);
}

/* ---- anything, in any order ---- */

static uint32_t some_pool(void)
{
    uint32_t ids[8];
    unsigned int n = 0;
    struct cpupool_info info = { .id = 0 };

    for (uint32_t from = 0; !cpupool_info(from, &info) && n < 8; from = info.id + 1)
        ids[n++] = info.id;
    return ids[(unsigned int)rand() % n];
}

static void random_pool_step(void)
{
    uint32_t id = XEN_SYSCTL_CPUPOOL_PAR_ANY;
    struct cpupool_info info;
    struct guest *g = &guest[2 + (unsigned int)rand() % (nr_guests - 2)];
    unsigned int cpu = (unsigned int)rand() % 4;
    int rc = 0;

    switch (rand() % 7) {
    case 0:
        if (some_pool() < 5)
            rc = cpupool_create(&id, XEN_SCHEDULER_CREDIT2);
        break;
    case 1:
        id = some_pool();
        assert_int_equal(cpupool_info(id, &info), 0);
        rc = cpupool_destroy(id);
        assert_int_equal(rc, info.domains || !cpumask_empty(&info.cpus) ? -EBUSY : 0);
        return;
    case 2:
        rc = cpupool_remove_cpu(some_pool(), cpu);
        assert_true(rc == 0 || rc == -EADDRNOTAVAIL || rc == -EBUSY || rc == -EINVAL);
        return;
    case 3:
    case 4:
        rc = cpupool_add_cpu(some_pool(), cpu);
        assert_true(rc == 0 || rc == -ENODEV);
        return;
    case 5:
        id = some_pool();
        assert_int_equal(cpupool_info(id, &info), 0);
        rc = cpupool_move_domain(g->domain, id);
        assert_int_equal(rc, cpumask_empty(&info.cpus) ? -ENODEV : 0);
        return;
    default:
        sched_set_cap(g->domain, (unsigned int)rand() % 3 * 60);
    }
    assert_int_equal(rc, 0);
}

static void random_guest_step(struct guest *g)
{
    cpumask_t mask = { { 1 + (unsigned long)rand() % 15 } };
    int rc;

    fake_cpu = (unsigned int)rand() % 4;
    switch (rand() % 6) {
    case 0:
        vcpu_pause_nosync(&g->vcpu);
        break;
    case 1:
        if (g->vcpu.pause_count)
            vcpu_unpause(&g->vcpu);
        break;
    case 2:
        rc = sched_set_affinity(&g->vcpu, &mask, &mask);
        mask = cpumask_and(&mask, &g->domain->sched->pool->cpus);
        assert_int_equal(rc, cpumask_empty(&mask) ? -EINVAL : 0);
        break;
    case 3:
        if (current != &g->vcpu)
            break;
        g->info.evtchn_upcall_pending = 0;
        assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
        break;
    default:
        g->info.evtchn_upcall_pending = 1;
        vcpu_kick(&g->vcpu);
    }
}

static void random_pools(void **state)
{
    struct cpupool_info info;

    (void)state;
    machine_start(4);
    srand(5);
    for (unsigned int i = 0; i < 6; i++)
        start_guest(add_vcpu(hog()->domain));
    for (unsigned int step = 0; step < 30000; step++) {
        save_later = rand() % 2;
        if (rand() % 3 == 0)
            random_pool_step();
        else
            random_guest_step(&guest[(unsigned int)rand() % nr_guests]);
        check_invariants(false);
        if (rand() % 3 == 0)
            machine_settle();
        if (rand() % 3 == 0)
            machine_save((unsigned int)rand() % 4);
        if (rand() % 200 == 0) {
            save_later = false;
            for (unsigned int cpu = 0; cpu < 4; cpu++)
                machine_save(cpu);
            machine_run(MILLISECS(rand() % 40));
        }
    }
    save_later = false;
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        machine_save(cpu);
    /* All together again: all run. */
    fake_cpu = 0;
    for (unsigned int i = 0; i < nr_guests; i++) {
        sched_set_cap(guest[i].domain, 0);
        assert_int_equal(cpupool_move_domain(guest[i].domain, 0), 0);
        while (guest[i].vcpu.pause_count)
            vcpu_unpause(&guest[i].vcpu);
        vcpu_kick(&guest[i].vcpu);
    }
    while (!cpupool_info(1, &info)) {
        while (!cpupool_remove_cpu(info.id, XEN_SYSCTL_CPUPOOL_PAR_ANY))
            ;
        assert_int_equal(cpupool_destroy(info.id), 0);
    }
    while (!cpupool_add_cpu(0, XEN_SYSCTL_CPUPOOL_PAR_ANY))
        ;
    forget_time();
    machine_run(SECONDS(4));
    for (unsigned int i = 0; i < nr_guests; i++)
        assert_percent(guest[i].ran, SECONDS(4), 33, 60);
}

static int teardown(void **state)
{
    struct cpupool_info info;

    (void)state;
    machine_stop();
    while (!cpupool_info(1, &info)) {
        while (!cpupool_remove_cpu(info.id, XEN_SYSCTL_CPUPOOL_PAR_ANY))
            ;
        assert_int_equal(cpupool_destroy(info.id), 0);
    }
    return 0;
}

#define CASE(fn) cmocka_unit_test_teardown(fn, teardown)
const struct CMUnitTest pool_tests[] = {
    CASE(a_pool_is_apart),     CASE(a_free_cpu_idles),
    CASE(affinity_gives_way),  CASE(the_rate_limit_is_the_pools),
    CASE(a_capped_one_alone),  CASE(a_capped_domain_of_many),
    CASE(others_get_the_rest), CASE(budgets_are_not_saved),
    CASE(parked_is_runnable),  CASE(the_last_number_is_nobodys),
    CASE(random_pools),
};
const size_t nr_pool_tests = ARRAY_SIZE(pool_tests);
