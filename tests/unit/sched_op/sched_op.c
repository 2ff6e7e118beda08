/* The hypercalls sched_op, vcpu_op and set_timer_op, on the simulated machine of the scheduler's
 * test: what they do, and what they refuse. */
#include "../sched/machine.h"

#include <xen/domctl.h>

static int setup(void **state)
{
    (void)state;
    machine_start(2);
    port_pending = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    machine_stop();
    return 0;
}

static guest_ptr_t at(const void *p)
{
    return (guest_ptr_t){ (uintptr_t)p };
}

static const guest_ptr_t null, bad = { 8 };

static struct guest *running_guest(void)
{
    struct guest *g = add_guest(256);

    start_guest(g);
    become(g);
    return g;
}

static void unknown_commands(void **state)
{
    (void)state;
    running_guest();
    assert_int_equal(do_sched_op(-1, null), -ENOSYS);
    assert_int_equal(do_sched_op(SCHEDOP_pin_override + 1, null), -ENOSYS);
    assert_int_equal(do_sched_op(INT32_MAX, null), -ENOSYS);
    assert_int_equal(do_vcpu_op(-1, 0, null), -ENOSYS);
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_time_memory_area + 1, 0, null), -ENOSYS);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 1, null), -ENOENT);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, UINT32_MAX, null), -ENOENT);
}

static void bad_pointers(void **state)
{
    static const int sched[] = { SCHEDOP_shutdown, SCHEDOP_poll, SCHEDOP_shutdown_code,
                                 SCHEDOP_watchdog };
    static const int vcpu[] = { VCPUOP_initialise,
                                VCPUOP_get_runstate_info,
                                VCPUOP_register_runstate_memory_area,
                                VCPUOP_set_periodic_timer,
                                VCPUOP_set_singleshot_timer,
                                VCPUOP_register_vcpu_info,
                                VCPUOP_register_vcpu_time_memory_area };
    struct guest *g = running_guest();

    (void)state;
    g->vcpu.is_initialised = false;
    for (unsigned int i = 0; i < ARRAY_SIZE(sched); i++)
        assert_int_equal(do_sched_op(sched[i], bad), -EFAULT);
    for (unsigned int i = 0; i < ARRAY_SIZE(vcpu); i++) {
        long rc = do_vcpu_op(vcpu[i], 0, vcpu[i] == VCPUOP_initialise ? null : bad);

        assert_int_equal(rc, -EFAULT);
    }
}

/* ---- poll ---- */

static void poll_waits_for_an_event(void **state)
{
    evtchn_port_t ports[2] = { 3, 4 };
    struct sched_poll poll = { .ports = { ports }, .nr_ports = 1 };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_settle();
    assert_false(g->vcpu.is_running);
    assert_int_equal(g->vcpu.poll_port, 3);
    assert_int_equal(g->vcpu.runstate.state, RUNSTATE_blocked);
    machine_run(SECONDS(100));
    assert_false(g->vcpu.is_running);
    vcpu_kick(&g->vcpu);
    become(g);

    poll.nr_ports = 2;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    assert_int_equal(g->vcpu.poll_port, 0);
}

static void poll_ends_with_its_timeout(void **state)
{
    struct sched_poll poll = { .nr_ports = 0, .timeout = (uint64_t)(fake_now + MILLISECS(5)) };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_run(MILLISECS(4));
    assert_false(g->vcpu.is_running);
    machine_run(MILLISECS(2));
    assert_true(g->vcpu.is_running);
    become(g);
    /* The past, and further than the clock goes. */
    poll.timeout = 1;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_run(1);
    become(g);
    poll.timeout = UINT64_MAX;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_run(SECONDS(100));
    assert_false(g->vcpu.is_running);
}

/* The timeout of an earlier poll is not that of the next. */
static void timeouts_do_not_linger(void **state)
{
    struct sched_poll poll = { .nr_ports = 0, .timeout = (uint64_t)(fake_now + MILLISECS(5)) };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_settle();
    vcpu_kick(&g->vcpu);
    become(g);
    poll.timeout = 0;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    machine_run(MILLISECS(50));
    assert_false(g->vcpu.is_running);
}

static void poll_does_not_wait(void **state)
{
    evtchn_port_t ports[2] = { 3, 0 };
    struct sched_poll poll = { .ports = { ports }, .nr_ports = 1 };
    struct guest *g = running_guest();

    (void)state;
    port_pending = 1;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    assert_int_equal(g->vcpu.pause_flags, 0);
    port_pending = 0;
    poll.nr_ports = 2; /* the second is none */
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), -EINVAL);
    assert_int_equal(g->vcpu.pause_flags, 0);
    poll.nr_ports = 129;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), -EINVAL);
    poll.nr_ports = 1;
    poll.ports.p = (evtchn_port_t *)8;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), -EFAULT);
    assert_int_equal(g->vcpu.pause_flags, 0);
    g->info.evtchn_upcall_pending = 1;
    poll.nr_ports = 0;
    assert_int_equal(do_sched_op(SCHEDOP_poll, at(&poll)), 0);
    assert_int_equal(g->vcpu.pause_flags, 0);
}

