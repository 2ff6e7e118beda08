/*
 * The state of a domain's vCPUs for the control domain: what a guest is built, saved and restored
 * with. Handlers of the table in domctl.c, under LOCK_DOMCTL, with a reference on the domain, which
 * is paused for as long as they look at it.
 */
#include <hv/bitops.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <hv/sched.h>
#include <arch/pv.h>

#include "internal.h"

/* Somebody else's: the caller's own state is in its CPU. */
static int find_vcpu(struct domain *d, uint32_t id, struct vcpu **out)
{
    if (d->type != DOMAIN_PV)
        return -EOPNOTSUPP;
    *out = domain_vcpu(d, id);
    return *out && d != current->domain ? 0 : -EINVAL;
}

/* Back to before it was given a context. */
static int reset(struct vcpu *v)
{
    int rc = pv_vcpu_drop_context(v);

    if (rc)
        return rc;
    set_bit_atomic(VCPU_DOWN, &v->pause_flags);
    clear_bit_atomic(VCPU_BLOCKED, &v->pause_flags);
    clear_bit_atomic(VCPU_POLLING, &v->pause_flags);
    return 0;
}

static int set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = pv_vcpu_set_context(v, c);

    if (rc)
        return rc;
    if (c->flags & VGCF_online)
        clear_bit_atomic(VCPU_DOWN, &v->pause_flags);
    else
        set_bit_atomic(VCPU_DOWN, &v->pause_flags);
    return 0;
}

int domctl_setvcpucontext(struct domain *d, struct xen_domctl *op)
{
    guest_ptr_t from = guest_ptr(op->u.vcpucontext.ctxt);
    struct vcpu_guest_context *c = NULL;
    struct vcpu *v;
    int rc = find_vcpu(d, op->u.vcpucontext.vcpu, &v);

    if (rc)
        return rc;
    if (!guest_ptr_is_null(from)) {
        c = hv_alloc_type(struct vcpu_guest_context);
        if (!c)
            return -ENOMEM;
        if (copy_from_guest(c, from, sizeof(*c)))
            rc = -EFAULT;
    }
    if (!rc) {
        domain_pause(d);
        rc = c ? set_context(v, c) : reset(v);
        domain_unpause(d);
    }
    hv_free(c);
    return rc;
}

int domctl_getvcpucontext(struct domain *d, struct xen_domctl *op)
{
    struct vcpu_guest_context *c;
    struct vcpu *v;
    int rc = find_vcpu(d, op->u.vcpucontext.vcpu, &v);

    if (rc)
        return rc;
    if (!v->is_initialised)
        return -ENODATA;
    c = hv_alloc_type(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    domain_pause(d);
    pv_vcpu_get_context(v, c);
    domain_unpause(d);
    if (copy_to_guest(guest_ptr(op->u.vcpucontext.ctxt), c, sizeof(*c)))
        rc = -EFAULT;
    hv_free(c);
    return rc;
}

/* PV guests are 64-bit; none is to be anything else. */
int domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
    (void)d;
    return op->u.address_size.size == 64 ? 0 : -EINVAL;
}

int domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
    (void)d;
    op->u.address_size.size = 64;
    return 0;
}
