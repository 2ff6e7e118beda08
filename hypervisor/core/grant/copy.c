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
    if (side->is_gref)
        grant_unpin(d, (grant_ref_t)side->ref, side->write);
    else if (side->write)
        frame_put_writable(side->frame);
    else
        frame_put(side->frame);
    side->d = NULL;
    domain_put(d);
}

/* The caller's own frame. GNTST_*. */
static int own_frame(struct copy_side *side)
{
    int rc = arch_get_guest_frame(side->d, gfn(side->ref), &side->frame);

    if (rc)
        return GNTST_bad_page;
    if (!side->write)
        return GNTST_okay;
    rc = frame_get_type(side->frame, FRAME_WRITABLE);
    if (!rc)
        return GNTST_okay;
    frame_put(side->frame);
    return rc == -ERESTART ? GNTST_eagain : GNTST_general_error;
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
    rc = is_gref ? grant_pin(side->d, (grant_ref_t)ref, current->domain, write, false, &side->frame)
                 : own_frame(side);
    if (rc) {
        domain_put(side->d);
        side->d = NULL;
    }
    return rc;
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
    from = (const char *)mfn_to_virt(frame_to_mfn(batch->source.frame)) + op->source.offset;
    to = (char *)mfn_to_virt(frame_to_mfn(batch->dest.frame)) + op->dest.offset;
    memmove(to, from, op->len);
    return GNTST_okay;
}

void grant_copy_finish(struct grant_batch *batch)
{
    side_put(&batch->source);
    side_put(&batch->dest);
}
