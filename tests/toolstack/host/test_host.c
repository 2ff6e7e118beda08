/*
 * The host against a hypervisor in memory: two sockets of two CPUs, one pool, a guest of three
 * vCPUs. Ranges are checked before the hypervisor is asked, what cannot be finished is undone, the
 * store and the stored configuration follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../devices/fake.h"
#include "xc/cpupool.h"
#include "xc/domain.h"
#include "xc/host.h"
#include "xc/sched.h"
#include "xc/vcpu.h"

#define NR_CPUS  4
#define NR_POOLS 3
#define FREE     NR_POOLS /* the pool of CPUs that are in none */

/* ---- the hypervisor ---- */

static struct {
    int pool_of[NR_CPUS];
    bool pool_there[NR_POOLS];
    uint32_t scheduler[NR_POOLS], domain_pool;
    uint64_t max_kb, pages;
    struct xen_domctl_sched_rtds rtds[3];
    uint16_t weight, cap;
    uint8_t hard, soft;
    int bad_cpu; /* no pool takes it */
} hv;

static int setup(void **state)
{
    (void)state;
    fake_reset();
    memset(&hv, 0, sizeof(hv));
    hv.pool_there[0] = true;
    hv.scheduler[0] = XEN_SCHEDULER_CREDIT2;
    hv.pages = 32768;
    hv.weight = 256;
    hv.hard = hv.soft = 0xf;
    hv.bad_cpu = -1;
    for (int i = 0; i < 3; i++)
        hv.rtds[i] = (struct xen_domctl_sched_rtds){ 10000, 4000, 0 };
    fake_set("/local/domain/1/memory/target", "131072");
    fake_set("/local/domain/1/memory/static-max", "163840");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

int xc_physinfo(struct xc *xc, struct xen_sysctl_physinfo *info)
{
    (void)xc;
    *info = (struct xen_sysctl_physinfo){ .nr_cpus = NR_CPUS,
                                          .free_pages = 1000,
                                          .capabilities = XEN_SYSCTL_PHYSCAP_pv };
    return 0;
}

long xc_memory_op(struct xc *xc, unsigned int cmd, void *arg, size_t size)
{
    (void)xc;
    (void)cmd;
    (void)arg;
    (void)size;
    return -ENOSYS;
}

int xc_cpu_topology(struct xc *xc, struct xen_sysctl_cputopo *topology, unsigned int *count)
{
    (void)xc;
    for (unsigned int i = 0; topology && i < *count && i < NR_CPUS; i++)
        topology[i] = (struct xen_sysctl_cputopo){ i, i / 2, i / 2 };
    *count = NR_CPUS;
    return 0;
}

int xc_numa_info(struct xc *xc, struct xen_sysctl_meminfo *memory, uint32_t *distance,
                 unsigned int *count)
{
    (void)xc;
    (void)memory;
    (void)distance;
    *count = 2;
    return 0;
}

int xc_pci_topology(struct xc *xc, const struct physdev_pci_device *devices, uint32_t *nodes,
                    unsigned int count)
{
    (void)xc;
    (void)devices;
    (void)nodes;
    (void)count;
    return -ENODEV;
}

int domain_info(struct op *op, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    (void)op;
    if (domid > 1)
        return ERROR_DOMAIN_NOTFOUND;
    *info = (struct xen_domctl_getdomaininfo){ .domain = (domid_t)domid,
                                               .max_vcpu_id = 2,
                                               .tot_pages = hv.pages,
                                               .max_pages = UINT32_MAX,
                                               .cpupool = hv.domain_pool };
    return 0;
}

int xc_domain_max_memory(struct xc *xc, uint32_t domid, uint64_t kb)
{
    (void)xc;
    (void)domid;
    hv.max_kb = kb;
    return 0;
}

int xc_domain_set_node_affinity(struct xc *xc, uint32_t domid, const uint8_t *nodes,
                                unsigned int bits)
{
    (void)xc;
    (void)domid;
    return bits && *nodes ? 0 : -EINVAL;
}

int xc_domain_get_node_affinity(struct xc *xc, uint32_t domid, uint8_t *nodes, unsigned int bits)
{
    (void)xc;
    (void)domid;
    memset(nodes, 3, bits / 8);
    return 0;
}

int xc_vcpu_info(struct xc *xc, uint32_t domid, unsigned int vcpu,
                 struct xen_domctl_getvcpuinfo *info)
{
    (void)xc;
    (void)domid;
    *info = (struct xen_domctl_getvcpuinfo){ .vcpu = vcpu, .online = vcpu < 2, .cpu_time = vcpu };
    return 0;
}

int xc_vcpu_get_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft)
{
    (void)xc;
    (void)domid;
    (void)vcpu;
    (void)bits;
    *hard = hv.hard;
    *soft = hv.soft;
    return 0;
}

