/*
 * What libxl.h offers and this library does not have: each says so in the log and fails, so that a
 * program that knows all of libxl can be linked, and learns what it cannot do. Some of it never
 * comes: the hypervisor has no transcendent memory (tmem) any more.
 */
#include "libxl/internal.h"

static int not_yet(libxl_ctx *ctx, const char *name, uint32_t domid, int rc)
{
    struct op op;

    op_begin(&op, ctx, name, domid);
    return op_end(&op, op_fail(&op, rc, 0, "%s() is not there%s", name,
                               rc == ERROR_NI ? " yet" : ": the hypervisor has no such thing"));
}

int libxl_domain_remus_start(libxl_ctx *ctx, libxl_domain_remus_info *info, uint32_t domid,
                             int send_fd, int recv_fd, const libxl_asyncop_how *ao_how)
{
    (void)info;
    (void)send_fd;
    (void)recv_fd;
    (void)ao_how;
    return not_yet(ctx, __func__, domid, ERROR_NI);
}

int libxl_domain_soft_reset(libxl_ctx *ctx, libxl_domain_config *d_config, uint32_t domid,
                            const libxl_asyncop_how *ao_how,
                            const libxl_asyncprogress_how *aop_console_how)
{
    (void)d_config;
    (void)ao_how;
    (void)aop_console_how;
    return not_yet(ctx, __func__, domid, ERROR_NI);
}

int libxl_device_events_handler(libxl_ctx *ctx, const libxl_asyncop_how *ao_how)
{
    (void)ao_how;
    return not_yet(ctx, __func__, LIBXL_INVALID_DOMID, ERROR_NI);
}

char *libxl_tmem_list(libxl_ctx *ctx, uint32_t domid, int use_long)
{
    (void)use_long;
    not_yet(ctx, __func__, domid, ERROR_FEATURE_REMOVED);
    return NULL;
}

int libxl_tmem_freeze(libxl_ctx *ctx, uint32_t domid)
{
    return not_yet(ctx, __func__, domid, ERROR_FEATURE_REMOVED);
}

int libxl_tmem_thaw(libxl_ctx *ctx, uint32_t domid)
{
    return not_yet(ctx, __func__, domid, ERROR_FEATURE_REMOVED);
}

int libxl_tmem_set(libxl_ctx *ctx, uint32_t domid, char *name, uint32_t set)
{
    (void)name;
    (void)set;
    return not_yet(ctx, __func__, domid, ERROR_FEATURE_REMOVED);
}

int libxl_tmem_shared_auth(libxl_ctx *ctx, uint32_t domid, char *uuid, int auth)
{
    (void)uuid;
    (void)auth;
    return not_yet(ctx, __func__, domid, ERROR_FEATURE_REMOVED);
}

int libxl_tmem_freeable(libxl_ctx *ctx)
{
    return not_yet(ctx, __func__, LIBXL_INVALID_DOMID, ERROR_FEATURE_REMOVED);
}
