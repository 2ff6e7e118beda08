/*
 * Operations on one vCPU. The registers go through buffers of their own; their layout is the
 * hypervisor's. Called by libxl (affinity), the builder (first registers) and the stream (all).
 */
#include <errno.h>
#include "xc/vcpu.h"

int xc_vcpu_info(struct xc *xc, uint32_t domid, unsigned int vcpu,
                 struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getvcpuinfo, .domain = domid };
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = xc_domctl(xc, &op);
    if (rc == 0)
        *info = op.u.getvcpuinfo;
    return rc;
}

static int context_op(struct xc *xc, uint32_t domid, uint32_t cmd, unsigned int vcpu,
                      const struct vcpu_guest_context *context, enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, context, sizeof(*context), direction);

    if (rc < 0)
        return rc;
    op.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, b.buffer);
    rc = xc_domctl(xc, &op);
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_vcpu_set_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        const struct vcpu_guest_context *context)
{
    return context_op(xc, domid, XEN_DOMCTL_setvcpucontext, vcpu, context, XC_IN);
}

int xc_vcpu_get_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        struct vcpu_guest_context *context)
{
    return context_op(xc, domid, XEN_DOMCTL_getvcpucontext, vcpu, context, XC_OUT);
}

int xc_vcpu_set_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            const struct xen_domctl_ext_vcpucontext *context)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_set_ext_vcpucontext, .domain = domid };

    op.u.ext_vcpucontext = *context;
    op.u.ext_vcpucontext.vcpu = vcpu;
    return xc_domctl(xc, &op);
}

int xc_vcpu_get_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            struct xen_domctl_ext_vcpucontext *context)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_get_ext_vcpucontext, .domain = domid };
    int rc;

    op.u.ext_vcpucontext.vcpu = vcpu;
    rc = xc_domctl(xc, &op);
    if (rc == 0)
        *context = op.u.ext_vcpucontext;
    return rc;
}

static int xsave_op(struct xc *xc, uint32_t domid, uint32_t cmd, unsigned int vcpu,
                    const void *state, uint64_t *size, uint64_t *features,
                    enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, state, state ? *size : 0, direction);

    if (rc < 0)
        return rc;
    op.u.vcpuextstate.vcpu = vcpu;
    op.u.vcpuextstate.xfeature_mask = *features;
    op.u.vcpuextstate.size = state ? *size : 0;
    set_xen_guest_handle(op.u.vcpuextstate.buffer, b.buffer);
    rc = xc_domctl(xc, &op);
    xc_bounce_out(xc, &b);
    *size = op.u.vcpuextstate.size;
    *features = op.u.vcpuextstate.xfeature_mask;
    return rc;
}

int xc_vcpu_get_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, void *state, uint64_t *size,
                      uint64_t *features)
{
    return xsave_op(xc, domid, XEN_DOMCTL_getvcpuextstate, vcpu, state, size, features, XC_OUT);
}

int xc_vcpu_set_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, const void *state,
                      uint64_t size)
{
    uint64_t features = 0;

    return xsave_op(xc, domid, XEN_DOMCTL_setvcpuextstate, vcpu, state, &size, &features, XC_IN);
}

static int msrs_op(struct xc *xc, uint32_t domid, uint32_t cmd, unsigned int vcpu,
                   const struct xen_domctl_vcpu_msr *msrs, uint32_t *count,
                   enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };
    struct xc_bounce b;
    int rc = xc_bounce_in(xc, &b, msrs, msrs ? *count * sizeof(*msrs) : 0, direction);

    if (rc < 0)
        return rc;
    op.u.vcpu_msrs.vcpu = vcpu;
    op.u.vcpu_msrs.msr_count = msrs ? *count : 0;
    set_xen_guest_handle(op.u.vcpu_msrs.msrs, b.buffer);
    rc = xc_domctl(xc, &op);
    xc_bounce_out(xc, &b);
    *count = op.u.vcpu_msrs.msr_count;
    return rc;
}

int xc_vcpu_get_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     struct xen_domctl_vcpu_msr *msrs, uint32_t *count)
{
    return msrs_op(xc, domid, XEN_DOMCTL_get_vcpu_msrs, vcpu, msrs, count, XC_OUT);
}

int xc_vcpu_set_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     const struct xen_domctl_vcpu_msr *msrs, uint32_t *count)
{
    return msrs_op(xc, domid, XEN_DOMCTL_set_vcpu_msrs, vcpu, msrs, count, XC_IN);
}

static int affinity_op(struct xc *xc, uint32_t domid, uint32_t cmd, unsigned int vcpu,
                       unsigned int bits, uint8_t *hard, uint8_t *soft, uint32_t flags,
                       enum xc_direction direction)
{
    struct xen_domctl op = { .cmd = cmd, .domain = domid };
    struct xen_domctl_vcpuaffinity *arg = &op.u.vcpuaffinity;
    struct xc_bounce h, s;
    int rc;

    rc = xc_bounce_in(xc, &h, hard, (bits + 7) / 8, direction);
    if (rc < 0)
        return rc;
    rc = xc_bounce_in(xc, &s, soft, (bits + 7) / 8, direction);
    if (rc == 0) {
        arg->vcpu = vcpu;
        arg->flags =
            flags | (hard ? XEN_VCPUAFFINITY_HARD : 0) | (soft ? XEN_VCPUAFFINITY_SOFT : 0);
        set_xen_guest_handle(arg->cpumap_hard.bitmap, h.buffer);
        set_xen_guest_handle(arg->cpumap_soft.bitmap, s.buffer);
        arg->cpumap_hard.nr_bits = hard ? bits : 0;
        arg->cpumap_soft.nr_bits = soft ? bits : 0;
        rc = xc_domctl(xc, &op);
    }
    xc_bounce_out(xc, &h);
    xc_bounce_out(xc, &s);
    return rc;
}

int xc_vcpu_set_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft, uint32_t flags)
{
    return affinity_op(xc, domid, XEN_DOMCTL_setvcpuaffinity, vcpu, bits, hard, soft, flags,
                       XC_INOUT);
}

int xc_vcpu_get_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft)
{
    return affinity_op(xc, domid, XEN_DOMCTL_getvcpuaffinity, vcpu, bits, hard, soft, 0, XC_OUT);
}