int xc_vcpu_set_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft, uint32_t flags)
{
    (void)xc;
    (void)domid;
    (void)bits;
    (void)flags;
    if (vcpu > 2)
        return -EINVAL;
    if (hard)
        hv.hard = *hard;
    if (soft)
        hv.soft = *soft;
    return 0;
}

int xc_cpupool_create(struct xc *xc, uint32_t *id, uint32_t scheduler)
{
    (void)xc;
    for (*id = 0; *id < NR_POOLS && hv.pool_there[*id]; ++*id)
        ;
    if (*id == NR_POOLS)
        return -ENOSPC;
    hv.pool_there[*id] = true;
    hv.scheduler[*id] = scheduler;
    return 0;
}

int xc_cpupool_destroy(struct xc *xc, uint32_t id)
{
    (void)xc;
    for (int i = 0; i < NR_CPUS; i++)
        if (hv.pool_of[i] == (int)id)
            return -EBUSY;
    hv.pool_there[id] = false;
    return 0;
}

int xc_cpupool_info(struct xc *xc, uint32_t id, struct xc_cpupool *pool, uint8_t *cpus,
                    unsigned int bits)
{
    (void)xc;
    (void)bits;
    while (id < NR_POOLS && !hv.pool_there[id])
        id++;
    if (id >= NR_POOLS)
        return -ENOENT;
    *pool = (struct xc_cpupool){ id, hv.scheduler[id], hv.domain_pool == id };
    for (int i = 0; i < NR_CPUS; i++)
        *cpus |= (uint8_t)((hv.pool_of[i] == (int)id) << i);
    return 0;
}

int xc_cpupool_add_cpu(struct xc *xc, uint32_t id, uint32_t cpu)
{
    (void)xc;
    if (cpu >= NR_CPUS || hv.pool_of[cpu] != FREE || (int)cpu == hv.bad_cpu)
        return -EBUSY;
    hv.pool_of[cpu] = (int)id;
    return 0;
}

int xc_cpupool_remove_cpu(struct xc *xc, uint32_t id, uint32_t cpu)
{
    (void)xc;
    if (cpu >= NR_CPUS || hv.pool_of[cpu] != (int)id)
        return -ENOENT;
    hv.pool_of[cpu] = FREE;
    return 0;
}

int xc_cpupool_move_domain(struct xc *xc, uint32_t id, uint32_t domid)
{
    (void)xc;
    (void)domid;
    hv.domain_pool = id;
    return hv.pool_there[id] ? 0 : -ENOENT;
}

int xc_cpupool_free_cpus(struct xc *xc, uint8_t *cpus, unsigned int bits)
{
    (void)xc;
    (void)bits;
    for (int i = 0; i < NR_CPUS; i++)
        *cpus |= (uint8_t)((hv.pool_of[i] == FREE) << i);
    return 0;
}

int xc_sched_id(struct xc *xc)
{
    (void)xc;
    return XEN_SCHEDULER_CREDIT2;
}

int xc_sched_pool(struct xc *xc, uint32_t cmd, struct xen_sysctl_scheduler_op *op)
{
    (void)xc;
    (void)cmd;
    return op->sched_id == hv.scheduler[op->cpupool_id] ? 0 : -EINVAL;
}

int xc_sched_domain(struct xc *xc, uint32_t domid, uint32_t cmd, struct xen_domctl_scheduler_op *op)
{
    (void)xc;
    (void)domid;
    if (op->sched_id == XEN_SCHEDULER_RTDS) {
        if (cmd == XEN_DOMCTL_SCHEDOP_putinfo)
            hv.rtds[0] = op->u.rtds;
        op->u.rtds = hv.rtds[0];
        return 0;
    }
    if (cmd == XEN_DOMCTL_SCHEDOP_putinfo) {
        hv.weight = op->u.credit2.weight;
        hv.cap = op->u.credit2.cap;
    }
    op->u.credit2.weight = hv.weight;
    op->u.credit2.cap = hv.cap;
    return 0;
}

