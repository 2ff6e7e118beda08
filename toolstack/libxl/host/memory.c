/*
 * How much memory domains have and shall have. A target is a node that the guest's balloon watches
 * (memory/target, KiB); the hypervisor holds the limit. dom0's nodes are made by the first that
 * asks, since nobody created it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/domain.h"
#include "xc/host.h"

#define PAGE_KB     (XC_PAGE_SIZE / 1024)
#define SLACK_KB    1024   /* a domain's limit is that much above its target */
#define DOM0_MIN_KB 131072 /* below, dom0 would kill its own programs */

struct target {
    uint32_t domid;
    int64_t kb; /* asked for, as `relative` says */
    bool relative, enforce;
    uint64_t new_kb; /* what came out */
};

/* A value in KiB, from a folder of a domain; 0 is an error that is told */
static uint64_t read_kb(struct op *op, xs_transaction_t t, uint32_t domid, const char *name)
{
    long long kb = store_read_int(op, t, 0, "/local/domain/%u/memory/%s", domid, name);

    if (kb <= 0)
        op_log(op, XTL_ERROR, 0, "Cannot get memory info from /local/domain/%u/memory/%s", domid,
               name);
    return kb > 0 ? (uint64_t)kb : 0;
}

/* Of dom0, what it has now is what it shall have, and its limit the most it ever can have */
static int fill_dom0(struct op *op, xs_transaction_t t)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t now, max;
    int rc;

    if (store_exists(op, t, "/local/domain/0/memory/target") &&
        store_exists(op, t, "/local/domain/0/memory/static-max"))
        return 0;
    rc = domain_info(op, DOM0, &info);
    if (rc != 0)
        return rc;
    now = info.tot_pages * PAGE_KB;
    max = info.max_pages == UINT32_MAX || info.max_pages * PAGE_KB < now ? now
                                                                         : info.max_pages * PAGE_KB;
    rc = store_write(op, t, "/local/domain/0/memory/target", "%" PRIu64, now);
    if (rc == 0)
        rc = store_write(op, t, "/local/domain/0/memory/static-max", "%" PRIu64, max);
    return rc;
}

static int fill_dom0_in(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    return fill_dom0(op, t);
}

static int get_target(struct op *op, uint32_t domid, uint64_t *kb)
{
    int rc = domid == DOM0 ? store_transaction(op, fill_dom0_in, NULL) : 0;

    if (rc != 0)
        return rc;
    *kb = read_kb(op, XBT_NULL, domid, "target");
    return *kb ? 0 : ERROR_FAIL;
}

/* In MiB, for who looks at machines rather than domains */
static int write_vm(struct op *op, xs_transaction_t t, const struct target *target)
{
    struct xen_domctl_getdomaininfo info;
    libxl_uuid uuid;
    int rc = domain_info(op, target->domid, &info);

    if (rc != 0)
        return rc;
    memcpy(libxl_uuid_bytearray(&uuid), info.handle, sizeof(info.handle));
    return store_write(op, t,
                       op_printf(op, "/vm/" LIBXL_UUID_FMT "/memory", LIBXL_UUID_BYTES(uuid)),
                       "%" PRIu64, target->new_kb / 1024);
}

static int write_target(struct op *op, xs_transaction_t t, void *arg)
{
    struct target *target = arg;
    uint64_t max, now;
    int64_t wanted = target->kb;
    int rc = target->domid == DOM0 ? fill_dom0(op, t) : 0;

    if (rc != 0)
        return rc;
    now = read_kb(op, t, target->domid, "target");
    max = read_kb(op, t, target->domid, "static-max");
    if (!now || !max)
        return ERROR_FAIL;
    if (target->relative)
        wanted += (int64_t)now;
    if (wanted < 0 || (uint64_t)wanted > max)
        return op_fail(op, ERROR_INVAL, 0,
                       "A target of %" PRId64 " KiB is not between 0 and the domain's maximum, "
                       "%" PRIu64 " KiB (see 'xl mem-max')",
                       wanted, max);
    if (target->domid == DOM0 && wanted < DOM0_MIN_KB)
        return op_fail(op, ERROR_INVAL, 0,
                       "new target %" PRId64 " for dom0 is below the minimum threshold", wanted);
    target->new_kb = (uint64_t)wanted;
    rc = store_write(op, t, op_printf(op, "/local/domain/%u/memory/target", target->domid),
                     "%" PRIu64, target->new_kb);
    return rc == 0 ? write_vm(op, t, target) : rc;
}

