/*
 * HYPERVISOR_grant_table_op: a table of operations. Arguments are copied in once per element, what
 * the operation answers is copied back, and the call is preemptible between elements. Most
 * refusals are a status in the element, not an error of the call.
 */
#include "internal.h"

#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>

union grant_args {
    struct gnttab_map_grant_ref map;
    struct gnttab_unmap_grant_ref unmap;
    struct gnttab_setup_table setup;
    struct gnttab_transfer transfer;
    struct gnttab_copy copy;
    struct gnttab_query_size query;
    struct gnttab_unmap_and_replace replace;
    struct gnttab_set_version set_version;
    struct gnttab_get_status_frames status_frames;
    struct gnttab_get_version get_version;
    struct gnttab_swap_grant_ref swap;
    struct gnttab_cache_flush cache_flush;
};

_Static_assert(sizeof(struct gnttab_map_grant_ref) == 32, "ABI");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_setup_table) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_transfer) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_copy) == 40, "ABI");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "ABI");
_Static_assert(sizeof(struct gnttab_unmap_and_replace) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_get_status_frames) == 16, "ABI");
_Static_assert(sizeof(struct gnttab_swap_grant_ref) == 12, "ABI");
_Static_assert(sizeof(struct gnttab_cache_flush) == 16, "ABI");

/* domain_get_subject() in this interface's own codes: GNTST_*. */
static int get_subject(domid_t id, struct domain **out)
{
    switch (domain_get_subject(id, out)) {
    case 0:
        return GNTST_okay;
    case -EPERM:
        return GNTST_permission_denied;
    default:
        return GNTST_bad_domain;
    }
}

static int op_map(union grant_args *u, struct grant_batch *batch)
{
    (void)batch;
    grant_map_one(&u->map);
    return 0;
}

/* The guest never learnt of the handle. */
static void undo_map(const union grant_args *u, struct grant_batch *batch)
{
    if (u->map.status == GNTST_okay)
        (void)grant_unmap_one(batch, u->map.handle, u->map.host_addr, u->map.dev_bus_addr, 0);
}

static int op_unmap(union grant_args *u, struct grant_batch *batch)
{
    struct gnttab_unmap_grant_ref *a = &u->unmap;

    a->status = (int16_t)grant_unmap_one(batch, a->handle, a->host_addr, a->dev_bus_addr, 0);
    return 0;
}

static int op_unmap_and_replace(union grant_args *u, struct grant_batch *batch)
{
    struct gnttab_unmap_and_replace *a = &u->replace;

    a->status = (int16_t)grant_unmap_one(batch, a->handle, a->host_addr, 0, a->new_addr);
    return 0;
}

static int op_copy(union grant_args *u, struct grant_batch *batch)
{
    u->copy.status = (int16_t)grant_copy_one(batch, &u->copy);
    return 0;
}

static int op_transfer(union grant_args *u, struct grant_batch *batch)
{
    (void)batch;
    u->transfer.status = (int16_t)grant_transfer_one(&u->transfer);
    return 0;
}

static int op_swap(union grant_args *u, struct grant_batch *batch)
{
    (void)batch;
    u->swap.status = (int16_t)grant_swap(current->domain, u->swap.ref_a, u->swap.ref_b);
    return 0;
}

/* A PV guest maps the table by machine frames, others by where they put it (memory_op). frame_of:
 * grant_get_shared_frame() or grant_get_status_frame(). */
static int give_frames(struct domain *d, guest_ptr_t list, unsigned int count,
                       int (*frame_of)(struct domain *d, unsigned long idx, mfn_t *out))
{
    for (unsigned int i = 0; i < count; i++) {
        uint64_t frame = INVALID_GFN.v;
        mfn_t m;

        if (frame_of(d, i, &m))
            return -EINVAL;
        if (d->type == DOMAIN_PV)
            frame = m.v;
        if (copy_to_guest(guest_ptr_add(list, i * sizeof(frame)), &frame, sizeof(frame)))
            return -EFAULT;
    }
    return 0;
}

static int op_setup_table(union grant_args *u, struct grant_batch *batch)
{
    struct gnttab_setup_table *a = &u->setup;
    struct domain *d;
    int rc = 0;

    (void)batch;
    a->status = (int16_t)get_subject(a->dom, &d);
    if (a->status)
        return 0;
    if (grant_grow(d, a->nr_frames))
        a->status = GNTST_general_error;
    else
        rc = give_frames(d, guest_ptr(a->frame_list), a->nr_frames, grant_get_shared_frame);
    domain_put(d);
    return rc;
}

static int op_query_size(union grant_args *u, struct grant_batch *batch)
{
    struct gnttab_query_size *a = &u->query;
    struct domain *d;

    (void)batch;
    a->status = (int16_t)get_subject(a->dom, &d);
    if (a->status)
        return 0;
    a->nr_frames = READ_ONCE(d->grant->nr_frames);
    a->max_nr_frames = d->grant->max_frames;
    domain_put(d);
    return 0;
}

static int op_set_version(union grant_args *u, struct grant_batch *batch)
{
    (void)batch;
    return grant_set_version(current->domain, u->set_version.version);
}

static int op_get_version(union grant_args *u, struct grant_batch *batch)
{
    struct domain *d;
    int rc = get_subject(u->get_version.dom, &d);

    (void)batch;
    if (rc)
        return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
    u->get_version.version = READ_ONCE(d->grant->version);
    domain_put(d);
    return 0;
}

