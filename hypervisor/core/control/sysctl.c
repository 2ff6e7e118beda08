/*
 * HYPERVISOR_sysctl: what the control domain asks of the machine (public sysctl.h). Called by the
 * hypercall dispatcher with no lock held; each operation runs under LOCK_DOMCTL and works on a copy
 * of the argument, made once. Lists are bounded by what the caller has room for and by what there
 * is; every entry is zeroed before it is filled.
 */
#include "internal.h"

#include <hv/console.h>
#include <hv/errno.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/numa.h>
#include <hv/sched.h>
#include <hv/string.h>

#define MAX_DEBUG_KEYS 128

/* ---- console ---- */

static int op_readconsole(struct xen_sysctl *op)
{
    struct xen_sysctl_readconsole *r = &op->u.readconsole;
    uint32_t index = r->incremental ? r->index : console_ring_start(), done = 0;
    char piece[256];
    size_t len;

    do {
        len =
            console_ring_read(piece, min((size_t)(r->count - done), sizeof(piece)), &index, false);
        if (copy_to_guest(guest_ptr_add(guest_ptr(r->buffer), done), piece, len))
            return -EFAULT;
        done += (uint32_t)len;
    } while (len);
    if (r->clear)
        console_ring_read(piece, 0, &index, true);
    r->index = index;
    r->count = done;
    return 0;
}

static int op_debug_keys(struct xen_sysctl *op)
{
    const struct xen_sysctl_debug_keys *k = &op->u.debug_keys;
    char keys[MAX_DEBUG_KEYS];

    if (k->nr_keys > sizeof(keys))
        return -E2BIG;
    if (copy_from_guest(keys, guest_ptr(k->keys), k->nr_keys))
        return -EFAULT;
    for (uint32_t i = 0; i < k->nr_keys; i++)
        keyhandler_schedule(keys[i]);
    return 0;
}

/* ---- the machine ---- */

/* One more than the highest CPU online. */
static unsigned int cpus_online_end(void)
{
    unsigned int cpu, end = 0;

    for_each_online_cpu (cpu)
        end = cpu + 1;
    return end;
}

/* How the boot CPU's socket looks stands for all. */
static void describe_socket(struct xen_sysctl_physinfo *info)
{
    uint32_t in_core = 0, in_socket = 0;
    struct cpu_place first, place;
    unsigned int cpu;

    arch_cpu_place(0, &first);
    for_each_online_cpu (cpu) {
        arch_cpu_place(cpu, &place);
        in_socket += place.socket == first.socket;
        in_core += place.socket == first.socket && place.core == first.core;
    }
    info->threads_per_core = in_core;
    info->cores_per_socket = in_socket / in_core;
}

static int op_physinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_physinfo *info = &op->u.physinfo;

    memset(info, 0, sizeof(*info));
    arch_physinfo(info);
    info->capabilities |= XEN_SYSCTL_PHYSCAP_gnttab_v1 |
                          (grant_max_version() >= 2 ? XEN_SYSCTL_PHYSCAP_gnttab_v2 : 0);
    describe_socket(info);
    info->nr_cpus = cpumask_weight(&cpu_online_mask);
    info->max_cpu_id = nr_cpus - 1;
    info->nr_nodes = frames_node_count();
    info->max_node_id = NR_NODES - 1;
    info->total_pages = frames_total_count();
    info->free_pages = frames_free_count();
    info->outstanding_pages = domain_claims();
    info->max_mfn = max_mfn - 1;
    return 0;
}

/* By address width nothing is counted: only the whole of a node, or of the machine, can be told. */
static int op_availheap(struct xen_sysctl *op)
{
    struct xen_sysctl_availheap *h = &op->u.availheap;

    if (h->min_bitwidth || h->max_bitwidth)
        return -EOPNOTSUPP;
    if (h->node == -1)
        h->avail_bytes = frames_free_count() << PAGE_SHIFT;
    else if (h->node >= 0 && h->node < (int32_t)frames_node_count())
        h->avail_bytes = frames_node_free((unsigned int)h->node) << PAGE_SHIFT;
    else
        h->avail_bytes = 0;
    return 0;
}

static uint64_t idle_time(unsigned int cpu)
{
    struct vcpu_runstate_info runstate;

    if (!cpumask_test(cpu, &cpu_online_mask))
        return 0;
    vcpu_get_runstate(sched_idle_vcpu(cpu), &runstate);
    return runstate.time[RUNSTATE_running];
}

static int op_getcpuinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_getcpuinfo *g = &op->u.getcpuinfo;

    g->nr_cpus = min(g->max_cpus, cpus_online_end());
    for (unsigned int cpu = 0; cpu < g->nr_cpus; cpu++) {
        xen_sysctl_cpuinfo_t info = { .idletime = idle_time(cpu) };

        if (copy_to_guest(guest_ptr_add(guest_ptr(g->info), cpu * sizeof(info)), &info,
                          sizeof(info)))
            return -EFAULT;
    }
    return 0;
}