static int set_target(struct op *op, struct target *target)
{
    int rc = store_transaction(op, write_target, target);

    if (rc != 0 || !target->enforce)
        return rc;
    rc = xc_domain_max_memory(op->ctx->xc, target->domid, target->new_kb + SLACK_KB);
    return rc < 0 ? host_fail(op, rc, "The domain's limit of memory is not set") : 0;
}

int libxl_set_memory_target(libxl_ctx *ctx, uint32_t domid, int64_t target_memkb, int relative,
                            int enforce)
{
    struct target target = { domid, target_memkb, relative, enforce, 0 };
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_target(&op, &target));
}

int libxl_get_memory_target(libxl_ctx *ctx, uint32_t domid, uint64_t *out_target)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, get_target(&op, domid, out_target));
}

int libxl_domain_setmaxmem(libxl_ctx *ctx, uint32_t domid, uint64_t target_memkb)
{
    uint64_t now;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = get_target(&op, domid, &now);
    if (rc == 0 && target_memkb < now)
        rc = op_fail(&op, ERROR_FAIL, 0,
                     "A maximum of %" PRIu64 " KiB is below the domain's target, %" PRIu64
                     " KiB; lower that first ('xl mem-set')",
                     target_memkb, now);
    if (rc != 0)
        return op_end(&op, rc);
    rc = xc_domain_max_memory(ctx->xc, domid, target_memkb + SLACK_KB);
    if (rc < 0)
        return op_end(&op, host_fail(&op, rc, "The domain's limit of memory is not set"));
    rc = store_write(&op, XBT_NULL, op_printf(&op, "/local/domain/%u/memory/static-max", domid),
                     "%" PRIu64, target_memkb);
    return op_end(&op, rc);
}

/* ---- free memory ---- */

static int free_kb(struct op *op, uint64_t *kb)
{
    struct xen_sysctl_physinfo p;
    int rc = xc_physinfo(op->ctx->xc, &p);

    if (rc < 0)
        return host_fail(op, rc, "The hypervisor does not tell its free memory");
    *kb = p.free_pages * PAGE_KB;
    return 0;
}

int libxl_get_free_memory(libxl_ctx *ctx, uint64_t *memkb)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, free_kb(&op, memkb));
}

static int enough_is_free(struct op *op, void *arg)
{
    uint64_t kb = 0;
    int rc = free_kb(op, &kb);

    if (rc != 0)
        return rc;
    return kb >= *(const uint64_t *)arg ? 0 : ERROR_NOT_READY;
}

int libxl_wait_for_free_memory(libxl_ctx *ctx, uint32_t domid, uint64_t memory_kb, int wait_secs)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = op_wait(&op, NULL, -1, 200, wait_secs * 1000, enough_is_free, &memory_kb);
    return op_end(&op, rc == ERROR_TIMEDOUT ? ERROR_NOMEM : rc);
}

static int is_at_target(struct op *op, void *arg)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t target;
    int rc = get_target(op, op->domid, &target);

    (void)arg;
    if (rc == 0)
        rc = domain_info(op, op->domid, &info);
    if (rc != 0)
        return rc;
    return (info.tot_pages + info.outstanding_pages) * PAGE_KB <= target ? 0 : ERROR_NOT_READY;
}

int libxl_wait_for_memory_target(libxl_ctx *ctx, uint32_t domid, int wait_secs)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = op_wait(&op, NULL, -1, 200, wait_secs * 1000, is_at_target, NULL);
    return op_end(&op, rc == ERROR_TIMEDOUT ? ERROR_FAIL : rc);
}

/* ---- for programs of libxl.h of before 4.8: numbers of 32 bits ---- */

static int narrow(libxl_ctx *ctx, const char *name, int rc, uint64_t kb, uint32_t *out)
{
    struct op op;

    if (rc != 0)
        return rc;
    *out = (uint32_t)kb;
    if (*out == kb)
        return 0;
    op_begin(&op, ctx, name, LIBXL_INVALID_DOMID);
    return op_end(&op,
                  op_fail(&op, ERROR_FAIL, 0, "%" PRIu64 " KiB are too many for %s", kb, name));
}

int libxl_get_memory_target_0x040700(libxl_ctx *ctx, uint32_t domid, uint32_t *out_target)
{
    uint64_t kb = 0;
    int rc = libxl_get_memory_target(ctx, domid, &kb);

    return narrow(ctx, __func__, rc, kb, out_target);
}

int libxl_get_free_memory_0x040700(libxl_ctx *ctx, uint32_t *memkb)
{
    uint64_t kb = 0;
    int rc = libxl_get_free_memory(ctx, &kb);

    return narrow(ctx, __func__, rc, kb, memkb);
}
