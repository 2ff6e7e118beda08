/*
 * Grant tables, as the files of this folder share them. Two tables a domain: as granter, the shared
 * entries that its kernel writes, each with an active entry of ours beside it; as grantee, the
 * handles (maptrack) of what it mapped. Both only grow while the domain lives, and are published
 * page by page, so that lookups need no lock.
 *
 * A pin is one use of an entry by its grantee: a handle, or a copy in progress. It counts in the
 * active entry and holds a reference to the frame, and its writable type if it may write.
 *
 * Locks: domain_grant.lock for growth; an active entry's own for its pins; a vCPU's list of free
 * handles. Page-table code may be called with an entry's lock held, dropping references may not.
 */
#ifndef GRANT_INTERNAL_H
#define GRANT_INTERNAL_H

#include <hv/errno.h>
#include <hv/frame.h>
#include <hv/grant.h>
#include <hv/spinlock.h>

#define NEWEST_VERSION   2
#define V1_SHIFT         9 /* entries in a frame, log2 */
#define V2_SHIFT         8
#define V1_PER_FRAME     (1U << V1_SHIFT)
#define V2_PER_FRAME     (1U << V2_SHIFT)
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))
#define ACTIVE_PER_PAGE  (PAGE_SIZE / sizeof(struct active_entry))
#define HANDLES_PER_PAGE (PAGE_SIZE / sizeof(struct maptrack_entry))
#define MAX_PINS         UINT16_MAX

struct active_entry {
    spinlock_t lock; /* LOCK_GRANT_ENTRY */
    /* While pinned: the grantee, and what the entry granted at the first pin. */
    uint32_t mfn;              /* unless transitive */
    uint16_t readers, writers; /* pins */
    domid_t domid;
    uint16_t start, length; /* bytes of the frame */
    bool transitive;
};

#define HANDLE_CLAIMED 0x8000U /* someone is unmapping it */

struct maptrack_entry {
    struct domain *granter; /* with a reference, while in use */
    union {
        grant_ref_t ref;
        uint32_t next; /* while free: LOCK_MAPTRACK of its list */
    };
    uint16_t flags; /* GNTMAP_* while in use, HANDLE_CLAIMED; 0: free; atomic */
    uint16_t vcpu;  /* whose list it goes back to */
};

struct maptrack_list {
    spinlock_t lock; /* LOCK_MAPTRACK */
    uint32_t head;   /* a handle; HANDLES_END */
};
#define HANDLES_END UINT32_MAX

_Static_assert(sizeof(struct grant_entry_v1) << V1_SHIFT == PAGE_SIZE, "ABI");
_Static_assert(sizeof(union grant_entry_v2) << V2_SHIFT == PAGE_SIZE, "ABI");
_Static_assert(offsetof(union grant_entry_v2, full_page.frame) == 8, "ABI");
_Static_assert(offsetof(union grant_entry_v2, sub_page.frame) == 8, "ABI");
_Static_assert(offsetof(union grant_entry_v2, sub_page.page_off) == 4, "ABI");
_Static_assert(offsetof(union grant_entry_v2, transitive.gref) == 8, "ABI");
_Static_assert(offsetof(struct grant_entry_v1, domid) == 2, "ABI");
_Static_assert(offsetof(struct grant_entry_v1, frame) == 4, "ABI");
_Static_assert(sizeof(struct active_entry) == 32, "128 a page");
_Static_assert(sizeof(struct maptrack_entry) == 16, "256 a page");
_Static_assert(MAX_VCPUS <= UINT16_MAX, "maptrack_entry.vcpu");

struct domain_grant {
    spinlock_t lock; /* LOCK_GRANT_TABLE: growth, version */
    uint8_t max_version;
    uint8_t version;   /* changes only while nothing is pinned and `is_switching` */
    bool is_switching; /* no new pins */
    unsigned int nr_frames, max_frames;
    void **shared;           /* pages of entries, [limit at creation]; NULL again once d dies */
    grant_status_t **status; /* version 2: pages of them; they stay until d dies */
    unsigned int nr_status;
    struct active_entry **active; /* pages of active entries, from their first use on */

    spinlock_t maptrack_lock; /* LOCK_MAPTRACK: growth; not held with a list's lock */
    unsigned int nr_maptrack, max_maptrack;
    struct maptrack_entry **maptrack; /* pages of handles */
    struct maptrack_list *free;       /* [max_vcpus] */
    uint32_t teardown_next;           /* handle that the teardown looks at next */
};

