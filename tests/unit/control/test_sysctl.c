/* sysctl: who may, what is told, and that nothing beyond what the caller asked for is written. */
#include "machine.h"
#include "../fake/hv.h"

static void refused(void **state)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_sched_id,
                             .interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1 };

    (void)state;
    assert_int_equal(do_sysctl(G(&op)), -EACCES);
    assert_int_equal(do_sysctl(BAD_POINTER), -EFAULT);
    assert_int_equal(call_sysctl(0, &op), -ENOSYS);
    assert_int_equal(call_sysctl(XEN_SYSCTL_perfc_op, &op), -ENOSYS);
    assert_int_equal(call_sysctl(NR_SYSCTLS, &op), -ENOSYS);
    assert_int_equal(call_sysctl(UINT32_MAX, &op), -ENOSYS);
    world_be(dom1, 0);
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id, &op), -EPERM);
    assert_int_equal(do_sysctl(BAD_POINTER), -EPERM);
}

static void answer_cannot_be_written(void **state)
{
    struct xen_sysctl op = { 0 };

    (void)state;
    world.copies_to_before_fault = 0;
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id, &op), -EFAULT);
    assert_int_equal(op.u.sched_id.sched_id, 0);
    world.copies_to_before_fault = -1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id, &op), 0);
    assert_int_equal(op.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
}

static void console_is_read(void **state)
{
    struct xen_sysctl op = { 0 };
    struct xen_sysctl_readconsole *r = &op.u.readconsole;

    (void)state;
    r->buffer.p = (char *)guest_buffer;
    r->count = 8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_readconsole, &op), 0);
    assert_int_equal(r->count, 8);
    assert_int_equal(r->index, RING_START + 8);
    assert_memory_equal(guest_buffer, "the last\xaa", 9);
    assert_int_equal(ring_cleared, 0);

    r->incremental = r->clear = 1;
    r->count = sizeof(guest_buffer);
    assert_int_equal(call_sysctl(XEN_SYSCTL_readconsole, &op), 0);
    assert_int_equal(r->count, strlen(ring) - 8);
    assert_memory_equal(guest_buffer, ring + 8, r->count);
    assert_int_equal(guest_buffer[r->count], 0xaa);
    assert_int_equal(ring_cleared, RING_START + strlen(ring));

    /* Somebody else's memory: nothing is forgotten. */
    ring_cleared = 0;
    r->incremental = 0;
    r->count = 4;
    r->buffer.p = (char *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_readconsole, &op), -EFAULT);
    assert_int_equal(ring_cleared, 0);
}

static void keys(void **state)
{
    struct xen_sysctl op = { .u.debug_keys = { .keys = { "hr" }, .nr_keys = 2 } };

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_debug_keys, &op), 0);
    assert_string_equal(keys_run, "hr");
    op.u.debug_keys.nr_keys = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_debug_keys, &op), -E2BIG);
    op.u.debug_keys.nr_keys = 1;
    op.u.debug_keys.keys.p = (const char *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_debug_keys, &op), -EFAULT);
    assert_string_equal(keys_run, "hr");
}

static void machine(void **state)
{
    struct xen_sysctl op;
    const struct xen_sysctl_physinfo *p = &op.u.physinfo;

    (void)state;
    memset(&op, 0xaa, sizeof(op));
    assert_int_equal(call_sysctl(XEN_SYSCTL_physinfo, &op), 0);
    assert_int_equal(p->nr_cpus, 3);
    assert_int_equal(p->max_cpu_id, 3);
    assert_int_equal(p->threads_per_core, 2);
    assert_int_equal(p->cores_per_socket, 1); /* of the second, one thread is missing */
    assert_int_equal(p->nr_nodes, 2);
    assert_int_equal(p->max_node_id, NR_NODES - 1);
    assert_int_equal(p->cpu_khz, 1234);
    assert_int_equal(p->total_pages, 201);
    assert_int_equal(p->free_pages, 21);
    assert_int_equal(p->max_mfn, 0xfff);
    assert_int_equal(p->pad, 0);
    assert_int_equal(p->scrub_pages, 0);
}

