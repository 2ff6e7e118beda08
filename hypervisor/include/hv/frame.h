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

enum frame_progress { FRAME_INVALID, FRAME_BUSY, FRAME_PARTIAL, FRAME_VALID };

#define FRAME_REFS_MAX  ((1U << 26) - 2)
#define FRAME_TYPES_MAX ((1U << 16) - 2)

union frame_state {
    uint64_t raw;
    struct {
        uint64_t refs : 26;     /* 0: free, or never given out */
        uint64_t allocated : 1; /* one of refs is the owner's own claim */
        uint64_t pinned : 1;    /* one of types is the guest's pin */
        uint64_t owner : 15;    /* domid; DOMID_XEN for ours, DOMID_IO for what is not RAM */
        uint64_t type : 3;      /* enum frame_type */
        uint64_t progress : 2;  /* enum frame_progress, of page-table and descriptor types */
        uint64_t types : 16;    /* type count; while PARTIAL: how many entries are done */
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

/* There is a frame-table entry for it: RAM, not a hole. */
bool mfn_valid(mfn_t m);
struct frame *mfn_to_frame(mfn_t m); /* only if mfn_valid */
mfn_t frame_to_mfn(const struct frame *f);

void frame_list_init(struct frame_list *l);
void frame_list_add(struct frame_list *l, struct frame *f);
void frame_list_del(struct frame_list *l, struct frame *f);
struct frame *frame_list_pop(struct frame_list *l); /* NULL when empty */

/* Take a reference if `owner` owns it. -EPERM: another's (or dying); -EOVERFLOW: too many. */
must_check int frame_get(struct frame *f, const struct domain *owner);
/* Drop one; the last one frees the frame. */
void frame_put(struct frame *f);
/* Reference and type together; the type is validated first if the frame does not have it.
 * -EPERM, -EINVAL (contents do not validate), -EBUSY (used as another type), -EOVERFLOW,
 * -ERESTART (preempted: call again). */
must_check int frame_get_and_type(struct frame *f, struct domain *owner, enum frame_type type);
void frame_put_and_type(struct frame *f);
/* Just the type; the caller holds a reference. */
must_check int frame_get_type(struct frame *f, enum frame_type type);
void frame_put_type(struct frame *f);
/* The same, preemptibly: -ERESTART leaves the frame partial. */
must_check int frame_put_type_preemptible(struct frame *f);

/* Owner of a frame; the caller holds a reference. NULL: ours or nobody's. */
struct domain *frame_owner(const struct frame *f);
/* Make a fresh frame d's: refs 1, allocated, on d's page list. */
void frame_assign(struct frame *f, struct domain *d);
/* A hypervisor page that d may map (shared info, grant frames): owned by d, not on its page list;
 * freed by the hypervisor with frame_unshare(). */
void frame_share(struct frame *f, struct domain *d, bool readonly);
void frame_unshare(struct frame *f);

#endif
