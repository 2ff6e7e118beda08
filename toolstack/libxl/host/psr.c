/*
 * Caches and memory bandwidth shared out among domains (Intel's CMT, MBM, CAT, CDP, MBA): thin,
 * since the hypervisor knows what the processors can do, and refuses the rest.
 */
#include <errno.h>
#include <stdlib.h>

#include "libxl/host/host.h"
#include "xc/host.h"

/* Registers by which a processor's monitors are read */
#define MSR_QM_EVTSEL 0xc8du
#define MSR_QM_CTR    0xc8eu
#define QM_CTR_BAD    (3ull << 62) /* an error, or no data yet */

static int psr_fail(struct op *op, int rc, const char *what)
{
    const char *why = "";

    if (rc == -ENODEV || rc == -EOPNOTSUPP)
        why = ": these processors cannot, or the hypervisor was started without 'psr='";
    else if (rc == -EEXIST)
        why = ": the domain has it already";
    else if (rc == -ENOENT)
        why = ": the domain does not have it";
    else if (rc == -EOVERFLOW || rc == -EUSERS)
        why = ": all are in use";
    return op_fail(op, ERROR_FAIL, -rc, "%s%s", what, why);
}

/* ---- monitoring ---- */

static int domain_cmt(libxl_ctx *ctx, const char *name, uint32_t domid, uint32_t cmd,
                      uint32_t *rmid)
{
    struct xen_domctl_psr_cmt_op arg = { .cmd = cmd };
    struct op op;
    int rc;

    op_begin(&op, ctx, name, domid);
    rc = xc_domain_psr_cmt(ctx->xc, domid, &arg);
    if (rc < 0)
        rc = psr_fail(&op, rc, "Monitoring of the domain is not changed or told");
    else if (rmid)
        *rmid = arg.data;
    return op_end(&op, rc);
}

int libxl_psr_cmt_attach(libxl_ctx *ctx, uint32_t domid)
{
    return domain_cmt(ctx, __func__, domid, XEN_DOMCTL_PSR_CMT_OP_ATTACH, NULL);
}

int libxl_psr_cmt_detach(libxl_ctx *ctx, uint32_t domid)
{
    return domain_cmt(ctx, __func__, domid, XEN_DOMCTL_PSR_CMT_OP_DETACH, NULL);
}

int libxl_psr_cmt_domain_attached(libxl_ctx *ctx, uint32_t domid)
{
    struct xen_domctl_psr_cmt_op arg = { .cmd = XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID };

    return xc_domain_psr_cmt(ctx->xc, domid, &arg) == 0 && arg.data != 0;
}

/* A number of the host; 0 when there is no monitoring and the caller only asks whether there is */
static int host_cmt(struct xc *xc, uint32_t cmd, uint32_t cpu, uint64_t *data)
{
    struct xen_sysctl_psr_cmt_op arg = { .cmd = cmd };
    int rc;

    if (cmd == XEN_SYSCTL_PSR_CMT_get_l3_cache_size)
        arg.u.l3_cache.cpu = cpu;
    rc = xc_psr_cmt(xc, &arg);
    *data = rc < 0 ? 0 : arg.u.data;
    return rc;
}

int libxl_psr_cmt_enabled(libxl_ctx *ctx)
{
    uint64_t data;

    return host_cmt(ctx->xc, XEN_SYSCTL_PSR_CMT_enabled, 0, &data) == 0 && data != 0;
}

int libxl_psr_cmt_get_total_rmid(libxl_ctx *ctx, uint32_t *total_rmid)
{
    struct op op;
    uint64_t data;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = host_cmt(ctx->xc, XEN_SYSCTL_PSR_CMT_get_total_rmid, 0, &data);
    if (rc < 0)
        rc = psr_fail(&op, rc, "The number of monitors is not told");
    *total_rmid = (uint32_t)data;
    return op_end(&op, rc);
}

