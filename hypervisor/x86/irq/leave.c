/*
 * The lines of a CPU that is about to stop go to others. Called under LOCK_DOMCTL, again and again
 * until it is done, by another CPU; no new line comes to the CPU meanwhile (cpu_takes_device_irqs()
 * says no). The CPU still runs, and takes what was sent to it before.
 */
#include <hv/errno.h>
#include <hv/time.h>
#include <arch/irq.h>
#include <arch/smp.h>

/* -ERESTART: moved, or cannot be yet: look again. -EBUSY: its vector is taken everywhere else. */
static int move_away(struct irq_desc *desc, unsigned int cpu)
{
    unsigned int to;

    for_each_online_cpu (to) {
        if (!cpu_takes_device_irqs(to))
            continue;
        desc->wanted_cpu = to;
        irq_try_move(desc);
        if (desc->cpu != cpu || desc->wanted_cpu == to)
            return -ERESTART;
    }
    return -EBUSY;
}

static int leave(struct irq_desc *desc, unsigned int cpu)
{
    if (!desc->vector || !desc->nr_vectors)
        return 0;
    if (desc->cpu == cpu)
        return move_away(desc, cpu);
    if (desc->old_cpu != cpu)
        return 0;
    if (now() - desc->moved < IRQ_MOVE_GRACE)
        return -ERESTART;
    vector_free(cpu, desc->vector, desc->nr_vectors);
    desc->old_cpu = NR_CPUS;
    return 0;
}

int irqs_leave_cpu(unsigned int cpu)
{
    int result = 0;

    for (unsigned int irq = 0; irq < nr_irqs; irq++) {
        struct irq_desc *desc = &irq_desc[irq];
        unsigned long flags = spin_lock_irqsave(&desc->lock);
        int rc = leave(desc, cpu);

        spin_unlock_irqrestore(&desc->lock, flags);
        if (rc == -EBUSY)
            return rc;
        if (rc)
            result = rc;
    }
    return result;
}
