/*
 * Where a new domain is put on a machine with several nodes of memory, when its configuration does
 * not say: the fewest nodes that have memory and CPUs enough for all of it, and of these the least
 * used. Its memory then comes from there, and its vCPUs run there as long as there is room, but may
 * run elsewhere. Called before the domain has memory.
 */
#include "libxl/domain/domain.h"

/* As many sets of them can be tried; on larger machines nobody is placed */
#define MAX_NODES 16

/* A vCPU counts so much, in parts of which each node that it runs on gets its share */
#define SHARES 720720u

static unsigned int count_bits(uint32_t set)
{
    return (unsigned int)__builtin_popcount(set);
}

static void add_up(const struct numa_node *nodes, unsigned int count, uint32_t set,
                   struct numa_node *sum)
{
    *sum = (struct numa_node){ 0 };
    for (unsigned int i = 0; i < count; i++) {
        if (!(set & 1u << i))
            continue;
        sum->free_kb += nodes[i].free_kb;
        sum->cpus += nodes[i].cpus;
        sum->load += nodes[i].load;
    }
}

/* Fewer vCPUs for each CPU, then more memory */
static bool is_better(const struct numa_node *a, const struct numa_node *b)
{
    uint64_t x = a->load * b->cpus, y = b->load * a->cpus;

    return x < y || (x == y && a->free_kb > b->free_kb);
}

uint32_t placement_choose(const struct numa_node *nodes, unsigned int count, uint64_t kb,
                          unsigned int vcpus)
{
    struct numa_node sum, best = { 0 };
    uint32_t set, chosen = 0;

    for (set = 1; count <= MAX_NODES && set < 1u << count; set++) {
        if (chosen && count_bits(set) > count_bits(chosen))
            continue;
        add_up(nodes, count, set, &sum);
        if (sum.free_kb < kb || sum.cpus < vcpus)
            continue;
        if (!chosen || count_bits(set) < count_bits(chosen) || is_better(&sum, &best)) {
            chosen = set;
            best = sum;
        }
    }
    return chosen;
}

/* ---- what is known of the machine ---- */

struct machine {
    struct numa_node node[MAX_NODES];
    unsigned int count;
    libxl_cputopology *cpu;
    int cpus;
};

static bool runs_on(const struct machine *m, const libxl_vcpuinfo *vcpu, unsigned int node)
{
    for (int i = 0; i < m->cpus; i++)
        if (m->cpu[i].node == node && libxl_bitmap_test(&vcpu->cpumap, i) &&
            libxl_bitmap_test(&vcpu->cpumap_soft, i))
            return true;
    return false;
}

static void add_vcpu(struct machine *m, const libxl_vcpuinfo *vcpu)
{
    uint32_t set = 0;

    for (unsigned int i = 0; i < m->count; i++)
        set |= runs_on(m, vcpu, i) ? 1u << i : 0;
    for (unsigned int i = 0; i < m->count; i++)
        m->node[i].load += set & 1u << i ? SHARES / count_bits(set) : 0;
}

static void add_others(struct op *op, struct machine *m, uint32_t domid)
{
    unsigned int n = 0;
    struct xen_domctl_getdomaininfo *all = domain_list(op, &n);

    for (unsigned int i = 0; all && i < n; i++) {
        int vcpus = 0, cpus;
        libxl_vcpuinfo *list =
            all[i].domain == domid ? NULL : libxl_list_vcpu(op->ctx, all[i].domain, &vcpus, &cpus);

        for (int v = 0; v < vcpus; v++)
            add_vcpu(m, &list[v]);
        if (list)
            libxl_vcpuinfo_list_free(list, vcpus);
    }
}

/* CPUs that the domain's pool has, and that all of its vCPUs may use */
static void add_cpus(struct machine *m, const libxl_cpupoolinfo *pool,
                     const libxl_domain_build_info *b)
{
    for (int i = 0; i < m->cpus; i++) {
        bool usable = m->cpu[i].node < m->count && libxl_bitmap_test(&pool->cpumap, i);

        for (int v = 0; v < b->num_vcpu_hard_affinity && usable; v++)
            usable = libxl_bitmap_test(&b->vcpu_hard_affinity[v], i);
        if (usable)
            m->node[m->cpu[i].node].cpus++;
    }
}

