/* Event channels and grants on behalf of a domain. Return values as xc.h says. */
#ifndef XC_EVENT_H
#define XC_EVENT_H

#include "xc/xc.h"
#include <xen/event_channel.h>

/* A port of @domid that @remote may bind to: returns its number */
int xc_evtchn_alloc_unbound(struct xc *xc, uint32_t domid, uint32_t remote);
/* Close all ports of @domid */
int xc_evtchn_reset(struct xc *xc, uint32_t domid);
/* @status->dom and ->port say which */
int xc_evtchn_status(struct xc *xc, struct evtchn_status *status);

/*
 * Fill the reserved entries of a fresh grant table of @domid: @console_gfn for @console_domid,
 * @store_gfn for @store_domid. A frame of 0 leaves an entry empty.
 */
int xc_grant_reserved(struct xc *xc, uint32_t domid, xen_pfn_t console_gfn, uint32_t console_domid,
                      xen_pfn_t store_gfn, uint32_t store_domid);

#endif
