/*
 * What a CPU does when no guest wants it: pending work, then some scrubbing of freed memory, then
 * sleep. arch_idle_entry() calls this on a clean stack.
 */
#include <hv/arch.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/softirq.h>

void idle_loop(void)
{
    for (;;) {
        softirq_process();
        if (frames_scrub_idle())
            continue;
        /* With interrupts off, what is raised after this look ends the wait. */
        irq_disable();
        if (softirq_pending(smp_processor_id()))
            irq_enable();
        else
            arch_cpu_idle();
    }
}
