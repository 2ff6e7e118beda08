/*
 * The control operations on the machine that only x86 has, and x86's part of physinfo; see
 * core/control/sysctl.c.
 */
#include <hv/errno.h>
#include <hv/string.h>
#include <arch/policy.h>
#include <arch/tsc.h>

#include "internal.h"

_Static_assert(NR_FEATURE_WORDS * sizeof(uint32_t) >=
                   sizeof(((struct xen_sysctl_physinfo *)NULL)->hw_cap),
               "hw_cap is the beginning of the feature set");

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    info->cpu_khz = (uint32_t)(tsc_hz / 1000);
    info->capabilities = XEN_SYSCTL_PHYSCAP_pv;
    memcpy(info->hw_cap, host_cpu.features, sizeof(info->hw_cap));
}

/* No policy has the bits that tell of measuring and dividing caches. */
static int sysctl_psr_cmt_op(struct xen_sysctl *op)
{
    (void)op;
    return -ENODEV;
}

static int sysctl_psr_alloc(struct xen_sysctl *op)
{
    return op->u.psr_alloc.cmd <= XEN_SYSCTL_PSR_get_mba_info ? -ENODEV : -EOPNOTSUPP;
}

/* clang-format off */
#define OP(op) [XEN_SYSCTL_##op] = { .name = #op, .fn = sysctl_##op, .copy_back = true }
const struct sysctl arch_sysctls[NR_SYSCTLS] = {
    OP(get_cpu_levelling_caps),
    OP(get_cpu_featureset),
    OP(psr_cmt_op),
    OP(psr_alloc),
    OP(get_cpu_policy),
};
#undef OP
/* clang-format on */
