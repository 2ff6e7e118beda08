/* What the control operations reach: a machine of four CPUs, three online, and two nodes; domain 0
 * is the control domain and asks. */
#ifndef CONTROL_MACHINE_H
#define CONTROL_MACHINE_H

#include "../harness/world.h"

#include <hv/control.h>
#include <hv/sched.h>
#include "../../../hypervisor/core/sched/internal.h"

#define IDLE_NS    1000 /* CPU n has been idle for (n + 1) times this */
#define CPU_NS     7000 /* every vCPU has run for as long */
#define RING_START 40U  /* the oldest character kept */
#define KNOWN_BUS  3    /* the PCI devices there are */

extern struct domain *dom0, *dom1, *dom3;
extern char ring[]; /* the console's: character n is ring[n - RING_START] */
extern uint32_t ring_cleared;
extern char keys_run[256];
extern struct domain *virq_handler;        /* of set_virq_handler */
extern unsigned int dom_exc;               /* VIRQs raised */
extern struct domain *created, *told_time; /* the last to be so; NULL: none */
extern struct domain_config created_as;
extern struct vcpu *vcpu_to_create;         /* NULL: out of memory */
extern int kill_rounds;                     /* -ERESTARTs before domain_kill() is done */
extern bool pinned;                         /* dom1's vCPU 0, by itself */
extern unsigned int moved_vcpus;            /* told that their pool changed */
extern unsigned int pcpu_changes;           /* dom0 was told of */
extern int down_rounds;                     /* -ERESTARTs before a CPU stops */
extern bool cpu_answers;                    /* or it neither starts nor stops */
extern uint8_t guest_buffer[4 * PAGE_SIZE]; /* where tests want results: 0xaa when set up */

void created_killed(void); /* takes `created` away */
int machine_setup(void **state);
int machine_teardown(void **state);

long call_sysctl(uint32_t cmd, struct xen_sysctl *op); /* sets cmd and version */
long call_domctl(uint32_t cmd, domid_t id, struct xen_domctl *op);

extern const struct CMUnitTest sysctl_tests[], domctl_tests[], hypfs_tests[];
extern const size_t nr_sysctl_tests, nr_domctl_tests, nr_hypfs_tests;

#endif
