/* Parameters of schedulers, of a pool, a domain and its vCPUs. Called by libxl's host part. */
#include "xc/sched.h"

int xc_sched_id(struct xc *xc)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_sched_id };
    int rc = xc_sysctl(xc, &op);

    return rc < 0 ? rc : (int)op.u.sched_id.sched_id;
}

int xc_sched_pool(struct xc *xc, uint32_t cmd, struct xen_sysctl_scheduler_op *arg)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_scheduler_op, .u.scheduler_op = *arg };
    int rc;

    op.u.scheduler_op.cmd = cmd;
    rc = xc_sysctl(xc, &op);
    *arg = op.u.scheduler_op;
    return rc;
}

int xc_sched_domain(struct xc *xc, uint32_t domid, uint32_t cmd,
                    struct xen_domctl_scheduler_op *arg)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_scheduler_op, .domain = domid };
    int rc;

    op.u.scheduler_op = *arg;
    op.u.scheduler_op.cmd = cmd;
    rc = xc_domctl(xc, &op);
    *arg = op.u.scheduler_op;
    return rc;
}

int xc_sched_vcpus(struct xc *xc, uint32_t domid, uint32_t cmd, uint32_t scheduler,
                   struct xen_domctl_schedparam_vcpu *vcpus, unsigned int count)
{
    struct xen_domctl_scheduler_op arg = { .sched_id = scheduler };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, vcpus, count * sizeof(*vcpus), XC_INOUT);

    if (rc < 0)
        return rc;
    arg.u.v.nr_vcpus = count;
    set_xen_guest_handle(arg.u.v.vcpus, b.buffer);
    rc = xc_sched_domain(xc, domid, cmd, &arg);
    xc_bounce_out(xc, &b);
    return rc;
}
