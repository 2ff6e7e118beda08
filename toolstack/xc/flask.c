/* Operations of the security module: one hypercall, one structure. Called by libxl's host part. */
#include "xc/flask.h"
#include <xen/xsm/flask_op.h>

static int flask_op(struct xc *xc, struct xen_flask_op *op)
{
    op->interface_version = XEN_FLASK_INTERFACE_VERSION;
    return xc_request(xc, __HYPERVISOR_xsm_op, op, sizeof(*op));
}

int xc_flask_context_to_sid(struct xc *xc, const char *context, size_t size, uint32_t *sid)
{
    struct xen_flask_op op = { .cmd = FLASK_CONTEXT_TO_SID };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, context, size, XC_IN);

    if (rc < 0)
        return rc;
    op.u.sid_context.size = size;
    set_xen_guest_handle(op.u.sid_context.context, b.buffer);
    rc = flask_op(xc, &op);
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *sid = op.u.sid_context.sid;
    return rc;
}

int xc_flask_sid_to_context(struct xc *xc, uint32_t sid, char *context, uint32_t *size)
{
    struct xen_flask_op op = { .cmd = FLASK_SID_TO_CONTEXT };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, context, *size, XC_OUT);

    if (rc < 0)
        return rc;
    op.u.sid_context.sid = sid;
    op.u.sid_context.size = *size;
    set_xen_guest_handle(op.u.sid_context.context, b.buffer);
    rc = flask_op(xc, &op);
    xc_bounce_out(xc, &b);
    if (rc == 0)
        *size = op.u.sid_context.size;
    return rc;
}

int xc_flask_get_enforce(struct xc *xc)
{
    struct xen_flask_op op = { .cmd = FLASK_GETENFORCE };

    return flask_op(xc, &op);
}

int xc_flask_set_enforce(struct xc *xc, bool on)
{
    struct xen_flask_op op = { .cmd = FLASK_SETENFORCE, .u.enforce.enforcing = on };

    return flask_op(xc, &op);
}

int xc_flask_load(struct xc *xc, const void *policy, uint32_t size)
{
    struct xen_flask_op op = { .cmd = FLASK_LOAD };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, policy, size, XC_IN);

    if (rc < 0)
        return rc;
    op.u.load.size = size;
    set_xen_guest_handle(op.u.load.buffer, b.buffer);
    rc = flask_op(xc, &op);
    xc_bounce_out(xc, &b);
    return rc;
}
