/* Operations on pools of CPUs: one sysctl with a command. Called by libxl's host part. */
#include "xc/cpupool.h"

static int pool_op(struct xc *xc, uint32_t cmd, struct xen_sysctl_cpupool_op *arg)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_cpupool_op, .u.cpupool_op = *arg };
    int rc;

    op.u.cpupool_op.op = cmd;
    rc = xc_sysctl(xc, &op);
    *arg = op.u.cpupool_op;
    return rc;
}

/* One that gives a bitmap of CPUs too */
static int map_op(struct xc *xc, uint32_t cmd, struct xen_sysctl_cpupool_op *arg, uint8_t *cpus,
                  unsigned int bits)
{
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, cpus, (bits + 7) / 8, XC_OUT);

    if (rc < 0)
        return rc;
    arg->cpumap.nr_bits = bits;
    set_xen_guest_handle(arg->cpumap.bitmap, b.buffer);
    rc = pool_op(xc, cmd, arg);
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_cpupool_create(struct xc *xc, uint32_t *id, uint32_t scheduler)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = *id, .sched_id = scheduler };
    int rc = pool_op(xc, XEN_SYSCTL_CPUPOOL_OP_CREATE, &arg);

    if (rc == 0)
        *id = arg.cpupool_id;
    return rc;
}

int xc_cpupool_destroy(struct xc *xc, uint32_t id)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = id };

    return pool_op(xc, XEN_SYSCTL_CPUPOOL_OP_DESTROY, &arg);
}

int xc_cpupool_info(struct xc *xc, uint32_t id, struct xc_cpupool *pool, uint8_t *cpus,
                    unsigned int bits)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = id };
    int rc = map_op(xc, XEN_SYSCTL_CPUPOOL_OP_INFO, &arg, cpus, bits);

    if (rc == 0)
        *pool = (struct xc_cpupool){ arg.cpupool_id, arg.sched_id, arg.n_dom };
    return rc;
}

int xc_cpupool_add_cpu(struct xc *xc, uint32_t id, uint32_t cpu)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = id, .cpu = cpu };

    return pool_op(xc, XEN_SYSCTL_CPUPOOL_OP_ADDCPU, &arg);
}

int xc_cpupool_remove_cpu(struct xc *xc, uint32_t id, uint32_t cpu)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = id, .cpu = cpu };

    return pool_op(xc, XEN_SYSCTL_CPUPOOL_OP_RMCPU, &arg);
}

int xc_cpupool_move_domain(struct xc *xc, uint32_t id, uint32_t domid)
{
    struct xen_sysctl_cpupool_op arg = { .cpupool_id = id, .domid = domid };

    return pool_op(xc, XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, &arg);
}

int xc_cpupool_free_cpus(struct xc *xc, uint8_t *cpus, unsigned int bits)
{
    struct xen_sysctl_cpupool_op arg = { 0 };

    return map_op(xc, XEN_SYSCTL_CPUPOOL_OP_FREEINFO, &arg, cpus, bits);
}
