/* Domains: to make, to end, to look at. Return values as xc.h says. */
#ifndef XC_DOMAIN_H
#define XC_DOMAIN_H

#include <stdbool.h>
#include "xc/xc.h"
#include <xen/sched.h>

/* @domid: 0 lets the hypervisor choose, the result is in it */
int xc_domain_create(struct xc *xc, uint32_t *domid, const struct xen_domctl_createdomain *config);
/* The hypervisor works in steps and may say -ERESTART to the kernel, which goes on: this returns
 * when all is torn down. Frames that others still map keep the domain as a zombie. */
int xc_domain_destroy(struct xc *xc, uint32_t domid);
int xc_domain_pause(struct xc *xc, uint32_t domid);
int xc_domain_unpause(struct xc *xc, uint32_t domid);
/* Lift the shutdown of a domain that suspended itself */
int xc_domain_resume(struct xc *xc, uint32_t domid);
/* @reason: SHUTDOWN_* */
int xc_domain_shutdown(struct xc *xc, uint32_t domid, unsigned int reason);
int xc_domain_soft_reset(struct xc *xc, uint32_t domid);

/* Of exactly this domain; -ESRCH if there is none */
int xc_domain_info(struct xc *xc, uint32_t domid, struct xen_domctl_getdomaininfo *info);
/* Of @max domains at most, ids rising from @first on; returns how many */
int xc_domain_list(struct xc *xc, uint32_t first, unsigned int max,
                   struct xen_domctl_getdomaininfo *info);

int xc_domain_set_handle(struct xc *xc, uint32_t domid, const uint8_t handle[16]);
int xc_domain_max_vcpus(struct xc *xc, uint32_t domid, unsigned int count);
int xc_domain_max_memory(struct xc *xc, uint32_t domid, uint64_t kb);
int xc_domain_set_time_offset(struct xc *xc, uint32_t domid, int64_t seconds);
/* @size: bits of the kernel's addresses, 32 or 64 (PV) */
int xc_domain_set_address_size(struct xc *xc, uint32_t domid, unsigned int size);
int xc_domain_get_address_size(struct xc *xc, uint32_t domid, unsigned int *size);
int xc_domain_get_tsc(struct xc *xc, uint32_t domid, struct xen_domctl_tsc_info *info);
int xc_domain_set_tsc(struct xc *xc, uint32_t domid, const struct xen_domctl_tsc_info *info);
/* Write the hypercall entries into the frame @gmfn */
int xc_domain_hypercall_init(struct xc *xc, uint32_t domid, uint64_t gmfn);
/* The domain's port @port rings when it suspends */
int xc_domain_subscribe_suspend(struct xc *xc, uint32_t domid, uint32_t port);
int xc_domain_set_target(struct xc *xc, uint32_t domid, uint32_t target);
int xc_domain_set_debugging(struct xc *xc, uint32_t domid, bool on);
/* @trigger: XEN_DOMCTL_SENDTRIGGER_* */
int xc_domain_trigger(struct xc *xc, uint32_t domid, unsigned int trigger, unsigned int vcpu);
/* Nodes: @nodes is a bitmap of @bits bits */
int xc_domain_set_node_affinity(struct xc *xc, uint32_t domid, const uint8_t *nodes,
                                unsigned int bits);
int xc_domain_get_node_affinity(struct xc *xc, uint32_t domid, uint8_t *nodes, unsigned int bits);
/* The hypervisor's own memory for a translated domain's tables, bytes */
int xc_domain_set_paging_pool(struct xc *xc, uint32_t domid, uint64_t bytes);
int xc_domain_get_paging_pool(struct xc *xc, uint32_t domid, uint64_t *bytes);

/* What a domain may touch of the machine */
int xc_domain_irq_permission(struct xc *xc, uint32_t domid, uint32_t pirq, bool allow);
int xc_domain_iomem_permission(struct xc *xc, uint32_t domid, uint64_t first_mfn, uint64_t count,
                               bool allow);
int xc_domain_ioport_permission(struct xc *xc, uint32_t domid, uint32_t first, uint32_t count,
                                bool allow);

#endif
