/* Pools of CPUs, each with a scheduler of its own. Return values as xc.h says. */
#ifndef XC_CPUPOOL_H
#define XC_CPUPOOL_H

#include "xc/xc.h"

#define XC_CPUPOOL_ANY XEN_SYSCTL_CPUPOOL_PAR_ANY

struct xc_cpupool {
    uint32_t id, scheduler, domains;
};

/* *@id: what it shall be, or XC_CPUPOOL_ANY; @scheduler: XEN_SCHEDULER_* */
int xc_cpupool_create(struct xc *xc, uint32_t *id, uint32_t scheduler);
int xc_cpupool_destroy(struct xc *xc, uint32_t id);
/* The first pool from @id on; @cpus is a bitmap of @bits. -ENOENT when there is none. */
int xc_cpupool_info(struct xc *xc, uint32_t id, struct xc_cpupool *pool, uint8_t *cpus,
                    unsigned int bits);
/* @cpu may be XC_CPUPOOL_ANY */
int xc_cpupool_add_cpu(struct xc *xc, uint32_t id, uint32_t cpu);
int xc_cpupool_remove_cpu(struct xc *xc, uint32_t id, uint32_t cpu);
int xc_cpupool_move_domain(struct xc *xc, uint32_t id, uint32_t domid);
/* CPUs of no pool */
int xc_cpupool_free_cpus(struct xc *xc, uint8_t *cpus, unsigned int bits);

#endif
