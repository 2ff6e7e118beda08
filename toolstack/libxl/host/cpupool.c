/*
 * Pools of CPUs. The hypervisor has them; their names are ours, in the store (/local/pool/N/name).
 * A pool that is being made is destroyed again when it cannot get its CPUs or its name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/cpupool.h"

static char *pool_path(struct op *op, uint32_t id)
{
    return op_printf(op, "/local/pool/%u", id);
}

static char *pool_name(struct op *op, uint32_t id)
{
    char *name = store_read(op, XBT_NULL, "%s/name", pool_path(op, id));

    return name ? name : op_strdup(op, id ? "" : "Pool-0");
}

/* The first pool from id on, with its CPUs in map, which the caller disposes of */
static int read_pool(struct op *op, uint32_t id, struct xc_cpupool *pool, libxl_bitmap *map)
{
    int rc = host_cpu_bitmap(op, map);

    if (rc != 0)
        return rc;
    rc = xc_cpupool_info(op->ctx->xc, id, pool, map->map, map->size * 8);
    if (rc == -ENOENT)
        return ERROR_NOTFOUND;
    return rc < 0 ? host_fail(op, rc, op_printf(op, "CPU pool %u cannot be read", id)) : 0;
}

static void fill_info(struct op *op, libxl_cpupoolinfo *info, const struct xc_cpupool *pool,
                      libxl_bitmap *map)
{
    libxl_cpupoolinfo_init(info);
    info->poolid = pool->id;
    info->pool_name = xl_strdup(pool_name(op, pool->id));
    info->sched = pool->scheduler;
    info->n_dom = pool->domains;
    info->cpumap = *map;
    libxl_bitmap_init(map);
}

static int pool_info(struct op *op, libxl_cpupoolinfo *info, uint32_t id)
{
    struct xc_cpupool pool;
    libxl_bitmap map;
    int rc;

    libxl_bitmap_init(&map);
    rc = read_pool(op, id, &pool, &map);
    if (rc == 0 && pool.id != id)
        rc = ERROR_NOTFOUND;
    if (rc == 0)
        fill_info(op, info, &pool, &map);
    libxl_bitmap_dispose(&map);
    return rc == ERROR_NOTFOUND ? op_fail(op, ERROR_FAIL, 0, "There is no CPU pool %u", id) : rc;
}

int libxl_cpupool_info(libxl_ctx *ctx, libxl_cpupoolinfo *info, uint32_t poolid)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, pool_info(&op, info, poolid));
}

libxl_cpupoolinfo *libxl_list_cpupool(libxl_ctx *ctx, int *nb_pool_out)
{
    libxl_cpupoolinfo *list = NULL;
    struct xc_cpupool pool = { 0 };
    libxl_bitmap map;
    int rc = 0, count = 0;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    for (uint32_t id = 0; rc == 0; id = pool.id + 1) {
        libxl_bitmap_init(&map);
        rc = read_pool(&op, id, &pool, &map);
        if (rc == 0) {
            list = xl_realloc(list, (size_t)(count + 1) * sizeof(*list));
            fill_info(&op, &list[count++], &pool, &map);
        }
        libxl_bitmap_dispose(&map);
    }
    if (rc != ERROR_NOTFOUND) {
        libxl_cpupoolinfo_list_free(list, count);
        list = NULL;
        count = 0;
    }
    *nb_pool_out = count;
    op_end(&op, 0);
    return list;
}

int libxl_get_freecpus(libxl_ctx *ctx, libxl_bitmap *cpumap)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = host_cpu_bitmap(&op, cpumap);
    if (rc == 0) {
        rc = xc_cpupool_free_cpus(ctx->xc, cpumap->map, cpumap->size * 8);
        rc = rc < 0 ? host_fail(&op, rc, "The CPUs of no pool cannot be read") : 0;
    }
    return op_end(&op, rc);
}

/* ---- names ---- */

char *libxl_cpupoolid_to_name(libxl_ctx *ctx, uint32_t poolid)
{
    struct op op;
    char *name;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    name = store_read(&op, XBT_NULL, "%s/name", pool_path(&op, poolid));
    if (!name && poolid == 0)
        name = op_strdup(&op, "Pool-0");
    name = name ? xl_strdup(name) : NULL;
    op_end(&op, 0);
    return name;
}

