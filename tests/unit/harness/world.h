/*
 * A small world for tests of what works on domains: domains with vCPUs, a machine's frames with
 * owners and counts, guest memory, a preemption counter. Whatever is held at the end is a leak.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/frame.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>

#define WORLD_FRAMES  4096U
#define WORLD_DOMAINS 8U

struct world_frame {
    domid_t owner;
    bool in_use;   /* by a domain or by us */
    bool is_table; /* a page table: not to become writable */
    int refs, writers;
};

struct world {
    struct domain *domain[WORLD_DOMAINS]; /* by id */
    struct vcpu *running;
    struct world_frame frame[WORLD_FRAMES];
    char *memory; /* of all frames */
    unsigned int kicks[WORLD_DOMAINS][16];
    void (*on_kick)(struct vcpu *v);
    int copies_to_before_fault; /* -1: never */
    int copies_from_before_fault;
    int work_before_preemption; /* hypercall_preempt_check() calls; -1: never */
    int allocations_before_failure;
    unsigned long allocated; /* objects and pages */
    unsigned int messages;
    void (*on_message)(const char *text); /* of guest_printk() */
    struct {
        bool set;
        unsigned int op, nargs;
        uint64_t args[NR_HYPERCALL_ARGS];
    } continued;
    unsigned int tlb_syncs;
    unsigned int mapped_frames; /* by arch_map_guest_frame */
};

extern struct world world;

void world_reset(void);
/* Every domain torn down and freed; nothing is left allocated or referenced. */
void world_end(void);
struct domain *world_domain(domid_t id, unsigned int nr_vcpus);
/* A page of guest memory that d owns. */
mfn_t world_page(struct domain *d);
void world_be(struct domain *d, unsigned int vcpu);
/* Kill d: teardown of the parts under test until done. */
void world_kill(struct domain *d);
/* The parts under test; the test says which. */
extern const struct domain_part *const world_parts[];
extern const unsigned int world_nr_parts;

/* A guest's pointer to a test's object. */
#define G(p)        guest_ptr((const void *)(p))
#define BAD_POINTER guest_ptr(8)

#endif
