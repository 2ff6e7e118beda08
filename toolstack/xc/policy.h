/* What CPUID and MSRs show: of the host, and to a domain. Return values as xc.h says. */
#ifndef XC_POLICY_H
#define XC_POLICY_H

#include "xc/xc.h"

/* Rooms and contents of a policy */
struct xc_policy {
    uint32_t leaf_count, msr_count;
    xen_cpuid_leaf_t *leaves;
    xen_msr_entry_t *msrs;
};

/* How many leaves and MSRs a policy can have; the arrays of @p are not used */
int xc_policy_size(struct xc *xc, struct xc_policy *p);
/* @index: XEN_SYSCTL_cpu_policy_*. Counts are in and out. */
int xc_policy_of_host(struct xc *xc, unsigned int index, struct xc_policy *p);
int xc_policy_of_domain(struct xc *xc, uint32_t domid, struct xc_policy *p);
/* @refused, if not NULL, gets the leaf, subleaf and MSR that were refused, or ~0 */
struct xc_policy_refusal {
    uint32_t leaf, subleaf, msr;
};
int xc_policy_set(struct xc *xc, uint32_t domid, const struct xc_policy *p,
                  struct xc_policy_refusal *refused);
/* @index: XEN_SYSCTL_cpu_featureset_*; @count words in and out, NULL asks for the count */
int xc_featureset(struct xc *xc, unsigned int index, uint32_t *features, uint32_t *count);

#endif
