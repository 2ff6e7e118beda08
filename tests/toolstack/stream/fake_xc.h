/* A hypervisor of a few hundred frames behind xc's interface, as far as the stream uses it. */
#ifndef FAKE_XC_H
#define FAKE_XC_H

#include "stream/stream.h"
#include "xc/hvm.h"
#include "xc/xc.h"

#define FAKE_FRAMES  512u
#define FAKE_DOMAINS 3u
#define FAKE_VCPUS   2u
#define FAKE_M2P     0x100000ull /* first frame of the hypervisor's table */

struct fake_vcpu {
    bool online, set;
    struct vcpu_guest_context context;
    struct xen_domctl_ext_vcpucontext ext;
    uint64_t xsave[4], xsave_size;
    struct xen_domctl_vcpu_msr msrs[2];
    uint32_t msr_count;
};

struct fake_domain {
    bool exists, suspended, log_dirty, hvm;
    uint64_t max_pages, pages;
    xen_pfn_t shared;
    struct fake_vcpu vcpu[FAKE_VCPUS];
    struct xen_domctl_tsc_info tsc;
    unsigned int leaves, msrs, pins;
    uint64_t dirty[FAKE_FRAMES / 64];
    xen_pfn_t granted[2];
    uint64_t param[HVM_NR_PARAMS];
    char context[37];
};

struct fake {
    char *memory;
    uint64_t *m2p;
    uint16_t owner[FAKE_FRAMES]; /* domain, 0: nobody */
    uint32_t type[FAKE_FRAMES];  /* XEN_DOMCTL_PFINFO_* */
    struct fake_domain domain[FAKE_DOMAINS];
    int mapped; /* pages, now */
    int buffers;
};
extern struct fake fake;

/* Anew, with domains 1 and 2 that have nothing but a shared page */
void fake_reset(void);
/* The words of a frame */
uint64_t *fake_frame(xen_pfn_t frame);
/* A frame for a domain, as its page @pfn */
xen_pfn_t fake_add(unsigned int domid, uint64_t pfn, uint32_t type);

/* A guest in domain 1, suspended, with two vCPUs */
enum {
    G_START,
    G_STORE,
    G_CONSOLE,
    G_P2M,
    G_L4,
    G_L3,
    G_L2,
    G_L1,
    G_GDT,
    G_ROOT,
    G_LIST,
    G_USER_L4,
    G_HOLE,
    G_DATA,
    G_PAGES = 24
};
#define G_ADDRESS 0xffff880000000000ull
void fake_guest(bool linear);
/* Or an HVM guest in domain 1 and room for it in domain 2: 16 pages, every 30th from 5 on, that
 * have the bytes 1, 2... */
void fake_hvm_guest(void);
/* Its page's frame, by its own table */
xen_pfn_t fake_guest_frame(unsigned int pfn);

#endif
