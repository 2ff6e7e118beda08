/* vCPUs of domains: what they do, where they may run, which of them are there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/domain.h"
#include "xc/vcpu.h"

static int read_vcpu(struct op *op, uint32_t domid, uint32_t vcpu, libxl_vcpuinfo *info)
{
    struct xc *xc = op->ctx->xc;
    struct xen_domctl_getvcpuinfo v;
    int rc = host_cpu_bitmap(op, &info->cpumap);

    if (rc == 0)
        rc = host_cpu_bitmap(op, &info->cpumap_soft);
    if (rc != 0)
        return rc;
    rc = xc_vcpu_info(xc, domid, vcpu, &v);
    if (rc == 0)
        rc = xc_vcpu_get_affinity(xc, domid, vcpu, info->cpumap.size * 8, info->cpumap.map,
                                  info->cpumap_soft.map);
    if (rc < 0)
        return host_fail(op, rc, op_printf(op, "The hypervisor does not describe vCPU %u", vcpu));
    info->vcpuid = vcpu;
    info->cpu = v.cpu;
    info->online = v.online;
    info->blocked = v.blocked;
    info->running = v.running;
    info->vcpu_time = v.cpu_time;
    return 0;
}

libxl_vcpuinfo *libxl_list_vcpu(libxl_ctx *ctx, uint32_t domid, int *nb_vcpu, int *nr_cpus_out)
{
    struct xen_domctl_getdomaininfo domain;
    libxl_vcpuinfo *list = NULL;
    struct op op;
    int rc, count = 0;

    op_begin(&op, ctx, __func__, domid);
    rc = domain_info(&op, domid, &domain);
    if (rc == 0) {
        *nr_cpus_out = libxl_get_max_cpus(ctx);
        rc = *nr_cpus_out < 0 ? *nr_cpus_out : 0;
    }
    if (rc == 0)
        list = xl_calloc(domain.max_vcpu_id + 1, sizeof(*list));
    while (rc == 0 && count <= (int)domain.max_vcpu_id) {
        libxl_vcpuinfo_init(&list[count]);
        rc = read_vcpu(&op, domid, (uint32_t)count, &list[count]);
        count++;
    }
    if (rc != 0 && list) {
        libxl_vcpuinfo_list_free(list, count);
        list = NULL;
    }
    *nb_vcpu = list ? count : 0;
    op_end(&op, rc);
    return list;
}

/* ---- where they run ---- */

static uint8_t *copy_of(struct op *op, const libxl_bitmap *map, unsigned int bits)
{
    uint8_t *copy;

    if (!map)
        return NULL;
    copy = op_alloc(op, (bits + 7) / 8);
    for (unsigned int i = 0; i < bits; i++)
        if (libxl_bitmap_test(map, (int)i))
            copy[i / 8] |= (uint8_t)(1u << i % 8);
    return copy;
}

/* Whether what holds now lacks some of what was asked for */
static bool lacks(const uint8_t *holds, const libxl_bitmap *asked, unsigned int bits)
{
    for (unsigned int i = 0; i < bits; i++)
        if (libxl_bitmap_test(asked, (int)i) && !(holds[i / 8] & 1u << i % 8))
            return true;
    return false;
}

static int set_affinity(struct op *op, uint32_t vcpu, const libxl_bitmap *hard,
                        const libxl_bitmap *soft, uint32_t flags)
{
    int max = libxl_get_max_cpus(op->ctx), rc;
    unsigned int bits = max > 0 ? (unsigned int)max : 0;
    uint8_t *h = copy_of(op, hard, bits), *s = copy_of(op, soft, bits);

    if (max <= 0)
        return ERROR_FAIL;
    if (!hard && !soft)
        return op_fail(op, ERROR_INVAL, 0, "No affinity is given for vCPU %u", vcpu);
    rc = xc_vcpu_set_affinity(op->ctx->xc, op->domid, vcpu, bits, h, s, flags);
    if (rc == -EBUSY)
        return op_fail(op, ERROR_FAIL, EBUSY,
                       "vCPU %u is pinned by its own domain for now; 'force' overrides that", vcpu);
    if (rc < 0)
        return host_fail(op, rc, op_printf(op, "The affinity of vCPU %u is not set", vcpu));
    if (hard && lacks(h, hard, bits))
        op_log(op, XTL_DEBUG, 0, "New hard affinity for vcpu %u has unreachable cpus", vcpu);
    if (soft && lacks(s, soft, bits))
        op_log(op, XTL_DEBUG, 0, "New soft affinity for vcpu %u has unreachable cpus", vcpu);
    return 0;
}