static void free_memory(void **state)
{
    struct xen_sysctl op = { .u.availheap = { .node = -1 } };
    struct xen_sysctl_availheap *h = &op.u.availheap;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_availheap, &op), 0);
    assert_int_equal(h->avail_bytes, 21 * PAGE_SIZE);
    h->node = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_availheap, &op), 0);
    assert_int_equal(h->avail_bytes, 11 * PAGE_SIZE);
    h->node = 2;
    assert_int_equal(call_sysctl(XEN_SYSCTL_availheap, &op), 0);
    assert_int_equal(h->avail_bytes, 0);
    h->node = INT32_MIN;
    assert_int_equal(call_sysctl(XEN_SYSCTL_availheap, &op), 0);
    assert_int_equal(h->avail_bytes, 0);
    h->node = 0;
    h->max_bitwidth = 32;
    assert_int_equal(call_sysctl(XEN_SYSCTL_availheap, &op), -EOPNOTSUPP);
}

static void idle_times(void **state)
{
    static const uint64_t expected[] = { IDLE_NS, 2 * IDLE_NS, 0, 4 * IDLE_NS };
    struct xen_sysctl op = { .u.getcpuinfo = { .max_cpus = UINT32_MAX } };
    struct xen_sysctl_getcpuinfo *g = &op.u.getcpuinfo;

    (void)state;
    g->info.p = (void *)guest_buffer;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getcpuinfo, &op), 0);
    assert_int_equal(g->nr_cpus, 4);
    assert_memory_equal(guest_buffer, expected, sizeof(expected));
    assert_int_equal(guest_buffer[sizeof(expected)], 0xaa);
    g->max_cpus = 1;
    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    assert_int_equal(call_sysctl(XEN_SYSCTL_getcpuinfo, &op), 0);
    assert_int_equal(g->nr_cpus, 1);
    assert_int_equal(guest_buffer[8], 0xaa);
    g->info.p = (void *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getcpuinfo, &op), -EFAULT);
}

static void topology(void **state)
{
    const xen_sysctl_cputopo_t *topo = (const void *)guest_buffer;
    struct xen_sysctl op = { 0 };
    struct xen_sysctl_cputopoinfo *t = &op.u.cputopoinfo;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo, &op), 0);
    assert_int_equal(t->num_cpus, 4);
    t->cputopo.p = (void *)guest_buffer;
    t->num_cpus = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo, &op), 0);
    assert_int_equal(t->num_cpus, 4);
    assert_int_equal(topo[1].core, 0);
    assert_int_equal(topo[2].core, XEN_INVALID_CORE_ID);
    assert_int_equal(topo[2].node, XEN_INVALID_NODE_ID);
    assert_int_equal(topo[3].core, 1);
    assert_int_equal(topo[3].node, 1);
    assert_int_equal(guest_buffer[4 * sizeof(*topo)], 0xaa);

    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    t->num_cpus = 3;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo, &op), 0);
    assert_int_equal(t->num_cpus, 4);
    assert_int_equal(guest_buffer[3 * sizeof(*topo)], 0xaa);
    t->cputopo.p = (void *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo, &op), -EFAULT);
}

