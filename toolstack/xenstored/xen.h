/* What the daemon asks of the hypervisor and of dom0's kernel. Tests have their own xen.c. */
#ifndef XENSTORED_XEN_H
#define XENSTORED_XEN_H

#include <stdint.h>

enum xen_state { XEN_GONE, XEN_RUNNING, XEN_SHUTDOWN };

/* Open the devices, bind VIRQ_DOM_EXC. -errno, with a line in the log */
int xen_open(void);
/* The event channel device, to be polled; -1 if it is not open */
int xen_event_fd(void);
int xen_exception_port(void);

/* Our end of a channel to @domid's @port, or -errno */
int xen_bind(uint32_t domid, uint32_t port);
void xen_unbind(int port);
void xen_notify(int port);
/* A port with an event, masked until xen_unmask(); negative: none */
int xen_pending(void);
void xen_unmask(int port);

/* The domain's store page: its grant for it, or @frame; NULL, with a line in the log */
void *xen_map_ring(uint32_t domid, uint64_t frame);
/* dom0's page, and its kernel's port; -errno */
int xen_map_dom0_ring(void **page, uint32_t *port);
void xen_unmap_ring(void *page, int dom0);

/* What has become of a domain; XEN_RUNNING when the hypervisor cannot be asked */
enum xen_state xen_domain_state(uint32_t domid);

#endif
