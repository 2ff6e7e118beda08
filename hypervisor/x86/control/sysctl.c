/*
 * The control operations on the machine that only x86 has, and x86's part of physinfo; see
 * core/control/sysctl.c.
 */
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/string.h>
#include <arch/policy.h>
#include <arch/tsc.h>

_Static_assert(NR_FEATURE_WORDS * sizeof(uint32_t) >=
                   sizeof(((struct xen_sysctl_physinfo *)NULL)->hw_cap),
               "hw_cap is the beginning of the feature set");

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    info->cpu_khz = (uint32_t)(tsc_hz / 1000);
    info->capabilities = XEN_SYSCTL_PHYSCAP_pv;
    memcpy(info->hw_cap, host_cpu.features, sizeof(info->hw_cap));
}

/* CPUID's leaves are masked by making it fault or not at all. */
static int op_get_cpu_levelling_caps(struct xen_sysctl *op)
{
    op->u.cpu_levelling_caps.caps = host_cpu.cpuid_faulting ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
    return 0;
}

/* What a PV guest gets unless it is given less is the most that it can get. */
static const struct cpu_policy *const policies[] = {
    [XEN_SYSCTL_cpu_featureset_host] = &host_policy,
    [XEN_SYSCTL_cpu_featureset_pv] = &pv_max_policy,
    [XEN_SYSCTL_cpu_featureset_pv_max] = &pv_max_policy,
};

static int op_get_cpu_featureset(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    guest_ptr_t at = guest_ptr(f->features);
    uint32_t room = f->nr_features;

    if (f->index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -EINVAL;
    if (f->index >= ARRAY_SIZE(policies) || !policies[f->index])
        return -EOPNOTSUPP; /* there are no HVM guests; the raw values are not kept */
    f->nr_features = NR_FEATURE_WORDS;
    if (guest_ptr_is_null(at))
        return 0;
    f->nr_features = min(room, (uint32_t)NR_FEATURE_WORDS);
    if (copy_to_guest(at, policies[f->index]->features, f->nr_features * sizeof(uint32_t)))
        return -EFAULT;
    return room < NR_FEATURE_WORDS ? -ENOBUFS : 0;
}

/* clang-format off */
#define OP(op) [XEN_SYSCTL_##op] = { .name = #op, .fn = op_##op, .copy_back = true }
const struct sysctl arch_sysctls[NR_SYSCTLS] = {
    OP(get_cpu_levelling_caps),
    OP(get_cpu_featureset),
};
#undef OP
/* clang-format on */