static void nodes(void **state)
{
    static const xen_sysctl_meminfo_t memory[] = { { 100 * PAGE_SIZE, 10 * PAGE_SIZE },
                                                   { 101 * PAGE_SIZE, 11 * PAGE_SIZE } };
    static const uint32_t distance[] = { 10, 21, 20, 10 };
    struct xen_sysctl op = { 0 };
    struct xen_sysctl_numainfo *n = &op.u.numainfo;
    uint8_t *distances = guest_buffer + PAGE_SIZE;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo, &op), 0);
    assert_int_equal(n->num_nodes, 2);
    n->meminfo.p = (void *)guest_buffer;
    n->distance.p = (void *)distances;
    n->num_nodes = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo, &op), 0);
    assert_int_equal(n->num_nodes, 2);
    assert_memory_equal(guest_buffer, memory, sizeof(memory));
    assert_memory_equal(distances, distance, sizeof(distance));
    assert_int_equal(guest_buffer[sizeof(memory)], 0xaa);
    assert_int_equal(distances[sizeof(distance)], 0xaa);

    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    n->num_nodes = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo, &op), 0);
    assert_int_equal(n->num_nodes, 2);
    assert_int_equal(guest_buffer[sizeof(memory[0])], 0xaa);
    assert_int_equal(distances[4], 0xaa); /* the caller has room for one */
    n->meminfo.p = (void *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo, &op), -EFAULT);
    n->meminfo.p = NULL;
    n->distance.p = (void *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo, &op), -EFAULT);
}

static void domains(void **state)
{
    const xen_domctl_getdomaininfo_t *info = (const void *)guest_buffer;
    struct xen_sysctl op = { .u.getdomaininfolist = { .max_domains = UINT32_MAX } };
    struct xen_sysctl_getdomaininfolist *l = &op.u.getdomaininfolist;

    (void)state;
    l->buffer.p = (void *)guest_buffer;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist, &op), 0);
    assert_int_equal(l->num_domains, 3);
    assert_int_equal(info[0].domain, 0);
    assert_int_equal(info[1].domain, 1);
    assert_int_equal(info[1].tot_pages, 101);
    assert_int_equal(info[2].domain, 3);
    assert_int_equal(info[2].pad1, 0);
    assert_int_equal(guest_buffer[3 * sizeof(*info)], 0xaa);

    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    l->first_domain = 2;
    l->max_domains = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist, &op), 0);
    assert_int_equal(l->num_domains, 1);
    assert_int_equal(info[0].domain, 3);
    assert_int_equal(guest_buffer[sizeof(*info)], 0xaa);
    l->first_domain = 4;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist, &op), 0);
    assert_int_equal(l->num_domains, 0);
    l->first_domain = 0;
    l->buffer.p = (void *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist, &op), -EFAULT);
}

static void pools(void **state)
{
    struct xen_sysctl op = { .u.cpupool_op = { .op = XEN_SYSCTL_CPUPOOL_OP_INFO } };
    struct xen_sysctl_cpupool_op *p = &op.u.cpupool_op;

    (void)state;
    p->cpumap.bitmap.p = guest_buffer;
    p->cpumap.nr_bits = 8 * 40;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), 0);
    assert_int_equal(p->sched_id, XEN_SCHEDULER_CREDIT2);
    assert_int_equal(p->n_dom, 3);
    assert_int_equal(guest_buffer[0], 0xb);
    for (unsigned int i = 1; i < 40; i++)
        assert_int_equal(guest_buffer[i], 0);
    assert_int_equal(guest_buffer[40], 0xaa);

    p->op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    p->cpumap.nr_bits = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), 0);
    assert_int_equal(guest_buffer[0], 0);
    assert_int_equal(guest_buffer[40], 0xaa);
    p->cpumap.nr_bits = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), -E2BIG);
    p->cpumap.nr_bits = 8;
    p->cpumap.bitmap.p = (uint8_t *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), -EFAULT);

    p->op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    p->cpupool_id = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), -ENOENT);
    p->op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO + 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), -ENOSYS);
}

static long pool_op(uint32_t what, uint32_t pool, uint32_t cpu, uint32_t domid)
{
    struct xen_sysctl op = { .u.cpupool_op = {
                                 .op = what, .cpupool_id = pool, .cpu = cpu, .domid = domid } };

    return call_sysctl(XEN_SYSCTL_cpupool_op, &op);
}

