/* domctl: who may, on whom, what it changes, and what it says of a domain. */
#include "machine.h"

#include <hv/smp.h>
#include "../../../hypervisor/core/control/internal.h"

static void refused(void **state)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getdomaininfo,
                             .interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1 };

    (void)state;
    assert_int_equal(do_domctl(G(&op)), -EACCES);
    assert_int_equal(do_domctl(BAD_POINTER), -EFAULT);
    assert_int_equal(call_domctl(0, 1, &op), -ENOSYS);
    assert_int_equal(call_domctl(NR_DOMCTLS, 1, &op), -ENOSYS);
    assert_int_equal(call_domctl(XEN_DOMCTL_gdbsx_domstatus, 1, &op), -ENOSYS);
    assert_int_equal(call_domctl(UINT32_MAX, 1, &op), -ENOSYS);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 2, &op), -ESRCH);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, DOMID_SELF, &op), -ESRCH);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, DOMID_IDLE, &op), -ESRCH);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 4, &op), -ESRCH);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, DOMID_SELF, &op), -ESRCH);
    world_be(dom1, 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), -EPERM);
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, 3, &op), -EPERM);
    assert_int_equal(do_domctl(BAD_POINTER), -EPERM);
    assert_false(dom3->is_dying);
}

/* Another vCPU is at it: the call is made again, nothing has happened. */
static void one_at_a_time(void **state)
{
    struct xen_domctl op = { 0 };
    struct xen_sysctl sysop = { 0 };

    (void)state;
    assert_true(control_begin());
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 1, &op), __HYPERVISOR_domctl);
    assert_true(world.continued.set);
    assert_int_equal(world.continued.op, __HYPERVISOR_domctl);
    assert_int_equal(world.continued.args[0], (uintptr_t)&op);
    assert_int_equal(dom1->control_pauses, 0);
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id, &sysop), __HYPERVISOR_sysctl);
    assert_int_equal(sysop.u.sched_id.sched_id, 0);
    control_end();
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 1, &op), 0);
}

static void answer_cannot_be_written(void **state)
{
    struct xen_domctl op = { 0 };

    (void)state;
    world.copies_to_before_fault = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), -EFAULT);
    world.copies_to_before_fault = -1;
    /* The architecture's: more room is wanted, and how much comes back. */
    assert_int_equal(call_domctl(XEN_DOMCTL_hypercall_init, 3, &op), -ENOBUFS);
    assert_int_equal(op.u.hypercall_init.gmfn, 3);
}

static void info(void **state)
{
    struct xen_domctl op;
    const struct xen_domctl_getdomaininfo *i = &op.u.getdomaininfo;

    (void)state;
    memset(&op, 0xaa, sizeof(op));
    dom1->vcpu[0]->pause_flags = BIT(VCPU_BLOCKED);
    dom1->vcpu[1]->pause_flags = BIT(VCPU_BLOCKED);
    dom1->vcpu[2]->pause_flags = BIT(VCPU_DOWN);
    dom1->handle[15] = 9;
    dom1->mem->claimed_pages = 11;
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), 0);
    assert_int_equal(i->domain, 1);
    assert_int_equal(i->flags, XEN_DOMINF_blocked);
    assert_int_equal(i->nr_online_vcpus, 2);
    assert_int_equal(i->max_vcpu_id, 2);
    assert_int_equal(i->cpu_time, 3 * CPU_NS);
    assert_int_equal(i->tot_pages, 101);
    assert_int_equal(i->outstanding_pages, 11);
    assert_int_equal(i->max_pages, UINT32_MAX);
    assert_int_equal(i->shared_info_frame, 51);
    assert_int_equal(i->handle[15], 9);
    assert_int_equal(i->ssidref, 0); /* there are no labels */
    assert_int_equal(i->cpupool, 0);
    assert_int_equal(i->pad1, 0);
    for (unsigned int n = 0; n < sizeof(i->pad2); n++)
        assert_int_equal(i->pad2[n], 0);

    dom1->vcpu[1]->pause_flags = 0;
    dom1->vcpu[1]->is_running = true;
    dom1->is_shut_down = true;
    dom1->shutdown_code = 3;
    dom1->type = DOMAIN_HVM;
    dom1->is_dying = true;
    dom1->parts_to_undo = 1; /* not dead yet */
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), 0);
    assert_int_equal(i->flags, XEN_DOMINF_running | XEN_DOMINF_shutdown | XEN_DOMINF_hvm_guest |
                                   3 << XEN_DOMINF_shutdownshift);
    assert_int_equal(i->shared_info_frame, UINT64_MAX);
    dom1->parts_to_undo = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), 0);
    assert_true(i->flags & XEN_DOMINF_dying);
    dom1->is_dying = false; /* for world_end() */

    /* There is no domain 2: the next one, and its number. */
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 2, &op), 0);
    assert_int_equal(op.domain, 3);
    assert_int_equal(i->domain, 3);
}

