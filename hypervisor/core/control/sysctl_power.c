/*
 * The control operations on power management (public sysctl.h, get_pmstat and pm_op). Called by
 * do_sysctl() under LOCK_DOMCTL. There are two idle states, running (C0) and halted (C1); dom0 is
 * told of no way to change a CPU's frequency, so of frequencies nothing is known.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/sched.h>
#include <hv/time.h>

#define NR_CSTATES 2

static bool is_online(unsigned int cpu)
{
    return cpu < nr_cpus && cpumask_test(cpu, &cpu_online_mask);
}

/* ---- statistics ---- */

static int put_cstates(unsigned int cpu, struct pm_cx_stat *cx)
{
    guest_ptr_t triggers = guest_ptr(cx->triggers), residencies = guest_ptr(cx->residencies);
    struct idle_stats s = idle_get_stats(cpu);
    /* It is in C0 once before each sleep, and now. */
    uint64_t count[NR_CSTATES] = { s.sleeps + 1, s.sleeps };
    uint64_t ns[NR_CSTATES] = { s.awake, s.asleep };
    size_t bytes;

    cx->nr = min(cx->nr, (uint32_t)NR_CSTATES);
    cx->last = s.sleeps ? 1 : 0;
    cx->idle_time = s.asleep;
    cx->nr_pc = cx->nr_cc = 0;
    bytes = cx->nr * sizeof(uint64_t);
    if (copy_to_guest(triggers, count, bytes) || copy_to_guest(residencies, ns, bytes))
        return -EFAULT;
    return 0;
}

int sysctl_get_pmstat(struct xen_sysctl *op)
{
    struct xen_sysctl_get_pmstat *s = &op->u.get_pmstat;

    if (!is_online(s->cpuid))
        return -EINVAL;
    switch (s->type) {
    case PMSTAT_get_max_cx:
        s->u.getcx.nr = NR_CSTATES;
        return 0;
    case PMSTAT_get_cxstat:
        return put_cstates(s->cpuid, &s->u.getcx);
    case PMSTAT_reset_cxstat:
        idle_reset_stats(s->cpuid);
        return 0;
    default:
        return -ENODEV;
    }
}

/* ---- settings ---- */

/* `cpuid` 0 names the deepest state, 1 the deepest of its variants, of which there are none. */
static int get_max_cstate(struct xen_sysctl_pm_op *p)
{
    if (p->cpuid > 1)
        return -EINVAL;
    p->u.get_max_cstate = p->cpuid ? XEN_SYSCTL_CX_UNLIMITED : idle_max_cstate;
    return 0;
}

static int set_max_cstate(const struct xen_sysctl_pm_op *p)
{
    if (p->cpuid > 1)
        return -EINVAL;
    if (p->cpuid == 0)
        WRITE_ONCE(idle_max_cstate, p->u.set_max_cstate);
    return 0;
}

int sysctl_pm_op(struct xen_sysctl *op)
{
    struct xen_sysctl_pm_op *p = &op->u.pm_op;

    if (!is_online(p->cpuid))
        return -EINVAL;
    switch (p->cmd) {
    case GET_CPUFREQ_PARA:
    case SET_CPUFREQ_GOV:
    case SET_CPUFREQ_PARA:
    case GET_CPUFREQ_AVGFREQ:
        return -EINVAL;
    case XEN_SYSCTL_pm_op_get_max_cstate:
        return get_max_cstate(p);
    case XEN_SYSCTL_pm_op_set_max_cstate:
        return set_max_cstate(p);
    case XEN_SYSCTL_pm_op_enable_turbo:
    case XEN_SYSCTL_pm_op_disable_turbo:
        return -EACCES;
    case XEN_SYSCTL_pm_op_set_sched_opt_smt:
        return -EOPNOTSUPP; /* the scheduler does not know of hyperthreads */
    default:
        return -ENOSYS;
    }
}