#define CREATE(pool)       pool_op(XEN_SYSCTL_CPUPOOL_OP_CREATE, pool, 0, 0)
#define DESTROY(pool)      pool_op(XEN_SYSCTL_CPUPOOL_OP_DESTROY, pool, 0, 0)
#define ADD(pool, cpu)     pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, pool, cpu, 0)
#define REMOVE(pool, cpu)  pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, pool, cpu, 0)
#define MOVE(domain, pool) pool_op(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, pool, 0, domain)
#define ANY                XEN_SYSCTL_CPUPOOL_PAR_ANY

static uint32_t create_pool(uint32_t id)
{
    struct xen_sysctl op = { .u.cpupool_op = { .op = XEN_SYSCTL_CPUPOOL_OP_CREATE,
                                               .cpupool_id = id,
                                               .sched_id = XEN_SCHEDULER_CREDIT2 } };

    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), 0);
    return op.u.cpupool_op.cpupool_id;
}

/* CPUs 0, 1 and 3; domains 0, 1 and 3, of which domain 0 asks. */
static void pools_change(void **state)
{
    struct xen_domctl info;

    (void)state;
    assert_int_equal(CREATE(5), -ENOSPC); /* no such scheduler */
    assert_int_equal(create_pool(ANY), 1);
    assert_int_equal(create_pool(3), 3);
    assert_int_equal(create_pool(ANY), 4);
    assert_int_equal(create_pool(2), 2);
    for (uint32_t id = 0; id < 5; id++) {
        struct xen_sysctl op = { .u.cpupool_op = { .op = XEN_SYSCTL_CPUPOOL_OP_CREATE,
                                                   .cpupool_id = id,
                                                   .sched_id = XEN_SCHEDULER_CREDIT2 } };

        assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op, &op), -EEXIST);
    }

    assert_int_equal(ADD(1, 1), -ENODEV); /* not free */
    assert_int_equal(ADD(1, 2), -ENODEV); /* not online */
    assert_int_equal(ADD(1, 4), -EINVAL); /* not there */
    assert_int_equal(ADD(1, ANY), -ENODEV);
    assert_int_equal(REMOVE(9, 1), -ENOENT);
    assert_int_equal(REMOVE(0, 4), -EINVAL);
    assert_int_equal(REMOVE(0, 2), -EADDRNOTAVAIL);
    assert_int_equal(REMOVE(1, 1), -EADDRNOTAVAIL);
    assert_int_equal(REMOVE(1, ANY), -EADDRNOTAVAIL);
    assert_int_equal(REMOVE(0, 1), 0);
    assert_int_equal(moved_vcpus, 6);
    assert_int_equal(ADD(9, 1), -ENOENT);
    assert_int_equal(MOVE(1, 1), -ENODEV);
    assert_int_equal(ADD(1, ANY), 0);
    assert_int_equal(REMOVE(0, ANY), 0);     /* 3 */
    assert_int_equal(REMOVE(0, 0), -EINVAL); /* the last one */

    assert_int_equal(MOVE(0, 1), -EPERM);
    assert_int_equal(MOVE(2, 1), -ESRCH);
    assert_int_equal(MOVE(DOMID_SELF, 1), -ESRCH);
    assert_int_equal(MOVE(1 << 20, 1), -ESRCH);
    assert_int_equal(MOVE(1, 9), -ENOENT);
    assert_int_equal(MOVE(1, 1), 0);
    assert_int_equal(MOVE(1, 1), 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &info), 0);
    assert_int_equal(info.u.getdomaininfo.cpupool, 1);
    assert_int_equal(REMOVE(1, 1), -EBUSY);
    assert_int_equal(DESTROY(1), -EBUSY);
    assert_int_equal(DESTROY(9), -ENOENT);
    assert_int_equal(DESTROY(0), -EBUSY);

    dom1->vcpu[2]->sched->pinned = true;
    assert_int_equal(MOVE(1, 0), -EBUSY);
    dom1->vcpu[2]->hard_affinity = cpumask_of(1);
    assert_int_equal(ADD(1, 3), 0);
    assert_int_equal(REMOVE(1, 1), -EADDRINUSE);
    assert_int_equal(REMOVE(1, 3), 0);
    dom1->vcpu[2]->sched->pinned = false;

    dom1->is_dying = true; /* goes to pool 0 by itself */
    assert_int_equal(REMOVE(1, 1), 0);
    assert_ptr_equal(dom1->sched->pool, &cpupool0);
    for (uint32_t id = 1; id < 5; id++)
        assert_int_equal(DESTROY(id), 0);
    assert_int_equal(fake_alloc_live, 0);
}

