/*
 * What CPUID shows to a domain. The hypervisor gave it its default for the type; the caller's
 * changes are applied to that, leaf by leaf, and the hypervisor checks the result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "builder/internal.h"
#include "xc/policy.h"

/* Policies of the domain, and of the machine for bits that shall be as there */
struct policies {
    struct xc_policy domain, host;
};

static int read_policy(struct xc *xc, struct xc_policy *p, const struct xc_policy *size,
                       const struct build_request *request)
{
    *p = *size;
    p->leaves = calloc(p->leaf_count, sizeof(*p->leaves));
    p->msrs = calloc(p->msr_count, sizeof(*p->msrs));
    if (!p->leaves || !p->msrs)
        return -ENOMEM;
    return request ? xc_policy_of_domain(xc, request->domid, p)
                   : xc_policy_of_host(xc, XEN_SYSCTL_cpu_policy_host, p);
}

static void free_policy(struct xc_policy *p)
{
    free(p->leaves);
    free(p->msrs);
}

static xen_cpuid_leaf_t *find(const struct xc_policy *p, const struct build_cpuid *change)
{
    for (uint32_t i = 0; i < p->leaf_count; i++)
        if (p->leaves[i].leaf == change->leaf &&
            (p->leaves[i].subleaf == change->subleaf ||
             (p->leaves[i].subleaf == 0 && change->subleaf == XEN_CPUID_NO_SUBLEAF)))
            return &p->leaves[i];
    return NULL;
}

static uint32_t change_bits(uint32_t value, uint32_t host, const struct build_bits *bits)
{
    value &= ~(bits->clear | bits->host);
    return value | bits->set | (bits->host & host);
}

static int apply(struct policies *p, const struct build_cpuid *change, struct build_error *error)
{
    static const xen_cpuid_leaf_t none;
    xen_cpuid_leaf_t *leaf = find(&p->domain, change);
    const xen_cpuid_leaf_t *host = find(&p->host, change);

    if (!leaf)
        return build_fail(error, -EINVAL, "cpuid: leaf %#x, subleaf %#x is none that a domain has",
                          change->leaf, change->subleaf);
    if (!host)
        host = &none;
    leaf->a = change_bits(leaf->a, host->a, &change->a);
    leaf->b = change_bits(leaf->b, host->b, &change->b);
    leaf->c = change_bits(leaf->c, host->c, &change->c);
    leaf->d = change_bits(leaf->d, host->d, &change->d);
    return 0;
}

static int set(struct xc *xc, const struct build_request *request, struct xc_policy *p,
               struct build_error *error)
{
    struct xc_policy_refusal refused;
    int rc = xc_policy_set(xc, request->domid, p, &refused);

    if (rc < 0 && refused.leaf != ~0u)
        return build_fail(error, rc, "cpuid: leaf %#x, subleaf %#x cannot be so on this host: %s",
                          refused.leaf, refused.subleaf, strerror(-rc));
    if (rc < 0)
        return build_fail(error, rc, "cannot set what CPUID shows to the domain: %s",
                          strerror(-rc));
    return 0;
}

int build_policy(struct xc *xc, const struct build_request *request, struct build_error *error)
{
    struct policies p = { 0 };
    struct xc_policy size = { 0 };
    int rc;

    if (!request->cpuid_count)
        return 0;
    rc = xc_policy_size(xc, &size);
    if (rc == 0)
        rc = read_policy(xc, &p.domain, &size, request);
    if (rc == 0)
        rc = read_policy(xc, &p.host, &size, NULL);
    if (rc < 0)
        rc = build_fail(error, rc, "cannot read what CPUID shows to the domain: %s", strerror(-rc));
    for (size_t i = 0; i < request->cpuid_count && rc == 0; i++)
        rc = apply(&p, &request->cpuid[i], error);
    if (rc == 0)
        rc = set(xc, request, &p.domain, error);
    free_policy(&p.domain);
    free_policy(&p.host);
    return rc;
}
