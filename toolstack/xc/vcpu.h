/* vCPUs: their registers, and where they run. Return values as xc.h says. */
#ifndef XC_VCPU_H
#define XC_VCPU_H

#include "xc/xc.h"

int xc_vcpu_info(struct xc *xc, uint32_t domid, unsigned int vcpu,
                 struct xen_domctl_getvcpuinfo *info);
/* @context NULL takes the vCPU down, as if it had never been started */
int xc_vcpu_set_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        const struct vcpu_guest_context *context);
int xc_vcpu_get_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        struct vcpu_guest_context *context);
int xc_vcpu_set_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            const struct xen_domctl_ext_vcpucontext *context);
int xc_vcpu_get_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            struct xen_domctl_ext_vcpucontext *context);

/* State of XSAVE in the hypervisor's layout. @size is in and out: the room at @state, or, when that
 * is NULL, the room that is needed; then what was written. @features gets the mask of components.
 */
int xc_vcpu_get_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, void *state, uint64_t *size,
                      uint64_t *features);
int xc_vcpu_set_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, const void *state,
                      uint64_t size);
/* @count is in and out as for XSAVE; set: with -EINVAL it is the index of the one refused */
int xc_vcpu_get_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     struct xen_domctl_vcpu_msr *msrs, uint32_t *count);
int xc_vcpu_set_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     const struct xen_domctl_vcpu_msr *msrs, uint32_t *count);

/*
 * Where a vCPU may (hard) and should (soft) run: bitmaps of @bits CPUs; NULL leaves one alone.
 * After setting they have what holds in fact. @flags: XEN_VCPUAFFINITY_FORCE or 0.
 */
int xc_vcpu_set_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft, uint32_t flags);
int xc_vcpu_get_affinity(struct xc *xc, uint32_t domid, unsigned int vcpu, unsigned int bits,
                         uint8_t *hard, uint8_t *soft);

#endif
