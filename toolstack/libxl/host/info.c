/*
 * The host as the hypervisor describes it: processors, memory, nodes, version. Nothing here changes
 * anything; each function is one or two hypercalls.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/host.h"
#include "xc/memory.h"

int host_fail(struct op *op, int negative_errno, const char *what)
{
    return op_fail(op, error_of(negative_errno), -negative_errno, "%s", what);
}

/* Pages that domains share; there are none where the hypervisor cannot do that */
static uint64_t sharing(struct xc *xc, unsigned int cmd)
{
    long pages = xc_memory_op(xc, cmd, NULL, 0);

    return pages > 0 ? (uint64_t)pages : 0;
}

int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *info)
{
    struct xen_sysctl_physinfo p;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_physinfo(ctx->xc, &p);
    if (rc < 0)
        return op_end(&op, host_fail(&op, rc, "The hypervisor does not describe the host"));
    info->threads_per_core = p.threads_per_core;
    info->cores_per_socket = p.cores_per_socket;
    info->max_cpu_id = p.max_cpu_id;
    info->nr_cpus = p.nr_cpus;
    info->cpu_khz = p.cpu_khz;
    info->total_pages = p.total_pages;
    info->free_pages = p.free_pages;
    info->scrub_pages = p.scrub_pages;
    info->outstanding_pages = p.outstanding_pages;
    info->sharing_freed_pages = sharing(ctx->xc, XENMEM_get_sharing_freed_pages);
    info->sharing_used_frames = sharing(ctx->xc, XENMEM_get_sharing_shared_pages);
    info->max_possible_mfn = p.max_mfn;
    info->nr_nodes = p.nr_nodes;
    memcpy(info->hw_cap, p.hw_cap, sizeof(info->hw_cap));
    info->cap_hvm = p.capabilities & XEN_SYSCTL_PHYSCAP_hvm;
    info->cap_pv = p.capabilities & XEN_SYSCTL_PHYSCAP_pv;
    info->cap_hvm_directio = p.capabilities & XEN_SYSCTL_PHYSCAP_directio;
    info->cap_hap = p.capabilities & XEN_SYSCTL_PHYSCAP_hap;
    info->cap_shadow = p.capabilities & XEN_SYSCTL_PHYSCAP_shadow;
    info->cap_iommu_hap_pt_share = p.capabilities & XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share;
    info->cap_vmtrace = p.capabilities & XEN_SYSCTL_PHYSCAP_vmtrace;
    info->cap_vpmu = p.capabilities & XEN_SYSCTL_PHYSCAP_vpmu;
    info->cap_gnttab_v1 = p.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v1;
    info->cap_gnttab_v2 = p.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2;
    return op_end(&op, 0);
}

/* ---- processors and nodes ---- */

/* How many there can be: a positive number or a libxl_error */
static int count_cpus(struct op *op)
{
    unsigned int count = 0;
    int rc = xc_cpu_topology(op->ctx->xc, NULL, &count);

    return rc < 0 ? host_fail(op, rc, "The hypervisor does not tell its CPUs") : (int)count;
}

static int count_nodes(struct op *op)
{
    unsigned int count = 0;
    int rc = xc_numa_info(op->ctx->xc, NULL, NULL, &count);

    return rc < 0 ? host_fail(op, rc, "The hypervisor does not tell its nodes") : (int)count;
}

int libxl_get_max_cpus(libxl_ctx *ctx)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, count_cpus(&op));
}

int libxl_get_max_nodes(libxl_ctx *ctx)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, count_nodes(&op));
}

int libxl_get_online_cpus(libxl_ctx *ctx)
{
    struct xen_sysctl_physinfo p;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_physinfo(ctx->xc, &p);
    if (rc < 0)
        rc = host_fail(&op, rc, "The hypervisor does not tell its CPUs");
    return op_end(&op, rc < 0 ? rc : (int)p.nr_cpus);
}

