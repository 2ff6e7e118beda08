/*
 * Schedulers and their parameters: of a pool, of a domain, of its vCPUs. What a user left open
 * (..._DEFAULT) stays as it is: parameters are read, changed, and written back. Ranges are checked
 * here, where a sentence can be said, and again by the hypervisor.
 */
#include <stdlib.h>

#include "libxl/host/host.h"
#include "xc/cpupool.h"
#include "xc/sched.h"

#define DEFAULT LIBXL_DOMAIN_SCHED_PARAM_WEIGHT_DEFAULT /* all of them are -1 */

int libxl_get_scheduler(libxl_ctx *ctx)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_sched_id(ctx->xc);
    if (rc < 0)
        rc = host_fail(&op, rc, "The hypervisor does not tell its scheduler");
    return op_end(&op, rc);
}

/* ---- of a pool ---- */

static int pool_op(libxl_ctx *ctx, const char *name, uint32_t cmd,
                   struct xen_sysctl_scheduler_op *arg)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, name, LIBXL_INVALID_DOMID);
    rc = xc_sched_pool(ctx->xc, cmd, arg);
    if (rc < 0)
        rc = host_fail(&op, rc,
                       op_printf(&op, "CPU pool %u does not take or tell parameters of %s",
                                 arg->cpupool_id, libxl_scheduler_to_string(arg->sched_id)));
    return op_end(&op, rc);
}

static int out_of_range(libxl_ctx *ctx, const char *name, const char *what, int min, int max)
{
    struct op op;

    op_begin(&op, ctx, name, LIBXL_INVALID_DOMID);
    return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "%s out of range, valid range is from %d to %d",
                               what, min, max));
}

static bool outside(int value, int min, int max)
{
    return value < min || value > max;
}

int libxl_sched_credit_params_get(libxl_ctx *ctx, uint32_t poolid,
                                  libxl_sched_credit_params *scinfo)
{
    struct xen_sysctl_scheduler_op arg = { .cpupool_id = poolid, .sched_id = XEN_SCHEDULER_CREDIT };
    int rc = pool_op(ctx, __func__, XEN_SYSCTL_SCHEDOP_getinfo, &arg);

    if (rc != 0)
        return rc;
    scinfo->tslice_ms = (int)arg.u.sched_credit.tslice_ms;
    scinfo->ratelimit_us = (int)arg.u.sched_credit.ratelimit_us;
    scinfo->vcpu_migr_delay_us = (int)arg.u.sched_credit.vcpu_migr_delay_us;
    return 0;
}

