/*
 * Event channels and grants that a domain finds when it starts: the toolstack makes them for it.
 * Called by libxl (ports) and the builder (grants).
 */
#include <errno.h>
#include <sys/mman.h>
#include "xc/event.h"
#include <xen/grant_table.h>
#include <xen/memory.h>

int xc_evtchn_alloc_unbound(struct xc *xc, uint32_t domid, uint32_t remote)
{
    struct evtchn_alloc_unbound arg = { .dom = domid, .remote_dom = remote };
    long rc =
        xc_command(xc, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &arg, sizeof(arg));

    return rc < 0 ? rc : (int)arg.port;
}

int xc_evtchn_reset(struct xc *xc, uint32_t domid)
{
    struct evtchn_reset arg = { .dom = domid };

    return xc_command(xc, __HYPERVISOR_event_channel_op, EVTCHNOP_reset, &arg, sizeof(arg));
}

int xc_evtchn_status(struct xc *xc, struct evtchn_status *status)
{
    return xc_command(xc, __HYPERVISOR_event_channel_op, EVTCHNOP_status, status, sizeof(*status));
}

static void grant(struct grant_entry_v1 *entry, xen_pfn_t gfn, uint32_t domid)
{
    if (!gfn)
        return;
    entry->domid = domid;
    entry->frame = gfn;
    /* Readers look at the flags first: they come last */
    __atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
}

int xc_grant_reserved(struct xc *xc, uint32_t domid, xen_pfn_t console_gfn, uint32_t console_domid,
                      xen_pfn_t store_gfn, uint32_t store_domid)
{
    struct xc_resource table;
    struct grant_entry_v1 *entries;
    int rc;

    rc = xc_map_resource(xc, &table, domid, XENMEM_resource_grant_table,
                         XENMEM_resource_grant_table_id_shared, 0, 1, PROT_READ | PROT_WRITE);
    if (rc < 0)
        return rc;
    entries = table.address;
    grant(&entries[GNTTAB_RESERVED_CONSOLE], console_gfn, console_domid);
    grant(&entries[GNTTAB_RESERVED_XENSTORE], store_gfn, store_domid);
    xc_unmap_resource(xc, &table);
    return 0;
}
