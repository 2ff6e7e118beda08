/* The machine: its CPUs, memory, devices and console. Return values as xc.h says. */
#ifndef XC_HOST_H
#define XC_HOST_H

#include <stdbool.h>
#include "xc/xc.h"
#include <xen/physdev.h>

int xc_physinfo(struct xc *xc, struct xen_sysctl_physinfo *info);
/* @count is in and out: the room in @topology, or with NULL how many CPUs there can be */
int xc_cpu_topology(struct xc *xc, struct xen_sysctl_cputopo *topology, unsigned int *count);
/* The same for nodes of memory; @distance has @count times @count entries */
int xc_numa_info(struct xc *xc, struct xen_sysctl_meminfo *memory, uint32_t *distance,
                 unsigned int *count);
/* The node of each device, or XEN_INVALID_NODE_ID, XEN_INVALID_DEV; returns how many were asked
 * before the hypervisor stopped: go on there */
int xc_pci_topology(struct xc *xc, const struct physdev_pci_device *devices, uint32_t *nodes,
                    unsigned int count);

/*
 * Text of the hypervisor's console into @buffer. *@count is in and out, bytes. With @index, reading
 * starts there and it gets the place to go on; @clear empties the ring.
 */
int xc_console_read(struct xc *xc, char *buffer, uint32_t *count, uint32_t *index, bool clear);
int xc_debug_keys(struct xc *xc, const char *keys);

/* Monitoring and allocation of caches; @op as in the hypervisor's headers, in and out */
int xc_psr_cmt(struct xc *xc, struct xen_sysctl_psr_cmt_op *op);
int xc_psr_alloc(struct xc *xc, struct xen_sysctl_psr_alloc *op);
int xc_domain_psr_cmt(struct xc *xc, uint32_t domid, struct xen_domctl_psr_cmt_op *op);
int xc_domain_psr_alloc(struct xc *xc, uint32_t domid, struct xen_domctl_psr_alloc *op);
/* Registers of a CPU read together, as XENPF_resource_op does it: @values has @count words */
struct xc_msr_read {
    uint32_t cpu;
    unsigned int count;
    const struct xc_msr_step {
        uint64_t msr, value;
        bool write;
    } * steps;
    uint64_t *values;
};
int xc_read_msrs(struct xc *xc, const struct xc_msr_read *read);

/* Whether the machine lets a device be given to a domain */
int xc_test_assign(struct xc *xc, uint32_t domid, uint32_t sbdf);
int xc_assign_device(struct xc *xc, uint32_t domid, uint32_t sbdf, uint32_t flags);
int xc_deassign_device(struct xc *xc, uint32_t domid, uint32_t sbdf);

#endif
