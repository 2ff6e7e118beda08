/*
 * The life of domains with parts that count: every step of a creation fails in turn, every
 * allocation fails in turn, deaths are preempted, and in the end nothing is left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/time.h>
#include <xen/sched.h>
#include "../fake/hv.h"

/* ---- parts that count what they own ---- */

static int domains_owned, vcpus_owned, torn;
static unsigned int steps, fail_step; /* the fail_step-th step fails; 0: none */
static unsigned int restarts;         /* how often each teardown asks to be called again */
static char order[256];

static int step(void)
{
    return ++steps == fail_step ? -ENOSPC : 0;
}

#define FAKE_PART(part, letter)                                                                    \
    static unsigned int fake_##part##_restarts;                                                    \
    static int fake_##part##_init(struct domain *d)                                                \
    {                                                                                              \
        (void)d;                                                                                   \
        fake_##part##_restarts = restarts;                                                         \
        domains_owned++; /* its own failure is cleaned up by its free, too */                      \
        return step();                                                                             \
    }                                                                                              \
    static int fake_##part##_vcpu_init(struct vcpu *v)                                             \
    {                                                                                              \
        (void)v;                                                                                   \
        vcpus_owned++;                                                                             \
        return step();                                                                             \
    }                                                                                              \
    static int fake_##part##_teardown(struct domain *d)                                            \
    {                                                                                              \
        assert_true(d->is_dying);                                                                  \
        if (fake_##part##_restarts) {                                                              \
            fake_##part##_restarts--;                                                              \
            return -ERESTART;                                                                      \
        }                                                                                          \
        strcat(order, letter);                                                                     \
        torn++;                                                                                    \
        return 0;                                                                                  \
    }                                                                                              \
    static void fake_##part##_vcpu_free(struct vcpu *v)                                            \
    {                                                                                              \
        (void)v;                                                                                   \
        vcpus_owned--;                                                                             \
    }                                                                                              \
    static void fake_##part##_free(struct domain *d)                                               \
    {                                                                                              \
        (void)d;                                                                                   \
        domains_owned--;                                                                           \
        torn--;                                                                                    \
    }                                                                                              \
    const struct domain_part part##_part = {                                                       \
        .name = #part,                                                                             \
        .init = fake_##part##_init,                                                                \
        .vcpu_init = fake_##part##_vcpu_init,                                                      \
        .teardown = fake_##part##_teardown,                                                        \
        .vcpu_free = fake_##part##_vcpu_free,                                                      \
        .free = fake_##part##_free,                                                                \
    };

FAKE_PART(memory, "m")
FAKE_PART(arch, "a")
FAKE_PART(sched, "s")
FAKE_PART(irq, "i")
FAKE_PART(event, "e")
FAKE_PART(grant, "g")
FAKE_PART(console, "c")
#define FAKE_PARTS 7

/* ---- what the rest needs ---- */

static struct domain idle = { .id = DOMID_IDLE, .refs = 1 };
struct domain *domain_idle = &idle;
static struct vcpu idle_vcpu = { .domain = &idle }, *running;

struct vcpu *current_vcpu(void)
{
    return running;
}

static unsigned int graces, waits, nosync_waits, wakes, dumps;
static unsigned int pages; /* live */
static struct frame frame; /* of the one page that is shared at a time */
static void *shared_page;
static struct domain *told; /* the wall clock, last */

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    assert_true(irq_enabled());
    (void)mask;
    fn(arg);
    graces++;
}

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    (void)cpu, (void)ipi;
}

void arch_timer_set(s_time_t deadline)
{
    (void)deadline;
}

void vcpu_sleep_sync(struct vcpu *v)
{
    (void)v;
    waits++;
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    (void)v;
    nosync_waits++;
}

void vcpu_wake(struct vcpu *v)
{
    (void)v;
    wakes++;
}

void *page_alloc(void)
{
    if (fake_alloc_fail_at && ++fake_allocs >= fake_alloc_fail_at)
        return NULL;
    pages++;
    shared_page = calloc(1, PAGE_SIZE);
    return shared_page;
}

mfn_t virt_to_mfn(const void *p)
{
    assert_ptr_equal(p, shared_page);
    return mfn(7);
}

struct frame *mfn_to_frame(mfn_t m)
{
    assert_int_equal(m.v, 7);
    return &frame;
}