/* Any CPU of a socket, or an error */
static int cpu_of_socket(struct op *op, uint32_t socket, uint32_t *cpu)
{
    int count;
    libxl_cputopology *t = libxl_get_cpu_topology(op->ctx, &count);

    if (!t)
        return ERROR_FAIL;
    for (int i = 0; i < count; i++) {
        if (t[i].socket != socket)
            continue;
        *cpu = (uint32_t)i;
        libxl_cputopology_list_free(t, count);
        return 0;
    }
    libxl_cputopology_list_free(t, count);
    return op_fail(op, ERROR_INVAL, 0, "There is no socket %u", socket);
}

int libxl_psr_cmt_get_l3_cache_size(libxl_ctx *ctx, uint32_t socketid, uint32_t *l3_cache_size)
{
    struct op op;
    uint64_t data = 0;
    uint32_t cpu = 0;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = cpu_of_socket(&op, socketid, &cpu);
    if (rc == 0) {
        rc = host_cmt(ctx->xc, XEN_SYSCTL_PSR_CMT_get_l3_cache_size, cpu, &data);
        rc = rc < 0 ? psr_fail(&op, rc, "The size of the cache is not told") : 0;
    }
    *l3_cache_size = (uint32_t)data;
    return op_end(&op, rc);
}

int libxl_psr_cmt_type_supported(libxl_ctx *ctx, libxl_psr_cmt_type type)
{
    uint64_t mask;

    return host_cmt(ctx->xc, XEN_SYSCTL_PSR_CMT_get_l3_event_mask, 0, &mask) == 0 &&
           (mask & 1ull << (type - 1)) != 0;
}

/* Read the monitor of a domain on a socket: choose it, read it, in one go on one CPU */
static int read_monitor(struct op *op, uint32_t cpu, uint32_t rmid, libxl_psr_cmt_type type,
                        uint64_t *value)
{
    const struct xc_msr_step steps[] = {
        { .msr = MSR_QM_EVTSEL, .value = (uint64_t)rmid << 32 | type, .write = true },
        { .msr = MSR_QM_CTR },
    };
    uint64_t values[2] = { 0 };
    const struct xc_msr_read read = { .cpu = cpu, .count = 2, .steps = steps, .values = values };
    int rc = xc_read_msrs(op->ctx->xc, &read);

    if (rc < 0)
        return psr_fail(op, rc, "A monitor cannot be read");
    if (values[1] & QM_CTR_BAD)
        return op_fail(op, ERROR_FAIL, 0, "The processor has no data of this domain yet");
    *value = values[1];
    return 0;
}

int libxl_psr_cmt_get_sample(libxl_ctx *ctx, uint32_t domid, libxl_psr_cmt_type type,
                             uint64_t scope, uint64_t *sample_r, uint64_t *tsc_r)
{
    uint64_t factor = 0, value = 0;
    uint32_t rmid = 0, cpu = 0;
    struct op op;
    int rc = domain_cmt(ctx, __func__, domid, XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID, &rmid);

    if (rc != 0)
        return rc;
    op_begin(&op, ctx, __func__, domid);
    if (rmid == 0)
        rc = op_fail(&op, ERROR_FAIL, 0, "The domain is not monitored: 'xl psr-cmt-attach' first");
    if (rc == 0)
        rc = cpu_of_socket(&op, (uint32_t)scope, &cpu);
    if (rc == 0)
        rc = read_monitor(&op, cpu, rmid, type, &value);
    if (rc == 0) {
        rc = host_cmt(ctx->xc, XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor, 0, &factor);
        rc = rc < 0 ? psr_fail(&op, rc, "The unit of monitors is not told") : 0;
    }
    *sample_r = value * factor;
    if (tsc_r)
        *tsc_r = __builtin_ia32_rdtsc();
    return op_end(&op, rc);
}

int libxl_psr_cmt_get_cache_occupancy(libxl_ctx *ctx, uint32_t domid, uint32_t socketid,
                                      uint32_t *l3_cache_occupancy)
{
    uint64_t bytes = 0;
    int rc = libxl_psr_cmt_get_sample(ctx, domid, LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY, socketid,
                                      &bytes, NULL);

    *l3_cache_occupancy = (uint32_t)(bytes / 1024);
    return rc;
}