/* ---- table.c ---- */
/* Make the shared table at least `frames` long. -EINVAL over the limit or dying, -ENOMEM. */
must_check int grant_grow(struct domain *d, unsigned int frames);
/* The same for version 2's status frames. LOCK_GRANT_TABLE is held. -ENOMEM. */
must_check int grant_grow_status(struct domain *d, unsigned int frames);
/* NULL if out of memory; the reference is in the table. */
struct active_entry *active_entry(struct domain *d, grant_ref_t ref);
/* It may be in the table: there is, or can be, an active entry for it. */
bool grant_ref_valid(const struct domain *d, grant_ref_t ref);
unsigned int grant_status_frames(unsigned int frames);

/* What a granter's kernel writes of an entry, in either version. */
struct shared_entry {
    struct grant_entry_header *head; /* of a struct grant_entry_v1 or union grant_entry_v2 */
    uint16_t *status;                /* where it sees that its entry is in use */
    unsigned int version;
};
/* The active entry's lock is held. GNTST_*: dying, or beyond what this version's table has. */
int shared_entry(const struct domain *d, grant_ref_t ref, struct shared_entry *out);

/* ---- version.c ---- */
/* GNTTABOP_set_version. -EINVAL no such version, or a reserved entry that the other one cannot
 * have; -ENOSYS more than d may use; -EBUSY a grant is in use; -ENOMEM. */
must_check int grant_set_version(struct domain *d, unsigned int version);

/* ---- pin.c ---- */
/* What a pin gives access to. */
struct grant_access {
    struct frame *frame; /* NULL: transitive, what it leads to is in the next two */
    domid_t next_domid;
    grant_ref_t next_ref;
    uint16_t start, length; /* bytes of the frame that may be copied */
};
/* Pin an entry of `granter` for `grantee`. `map`: for a mapping, which needs a whole frame.
 * GNTST_*. The caller keeps the granter alive. */
must_check int grant_pin(struct domain *granter, grant_ref_t ref, const struct domain *grantee,
                         bool write, bool map, struct grant_access *out);
void grant_unpin(struct domain *granter, grant_ref_t ref, bool write);
/* What a pinned entry, not a transitive one, granted. */
mfn_t grant_pinned_mfn(struct domain *granter, grant_ref_t ref);
must_check int grant_swap(struct domain *d, grant_ref_t a, grant_ref_t b);

/* ---- maptrack.c ---- */
/* A fresh handle of d, still with flags 0. NULL: out of space. */
struct maptrack_entry *maptrack_get(struct domain *d, unsigned int vcpu, grant_handle_t *handle);
/* An entry in use, for the caller alone; *flags as they were. NULL: no such handle. */
struct maptrack_entry *maptrack_claim(const struct domain *d, grant_handle_t handle,
                                      unsigned int *flags);
/* What was claimed or fresh is in use with these flags. */
void maptrack_publish(struct maptrack_entry *entry, unsigned int flags);
void maptrack_put(struct domain *d, grant_handle_t handle, struct maptrack_entry *entry);
uint32_t maptrack_size(const struct domain *d);

/* ---- map.c, copy.c: one element of an operation's array ---- */
#define UNMAP_BATCH 32

struct copy_side {
    struct domain *d;    /* with a reference; NULL: nothing held */
    struct domain *next; /* with a reference: whose grant `d` passes on; or NULL */
    struct grant_access access;
    grant_ref_t next_ref;
    uint64_t ref; /* or the frame number */
    bool is_gref, write;
};

/* What is carried from one element to the next, and settled by grant_batch_finish(). */
struct grant_batch {
    bool flush;
    unsigned int nr_unmapped;
    struct {
        grant_handle_t handle;
        struct maptrack_entry *entry;
    } unmapped[UNMAP_BATCH];
    struct copy_side source, dest;
};

void grant_map_one(struct gnttab_map_grant_ref *op);
/* GNTST_*. new_addr: of GNTTABOP_unmap_and_replace. */
int grant_unmap_one(struct grant_batch *batch, grant_handle_t handle, uint64_t host_addr,
                    uint64_t bus_addr, uint64_t new_addr);
/* No CPU has a stale translation, and what was unmapped is given back. */
void grant_unmap_finish(struct grant_batch *batch);
/* A dying domain's handles. -ERESTART. */
must_check int grant_unmap_all(struct domain *d);
/* GNTST_*. With GNTST_bad_page alone the frame still is the caller's. */
int grant_transfer_one(const struct gnttab_transfer *op);
int grant_copy_one(struct grant_batch *batch, const struct gnttab_copy *op);
void grant_copy_finish(struct grant_batch *batch);

#endif
