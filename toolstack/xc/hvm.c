/*
 * What only domains with hardware virtualisation have. Called by the builder (parameters) and the
 * stream (all). No state, no lock.
 */
#include "xc/hvm.h"
#include <xen/hvm/hvm_op.h>

int xc_hvm_get_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t *value)
{
    struct xen_hvm_param arg = { .domid = (domid_t)domid, .index = index };
    const long rc = xc_command(xc, __HYPERVISOR_hvm_op, HVMOP_get_param, &arg, sizeof(arg));

    if (rc == 0)
        *value = arg.value;
    return (int)rc;
}

int xc_hvm_set_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t value)
{
    struct xen_hvm_param arg = { .domid = (domid_t)domid, .index = index, .value = value };

    return (int)xc_command(xc, __HYPERVISOR_hvm_op, HVMOP_set_param, &arg, sizeof(arg));
}

static int context_op(struct xc *xc, uint32_t domid, uint32_t cmd, const void *state,
                      uint32_t *size, enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = (domid_t)domid };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, state, state ? *size : 0, direction);

    if (rc < 0)
        return rc;
    op.u.hvmcontext.size = state ? *size : 0;
    set_xen_guest_handle(op.u.hvmcontext.buffer, b.buffer);
    rc = xc_domctl(xc, &op);
    xc_bounce_out(xc, &b);
    *size = op.u.hvmcontext.size;
    return rc;
}

int xc_hvm_get_context(struct xc *xc, uint32_t domid, void *state, uint32_t *size)
{
    return context_op(xc, domid, XEN_DOMCTL_gethvmcontext, state, size, XC_OUT);
}

int xc_hvm_set_context(struct xc *xc, uint32_t domid, const void *state, uint32_t size)
{
    return context_op(xc, domid, XEN_DOMCTL_sethvmcontext, state, &size, XC_IN);
}