int xc_sched_vcpus(struct xc *xc, uint32_t domid, uint32_t cmd, uint32_t scheduler,
                   struct xen_domctl_schedparam_vcpu *vcpus, unsigned int count)
{
    (void)xc;
    (void)domid;
    (void)scheduler;
    for (unsigned int i = 0; i < count; i++) {
        if (cmd == XEN_DOMCTL_SCHEDOP_putvcpuinfo)
            hv.rtds[vcpus[i].vcpuid] = vcpus[i].u.rtds;
        vcpus[i].u.rtds = hv.rtds[vcpus[i].vcpuid];
    }
    return 0;
}

/* ---- memory ---- */

static void targets_of_memory(void **state)
{
    uint64_t kb;

    (void)state;
    assert_int_equal(libxl_set_memory_target(fake_ctx, 1, 112640, 0, 1), 0);
    assert_string_equal(fake_value("/local/domain/1/memory/target"), "112640");
    assert_string_equal(fake_value("/vm/00000000-0000-0000-0000-000000000000/memory"), "110");
    assert_int_equal(hv.max_kb, 112640 + 1024);
    assert_int_equal(libxl_set_memory_target(fake_ctx, 1, 1024, 1, 0), 0);
    assert_int_equal(libxl_get_memory_target(fake_ctx, 1, &kb), 0);
    assert_int_equal(kb, 113664);
    assert_int_equal(hv.max_kb, 112640 + 1024);
    assert_int_equal(libxl_set_memory_target(fake_ctx, 1, 163841, 0, 1), ERROR_INVAL);
    assert_int_equal(libxl_set_memory_target(fake_ctx, 1, -200000, 1, 1), ERROR_INVAL);
    assert_int_equal(libxl_set_memory_target(fake_ctx, 2, 100000, 0, 1), ERROR_FAIL);
    assert_int_equal(libxl_get_memory_target(fake_ctx, 1, &kb), 0);
    assert_int_equal(kb, 113664);

    assert_int_equal(libxl_domain_setmaxmem(fake_ctx, 1, 100000), ERROR_FAIL);
    assert_int_equal(libxl_domain_setmaxmem(fake_ctx, 1, 204800), 0);
    assert_string_equal(fake_value("/local/domain/1/memory/static-max"), "204800");
}

/* Nobody made dom0's nodes before somebody asks */
static void memory_of_dom0(void **state)
{
    uint64_t kb;

    (void)state;
    assert_int_equal(libxl_get_memory_target(fake_ctx, 0, &kb), 0);
    assert_int_equal(kb, 131072);
    assert_string_equal(fake_value("/local/domain/0/memory/static-max"), "131072");
    assert_int_equal(libxl_set_memory_target(fake_ctx, 0, 100 * 1024, 0, 1), ERROR_INVAL);
    assert_string_equal(fake_value("/local/domain/0/memory/target"), "131072");
}

static void waiting_for_memory(void **state)
{
    uint64_t kb;

    (void)state;
    assert_int_equal(libxl_get_free_memory(fake_ctx, &kb), 0);
    assert_int_equal(kb, 4000);
    assert_int_equal(libxl_wait_for_free_memory(fake_ctx, 1, 4000, 1), 0);
    assert_int_equal(libxl_wait_for_free_memory(fake_ctx, 1, 4001, 1), ERROR_NOMEM);
    assert_int_equal(libxl_wait_for_memory_target(fake_ctx, 1, 1), 0);
    hv.pages++;
    assert_int_equal(libxl_wait_for_memory_target(fake_ctx, 1, 1), ERROR_FAIL);
}

/* ---- vCPUs ---- */

static void vcpus_of_a_guest(void **state)
{
    libxl_vcpuinfo *list;
    libxl_bitmap map;
    int count, cpus;

    (void)state;
    list = libxl_list_vcpu(fake_ctx, 1, &count, &cpus);
    assert_int_equal(count, 3);
    assert_int_equal(cpus, NR_CPUS);
    assert_true(list[1].online && !list[2].online);
    libxl_vcpuinfo_list_free(list, count);
    assert_null(libxl_list_vcpu(fake_ctx, 9, &count, &cpus));

    libxl_bitmap_init(&map);
    assert_int_equal(libxl_cpu_bitmap_alloc(fake_ctx, &map, 0), 0);
    libxl_bitmap_set(&map, 1);
    assert_int_equal(libxl_set_vcpuaffinity(fake_ctx, 1, 0, &map, NULL), 0);
    assert_int_equal(hv.hard, 2);
    assert_int_equal(hv.soft, 0xf);
    assert_int_equal(libxl_set_vcpuaffinity(fake_ctx, 1, 0, NULL, NULL), ERROR_INVAL);
    assert_int_not_equal(libxl_set_vcpuaffinity_all(fake_ctx, 1, 9, NULL, &map), 0);
    assert_int_equal(hv.soft, 2);

    assert_int_equal(libxl_set_vcpuonline(fake_ctx, 1, &map, NULL), 0);
    assert_string_equal(fake_value("/local/domain/1/cpu/0/availability"), "offline");
    assert_string_equal(fake_value("/local/domain/1/cpu/1/availability"), "online");
    libxl_bitmap_set_any(&map);
    assert_int_equal(libxl_set_vcpuonline(fake_ctx, 1, &map, NULL), ERROR_FAIL);
    libxl_bitmap_set_none(&map);
    assert_int_equal(libxl_set_vcpuonline(fake_ctx, 1, &map, NULL), ERROR_INVAL);
    libxl_bitmap_dispose(&map);
}

