/* Private to x86/control: handlers of its tables (hv/control.h says how they are called). */
#ifndef X86_CONTROL_INTERNAL_H
#define X86_CONTROL_INTERNAL_H

#include <hv/control.h>

/* ---- domctl_vcpu.c ---- */
int domctl_setvcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_getvcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_set_ext_vcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_get_ext_vcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_setvcpuextstate(struct domain *d, struct xen_domctl *op);
int domctl_getvcpuextstate(struct domain *d, struct xen_domctl *op);
int domctl_set_vcpu_msrs(struct domain *d, struct xen_domctl *op);
int domctl_get_vcpu_msrs(struct domain *d, struct xen_domctl *op);
int domctl_sendtrigger(struct domain *d, struct xen_domctl *op);
int domctl_settscinfo(struct domain *d, struct xen_domctl *op);
int domctl_gettscinfo(struct domain *d, struct xen_domctl *op);
int domctl_set_address_size(struct domain *d, struct xen_domctl *op);
int domctl_get_address_size(struct domain *d, struct xen_domctl *op);

/* ---- domctl_policy.c ---- */
int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op);
int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op);
int sysctl_get_cpu_policy(struct xen_sysctl *op);
int sysctl_get_cpu_levelling_caps(struct xen_sysctl *op);
int sysctl_get_cpu_featureset(struct xen_sysctl *op);

/* ---- domctl_memory.c ---- */
int domctl_getpageframeinfo3(struct domain *d, struct xen_domctl *op);
int domctl_memory_mapping(struct domain *d, struct xen_domctl *op);

/* ---- domctl_devices.c ---- */
int domctl_iomem_permission(struct domain *d, struct xen_domctl *op);
int domctl_ioport_permission(struct domain *d, struct xen_domctl *op);
int domctl_irq_permission(struct domain *d, struct xen_domctl *op);

#endif