static void a_new_domain_enters_a_pool(void **state)
{
    (void)state;
    assert_int_equal(cpupool_add_domain(dom3, 7), -ENOENT);
    assert_int_equal(create_pool(7), 7);
    assert_int_equal(cpupool_add_domain(dom3, 7), -ENODEV);
    assert_int_equal(REMOVE(0, 3), 0);
    assert_int_equal(ADD(7, 3), 0);
    assert_int_equal(cpupool_add_domain(dom3, 7), 0);
    assert_int_equal(cpupool_of(dom3), 7);
    assert_int_equal(cpupool_add_domain(dom3, 0), 0);
    assert_int_equal(REMOVE(7, 3), 0);
    assert_int_equal(DESTROY(7), 0);
}

static void parameters(void **state)
{
    struct xen_sysctl op = { .u.scheduler_op = { .sched_id = XEN_SCHEDULER_CREDIT2,
                                                 .cmd = XEN_SYSCTL_SCHEDOP_getinfo } };
    struct xen_sysctl_scheduler_op *s = &op.u.scheduler_op;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), 0);
    assert_int_equal(s->u.sched_credit2.ratelimit_us, 1000);
    s->cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    s->u.sched_credit2.ratelimit_us = XEN_SYSCTL_SCHED_RATELIMIT_MIN - 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), -EINVAL);
    s->u.sched_credit2.ratelimit_us = XEN_SYSCTL_SCHED_RATELIMIT_MAX + 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), -EINVAL);
    assert_int_equal(cpupool0.ratelimit_us, 1000);
    s->u.sched_credit2.ratelimit_us = 0;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), 0);
    assert_int_equal(cpupool0.ratelimit_us, 0);
    s->sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), -EINVAL);
    s->cpupool_id = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), -ESRCH);
    s->cmd = 2;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op, &op), -EINVAL);
}

static long hotplug(uint32_t what, uint32_t cpu)
{
    struct xen_sysctl op = { .u.cpu_hotplug = { .op = what, .cpu = cpu } };

    return call_sysctl(XEN_SYSCTL_cpu_hotplug, &op);
}

#define ONLINE(cpu)  hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, cpu)
#define OFFLINE(cpu) hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, cpu)

static void cpus_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(ONLINE(0), -EEXIST);
    assert_int_equal(ONLINE(4), -EINVAL);
    assert_int_equal(OFFLINE(0), -EINVAL);
    assert_int_equal(OFFLINE(2), -EINVAL); /* is not online */
    assert_int_equal(OFFLINE(UINT32_MAX), -EINVAL);
    assert_int_equal(hotplug(XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE, 0), -EOPNOTSUPP);

    cpu_answers = false;
    assert_int_equal(ONLINE(2), -ETIMEDOUT);
    assert_int_equal(OFFLINE(3), -EBUSY);
    assert_ptr_equal(per_cpu(sched_cpu, 3).pool, &cpupool0); /* again */
    assert_int_equal(pcpu_changes, 0);

    cpu_answers = true;
    assert_int_equal(ONLINE(2), 0);
    assert_int_equal(pcpu_changes, 1);
    assert_true(cpumask_test(2, &cpupool0.cpus));
    down_rounds = 2;
    assert_int_equal(OFFLINE(3), __HYPERVISOR_sysctl); /* continued */
    assert_int_equal(OFFLINE(3), __HYPERVISOR_sysctl);
    assert_int_equal(OFFLINE(3), 0);
    assert_int_equal(pcpu_changes, 2);
    assert_false(cpumask_test(3, &cpupool0.cpus));
    assert_int_equal(OFFLINE(2), 0);
    assert_int_equal(OFFLINE(1), 0);
    assert_int_equal(ADD(0, 1), -ENODEV);
}