static struct xen_domctl creation(void)
{
    struct xen_domctl op = { 0 };

    op.u.createdomain = (struct xen_domctl_createdomain){
        .max_vcpus = 2,
        .max_evtchn_port = 1023,
        .max_grant_frames = 64,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .ssidref = 8,
        .handle = { 5 },
    };
    return op;
}

static void create(void **state)
{
    struct xen_domctl op = creation();

    (void)state;
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 0, &op), 0);
    assert_int_equal(op.domain, 2); /* 1 is in use */
    assert_int_equal(created->control_pauses, 1);
    assert_int_equal(created_as.max_vcpus, 2);
    assert_int_equal(created_as.flags, 0);
    assert_int_equal(created_as.max_port, 1023);
    assert_int_equal(created_as.max_grant_frames, 64);
    assert_int_equal(created_as.max_maptrack_frames, -1);
    assert_int_equal(created_as.max_grant_version, 1);
    assert_int_equal(created_as.handle[0], 5);
    created_killed();
    op = creation();
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, DOMID_SELF, &op), 0);
    assert_int_equal(op.domain, 4); /* 2 is free again, but was the last; 3 is in use */
    created_killed();
    op = creation();
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 3, &op), -EEXIST);
    op = creation();
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 6, &op), 0);
    assert_int_equal(op.domain, 6);
    created_killed();
    /* The architecture does not like it: nothing is left. */
    op = creation();
    op.u.createdomain.arch.misc_flags = 99;
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 7, &op), -EINVAL);
    assert_true(created->is_dying);
    created_killed();
    op = creation();
    op.u.createdomain.cpupool_id = 5; /* no such pool */
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 5, &op), -ENOENT);
    assert_true(created->is_dying);
    created_killed();
}

static void create_with_what_there_is_not(void **state)
{
    static const struct {
        size_t offset;
        uint32_t value;
        int rc;
    } bad[] = {
        { offsetof(struct xen_domctl_createdomain, flags), XEN_DOMCTL_CDF_hvm, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, flags), XEN_DOMCTL_CDF_iommu, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, flags), XEN_DOMCTL_CDF_vpmu << 1, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, flags), XEN_DOMCTL_CDF_xs_domain, -EOPNOTSUPP },
        { offsetof(struct xen_domctl_createdomain, iommu_opts), 1, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, vmtrace_size), 4096, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, grant_opts), 0x11, -EINVAL },
        { offsetof(struct xen_domctl_createdomain, max_evtchn_port), 1U << 31, -EINVAL },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        struct xen_domctl op = creation();

        memcpy((char *)&op.u.createdomain + bad[i].offset, &bad[i].value, sizeof(uint32_t));
        assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 2, &op), bad[i].rc);
        assert_null(created);
    }
}

