/*
 * GNTTABOP_copy: bytes from one frame into another, either of them named by a grant or by the
 * caller's own frame number. Both sides stay pinned from one element to the next, since backends
 * copy many pieces between the same two.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/mem.h>
#include <hv/string.h>

static void side_put(struct copy_side *side)
{
    struct domain *d = side->d;

    if (!d)
        return;
    if (side->next) {
        grant_unpin(side->next, side->next_ref, side->write);
        domain_put(side->next);
    }
    if (side->is_gref)
        grant_unpin(d, (grant_ref_t)side->ref, side->write);
    else if (side->write)
        frame_put_writable(side->access.frame);
    else
        frame_put(side->access.frame);
    side->d = side->next = NULL;
    domain_put(d);
}

/* The caller's own frame. GNTST_*. */
static int own_frame(struct copy_side *side)
{
    struct grant_access *access = &side->access;
    int rc = arch_get_guest_frame(side->d, gfn(side->ref), &access->frame);

    if (rc)
        return GNTST_bad_page;
    access->length = PAGE_SIZE;
    if (!side->write)
        return GNTST_okay;
    rc = frame_get_type(access->frame, FRAME_WRITABLE);
    if (!rc)
        return GNTST_okay;
    frame_put(access->frame);
    return rc == -ERESTART ? GNTST_eagain : GNTST_general_error;
}

/* What side->d passes on: a grant that it has of someone else, and which is not transitive. */
static int pin_next(struct copy_side *side)
{
    struct domain *next;
    int rc;

    if (side->access.next_domid == side->d->id)
        return GNTST_general_error;
    next =
        side->access.next_domid < DOMID_FIRST_RESERVED ? domain_get(side->access.next_domid) : NULL;
    if (!next)
        return GNTST_bad_domain;
    side->next_ref = side->access.next_ref;
    rc = grant_pin(next, side->next_ref, side->d, side->write, false, &side->access);
    if (!rc && !side->access.frame) {
        grant_unpin(next, side->next_ref, side->write);
        rc = GNTST_general_error;
    }
    if (rc)
        domain_put(next);
    else
        side->next = next;
    return rc;
}

static int pin_side(struct copy_side *side)
{
    int rc = grant_pin(side->d, (grant_ref_t)side->ref, current->domain, side->write, false,
                       &side->access);

    if (rc || side->access.frame)
        return rc;
    rc = pin_next(side);
    if (rc)
        grant_unpin(side->d, (grant_ref_t)side->ref, side->write);
    return rc;
}

/* Hold the frame that `ptr` names; nothing to do if it is held already. GNTST_*. */
static int side_get(struct copy_side *side, const struct gnttab_copy_ptr *ptr, bool is_gref,
                    bool write)
{
    domid_t id = ptr->domid == DOMID_SELF ? current->domain->id : ptr->domid;
    uint64_t ref = is_gref ? ptr->u.ref : ptr->u.gmfn;
    int rc;

    if (side->d && side->d->id == id && side->is_gref == is_gref && side->ref == ref)
        return GNTST_okay;
    side_put(side);
    /* Only the caller's own frames can be named by number. */
    if (!is_gref && ptr->domid != DOMID_SELF)
        return GNTST_permission_denied;
    *side =
        (struct copy_side){ .d = domain_get(id), .ref = ref, .is_gref = is_gref, .write = write };
    if (!side->d)
        return GNTST_bad_domain;
    rc = is_gref ? pin_side(side) : own_frame(side);
    if (rc) {
        domain_put(side->d);
        side->d = NULL;
    }
    return rc;
}

/* A grant may be of a part of a frame. */
static bool is_within(const struct grant_access *access, uint16_t offset, uint16_t len)
{
    return offset >= access->start &&
           offset + (uint32_t)len <= access->start + (uint32_t)access->length;
}

int grant_copy_one(struct grant_batch *batch, const struct gnttab_copy *op)
{
    const char *from;
    char *to;
    int rc;

    if (op->source.offset + (uint32_t)op->len > PAGE_SIZE ||
        op->dest.offset + (uint32_t)op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = side_get(&batch->source, &op->source, op->flags & GNTCOPY_source_gref, false);
    if (rc)
        return rc;
    rc = side_get(&batch->dest, &op->dest, op->flags & GNTCOPY_dest_gref, true);
    if (rc)
        return rc;
    if (!is_within(&batch->source.access, op->source.offset, op->len) ||
        !is_within(&batch->dest.access, op->dest.offset, op->len))
        return GNTST_general_error;
    from = (const char *)mfn_to_virt(frame_to_mfn(batch->source.access.frame)) + op->source.offset;
    to = (char *)mfn_to_virt(frame_to_mfn(batch->dest.access.frame)) + op->dest.offset;
    memmove(to, from, op->len);
    return GNTST_okay;
}

void grant_copy_finish(struct grant_batch *batch)
{
    side_put(&batch->source);
    side_put(&batch->dest);
}
