/*
 * CPU policies as lists of leaves and MSRs, the form in which the control interface and saved
 * guests have them (public arch-x86/xen.h). Pure; who calls it (x86/control/domctl_policy.c) works
 * on a policy that nobody else sees yet. Which entries there may be follows from the ABI, not from
 * this machine: a list may come from another one.
 */
#include <hv/errno.h>
#include <arch/policy.h>

#define STATES   63U /* subleaves of leaf 0xd */
#define FEATURES 3U  /* of leaf 7 */
#define LEVELS   2U  /* of leaf 0xb */

void policy_get_leaf(const struct cpu_policy *p, unsigned int n, struct xen_cpuid_leaf *out)
{
    const struct policy_leaf *l = &p->leaves[n];

    *out = (struct xen_cpuid_leaf){
        .leaf = l->leaf,
        .subleaf = policy_has_subleaves(l->leaf) ? l->subleaf : XEN_CPUID_NO_SUBLEAF,
        .a = l->r.eax,
        .b = l->r.ebx,
        .c = l->r.ecx,
        .d = l->r.edx,
    };
}

static uint32_t subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
        return POLICY_CACHES;
    case 7:
        return FEATURES;
    case 0xb:
        return LEVELS;
    default:
        return STATES;
    }
}

static bool is_in_range(uint32_t leaf, uint32_t subleaf)
{
    if (policy_has_subleaves(leaf))
        return subleaf < subleaves(leaf);
    return subleaf == XEN_CPUID_NO_SUBLEAF &&
           (leaf <= POLICY_MAX_BASIC || leaf == policy_own_leaves[0] ||
            leaf == policy_own_leaves[1] || (leaf >> 31 && leaf <= POLICY_MAX_EXTENDED));
}

int policy_set_leaf(struct cpu_policy *p, const struct xen_cpuid_leaf *in)
{
    struct policy_leaf *l;

    if (!is_in_range(in->leaf, in->subleaf))
        return -ERANGE;
    l = policy_find_leaf(p, in->leaf, policy_has_subleaves(in->leaf) ? in->subleaf : 0);
    if (l)
        l->r = (struct cpuid_regs){ in->a, in->b, in->c, in->d };
    return 0;
}

void policy_get_msr(const struct cpu_policy *p, unsigned int n, struct xen_msr_entry *out)
{
    *out = (struct xen_msr_entry){ .idx = n ? MSR_ARCH_CAPS : MSR_PLATFORM_INFO };
    out->val = n ? (uint64_t)p->features[WORD_ARCH_CAPS_HI] << 32 | p->features[WORD_ARCH_CAPS_LO]
                 : (p->cpuid_faulting ? PLATFORM_INFO_CPUID_FAULT : 0);
}

int policy_set_msr(struct cpu_policy *p, const struct xen_msr_entry *in)
{
    if (in->flags)
        return -EINVAL;
    switch (in->idx) {
    case MSR_PLATFORM_INFO:
        if (in->val & ~PLATFORM_INFO_CPUID_FAULT)
            return -EOVERFLOW;
        p->cpuid_faulting = in->val;
        return 0;
    case MSR_ARCH_CAPS:
        p->features[WORD_ARCH_CAPS_LO] = (uint32_t)in->val;
        p->features[WORD_ARCH_CAPS_HI] = (uint32_t)(in->val >> 32);
        return 0;
    default:
        return -ERANGE;
    }
}
