/*
 * CPU policies for the control domain: the machine's (sysctl) and a domain's (domctl). Handlers of
 * the tables in domctl.c and sysctl.c, under LOCK_DOMCTL. A domain's policy is changed as a whole,
 * and only before the domain has run: what CPUID says does not change under a kernel.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <arch/domain.h>
#include <arch/policy.h>

#include "internal.h"

/* ---- lists to and from the caller ---- */

static int put_leaves(const struct cpu_policy *p, uint32_t *count, guest_ptr_t at)
{
    uint32_t room = *count;

    *count = p->nr_leaves;
    if (guest_ptr_is_null(at)) {
        *count = POLICY_LIST_LEAVES;
        return 0;
    }
    if (room < p->nr_leaves)
        return -ENOBUFS;
    for (unsigned int n = 0; n < p->nr_leaves; n++) {
        struct xen_cpuid_leaf leaf;

        policy_get_leaf(p, n, &leaf);
        if (copy_to_guest(guest_ptr_add(at, n * sizeof(leaf)), &leaf, sizeof(leaf)))
            return -EFAULT;
    }
    return 0;
}

static int put_msrs(const struct cpu_policy *p, uint32_t *count, guest_ptr_t at)
{
    uint32_t room = *count;

    *count = POLICY_LIST_MSRS;
    if (guest_ptr_is_null(at))
        return 0;
    if (room < POLICY_LIST_MSRS)
        return -ENOBUFS;
    for (unsigned int n = 0; n < POLICY_LIST_MSRS; n++) {
        struct xen_msr_entry entry;

        policy_get_msr(p, n, &entry);
        if (copy_to_guest(guest_ptr_add(at, n * sizeof(entry)), &entry, sizeof(entry)))
            return -EFAULT;
    }
    return 0;
}

static int take_leaves(struct cpu_policy *p, uint32_t count, guest_ptr_t at,
                       struct policy_objection *why)
{
    if (count > POLICY_LIST_LEAVES)
        return -E2BIG;
    for (uint32_t n = 0; n < count; n++) {
        struct xen_cpuid_leaf leaf;
        int rc;

        if (copy_from_guest(&leaf, guest_ptr_add(at, n * sizeof(leaf)), sizeof(leaf)))
            return -EFAULT;
        rc = policy_set_leaf(p, &leaf);
        if (rc) {
            why->leaf = leaf.leaf;
            why->subleaf = leaf.subleaf;
            return rc;
        }
    }
    return 0;
}

static int take_msrs(struct cpu_policy *p, uint32_t count, guest_ptr_t at,
                     struct policy_objection *why)
{
    if (count > POLICY_LIST_MSRS)
        return -E2BIG;
    for (uint32_t n = 0; n < count; n++) {
        struct xen_msr_entry entry;
        int rc;

        if (copy_from_guest(&entry, guest_ptr_add(at, n * sizeof(entry)), sizeof(entry)))
            return -EFAULT;
        rc = policy_set_msr(p, &entry);
        if (rc) {
            why->msr = entry.idx;
            return rc;
        }
    }
    return 0;
}

/* ---- a domain's ---- */

int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;
    int rc = put_leaves(d->arch->policy, &c->nr_leaves, guest_ptr(c->leaves));

    return rc ? rc : put_msrs(d->arch->policy, &c->nr_msrs, guest_ptr(c->msrs));
}

/* Has any of its vCPUs ever been on a CPU? It is paused. */
static bool has_run(struct domain *d)
{
    struct vcpu_runstate_info runstate;
    struct vcpu *v;
    unsigned int i;

    for_each_vcpu (d, v, i) {
        vcpu_get_runstate(v, &runstate);
        if (runstate.time[RUNSTATE_running])
            return true;
    }
    return false;
}

/* What the lists do not mention stays as it is. */
static int change_policy(struct domain *d, struct xen_domctl_cpu_policy *c,
                         struct policy_objection *why)
{
    struct cpu_policy *p = hv_alloc_type(struct cpu_policy);
    int rc;

