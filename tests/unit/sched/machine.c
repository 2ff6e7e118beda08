#include "machine.h"

#include <hv/hypercall.h>

struct guest guest[MAX_GUESTS];
unsigned int nr_guests;
struct vcpu *unsaved[FAKE_CPUS];
bool save_later;
s_time_t shortest_run;
unsigned int virqs, kicks, shutdowns, nmis, info_moves;
uint8_t shutdown_reason;
struct domain *known_domain;
int port_pending;

static unsigned int nr_running_cpus;
static s_time_t deadline[FAKE_CPUS], since[FAKE_CPUS];
static jmp_buf left_stack;
static struct domain domains[MAX_GUESTS];
static unsigned int nr_domains;

/* ---- the architecture ---- */

void arch_timer_set(s_time_t when)
{
    deadline[fake_cpu] = when;
}

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    assert_int_equal(ipi, IPI_EVENT_CHECK);
    assert_true(cpu < nr_running_cpus);
    kicks++;
}

static struct guest *guest_of(struct vcpu *v)
{
    return container_of(v, struct guest, vcpu);
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    unsigned int cpu = fake_cpu;

    assert_false(irq_enabled());
    assert_ptr_equal(current, next);
    assert_ptr_not_equal(prev, next);
    assert_true(prev->is_running && next->is_running);
    assert_null(unsaved[cpu]);
    if (!is_idle_vcpu(prev) && vcpu_runnable(prev) && !guest_of(prev)->yields &&
        cpumask_test(cpu, &prev->sched->allowed))
        shortest_run = min(shortest_run, fake_now - since[cpu]);
    since[cpu] = fake_now;
    if (!is_idle_vcpu(next)) {
        struct guest *g = guest_of(next);

        g->switched_in++;
        if (g->runnable_since >= 0)
            g->worst_wait = max(g->worst_wait, fake_now - g->runnable_since);
        g->runnable_since = -1;
    }
    unsaved[cpu] = prev;
    if (!save_later)
        machine_save(cpu);
    fake_irq_on = true;
    longjmp(left_stack, 1);
}

void machine_save(unsigned int cpu)
{
    struct vcpu *prev = unsaved[cpu];

    fake_cpu = cpu;
    unsaved[cpu] = NULL;
    if (prev)
        sched_context_saved(prev);
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (src.v < PAGE_SIZE)
        return -EFAULT;
    memcpy(dst, (void *)(uintptr_t)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (dst.v < PAGE_SIZE)
        return -EFAULT;
    memcpy((void *)(uintptr_t)dst.v, src, size);
    return 0;
}

int arch_vcpu_initialise(struct vcpu *v, guest_ptr_t context)
{
    (void)v;
    return context.v ? 0 : -EFAULT;
}

int arch_register_vcpu_time(struct vcpu *v, guest_ptr_t area)
{
    (void)v, (void)area;
    return -ENOSYS;
}

int arch_vcpu_send_nmi(struct vcpu *v)
{
    (void)v;
    nmis++;
    return 0;
}

int arch_map_guest_frame(struct domain *d, gfn_t frame, mfn_t *out, void **va)
{
    static _Alignas(4096) char page[PAGE_SIZE];

    (void)d;
    if (frame.v != 42)
        return -EINVAL;
    *out = mfn(frame.v);
    *va = page;
    return 0;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d, (void)m, (void)va;
}

void arch_update_wallclock(struct domain *d)
{
    (void)d;
}

/* ---- other areas ---- */

void event_send_vcpu_virq(struct vcpu *v, unsigned int virq)
{
    assert_int_equal(virq, VIRQ_TIMER);
    virqs++;
    v->info->evtchn_upcall_pending = 1;
    vcpu_kick(v);
}

int event_port_is_pending(struct domain *d, evtchn_port_t port)
{
    (void)d;
    return port ? port_pending : -EINVAL;
}

void event_vcpu_info_moved(struct vcpu *v)
{
    (void)v;
    info_moves++;
}

long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    (void)nargs, (void)args;
    return op;
}

void domain_check_shut_down(struct domain *d)
{
    (void)d;
    fail_msg("no domain shuts down here");
}

void domain_shutdown(struct domain *d, uint8_t reason)
{
    (void)d;
    shutdowns++;
    shutdown_reason = reason;
}

struct domain *domain_next(unsigned int from)
{
    return from < nr_domains ? &domains[from] : NULL;
}

struct domain *domain_get(domid_t id)
{
    return known_domain && known_domain->id == id ? known_domain : NULL;
}

void domain_put(struct domain *d)
{
    (void)d;
}

/* ---- the machine ---- */