libxl_cputopology *libxl_get_cpu_topology(libxl_ctx *ctx, int *nb_cpu_out)
{
    libxl_cputopology *list = NULL;
    struct xen_sysctl_cputopo *t;
    unsigned int count;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = count_cpus(&op);
    if (rc <= 0)
        goto out;
    count = (unsigned int)rc;
    t = op_calloc(&op, count, sizeof(*t));
    rc = xc_cpu_topology(ctx->xc, t, &count);
    if (rc < 0) {
        host_fail(&op, rc, "The hypervisor does not tell where its CPUs are");
        goto out;
    }
    list = xl_calloc(count, sizeof(*list));
    for (unsigned int i = 0; i < count; i++)
        list[i] =
            (libxl_cputopology){ .core = t[i].core, .socket = t[i].socket, .node = t[i].node };
    *nb_cpu_out = (int)count;
out:
    op_end(&op, 0);
    return list;
}

libxl_numainfo *libxl_get_numainfo(libxl_ctx *ctx, int *nr)
{
    struct xen_sysctl_meminfo *memory;
    libxl_numainfo *list = NULL;
    uint32_t *distance;
    unsigned int count;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = count_nodes(&op);
    if (rc <= 0)
        goto out;
    count = (unsigned int)rc;
    memory = op_calloc(&op, count, sizeof(*memory));
    distance = op_calloc(&op, (size_t)count * count, sizeof(*distance));
    rc = xc_numa_info(ctx->xc, memory, distance, &count);
    if (rc < 0) {
        host_fail(&op, rc, "The hypervisor does not describe its nodes");
        goto out;
    }
    list = xl_calloc(count, sizeof(*list));
    for (unsigned int i = 0; i < count; i++) {
        list[i].size = memory[i].memsize;
        list[i].free = memory[i].memfree;
        list[i].num_dists = (int)count;
        list[i].dists = xl_calloc(count, sizeof(*list[i].dists));
        memcpy(list[i].dists, distance + (size_t)i * count, count * sizeof(*distance));
    }
    *nr = (int)count;
out:
    op_end(&op, 0);
    return list;
}

/* ---- PCI devices ---- */

static struct physdev_pci_device *all_pci_devices(struct op *op, unsigned int *count)
{
    struct physdev_pci_device *list = NULL;
    DIR *dir = opendir("/sys/bus/pci/devices");
    const struct dirent *e;

    *count = 0;
    while (dir && (e = readdir(dir)) != NULL) {
        unsigned int seg, bus, dev, func;

        if (sscanf(e->d_name, "%x:%x:%x.%x", &seg, &bus, &dev, &func) != 4)
            continue;
        list = op_realloc(op, list, *count * sizeof(*list), (*count + 1) * sizeof(*list));
        list[(*count)++] = (struct physdev_pci_device){ .seg = (uint16_t)seg,
                                                        .bus = (uint8_t)bus,
                                                        .devfn = (uint8_t)(dev << 3 | func) };
    }
    if (dir)
        closedir(dir);
    return list;
}

libxl_pcitopology *libxl_get_pci_topology(libxl_ctx *ctx, int *num_devs)
{
    struct physdev_pci_device *devices;
    libxl_pcitopology *list = NULL;
    unsigned int count, done = 0;
    uint32_t *nodes;
    struct op op;
    int rc = 0;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    *num_devs = 0;
    devices = all_pci_devices(&op, &count);
    nodes = op_calloc(&op, count, sizeof(*nodes));
    /* The hypervisor stops when it has worked for long */
    while (done < count && rc >= 0) {
        rc = xc_pci_topology(ctx->xc, devices + done, nodes + done, count - done);
        if (rc == 0)
            rc = -EIO;
        done += rc > 0 ? (unsigned int)rc : 0;
    }
    if (rc < 0) {
        host_fail(&op, rc, "The hypervisor does not tell where PCI devices are");
    } else if (count) {
        list = xl_calloc(count, sizeof(*list));
        for (unsigned int i = 0; i < count; i++)
            list[i] = (libxl_pcitopology){ .seg = devices[i].seg,
                                           .bus = devices[i].bus,
                                           .devfn = devices[i].devfn,
                                           .node = nodes[i] == XEN_INVALID_NODE_ID ||
                                                           nodes[i] == XEN_INVALID_DEV
                                                       ? LIBXL_PCITOPOLOGY_INVALID_ENTRY
                                                       : nodes[i] };
        *num_devs = (int)count;
    }
    op_end(&op, 0);
    return list;
}