    if (!p)
        return -ENOMEM;
    *p = *d->arch->policy;
    rc = take_leaves(p, c->nr_leaves, guest_ptr(c->leaves), why);
    if (!rc)
        rc = take_msrs(p, c->nr_msrs, guest_ptr(c->msrs), why);
    if (!rc)
        rc = policy_constrain(p, &pv_max_policy, why);
    if (!rc)
        *d->arch->policy = *p;
    hv_free(p);
    return rc;
}

int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;
    struct policy_objection why = { ~0U, ~0U, ~0U };
    int rc;

    if (d == current->domain)
        return -EINVAL;
    domain_pause(d);
    rc = has_run(d) ? -EEXIST : change_policy(d, c, &why);
    domain_unpause(d);
    c->err_leaf = why.leaf;
    c->err_subleaf = why.subleaf;
    c->err_msr = why.msr;
    return rc;
}

/* ---- the machine's ---- */

static const struct cpu_policy *const policies[] = {
    [XEN_SYSCTL_cpu_policy_host] = &host_policy,
    [XEN_SYSCTL_cpu_policy_pv_max] = &pv_max_policy,
    [XEN_SYSCTL_cpu_policy_pv_default] = &pv_max_policy,
};

/* The host's, with the features that the CPU's own leaves show. */
static struct cpu_policy *make_raw(void)
{
    struct cpu_policy *p = hv_alloc_type(struct cpu_policy);

    if (p) {
        *p = host_policy;
        policy_read_features(p);
    }
    return p;
}

static int put_policy(const struct cpu_policy *p, struct xen_sysctl_cpu_policy *c)
{
    int rc = put_leaves(p, &c->nr_leaves, guest_ptr(c->leaves));

    return rc ? rc : put_msrs(p, &c->nr_msrs, guest_ptr(c->msrs));
}

int sysctl_get_cpu_policy(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_policy *c = &op->u.cpu_policy;
    struct cpu_policy *raw;
    int rc;

    if (c->_rsvd || c->index > XEN_SYSCTL_cpu_policy_hvm_default)
        return -EINVAL;
    if (c->index != XEN_SYSCTL_cpu_policy_raw)
        return c->index < ARRAY_SIZE(policies) && policies[c->index]
                   ? put_policy(policies[c->index], c)
                   : -EOPNOTSUPP; /* there are no HVM guests */
    raw = make_raw();
    if (!raw)
        return -ENOMEM;
    rc = put_policy(raw, c);
    hv_free(raw);
    return rc;
}

/* CPUID's leaves are masked by making it fault or not at all. */
int sysctl_get_cpu_levelling_caps(struct xen_sysctl *op)
{
    op->u.cpu_levelling_caps.caps = host_cpu.cpuid_faulting ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
    return 0;
}

static int get_features(uint32_t index, uint32_t words[NR_FEATURE_WORDS])
{
    /* What a PV guest gets unless it is given less is the most that it can get. */
    static const struct cpu_policy *const of[] = {
        [XEN_SYSCTL_cpu_featureset_host] = &host_policy,
        [XEN_SYSCTL_cpu_featureset_pv] = &pv_max_policy,
        [XEN_SYSCTL_cpu_featureset_pv_max] = &pv_max_policy,
    };
    struct cpu_policy *raw;

    if (index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -EINVAL;
    if (index != XEN_SYSCTL_cpu_featureset_raw) {
        if (index >= ARRAY_SIZE(of) || !of[index])
            return -EOPNOTSUPP;
        memcpy(words, of[index]->features, NR_FEATURE_WORDS * sizeof(*words));
        return 0;
    }
    raw = make_raw();
    if (!raw)
        return -ENOMEM;
    memcpy(words, raw->features, NR_FEATURE_WORDS * sizeof(*words));
    hv_free(raw);
    return 0;
}

int sysctl_get_cpu_featureset(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    guest_ptr_t at = guest_ptr(f->features);
    uint32_t words[NR_FEATURE_WORDS], room = f->nr_features;
    int rc = get_features(f->index, words);

    if (rc)
        return rc;
    f->nr_features = NR_FEATURE_WORDS;
    if (guest_ptr_is_null(at))
        return 0;
    f->nr_features = min(room, (uint32_t)NR_FEATURE_WORDS);
    if (copy_to_guest(at, words, f->nr_features * sizeof(uint32_t)))
        return -EFAULT;
    return room < NR_FEATURE_WORDS ? -ENOBUFS : 0;
}
