/* What the files of saving share. Everything belongs to the one thread of the operation. */
#ifndef STREAM_SAVE_H
#define STREAM_SAVE_H

#include "stream/io.h"
#include "stream/stream.h"

#define SAVE_BATCH 1024

struct save;

/* What differs between kinds of domains. All return 0 or -errno with a sentence. */
struct save_kind {
    enum wire_domain type;
    /* Learn where the guest's memory is: sets s->pages. end() can undo half of it. */
    int (*begin)(struct save *s);
    void (*end)(struct save *s);
    /* Records of what never changes */
    int (*static_records)(struct save *s);
    /* Records that must come before the first page */
    int (*first_records)(struct save *s);
    /* The guest, which ran since begin(), is suspended: look whether what begin() learned still
     * holds */
    int (*suspended)(struct save *s);
    /* The frame to map for a page, or INVALID_MFN */
    xen_pfn_t (*frame)(struct save *s, uint64_t pfn);
    /* Copy a page table for the stream, of @level 1 to 4; each entry is read once. -EAGAIN, without
     * a sentence unless s->suspended: the guest is at it. NULL where page tables are only contents.
     */
    int (*copy_table)(struct save *s, unsigned int level, const volatile uint64_t *from,
                      uint64_t *to);
    /* Records of the suspended domain, all but END */
    int (*last_records)(struct save *s);
};
extern const struct save_kind save_pv, save_hvm;

struct save_pv;

struct save {
    struct stream_save *request;
    struct xc *xc;
    uint32_t domid;
    struct wire_why *why;
    struct stream_io io;
    const struct save_kind *kind;
    struct xen_domctl_getdomaininfo info;
    struct save_pv *pv;

    uint64_t pages; /* guest's frame numbers are below */
    bool suspended;
    bool log_dirty;
    unsigned int round;

    /* A bit for each page, from xc_buffer_alloc(): what to send in this round; of live saves only,
     * what the hypervisor says was written, and what could not be sent yet */
    uint64_t *todo, *dirty, *deferred;
    size_t words;
    /* Live saves: the frame that each page had when it was sent, INVALID_MFN if never */
    xen_pfn_t *sent;

    /* The pages that are collected to be sent */
    unsigned int count;
    uint64_t done, total;
    uint64_t *pfns;    /* SAVE_BATCH, and of these that are sent, with their types: */
    uint64_t *entries; /* SAVE_BATCH */
    xen_pfn_t *frames; /* SAVE_BATCH, from xc_buffer_alloc() */
    xen_pfn_t *types;  /* the same */
    int *errors;
    struct iovec *parts; /* SAVE_BATCH + 3 */
    uint64_t *tables;    /* SAVE_BATCH pages */
};

#define INVALID_FRAME (~(xen_pfn_t)0)

/* save_pv.c: the page of the guest with this frame, if both tables say so, or ~0 */
uint64_t save_pfn_of(struct save *s, xen_pfn_t frame);
/* save_vcpu.c: the records of all vCPUs that are online */
int save_vcpus(struct save *s);
/* save_pages.c. Bring the domain to suspend itself, and see that it did: */
int save_suspend(struct save *s);
/* Send all pages; in the end the domain is suspended */
int save_memory(struct save *s);

#endif
