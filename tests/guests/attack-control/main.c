/*
 * A domain that is not the control domain tries to be it: every control operation, with the right
 * version and for every domain that there may be, and what only the hardware domain may do.
 */
#include "pv.h"

#include <xen/domctl.h>

static const domid_t victims[] = {
    0, 1, 2, 3, DOMID_SELF, DOMID_XEN, DOMID_IO, DOMID_FIRST_RESERVED
};

static void check_domctl(void)
{
    struct xen_domctl op;
    unsigned int done = 0, taken = 0;

    for (unsigned int cmd = 0; cmd < 100; cmd++)
        for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
            memset(&op, 0, sizeof(op));
            op.cmd = cmd;
            op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
            op.domain = victims[i];
            taken += hypercall1(__HYPERVISOR_domctl, (unsigned long)&op) >= 0;
            done++;
        }
    is(taken, 0, "%u domctls are refused", done);
}

static void check_sysctl(void)
{
    struct xen_sysctl op;
    unsigned int taken = 0;

    for (unsigned int cmd = 0; cmd < 40; cmd++) {
        memset(&op, 0, sizeof(op));
        op.cmd = cmd;
        op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        taken += hypercall1(__HYPERVISOR_sysctl, (unsigned long)&op) >= 0;
    }
    is(taken, 0, "40 sysctls are refused");
}

static void check_platform_op(void)
{
    struct xen_platform_op op;
    unsigned int taken = 0;

    for (unsigned int cmd = 0; cmd < 70; cmd++) {
        memset(&op, 0, sizeof(op));
        op.cmd = cmd;
        op.interface_version = XENPF_INTERFACE_VERSION;
        taken += platform_op(&op) >= 0;
    }
    is(taken, 0, "70 platform operations are refused");
}

/* Routing, buses, vectors and ports are the hardware domain's. */
static void check_physdev(void)
{
    static const unsigned int ops[] = {
        PHYSDEVOP_apic_read,        PHYSDEVOP_apic_write,
        PHYSDEVOP_alloc_irq_vector, PHYSDEVOP_map_pirq,
        PHYSDEVOP_manage_pci_add,   PHYSDEVOP_manage_pci_remove,
        PHYSDEVOP_restore_msi,      PHYSDEVOP_manage_pci_add_ext,
        PHYSDEVOP_setup_gsi,        PHYSDEVOP_pci_mmcfg_reserved,
        PHYSDEVOP_pci_device_add,   PHYSDEVOP_pci_device_remove,
        PHYSDEVOP_restore_msi_ext,  PHYSDEVOP_prepare_msix,
        PHYSDEVOP_release_msix,     PHYSDEVOP_dbgp_op,
    };
    uint64_t arg[16];

    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        memset(arg, 0, sizeof(arg));
        refused(physdev_op(ops[i], arg), "physdev operation %u", ops[i]);
    }
}

static void check_others_memory(void)
{
    static const unsigned int ops[] = { XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                        XENMEM_populate_physmap };
    xen_pfn_t frame = 0x1000;

    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
        for (unsigned int k = 0; k < 3; k++) {
            struct xen_memory_reservation r = { .nr_extents = 1, .domid = victims[k] };

            if (victims[k] == guest_domid())
                continue;
            set_xen_guest_handle(r.extent_start, &frame);
            ok(memory_op(ops[i], &r) <= 0, "memory operation %u on domain %u", ops[i], victims[k]);
        }
    for (unsigned int k = 0; k < 3; k++) {
        domid_t domid = victims[k];
        struct xen_mem_acquire_resource take = { .domid = domid,
                                                 .type = XENMEM_resource_grant_table,
                                                 .nr_frames = 1 };

        if (domid == guest_domid())
            continue;
        refused(memory_op(XENMEM_current_reservation, &domid), "the memory of domain %u", domid);
        refused(memory_op(XENMEM_maximum_gpfn, &domid), "the last frame of domain %u", domid);
        set_xen_guest_handle(take.frame_list, &frame);
        refused(memory_op(XENMEM_acquire_resource, &take), "the grant table of domain %u", domid);
    }
    frame = 0;
    refused(memory_op(XENMEM_machine_memory_map, &frame), "the machine's memory map");
}

static void check_hardware(void)
{
    char text[64];
    uint64_t value;

    refused(hypercall3(__HYPERVISOR_console_io, CONSOLEIO_read, sizeof(text), (unsigned long)text),
            "the machine's keyboard");
    refused(hypercall2(__HYPERVISOR_kexec_op, 0, (unsigned long)text), "kexec");
    refused(hypercall2(__HYPERVISOR_nmi_op, 0, 0), "an NMI callback without one");
    (void)try_read((void *)0xffff830000000000, &value);
    is(try_read((void *)0xffff830000000000, &value).vector, VECTOR_PF, "the hypervisor's memory");
}

void guest_main(void)
{
    ok(!is_dom0() && !(start_info->flags & SIF_PRIVILEGED), "this is domain %u, without privileges",
       guest_domid());
    check_domctl();
    check_sysctl();
    check_platform_op();
    check_physdev();
    check_others_memory();
    check_hardware();
    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the hypervisor answers");
}
