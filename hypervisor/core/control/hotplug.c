/*
 * CPUs that come and go while the machine runs, as the control domain wants it. Called by sysctl
 * and platform_op under LOCK_DOMCTL. The boot CPU stays. A CPU that is to go leaves its pool first:
 * so no vCPU runs there, or will. Then the architecture takes its interrupts and timers away and
 * stops it. One that comes enters pool 0.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/printk.h>
#include <hv/sched.h>

int cpu_up(unsigned int cpu)
{
    int rc;

    if (cpu >= nr_cpus)
        return -EINVAL;
    if (cpumask_test(cpu, &cpu_online_mask))
        return -EEXIST;
    rc = arch_cpu_up(cpu);
    if (rc)
        return rc;
    sched_cpu_online(cpu);
    event_send_global_virq(VIRQ_PCPU_STATE);
    printk(LOG_INFO, "CPU %u is back\n", cpu);
    return 0;
}

int cpu_down(unsigned int cpu)
{
    int rc;

    if (cpu == 0 || cpu >= nr_cpus || !cpumask_test(cpu, &cpu_online_mask))
        return -EINVAL;
    rc = sched_cpu_leave(cpu);
    if (!rc)
        rc = arch_cpu_down(cpu);
    if (rc == -ERESTART)
        return rc;
    if (!rc) {
        event_send_global_virq(VIRQ_PCPU_STATE);
        printk(LOG_INFO, "CPU %u is gone\n", cpu);
    } else if (cpumask_test(cpu, &cpu_online_mask)) {
        sched_cpu_online(cpu);
    }
    return rc;
}

int sysctl_cpu_hotplug(struct xen_sysctl *op)
{
    const struct xen_sysctl_cpu_hotplug *h = &op->u.cpu_hotplug;

    switch (h->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return cpu_up(h->cpu);
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return cpu_down(h->cpu);
    default: /* hyperthreads go one by one */
        return -EOPNOTSUPP;
    }
}