/* ---- allocation ---- */

static const struct alloc {
    int get, set;
} allocs[] = {
    [LIBXL_PSR_CBM_TYPE_L3_CBM] = { XEN_DOMCTL_PSR_GET_L3_CBM, XEN_DOMCTL_PSR_SET_L3_CBM },
    [LIBXL_PSR_CBM_TYPE_L3_CBM_CODE] = { XEN_DOMCTL_PSR_GET_L3_CODE, XEN_DOMCTL_PSR_SET_L3_CODE },
    [LIBXL_PSR_CBM_TYPE_L3_CBM_DATA] = { XEN_DOMCTL_PSR_GET_L3_DATA, XEN_DOMCTL_PSR_SET_L3_DATA },
    [LIBXL_PSR_CBM_TYPE_L2_CBM] = { XEN_DOMCTL_PSR_GET_L2_CBM, XEN_DOMCTL_PSR_SET_L2_CBM },
    [LIBXL_PSR_CBM_TYPE_MBA_THRTL] = { XEN_DOMCTL_PSR_GET_MBA_THRTL, XEN_DOMCTL_PSR_SET_MBA_THRTL },
};

static bool has_alloc(libxl_psr_type type)
{
    return type >= LIBXL_PSR_CBM_TYPE_L3_CBM && type <= LIBXL_PSR_CBM_TYPE_MBA_THRTL;
}

int libxl_psr_set_val(libxl_ctx *ctx, uint32_t domid, libxl_psr_type type, libxl_bitmap *target_map,
                      uint64_t val)
{
    struct op op;
    unsigned int socket;
    int rc = 0;

    op_begin(&op, ctx, __func__, domid);
    if (!has_alloc(type))
        return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "There is no allocation of type %d", type));
    libxl_for_each_set_bit(socket, *target_map)
    {
        struct xen_domctl_psr_alloc arg = { .cmd = (uint32_t)allocs[type].set,
                                            .target = socket,
                                            .data = val };

        if (rc == 0)
            rc = xc_domain_psr_alloc(ctx->xc, domid, &arg);
    }
    if (rc < 0)
        rc = psr_fail(&op, rc, "The domain's share is not set");
    return op_end(&op, rc);
}

int libxl_psr_get_val(libxl_ctx *ctx, uint32_t domid, libxl_psr_type type, unsigned int target,
                      uint64_t *val)
{
    struct xen_domctl_psr_alloc arg = { .target = target };
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    if (!has_alloc(type))
        return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "There is no allocation of type %d", type));
    arg.cmd = (uint32_t)allocs[type].get;
    rc = xc_domain_psr_alloc(ctx->xc, domid, &arg);
    if (rc < 0)
        rc = psr_fail(&op, rc, "The domain's share is not told");
    *val = arg.data;
    return op_end(&op, rc);
}

int libxl_psr_cat_set_cbm(libxl_ctx *ctx, uint32_t domid, libxl_psr_cbm_type type,
                          libxl_bitmap *target_map, uint64_t cbm)
{
    return libxl_psr_set_val(ctx, domid, type, target_map, cbm);
}

int libxl_psr_cat_get_cbm(libxl_ctx *ctx, uint32_t domid, libxl_psr_cbm_type type, uint32_t target,
                          uint64_t *cbm_r)
{
    return libxl_psr_get_val(ctx, domid, type, target, cbm_r);
}

/* ---- what the processors can do, for each socket ---- */

static int alloc_command(struct op *op, libxl_psr_feat_type type, unsigned int lvl, uint32_t *cmd)
{
    if (type == LIBXL_PSR_FEAT_TYPE_MBA)
        *cmd = XEN_SYSCTL_PSR_get_mba_info;
    else if (type == LIBXL_PSR_FEAT_TYPE_CAT && lvl == 3)
        *cmd = XEN_SYSCTL_PSR_get_l3_info;
    else if (type == LIBXL_PSR_FEAT_TYPE_CAT && lvl == 2)
        *cmd = XEN_SYSCTL_PSR_get_l2_info;
    else
        return op_fail(op, ERROR_NOTFOUND, 0, "There is no allocation in caches of level %u", lvl);
    return 0;
}