static int look(struct op *op, uint32_t domid, const libxl_domain_config *config, struct machine *m)
{
    libxl_cpupoolinfo pool;
    libxl_numainfo *info;
    int count = 0, rc;

    info = libxl_get_numainfo(op->ctx, &count);
    m->count = count > MAX_NODES ? 0 : (unsigned int)count;
    for (unsigned int i = 0; info && i < m->count; i++)
        m->node[i].free_kb = info[i].free >> 10;
    if (info)
        libxl_numainfo_list_free(info, count);
    if (count > MAX_NODES)
        op_log(op, XTL_WARN, 0,
               "System has %d NUMA nodes, which is too big to place a guest; give it cpus=", count);
    if (m->count < 2)
        return 0;
    libxl_cpupoolinfo_init(&pool);
    rc = libxl_cpupool_info(op->ctx, &pool, config->c_info.poolid);
    m->cpu = rc ? NULL : libxl_get_cpu_topology(op->ctx, &m->cpus);
    if (m->cpu) {
        add_cpus(m, &pool, &config->b_info);
        add_others(op, m, domid);
        libxl_cputopology_list_free(m->cpu, m->cpus);
    }
    libxl_cpupoolinfo_dispose(&pool);
    return m->cpu ? 0 : ERROR_FAIL;
}

/* ---- placing it ---- */

static int apply(struct op *op, uint32_t domid, int vcpus, const libxl_bitmap *nodes,
                 libxl_bitmap *cpus)
{
    int rc = libxl_domain_set_nodeaffinity(op->ctx, domid, (libxl_bitmap *)nodes);

    if (!rc)
        rc = libxl_nodemap_to_cpumap(op->ctx, nodes, cpus);
    for (int i = 0; i < vcpus && !rc; i++)
        rc = libxl_set_vcpuaffinity(op->ctx, domid, (uint32_t)i, NULL, cpus);
    return rc;
}

static int place_on(struct op *op, uint32_t domid, int vcpus, uint32_t set)
{
    libxl_bitmap nodes, cpus;
    int rc;

    libxl_bitmap_init(&nodes);
    libxl_bitmap_init(&cpus);
    rc = libxl_node_bitmap_alloc(op->ctx, &nodes, 0);
    if (!rc)
        rc = libxl_cpu_bitmap_alloc(op->ctx, &cpus, 0);
    for (int i = 0; i < MAX_NODES && !rc; i++) {
        if (set & 1u << i)
            libxl_bitmap_set(&nodes, i);
    }
    if (!rc)
        rc = apply(op, domid, vcpus, &nodes, &cpus);
    libxl_bitmap_dispose(&nodes);
    libxl_bitmap_dispose(&cpus);
    return rc;
}

/* The administrator's word on it goes before a wish for placement. */
static bool is_wanted(struct op *op, const libxl_domain_build_info *b)
{
    bool told = b->cpumap.size || b->nodemap.size || b->num_vcpu_soft_affinity;

    if (told && libxl_defbool_val(b->numa_placement))
        op_log(op, XTL_WARN, 0,
               "It is not placed on nodes of memory: its configuration says where it is to be");
    return !told && libxl_defbool_val(b->numa_placement);
}

int domain_place(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;
    struct machine m = { 0 };
    uint32_t set;
    int rc;

    if (!is_wanted(op, b))
        return 0;
    rc = look(op, domid, config, &m);
    if (rc || m.count < 2)
        return rc;
    set = placement_choose(m.node, m.count, b->target_memkb, (unsigned int)b->max_vcpus);
    if (set)
        return place_on(op, domid, b->max_vcpus, set);
    op_log(op, XTL_INFO, 0, "No nodes of memory have room for all of it; it is not placed");
    return 0;
}
