/*
 * HYPERVISOR_platform_op: what the hardware domain asks of the machine as a whole: wall clock,
 * firmware facts, sleep, the list of CPUs. Called by the hypercall dispatcher with interrupts on
 * and no lock held; each call's own data is copied once, and back where it has an answer.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/string.h>
#include <hv/symbols.h>
#include <hv/time.h>
#include <arch/cpu_features.h>
#include <arch/platform.h>
#include <arch/smp.h>
#include <xen/platform.h>

#define MSR_TSC            0x10
#define MSR_MTRR_CAP       0xfe
#define MSR_MTRR_BASE(reg) (0x200 + 2 * (reg)) /* the mask follows */
#define MTRR_VALID         (1UL << 11)

/* Shift, Ctrl and lock keys as the BIOS last saw them: byte 0x417 of its data area. */
#define BIOS_DATA_PAGE 0
#define BIOS_KBD_FLAGS 0x417
static uint8_t kbd_shift_flags;

void init_text platform_op_init(void)
{
    const uint8_t *page = arch_map_phys(paddr(BIOS_DATA_PAGE), PAGE_SIZE, MAP_READONLY);

    if (!page)
        return;
    kbd_shift_flags = page[BIOS_KBD_FLAGS];
    arch_unmap((void *)(uintptr_t)page, PAGE_SIZE);
}

/* ---- wall clock ---- */

static int set_time(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
    if (nsecs >= 1000000000 || system_time > INT64_MAX)
        return -EINVAL;
    time_set_wallclock(secs, nsecs, (s_time_t)system_time);
    return 0;
}

static int op_settime32(struct xen_platform_op *op)
{
    const struct xenpf_settime32 *t = &op->u.settime32;

    return set_time(t->secs, t->nsecs, t->system_time);
}

static int op_settime64(struct xen_platform_op *op)
{
    const struct xenpf_settime64 *t = &op->u.settime64;

    return t->mbz ? -EINVAL : set_time(t->secs, t->nsecs, t->system_time);
}

/* ---- firmware ---- */

/* Disk parameters, MBR signatures and EDID would have to be fetched from the BIOS in real mode
 * before we start: nobody did, so the lists are empty, which is what -ESRCH says. */
static int op_firmware_info(struct xen_platform_op *op)
{
    struct xenpf_firmware_info *info = &op->u.firmware_info;

    switch (info->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (info->index != 0)
            return -ESRCH;
        info->u.kbd_shift_flags = kbd_shift_flags;
        return 0;
    default: /* EFI: we were not started by it */
        return -EINVAL;
    }
}

/* ---- sleep ---- */

static int op_enter_sleep(struct xen_platform_op *op)
{
    const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;
    int rc;

    if (s->sleep_state < 1 || s->sleep_state > 5 || (s->flags & ~XENPF_ACPI_SLEEP_EXTENDED))
        return -EINVAL;
    /* S3 needs every CPU and device state saved and a wake-up path; that is not there. Hardware-
     * reduced machines sleep through other registers. */
    if (s->sleep_state != 5 || (s->flags & XENPF_ACPI_SLEEP_EXTENDED))
        return -EOPNOTSUPP;
    printk(LOG_INFO, "power off\n");
    irq_disable();
    smp_halt_others();
    rc = acpi_enter_sleep(s->val_a, s->val_b);
    /* The other CPUs are gone: there is no way back. */
    printk(LOG_ERR, "the machine does not power off: error %d\n", rc);
    arch_poweroff_or_halt();
}

/* ---- CPUs ---- */

static int op_cpuinfo(struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *info = &op->u.pcpu_info;
    unsigned int cpu = info->xen_cpuid;

    info->max_present = nr_cpus - 1;
    info->flags = XEN_PCPU_FLAGS_INVALID;
    info->apic_id = info->acpi_id = 0;
    if (cpu >= nr_cpus)
        return 0;
    info->flags = cpumask_test(cpu, &cpu_online_mask) ? XEN_PCPU_FLAGS_ONLINE : 0;
    info->apic_id = cpu_apic_id[cpu];
    info->acpi_id = cpu_acpi_uid[cpu];
    return 0;
}

/* All CPUs have the boot CPU's features, so its signature is as good as any. */
static int op_cpu_version(struct xen_platform_op *op)
{
    struct xenpf_pcpu_version *info = &op->u.pcpu_version;
    struct cpuid_regs r = cpuid(0, 0);

    info->max_present = nr_cpus - 1;
    memset(info->vendor_id, 0, sizeof(info->vendor_id));
    info->family = info->model = info->stepping = 0;
    if (info->xen_cpuid >= nr_cpus || !cpumask_test(info->xen_cpuid, &cpu_online_mask))
        return 0;
    memcpy(info->vendor_id, &r.ebx, 4);
    memcpy(info->vendor_id + 4, &r.edx, 4);
    memcpy(info->vendor_id + 8, &r.ecx, 4);
    info->family = host_cpu.family;
    info->model = host_cpu.model;
    info->stepping = host_cpu.stepping;
    return 0;
}

/* Already so is fine. */
static int op_cpu_online(struct xen_platform_op *op)
{
    int rc;

    if (!control_begin())
        return -ERESTART;
    rc = cpu_up(op->u.cpu_ol.cpuid);
    control_end();
    return rc == -EEXIST ? 0 : rc;
}

static int op_cpu_offline(struct xen_platform_op *op)
{
    unsigned int cpu = op->u.cpu_ol.cpuid;
    int rc;

    if (cpu == 0)
        return -EOPNOTSUPP;
    if (cpu < nr_cpus && !cpumask_test(cpu, &cpu_online_mask))
        return 0;
    if (!control_begin())
        return -ERESTART;
    rc = cpu_down(cpu);
    control_end();
    return rc;
}