/* A frame keeps its domain alive, and finds it by its id when it goes. */
void frame_share(struct frame *f, struct domain *d, bool readonly)
{
    assert_false(readonly);
    f->state.owner = d->id;
    domain_hold(d);
}

void frame_unshare(struct frame *f)
{
    struct domain *d = domain_find((domid_t)f->state.owner);

    assert_non_null(d);
    pages--;
    free(shared_page);
    domain_put(d);
}

static unsigned int unmapped;

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d;
    assert_int_equal(m.v, 99);
    assert_int_equal((uintptr_t)va % PAGE_SIZE, 0);
    unmapped++;
}

void arch_update_wallclock(struct domain *d)
{
    told = d;
    d->shared_info->wc_version += 2;
}

void event_send_vcpu_virq(struct vcpu *v, unsigned int virq)
{
    (void)v, (void)virq;
}

static unsigned int told_dom_exc, sent;
static int send_rc;

int event_send(struct domain *d, evtchn_port_t port)
{
    assert_int_equal(d->suspend_port, port);
    sent++;
    return send_rc;
}

void event_set_max_port(struct domain *d, evtchn_port_t max)
{
    (void)d;
    assert_int_equal(max, 1023);
}

int grant_set_limits(struct domain *d, int32_t max_frames, int32_t max_maptrack_frames,
                     unsigned int max_version)
{
    (void)d;
    assert_int_equal(max_frames, 17);
    assert_int_equal(max_maptrack_frames, -1);
    assert_int_equal(max_version, 1);
    return step();
}

void event_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_DOM_EXC);
    told_dom_exc++;
}

void arch_dump_guest(struct vcpu *v)
{
    (void)v;
    dumps++;
}

void console_start_sync(void)
{
}

void arch_reboot(void)
{
    panic("rebooted");
}

void arch_poweroff_or_halt(void)
{
    panic("powered off");
}

/* ---- */

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    steps = fail_step = restarts = 0;
    fake_alloc_fail_at = fake_allocs = 0;
    order[0] = fake_said[0] = 0;
    graces = waits = nosync_waits = wakes = dumps = told_dom_exc = unmapped = sent = 0;
    send_rc = 0;
    running = &idle_vcpu;
    hardware_domain = NULL;
    return 0;
}

/* Nothing of any domain is left. */
static int teardown(void **state)
{
    (void)state;
    fake_alloc_fail_at = 0;
    softirq_process();
    assert_int_equal(domains_owned, 0);
    assert_int_equal(vcpus_owned, 0);
    assert_int_equal(torn, 0);
    assert_int_equal(pages, 0);
    assert_int_equal(fake_alloc_live, 0);
    assert_null(domain_next(0));
    return 0;
}

static int new_domain(domid_t id, unsigned int max_vcpus, unsigned int flags, struct domain **d)
{
    struct domain_config config = {
        .type = DOMAIN_PV,
        .flags = flags,
        .max_vcpus = max_vcpus,
        .max_port = 1023,
        .max_grant_frames = 17,
        .max_maptrack_frames = -1,
        .max_grant_version = 1,
        .handle = { 1, 2, 3 },
    };

    return domain_create(id, &config, d);
}

static struct domain *create(domid_t id, unsigned int vcpus)
{
    struct domain *d = NULL;
    struct vcpu *v;

    assert_int_equal(new_domain(id, vcpus, 0, &d), 0);
    for (unsigned int i = 0; i < vcpus; i++)
        assert_int_equal(vcpu_create(d, i, &v), 0);
    return d;
}

static void kill(struct domain *d)
{
    int rc;

    while ((rc = domain_kill(d)) == -ERESTART)
        ;
    assert_int_equal(rc, 0);
}

static void birth_and_death(void **state)
{
    struct domain *d = create(5, 2), *found;
    struct vcpu *v;
    unsigned int i, seen = 0;

    (void)state;
    assert_int_equal(domains_owned, FAKE_PARTS);
    assert_int_equal(vcpus_owned, 2 * FAKE_PARTS);
    assert_int_equal(d->pause_count, 1);
    assert_ptr_equal(told, d);
    assert_int_equal(d->handle[2], 3);
    for_each_vcpu (d, v, i) {
        assert_int_equal(v->id, seen++);
        assert_ptr_equal(v->info, &d->shared_info->vcpu_info[v->id]);
        assert_false(vcpu_runnable(v));
    }
    assert_int_equal(seen, 2);
    found = domain_get(5);
    assert_ptr_equal(found, d);
    domain_put(found);
    assert_null(domain_get(6));
    assert_null(domain_get(5 + 256)); /* the same bucket */

    kill(d);
    assert_string_equal(order, "cgeisam");
    assert_int_equal(pages, 0);
    assert_int_equal(waits, 2);
    assert_null(domain_get(5)); /* its last reference is gone */
    assert_int_equal(domains_owned, FAKE_PARTS);
    softirq_process();
    assert_int_equal(graces, 1);
}

