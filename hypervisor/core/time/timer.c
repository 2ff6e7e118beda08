/*
 * Timers: a priority queue per CPU, ordered by expiry. The hardware timer is programmed for the
 * first one, lazily: when that one is stopped the interrupt still comes, finds nothing and programs
 * the next. LOCK_TIMER guards a CPU's queue and every timer whose `cpu` it is; it is taken in
 * interrupt context. Callbacks run in SOFTIRQ_TIMER with no lock held.
 */
#include <hv/arch.h>
#include <hv/keyhandler.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/symbols.h>
#include <hv/time.h>
#include <hv/timer.h>

#define BOOT_CPU 0 /* is always online */

struct timer_queue {
    spinlock_t lock;
    struct prio_queue timers;
    s_time_t programmed;         /* what the hardware is set to */
    const struct timer *running; /* whose callback this CPU is in */
};

static DEFINE_PER_CPU(struct timer_queue, timer_queue) = {
    .lock = SPINLOCK_INIT(LOCK_TIMER),
    .programmed = STIME_MAX,
};

static void expire_timers(void);

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

/* A timer can move while we wait for the lock of the CPU it was on. */
static struct timer_queue *lock_timer(const struct timer *t, unsigned long *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = &per_cpu(timer_queue, cpu);

        *flags = spin_lock_irqsave(&q->lock);
        if (likely(t->cpu == cpu))
            return q;
        spin_unlock_irqrestore(&q->lock, *flags);
    }
}

static void deactivate(struct timer_queue *q, struct timer *t)
{
    if (t->active) {
        prio_del(&q->timers, &t->node);
        t->active = false;
    }
}

/* The first deadline may have come nearer: tell the CPU whose it is. */
static void reprogram(unsigned int cpu, struct timer_queue *q)
{
    const struct prio_node *first = prio_first(&q->timers);

    if (!first || first->key >= q->programmed)
        return;
    if (cpu == smp_processor_id()) {
        q->programmed = first->key;
        arch_timer_set(first->key);
    } else {
        softirq_raise_on(cpu, SOFTIRQ_TIMER);
    }
}

void timer_set(struct timer *t, s_time_t expires)
{
    unsigned long flags;
    struct timer_queue *q = lock_timer(t, &flags);

    while (unlikely(!cpumask_test(t->cpu, &cpu_online_mask))) {
        spin_unlock_irqrestore(&q->lock, flags);
        timer_migrate(t, BOOT_CPU);
        q = lock_timer(t, &flags);
    }
    deactivate(q, t);
    if (!t->killed) {
        prio_add(&q->timers, &t->node, expires);
        t->active = true;
        reprogram(t->cpu, q);
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_stop(struct timer *t)
{
    unsigned long flags;
    struct timer_queue *q = lock_timer(t, &flags);

    deactivate(q, t);
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_kill(struct timer *t)
{
    unsigned long flags;
    struct timer_queue *q = lock_timer(t, &flags);

    deactivate(q, t);
    t->killed = true;
    spin_unlock_irqrestore(&q->lock, flags);

    ASSERT(this_cpu(timer_queue).running != t);
    while (__atomic_load_n(&t->running, __ATOMIC_ACQUIRE))
        cpu_relax();
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    struct timer_queue *to = &per_cpu(timer_queue, cpu);
    unsigned int old;

    while ((old = READ_ONCE(t->cpu)) != cpu) {
        struct timer_queue *from = &per_cpu(timer_queue, old);
        unsigned long flags = irq_save();

        spin_lock_both(&from->lock, &to->lock);
        if (t->cpu == old) {
            bool active = t->active;

            deactivate(from, t);
            t->cpu = cpu;
            if (active) {
                prio_add(&to->timers, &t->node, t->node.key);
                t->active = true;
                reprogram(cpu, to);
            }
        }
        spin_unlock_both(&from->lock, &to->lock);
        irq_restore(flags);
    }
}

/* A timer that is set later follows in timer_set(), which looks under the same lock. */
void timers_leave_cpu(unsigned int cpu)
{
    struct timer_queue *from = &per_cpu(timer_queue, cpu), *to = &per_cpu(timer_queue, BOOT_CPU);
    unsigned long flags = irq_save();
    struct prio_node *first;

    spin_lock_both(&from->lock, &to->lock);
    while ((first = prio_first(&from->timers)) != NULL) {
        struct timer *t = container_of(first, struct timer, node);

        deactivate(from, t);
        t->cpu = BOOT_CPU;
        prio_add(&to->timers, &t->node, t->node.key);
        t->active = true;
    }
    from->programmed = STIME_MAX;
    reprogram(BOOT_CPU, to);
    spin_unlock_both(&from->lock, &to->lock);
    irq_restore(flags);
}

/* SOFTIRQ_TIMER: call everything that is due, then program the next deadline. */
static void expire_timers(void)
{
    struct timer_queue *q = &this_cpu(timer_queue);
    s_time_t due = now();
    struct prio_node *first;

    spin_lock_irq(&q->lock);
    while ((first = prio_first(&q->timers)) != NULL && first->key <= due) {
        struct timer *t = container_of(first, struct timer, node);

        deactivate(q, t);
        __atomic_add_fetch(&t->running, 1, __ATOMIC_RELAXED);
        q->running = t;
        spin_unlock_irq(&q->lock);

        t->fn(t->arg);

        /* The timer may be freed once this is seen. */
        q->running = NULL;
        __atomic_sub_fetch(&t->running, 1, __ATOMIC_RELEASE);
        spin_lock_irq(&q->lock);
    }
    q->programmed = first ? first->key : STIME_MAX;
    arch_timer_set(q->programmed);
    spin_unlock_irq(&q->lock);
}

void timer_interrupt(void)
{
    softirq_raise(SOFTIRQ_TIMER);
}

/* The queue's initial value is complete; what is left is the hardware of this CPU. */
void timers_init_cpu(unsigned int cpu)
{
    softirq_register(SOFTIRQ_TIMER, expire_timers);
    if (cpu == smp_processor_id())
        softirq_raise(SOFTIRQ_TIMER);
}

static void print_cpu(unsigned int cpu, s_time_t time)
{
    struct timer_queue *q = &per_cpu(timer_queue, cpu);
    unsigned long flags = spin_lock_irqsave(&q->lock);
    const struct prio_node *node = prio_first(&q->timers);

    printk_raw("CPU %u: %u timers\n", cpu, q->timers.count);
    for (unsigned int i = 0; node && i < 16; i++, node = prio_next(node)) {
        const struct timer *t = container_of(node, struct timer, node);

        printk_raw("  in %lld us: ", (long long)(node->key - time) / 1000);
        symbol_print((uintptr_t)t->fn);
        printk_raw(" (%p)\n", t->arg);
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

void timers_print(void)
{
    s_time_t time = now();
    unsigned int cpu;

    for_each_online_cpu (cpu)
        print_cpu(cpu, time);
}

KEY_HANDLER(timers, 'a', timers_print, "print the timers of each CPU");