static void vcpus(void **state)
{
    struct xen_domctl op = { 0 };
    struct vcpu *last = dom1->vcpu[2];

    (void)state;
    op.u.max_vcpus.max = 2;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, 1, &op), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, 0, &op), -EINVAL); /* the caller's own */
    op.u.max_vcpus.max = 3;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, 1, &op), 0); /* all there */
    dom1->vcpu[2] = NULL;
    vcpu_to_create = last;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, 1, &op), 0);
    assert_ptr_equal(dom1->vcpu[2], last);
    dom1->vcpu[2] = NULL;
    vcpu_to_create = NULL;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, 1, &op), -ENOMEM);
    dom1->vcpu[2] = last;
}

static void time_and_resumption(void **state)
{
    struct xen_domctl op = { 0 };

    (void)state;
    op.u.settimeoffset.time_offset_seconds = -3600;
    assert_int_equal(call_domctl(XEN_DOMCTL_settimeoffset, 1, &op), 0);
    assert_int_equal(dom1->time_offset, -3600);
    assert_ptr_equal(told_time, dom1);
    op.u.subscribe.port = 7;
    assert_int_equal(call_domctl(XEN_DOMCTL_subscribe, 1, &op), 0);
    assert_int_equal(dom1->suspend_port, 7);
    assert_int_equal(call_domctl(XEN_DOMCTL_resumedomain, 0, &op), -EINVAL);
    dom1->is_shut_down = true;
    assert_int_equal(call_domctl(XEN_DOMCTL_resumedomain, 1, &op), 0);
    assert_false(dom1->is_shut_down);
    assert_int_equal(call_domctl(XEN_DOMCTL_soft_reset, 1, &op), -EINVAL);
}

static void pause(void **state)
{
    struct xen_domctl op = { 0 };

    (void)state;
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 0, &op), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, 0, &op), -EINVAL);
    dom1->pause_count = 1; /* its own shutdown, say */
    assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, 1, &op), -EINVAL);
    for (unsigned int i = 0; i < 255; i++)
        assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 1, &op), 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 1, &op), -EOVERFLOW);
    assert_int_equal(dom1->pause_count, 256);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 1, &op), 0);
    assert_true(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
    for (unsigned int i = 0; i < 255; i++)
        assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, 1, &op), 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, 1, &op), -EINVAL);
    assert_int_equal(dom1->pause_count, 1);
}

static void destroy(void **state)
{
    struct xen_domctl op = { 0 };

    (void)state;
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, 0, &op), -EINVAL);
    assert_int_equal(dom_exc, 0);
    kill_rounds = 1;
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, 1, &op), __HYPERVISOR_domctl);
    assert_int_equal(world.continued.args[0], (uintptr_t)&op);
    assert_int_equal(dom_exc, 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, 1, &op), 0);
    assert_int_equal(dom_exc, 1);
    dom1->is_dying = false;
}

static void small_things(void **state)
{
    struct xen_domctl op = { 0 };

    (void)state;
    op.u.max_mem.max_memkb = 4097;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_mem, 1, &op), 0);
    assert_int_equal(dom1->mem->max_pages, 1024);
    op.u.max_mem.max_memkb = UINT64_MAX;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_mem, 1, &op), 0);
    assert_int_equal(dom1->mem->max_pages, UINT64_MAX >> 2);
    memset(op.u.setdomainhandle.handle, 7, 16);
    assert_int_equal(call_domctl(XEN_DOMCTL_setdomainhandle, 1, &op), 0);
    assert_int_equal(dom1->handle[0], 7);
    assert_int_equal(dom1->handle[15], 7);
    op.u.set_virq_handler.virq = VIRQ_DOM_EXC;
    assert_int_equal(call_domctl(XEN_DOMCTL_set_virq_handler, 1, &op), 0);
    assert_ptr_equal(virq_handler, dom1);
    op.u.set_virq_handler.virq = VIRQ_TIMER;
    assert_int_equal(call_domctl(XEN_DOMCTL_set_virq_handler, 1, &op), -EINVAL);
}