/* ---- shutdown, watchdogs, pinning ---- */

static void shutting_down(void **state)
{
    struct sched_shutdown how = { .reason = SHUTDOWN_reboot };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_shutdown, at(&how)), 0);
    assert_int_equal(shutdowns, 1);
    assert_int_equal(shutdown_reason, SHUTDOWN_reboot);
    assert_int_equal(do_sched_op(SCHEDOP_shutdown_code, at(&how)), 0);
    assert_int_equal(g->domain->shutdown_code, SHUTDOWN_reboot);
    how.reason = SHUTDOWN_MAX + 1;
    assert_int_equal(do_sched_op(SCHEDOP_shutdown, at(&how)), -EINVAL);
    assert_int_equal(do_sched_op(SCHEDOP_shutdown_code, at(&how)), -EINVAL);
    how.reason = 256 + SHUTDOWN_reboot;
    assert_int_equal(do_sched_op(SCHEDOP_shutdown, at(&how)), -EINVAL);
    assert_int_equal(shutdowns, 1);
}

static void shutting_others_down(void **state)
{
    struct guest *other = add_guest(256), *g = running_guest();
    struct sched_remote_shutdown how = { .domain_id = other->domain->id, .reason = SHUTDOWN_crash };

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, at(&how)), -EPERM);
    g->domain->is_control = true;
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, at(&how)), -ESRCH);
    known_domain = other->domain;
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, at(&how)), 0);
    assert_int_equal(shutdown_reason, SHUTDOWN_crash);
    known_domain = g->domain;
    how.domain_id = g->domain->id;
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, at(&how)), -EPERM);
    how.reason = SHUTDOWN_MAX + 1;
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, at(&how)), -EINVAL);
    assert_int_equal(do_sched_op(SCHEDOP_remote_shutdown, bad), -EFAULT);
    assert_int_equal(shutdowns, 1);
}

static long watchdog(uint32_t id, uint32_t timeout)
{
    struct sched_watchdog w = { .id = id, .timeout = timeout };

    return do_sched_op(SCHEDOP_watchdog, at(&w));
}

static void watchdogs(void **state)
{
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(watchdog(0, 0), -EINVAL);
    assert_int_equal(watchdog(1, 5), -EINVAL);
    assert_int_equal(watchdog(3, 5), -EINVAL);
    assert_int_equal(watchdog(UINT32_MAX, 5), -EINVAL);
    assert_int_equal(watchdog(0, 5), 1);
    assert_int_equal(watchdog(0, UINT32_MAX), 2);
    assert_int_equal(watchdog(0, 5), -ENOSPC);
    machine_run(SECONDS(4));
    become(g);
    assert_int_equal(watchdog(1, 5), 0);
    machine_run(SECONDS(4));
    assert_int_equal(shutdowns, 0);
    become(g);
    assert_int_equal(watchdog(1, 0), 0);
    machine_run(SECONDS(20));
    assert_int_equal(shutdowns, 0);
    become(g);
    assert_int_equal(watchdog(0, 5), 1);
    machine_run(SECONDS(6));
    assert_int_equal(shutdowns, 1);
    assert_int_equal(shutdown_reason, SHUTDOWN_watchdog);
}

static void pinning(void **state)
{
    struct sched_pin_override pin = { .pcpu = 1 };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EPERM);
    g->domain->is_hardware = true;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, bad), -EFAULT);
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), 0);
    become(g);
    assert_int_equal(fake_cpu, 1);
    pin.pcpu = 0;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EBUSY);
    pin.pcpu = -1;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), 0);
    assert_int_equal(cpumask_weight(&g->vcpu.hard_affinity), NR_CPUS);
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EINVAL);
    pin.pcpu = NR_CPUS;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EINVAL);
    pin.pcpu = 7; /* not online */
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EINVAL);
    assert_int_equal(cpumask_weight(&g->vcpu.hard_affinity), NR_CPUS);
}

