/* What the files of restoring share. Everything belongs to the one thread of the operation. */
#ifndef STREAM_RESTORE_H
#define STREAM_RESTORE_H

#include "stream/io.h"
#include "stream/stream.h"

#define RESTORE_BATCH 1024

struct restore;

/* What differs between kinds of domains. All return 0 or -errno with a sentence. */
struct restore_kind {
    int (*begin)(struct restore *r);
    void (*end)(struct restore *r);
    /* A record of this kind; @body has @length bytes, which its rule allows, and is the handler's
     * to keep if it sets it to NULL */
    int (*record)(struct restore *r, uint32_t type, uint32_t length, void **body);
    /* All of the static data is there */
    int (*static_end)(struct restore *r);
    /* Page tables with guest frame numbers become ones with the machine's, in place. NULL: there
     * are none. */
    int (*localise)(struct restore *r, unsigned int level, uint64_t *table);
    /* The stream is at its end: make of it a domain that can run */
    int (*complete)(struct restore *r);
};
extern const struct restore_kind restore_pv, restore_hvm;

struct restore_pv;
struct restore_hvm;

struct restore {
    struct stream_restore *request;
    struct xc *xc;
    uint32_t domid;
    struct wire_why *why;
    struct stream_io io;
    struct wire_image image;
    struct wire_state state;
    const struct restore_kind *kind;
    struct xen_domctl_getdomaininfo info;
    struct restore_pv *pv;
    struct restore_hvm *hvm;
    bool verify;

    xen_cpuid_leaf_t *leaves;
    xen_msr_entry_t *msrs;
    uint32_t leaf_count, msr_count;

    /*
     * The guest's pages, whose numbers are below @limit: what was said of each last, and, of PV
     * domains, where it is. Address space only, until a page is there; and how many can be there
     * the hypervisor limits.
     */
    uint64_t limit;
    uint8_t *pages; /* 0: not there; else 1 + the type, XEN_DOMCTL_PFINFO_* >> 28 */
    xen_pfn_t *frames;

    /* RESTORE_BATCH of each */
    xen_pfn_t *batch; /* from xc_buffer_alloc() */
    uint64_t *missing;
    xen_pfn_t *map;
};

/* ---- restore_pages.c */
/* Make room for knowledge of pages below @limit */
int restore_set_limit(struct restore *r, uint64_t limit);
void restore_free_pages(struct restore *r);
/* The body of PAGE_DATA, which is still in the stream */
int restore_pages(struct restore *r, uint32_t length);
/* Make the first @count pages of r->missing, at most RESTORE_BATCH */
int restore_populate(struct restore *r, unsigned int count);
/* The first page from @pfn on that is there, or r->limit */
uint64_t restore_next(const struct restore *r, uint64_t pfn);
/* Give back the pages that the stream said in the end are not there */
int restore_drop(struct restore *r);

static inline bool restore_has(const struct restore *r, uint64_t pfn)
{
    return pfn < r->limit && r->pages[pfn];
}
/* XEN_DOMCTL_PFINFO_*; the page is there */
static inline uint32_t restore_type(const struct restore *r, uint64_t pfn)
{
    return (uint32_t)(r->pages[pfn] - 1) << 28;
}

#endif
