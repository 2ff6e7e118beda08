/*
 * The hypervisor's half of the address space: the guest reads, writes and jumps there, and asks the
 * hypervisor to do so for it.
 */
#include "pv.h"

static void check_direct(void)
{
    unsigned int written = 0, jumped = 0, readable = 0, probes = 0;

    /* Every slot, sampled at steps that are no power of two. */
    for (uint64_t va = HYPERVISOR_VIRT_START; va < HYPERVISOR_VIRT_END;
         va += 0x1fe3457000 + 0x1238) {
        probes++;
        written += try_write((void *)va, 0x41).vector != VECTOR_PF;
        jumped += try_jump(va).vector != VECTOR_PF;
        if (va >= MACH2PHYS_VIRT_END)
            readable += try_read((void *)va, NULL).vector != VECTOR_PF;
    }
    /* And densely at the start of each slot, where things begin. */
    for (uint64_t slot = 0; slot < 16; slot++) {
        for (uint64_t offset = 0; offset < 64 * PAGE_SIZE; offset += PAGE_SIZE) {
            uint64_t va = HYPERVISOR_VIRT_START + (slot << 39) + offset;

            probes++;
            written += try_write((void *)va, 0x41).vector != VECTOR_PF;
            if (slot)
                readable += try_read((void *)va, NULL).vector != VECTOR_PF;
        }
    }
    is(written, 0, "none of %u addresses can be written", probes);
    is(jumped, 0, "none can be run");
    is(readable, 0, "none but the M2P can be read");
}

static void check_buffers(void)
{
    static const uint64_t bad[] = {
        HYPERVISOR_VIRT_START,      MACH2PHYS_VIRT_END,
        0xffff828000000000,         0xffff82d040000000,
        0xffff830000000000,         HYPERVISOR_VIRT_END - 8,
        HYPERVISOR_VIRT_END - 4096, 0x0000800000000000,
        0x00007ffffffffff8,         0xffff7ffffffffff8,
        0xfffffffffffffff8,         0xffffffffffffffff,
        0x8000000000000000,         8,
    };
    domid_t self = DOMID_SELF;

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        void *at = (void *)bad[i];
        struct mmuext_op op = { .cmd = MMUEXT_INVLPG_MULTI };
        struct xen_memory_reservation r = { .nr_extents = 1, .domid = self };
        struct sched_poll poll = { .nr_ports = 1 };
        unsigned int wrong = 0;

        wrong += xen_version(XENVER_extraversion, at) != -XEN_EFAULT;
        wrong += xen_version(XENVER_changeset, at) != -XEN_EFAULT;
        wrong += console_write(at, 64) >= 0;
        wrong += event_op(EVTCHNOP_alloc_unbound, at) != -XEN_EFAULT;
        wrong += sched_op(SCHEDOP_poll, at) != -XEN_EFAULT;
        wrong += memory_op(XENMEM_machphys_mapping, at) != -XEN_EFAULT;
        wrong += memory_op(XENMEM_populate_physmap, at) > 0;
        wrong += grant_op(GNTTABOP_map_grant_ref, at, 1) >= 0;
        wrong += vcpu_op(VCPUOP_get_runstate_info, 0, at) != -XEN_EFAULT;
        wrong += multicall(at, 1) >= 0;
        wrong += mmu_update(at, 1, NULL) >= 0;
        wrong += mmuext_ops(at, 1, NULL) >= 0;
        wrong += set_trap_table(at) >= 0;
        wrong += platform_op(at) >= 0;
        wrong += physdev_op(PHYSDEVOP_set_iopl, at) >= 0;
        wrong += hypercall2(__HYPERVISOR_set_gdt, bad[i], 1) >= 0;
        wrong += hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, bad[i]) >= 0;
        set_xen_guest_handle(r.extent_start, at);
        wrong += memory_op(XENMEM_decrease_reservation, &r) > 0;
        wrong += memory_op(XENMEM_populate_physmap, &r) > 0;
        set_xen_guest_handle(poll.ports, at);
        wrong += sched_op(SCHEDOP_poll, &poll) >= 0;
        set_xen_guest_handle(op.arg2.vcpumask, at);
        wrong += mmuext_ops(&op, 1, NULL) >= 0;
        is(wrong, 0, "no hypercall takes a buffer at %lx", bad[i]);
    }
}

/* The count of done updates is written to memory; it must not be the hypervisor's. */
static void check_results(void)
{
    struct mmu_update update = { .ptr = pte_machine((uint64_t)alloc_page(), 1) };
    uint64_t before = *(uint64_t *)HYPERVISOR_VIRT_START;

    update.val = *(pte_t *)((char *)mfn_to_virt(update.ptr >> PAGE_SHIFT) + update.ptr % PAGE_SIZE);
    mmu_update(&update, 1, (void *)HYPERVISOR_VIRT_START);
    is((long)*(uint64_t *)HYPERVISOR_VIRT_START, (long)before, "the M2P did not change");
}

/* Structures that stay registered: the hypervisor writes there long after the call. */
static void check_registered(void)
{
    static const uint64_t bad[] = { HYPERVISOR_VIRT_START, 0xffff830000000000, 0x800000000000 };

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        struct vcpu_register_runstate_memory_area area;
        struct vcpu_register_time_memory_area time;

        area.addr.v = (void *)bad[i];
        time.addr.v = (void *)bad[i];
        refused(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), "runstate area at %lx",
                bad[i]);
        refused(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &time), "time area at %lx",
                bad[i]);
    }
    for (int i = 0; i < 100; i++)
        sched_op(SCHEDOP_yield, NULL);
    ok(true, "still here after a hundred yields");
}

void guest_main(void)
{
    check_direct();
    check_buffers();
    check_results();
    check_registered();
}
