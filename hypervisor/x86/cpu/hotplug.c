/*
 * Stopping a CPU, and starting it again. cpu_down() of core/control calls arch_cpu_down() under
 * LOCK_DOMCTL when no vCPU can run on the CPU any more; another CPU does the work, in steps of
 * which each may have to be called again. The CPU goes on idling, with interrupts on, until nobody
 * sends it anything; then it halts for good in arch_cpu_idle(), until an INIT starts it afresh.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/time.h>
#include <arch/apic.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/smp.h>

#define STOP_TIMEOUT SECONDS(1)

enum { RUNS, STOPS, STOPPED };
static DEFINE_PER_CPU(unsigned int, life) = RUNS;
static cpumask_t leaving_cpus;              /* no device interrupts go there */
static cpumask_t prepared_cpus = { { 1 } }; /* have their area and idle vCPU */

bool cpu_takes_device_irqs(unsigned int cpu)
{
    return cpu < nr_cpus && cpumask_test(cpu, &cpu_online_mask) &&
           !cpumask_test(cpu, &leaving_cpus) && cpu_apic_id[cpu] <= APIC_ID_MAX_EXTERNAL;
}

/* ---- up ---- */

int arch_cpu_up(unsigned int cpu)
{
    int rc;

    if (!cpumask_test(cpu, &prepared_cpus)) {
        rc = cpu_area_map(cpu);
        if (!rc)
            rc = sched_cpu_up(cpu);
        if (rc)
            return rc;
        cpumask_set(cpu, &prepared_cpus);
    }
    per_cpu(life, cpu) = RUNS;
    cpumask_clear(cpu, &leaving_cpus);
    trampoline_map(true);
    rc = cpu_boot(cpu);
    trampoline_map(false);
    return rc;
}

/* ---- down ---- */

void arch_cpu_idle(void)
{
    if (unlikely(this_cpu(life) == STOPS)) {
        WRITE_ONCE(this_cpu(life), STOPPED);
        for (;;)
            __asm__ volatile("hlt");
    }
    /* STI takes effect after HLT: an interrupt between the caller's last look and here wakes us. */
    __asm__ volatile("sti; hlt" ::: "memory");
}

static int stop(unsigned int cpu)
{
    WRITE_ONCE(per_cpu(life, cpu), STOPS);
    smp_send_ipi(cpu, IPI_EVENT_CHECK);
    for (s_time_t end = now() + STOP_TIMEOUT; READ_ONCE(per_cpu(life, cpu)) != STOPPED;) {
        if (now() > end) {
            printk(LOG_ERR, "CPU %u does not stop\n", cpu);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
    return 0;
}

int arch_cpu_down(unsigned int cpu)
{
    int rc;

    if (cpu == smp_processor_id() || !is_idle_vcpu(READ_ONCE(per_cpu(running_vcpu, cpu))))
        return -ERESTART;
    cpumask_set(cpu, &leaving_cpus);
    rc = irqs_leave_cpu(cpu);
    if (rc == -EBUSY)
        cpumask_clear(cpu, &leaving_cpus);
    if (rc)
        return rc;
    cpumask_clear(cpu, &cpu_online_mask);
    /* Who saw it online has sent it what it had to, and has its answer. */
    smp_call_barrier();
    tlb_flush_barrier();
    timers_leave_cpu(cpu);
    return stop(cpu);
}