static void vcpu_info(void **state)
{
    struct xen_domctl op = { .u.getvcpuinfo = { .vcpu = 1 } };
    const struct xen_domctl_getvcpuinfo *i = &op.u.getvcpuinfo;
    struct vcpu *gone;

    (void)state;
    dom1->vcpu[1]->pause_flags = BIT(VCPU_BLOCKED);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuinfo, 1, &op), 0);
    assert_int_equal(i->online, 1);
    assert_int_equal(i->blocked, 1);
    assert_int_equal(i->running, 0);
    assert_int_equal(i->cpu, 1);
    assert_int_equal(i->cpu_time, CPU_NS);
    op.u.getvcpuinfo.vcpu = 3;
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuinfo, 1, &op), -EINVAL);
    op.u.getvcpuinfo.vcpu = UINT32_MAX;
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuinfo, 1, &op), -EINVAL);
    gone = dom1->vcpu[2];
    dom1->vcpu[2] = NULL;
    op.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuinfo, 1, &op), -ESRCH);
    dom1->vcpu[2] = gone;
}

static void affinity(void **state)
{
    uint8_t hard[2] = { 0xfe, 0xff }, soft[1] = { 0x0c };
    struct xen_domctl op = { 0 };
    struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;

    (void)state;
    a->cpumap_hard.bitmap.p = hard;
    a->cpumap_hard.nr_bits = 9; /* of the second byte one bit counts */
    a->cpumap_soft.bitmap.p = soft;
    a->cpumap_soft.nr_bits = 8;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EINVAL); /* neither */
    a->flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), 0);
    assert_int_equal(dom1->vcpu[0]->hard_affinity.bits[0], 0x1fe);
    assert_int_equal(dom1->vcpu[0]->hard_affinity.bits[1], 0);
    assert_int_equal(dom1->vcpu[0]->soft_affinity.bits[0], 0x0c);
    /* What is in force. */
    assert_int_equal(hard[0], 0x0a);
    assert_int_equal(hard[1], 0);
    assert_int_equal(soft[0], 0x08);
    /* What was set, of the CPUs that there can be. */
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuaffinity, 1, &op), 0);
    assert_int_equal(hard[0], 0x0e);
    assert_int_equal(soft[0], 0x0c);

    hard[0] = 0x04; /* is not online */
    a->flags = XEN_VCPUAFFINITY_HARD;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EINVAL);
    hard[0] = 0x01;
    pinned = true;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EBUSY);
    a->flags |= XEN_VCPUAFFINITY_FORCE;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), 0);
    assert_int_equal(dom1->vcpu[0]->hard_affinity.bits[0], 1);
    assert_int_equal(dom1->vcpu[0]->soft_affinity.bits[0], 0x0c);
}

static void affinity_bad_pointers(void **state)
{
    uint8_t mask[1] = { 1 };
    struct xen_domctl op = { 0 };
    struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;

    (void)state;
    a->flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    a->cpumap_hard.nr_bits = a->cpumap_soft.nr_bits = 8;
    a->cpumap_hard.bitmap.p = mask;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuaffinity, 1, &op), -EINVAL);
    a->cpumap_soft.bitmap.p = (uint8_t *)8;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EFAULT);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuaffinity, 1, &op), -EFAULT);
    assert_int_equal(dom1->vcpu[0]->hard_affinity.bits[0], UINT64_MAX); /* nothing was done */
    a->cpumap_hard.bitmap.p = (uint8_t *)8;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EFAULT);
    a->vcpu = 3;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, 1, &op), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuaffinity, 1, &op), -EINVAL);
}

static void weights(void **state)
{
    struct xen_domctl op = { .u.scheduler_op = { .sched_id = XEN_SCHEDULER_CREDIT2,
                                                 .cmd = XEN_DOMCTL_SCHEDOP_getinfo } };
    struct xen_domctl_scheduler_op *s = &op.u.scheduler_op;

    (void)state;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), 0);
    assert_int_equal(s->u.credit2.weight, 256);
    assert_int_equal(s->u.credit2.cap, 0);
    s->cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    s->u.credit2.weight = 512;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), 0);
    assert_int_equal(sched_get_weight(dom1), 512);
    s->u.credit2.weight = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), 0);
    assert_int_equal(sched_get_weight(dom1), 512);
    s->u.credit2.weight = 1;
    s->u.credit2.cap = 50;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), 0);
    assert_int_equal(sched_get_weight(dom1), 1);
    assert_int_equal(sched_get_cap(dom1), 50);
    s->cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    s->u.credit2.cap = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), 0);
    assert_int_equal(s->u.credit2.cap, 50);
    s->cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), -EINVAL);
    s->cmd = XEN_DOMCTL_SCHEDOP_putvcpuinfo;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), -EINVAL);
    s->cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    s->sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, 1, &op), -EINVAL);
}

