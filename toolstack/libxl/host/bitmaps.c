/* Bitmaps as large as the host: of CPUs, nodes and sockets, and what of one is in another. */
#include <stdlib.h>

#include "libxl/host/host.h"

/* max: 0 for as many as the host can have; negative is an error that was told already */
static int make_map(libxl_ctx *ctx, libxl_bitmap *map, int max, int host_max)
{
    if (max < 0)
        return ERROR_INVAL;
    if (max == 0 && host_max <= 0)
        return ERROR_FAIL;
    return libxl_bitmap_alloc(ctx, map, max ? max : host_max);
}

int libxl_cpu_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *cpumap, int max_cpus)
{
    return make_map(ctx, cpumap, max_cpus, max_cpus ? 0 : libxl_get_max_cpus(ctx));
}

int libxl_node_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *nodemap, int max_nodes)
{
    return make_map(ctx, nodemap, max_nodes, max_nodes ? 0 : libxl_get_max_nodes(ctx));
}

int host_cpu_bitmap(struct op *op, libxl_bitmap *map)
{
    return libxl_cpu_bitmap_alloc(op->ctx, map, 0);
}

int host_node_bitmap(struct op *op, libxl_bitmap *map)
{
    return libxl_node_bitmap_alloc(op->ctx, map, 0);
}

static int count_sockets(libxl_ctx *ctx)
{
    int count, sockets = 0;
    libxl_cputopology *t = libxl_get_cpu_topology(ctx, &count);

    if (!t)
        return ERROR_FAIL;
    for (int i = 0; i < count; i++)
        if (t[i].socket != LIBXL_CPUTOPOLOGY_INVALID_ENTRY && (int)t[i].socket >= sockets)
            sockets = (int)t[i].socket + 1;
    libxl_cputopology_list_free(t, count);
    return sockets;
}

int libxl_socket_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *socketmap, int max_sockets)
{
    return make_map(ctx, socketmap, max_sockets, max_sockets ? 0 : count_sockets(ctx));
}

int libxl_get_online_socketmap(libxl_ctx *ctx, libxl_bitmap *socketmap)
{
    int count;
    libxl_cputopology *t = libxl_get_cpu_topology(ctx, &count);

    if (!t)
        return ERROR_FAIL;
    libxl_bitmap_set_none(socketmap);
    for (int i = 0; i < count; i++)
        if (t[i].socket != LIBXL_CPUTOPOLOGY_INVALID_ENTRY &&
            !libxl_bitmap_test(socketmap, (int)t[i].socket))
            libxl_bitmap_set(socketmap, (int)t[i].socket);
    libxl_cputopology_list_free(t, count);
    return 0;
}

/* Go through all CPUs that have a node */
static int for_cpus(libxl_ctx *ctx,
                    void (*fn)(int cpu, int node, const void *from, libxl_bitmap *to),
                    const void *from, libxl_bitmap *to)
{
    int count;
    libxl_cputopology *t = libxl_get_cpu_topology(ctx, &count);

    if (!t)
        return ERROR_FAIL;
    libxl_bitmap_set_none(to);
    for (int i = 0; i < count; i++)
        if (t[i].node != LIBXL_CPUTOPOLOGY_INVALID_ENTRY)
            fn(i, (int)t[i].node, from, to);
    libxl_cputopology_list_free(t, count);
    return 0;
}

static void cpu_of_nodes(int cpu, int node, const void *nodes, libxl_bitmap *cpus)
{
    if (libxl_bitmap_test(nodes, node))
        libxl_bitmap_set(cpus, cpu);
}

static void cpu_of_node(int cpu, int node, const void *wanted, libxl_bitmap *cpus)
{
    if (node == *(const int *)wanted)
        libxl_bitmap_set(cpus, cpu);
}

static void node_of_cpus(int cpu, int node, const void *cpus, libxl_bitmap *nodes)
{
    if (libxl_bitmap_test(cpus, cpu))
        libxl_bitmap_set(nodes, node);
}

int libxl_nodemap_to_cpumap(libxl_ctx *ctx, const libxl_bitmap *nodemap, libxl_bitmap *cpumap)
{
    return for_cpus(ctx, cpu_of_nodes, nodemap, cpumap);
}

int libxl_node_to_cpumap(libxl_ctx *ctx, int node, libxl_bitmap *cpumap)
{
    return for_cpus(ctx, cpu_of_node, &node, cpumap);
}

int libxl_cpumap_to_nodemap(libxl_ctx *ctx, const libxl_bitmap *cpumap, libxl_bitmap *nodemap)
{
    return for_cpus(ctx, node_of_cpus, cpumap, nodemap);
}