/* What the control domain sees of a pinned vCPU, and how it takes it back. */
static void control_of_a_pinned_vcpu(void **state)
{
    struct sched_pin_override pin = { .pcpu = 1 };
    cpumask_t hard, soft, zero = cpumask_of(0), offline = cpumask_of(7);
    struct guest *g = running_guest();

    (void)state;
    g->domain->is_hardware = true;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), 0);
    become(g);
    sched_get_affinity(&g->vcpu, &hard, &soft);
    assert_int_equal(cpumask_weight(&hard), NR_CPUS);
    assert_int_equal(cpumask_weight(&soft), NR_CPUS);
    assert_int_equal(sched_control_affinity(&g->vcpu, &zero, &soft, false), -EBUSY);
    assert_int_equal(sched_control_affinity(&g->vcpu, &offline, &soft, true), -EINVAL);
    assert_int_equal(cpumask_weight(&g->vcpu.hard_affinity), 1);
    assert_int_equal(sched_control_affinity(&g->vcpu, &zero, &zero, true), 0);
    become(g);
    assert_int_equal(fake_cpu, 0);
    sched_get_affinity(&g->vcpu, &hard, &soft);
    assert_int_equal(hard.bits[0], 1);
    assert_int_equal(soft.bits[0], 1);
    pin.pcpu = -1;
    assert_int_equal(do_sched_op(SCHEDOP_pin_override, at(&pin)), -EINVAL);

    assert_int_equal(sched_id(), XEN_SCHEDULER_CREDIT2);
    sched_set_weight(g->domain, 65535);
    assert_int_equal(sched_get_weight(g->domain), 65535);
}

/* ---- vCPUs ---- */

static void up_and_down(void **state)
{
    struct guest *g = running_guest(), *second = add_vcpu(g->domain);

    (void)state;
    second->vcpu.is_initialised = false;
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 1, null), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, null), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_initialise, 1, at(&g)), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_initialise, 1, at(&g)), -EEXIST);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, null), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, null), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 1, null), 1);
    machine_settle();
    assert_true(second->vcpu.is_running);
    assert_int_equal(do_vcpu_op(VCPUOP_down, 1, null), 0);
    machine_settle();
    assert_false(second->vcpu.is_running);
    assert_int_equal(second->vcpu.runstate.state, RUNSTATE_offline);
    assert_int_equal(shutdowns, 0);
    assert_int_equal(do_vcpu_op(VCPUOP_down, 0, null), 0); /* the last */
    assert_int_equal(shutdowns, 1);
    assert_int_equal(shutdown_reason, SHUTDOWN_poweroff);
}

static void runstate_area(void **state)
{
    struct vcpu_runstate_info area, info;
    struct vcpu_register_runstate_memory_area where = { .addr.v = &area };
    struct guest *g = running_guest();

    (void)state;
    machine_run(MILLISECS(3));
    become(g);
    assert_int_equal(do_vcpu_op(VCPUOP_get_runstate_info, 0, at(&info)), 0);
    assert_int_equal(info.state, RUNSTATE_running);
    assert_int_equal(info.time[RUNSTATE_running], MILLISECS(3));
    assert_int_equal(do_vcpu_op(VCPUOP_register_runstate_memory_area, 0, at(&where)), 0);
    assert_int_equal(area.time[RUNSTATE_running], MILLISECS(3));
    memset(&area, 0, sizeof(area));
    vcpu_update_runstate_area(&g->vcpu);
    assert_int_equal(area.state, RUNSTATE_running);
    assert_true(area.state_entry_time == g->vcpu.runstate.state_entry_time);
    memset(&area, 0, sizeof(area));
    g->domain->vm_assist = BIT(VMASST_TYPE_runstate_update_flag);
    vcpu_update_runstate_area(&g->vcpu);
    assert_true(area.state_entry_time == g->vcpu.runstate.state_entry_time);
    where.addr.v = (void *)8;
    assert_int_equal(do_vcpu_op(VCPUOP_register_runstate_memory_area, 0, at(&where)), -EFAULT);
    assert_int_equal(g->vcpu.runstate_guest.v, (uintptr_t)&area);
    where.addr.v = NULL;
    assert_int_equal(do_vcpu_op(VCPUOP_register_runstate_memory_area, 0, at(&where)), 0);
    memset(&area, 0, sizeof(area));
    vcpu_update_runstate_area(&g->vcpu);
    assert_int_equal(area.state_entry_time, 0);
}

static void register_info(void **state)
{
    struct vcpu_register_vcpu_info where = { .mfn = 42, .offset = 128 };
    struct guest *g = running_guest(), *second = add_vcpu(g->domain);

    (void)state;
    g->info.evtchn_pending_sel = 0x55;
    where.offset = PAGE_SIZE - sizeof(struct vcpu_info) + 8;
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), -EINVAL);
    where.offset = UINT32_MAX;
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), -EINVAL);
    where.offset = 4;
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), -EINVAL);
    where.offset = 128;
    where.mfn = 41;
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), -EINVAL);
    where.mfn = 42;
    assert_ptr_equal(g->vcpu.info, &g->info);
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), 0);
    assert_int_equal((uintptr_t)g->vcpu.info % PAGE_SIZE, 128);
    assert_int_equal(g->vcpu.info->evtchn_pending_sel, 0x55);
    assert_int_equal(g->vcpu.info_mfn.v, 42);
    assert_int_equal(info_moves, 1);
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 0, at(&where)), -EINVAL);
    /* Another's only while it is down. */
    start_guest(second);
    machine_settle();
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 1, at(&where)), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_down, 1, null), 0);
    machine_settle();
    assert_int_equal(do_vcpu_op(VCPUOP_register_vcpu_info, 1, at(&where)), 0);
}