int libxl_sched_credit_params_set(libxl_ctx *ctx, uint32_t poolid,
                                  libxl_sched_credit_params *scinfo)
{
    struct xen_sysctl_scheduler_op arg = { .cpupool_id = poolid, .sched_id = XEN_SCHEDULER_CREDIT };

    if (outside(scinfo->tslice_ms, XEN_SYSCTL_CSCHED_TSLICE_MIN, XEN_SYSCTL_CSCHED_TSLICE_MAX))
        return out_of_range(ctx, __func__, "Time slice", XEN_SYSCTL_CSCHED_TSLICE_MIN,
                            XEN_SYSCTL_CSCHED_TSLICE_MAX);
    if (scinfo->ratelimit_us && outside(scinfo->ratelimit_us, XEN_SYSCTL_SCHED_RATELIMIT_MIN,
                                        XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return out_of_range(ctx, __func__, "Ratelimit", XEN_SYSCTL_SCHED_RATELIMIT_MIN,
                            XEN_SYSCTL_SCHED_RATELIMIT_MAX);
    if (scinfo->ratelimit_us > scinfo->tslice_ms * 1000)
        return out_of_range(ctx, __func__, "Ratelimit", 0, scinfo->tslice_ms * 1000);
    if (outside(scinfo->vcpu_migr_delay_us, 0, XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US))
        return out_of_range(ctx, __func__, "Migration delay", 0, XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US);
    arg.u.sched_credit.tslice_ms = (uint32_t)scinfo->tslice_ms;
    arg.u.sched_credit.ratelimit_us = (uint32_t)scinfo->ratelimit_us;
    arg.u.sched_credit.vcpu_migr_delay_us = (uint32_t)scinfo->vcpu_migr_delay_us;
    return pool_op(ctx, __func__, XEN_SYSCTL_SCHEDOP_putinfo, &arg);
}

int libxl_sched_credit2_params_get(libxl_ctx *ctx, uint32_t poolid,
                                   libxl_sched_credit2_params *scinfo)
{
    struct xen_sysctl_scheduler_op arg = { .cpupool_id = poolid,
                                           .sched_id = XEN_SCHEDULER_CREDIT2 };
    int rc = pool_op(ctx, __func__, XEN_SYSCTL_SCHEDOP_getinfo, &arg);

    if (rc == 0)
        scinfo->ratelimit_us = (int)arg.u.sched_credit2.ratelimit_us;
    return rc;
}

int libxl_sched_credit2_params_set(libxl_ctx *ctx, uint32_t poolid,
                                   libxl_sched_credit2_params *scinfo)
{
    struct xen_sysctl_scheduler_op arg = { .cpupool_id = poolid,
                                           .sched_id = XEN_SCHEDULER_CREDIT2 };

    if (scinfo->ratelimit_us && outside(scinfo->ratelimit_us, XEN_SYSCTL_SCHED_RATELIMIT_MIN,
                                        XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return out_of_range(ctx, __func__, "Ratelimit", XEN_SYSCTL_SCHED_RATELIMIT_MIN,
                            XEN_SYSCTL_SCHED_RATELIMIT_MAX);
    arg.u.sched_credit2.ratelimit_us = (uint32_t)scinfo->ratelimit_us;
    return pool_op(ctx, __func__, XEN_SYSCTL_SCHEDOP_putinfo, &arg);
}

/* ---- of a domain ---- */

/* The scheduler of the pool that the domain is in, XEN_SCHEDULER_*; the numbers are libxl's too */
static int scheduler_of(struct op *op, uint32_t *scheduler)
{
    struct xen_domctl_getdomaininfo info;
    struct xc_cpupool pool;
    libxl_bitmap map;
    int rc = domain_info(op, op->domid, &info);

    if (rc != 0)
        return rc;
    libxl_bitmap_init(&map);
    rc = host_cpu_bitmap(op, &map);
    if (rc == 0) {
        rc = xc_cpupool_info(op->ctx->xc, info.cpupool, &pool, map.map, map.size * 8);
        rc = rc < 0 ? host_fail(op, rc, "The domain's CPU pool cannot be read") : 0;
    }
    libxl_bitmap_dispose(&map);
    if (rc == 0)
        *scheduler = pool.scheduler;
    return rc;
}

static int no_parameters(struct op *op, uint32_t scheduler)
{
    return op_fail(op, ERROR_INVAL, 0, "The scheduler %s has no parameters of domains",
                   libxl_scheduler_to_string(scheduler));
}

static int domain_op(struct op *op, uint32_t cmd, struct xen_domctl_scheduler_op *arg)
{
    int rc = xc_sched_domain(op->ctx->xc, op->domid, cmd, arg);

    if (rc < 0)
        return host_fail(op, rc, "The hypervisor does not take or tell the domain's parameters");
    return 0;
}

static int get_params(struct op *op, libxl_domain_sched_params *params)
{
    struct xen_domctl_scheduler_op arg = { 0 };
    int rc = scheduler_of(op, &arg.sched_id);

    if (rc != 0)
        return rc;
    libxl_domain_sched_params_init(params);
    params->sched = arg.sched_id;
    if (arg.sched_id == XEN_SCHEDULER_NULL)
        return 0;
    rc = domain_op(op, XEN_DOMCTL_SCHEDOP_getinfo, &arg);
    if (rc != 0)
        return rc;
    switch (arg.sched_id) {
    case XEN_SCHEDULER_CREDIT:
        params->weight = arg.u.credit.weight;
        params->cap = arg.u.credit.cap;
        return 0;
    case XEN_SCHEDULER_CREDIT2:
        params->weight = arg.u.credit2.weight;
        params->cap = arg.u.credit2.cap;
        return 0;
    case XEN_SCHEDULER_RTDS:
        params->period = (int)arg.u.rtds.period;
        params->budget = (int)arg.u.rtds.budget;
        return 0;
    default:
        return no_parameters(op, arg.sched_id);
    }
}

/* Weight and cap have the same place and meaning for both schedulers that have them */
static int change_credit(struct op *op, const libxl_domain_sched_params *params,
                         struct xen_domctl_scheduler_op *arg)
{
    struct xen_domctl_getdomaininfo info;
    int max_cap, rc = domain_info(op, op->domid, &info);
    uint16_t *weight = &arg->u.credit.weight, *cap = &arg->u.credit.cap;

    if (rc != 0)
        return rc;
    if (arg->sched_id == XEN_SCHEDULER_CREDIT2) {
        weight = &arg->u.credit2.weight;
        cap = &arg->u.credit2.cap;
    }
    max_cap = ((int)info.max_vcpu_id + 1) * 100;
    if (params->weight != DEFAULT) {
        if (outside(params->weight, 1, 65535))
            return op_fail(op, ERROR_INVAL, 0,
                           "Cpu weight out of range, valid values are within range from 1 to "
                           "65535");
        *weight = (uint16_t)params->weight;
    }
    if (params->cap != DEFAULT) {
        if (outside(params->cap, 0, max_cap))
            return op_fail(op, ERROR_INVAL, 0,
                           "Cpu cap out of range, valid range is from 0 to %d for specified "
                           "number of vcpus",
                           max_cap);
        *cap = (uint16_t)params->cap;
    }
    return 0;
}

static int change_rtds(struct op *op, const libxl_sched_params *params,
                       struct xen_domctl_sched_rtds *rtds)
{
    if (params->period != DEFAULT) {
        if (params->period < 1)
            return op_fail(op, ERROR_INVAL, 0,
                           "VCPU period is out of range, valid values are "
                           "larger than 1");
        rtds->period = (uint32_t)params->period;
    }
    if (params->budget != DEFAULT) {
        if (params->budget < 1)
            return op_fail(op, ERROR_INVAL, 0,
                           "VCPU budget is out of range, valid values are "
                           "larger than 1");
        rtds->budget = (uint32_t)params->budget;
    }
    if (rtds->budget > rtds->period)
        return op_fail(op, ERROR_INVAL, 0,
                       "VCPU budget must be smaller than or equal to VCPU period");
    if (params->extratime == 1)
        rtds->flags |= XEN_DOMCTL_SCHEDRT_extra;
    else if (params->extratime == 0)
        rtds->flags &= ~XEN_DOMCTL_SCHEDRT_extra;
    return 0;
}

static int set_params(struct op *op, const libxl_domain_sched_params *params)
{
    struct xen_domctl_scheduler_op arg = { .sched_id = params->sched };
    libxl_sched_params rtds = { .period = params->period,
                                .budget = params->budget,
                                .extratime = params->extratime };
    int rc = 0;

    if (params->sched == LIBXL_SCHEDULER_UNKNOWN)
        rc = scheduler_of(op, &arg.sched_id);
    if (rc != 0 || arg.sched_id == XEN_SCHEDULER_NULL)
        return rc;
    if (arg.sched_id == XEN_SCHEDULER_ARINC653)
        return no_parameters(op, arg.sched_id);
    rc = domain_op(op, XEN_DOMCTL_SCHEDOP_getinfo, &arg);
    if (rc != 0)
        return rc;
    rc = arg.sched_id == XEN_SCHEDULER_RTDS ? change_rtds(op, &rtds, &arg.u.rtds)
                                            : change_credit(op, params, &arg);
    return rc == 0 ? domain_op(op, XEN_DOMCTL_SCHEDOP_putinfo, &arg) : rc;
}

int libxl_domain_sched_params_get(libxl_ctx *ctx, uint32_t domid, libxl_domain_sched_params *params)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, get_params(&op, params));
}

int libxl_domain_sched_params_set(libxl_ctx *ctx, uint32_t domid,
                                  const libxl_domain_sched_params *params)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_params(&op, params));
}

