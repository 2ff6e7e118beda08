/*
 * What a CPU does when no guest wants it: pending work, then some scrubbing of freed memory, then
 * sleep. arch_idle_entry() calls this on a clean stack. The control domain may ask how often that
 * was, and may forbid to sleep.
 */
#include <hv/arch.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/softirq.h>

unsigned int idle_max_cstate = UINT32_MAX;

struct idle_state {
    uint64_t sleeps;
    struct idle_stats base; /* what idle_reset_stats() found; LOCK_DOMCTL */
};
static DEFINE_PER_CPU(struct idle_state, idle_state);

void idle_loop(void)
{
    unsigned int cpu = smp_processor_id();

    for (;;) {
        softirq_process();
        if (frames_scrub_idle())
            continue;
        /* With interrupts off, what is raised after this look ends the wait. */
        irq_disable();
        if (softirq_pending(cpu)) {
            irq_enable();
        } else if (unlikely(READ_ONCE(idle_max_cstate) == 0) &&
                   cpumask_test(cpu, &cpu_online_mask)) {
            irq_enable();
            cpu_relax();
        } else {
            this_cpu(idle_state).sleeps++;
            arch_cpu_idle();
        }
    }
}

static struct idle_stats since_start(unsigned int cpu)
{
    struct vcpu_runstate_info runstate;
    uint64_t idle;

    vcpu_get_runstate(sched_idle_vcpu(cpu), &runstate);
    idle = runstate.time[RUNSTATE_running];
    return (struct idle_stats){ .sleeps = READ_ONCE(per_cpu(idle_state, cpu).sleeps),
                                .asleep = idle,
                                .awake = runstate.time[RUNSTATE_runnable] };
}

struct idle_stats idle_get_stats(unsigned int cpu)
{
    const struct idle_stats *base = &per_cpu(idle_state, cpu).base;
    struct idle_stats s = since_start(cpu);

    s.sleeps -= base->sleeps;
    s.asleep -= base->asleep;
    s.awake -= base->awake;
    return s;
}

void idle_reset_stats(unsigned int cpu)
{
    per_cpu(idle_state, cpu).base = since_start(cpu);
}

static void print_idle(void)
{
    unsigned int cpu;

    if (idle_max_cstate == 0)
        printk_raw("Idle CPUs do not halt.\n");
    for_each_online_cpu (cpu) {
        struct idle_stats s = since_start(cpu);

        printk_raw("CPU %u: idle for %llu ms, busy for %llu ms, halted %llu times\n", cpu,
                   (unsigned long long)s.asleep / 1000000, (unsigned long long)s.awake / 1000000,
                   (unsigned long long)s.sleeps);
    }
}

KEY_HANDLER(idle, 'c', print_idle, "print how much the CPUs are idle");
