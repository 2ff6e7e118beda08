/*
 * Restoring a domain: stream_restore(), which reads one record after the other, and the records
 * that all kinds of domains have. libxl calls it on its operation's thread; everything below runs
 * there, and there is no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "stream/restore.h"
#include "xc/domain.h"
#include "xc/policy.h"

static int set_policy(struct restore *r)
{
    const struct xc_policy policy = {
        .leaves = r->leaves,
        .leaf_count = r->leaf_count,
        .msrs = r->msrs,
        .msr_count = r->msr_count,
    };
    struct xc_policy_refusal refused = { 0 };
    int rc;

    if (!r->leaf_count && !r->msr_count)
        return 0;
    rc = xc_policy_set(r->xc, r->domid, &policy, &refused);
    if (rc)
        return wire_fail(r->why, rc,
                         "this host cannot give the domain the CPU that it had (%s; leaf %#x, "
                         "subleaf %#x, MSR %#x)",
                         strerror(-rc), refused.leaf, refused.subleaf, refused.msr);
    return 0;
}

static int static_end(struct restore *r)
{
    unsigned int missing = 0;
    int rc;

    rc = r->kind->static_end(r);
    if (!rc)
        rc = set_policy(r);
    if (rc || !r->request->static_done)
        return rc;
    /* A policy without MSRs is whole, when the tool that wrote it knew of policies. */
    if (!r->leaf_count)
        missing |= STREAM_NO_CPUID;
    if (!r->leaf_count && !r->msr_count)
        missing |= STREAM_NO_MSRS;
    rc = r->request->static_done(r->request->context, missing);
    return rc ? wire_fail(r->why, rc, "the new domain cannot be prepared: %s", strerror(-rc)) : 0;
}

static int set_tsc(struct restore *r, const struct wire_tsc *body)
{
    const struct xen_domctl_tsc_info info = {
        .tsc_mode = body->mode,
        .gtsc_khz = body->khz,
        .elapsed_nsec = body->nsec,
        .incarnation = body->incarnation,
    };
    const int rc = xc_domain_set_tsc(r->xc, r->domid, &info);

    return rc ? wire_fail(r->why, rc, "cannot set the domain's time: %s", strerror(-rc)) : 0;
}

static int take_record(struct restore *r, uint32_t type, uint32_t length, void **body)
{
    switch (type) {
    case WIRE_STATIC_DATA_END: /* read_record() has seen to it */
    case WIRE_END:
        return 0;
    case WIRE_VERIFY:
        r->verify = true;
        return 0;
    case WIRE_TSC_INFO:
        return set_tsc(r, *body);
    case WIRE_CPUID_POLICY:
        r->leaves = *body;
        r->leaf_count = length / (uint32_t)sizeof(*r->leaves);
        *body = NULL;
        return 0;
    case WIRE_MSR_POLICY:
        r->msrs = *body;
        r->msr_count = length / (uint32_t)sizeof(*r->msrs);
        *body = NULL;
        return 0;
    default:
        return r->kind->record(r, type, length, body);
    }
}

static int read_record(struct restore *r, struct wire_record *record)
{
    void *body;
    int rc, kind;

    rc = io_read(&r->io, record, sizeof(*record));
    if (rc)
        return rc;
    if (wire_static_ends(&r->state, record->type)) {
        rc = static_end(r);
        if (rc)
            return rc;
    }
    kind = wire_accept(&r->state, record, r->why);
    if (kind < 0)
        return kind;
    if (!kind)
        return io_skip(&r->io, wire_padded(record->length));
    if (record->type == WIRE_PAGE_DATA)
        return restore_pages(r, record->length);
    rc = io_read_body(&r->io, record->length, &body);
    if (!rc)
        rc = take_record(r, record->type, record->length, &body);
    free(body);
    return rc;
}

static int restore_all(struct restore *r)
{
    struct wire_headers headers;
    struct wire_record record;
    int rc;

    rc = io_read(&r->io, &headers, sizeof(headers));
    if (!rc)
        rc = wire_get_headers(&headers, &r->image, r->why);
    if (rc)
        return rc;
    r->request->type = r->image.type;
    if ((r->image.type == WIRE_HVM) != !!(r->info.flags & XEN_DOMINF_hvm_guest))
        return wire_fail(r->why, -EINVAL, "the stream is of a %s domain, and the new one is not",
                         r->image.type == WIRE_HVM ? "HVM" : "PV");
    r->kind = r->image.type == WIRE_HVM ? &restore_hvm : &restore_pv;
    rc = r->kind->begin(r);
    if (rc)
        return rc;
    do {
        rc = read_record(r, &record);
    } while (!rc && record.type != WIRE_END);
    if (!rc)
        rc = restore_drop(r);
    return rc ? rc : r->kind->complete(r);
}

int stream_restore(struct stream_restore *request)
{
    struct restore r = {
        .request = request,
        .xc = request->xc,
        .domid = request->domid,
        .why = &request->why,
        .io = { .fd = request->fd, .abort_fd = request->abort_fd, .why = &request->why },
    };
    int rc;

    request->why.text[0] = 0;
    request->pages = request->different = 0;
    r.state.image = &r.image;
    rc = xc_domain_info(r.xc, r.domid, &r.info);
    if (rc)
        return wire_fail(r.why, rc, "there is no domain %u: %s", r.domid, strerror(-rc));
    r.batch = xc_buffer_alloc(r.xc, RESTORE_BATCH * sizeof(*r.batch));
    r.missing = calloc(RESTORE_BATCH, sizeof(*r.missing));
    r.map = calloc(RESTORE_BATCH, sizeof(*r.map));
    io_begin(&r.io);
    if (r.batch && r.missing && r.map)
        rc = restore_all(&r);
    else
        rc = wire_fail(r.why, -ENOMEM, "no memory to restore a domain");
    io_end(&r.io);
    if (r.kind)
        r.kind->end(&r);
    restore_free_pages(&r);
    free(r.leaves);
    free(r.msrs);
    free(r.missing);
    free(r.map);
    xc_buffer_free(r.xc, r.batch);
    return rc;
}