/* Of those that there are; a version 1 table has none. */
static int give_status_frames(struct domain *d, struct gnttab_get_status_frames *a)
{
    unsigned int count = grant_status_frames(READ_ONCE(d->grant->nr_frames));

    if (READ_ONCE(d->grant->version) != 2 || a->nr_frames > count) {
        a->status = GNTST_general_error;
        return 0;
    }
    return give_frames(d, guest_ptr(a->frame_list), a->nr_frames, grant_get_status_frame);
}

static int op_get_status_frames(union grant_args *u, struct grant_batch *batch)
{
    struct gnttab_get_status_frames *a = &u->status_frames;
    struct domain *d;
    int rc;

    (void)batch;
    a->status = (int16_t)get_subject(a->dom, &d);
    if (a->status)
        return 0;
    rc = give_status_frames(d, a);
    domain_put(d);
    return rc;
}

/* Devices see the caches of the machines we run on. */
static int op_cache_flush(union grant_args *u, struct grant_batch *batch)
{
    const struct gnttab_cache_flush *a = &u->cache_flush;

    (void)batch;
    if (a->offset + (uint32_t)a->length > PAGE_SIZE ||
        (a->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL | GNTTAB_CACHE_SOURCE_GREF)))
        return -EINVAL;
    return -EOPNOTSUPP;
}

struct grant_op {
    int (*fn)(union grant_args *u, struct grant_batch *batch);
    uint8_t size;
    uint8_t out, out_size; /* what is copied back: offset, bytes */
    bool single;           /* -EINVAL for a count other than 1 */
    void (*undo)(const union grant_args *u, struct grant_batch *batch);
};

#define IN(type) .size = sizeof(struct gnttab_##type)
#define OUT(type, member)                                                                          \
    .out = offsetof(struct gnttab_##type, member),                                                 \
    .out_size = sizeof(((struct gnttab_##type *)0)->member)
#define OUT_FROM(type, member)                                                                     \
    .out = offsetof(struct gnttab_##type, member),                                                 \
    .out_size = sizeof(struct gnttab_##type) - offsetof(struct gnttab_##type, member)

/* clang-format off */
static const struct grant_op grant_ops[] = {
    [GNTTABOP_map_grant_ref] = { op_map, IN(map_grant_ref), OUT_FROM(map_grant_ref, status), .undo = undo_map },
    [GNTTABOP_unmap_grant_ref] = { op_unmap, IN(unmap_grant_ref), OUT(unmap_grant_ref, status) },
    [GNTTABOP_setup_table] = { op_setup_table, IN(setup_table), OUT(setup_table, status), .single = true },
    [GNTTABOP_transfer] = { op_transfer, IN(transfer), OUT(transfer, status) },
    [GNTTABOP_copy] = { op_copy, IN(copy), OUT(copy, status) },
    [GNTTABOP_query_size] = { op_query_size, IN(query_size), OUT_FROM(query_size, nr_frames), .single = true },
    [GNTTABOP_unmap_and_replace] = { op_unmap_and_replace, IN(unmap_and_replace), OUT(unmap_and_replace, status) },
    [GNTTABOP_set_version] = { op_set_version, IN(set_version), OUT(set_version, version) },
    [GNTTABOP_get_status_frames] = { op_get_status_frames, IN(get_status_frames), OUT(get_status_frames, status), .single = true },
    [GNTTABOP_get_version] = { op_get_version, IN(get_version), OUT(get_version, version) },
    [GNTTABOP_swap_grant_ref] = { op_swap, IN(swap_grant_ref), OUT(swap_grant_ref, status) },
    [GNTTABOP_cache_flush] = { op_cache_flush, IN(cache_flush) },
};
/* clang-format on */

/* One element. */
static int run_one(const struct grant_op *op, guest_ptr_t arg, struct grant_batch *batch)
{
    union grant_args u;
    int rc;

    if (copy_from_guest(&u, arg, op->size))
        return -EFAULT;
    rc = op->fn(&u, batch);
    if (rc || !op->out_size)
        return rc;
    if (copy_to_guest(guest_ptr_add(arg, op->out), (const char *)&u + op->out, op->out_size)) {
        if (op->undo)
            op->undo(&u, batch);
        return -EFAULT;
    }
    return 0;
}

long do_grant_table_op(unsigned int cmd, guest_ptr_t arg, unsigned int count)
{
    struct grant_batch batch = { .flush = false };
    const struct grant_op *op;
    unsigned int done;
    int rc = 0;

    if (cmd >= ARRAY_SIZE(grant_ops) || !grant_ops[cmd].fn)
        return -ENOSYS;
    op = &grant_ops[cmd];
    if ((int)count < 0 || (op->single && count != 1))
        return -EINVAL;
    for (done = 0; done < count; done++) {
        if (done && hypercall_preempt_check())
            break;
        rc = run_one(op, arg, &batch);
        if (rc)
            break;
        arg = guest_ptr_add(arg, op->size);
    }
    grant_unmap_finish(&batch);
    grant_copy_finish(&batch);
    if (rc || done == count)
        return rc;
    return hypercall_continue(__HYPERVISOR_grant_table_op, 3, cmd, arg.v, count - done);
}