static void maps_of_the_host(void **state)
{
    libxl_bitmap cpus, nodes;

    (void)state;
    libxl_bitmap_init(&cpus);
    libxl_bitmap_init(&nodes);
    assert_int_equal(libxl_cpu_bitmap_alloc(fake_ctx, &cpus, 0), 0);
    assert_int_equal(libxl_node_bitmap_alloc(fake_ctx, &nodes, 0), 0);
    assert_int_equal(libxl_node_to_cpumap(fake_ctx, 1, &cpus), 0);
    assert_int_equal(*cpus.map, 0xc);
    assert_int_equal(libxl_cpumap_to_nodemap(fake_ctx, &cpus, &nodes), 0);
    assert_int_equal(*nodes.map, 2);
    assert_int_equal(libxl_nodemap_to_cpumap(fake_ctx, &nodes, &cpus), 0);
    assert_int_equal(*cpus.map, 0xc);
    assert_int_equal(libxl_get_online_socketmap(fake_ctx, &nodes), 0);
    assert_int_equal(*nodes.map, 3);
    libxl_bitmap_dispose(&cpus);
    libxl_bitmap_dispose(&nodes);
}

/* ---- schedulers ---- */

static void weights_and_caps(void **state)
{
    libxl_domain_sched_params p;
    libxl_vcpu_sched_params v = { 0 };

    (void)state;
    libxl_domain_sched_params_init(&p);
    p.cap = 150;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), 0);
    assert_int_equal(hv.cap, 150);
    assert_int_equal(hv.weight, 256);
    p.cap = 301;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), ERROR_INVAL);
    p.cap = LIBXL_DOMAIN_SCHED_PARAM_CAP_DEFAULT;
    p.weight = 0;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), ERROR_INVAL);
    p.weight = 65535;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), 0);
    libxl_domain_sched_params_dispose(&p);
    assert_int_equal(libxl_domain_sched_params_get(fake_ctx, 1, &p), 0);
    assert_int_equal(p.sched, LIBXL_SCHEDULER_CREDIT2);
    assert_int_equal(p.weight, 65535);
    assert_int_equal(p.cap, 150);
    assert_int_equal(libxl_vcpu_sched_params_get_all(fake_ctx, 1, &v), ERROR_INVAL);
    assert_int_equal(libxl_domain_sched_params_get(fake_ctx, 9, &p), ERROR_DOMAIN_NOTFOUND);
}

static void periods_and_budgets(void **state)
{
    libxl_vcpu_sched_params v;
    libxl_domain_sched_params p;

    (void)state;
    hv.scheduler[0] = XEN_SCHEDULER_RTDS;
    libxl_domain_sched_params_init(&p);
    p.period = 3000;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), ERROR_INVAL);
    p.budget = 3000;
    assert_int_equal(libxl_domain_sched_params_set(fake_ctx, 1, &p), 0);

    libxl_vcpu_sched_params_init(&v);
    v.num_vcpus = 1;
    v.vcpus = calloc(1, sizeof(*v.vcpus));
    libxl_sched_params_init(v.vcpus);
    v.vcpus->vcpuid = 2;
    v.vcpus->budget = 5000;
    assert_int_equal(libxl_vcpu_sched_params_set(fake_ctx, 1, &v), 0);
    assert_int_equal(hv.rtds[2].budget, 5000);
    assert_int_equal(hv.rtds[1].budget, 4000);
    assert_int_equal(libxl_vcpu_sched_params_set_all(fake_ctx, 1, &v), ERROR_INVAL);
    v.vcpus->budget = 2000;
    assert_int_equal(libxl_vcpu_sched_params_set_all(fake_ctx, 1, &v), 0);
    assert_int_equal(hv.rtds[1].budget, 2000);
    v.vcpus->vcpuid = 3;
    assert_int_equal(libxl_vcpu_sched_params_set(fake_ctx, 1, &v), ERROR_INVAL);
    libxl_vcpu_sched_params_dispose(&v);
    libxl_vcpu_sched_params_init(&v);
    assert_int_equal(libxl_vcpu_sched_params_get_all(fake_ctx, 1, &v), 0);
    assert_int_equal(v.num_vcpus, 3);
    assert_int_equal(v.vcpus[2].budget, 2000);
    libxl_vcpu_sched_params_dispose(&v);
}

