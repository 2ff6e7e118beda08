/* HVM and PVH domains: their parameters and the state of what is emulated. Return values as xc.h
 * says. */
#ifndef XC_HVM_H
#define XC_HVM_H

#include "xc/xc.h"
#include <xen/hvm/params.h>

/* @index: HVM_PARAM_* */
int xc_hvm_get_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t *value);
int xc_hvm_set_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t value);
/* State of the vCPUs and of emulated devices, as the hypervisor packs it. @size is in and out: the
 * room at @state, or, when that is NULL, the room that is needed; then what was written. */
int xc_hvm_get_context(struct xc *xc, uint32_t domid, void *state, uint32_t *size);
int xc_hvm_set_context(struct xc *xc, uint32_t domid, const void *state, uint32_t size);

#endif
