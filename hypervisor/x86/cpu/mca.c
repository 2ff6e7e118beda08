/*
 * HYPERVISOR_mca: machine checks, for the hardware domain's log (public arch-x86/xen-mca.h). Called
 * by the hypercall dispatcher with no lock held. There is never anything to fetch: a machine check
 * ends the machine. The CPUs are described as their log wants it, all like the boot CPU.
 */
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/platform.h>
#include <arch/processor.h>
#include <arch/smp.h>
#include <xen/arch-x86/xen-mca.h>

#define MSR_MCG_CAP 0x179

static int fetch(struct xen_mc *op)
{
    op->u.mc_fetch.flags = XEN_MC_NODATA;
    op->u.mc_fetch.fetch_id = 0;
    return 0;
}

static void describe(unsigned int cpu, struct mcinfo_logical_cpu *out)
{
    struct cpuid_regs r = cpuid(0, 0);
    const uint32_t vendor[] = { r.ebx, r.edx, r.ecx };
    struct cpu_place place;

    memset(out, 0, sizeof(*out));
    arch_cpu_place(cpu, &place);
    out->mc_cpunr = cpu;
    out->mc_chipid = place.socket;
    out->mc_coreid = (uint16_t)place.core;
    out->mc_apicid = cpu_apic_id[cpu];
    out->mc_ncores = out->mc_ncores_active = out->mc_nthreads = 1;
    out->mc_cpuid_level = (int32_t)host_cpu.max_leaf;
    out->mc_family = host_cpu.family;
    out->mc_model = host_cpu.model;
    out->mc_step = host_cpu.stepping;
    memcpy(out->mc_vendorid, vendor, sizeof(vendor));
    memcpy(out->mc_cpu_caps, host_cpu.features, sizeof(out->mc_cpu_caps));
    if (cpu_has(X86_MCA)) {
        out->mc_nmsrvals = 1;
        out->mc_msrvalues[0].reg = MSR_MCG_CAP;
        out->mc_msrvalues[0].value = rdmsr(MSR_MCG_CAP);
    }
}

static int physcpuinfo(struct xen_mc *op)
{
    struct xen_mc_physcpuinfo *info = &op->u.mc_physcpuinfo;
    guest_ptr_t at = guest_ptr(info->info.p);
    uint32_t room = guest_ptr_is_null(at) ? 0 : info->ncpus, count = 0;
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        struct mcinfo_logical_cpu c;

        if (count < room) {
            describe(cpu, &c);
            if (copy_to_guest(guest_ptr_add(at, count * sizeof(c)), &c, sizeof(c)))
                return -EFAULT;
        }
        count++;
    }
    info->ncpus = room ? min(room, count) : count;
    return 0;
}

long do_mca(guest_ptr_t arg)
{
    struct xen_mc op;
    int rc;

    if (!current->domain->is_hardware)
        return -EPERM;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case XEN_MC_fetch:
        rc = fetch(&op);
        break;
    case XEN_MC_physcpuinfo:
        rc = physcpuinfo(&op);
        break;
    case XEN_MC_msrinject:
    case XEN_MC_mceinject:
    case XEN_MC_inject_v2:
        return -EOPNOTSUPP;
    default: /* notifydomain, too: there is nothing to tell one */
        return -EINVAL;
    }
    if (!rc && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