static void nodes(void **state)
{
    uint64_t set, got[2];
    struct xen_domctl op = { 0 };
    struct xenctl_bitmap *map = &op.u.nodeaffinity.nodemap;

    (void)state;
    map->nr_bits = 64;
    for (unsigned int i = 0; i < 3; i++) {
        set = (uint64_t[]){ 2, 6, 0x10 }[i]; /* node 4 there is not: then any */
        set_xen_guest_handle(map->bitmap, (uint8_t *)&set);
        assert_int_equal(call_domctl(XEN_DOMCTL_setnodeaffinity, 1, &op), 0);
        assert_int_equal(domain_nodes(dom1), i == 2 ? 3 : 2);
    }
    set = 1;
    assert_int_equal(call_domctl(XEN_DOMCTL_setnodeaffinity, 1, &op), 0);
    map->nr_bits = 128;
    memset(got, 0xaa, sizeof(got));
    set_xen_guest_handle(map->bitmap, (uint8_t *)got);
    assert_int_equal(call_domctl(XEN_DOMCTL_getnodeaffinity, 1, &op), 0);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 0);

    /* All there can be: near the vCPUs again. CPU 3 is on node 1. */
    memset(got, 0xff, sizeof(got));
    assert_int_equal(call_domctl(XEN_DOMCTL_setnodeaffinity, 1, &op), 0);
    assert_int_equal(domain_nodes(dom1), 3);
    for (unsigned int i = 0; i < dom1->max_vcpus; i++)
        dom1->vcpu[i]->hard_affinity = cpumask_of(3);
    assert_int_equal(domain_nodes(dom1), 2);
    for (unsigned int i = 0; i < dom1->max_vcpus; i++) {
        cpumask_set(0, &dom1->vcpu[i]->hard_affinity);
        dom1->vcpu[i]->soft_affinity = cpumask_of(1); /* of no use: hard affinity forbids it */
    }
    assert_int_equal(domain_nodes(dom1), 3);
    dom1->vcpu[0]->soft_affinity = dom1->vcpu[1]->soft_affinity = cpumask_of(0);
    dom1->vcpu[2]->soft_affinity = cpumask_of(0);
    assert_int_equal(domain_nodes(dom1), 1);

    map->nr_bits = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_setnodeaffinity, 1, &op), -EINVAL);
    map->nr_bits = 8 * PAGE_SIZE + 1;
    assert_int_equal(call_domctl(XEN_DOMCTL_getnodeaffinity, 1, &op), -E2BIG);
    map->nr_bits = 64;
    map->bitmap.p = (uint8_t *)8;
    assert_int_equal(call_domctl(XEN_DOMCTL_setnodeaffinity, 1, &op), -EFAULT);
    assert_int_equal(call_domctl(XEN_DOMCTL_getnodeaffinity, 1, &op), -EFAULT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)
const struct CMUnitTest domctl_tests[] = {
    TEST(refused),
    TEST(one_at_a_time),
    TEST(answer_cannot_be_written),
    TEST(info),
    TEST(create),
    TEST(create_with_what_there_is_not),
    TEST(vcpus),
    TEST(time_and_resumption),
    TEST(pause),
    TEST(destroy),
    TEST(small_things),
    TEST(vcpu_info),
    TEST(affinity),
    TEST(affinity_bad_pointers),
    TEST(weights),
    TEST(nodes),
};
const size_t nr_domctl_tests = ARRAY_SIZE(domctl_tests);
