/*
 * The hypervisor: event channels, domains' pages, domains' states. A page is mapped by the grant
 * that toolstacks make for the store; where there is none, as memory of the domain.
 */
#include "xen.h"
#include "internal.h"

#include "xc/domain.h"
#include "xc/xc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/grant_table.h>
#include <xenevtchn.h>
#include <xengnttab.h>

/* Pages that are mapped as memory, to be unmapped so */
struct foreign {
    struct foreign *next;
    void *page;
};

static xenevtchn_handle *events;
static xengnttab_handle *grants;
static struct xc *xc;
static struct foreign *foreign;
static int exception_port = -1;

int xen_open(void)
{
    int rc = xc_open(&xc, NULL);

    if (rc < 0) {
        xc = NULL;
        say(LOG_ERR, "no connection to the hypervisor: %s", strerror(-rc));
        return rc;
    }
    events = xenevtchn_open(NULL, 0);
    if (!events || fcntl(xenevtchn_fd(events), F_SETFL, O_NONBLOCK) < 0) {
        rc = -errno;
        say(LOG_ERR, "event channels cannot be used: %s", strerror(-rc));
        return rc;
    }
    exception_port = xenevtchn_bind_virq(events, VIRQ_DOM_EXC);
    if (exception_port < 0) {
        rc = -errno;
        say(LOG_ERR, "the ends of domains cannot be noticed (VIRQ_DOM_EXC): %s", strerror(-rc));
        return rc;
    }
    grants = xengnttab_open(NULL, 0);
    if (!grants)
        say(LOG_NOTICE, "no grants: domains' rings are mapped as their memory");
    return 0;
}

int xen_event_fd(void)
{
    return events ? xenevtchn_fd(events) : -1;
}

int xen_exception_port(void)
{
    return exception_port;
}

int xen_bind(uint32_t domid, uint32_t port)
{
    int local;

    if (!events)
        return -ENOENT;
    local = xenevtchn_bind_interdomain(events, domid, port);
    return local < 0 ? -errno : local;
}

void xen_unbind(int port)
{
    xenevtchn_unbind(events, (evtchn_port_t)port);
}

void xen_notify(int port)
{
    xenevtchn_notify(events, (evtchn_port_t)port);
}

int xen_pending(void)
{
    return events ? xenevtchn_pending(events) : -1;
}

void xen_unmask(int port)
{
    xenevtchn_unmask(events, (evtchn_port_t)port);
}

static void *map_memory(uint32_t domid, uint64_t frame)
{
    xen_pfn_t pfn = frame;
    struct foreign *f;
    int error;
    void *page = xc ? xc_map(xc, domid, PROT_READ | PROT_WRITE, 1, &pfn, &error) : NULL;

    if (page && error) {
        xc_unmap(xc, page, 1);
        page = NULL;
    }
    if (!page)
        return NULL;
    f = must(malloc(sizeof(*f)));
    *f = (struct foreign){ foreign, page };
    foreign = f;
    return page;
}

void *xen_map_ring(uint32_t domid, uint64_t frame)
{
    void *page = NULL;

    if (grants)
        page = xengnttab_map_grant_ref(grants, domid, GNTTAB_RESERVED_XENSTORE,
                                       PROT_READ | PROT_WRITE);
    if (!page)
        page = map_memory(domid, frame);
    if (!page)
        say(LOG_ERR, "domain %u: its ring, frame %#llx, cannot be mapped", domid,
            (unsigned long long)frame);
    return page;
}

void xen_unmap_ring(void *page, int dom0)
{
    struct foreign **p, *f;

    if (dom0) {
        munmap(page, XC_PAGE_SIZE);
        return;
    }
    for (p = &foreign; *p; p = &(*p)->next)
        if ((*p)->page == page) {
            f = *p;
            *p = f->next;
            free(f);
            xc_unmap(xc, page, 1);
            return;
        }
    xengnttab_unmap(grants, page, 1);
}

static int read_port(uint32_t *port)
{
    FILE *f = fopen("/proc/xen/xsd_port", "re");
    int rc;

    if (!f)
        return -errno;
    rc = fscanf(f, "%u", port) == 1 ? 0 : -EIO;
    fclose(f);
    return rc;
}

int xen_map_dom0_ring(void **page, uint32_t *port)
{
    int rc = read_port(port), fd;

    if (rc < 0)
        return rc;
    fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *page = mmap(NULL, XC_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    rc = *page == MAP_FAILED ? -errno : 0;
    close(fd);
    return rc;
}

enum xen_state xen_domain_state(uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (!xc)
        return XEN_RUNNING;
    rc = xc_domain_info(xc, domid, &info);
    if (rc == -ESRCH || (rc >= 0 && (info.flags & XEN_DOMINF_dying)))
        return XEN_GONE;
    return rc >= 0 && (info.flags & XEN_DOMINF_shutdown) ? XEN_SHUTDOWN : XEN_RUNNING;
}