void machine_start(unsigned int cpus)
{
    fake_percpu_reset();
    fake_now = SECONDS(1);
    nr_guests = nr_domains = 0;
    nr_cpus = nr_running_cpus = cpus;
    virqs = kicks = shutdowns = nmis = info_moves = 0;
    shortest_run = STIME_MAX;
    save_later = false;
    known_domain = NULL;
    cpumask_zero(&cpu_online_mask);
    memset(unsaved, 0, sizeof(unsaved));
    memset(guest, 0, sizeof(guest));
    memset(domains, 0, sizeof(domains));
    sched_init();
    for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
        deadline[cpu] = STIME_MAX;
    for (unsigned int cpu = 0; cpu < cpus; cpu++) {
        fake_cpu = cpu;
        assert_int_equal(sched_cpu_up(cpu), 0);
        timers_init_cpu(cpu);
        cpumask_set(cpu, &cpu_online_mask);
        sched_cpu_online(cpu);
        softirq_raise(SOFTIRQ_SCHEDULE);
    }
    machine_settle();
    fake_cpu = 0;
}

/* Everybody off, everything freed. */
void machine_stop(void)
{
    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++)
        machine_save(cpu);
    save_later = false;
    for (unsigned int i = 0; i < nr_guests; i++) {
        fake_cpu = 0;
        guest[i].burst = 0;
        vcpu_pause_nosync(&guest[i].vcpu);
    }
    machine_settle();
    for (unsigned int i = 0; i < nr_guests; i++) {
        assert_false(guest[i].vcpu.is_running);
        time_part.vcpu_free(&guest[i].vcpu);
        sched_part.vcpu_free(&guest[i].vcpu);
    }
    for (unsigned int i = 0; i < nr_domains; i++) {
        sched_part.teardown(&domains[i]);
        sched_part.free(&domains[i]);
        free(domains[i].vcpu);
    }
    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
        hv_free(sched_idle_vcpu(cpu)->own_info);
        hv_free(sched_idle_vcpu(cpu));
    }
    hv_free(domain_idle->vcpu);
    assert_int_equal(fake_alloc_live, 0);
}

void vcpu_pause_nosync(struct vcpu *v)
{
    v->pause_count++;
    vcpu_sleep_nosync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (--v->pause_count == 0)
        vcpu_wake(v);
}

struct guest *add_vcpu(struct domain *d)
{
    struct guest *g = &guest[nr_guests++];
    struct vcpu *v = &g->vcpu;

    assert_true(nr_guests <= MAX_GUESTS);
    while (d->vcpu[v->id])
        v->id++;
    g->domain = v->domain = d;
    d->vcpu[v->id] = v;
    g->runnable_since = -1;
    v->info = &g->info;
    v->info_mfn = INVALID_MFN;
    v->pause_flags = BIT(VCPU_DOWN);
    v->is_initialised = true;
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)fake_now;
    memset(&v->hard_affinity, 0xff, sizeof(v->hard_affinity));
    memset(&v->soft_affinity, 0xff, sizeof(v->soft_affinity));
    assert_int_equal(sched_part.vcpu_init(v), 0);
    assert_int_equal(time_part.vcpu_init(v), 0);
    return g;
}

struct guest *add_guest(unsigned int weight)
{
    struct domain *d = &domains[nr_domains];

    d->id = (domid_t)nr_domains++;
    d->max_vcpus = 8;
    d->vcpu = calloc(d->max_vcpus, sizeof(*d->vcpu));
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    assert_int_equal(sched_part.init(d), 0);
    d->sched->weight = weight;
    return add_vcpu(d);
}

void start_guest(struct guest *g)
{
    g->left = g->burst;
    clear_bit_atomic(VCPU_DOWN, &g->vcpu.pause_flags);
    vcpu_wake(&g->vcpu);
}

struct vcpu *on_cpu(unsigned int cpu)
{
    return per_cpu(running_vcpu, cpu);
}

void become(struct guest *g)
{
    machine_settle();
    assert_true(g->vcpu.is_running);
    fake_cpu = g->vcpu.cpu;
    assert_ptr_equal(current, &g->vcpu);
}

static void run_softirqs(unsigned int cpu)
{
    while (!unsaved[cpu] && softirq_pending(cpu)) {
        fake_cpu = cpu;
        if (!setjmp(left_stack))
            softirq_process();
        assert_true(fake_irq_on);
    }
}

void machine_settle(void)
{
    unsigned int self = fake_cpu, rounds = 0;
    bool busy = true, switching = false;

    while (busy) {
        busy = false;
        for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
            busy |= !unsaved[cpu] && softirq_pending(cpu);
            run_softirqs(cpu);
        }
        if (++rounds > 10000)
            fail_msg("the CPUs keep each other busy");
    }
    fake_cpu = self;
    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++)
        switching |= unsaved[cpu] != NULL;
    check_invariants(!switching);
}

