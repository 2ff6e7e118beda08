/*
 * CPU policies: lists of CPUID leaves and MSRs. What is in them, and what a domain should get, is
 * the builder's and libxl's to know.
 */
#include <errno.h>
#include "xc/policy.h"

/* Both arrays of a policy on their way to the hypervisor and back */
struct arrays {
    struct xc_bounce leaves, msrs;
};

static void arrays_out(struct xc *xc, struct arrays *a)
{
    xc_bounce_out(xc, &a->leaves);
    xc_bounce_out(xc, &a->msrs);
}

static int arrays_in(struct xc *xc, struct arrays *a, const struct xc_policy *p,
                     enum xc_direction direction)
{
    int rc;

    *a = (struct arrays){ 0 };
    rc = xc_bounce_in(xc, &a->leaves, p->leaves, p->leaf_count * sizeof(*p->leaves), direction);
    if (rc == 0)
        rc = xc_bounce_in(xc, &a->msrs, p->msrs, p->msr_count * sizeof(*p->msrs), direction);
    if (rc < 0)
        arrays_out(xc, a);
    return rc;
}

int xc_policy_of_host(struct xc *xc, unsigned int index, struct xc_policy *p)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_get_cpu_policy };
    struct arrays a;
    int rc = arrays_in(xc, &a, p, XC_OUT);

    if (rc < 0)
        return rc;
    op.u.cpu_policy.index = index;
    op.u.cpu_policy.nr_leaves = p->leaf_count;
    op.u.cpu_policy.nr_msrs = p->msr_count;
    set_xen_guest_handle(op.u.cpu_policy.leaves, a.leaves.buffer);
    set_xen_guest_handle(op.u.cpu_policy.msrs, a.msrs.buffer);
    rc = xc_sysctl(xc, &op);
    arrays_out(xc, &a);
    if (rc == 0) {
        p->leaf_count = op.u.cpu_policy.nr_leaves;
        p->msr_count = op.u.cpu_policy.nr_msrs;
    }
    return rc;
}

int xc_policy_size(struct xc *xc, struct xc_policy *p)
{
    struct xc_policy empty = { 0 };
    int rc = xc_policy_of_host(xc, XEN_SYSCTL_cpu_policy_host, &empty);

    if (rc == 0) {
        p->leaf_count = empty.leaf_count;
        p->msr_count = empty.msr_count;
    }
    return rc;
}

static int domain_op(struct xc *xc, uint32_t domid, uint32_t cmd, struct xc_policy *p,
                     enum xc_direction direction, struct xen_domctl *op)
{
    struct arrays a;
    int rc = arrays_in(xc, &a, p, direction);

    if (rc < 0)
        return rc;
    *op = (struct xen_domctl){ .cmd = cmd, .domain = domid };
    op->u.cpu_policy.nr_leaves = p->leaf_count;
    op->u.cpu_policy.nr_msrs = p->msr_count;
    op->u.cpu_policy.err_leaf = op->u.cpu_policy.err_subleaf = op->u.cpu_policy.err_msr = ~0u;
    set_xen_guest_handle(op->u.cpu_policy.leaves, a.leaves.buffer);
    set_xen_guest_handle(op->u.cpu_policy.msrs, a.msrs.buffer);
    rc = xc_domctl(xc, op);
    arrays_out(xc, &a);
    return rc;
}

int xc_policy_of_domain(struct xc *xc, uint32_t domid, struct xc_policy *p)
{
    struct xen_domctl op;
    int rc = domain_op(xc, domid, XEN_DOMCTL_get_cpu_policy, p, XC_OUT, &op);

    if (rc == 0) {
        p->leaf_count = op.u.cpu_policy.nr_leaves;
        p->msr_count = op.u.cpu_policy.nr_msrs;
    }
    return rc;
}

int xc_policy_set(struct xc *xc, uint32_t domid, const struct xc_policy *p,
                  struct xc_policy_refusal *refused)
{
    struct xen_domctl op = { .u.cpu_policy = {
                                 .err_leaf = ~0u, .err_subleaf = ~0u, .err_msr = ~0u } };
    struct xc_policy in = *p;
    int rc = domain_op(xc, domid, XEN_DOMCTL_set_cpu_policy, &in, XC_IN, &op);

    if (refused)
        *refused =
            (struct xc_policy_refusal){ op.u.cpu_policy.err_leaf, op.u.cpu_policy.err_subleaf,
                                        op.u.cpu_policy.err_msr };
    return rc;
}

int xc_featureset(struct xc *xc, unsigned int index, uint32_t *features, uint32_t *count)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_get_cpu_featureset };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, features, features ? *count * sizeof(*features) : 0, XC_OUT);

    if (rc < 0)
        return rc;
    op.u.cpu_featureset.index = index;
    op.u.cpu_featureset.nr_features = features ? *count : 0;
    set_xen_guest_handle(op.u.cpu_featureset.features, b.buffer);
    rc = xc_sysctl(xc, &op);
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *count = op.u.cpu_featureset.nr_features;
    return rc;
}