int libxl_set_vcpuaffinity(libxl_ctx *ctx, uint32_t domid, uint32_t vcpuid,
                           const libxl_bitmap *cpumap_hard, const libxl_bitmap *cpumap_soft)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_affinity(&op, vcpuid, cpumap_hard, cpumap_soft, 0));
}

int libxl_set_vcpuaffinity_force(libxl_ctx *ctx, uint32_t domid, uint32_t vcpuid,
                                 const libxl_bitmap *cpumap_hard, const libxl_bitmap *cpumap_soft)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, set_affinity(&op, vcpuid, cpumap_hard, cpumap_soft, XEN_VCPUAFFINITY_FORCE));
}

int libxl_set_vcpuaffinity_all(libxl_ctx *ctx, uint32_t domid, unsigned int max_vcpus,
                               const libxl_bitmap *cpumap_hard, const libxl_bitmap *cpumap_soft)
{
    struct op op;
    int rc = 0;

    op_begin(&op, ctx, __func__, domid);
    for (unsigned int i = 0; i < max_vcpus; i++) {
        int one = set_affinity(&op, i, cpumap_hard, cpumap_soft, 0);

        rc = one ? one : rc;
    }
    return op_end(&op, rc);
}

int libxl_domain_set_nodeaffinity(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *nodemap)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = xc_domain_set_node_affinity(ctx->xc, domid, nodemap->map, nodemap->size * 8);
    if (rc < 0)
        rc = host_fail(&op, rc, "The domain's node affinity is not set");
    return op_end(&op, rc);
}

int libxl_domain_get_nodeaffinity(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *nodemap)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = xc_domain_get_node_affinity(ctx->xc, domid, nodemap->map, nodemap->size * 8);
    if (rc < 0)
        rc = host_fail(&op, rc, "The domain's node affinity cannot be read");
    return op_end(&op, rc);
}

/* ---- which are there ---- */

struct online {
    uint32_t domid, max;
    const libxl_bitmap *map;
};

/* The guest watches cpu/, and plugs and unplugs by itself */
static int write_online(struct op *op, xs_transaction_t t, void *arg)
{
    const struct online *o = arg;
    int rc = 0;

    for (uint32_t i = 0; i <= o->max && rc == 0; i++)
        rc = store_write(op, t, op_printf(op, "/local/domain/%u/cpu/%u/availability", o->domid, i),
                         "%s", libxl_bitmap_test(o->map, (int)i) ? "online" : "offline");
    return rc;
}

static int do_set_online(struct op *op, void *args)
{
    struct online *o = args;
    struct xen_domctl_getdomaininfo info;
    int rc = domain_info(op, o->domid, &info), wanted = libxl_bitmap_count_set(o->map);

    if (rc != 0)
        return rc;
    o->max = info.max_vcpu_id;
    if (wanted > (int)o->max + 1)
        return op_fail(op, ERROR_FAIL, 0, "Requested %d VCPUs, however maxcpus is %u!", wanted,
                       o->max + 1);
    if (wanted == 0)
        return op_fail(op, ERROR_INVAL, 0, "A domain cannot be without a vCPU");
    return store_transaction(op, write_online, o);
}

int libxl_set_vcpuonline(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *cpumap,
                         const libxl_asyncop_how *ao_how)
{
    struct online o = { .domid = domid, .map = cpumap };

    return op_start(ctx, __func__, domid, ao_how, do_set_online, &o, sizeof(o));
}
