/*
 * A hypervisor of one domain for the builder's tests: frames in a memfd, which xc_map() really
 * maps. They start with garbage, as frames that dom0 gave back do. Machine frames are numbered from
 * FAKE_BASE on, in an order of their own.
 */
#ifndef FAKE_XC_H
#define FAKE_XC_H

#include <stdbool.h>
#include "xc/policy.h"
#include "xc/vcpu.h"
#include "xc/xc.h"

#define FAKE_BASE   0x1000ul
#define FAKE_SHARED 0x77ul
#define FAKE_DOMID  5
#define FAKE_GFNS   (1ul << 20) /* numbers that a guest of the other kind has for its pages */

struct fake {
    uint64_t room;         /* frames that there are */
    bool no_big;           /* none in blocks */
    int fail_at;           /* this call fails, counted from 1; 0: none */
    int calls;             /* so far */
    int buffers, maps;     /* not given back */
    unsigned long mapped;  /* pages, all in all */
    uint64_t used, max_kb; /* frames; limit */
    xen_pfn_t *mfn_of;     /* by the guest's frame number */
    xen_pfn_t pinned, hypercalls, console, store;
    bool has_context;
    struct vcpu_guest_context context;
    struct shared_info shared;
    unsigned int vcpus;
    bool hvm;            /* its pages are called by its own numbers */
    uint64_t params[64]; /* HVM_PARAM_* */
    uint8_t state[2048]; /* that was set */
    uint32_t state_size;
    uint64_t map_end;
    xen_cpuid_leaf_t leaves[3], host[3];
};

extern struct fake fake;

void fake_start(uint64_t room);
void fake_end(void);
/* A page of the guest, to read */
const uint8_t *fake_page(uint64_t pfn);
uint64_t fake_pfn_of(xen_pfn_t mfn);

#endif
