/*
 * A machine whose CPUs remember translations: PV domains with real frames and page tables, and TLBs
 * that forget only what they are told to. A CPU runs always the same vCPU.
 */
#ifndef PV_MACHINE_H
#define PV_MACHINE_H

#include "../harness/memory.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include "../../../hypervisor/x86/pv/internal.h"

#define CPUS      3U
#define RAM_START 272U /* the 16 frames below are device frames in a chunk with RAM */
#define RAM_END   1200U
#define OWN       56U /* frames that a domain begins with */
#define REMEMBERS 48U /* translations of each kind in a CPU */

/* A page table that a CPU remembers the address of, or a leaf of one. */
struct translation {
    mfn_t m;
    unsigned int level; /* of the table; 0: leaf */
    bool write;
    domid_t owner; /* when it was remembered */
    uint64_t va;
};

struct cpu {
    struct vcpu *vcpu;
    struct translation tlb[REMEMBERS];
    unsigned int next;
};

extern struct cpu cpus[CPUS];
extern struct domain *domains[2]; /* 0: control and hardware; 1: a guest like any other */
extern mfn_t own[2][OWN];         /* frames a domain thinks it has; the first ones are its tables */
extern unsigned int preempt_one_in; /* 0: never */
extern unsigned int fault_one_in;   /* guest pointers; 0: never */
extern uint64_t m2p[RAM_END];
extern bool granted[RAM_END]; /* another domain may have been let map it, by map_grant() */
extern unsigned long leaves_found, stores_done, faults_logged; /* by touch() */
extern struct {
    bool set;
    unsigned int op;
    uint64_t args[NR_HYPERCALL_ARGS];
} continued;

/* Level that the i-th frame is meant for; 0: data. */
unsigned int role_of(unsigned int i);
void machine_start(void);
void machine_end(void);
struct domain *make_domain(domid_t id, unsigned int vcpus, unsigned int first_cpu);
/* Kill it, as domain_kill() does. */
void kill_domain(domid_t id);
void free_domain(domid_t id);
void run_on(unsigned int cpu); /* current is its vCPU; CPUS: nobody's */
/* The CPU walks to an address of its guest's, as the hardware does, and may store `value` there. */
void touch(unsigned int cpu, uint64_t va, bool user_table, const uint64_t *value);

/* Of an entry: mostly one of the few that the tests use. */
unsigned int any_index(void);

/* logged.c: the second domain is being migrated, or not. */
void migrate_step(void);   /* the control domain does something about it, or nothing */
void migrate_finish(void); /* the domain was killed */
/* What is done while one of its operations is to be continued. */
extern void (*migrate_others)(void);
extern unsigned long rounds_done, pages_sent, arrivals_compared;
/* The mirrors are what they have to be. */
void check_mirrors(const struct domain *d);
/* The level of a table that the CPU may walk in place of a guest's; 0: there is none. */
unsigned int mirror_level(const struct domain *d, mfn_t page);

/* check.c: everything that must hold between two operations. */
void check_everything(void);

#endif
