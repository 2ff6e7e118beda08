/*
 * Softirqs and tasklets. softirq_process() runs on every way out of the hypervisor and in the idle
 * loop; raising is possible in any context, NMI included, because pending work is only ever marked
 * with atomic operations. No locks.
 */
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/softirq.h>

DEFINE_PER_CPU(unsigned long, pending_softirqs);
static DEFINE_PER_CPU(struct tasklet *, scheduled_tasklets); /* last scheduled first */

static void run_tasklets(void);

static void (*handlers[NR_SOFTIRQS])(void) = {
    [SOFTIRQ_TASKLET] = run_tasklets,
};

void softirq_register(enum softirq nr, void (*handler)(void))
{
    handlers[nr] = handler;
}

void softirq_raise(enum softirq nr)
{
    set_bit_atomic(nr, &this_cpu(pending_softirqs));
}

void softirq_raise_on(unsigned int cpu, enum softirq nr)
{
    if (test_and_set_bit_atomic(nr, &per_cpu(pending_softirqs, cpu)))
        return;
    if (cpu != smp_processor_id())
        smp_send_ipi(cpu, IPI_EVENT_CHECK);
}

bool softirq_pending(unsigned int cpu)
{
    return READ_ONCE(per_cpu(pending_softirqs, cpu)) != 0;
}

/* Scheduling comes last: the others may wake somebody, and it may not return. */
void softirq_process(void)
{
    unsigned long pending;

    while ((pending = READ_ONCE(this_cpu(pending_softirqs))) != 0) {
        unsigned long others = pending & ~BIT(SOFTIRQ_SCHEDULE);
        unsigned int nr = (unsigned int)__builtin_ctzl(others ? others : pending);

        clear_bit_atomic(nr, &this_cpu(pending_softirqs));
        if (handlers[nr])
            handlers[nr]();
    }
}

void tasklet_init(struct tasklet *t, void (*fn)(void *), void *arg)
{
    *t = (struct tasklet){ .fn = fn, .arg = arg };
}

void tasklet_schedule(struct tasklet *t)
{
    struct tasklet **list = &this_cpu(scheduled_tasklets);

    if (__atomic_exchange_n(&t->scheduled, true, __ATOMIC_SEQ_CST))
        return;
    t->next = __atomic_load_n(list, __ATOMIC_RELAXED);
    while (
        !__atomic_compare_exchange_n(list, &t->next, t, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    softirq_raise(SOFTIRQ_TASKLET);
}

/* Those scheduled until now, in the order of scheduling. One that schedules itself again runs in
 * the next round; one may free itself. */
static void run_tasklets(void)
{
    struct tasklet *t = __atomic_exchange_n(&this_cpu(scheduled_tasklets), NULL, __ATOMIC_ACQUIRE);
    struct tasklet *first = NULL, *next;

    for (; t; t = next) {
        next = t->next;
        t->next = first;
        first = t;
    }
    for (t = first; t; t = next) {
        void (*fn)(void *) = t->fn;
        void *arg = t->arg;

        next = t->next;
        __atomic_store_n(&t->scheduled, false, __ATOMIC_SEQ_CST);
        fn(arg);
    }
}