static void bad_numbers(void **state)
{
    struct domain *d, *other;
    struct vcpu *v;

    (void)state;
    assert_int_equal(new_domain(DOMID_FIRST_RESERVED, 1, 0, &d), -EINVAL);
    assert_int_equal(new_domain(1, 0, 0, &d), -EINVAL);
    assert_int_equal(new_domain(1, MAX_VCPUS + 1, 0, &d), -EINVAL);
    d = create(1, 1);
    assert_int_equal(new_domain(1, 1, 0, &other), -EEXIST);
    assert_int_equal(vcpu_create(d, 1, &v), -EINVAL);
    assert_int_equal(vcpu_create(d, 0, &v), -EEXIST);
    kill(d);
    assert_int_equal(vcpu_create(d, 0, &v), -EINVAL);
}

/* Every step of a creation, and then of its vCPU, fails once. */
static void every_step_fails(void **state)
{
    unsigned int n;

    for (n = 1;; n++) {
        struct domain *d = NULL;
        struct vcpu *v;
        int rc;

        setup(state);
        fail_step = n;
        restarts = n % 3;
        rc = new_domain(9, 1, 0, &d);
        if (!rc) {
            rc = vcpu_create(d, 0, &v);
            assert_int_equal(rc == 0, steps < n);
            assert_true(rc == 0 || rc == -ENOSPC);
            kill(d);
        } else {
            assert_int_equal(rc, -ENOSPC);
            assert_int_equal(n, steps);
            assert_null(domain_get(9));
        }
        teardown(state);
        if (!rc)
            break;
    }
    assert_int_equal(n, 2 * FAKE_PARTS + 1 + 1); /* the limits */
}

static void every_allocation_fails(void **state)
{
    unsigned int failures = 0;

    for (unsigned int n = 1;; n++) {
        struct domain *d;
        struct vcpu *v;
        int rc;

        setup(state);
        fake_alloc_fail_at = n;
        rc = new_domain(9, XEN_LEGACY_MAX_VCPUS + 1, 0, &d);
        if (!rc) {
            rc = vcpu_create(d, XEN_LEGACY_MAX_VCPUS, &v);
            kill(d);
        }
        teardown(state);
        if (!rc)
            break;
        assert_int_equal(rc, -ENOMEM);
        failures++;
    }
    assert_int_equal(failures, 5); /* domain, vCPU array, shared page, vCPU, its dummy info */
}