static void fill_hw_info(libxl_psr_hw_info *info, libxl_psr_feat_type type, uint32_t socket,
                         const struct xen_sysctl_psr_alloc *arg)
{
    libxl_psr_hw_info_init(info);
    libxl_psr_hw_info_init_type(info, type);
    info->id = socket;
    if (type == LIBXL_PSR_FEAT_TYPE_MBA) {
        info->u.mba.cos_max = arg->u.mba_info.cos_max;
        info->u.mba.thrtl_max = arg->u.mba_info.thrtl_max;
        info->u.mba.linear = arg->u.mba_info.flags & XEN_SYSCTL_PSR_MBA_LINEAR;
    } else {
        info->u.cat.cos_max = arg->u.cat_info.cos_max;
        info->u.cat.cbm_len = arg->u.cat_info.cbm_len;
        info->u.cat.cdp_enabled = arg->u.cat_info.flags & XEN_SYSCTL_PSR_CAT_L3_CDP;
    }
}

static int hw_info(struct op *op, uint32_t cmd, libxl_psr_feat_type type, unsigned int *nr,
                   libxl_psr_hw_info **info)
{
    libxl_bitmap sockets;
    unsigned int socket;
    int rc;

    *nr = 0;
    *info = NULL;
    libxl_bitmap_init(&sockets);
    rc = libxl_socket_bitmap_alloc(op->ctx, &sockets, 0);
    if (rc == 0)
        rc = libxl_get_online_socketmap(op->ctx, &sockets);
    libxl_for_each_set_bit(socket, sockets)
    {
        struct xen_sysctl_psr_alloc arg = { .cmd = cmd, .target = socket };

        if (rc != 0)
            break;
        rc = xc_psr_alloc(op->ctx->xc, &arg);
        if (rc < 0) {
            rc = psr_fail(op, rc, "What processors can share out is not told");
            break;
        }
        *info = xl_realloc(*info, (*nr + 1) * sizeof(**info));
        fill_hw_info(&(*info)[(*nr)++], type, socket, &arg);
    }
    libxl_bitmap_dispose(&sockets);
    if (rc != 0) {
        libxl_psr_hw_info_list_free(*info, *nr);
        *info = NULL;
        *nr = 0;
    }
    return rc;
}

int libxl_psr_get_hw_info(libxl_ctx *ctx, libxl_psr_feat_type type, unsigned int lvl,
                          unsigned int *nr, libxl_psr_hw_info **info)
{
    uint32_t cmd = 0;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = alloc_command(&op, type, lvl, &cmd);
    if (rc == 0)
        rc = hw_info(&op, cmd, type, nr, info);
    return op_end(&op, rc);
}

int libxl_psr_cat_get_info(libxl_ctx *ctx, libxl_psr_cat_info **info, unsigned int *nr,
                           unsigned int lvl)
{
    libxl_psr_hw_info *hw;
    int rc = libxl_psr_get_hw_info(ctx, LIBXL_PSR_FEAT_TYPE_CAT, lvl, nr, &hw);

    if (rc != 0)
        return rc;
    *info = xl_calloc(*nr, sizeof(**info));
    for (unsigned int i = 0; i < *nr; i++)
        (*info)[i] = (libxl_psr_cat_info){ .id = hw[i].id,
                                           .cos_max = hw[i].u.cat.cos_max,
                                           .cbm_len = hw[i].u.cat.cbm_len,
                                           .cdp_enabled = hw[i].u.cat.cdp_enabled };
    libxl_psr_hw_info_list_free(hw, *nr);
    return 0;
}

int libxl_psr_cat_get_l3_info(libxl_ctx *ctx, libxl_psr_cat_info **info, int *nr)
{
    unsigned int count = 0;
    int rc = libxl_psr_cat_get_info(ctx, info, &count, 3);

    *nr = (int)count;
    return rc;
}
