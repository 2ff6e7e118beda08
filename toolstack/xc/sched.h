/* Parameters of schedulers. Return values as xc.h says. */
#ifndef XC_SCHED_H
#define XC_SCHED_H

#include "xc/xc.h"

/* The scheduler of the first pool, XEN_SCHEDULER_* */
int xc_sched_id(struct xc *xc);
/* @cmd: XEN_SYSCTL_SCHEDOP_*; @op has pool, scheduler and parameters, in and out */
int xc_sched_pool(struct xc *xc, uint32_t cmd, struct xen_sysctl_scheduler_op *op);
/* @cmd: XEN_DOMCTL_SCHEDOP_getinfo or _putinfo; @op has scheduler and parameters, in and out */
int xc_sched_domain(struct xc *xc, uint32_t domid, uint32_t cmd,
                    struct xen_domctl_scheduler_op *op);
/* @cmd: XEN_DOMCTL_SCHEDOP_getvcpuinfo or _putvcpuinfo for @count vCPUs */
int xc_sched_vcpus(struct xc *xc, uint32_t domid, uint32_t cmd, uint32_t scheduler,
                   struct xen_domctl_schedparam_vcpu *vcpus, unsigned int count);

#endif
