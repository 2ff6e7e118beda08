/*
 * What CPUID and MSRs show: the host's policy as read at boot, the most that a PV guest may get,
 * and each domain's own. Leaves are kept the way the control interface hands them around.
 */
#ifndef ARCH_POLICY_H
#define ARCH_POLICY_H

#include <hv/domain.h>
#include <arch/cpu_features.h>
#include <arch/processor.h>

#define POLICY_MAX_LEAVES   96
#define POLICY_MAX_BASIC    0xdU
#define POLICY_MAX_EXTENDED 0x80000021U
#define POLICY_CACHES       6U /* subleaves of leaf 4 */

/* A list of leaves or MSRs, as the control interface has them, has at most so many entries. */
#define POLICY_LIST_LEAVES 128U
#define POLICY_LIST_MSRS   2U

#define MISC_FEATURES_CPUID_FAULTING 1UL

struct policy_leaf {
    uint32_t leaf, subleaf; /* subleaf 0 where there are none */
    struct cpuid_regs r;
};

struct cpu_policy {
    enum cpu_vendor vendor;
    uint64_t xcr0;       /* components that may be enabled */
    bool cpuid_faulting; /* offered to the guest's kernel */
    uint32_t features[NR_FEATURE_WORDS];
    unsigned int nr_leaves;
    struct policy_leaf leaves[POLICY_MAX_LEAVES]; /* sorted */
};

extern struct cpu_policy host_policy, pv_max_policy;
extern const uint32_t policy_own_leaves[2]; /* in a policy, these say where our own leaves end */

static inline bool policy_has(const struct cpu_policy *p, enum cpu_feature f)
{
    return p->features[(unsigned int)f / 32] >> ((unsigned int)f % 32) & 1;
}

/* ---- cpu/policy.c ---- */
/* Boot: read the host and derive the rest. After cpu_init_features(). */
void policy_init(void);
/* The same from any source; for policy_init() and tests. xcr0: what the hypervisor can switch. */
typedef struct cpuid_regs (*cpuid_fn)(uint32_t leaf, uint32_t subleaf);
void policy_read_host(struct cpu_policy *p, cpuid_fn read, const struct host_cpu *host);
void policy_derive_pv(struct cpu_policy *p, const struct cpu_policy *host, uint64_t xcr0);

/* Features from the leaves. */
void policy_read_features(struct cpu_policy *p);
/* What somebody asked for, made consistent and no more than `max`; leaves that p does not have are
 * not there. -EINVAL: out of the question, and *at says why; p is unusable then. */
struct policy_objection {
    uint32_t leaf, subleaf, msr; /* XEN_CPUID_NO_SUBLEAF; ~0: not this */
};
must_check int policy_constrain(struct cpu_policy *p, const struct cpu_policy *max,
                                struct policy_objection *at);
bool policy_has_subleaves(uint32_t leaf);
struct policy_leaf *policy_find_leaf(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf);

/* ---- cpu/policy_list.c: as public arch-x86/xen.h has it ---- */
struct xen_cpuid_leaf;
struct xen_msr_entry;
/* Entry n: of nr_leaves, of POLICY_LIST_MSRS. */
void policy_get_leaf(const struct cpu_policy *p, unsigned int n, struct xen_cpuid_leaf *out);
void policy_get_msr(const struct cpu_policy *p, unsigned int n, struct xen_msr_entry *out);
/* What is said there into p. -ERANGE: no policy has that; -EINVAL, -EOVERFLOW: a wrong MSR value.
 */
must_check int policy_set_leaf(struct cpu_policy *p, const struct xen_cpuid_leaf *in);
must_check int policy_set_msr(struct cpu_policy *p, const struct xen_msr_entry *in);

must_check int policy_domain_init(struct domain *d); /* d->arch->policy; -ENOMEM */
void policy_domain_free(struct domain *d);

/* What a vCPU's CPUID returns, with what depends on the vCPU. */
void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);
/* The part of it that only depends on the policy and the vCPU's number and XCR0. */
void policy_cpuid(const struct cpu_policy *p, unsigned int vcpu, uint64_t xcr0, uint32_t leaf,
                  uint32_t subleaf, struct cpuid_regs *out);

/* ---- pv/msr.c: v is current. -EINVAL means #GP. ---- */
must_check int guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value);
must_check int guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value);
/* Those that are a vCPU's own and not part of its context; v does not run. Number n of
 * GUEST_MSRS_KEPT: false: it does not have it. Setting: -EINVAL. */
#define GUEST_MSRS_KEPT 2U
bool guest_msr_kept(const struct vcpu *v, unsigned int n, uint32_t *msr, uint64_t *value);
must_check int guest_msr_keep(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