/* No CPU is ever put to rest to save power; who asks for that is told so. */
static int op_core_parking(struct xen_platform_op *op)
{
    struct xenpf_core_parking *p = &op->u.core_parking;

    if (p->type == XEN_CORE_PARKING_SET)
        return -EOPNOTSUPP;
    if (p->type != XEN_CORE_PARKING_GET)
        return -EINVAL;
    p->idle_nums = 0;
    return 0;
}

/* ---- memory types ---- */

/* One of the CPU's variable ranges, as the firmware set it (Intel SDM vol. 3, "Memory type range
 * registers"): a mask of ones above the size, from bit 12 on. Nobody can change them. */
static int op_read_memtype(struct xen_platform_op *op)
{
    struct xenpf_read_memtype *m = &op->u.read_memtype;
    uint64_t base, mask;

    if (!cpu_has(X86_MTRR) || m->reg >= (rdmsr(MSR_MTRR_CAP) & 0xff))
        return -EINVAL;
    base = rdmsr(MSR_MTRR_BASE(m->reg));
    mask = rdmsr(MSR_MTRR_BASE(m->reg) + 1);
    m->mfn = m->nr_mfns = 0;
    m->type = 0;
    if (mask & MTRR_VALID && mask >> PAGE_SHIFT) {
        m->mfn = base >> PAGE_SHIFT;
        m->nr_mfns = 1UL << __builtin_ctzl(mask >> PAGE_SHIFT);
        m->type = base & 0xff;
    }
    return 0;
}

/* ---- registers ---- */

static void read_tsc_time(void *arg)
{
    *(uint64_t *)arg = (uint64_t)now();
}

/* One register is offered: the TSC, which reads as system time. Each entry that fails carries its
 * error and ends the list; the result is the number of those that did not. */
static int op_resource(struct xen_platform_op *op)
{
    const struct xenpf_resource_op *r = &op->u.resource_op;
    guest_ptr_t entries = guest_ptr(r->entries.p);
    cpumask_t cpu;

    if (r->nr_entries == 0)
        return 0;
    if (r->nr_entries > 16)
        return -EINVAL;
    if (r->cpu >= nr_cpus || !cpumask_test(r->cpu, &cpu_online_mask))
        return -ENODEV;
    cpu = cpumask_of(r->cpu);
    for (unsigned int i = 0; i < r->nr_entries; i++) {
        guest_ptr_t at = guest_ptr_add(entries, i * sizeof(xenpf_resource_entry_t));
        xenpf_resource_entry_t e;
        int rc = copy_from_guest(&e, at, sizeof(e));

        if (rc)
            return rc;
        if (e.rsvd)
            rc = -EINVAL;
        else if (e.u.cmd != XEN_RESOURCE_OP_MSR_READ && e.u.cmd != XEN_RESOURCE_OP_MSR_WRITE)
            rc = -EOPNOTSUPP;
        else if (e.u.cmd != XEN_RESOURCE_OP_MSR_READ || e.idx != MSR_TSC)
            rc = -EPERM;
        else
            smp_call(&cpu, read_tsc_time, &e.val);
        e.u.ret = rc;
        if (copy_to_guest(at, &e, sizeof(e)))
            return -EFAULT;
        if (rc)
            return (int)i;
    }
    return (int)r->nr_entries;
}

/* One symbol of the hypervisor a call; the guest goes on at the number it gets back, until that is
 * the one it gave. */
static int op_symbol(struct xen_platform_op *op)
{
    struct xenpf_symdata *s = &op->u.symdata;
    guest_ptr_t where = guest_ptr(s->name.p);
    char name[64];
    uint32_t room = s->namelen;
    uintptr_t addr;

    s->namelen = 0;
    if (!symbol_by_number(s->symnum, name, &addr))
        return 0;
    s->namelen = (uint32_t)strlen(name);
    s->address = addr;
    s->type = 't';
    s->symnum++;
    return copy_to_guest(where, name, min(room, s->namelen + 1));
}

/* ---- dispatch ---- */

static const struct platform_call {
    int (*fn)(struct xen_platform_op *op);
    bool out; /* the argument is copied back */
} calls[] = {
    [XENPF_settime32] = { op_settime32, false },
    [XENPF_settime64] = { op_settime64, false },
    [XENPF_firmware_info] = { op_firmware_info, true },
    [XENPF_enter_acpi_sleep] = { op_enter_sleep, false },
    [XENPF_get_cpuinfo] = { op_cpuinfo, true },
    [XENPF_get_cpu_version] = { op_cpu_version, true },
    [XENPF_cpu_online] = { op_cpu_online, false },
    [XENPF_cpu_offline] = { op_cpu_offline, false },
    [XENPF_resource_op] = { op_resource, false },
    [XENPF_core_parking] = { op_core_parking, true },
    [XENPF_read_memtype] = { op_read_memtype, true },
    [XENPF_get_symbol] = { op_symbol, true },
    /* Frequency and idle-state drivers, setting memory types, microcode, new CPUs and memory, and
     * EFI calls are not there: -ENOSYS. */
};

long do_platform_op(guest_ptr_t arg)
{
    struct xen_platform_op op;
    int rc;

    if (!current->domain->is_hardware)
        return -EPERM;
    rc = copy_from_guest(&op, arg, sizeof(op));
    if (rc)
        return rc;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    if (op.cmd >= ARRAY_SIZE(calls) || !calls[op.cmd].fn)
        return -ENOSYS;
    rc = calls[op.cmd].fn(&op);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_platform_op, 1, arg.v);
    if (rc >= 0 && calls[op.cmd].out && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
