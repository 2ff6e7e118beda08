/*
 * A host without a hypervisor below: libxl opens, and knows two CPUs on one node, or more. The
 * functions here stand before those of the libraries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>
#include <xenstore.h>

#include "fake.h"

#pragma GCC visibility push(default)

int fake_cpus = 2, fake_nodes = 1;

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
    return fake_cpus;
}

int xc_get_max_nodes(xc_interface *xch)
{
    (void)xch;
    return fake_nodes;
}

int xc_get_online_cpus(xc_interface *xch)
{
    (void)xch;
    return fake_cpus;
}

int xc_cputopoinfo(xc_interface *xch, unsigned int *max_cpus, xc_cputopo_t *topology)
{
    int i;

    (void)xch;
    *max_cpus = (unsigned int)fake_cpus;
    for (i = 0; topology && i < fake_cpus; i++)
        topology[i] =
            (xc_cputopo_t){ .core = (uint32_t)i, .node = (uint32_t)(i * fake_nodes / fake_cpus) };
    return 0;
}
