/* Memory of domains: frames and what they are. Return values as xc.h says. */
#ifndef XC_MEMORY_H
#define XC_MEMORY_H

#include "xc/xc.h"
#include <xen/memory.h>

/* One row of a memory map, as INT 15h, EAX=E820h gives it */
struct xc_e820_entry {
    uint64_t start, size;
    uint32_t type; /* 1 memory, 2 reserved, 3 ACPI, 4 ACPI's to keep, 5 broken */
} __attribute__((packed));

/*
 * Frames of 2^@order pages: @frames, from xc_buffer_alloc(), has the guest's frame numbers, and for
 * a PV domain gets the machine's. Returns how many were made, which may be fewer than @count.
 */
long xc_populate(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int mem_flags, xen_pfn_t *frames);
/* Give back; @frames from xc_buffer_alloc(). Returns how many were given. */
long xc_decrease(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 xen_pfn_t *frames);
/* More memory anywhere; @frames gets the machine's frames */
long xc_increase(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int mem_flags, xen_pfn_t *frames);
/* Set aside @pages in all for the domain before they are made; 0 lifts it */
int xc_claim(struct xc *xc, uint32_t domid, uint64_t pages);
/* @space: XENMAPSPACE_* */
int xc_add_to_physmap(struct xc *xc, uint32_t domid, unsigned int space, unsigned long idx,
                      xen_pfn_t gpfn);
int xc_remove_from_physmap(struct xc *xc, uint32_t domid, xen_pfn_t gpfn);
/* Highest guest frame number in use */
long xc_maximum_gpfn(struct xc *xc, uint32_t domid);
/* Frames of the host: one past the highest */
long xc_maximum_ram_page(struct xc *xc);
/* The frames, in order, of the table that gives a machine frame's guest frame: 2 MiB each. @count
 * is in and out. */
int xc_machphys_frames(struct xc *xc, xen_pfn_t *frames, unsigned int *count);

/* Memory maps; @count is in and out for the ones that read, 0 with NULL asks how many there are */
int xc_set_memory_map(struct xc *xc, uint32_t domid, const struct xc_e820_entry *map,
                      unsigned int count);
int xc_memory_map(struct xc *xc, struct xc_e820_entry *map, unsigned int *count);
int xc_machine_memory_map(struct xc *xc, struct xc_e820_entry *map, unsigned int *count);

/* What frames are: @frames, from xc_buffer_alloc(), gets XEN_DOMCTL_PFINFO_* in place of numbers */
int xc_page_types(struct xc *xc, uint32_t domid, unsigned long count, xen_pfn_t *frames);
/* Pin or unpin one table: @cmd is MMUEXT_PIN_L1_TABLE... or MMUEXT_UNPIN_TABLE */
int xc_pin(struct xc *xc, uint32_t domid, unsigned int cmd, xen_pfn_t mfn);
/* The log of dirty pages and other modes; @op as xen_domctl_shadow_op, in and out, its bitmap from
 * xc_buffer_alloc() */
int xc_shadow_op(struct xc *xc, uint32_t domid, struct xen_domctl_shadow_op *op);

/* Topology of virtual memory nodes, arrays as in xen_domctl_vnuma: @nodes * @nodes distances */
int xc_set_vnuma(struct xc *xc, uint32_t domid, unsigned int nodes, unsigned int ranges,
                 unsigned int vcpus, const struct xen_vmemrange *range,
                 const unsigned int *distance, const unsigned int *vcpu_node,
                 const unsigned int *host_node);

#endif