int libxl_name_to_cpupoolid(libxl_ctx *ctx, const char *name, uint32_t *poolid)
{
    int count, rc = ERROR_INVAL;
    libxl_cpupoolinfo *list = libxl_list_cpupool(ctx, &count);

    for (int i = 0; i < count && rc != 0; i++) {
        if (!list[i].pool_name || strcmp(list[i].pool_name, name) != 0)
            continue;
        *poolid = list[i].poolid;
        rc = 0;
    }
    libxl_cpupoolinfo_list_free(list, count);
    return rc;
}

int libxl_cpupoolid_is_valid(libxl_ctx *ctx, uint32_t poolid)
{
    int count, found = 0;
    libxl_cpupoolinfo *list = libxl_list_cpupool(ctx, &count);

    for (int i = 0; i < count; i++)
        found |= list[i].poolid == poolid;
    libxl_cpupoolinfo_list_free(list, count);
    return found;
}

/* A number or a name */
int libxl_cpupool_qualifier_to_cpupoolid(libxl_ctx *ctx, const char *p, uint32_t *poolid_r,
                                         int *was_name_r)
{
    char *end;
    unsigned long id = strtoul(p, &end, 10);
    bool number = isdigit((unsigned char)*p) && !*end && id < UINT32_MAX;

    if (was_name_r)
        *was_name_r = !number;
    if (!number)
        return libxl_name_to_cpupoolid(ctx, p, poolid_r);
    *poolid_r = (uint32_t)id;
    return 0;
}

/* ---- changes ---- */

struct naming {
    uint32_t id;
    const char *name;
    libxl_uuid *uuid;
};

static int write_names(struct op *op, xs_transaction_t t, void *arg)
{
    const struct naming *n = arg;
    char *path = pool_path(op, n->id);
    int rc = store_write(op, t, op_printf(op, "%s/name", path), "%s", n->name);

    if (rc == 0 && n->uuid)
        rc = store_write(op, t, op_printf(op, "%s/uuid", path), LIBXL_UUID_FMT,
                         LIBXL_UUID_BYTES((*n->uuid)));
    return rc;
}

static int add_cpu(struct op *op, uint32_t id, int cpu)
{
    int rc = xc_cpupool_add_cpu(op->ctx->xc, id, cpu);

    if (rc < 0)
        return host_fail(
            op, rc, op_printf(op, "CPU %d is not added to pool %u; it must be in none", cpu, id));
    return 0;
}

static int remove_cpu(struct op *op, uint32_t id, int cpu)
{
    int rc = xc_cpupool_remove_cpu(op->ctx->xc, id, cpu);

    if (rc < 0)
        return host_fail(op, rc, op_printf(op, "CPU %d is not removed from pool %u", cpu, id));
    return 0;
}

/* Each CPU of a map; the first error is the result, the others are tried still */
static int each_cpu(struct op *op, uint32_t id, const libxl_bitmap *map,
                    int (*fn)(struct op *op, uint32_t id, int cpu))
{
    unsigned int cpu;
    int rc = 0;

    libxl_for_each_set_bit(cpu, *map)
    {
        int one = fn(op, id, (int)cpu);

        rc = rc ? rc : one;
    }
    return rc;
}

static void destroy_new(struct op *op, uint32_t id, const libxl_bitmap *map)
{
    unsigned int cpu;

    libxl_for_each_set_bit(cpu, *map) xc_cpupool_remove_cpu(op->ctx->xc, id, cpu);
    xc_cpupool_destroy(op->ctx->xc, id);
    store_remove(op, XBT_NULL, pool_path(op, id));
}

int libxl_cpupool_create(libxl_ctx *ctx, const char *name, libxl_scheduler sched,
                         libxl_bitmap cpumap, libxl_uuid *uuid, uint32_t *poolid)
{
    struct naming naming = { .name = name, .uuid = uuid };
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    if (*poolid == LIBXL_CPUPOOL_POOLID_ANY)
        *poolid = XC_CPUPOOL_ANY;
    rc = xc_cpupool_create(ctx->xc, poolid, sched);
    if (rc < 0)
        return op_end(&op, host_fail(&op, rc, op_printf(&op, "CPU pool %s is not created", name)));
    naming.id = *poolid;
    rc = each_cpu(&op, *poolid, &cpumap, add_cpu);
    if (rc == 0)
        rc = store_transaction(&op, write_names, &naming);
    if (rc != 0)
        destroy_new(&op, *poolid, &cpumap);
    return op_end(&op, rc);
}

