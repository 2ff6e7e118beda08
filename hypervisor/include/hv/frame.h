/*
 * The frame table: who owns each frame of memory, how often it is referenced, and what it is used
 * as. 16 bytes a frame; the whole state is one word that changes by compare-and-swap.
 * The rules, and why a PV guest cannot break them: docs/design/pv-memory-safety.md.
 */
#ifndef HV_FRAME_H
#define HV_FRAME_H

#include <hv/types.h>

struct domain;

/* What a frame is used as. A frame has one type at a time, and changes it only at type count 0. */
enum frame_type {
    FRAME_NONE,
    FRAME_WRITABLE, /* mapped writable somewhere */
    FRAME_L1,       /* x86: page table of that level, validated */
    FRAME_L2,
    FRAME_L3,
    FRAME_L4,
    FRAME_SEGDESC, /* x86: GDT or LDT page, validated */
};

/* How far the contents of a page-table or descriptor frame are checked. `types` counts references
 * in FRAME_VALID, and finished entries in the three states that a preempted operation leaves. */
enum frame_progress {
    FRAME_INVALID,   /* nobody uses it as its type; `type` is what it was last */
    FRAME_BUSY,      /* a CPU is at it */
    FRAME_FLUSHING,  /* about to be writable: a CPU waits until no other knows it as a table */
    FRAME_PROMOTING, /* preempted while checking: the next request for the type goes on */
    FRAME_UNDOING,   /* the check failed, entries are being released: going on ends in -EINVAL */
    FRAME_DEMOTING,  /* the last reference went, entries are being released by who dropped it */
    FRAME_VALID,
};

#define FRAME_REFS_MAX  ((1U << 25) - 2)
#define FRAME_TYPES_MAX ((1U << 15) - 2)

union frame_state {
    uint64_t raw;
    struct {
        uint64_t refs : 25;     /* 0: free, or never given out */
        uint64_t allocated : 1; /* one of refs is the owner's own claim: on its list `pages` */
        uint64_t pinned : 1;    /* one of types is the guest's pin */
        uint64_t shared : 1;    /* a hypervisor page that the owner may map: not on its page list */
        uint64_t owner : 15;    /* domid; DOMID_XEN for ours, DOMID_IO for what is not RAM */
        uint64_t type : 3;      /* enum frame_type */
        uint64_t progress : 3;  /* enum frame_progress */
        uint64_t types : 15;    /* type count; in a partial state: how many entries are done */
    };
};

struct frame {
    union frame_state state;
    uint32_t next, prev; /* mfns of the neighbours on a list; FRAME_LIST_END at the ends */
};
#define FRAME_LIST_END 0xffffffffU

_Static_assert(sizeof(struct frame) == 16, "the frame table's entries are 16 bytes");

struct frame_list {
    uint32_t head, tail;
    uint64_t count;
};

extern uint64_t max_mfn; /* highest frame of RAM, exclusive */

/*
 * arch provides:
 *   bool mfn_valid(mfn_t m)               there is a frame-table entry for it: RAM, not a hole
 *   struct frame *mfn_to_frame(mfn_t m)   only if mfn_valid
 *   mfn_t frame_to_mfn(const struct frame *f)
 *   void *mfn_to_virt(mfn_t m)            in the direct map; RAM only
 */
#include <arch/frames.h>

void frame_list_init(struct frame_list *l);
void frame_list_add(struct frame_list *l, struct frame *f);
/* The same for `count` neighbours; the first of them becomes the head. */
void frame_list_add_run(struct frame_list *l, struct frame *first, uint64_t count);
void frame_list_del(struct frame_list *l, struct frame *f);
struct frame *frame_list_pop(struct frame_list *l); /* NULL when empty */

/* Take a reference if `owner` owns it. -EPERM: another's (or dying); -EOVERFLOW: too many. */
must_check int frame_get(struct frame *f, const struct domain *owner);
/* Drop one; the last one frees the frame. */
void frame_put(struct frame *f);
/* Take the type too; the caller holds a reference. The contents are checked first if the frame does
 * not have the type. -EINVAL (they do not pass, or the owner gave it up), -EBUSY (in use as another
 * type), -EOVERFLOW, -ERESTART (preempted: call again). Page-table types: the owner's LOCK_PV_MM is
 * held. */
must_check int frame_get_type(struct frame *f, enum frame_type type);
/* Drop the type. -ERESTART: preempted while releasing the last one: call again, before the
 * reference is dropped. Never for FRAME_WRITABLE. */
must_check int frame_put_type(struct frame *f);
/* Reference and type in one go, and back (of FRAME_WRITABLE: the put cannot be preempted). Whoever
 * gives the right to write up may have used it: the frame is dirty. */
must_check int frame_get_writable(struct frame *f, const struct domain *owner);
void frame_put_writable(struct frame *f);
/* The same for who is known not to have written, or is logged in another way. */
void frame_put_unwritten(struct frame *f);
/* Undo what a preempted promotion of a dying domain's frame left. LOCK_PV_MM. -ERESTART. */
must_check int frame_settle(struct frame *f);

/* The frame was written just now, other than by its owner's own code. Whoever migrates the domain
 * has to be told (x86/pv/log_dirty.c). The caller holds a reference. */
extern unsigned int domains_logged; /* in how many domains that matters; atomic */
void arch_frame_dirtied(const struct frame *f);
static inline void frame_dirtied(const struct frame *f)
{
    if (unlikely(READ_ONCE(domains_logged)))
        arch_frame_dirtied(f);
}

/* Owner of a frame; the caller holds a reference. NULL: ours or nobody's. */
struct domain *frame_owner(const struct frame *f);
/* Make fresh neighbours d's: refs 1, allocated, on d's page list. LOCK_DOMAIN_PAGES. */
void frames_assign(struct frame *first, uint64_t count, struct domain *d);
/* A hypervisor page that d may map (shared info, grant frames): owned by d, not on its page list;
 * freed by the hypervisor with frame_unshare(). */
void frame_share(struct frame *f, struct domain *d, bool readonly);
void frame_unshare(struct frame *f);

#endif