/* ---- power management ---- */

static long pm_op(uint32_t cmd, uint32_t cpu, uint32_t value)
{
    struct xen_sysctl op = { .u.pm_op = { .cmd = cmd, .cpuid = cpu } };
    long rc;

    op.u.pm_op.u.set_max_cstate = value;
    rc = call_sysctl(XEN_SYSCTL_pm_op, &op);
    return rc ? rc : op.u.pm_op.u.get_max_cstate;
}

static void power(void **state)
{
    (void)state;
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_max_cstate, 0, 0), XEN_SYSCTL_CX_UNLIMITED);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_set_max_cstate, 0, 0), 0);
    assert_int_equal(idle_max_cstate, 0);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_max_cstate, 0, 5), 0);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_set_max_cstate, 1, 7), 7);
    assert_int_equal(idle_max_cstate, 0);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_max_cstate, 1, 0), XEN_SYSCTL_CX_UNLIMITED);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_max_cstate, 3, 0), -EINVAL);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_max_cstate, 2, 0), -EINVAL); /* not online */
    assert_int_equal(pm_op(GET_CPUFREQ_PARA, 0, 0), -EINVAL);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_enable_turbo, 0, 0), -EACCES);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_set_sched_opt_smt, 0, 0), -EOPNOTSUPP);
    assert_int_equal(pm_op(XEN_SYSCTL_pm_op_get_vcpu_migration_delay, 0, 0), -ENOSYS);
}

static void idle_states(void **state)
{
    struct xen_sysctl op = { .u.get_pmstat = { .type = PMSTAT_get_max_cx, .cpuid = 1 } };
    struct pm_cx_stat *cx = &op.u.get_pmstat.u.getcx;
    uint64_t *triggers = (uint64_t *)guest_buffer, *residencies = triggers + 16;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), 0);
    assert_int_equal(cx->nr, 2);
    op.u.get_pmstat.type = PMSTAT_get_cxstat;
    cx->nr = 9;
    cx->triggers.p = triggers;
    cx->residencies.p = residencies;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), 0);
    assert_int_equal(cx->nr, 2);
    assert_int_equal(cx->idle_time, 20);
    assert_int_equal(triggers[0], 8);
    assert_int_equal(triggers[1], 7);
    assert_int_equal(residencies[0], 30);
    assert_int_equal(residencies[1], 20);
    assert_true(triggers[2] == 0xaaaaaaaaaaaaaaaa);
    cx->nr = 1;
    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), 0);
    assert_true(triggers[1] == 0xaaaaaaaaaaaaaaaa);
    cx->residencies.p = (uint64_t *)8;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), -EFAULT);
    op.u.get_pmstat.type = PMSTAT_get_max_px;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), -ENODEV);
    op.u.get_pmstat.type = PMSTAT_get_max_cx;
    op.u.get_pmstat.cpuid = 2;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), -EINVAL);
    op.u.get_pmstat.cpuid = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_get_pmstat, &op), -EINVAL);
}

/* ---- where there is nothing to tell ---- */

static void pci_places(void **state)
{
    physdev_pci_device_t devs[2] = { { .bus = KNOWN_BUS }, { .bus = KNOWN_BUS + 1 } };
    struct xen_sysctl op = { .u.pcitopoinfo = { .num_devs = 2 } };
    struct xen_sysctl_pcitopoinfo *t = &op.u.pcitopoinfo;
    uint32_t *nodes = (uint32_t *)guest_buffer;

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_pcitopoinfo, &op), -EINVAL);
    t->devs.p = devs;
    t->nodes.p = nodes;
    assert_int_equal(call_sysctl(XEN_SYSCTL_pcitopoinfo, &op), 0);
    assert_int_equal(nodes[0], XEN_INVALID_NODE_ID);
    assert_int_equal(nodes[1], XEN_INVALID_DEV);
    assert_int_equal(nodes[2], 0xaaaaaaaa);
    t->num_devs = UINT32_MAX;
    assert_int_equal(call_sysctl(XEN_SYSCTL_pcitopoinfo, &op), -EINVAL);
}

