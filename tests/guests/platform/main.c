/*
 * What dom0 asks about the machine: platform_op and physdev_op basics, and their refusals.
 */
#include "guest.h"

static struct xen_platform_op op;

static long ask(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XENPF_INTERFACE_VERSION;
    return platform_op(&op);
}

static void check_platform(void)
{
    memset(&op, 0, sizeof(op));
    is(ask(XENPF_get_cpuinfo), 0, "get_cpuinfo of CPU 0");
    is(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE, "it is online");
    op.u.pcpu_info.xen_cpuid = 300;
    ask(XENPF_get_cpuinfo);
    ok(op.u.pcpu_info.flags & XEN_PCPU_FLAGS_INVALID, "CPU 300 is invalid");
    memset(&op, 0, sizeof(op));
    is(ask(XENPF_get_cpu_version), 0, "get_cpu_version");
    ok(op.u.pcpu_version.vendor_id[0] && op.u.pcpu_version.family, "family %u model %u",
       op.u.pcpu_version.family, op.u.pcpu_version.model);
    memset(&op, 0, sizeof(op));
    op.u.settime64.secs = 1000000000;
    op.u.settime64.system_time = time_now();
    is(ask(XENPF_settime64), 0, "set the wall clock");
    ok(shared_info->wc_sec > 999999000 && shared_info->wc_sec <= 1000000000, "it is %u",
       shared_info->wc_sec);
    memset(&op, 0, sizeof(op));
    op.u.firmware_info.type = 99;
    is(ask(XENPF_firmware_info), -XEN_EINVAL, "unknown firmware information is EINVAL");
    is(ask(999), -XEN_ENOSYS, "an unknown command is ENOSYS");
    op.interface_version = 0;
    is(platform_op(&op), -XEN_EACCES, "another interface version is EACCES");
    is(platform_op((void *)0xdead000ul), -XEN_EFAULT, "a bad pointer is EFAULT");
}

static void check_physdev(void)
{
    struct physdev_irq_status_query status = { .irq = 1 };
    struct physdev_eoi eoi = { .irq = 100000 };
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = -1
    };
    struct physdev_unmap_pirq unmap = { .domid = DOMID_SELF };
    struct physdev_apic apic = { .apic_physbase = 0xfec00000, .reg = 1 };
    struct physdev_setup_gsi setup = { .gsi = 11, .triggering = 1, .polarity = 1 };
    struct evtchn_bind_pirq bind = { 0 };

    is(physdev_op(PHYSDEVOP_irq_status_query, &status), 0, "irq_status_query");
    status.irq = 100000;
    is(physdev_op(PHYSDEVOP_irq_status_query, &status), -XEN_EINVAL, "of a wild IRQ: EINVAL");
    is(physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL, "eoi of a wild IRQ is EINVAL");
    is(physdev_op(PHYSDEVOP_apic_read, &apic), 0, "read the IO-APIC's version");
    ok((apic.value >> 16 & 0xff) >= 23, "it has %u pins", (apic.value >> 16 & 0xff) + 1);
    apic.apic_physbase = 0x1000;
    is(physdev_op(PHYSDEVOP_apic_read, &apic), -XEN_EINVAL, "no IO-APIC there: EINVAL");
    is(physdev_op(PHYSDEVOP_setup_gsi, &setup), 0, "set up GSI 11");
    is(physdev_op(PHYSDEVOP_map_pirq, &map), 0, "map GSI 9");
    ok(map.pirq >= 0, "to pirq %d", map.pirq);
    bind.pirq = (uint32_t)map.pirq;
    is(event_op(EVTCHNOP_bind_pirq, &bind), 0, "bind it");
    ok(bind.port > 0, "to port %u", bind.port);
    is(event_close(bind.port), 0, "close that");
    unmap.pirq = map.pirq;
    is(physdev_op(PHYSDEVOP_unmap_pirq, &unmap), 0, "unmap it");
    ok(physdev_op(PHYSDEVOP_unmap_pirq, &unmap) < 0, "not twice");
    map.index = 100000;
    map.pirq = -1;
    ok(physdev_op(PHYSDEVOP_map_pirq, &map) < 0, "a wild GSI is refused");
    is(physdev_op(999, &map), -XEN_ENOSYS, "an unknown operation is ENOSYS");
}

void guest_main(void)
{
    check_platform();
    check_physdev();
}