/* The guest on this CPU came to the end of its burst. */
static void end_burst(struct guest *g, unsigned int cpu)
{
    fake_cpu = cpu;
    g->left = g->burst;
    if (g->yields) {
        vcpu_yield(&g->vcpu);
        return;
    }
    g->wake_at = fake_now + g->rest;
    g->vcpu.info->evtchn_upcall_pending = 0;
    assert_int_equal(do_sched_op(SCHEDOP_block, (guest_ptr_t){ 0 }), 0);
}

static s_time_t next_event(void)
{
    s_time_t next = STIME_MAX;

    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
        struct vcpu *v = on_cpu(cpu);

        next = min(next, deadline[cpu]);
        if (!is_idle_vcpu(v) && guest_of(v)->burst)
            next = min(next, fake_now + guest_of(v)->left);
    }
    for (unsigned int i = 0; i < nr_guests; i++) {
        if (guest[i].wake_at)
            next = min(next, guest[i].wake_at);
    }
    return next;
}

static void pass_time(s_time_t to)
{
    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
        struct vcpu *v = on_cpu(cpu);

        if (is_idle_vcpu(v))
            continue;
        guest_of(v)->ran += to - fake_now;
        guest_of(v)->ran_on[cpu] += to - fake_now;
        guest_of(v)->left -= to - fake_now;
    }
    fake_now = to;
}

void machine_run(s_time_t for_how_long)
{
    s_time_t end = fake_now + for_how_long, next;

    for (;;) {
        machine_settle();
        next = max(next_event(), fake_now);
        pass_time(min(next, end));
        if (next > end)
            break;
        for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
            struct vcpu *v = on_cpu(cpu);

            fake_cpu = cpu;
            if (deadline[cpu] <= fake_now) {
                deadline[cpu] = STIME_MAX;
                timer_interrupt();
            }
            if (!is_idle_vcpu(v) && guest_of(v)->burst && guest_of(v)->left <= 0)
                end_burst(guest_of(v), cpu);
        }
        for (unsigned int i = 0; i < nr_guests; i++) {
            struct guest *g = &guest[i];

            if (!g->wake_at || g->wake_at > fake_now)
                continue;
            g->wake_at = 0;
            g->runnable_since = fake_now;
            fake_cpu = i % nr_running_cpus;
            g->vcpu.info->evtchn_upcall_pending = 1;
            vcpu_kick(&g->vcpu);
        }
    }
    fake_cpu = 0;
}

/* A CPU is in one pool or none; a vCPU may run on CPUs of its pool, one at least. */
static void check_pools(void)
{
    const struct cpupool *pool;

    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
        for (pool = &cpupool0; pool; pool = pool->next)
            assert_int_equal(cpumask_test(cpu, &pool->cpus), per_cpu(sched_cpu, cpu).pool == pool);
    }
    for (unsigned int i = 0; i < nr_guests; i++) {
        struct vcpu *v = &guest[i].vcpu;
        cpumask_t allowed = cpumask_and(&v->hard_affinity, &v->domain->sched->pool->cpus);

        assert_false(cpumask_empty(&allowed));
        assert_memory_equal(&allowed, &v->sched->allowed, sizeof(allowed));
    }
}

/* `quiet`: no CPU has work pending, so that everybody must be where they belong. */
void check_invariants(bool quiet)
{
    for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++) {
        assert_ptr_not_equal(on_cpu(cpu), NULL);
        assert_true(on_cpu(cpu)->is_running);
        assert_int_equal(on_cpu(cpu)->cpu, cpu);
        assert_false(spin_is_locked(&per_cpu(sched_cpu, cpu).lock));
    }
    check_pools();
    for (unsigned int i = 0; i < nr_guests; i++) {
        struct vcpu *v = &guest[i].vcpu;
        bool is_current = on_cpu(v->cpu) == v;
        bool leaving = unsaved[v->cpu] == v;
        unsigned int places = 0;

        for (unsigned int cpu = 0; cpu < nr_running_cpus; cpu++)
            places += on_cpu(cpu) == v;
        assert_int_equal(places, is_current);
        assert_int_equal(v->is_running, is_current || leaving);
        assert_false(v->sched->queued && is_current);
        if (v->sched->queued)
            assert_true(vcpu_runnable(v));
        if (!quiet)
            continue;
        assert_int_equal(vcpu_runnable(v), v->sched->queued || is_current);
        assert_int_equal(v->runstate.state == RUNSTATE_running, is_current);
        assert_int_equal(v->runstate.state == RUNSTATE_runnable,
                         v->sched->queued ||
                             (v->pause_flags == BIT(VCPU_PARKED) && !v->pause_count));
        if (is_current || v->sched->queued)
            assert_true(cpumask_test(v->cpu, &v->sched->allowed));
        for (unsigned int cpu = 0; v->sched->queued && cpu < nr_running_cpus; cpu++) {
            if (is_idle_vcpu(on_cpu(cpu)) && cpumask_test(cpu, &v->sched->allowed))
                fail_msg("CPU %u idles while guest %u waits", cpu, i);
        }
    }
}