static long page_op(uint32_t cmd, uint32_t start, uint32_t end)
{
    struct xen_sysctl op = { .u.page_offline = { .cmd = cmd, .start = start, .end = end } };

    op.u.page_offline.status.p = (uint32_t *)guest_buffer;
    return call_sysctl(XEN_SYSCTL_page_offline_op, &op);
}

static void pages(void **state)
{
    const uint32_t *status = (uint32_t *)guest_buffer;

    (void)state;
    assert_int_equal(page_op(sysctl_query_page_offline, 1, 2), 0);
    assert_int_equal(status[0] | status[1], 0);
    assert_int_equal(status[2], 0xaaaaaaaa);
    assert_int_equal(page_op(sysctl_page_online, 1, 1), 0);
    assert_int_equal(page_op(sysctl_page_offline, 1, 1), -EOPNOTSUPP);
    assert_int_equal(page_op(sysctl_query_page_offline, 2, 1), -EINVAL);
    assert_int_equal(page_op(sysctl_query_page_offline, 0, UINT32_MAX), -EINVAL);
    assert_int_equal(page_op(sysctl_query_page_offline, UINT32_MAX, UINT32_MAX), -EINVAL);
    assert_int_equal(page_op(0, 1, 1), -EINVAL);
}

static void no_patches(void **state)
{
    struct xen_sysctl op = { .u.livepatch = { .cmd = XEN_SYSCTL_LIVEPATCH_LIST } };
    struct xen_sysctl_livepatch_op *l = &op.u.livepatch;

    (void)state;
    l->u.list.nr = 5;
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), 0);
    assert_int_equal(l->u.list.nr, 0);
    l->cmd = XEN_SYSCTL_LIVEPATCH_GET;
    memset(&l->u, 0, sizeof(l->u));
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), -EINVAL);
    l->u.get.name.size = 4;
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), -ENOENT);
    l->cmd = XEN_SYSCTL_LIVEPATCH_ACTION;
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), -ENOENT);
    l->cmd = XEN_SYSCTL_LIVEPATCH_UPLOAD;
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), -EOPNOTSUPP);
    l->pad = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_livepatch_op, &op), -EINVAL);
}

static void no_traces(void **state)
{
    struct xen_sysctl op = { .u.tbuf_op = { .cmd = XEN_SYSCTL_TBUFOP_get_info, .size = 3 } };

    (void)state;
    assert_int_equal(call_sysctl(XEN_SYSCTL_tbuf_op, &op), 0);
    assert_int_equal(op.u.tbuf_op.size, 0);
    op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_enable;
    assert_int_equal(call_sysctl(XEN_SYSCTL_tbuf_op, &op), -EINVAL);
    op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_set_size;
    assert_int_equal(call_sysctl(XEN_SYSCTL_tbuf_op, &op), -EOPNOTSUPP);
    assert_int_equal(call_sysctl(XEN_SYSCTL_coverage_op, &op), -EOPNOTSUPP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)
const struct CMUnitTest sysctl_tests[] = {
    TEST(refused),
    TEST(answer_cannot_be_written),
    TEST(console_is_read),
    TEST(keys),
    TEST(machine),
    TEST(free_memory),
    TEST(idle_times),
    TEST(topology),
    TEST(nodes),
    TEST(domains),
    TEST(pools),
    TEST(pools_change),
    TEST(a_new_domain_enters_a_pool),
    TEST(parameters),
    TEST(cpus_come_and_go),
    TEST(power),
    TEST(idle_states),
    TEST(pci_places),
    TEST(pages),
    TEST(no_patches),
    TEST(no_traces),
};
const size_t nr_sysctl_tests = ARRAY_SIZE(sysctl_tests);