/* ---- of vCPUs: only rtds has them ---- */

static int need_rtds(struct op *op, libxl_scheduler given)
{
    uint32_t scheduler = given;
    int rc = given == LIBXL_SCHEDULER_UNKNOWN ? scheduler_of(op, &scheduler) : 0;

    if (rc == 0 && scheduler != XEN_SCHEDULER_RTDS)
        rc = op_fail(op, ERROR_INVAL, 0, "per-VCPU parameter %s not supported for this scheduler",
                     libxl_scheduler_to_string(scheduler));
    return rc;
}

static int vcpus_op(struct op *op, uint32_t cmd, struct xen_domctl_schedparam_vcpu *vcpus,
                    unsigned int count)
{
    int rc = xc_sched_vcpus(op->ctx->xc, op->domid, cmd, XEN_SCHEDULER_RTDS, vcpus, count);

    if (rc < 0)
        return host_fail(op, rc, "The hypervisor does not take or tell parameters of vCPUs");
    return 0;
}

/* Which vCPUs: those of a list, or all when it is empty */
static int choose_vcpus(struct op *op, const libxl_vcpu_sched_params *params,
                        struct xen_domctl_schedparam_vcpu **vcpus, unsigned int *count)
{
    struct xen_domctl_getdomaininfo info;
    int rc = domain_info(op, op->domid, &info);