static int op_cputopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;
    guest_ptr_t at = guest_ptr(t->cputopo);
    unsigned int count = cpus_online_end(), room = guest_ptr_is_null(at) ? 0 : t->num_cpus;

    for (unsigned int cpu = 0; cpu < min(room, count); cpu++) {
        xen_sysctl_cputopo_t topo = { XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID,
                                      XEN_INVALID_NODE_ID };

        if (cpumask_test(cpu, &cpu_online_mask)) {
            struct cpu_place place;

            arch_cpu_place(cpu, &place);
            topo = (xen_sysctl_cputopo_t){ place.core, place.socket, place.node };
        }
        if (copy_to_guest(guest_ptr_add(at, cpu * sizeof(topo)), &topo, sizeof(topo)))
            return -EFAULT;
    }
    t->num_cpus = count;
    return 0;
}

/* The caller's array of distances is `room` by `room`, but its rows are `count` long. */
static int put_distances(guest_ptr_t at, uint64_t room, uint64_t count)
{
    for (uint64_t i = 0; i < min(room, count); i++)
        for (uint64_t j = 0; j < count && i * count + j < room * room; j++) {
            uint32_t distance = numa_distance((unsigned int)i, (unsigned int)j);

            if (copy_to_guest(guest_ptr_add(at, (i * count + j) * sizeof(distance)), &distance,
                              sizeof(distance)))
                return -EFAULT;
        }
    return 0;
}

static int op_numainfo(struct xen_sysctl *op)
{
    struct xen_sysctl_numainfo *n = &op->u.numainfo;
    guest_ptr_t memory = guest_ptr(n->meminfo), distances = guest_ptr(n->distance);
    unsigned int count = frames_node_count(), room = n->num_nodes;

    for (unsigned int node = 0; !guest_ptr_is_null(memory) && node < min(room, count); node++) {
        xen_sysctl_meminfo_t info = { .memsize = frames_node_total(node) << PAGE_SHIFT,
                                      .memfree = frames_node_free(node) << PAGE_SHIFT };

        if (copy_to_guest(guest_ptr_add(memory, node * sizeof(info)), &info, sizeof(info)))
            return -EFAULT;
    }
    n->num_nodes = count;
    return guest_ptr_is_null(distances) ? 0 : put_distances(distances, room, count);
}

/* ---- domains ---- */

static int op_getdomaininfolist(struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    uint32_t count = 0;
    struct domain *d;

    for (unsigned int id = l->first_domain; count < l->max_domains; count++) {
        struct xen_domctl_getdomaininfo info;

        d = domain_next(id);
        if (!d)
            break;
        control_describe(d, &info);
        id = d->id + 1U;
        domain_put(d);
        if (copy_to_guest(guest_ptr_add(guest_ptr(l->buffer), count * sizeof(info)), &info,
                          sizeof(info)))
            return -EFAULT;
    }
    l->num_domains = count;
    return 0;
}

/* ---- dispatch ---- */

/* clang-format off */
#define ROW(op, handler, back) [XEN_SYSCTL_##op] = { #op, handler, back }
#define OP(op, back) ROW(op, op_##op, back)
static const struct sysctl core_sysctls[NR_SYSCTLS] = {
    OP(readconsole,       true),
    OP(physinfo,          true),
    ROW(sched_id,         sysctl_sched_id, true),
    OP(getdomaininfolist, true),
    OP(debug_keys,        false),
    OP(getcpuinfo,        true),
    OP(availheap,         true),
    OP(cputopoinfo,       true),
    OP(numainfo,          true),
    ROW(cpupool_op,       sysctl_cpupool_op, true),
    ROW(scheduler_op,     sysctl_scheduler_op, true),
    ROW(cpu_hotplug,      sysctl_cpu_hotplug, false),
    ROW(get_pmstat,       sysctl_get_pmstat, true),
    ROW(pm_op,            sysctl_pm_op, true),
    ROW(tbuf_op,          sysctl_tbuf_op, true),
    ROW(page_offline_op,  sysctl_page_offline_op, false),
    ROW(pcitopoinfo,      sysctl_pcitopoinfo, true),
    ROW(livepatch_op,     sysctl_livepatch_op, true),
    ROW(coverage_op,      sysctl_coverage_op, false),
};
#undef OP
#undef ROW
/* clang-format on */

static const struct sysctl *find_op(uint32_t cmd)
{
    if (cmd >= NR_SYSCTLS)
        return NULL;
    if (core_sysctls[cmd].fn)
        return &core_sysctls[cmd];
    return arch_sysctls[cmd].fn ? &arch_sysctls[cmd] : NULL;
}

long do_sysctl(guest_ptr_t arg)
{
    const struct sysctl *row;
    struct xen_sysctl op;
    int rc;

    if (!current->domain->is_control)
        return -EPERM;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    row = find_op(op.cmd);
    if (!row) {
        control_refused("sysctl", op.cmd, "unknown", -ENOSYS);
        return -ENOSYS;
    }
    if (!control_begin())
        return hypercall_continue(__HYPERVISOR_sysctl, 1, arg.v);
    rc = row->fn(&op);
    control_end();
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_sysctl, 1, arg.v);
    if (rc < 0)
        control_refused("sysctl", op.cmd, row->name, rc);
    if ((rc >= 0 || rc == -ENOBUFS) && row->copy_back && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
