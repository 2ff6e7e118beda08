/*
 * The end of domains, as events. The store tells (@releaseDomain) that some domain has shut down or
 * gone; which one, and how, the hypervisor says. All who want to know of deaths share one watch.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/event/event.h"
#include "xc/domain.h"

struct libxl__evgen_domain_death {
    struct watched watch;
    uint32_t domid;
    xen_domain_handle_t handle; /* tells a domain from a later one with its number */
    libxl_ev_user user;
    bool shutdown_told, death_told;
};

static libxl_event *new_event(const libxl_evgen_domain_death *evgen, libxl_event_type type)
{
    libxl_event *event = xl_calloc(1, sizeof(*event));

    libxl_event_init(event);
    libxl_event_init_type(event, type);
    event->domid = evgen->domid;
    memcpy(event->domuuid.uuid, evgen->handle, sizeof(event->domuuid.uuid));
    event->for_user = evgen->user;
    return event;
}

static void look(libxl_ctx *ctx, struct watched *w)
{
    libxl_evgen_domain_death *evgen = (libxl_evgen_domain_death *)w;
    struct xen_domctl_getdomaininfo info;
    libxl_event *event;
    bool gone;

    if (evgen->death_told)
        return;
    gone = xc_domain_info(ctx->xc, evgen->domid, &info) ||
           memcmp(info.handle, evgen->handle, sizeof(evgen->handle));
    if (gone || (info.flags & XEN_DOMINF_dying)) {
        evgen->death_told = true;
        report_event(ctx, new_event(evgen, LIBXL_EVENT_TYPE_DOMAIN_DEATH));
    } else if ((info.flags & XEN_DOMINF_shutdown) && !evgen->shutdown_told) {
        evgen->shutdown_told = true;
        event = new_event(evgen, LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN);
        event->u.domain_shutdown.shutdown_reason =
            (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
        report_event(ctx, event);
    } else if (!(info.flags & XEN_DOMINF_shutdown)) {
        evgen->shutdown_told = false; /* it was resumed, and may shut down again */
    }
}

int libxl_evenable_domain_death(libxl_ctx *ctx, uint32_t domid, libxl_ev_user user,
                                libxl_evgen_domain_death **evgen_out)
{
    struct xen_domctl_getdomaininfo info;
    libxl_evgen_domain_death *evgen;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    *evgen_out = NULL;
    rc = domain_info(&op, domid, &info);
    if (rc)
        return op_end(&op, rc);
    evgen = xl_calloc(1, sizeof(*evgen));
    evgen->domid = domid;
    evgen->user = user;
    memcpy(evgen->handle, info.handle, sizeof(evgen->handle));
    evgen->watch.path = "@releaseDomain";
    evgen->watch.occurred = look;
    rc = watch_add(&op, &evgen->watch);
    if (rc)
        free(evgen);
    else
        *evgen_out = evgen;
    return op_end(&op, rc);
}

void libxl_evdisable_domain_death(libxl_ctx *ctx, libxl_evgen_domain_death *evgen)
{
    watch_remove(ctx, &evgen->watch);
    free(evgen);
}