static void nmi_and_physid(void **state)
{
    (void)state;
    running_guest();
    assert_int_equal(do_vcpu_op(VCPUOP_send_nmi, 0, at(&nmis)), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_send_nmi, 0, null), 0);
    assert_int_equal(nmis, 1);
    assert_int_equal(do_vcpu_op(VCPUOP_get_physid, 0, at(&nmis)), -EINVAL);
}

/* ---- timers ---- */

static void singleshot(void **state)
{
    struct vcpu_set_singleshot_timer set = { .timeout_abs_ns =
                                                 (uint64_t)(fake_now + MILLISECS(2)) };
    struct guest *g = running_guest(), *second = add_vcpu(g->domain);

    (void)state;
    (void)second;
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 1, at(&set)), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_stop_singleshot_timer, 1, null), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 0, at(&set)), 0);
    machine_run(MILLISECS(3));
    assert_int_equal(virqs, 1);
    become(g);
    set.flags = VCPU_SSHOTTMR_future;
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 0, at(&set)), -ETIME);
    set.timeout_abs_ns = UINT64_MAX;
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 0, at(&set)), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_stop_singleshot_timer, 0, null), 0);
    machine_run(SECONDS(1));
    assert_int_equal(virqs, 1);
}

static void periodic(void **state)
{
    struct vcpu_set_periodic_timer set = { .period_ns = 999999 };
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_vcpu_op(VCPUOP_set_periodic_timer, 0, at(&set)), -EINVAL);
    set.period_ns = UINT64_MAX;
    assert_int_equal(do_vcpu_op(VCPUOP_set_periodic_timer, 0, at(&set)), -EINVAL);
    set.period_ns = (uint64_t)MILLISECS(10);
    assert_int_equal(do_vcpu_op(VCPUOP_set_periodic_timer, 0, at(&set)), 0);
    machine_run(MILLISECS(1005));
    assert_int_equal(virqs, 100);
    /* It ticks for one who sleeps, too. */
    become(g);
    g->vcpu.info->evtchn_upcall_pending = 0;
    assert_int_equal(do_sched_op(SCHEDOP_block, null), 0);
    machine_settle();
    assert_false(g->vcpu.is_running);
    machine_run(MILLISECS(10));
    assert_true(g->vcpu.is_running);
    become(g);
    virqs = 0;
    assert_int_equal(do_vcpu_op(VCPUOP_stop_periodic_timer, 0, null), 0);
    machine_run(SECONDS(1));
    assert_int_equal(virqs, 0);
}

static void set_timer(void **state)
{
    struct guest *g = running_guest();

    (void)state;
    assert_int_equal(do_set_timer_op(fake_now + MILLISECS(1)), 0);
    assert_int_equal(do_set_timer_op(0), 0);
    machine_run(MILLISECS(10));
    assert_int_equal(virqs, 0);
    become(g);
    assert_int_equal(do_set_timer_op(fake_now + MILLISECS(1)), 0);
    machine_run(MILLISECS(2));
    assert_int_equal(virqs, 1);
    become(g);
    assert_int_equal(do_set_timer_op(1), 0); /* the past: at once */
    machine_run(0);
    assert_int_equal(virqs, 2);
    become(g);
    assert_int_equal(do_set_timer_op(INT64_MIN), 0); /* nonsense: soon */
    machine_run(MILLISECS(99));
    assert_int_equal(virqs, 2);
    machine_run(MILLISECS(2));
    assert_int_equal(virqs, 3);
    become(g);
    assert_int_equal(do_set_timer_op(INT64_MAX), 0);
    machine_run(MILLISECS(101));
    assert_int_equal(virqs, 4);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(unknown_commands),
        CASE(bad_pointers),
        CASE(poll_waits_for_an_event),
        CASE(poll_ends_with_its_timeout),
        CASE(timeouts_do_not_linger),
        CASE(poll_does_not_wait),
        CASE(shutting_down),
        CASE(shutting_others_down),
        CASE(watchdogs),
        CASE(pinning),
        CASE(control_of_a_pinned_vcpu),
        CASE(up_and_down),
        CASE(runstate_area),
        CASE(register_info),
        CASE(nmi_and_physid),
        CASE(singleshot),
        CASE(periodic),
        CASE(set_timer),
    };

    return cmocka_run_group_tests_name("sched_op", tests, NULL, NULL);
}
