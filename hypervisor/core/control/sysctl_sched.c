/*
 * The control operations on scheduling as a whole: pools of CPUs and the scheduler's parameters
 * (public sysctl.h). Called by do_sysctl() under LOCK_DOMCTL; what they do is in core/sched.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/sched.h>

int sysctl_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = sched_id();
    return 0;
}

/* ---- pools ---- */

/* A pool's number or the next one's. */
static int pool_info(struct xen_sysctl_cpupool_op *p)
{
    struct cpupool_info info;
    int rc = cpupool_info(p->cpupool_id, &info);

    if (rc)
        return rc;
    p->cpupool_id = info.id;
    p->sched_id = sched_id();
    p->n_dom = info.domains;
    return control_put_cpumask(&p->cpumap, &info.cpus);
}

static int pool_free_cpus(struct xen_sysctl_cpupool_op *p)
{
    cpumask_t free = cpupool_free_cpus();

    return control_put_cpumask(&p->cpumap, &free);
}

/* The caller cannot move itself. */
static int pool_move_domain(const struct xen_sysctl_cpupool_op *p)
{
    struct domain *d = p->domid < DOMID_FIRST_RESERVED ? domain_get((domid_t)p->domid) : NULL;
    int rc;

    if (!d)
        return -ESRCH;
    rc = d == current->domain ? -EPERM : cpupool_move_domain(d, p->cpupool_id);
    domain_put(d);
    return rc;
}

int sysctl_cpupool_op(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;

    switch (p->op) {
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return cpupool_create(&p->cpupool_id, p->sched_id);
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return cpupool_destroy(p->cpupool_id);
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(p);
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        return cpupool_add_cpu(p->cpupool_id, p->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return cpupool_remove_cpu(p->cpupool_id, p->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return pool_move_domain(p);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return pool_free_cpus(p);
    default:
        return -ENOSYS;
    }
}

/* ---- parameters ---- */

static int put_ratelimit(unsigned int *ratelimit, uint32_t us)
{
    if (us && (us < XEN_SYSCTL_SCHED_RATELIMIT_MIN || us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return -EINVAL;
    WRITE_ONCE(*ratelimit, us);
    return 0;
}

int sysctl_scheduler_op(struct xen_sysctl *op)
{
    struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;
    unsigned int *ratelimit;
    int rc;

    if (s->cmd != XEN_SYSCTL_SCHEDOP_putinfo && s->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    rc = cpupool_ratelimit(s->cpupool_id, &ratelimit);
    if (rc)
        return rc;
    if (s->sched_id != sched_id())
        return -EINVAL;
    if (s->cmd == XEN_SYSCTL_SCHEDOP_putinfo)
        return put_ratelimit(ratelimit, s->u.sched_credit2.ratelimit_us);
    s->u.sched_credit2.ratelimit_us = *ratelimit;
    return 0;
}
