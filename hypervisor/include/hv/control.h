/*
 * The control interface: HYPERVISOR_sysctl (the machine) and HYPERVISOR_domctl (one domain), for
 * the control domain only. Core's operations stand in core/control's tables, the architecture's in
 * its own, looked up second. One operation at a time, under LOCK_DOMCTL.
 */
#ifndef HV_CONTROL_H
#define HV_CONTROL_H

#include <hv/domain.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define NR_SYSCTLS 32
#define NR_DOMCTLS 96

/* An operation gets the copy of the caller's argument. Where copy_back says so, the copy goes back:
 * sysctl's after success, and after -ENOBUFS, which tells how much more there is; domctl's always,
 * because errors are explained in it. -ERESTART: call again. */
struct sysctl {
    const char *name;
    int (*fn)(struct xen_sysctl *op);
    bool copy_back;
};

/* The domain is that of op->domain, with a reference; `at_or_above`: or the next one by id;
 * `no_domain`: NULL. */
struct domctl {
    const char *name;
    int (*fn)(struct domain *d, struct xen_domctl *op);
    bool copy_back, at_or_above, no_domain;
};

extern const struct sysctl arch_sysctls[NR_SYSCTLS];
extern const struct domctl arch_domctls[NR_DOMCTLS];

/* -EPERM: not the control domain; -EFAULT; -EACCES: another interface version; -ENOSYS: no such
 * operation; domctl's -ESRCH: no such domain. */
must_check long do_sysctl(guest_ptr_t arg);
must_check long do_domctl(guest_ptr_t arg);
/* hypfs.c. -EPERM: not the control domain; -EOPNOTSUPP: no such operation; -EINVAL, -ENOENT (path);
 * -ENOBUFS: only the description fits; -EACCES, -ENOSPC (writing). */
must_check long do_hypfs_op(unsigned int cmd, guest_ptr_t path, uint64_t path_len, guest_ptr_t data,
                            uint64_t size);

/* LOCK_DOMCTL. Not waited for: who waited could be the vCPU that the holder waits for to stop.
 * False: the hypercall is to be executed again. */
must_check bool control_begin(void);
void control_end(void);

/* hotplug.c, LOCK_DOMCTL. -EINVAL: no such CPU; -EEXIST: it is there; -ENOMEM, -ETIMEDOUT. */
must_check int cpu_up(unsigned int cpu);
/* -EINVAL: no such CPU online, or the boot CPU; -EBUSY, -EADDRINUSE: it is needed; -ERESTART. */
must_check int cpu_down(unsigned int cpu);

/* ---- arch ---- */
struct cpu_place {
    uint32_t core, socket; /* core: within its socket; hyperthreads share both numbers */
    uint32_t node;         /* NUMA; < NR_NODES */
};
void arch_cpu_place(unsigned int cpu, struct cpu_place *out);
/* What a new domain's creator asks of the architecture. -EINVAL. */
must_check int arch_domain_configure(struct domain *d, const struct xen_arch_domainconfig *config);
/* Counter rate, capabilities (XEN_SYSCTL_PHYSCAP_*), hw_cap. */
void arch_physinfo(struct xen_sysctl_physinfo *info);

#endif