static void limits_of_rates(void **state)
{
    libxl_sched_credit2_params p = { .ratelimit_us = 99 };

    (void)state;
    assert_int_equal(libxl_sched_credit2_params_set(fake_ctx, 0, &p), ERROR_INVAL);
    p.ratelimit_us = 0;
    assert_int_equal(libxl_sched_credit2_params_set(fake_ctx, 0, &p), 0);
    p.ratelimit_us = 500001;
    assert_int_equal(libxl_sched_credit2_params_set(fake_ctx, 0, &p), ERROR_INVAL);
}

/* ---- pools ---- */

static void pools_of_cpus(void **state)
{
    libxl_bitmap map;
    libxl_uuid uuid = { { 1 } };
    uint32_t id = LIBXL_CPUPOOL_POOLID_ANY;
    int cpus, was_name;
    char *name;

    (void)state;
    libxl_bitmap_init(&map);
    assert_int_equal(libxl_cpupool_cpuremove_node(fake_ctx, 0, 1, &cpus), 0);
    assert_int_equal(cpus, 2);
    assert_int_equal(libxl_get_freecpus(fake_ctx, &map), 0);
    assert_int_equal(*map.map, 0xc);

    /* One of the CPUs is not to be had: all is as before */
    hv.bad_cpu = 3;
    assert_int_not_equal(
        libxl_cpupool_create(fake_ctx, "two", LIBXL_SCHEDULER_CREDIT, map, &uuid, &id), 0);
    assert_false(hv.pool_there[1]);
    assert_int_equal(hv.pool_of[2], FREE);
    assert_string_equal(fake_value("/local/pool/1/name"), "");
    hv.bad_cpu = -1;
    id = LIBXL_CPUPOOL_POOLID_ANY;
    assert_int_equal(libxl_cpupool_create(fake_ctx, "two", LIBXL_SCHEDULER_CREDIT, map, &uuid, &id),
                     0);
    assert_int_equal(id, 1);
    assert_string_equal(fake_value("/local/pool/1/name"), "two");
    assert_int_equal(libxl_cpupool_rename(fake_ctx, "zwei", 1), 0);
    assert_int_equal(libxl_name_to_cpupoolid(fake_ctx, "zwei", &id), 0);
    assert_int_equal(libxl_name_to_cpupoolid(fake_ctx, "two", &id), ERROR_INVAL);
    assert_int_equal(libxl_cpupool_qualifier_to_cpupoolid(fake_ctx, "1", &id, &was_name), 0);
    assert_int_equal(was_name, 0);
    assert_int_equal(libxl_cpupool_rename(fake_ctx, "none", 2), ERROR_FAIL);
    name = libxl_cpupoolid_to_name(fake_ctx, 0);
    assert_string_equal(name, "Pool-0");
    free(name);

    assert_int_equal(libxl_cpupool_movedomain(fake_ctx, 1, 1), 0);
    assert_int_equal(libxl_cpupool_destroy(fake_ctx, 1), ERROR_INVAL);
    assert_true(hv.pool_there[1]);
    assert_int_equal(libxl_cpupool_movedomain(fake_ctx, 0, 1), 0);
    assert_int_equal(libxl_cpupool_destroy(fake_ctx, 1), 0);
    assert_string_equal(fake_value("/local/pool/1/name"), "");
    assert_int_equal(libxl_cpupoolid_is_valid(fake_ctx, 1), 0);
    assert_int_equal(libxl_cpupool_cpuadd_node(fake_ctx, 0, 1, &cpus), 0);
    assert_int_equal(cpus, 2);
    libxl_bitmap_dispose(&map);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(targets_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_of_dom0, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_for_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(vcpus_of_a_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(maps_of_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_and_caps, setup, teardown),
        cmocka_unit_test_setup_teardown(periods_and_budgets, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_of_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(pools_of_cpus, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
