/* The control operations on a domain that only x86 has; see core/control/domctl.c. */
#include "internal.h"

#include <hv/errno.h>
#include <hv/frame.h>
#include <arch/domain.h>
#include <arch/pv.h>

#include "internal.h"

int arch_domain_configure(struct domain *d, const struct xen_arch_domainconfig *config)
{
    if (config->emulation_flags || config->misc_flags & ~XEN_X86_MSR_RELAXED)
        return -EINVAL; /* PV: there is no emulated device */
    d->arch->msr_relaxed = config->misc_flags & XEN_X86_MSR_RELAXED;
    return 0;
}

/* The frame is written as the domain itself could: it must not be a page table. */
static int op_hypercall_init(struct domain *d, struct xen_domctl *op)
{
    mfn_t m = mfn(op->u.hypercall_init.gmfn);
    int rc;

    if (d->type != DOMAIN_PV)
        return -EOPNOTSUPP;
    if (!mfn_valid(m))
        return -EACCES;
    rc = frame_get_writable(mfn_to_frame(m), d);
    if (rc)
        return rc == -ERESTART ? rc : -EACCES;
    pv_hypercall_page(mfn_to_virt(m));
    frame_put_writable(mfn_to_frame(m));
    return 0;
}

/* clang-format off */
#define OP(op, ...) [XEN_DOMCTL_##op] = { .name = #op, .fn = domctl_##op, __VA_ARGS__ }
const struct domctl arch_domctls[NR_DOMCTLS] = {
    [XEN_DOMCTL_shadow_op] = { .name = "shadow_op", .fn = pv_shadow_op, .copy_back = true },
    [XEN_DOMCTL_hypercall_init] = { .name = "hypercall_init", .fn = op_hypercall_init },
    OP(irq_permission,),
    OP(iomem_permission,),
    OP(ioport_permission,),
    OP(memory_mapping,),
    OP(getpageframeinfo3,),
    OP(setvcpucontext,),
    OP(getvcpucontext,),
    OP(set_address_size,),
    OP(get_address_size, .copy_back = true),
    OP(get_cpu_policy,   .copy_back = true),
    OP(set_cpu_policy,   .copy_back = true),
    OP(set_ext_vcpucontext,),
    OP(get_ext_vcpucontext, .copy_back = true),
    OP(setvcpuextstate,),
    OP(getvcpuextstate,  .copy_back = true),
    OP(set_vcpu_msrs,    .copy_back = true),
    OP(get_vcpu_msrs,    .copy_back = true),
    OP(sendtrigger,),
    OP(settscinfo,),
    OP(gettscinfo,       .copy_back = true),
};
#undef OP
/* clang-format on */