static void preempted_death(void **state)
{
    unsigned int calls = 1;
    struct domain *d;
    int rc;

    (void)state;
    restarts = 3;
    d = create(1, 1);
    while ((rc = domain_kill(d)) == -ERESTART) {
        struct domain *same = domain_get(1); /* as the next call of the hypercall does */

        assert_ptr_equal(same, d);
        domain_put(same);
        assert_true(d->is_dying);
        calls++;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(calls, 3 * FAKE_PARTS + 1);
    assert_string_equal(order, "cgeisam");
    assert_int_equal(waits, 1);
}

static void references_keep_the_struct(void **state)
{
    struct domain *d = create(3, 1), *ref = domain_get(3);

    (void)state;
    kill(d);
    assert_int_equal(domain_kill(d), 0); /* nothing left to do, and no second put */
    softirq_process();
    assert_int_equal(domains_owned, FAKE_PARTS);
    assert_ptr_equal(domain_find(3), ref);
    assert_int_equal(told_dom_exc, 0);
    domain_put(ref);
    softirq_process();
    assert_int_equal(domains_owned, 0);
    assert_null(domain_find(3));
    assert_int_equal(told_dom_exc, 1); /* only now is it gone */
}

/* While it is being built, only who owns it finds it; a half-built hardware domain gets no events.
 */
static struct domain *seen_early;
static domid_t early_id = 4;

static void not_found_before_it_is_ready(void **state)
{
    struct domain *d;

    (void)state;
    assert_int_equal(new_domain(early_id, 1, DOMAIN_CREATE_HARDWARE, &d), 0);
    assert_ptr_equal(hardware_domain, d);
    d->is_ready = false;
    seen_early = domain_get(early_id);
    assert_null(seen_early);
    assert_null(domain_next(0));
    assert_ptr_equal(domain_find(early_id), d);
    d->is_ready = true;
    assert_int_equal(domain_kill(d), -EINVAL);
    d->is_hardware = false;
    kill(d);
}

static void not_ones_own(void **state)
{
    struct domain *d = create(3, 1), *self;

    (void)state;
    running = d->vcpu[0];
    self = domain_get(DOMID_SELF);
    assert_ptr_equal(self, d);
    domain_put(self);
    assert_int_equal(domain_kill(d), -EINVAL);
    running = &idle_vcpu;
    kill(d);
}

static void listed_by_id(void **state)
{
    static const domid_t ids[] = { 300, 2, 0, 44, 258, 1 };
    static const domid_t sorted[] = { 0, 1, 2, 44, 258, 300 };
    struct domain *d;
    unsigned int from = 0;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
        /* The fake keeps one page only. */
        d = create(ids[i], 1);
        d->shared_info_mfn = INVALID_MFN;
        domain_put(d);
        pages--;
        free(d->shared_info);
        d->shared_info = calloc(1, sizeof(*d->shared_info));
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(sorted); i++) {
        d = domain_next(from);
        assert_int_equal(d->id, sorted[i]);
        from = d->id + 1U;
        domain_put(d);
    }
    assert_null(domain_next(from));
    for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
        struct shared_info *info;

        d = domain_get(ids[i]);
        assert_int_equal(d->id, ids[i]);
        info = d->shared_info;
        kill(d);
        domain_put(d);
        softirq_process();
        free(info);
        assert_null(domain_find(ids[i]));
    }
}

static void places_of_vcpu_info(void **state)
{
    static _Alignas(PAGE_SIZE) char page[PAGE_SIZE];
    struct domain *d;
    struct vcpu *v, *last;

    (void)state;
    assert_int_equal(new_domain(1, XEN_LEGACY_MAX_VCPUS + 1, 0, &d), 0);
    assert_int_equal(vcpu_create(d, 0, &v), 0);
    assert_int_equal(vcpu_create(d, XEN_LEGACY_MAX_VCPUS, &last), 0);
    assert_ptr_equal(last->info, last->own_info);
    assert_true(last->info->evtchn_upcall_mask);
    /* As VCPUOP_register_vcpu_info leaves it. */
    v->info = (struct vcpu_info *)(page + 64);
    v->info_mfn = mfn(99);
    kill(d);
    assert_int_equal(unmapped, 1);
    v->info->evtchn_upcall_pending = 1; /* lands in nobody's page */
    assert_int_equal(page[64], 0);
}

static void pausing_nests(void **state)
{
    struct domain *d = create(1, 2);

    (void)state;
    domain_pause(d);
    assert_int_equal(waits, 2);
    domain_unpause(d);
    assert_int_equal(wakes, 0);
    domain_unpause(d);
    assert_int_equal(wakes, 2);
    vcpu_pause(d->vcpu[0]);
    vcpu_pause_nosync(d->vcpu[0]);
    assert_int_equal(d->vcpu[0]->pause_count, 2);
    vcpu_unpause(d->vcpu[0]);
    assert_int_equal(wakes, 2);
    vcpu_unpause(d->vcpu[0]);
    assert_int_equal(wakes, 3);
    kill(d);
}

static void shutdown_and_resume(void **state)
{
    struct domain *d = create(1, 2);

    (void)state;
    domain_resume(d); /* of nothing */
    assert_int_equal(d->pause_count, 1);
    domain_unpause(d);
    d->vcpu[1]->is_running = true;
    domain_shutdown(d, SHUTDOWN_suspend);
    domain_shutdown(d, SHUTDOWN_crash);
    assert_true(d->is_shutting_down);
    assert_false(d->is_shut_down); /* its memory may still change */
    d->vcpu[1]->is_running = false;
    domain_check_shut_down(d);
    assert_true(d->is_shut_down);
    domain_check_shut_down(d);
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    assert_int_equal(d->pause_count, 1);
    assert_int_equal(nosync_waits, 2);
    softirq_process();
    assert_int_equal(told_dom_exc, 1);
    wakes = 0;
    domain_resume(d);
    assert_int_equal(d->pause_count, 0);
    assert_int_equal(wakes, 2);
    assert_int_equal(d->refs, 2); /* its own and its shared page's */
    domain_crash(d, "it did %s", "something");
    assert_int_equal(d->shutdown_code, SHUTDOWN_crash);
    assert_non_null(strstr(fake_said, "crashed: it did something"));
    assert_int_equal(dumps, 0); /* not on a CPU now */
    kill(d);
}