int libxl_cpupool_destroy(libxl_ctx *ctx, uint32_t poolid)
{
    libxl_cpupoolinfo info;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    libxl_cpupoolinfo_init(&info);
    rc = pool_info(&op, &info, poolid);
    if (rc == 0 && info.n_dom > 0)
        rc = op_fail(&op, ERROR_INVAL, 0, "CPU pool %u still has %u domains; move them away first",
                     poolid, info.n_dom);
    if (rc == 0)
        rc = each_cpu(&op, poolid, &info.cpumap, remove_cpu);
    if (rc == 0) {
        rc = xc_cpupool_destroy(ctx->xc, poolid);
        if (rc < 0)
            rc = host_fail(&op, rc, op_printf(&op, "CPU pool %u is not destroyed", poolid));
    }
    if (rc == 0)
        rc = store_remove(&op, XBT_NULL, pool_path(&op, poolid));
    libxl_cpupoolinfo_dispose(&info);
    return op_end(&op, rc);
}

int libxl_cpupool_rename(libxl_ctx *ctx, const char *name, uint32_t poolid)
{
    struct naming naming = { .id = poolid, .name = name };
    libxl_cpupoolinfo info;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    libxl_cpupoolinfo_init(&info);
    rc = pool_info(&op, &info, poolid);
    if (rc == 0)
        rc = store_transaction(&op, write_names, &naming);
    libxl_cpupoolinfo_dispose(&info);
    return op_end(&op, rc);
}

int libxl_cpupool_cpuadd(libxl_ctx *ctx, uint32_t poolid, int cpu)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, add_cpu(&op, poolid, cpu));
}

int libxl_cpupool_cpuremove(libxl_ctx *ctx, uint32_t poolid, int cpu)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, remove_cpu(&op, poolid, cpu));
}

int libxl_cpupool_cpuadd_cpumap(libxl_ctx *ctx, uint32_t poolid, const libxl_bitmap *cpumap)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, each_cpu(&op, poolid, cpumap, add_cpu));
}

int libxl_cpupool_cpuremove_cpumap(libxl_ctx *ctx, uint32_t poolid, const libxl_bitmap *cpumap)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, each_cpu(&op, poolid, cpumap, remove_cpu));
}

/* The CPUs of a node that are in a map; *cpus counts those that fn took */
static int each_of_node(struct op *op, uint32_t id, int node, const libxl_bitmap *map, int *cpus,
                        int (*fn)(struct op *op, uint32_t id, int cpu))
{
    libxl_bitmap of_node;
    unsigned int cpu;
    int rc;

    *cpus = 0;
    libxl_bitmap_init(&of_node);
    rc = host_cpu_bitmap(op, &of_node);
    if (rc == 0)
        rc = libxl_node_to_cpumap(op->ctx, node, &of_node);
    if (rc == 0) {
        libxl_for_each_set_bit(cpu, of_node)
        {
            if (libxl_bitmap_test(map, (int)cpu) && fn(op, id, (int)cpu) == 0)
                (*cpus)++;
        }
    }
    libxl_bitmap_dispose(&of_node);
    return rc;
}

int libxl_cpupool_cpuadd_node(libxl_ctx *ctx, uint32_t poolid, int node, int *cpus)
{
    libxl_bitmap free_cpus;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    libxl_bitmap_init(&free_cpus);
    rc = libxl_get_freecpus(ctx, &free_cpus);
    if (rc == 0)
        rc = each_of_node(&op, poolid, node, &free_cpus, cpus, add_cpu);
    libxl_bitmap_dispose(&free_cpus);
    return op_end(&op, rc);
}

int libxl_cpupool_cpuremove_node(libxl_ctx *ctx, uint32_t poolid, int node, int *cpus)
{
    libxl_cpupoolinfo info;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    libxl_cpupoolinfo_init(&info);
    rc = pool_info(&op, &info, poolid);
    if (rc == 0)
        rc = each_of_node(&op, poolid, node, &info.cpumap, cpus, remove_cpu);
    libxl_cpupoolinfo_dispose(&info);
    return op_end(&op, rc);
}

int libxl_cpupool_movedomain(libxl_ctx *ctx, uint32_t poolid, uint32_t domid)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = xc_cpupool_move_domain(ctx->xc, poolid, domid);
    if (rc < 0)
        rc = host_fail(&op, rc, op_printf(&op, "The domain is not moved to CPU pool %u", poolid));
    return op_end(&op, rc);
}
