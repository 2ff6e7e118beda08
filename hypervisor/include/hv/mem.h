/*
 * Memory: frames from the buddy allocator (core/mem/buddy.c), small objects from the heap
 * (core/mem/heap.c), a domain's memory (core/mem/domain_mem.c).
 */
#ifndef HV_MEM_H
#define HV_MEM_H

#include <hv/types.h>
#include <hv/frame.h>
#include <hv/domain.h>

/* ---- frames ---- */
#define MAX_ORDER      18 /* 1 GiB */
#define NUMA_ANY       0xffU
#define NR_NODES       64
#define ALLOC_BELOW_4G 1U /* flag: DMA-able by 32-bit devices */
#define ALLOC_NO_SCRUB 2U /* flag: the caller overwrites it all */
#define ALLOC_EXACT    4U /* flag: from the node or not at all */
#define ALLOC_RESERVED 8U /* flag: the caller has reserved them */

/* 2^order frames, naturally aligned, contents scrubbed unless ALLOC_NO_SCRUB; from `node` (or
 * NUMA_ANY) if it has them, else from another. INVALID_MFN if there are none. Any context with
 * interrupts on. */
must_check mfn_t frames_alloc(unsigned int order, unsigned int flags, unsigned int node);
void frames_free(mfn_t first, unsigned int order);
void buddy_init(void); /* before the first range */
/* Boot: give a range of RAM to the allocator. */
void frames_add_range(mfn_t start, mfn_t end, unsigned int node);
/* Keep so many free frames for who asks, wherever they are: only with ALLOC_RESERVED they can be
 * allocated. False: there are not as many left. Frames that are freed are nobody's. */
must_check bool frames_reserve(uint64_t count);
void frames_unreserve(uint64_t count);
uint64_t frames_free_count(void);
void memory_watch(void);              /* from now on VIRQ_ENOMEM tells when that is low */
void memory_check_low(uint64_t free); /* by the allocator: so many frames are left */
uint64_t frames_total_count(void);
unsigned int frames_node_count(void); /* nodes that have memory: [0, n) */
uint64_t frames_node_free(unsigned int node);
uint64_t frames_node_total(unsigned int node);
/* Scrub some dirty free memory; true while there is more. Called by idle CPUs. */
bool frames_scrub_idle(void);

/* ---- one page for the hypervisor's own use, mapped ---- */
must_check void *page_alloc(void); /* zeroed; NULL */
void page_free(void *page);
must_check void *pages_alloc(unsigned int order); /* zeroed; NULL */
void pages_free(void *pages, unsigned int order);
mfn_t virt_to_mfn(const void *p);

/* ---- objects ---- */
must_check void *hv_alloc(size_t size); /* zeroed, 16-byte aligned; NULL */
void hv_free(void *p);                  /* NULL is fine */
size_t hv_heap_used(void);              /* bytes */
size_t hv_heap_slabs(void); /* pages of small objects; how many depends on who came first */
#define hv_alloc_type(type)         ((type *)hv_alloc(sizeof(type)))
#define hv_alloc_array(type, count) ((type *)hv_alloc_array_checked(sizeof(type), count))
must_check void *hv_alloc_array_checked(size_t size, size_t count);

/* ---- a domain's memory (struct domain_mem) ---- */
struct vnuma; /* core/mem/vnuma.c */

struct domain_mem {
    spinlock_t lock;            /* LOCK_DOMAIN_PAGES: guards the lists and the totals */
    struct frame_list pages;    /* its frames, which have `allocated` set */
    struct frame_list given_up; /* that are its own no more, but referred to */
    uint64_t tot_pages, max_pages;
    uint64_t shared_pages;  /* hypervisor pages shared with it */
    uint64_t claimed_pages; /* reserved for it: see claim.c */
    struct vnuma *vnuma;    /* its virtual nodes; NULL: none */
    uint64_t nodes;         /* that it is to have its memory from, a bit each; 0: near its vCPUs */
    unsigned int last_node;
};

/* Allocate one extent for d, as frames_alloc(), and count it; g is what d calls the first frame,
 * the others follow, or INVALID_GFN. -ENOMEM; -EPERM over max_pages. */
must_check int domain_populate(struct domain *d, unsigned int order, unsigned int flags,
                               unsigned int node, gfn_t g, mfn_t *out);
/* Give up one frame: no longer d's; freed when the last mapping goes. -EINVAL: not d's to give. */
must_check int domain_give_up(struct domain *d, struct frame *f);
/* Take a frame that nobody maps or refers to away from d, which still counts it: to be returned, or
 * freed or passed on. -EINVAL: it is another's, or in use. */
must_check int domain_take_frame(const struct domain *d, struct frame *f);
void domain_return_frame(struct frame *f);
void domain_free_frame(struct domain *from, struct frame *f);
/* It is `to`'s from now on, with its contents; or free: -EINVAL `to` is dying, -EPERM it has all
 * that it may have. */
must_check int domain_pass_frame(struct domain *from, struct frame *f, struct domain *to);
uint64_t domain_claims(void); /* frames that are reserved for domains (XENMEM_claim_pages) */
/* The nodes from which d gets memory when none is named, a bit each. */
uint64_t domain_nodes(struct domain *d);
/* Describe d's virtual nodes: XEN_DOMCTL_setvnumainfo's argument, with its arrays in guest memory.
 * -EINVAL, -E2BIG, -ENOMEM, -EFAULT. */
struct xen_domctl_vnuma;
must_check int vnuma_set(struct domain *d, const struct xen_domctl_vnuma *from);
/* What d calls its frame m. -EINVAL: it is not d's, or not any more: another vCPU may have given it
 * up, and it may be somebody else's by now. */
int domain_set_gfn(struct domain *d, mfn_t m, gfn_t g);
must_check long do_memory_op(unsigned long cmd, guest_ptr_t arg);
/* domain_get_subject() of the domain with whose number an operation's argument begins; -EFAULT. */
must_check int mem_get_subject(guest_ptr_t arg, struct domain **out);

#endif
