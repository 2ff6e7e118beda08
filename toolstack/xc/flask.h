/* The hypervisor's security module: labels, its state, its policy. Return values as xc.h says. */
#ifndef XC_FLASK_H
#define XC_FLASK_H

#include <stdbool.h>
#include "xc/xc.h"

int xc_flask_context_to_sid(struct xc *xc, const char *context, size_t size, uint32_t *sid);
/* *@size is in and out */
int xc_flask_sid_to_context(struct xc *xc, uint32_t sid, char *context, uint32_t *size);
/* 1 or 0 */
int xc_flask_get_enforce(struct xc *xc);
int xc_flask_set_enforce(struct xc *xc, bool on);
int xc_flask_load(struct xc *xc, const void *policy, uint32_t size);

#endif