/* A suspension is told at the port subscribed for it; if that port is gone, or it was no
 * suspension, as always. */
static void suspension_has_its_own_port(void **state)
{
    struct domain *d = create(1, 1);

    (void)state;
    d->suspend_port = 5;
    domain_shutdown(d, SHUTDOWN_suspend);
    softirq_process();
    assert_int_equal(sent, 1);
    assert_int_equal(told_dom_exc, 0);
    domain_resume(d);
    domain_shutdown(d, SHUTDOWN_reboot);
    softirq_process();
    assert_int_equal(sent, 1);
    assert_int_equal(told_dom_exc, 1);
    domain_resume(d);
    send_rc = -EINVAL;
    domain_shutdown(d, SHUTDOWN_suspend);
    domain_resume(d); /* twice before the tasklet ran: told once, and no reference is lost */
    domain_shutdown(d, SHUTDOWN_suspend);
    softirq_process();
    assert_int_equal(sent, 2);
    assert_int_equal(told_dom_exc, 2);
    assert_int_equal(d->refs, 2); /* its own and its shared page's */
    kill(d);
}

static void dumps_are_rationed(void **state)
{
    struct domain *d = create(1, 1);

    (void)state;
    fake_now = SECONDS(100);
    running = d->vcpu[0];
    domain_crash(d, "once");
    domain_crash(d, "twice");
    assert_int_equal(dumps, 1);
    assert_null(strstr(fake_said, "twice"));
    domain_resume(d);
    domain_crash(d, "thrice");
    assert_int_equal(dumps, 1);
    domain_resume(d);
    fake_now += SECONDS(5);
    domain_crash(d, "later");
    assert_int_equal(dumps, 2);
    running = &idle_vcpu;
    kill(d);
}

static void the_hardware_domain_takes_the_machine_with_it(void **state)
{
    static const struct {
        uint8_t reason;
        const char *end;
    } ends[] = {
        { SHUTDOWN_poweroff, "powered off" },
        { SHUTDOWN_reboot, "rebooted" },
        { SHUTDOWN_suspend, "rebooted" },
        { SHUTDOWN_crash, "Dom0 crashed" },
        { SHUTDOWN_watchdog, "Dom0 let its watchdog expire" },
    };
    struct domain *d;

    (void)state;
    assert_int_equal(new_domain(0, 1, DOMAIN_CREATE_HARDWARE, &d), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
        d->shutdown_code = SHUTDOWN_CODE_NONE;
        expect_panic(domain_shutdown(d, ends[i].reason), ends[i].end);
    }
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    expect_panic(domain_crash(d, "bad page table"), "crashed");
    assert_non_null(strstr(fake_said, "bad page table"));
    d->is_hardware = false;
    kill(d);
}

static void the_wall_clock_reaches_everyone(void **state)
{
    struct domain *d = create(1, 1);
    uint32_t before = d->shared_info->wc_version, nsecs;
    uint64_t secs;

    (void)state;
    time_set_wallclock(1000, 400000000, SECONDS(10) + 600000000);
    time_get_wallclock_base(&secs, &nsecs);
    assert_int_equal(secs, 989);
    assert_int_equal(nsecs, 800000000);
    assert_int_equal(d->shared_info->wc_version, before + 2);
    time_set_wallclock(1000, 3000000001, 0);
    time_get_wallclock_base(&secs, &nsecs);
    assert_int_equal(secs, 1003);
    assert_int_equal(nsecs, 1);
    kill(d);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(birth_and_death),
        CASE(bad_numbers),
        CASE(every_step_fails),
        CASE(every_allocation_fails),
        CASE(preempted_death),
        CASE(references_keep_the_struct),
        CASE(not_found_before_it_is_ready),
        CASE(not_ones_own),
        CASE(listed_by_id),
        CASE(places_of_vcpu_info),
        CASE(pausing_nests),
        CASE(shutdown_and_resume),
        CASE(suspension_has_its_own_port),
        CASE(dumps_are_rationed),
        CASE(the_hardware_domain_takes_the_machine_with_it),
        CASE(the_wall_clock_reaches_everyone),
    };

    return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