    if (rc != 0)
        return rc;
    *count = params->num_vcpus > 0 ? (unsigned int)params->num_vcpus : info.max_vcpu_id + 1;
    *vcpus = op_calloc(op, *count, sizeof(**vcpus));
    for (unsigned int i = 0; i < *count; i++) {
        (*vcpus)[i].vcpuid = params->num_vcpus > 0 ? (uint32_t)params->vcpus[i].vcpuid : i;
        if ((*vcpus)[i].vcpuid > info.max_vcpu_id)
            return op_fail(op, ERROR_INVAL, 0,
                           "VCPU index is out of range, valid values are within range from 0 to "
                           "%u",
                           info.max_vcpu_id);
    }
    return 0;
}

static int get_vcpu_params(struct op *op, libxl_vcpu_sched_params *params)
{
    struct xen_domctl_schedparam_vcpu *vcpus = NULL;
    unsigned int count = 0;
    int rc = need_rtds(op, LIBXL_SCHEDULER_UNKNOWN);

    if (rc == 0)
        rc = choose_vcpus(op, params, &vcpus, &count);
    if (rc == 0)
        rc = vcpus_op(op, XEN_DOMCTL_SCHEDOP_getvcpuinfo, vcpus, count);
    if (rc != 0)
        return rc;
    params->sched = LIBXL_SCHEDULER_RTDS;
    if (params->num_vcpus == 0) {
        params->num_vcpus = (int)count;
        params->vcpus = xl_calloc(count, sizeof(*params->vcpus));
    }
    for (unsigned int i = 0; i < count; i++) {
        libxl_sched_params_init(&params->vcpus[i]);
        params->vcpus[i].vcpuid = (int)vcpus[i].vcpuid;
        params->vcpus[i].period = (int)vcpus[i].u.rtds.period;
        params->vcpus[i].budget = (int)vcpus[i].u.rtds.budget;
        params->vcpus[i].extratime = !!(vcpus[i].u.rtds.flags & XEN_DOMCTL_SCHEDRT_extra);
    }
    return 0;
}

/* `all`: the one set of parameters that is given is for every vCPU */
static int set_vcpu_params(struct op *op, const libxl_vcpu_sched_params *params, bool all)
{
    libxl_vcpu_sched_params which = *params;
    struct xen_domctl_schedparam_vcpu *vcpus = NULL;
    unsigned int count = 0;
    int rc = need_rtds(op, params->sched);

    if (rc == 0 && params->num_vcpus < 1)
        rc = op_fail(op, ERROR_INVAL, 0, "No parameters of vCPUs are given");
    if (rc == 0 && all && params->num_vcpus != 1)
        rc = op_fail(op, ERROR_INVAL, 0, "One set of parameters is for all vCPUs, not several");
    which.num_vcpus = all ? 0 : params->num_vcpus;
    if (rc == 0)
        rc = choose_vcpus(op, &which, &vcpus, &count);
    if (rc == 0)
        rc = vcpus_op(op, XEN_DOMCTL_SCHEDOP_getvcpuinfo, vcpus, count);
    for (unsigned int i = 0; i < count && rc == 0; i++)
        rc = change_rtds(op, &params->vcpus[all ? 0 : i], &vcpus[i].u.rtds);
    return rc == 0 ? vcpus_op(op, XEN_DOMCTL_SCHEDOP_putvcpuinfo, vcpus, count) : rc;
}

int libxl_vcpu_sched_params_get(libxl_ctx *ctx, uint32_t domid, libxl_vcpu_sched_params *params)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, get_vcpu_params(&op, params));
}

int libxl_vcpu_sched_params_get_all(libxl_ctx *ctx, uint32_t domid, libxl_vcpu_sched_params *params)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    params->num_vcpus = 0;
    rc = get_vcpu_params(&op, params);
    return op_end(&op, rc);
}

int libxl_vcpu_sched_params_set(libxl_ctx *ctx, uint32_t domid,
                                const libxl_vcpu_sched_params *params)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_vcpu_params(&op, params, false));
}

int libxl_vcpu_sched_params_set_all(libxl_ctx *ctx, uint32_t domid,
                                    const libxl_vcpu_sched_params *params)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_vcpu_params(&op, params, true));
}
