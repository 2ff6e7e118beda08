/*
 * Between mirror.c and log_dirty.c: what there is of a domain while what it writes is logged
 * (docs/design/log-dirty.md). The structure appears and goes under the domain's LOCK_PV_MM; whoever
 * looks at it without that lock has interrupts off, and it is freed only after every CPU had them
 * on.
 */
#ifndef X86_PV_LOG_DIRTY_H
#define X86_PV_LOG_DIRTY_H

#include <hv/bitops.h>
#include <hv/list.h>

#include "internal.h"

/* A page table's copy, which the CPUs walk in its place. */
struct mirror {
    struct mirror *next;   /* in its bucket, or among those that are gone */
    struct list_head open; /* on log_dirty.open while entries of it may be writable */
    uint32_t table, page;  /* frames: the guest's table, the copy */
};

#define MIRROR_BUCKETS_ORDER 2 /* pages, log2 */
#define MIRROR_BUCKETS       ((PAGE_SIZE << MIRROR_BUCKETS_ORDER) / sizeof(struct mirror *))

struct log_dirty {
    spinlock_t lock; /* LOCK_LOG_DIRTY: entries, with their mirrors; the lists of mirrors */
    bool active;     /* the CPUs walk the mirrors */
    int error;       /* a mirror is missing (-ENOMEM): what is logged is not complete */

    struct mirror **bucket; /* by the guest's table */
    struct list_head open;
    struct mirror *gone; /* their tables are none any more, but CPUs may still walk them */
    unsigned int nr_mirrors, nr_gone;
    uint32_t faults; /* since the last round */

    uint64_t nr_pfns;
    unsigned long **bitmap; /* pages of it, of BITS_PER_PAGE each; bits change atomically */
    uint8_t *buffer;        /* a page, on its way to the caller */

    /* LOCK_DOMCTL: the operation that is to be continued, and where. */
    uint32_t doing; /* XEN_DOMCTL_SHADOW_OP_*, 0: none */
    uint64_t place, handle;
    uint32_t dirty;
};

#define BITS_PER_PAGE (PAGE_SIZE * 8)

/* ---- log_dirty.c ---- */
/* The frame was written. If it is the domain's own and has a number, it is dirty. */
void log_dirty_mark(struct domain *d, struct log_dirty *l, mfn_t m);

/* ---- mirror.c ---- */
must_check int mirrors_init(struct log_dirty *l);
/* Copy every page table that there is. LOCK_PV_MM is not held. -ENOMEM, -ERESTART. */
must_check int mirrors_build(struct domain *d, struct log_dirty *l);
/* No entry of a mirror is writable any more. The domain is paused. -ERESTART. */
must_check int mirrors_close(struct log_dirty *l);
/* Free them all; nobody walks them any more. -ERESTART. */
must_check int mirrors_free(struct log_dirty *l);

#endif
