/*
 * The control operations on the machine that only x86 has, and x86's part of physinfo; see
 * core/control/sysctl.c.
 */
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

/* clang-format off */
#define OP(op) [XEN_SYSCTL_##op] = { .name = #op, .fn = sysctl_##op, .copy_back = true }
const struct sysctl arch_sysctls[NR_SYSCTLS] = {
    OP(get_cpu_levelling_caps),
    OP(get_cpu_featureset),
    OP(get_cpu_policy),
};
#undef OP
/* clang-format on */
