/* Private to core/control. */
#ifndef CONTROL_INTERNAL_H
#define CONTROL_INTERNAL_H

#include <hv/control.h>

/* Debug log: what was refused, and why. */
void control_refused(const char *what, unsigned int cmd, const char *name, long rc);

/* What getdomaininfo and getdomaininfolist tell. LOCK_DOMCTL. */
void control_describe(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Bits beyond what the guest's bitmap has are 0; bits beyond what a mask has are dropped. */
must_check int control_get_cpumask(const struct xenctl_bitmap *bitmap, cpumask_t *mask);
/* Only the CPUs that there may be; the rest of the guest's bitmap is zeroed. -E2BIG, -EFAULT. */
must_check int control_put_cpumask(const struct xenctl_bitmap *bitmap, const cpumask_t *mask);

/* domctl_memory.c */
must_check int domctl_setnodeaffinity(struct domain *d, struct xen_domctl *op);
must_check int domctl_getnodeaffinity(struct domain *d, struct xen_domctl *op);
must_check int domctl_setvnumainfo(struct domain *d, struct xen_domctl *op);

/* sysctl_sched.c */
must_check int sysctl_sched_id(struct xen_sysctl *op);
must_check int sysctl_cpupool_op(struct xen_sysctl *op);
must_check int sysctl_scheduler_op(struct xen_sysctl *op);

/* hotplug.c */
must_check int sysctl_cpu_hotplug(struct xen_sysctl *op);

/* sysctl_power.c */
must_check int sysctl_get_pmstat(struct xen_sysctl *op);
must_check int sysctl_pm_op(struct xen_sysctl *op);

/* sysctl_host.c */
must_check int sysctl_tbuf_op(struct xen_sysctl *op);
must_check int sysctl_page_offline_op(struct xen_sysctl *op);
must_check int sysctl_pcitopoinfo(struct xen_sysctl *op);
must_check int sysctl_livepatch_op(struct xen_sysctl *op);
must_check int sysctl_coverage_op(struct xen_sysctl *op);

#endif
