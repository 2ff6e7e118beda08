/*
 * A host without a hypervisor below: libxl opens, and knows two CPUs on one node. The functions
 * here stand before those of the libraries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>
#include <xenstore.h>

#pragma GCC visibility push(default)

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                                unsigned int flags);
xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    static int something;

    return (xc_interface *)(void *)&something;
}

int xc_interface_close(xc_interface *xch)
{
    (void)xch;
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    static int something;

    return (struct xs_handle *)(void *)&something;
}

void xs_close(struct xs_handle *xsh)
{
    (void)xsh;
}

int xc_get_max_cpus(xc_interface *xch)
{
    (void)xch;
    return 2;
}

int xc_get_max_nodes(xc_interface *xch)
{
    (void)xch;
    return 1;
}

int xc_get_online_cpus(xc_interface *xch)
{
    (void)xch;
    return 2;
}

int xc_cputopoinfo(xc_interface *xch, unsigned int *max_cpus, xc_cputopo_t *topology)
{
    (void)xch;
    *max_cpus = 2;
    if (topology) {
        memset(topology, 0, 2 * sizeof(*topology));
        topology[1].core = 1;
    }
    return 0;
}
