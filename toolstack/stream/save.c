/*
 * Saving a domain: stream_save() and the records that all kinds of domains have. libxl calls it on
 * its operation's thread; everything below runs there, and there is no lock.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/version.h>
#include "stream/save.h"
#include "xc/domain.h"
#include "xc/memory.h"
#include "xc/policy.h"

static int write_headers(struct save *s)
{
    const int version = xc_version(s->xc, XENVER_version, NULL, 0);
    struct wire_headers headers;
    const struct wire_image image = {
        .type = s->kind->type,
        .xen_major = (unsigned int)version >> 16,
        .xen_minor = (unsigned int)version & 0xffff,
    };

    wire_put_headers(&headers, &image);
    return io_write(&s->io, &headers, sizeof(headers));
}

static int write_policy(struct save *s)
{
    struct xc_policy policy = { 0 };
    int rc;

    rc = xc_policy_size(s->xc, &policy);
    if (rc)
        return wire_fail(s->why, rc, "cannot learn the size of CPU policies: %s", strerror(-rc));
    policy.leaves = calloc(policy.leaf_count, sizeof(*policy.leaves));
    policy.msrs = calloc(policy.msr_count, sizeof(*policy.msrs));
    if (policy.leaves && policy.msrs)
        rc = xc_policy_of_domain(s->xc, s->domid, &policy);
    else
        rc = -ENOMEM;
    if (rc)
        wire_fail(s->why, rc, "cannot read the domain's CPU policy: %s", strerror(-rc));
    if (!rc && policy.leaf_count)
        rc = io_write_record(&s->io, WIRE_CPUID_POLICY, policy.leaves,
                             policy.leaf_count * (uint32_t)sizeof(*policy.leaves));
    if (!rc && policy.msr_count)
        rc = io_write_record(&s->io, WIRE_MSR_POLICY, policy.msrs,
                             policy.msr_count * (uint32_t)sizeof(*policy.msrs));
    free(policy.leaves);
    free(policy.msrs);
    return rc;
}

static int write_tsc(struct save *s)
{
    struct xen_domctl_tsc_info info = { 0 };
    struct wire_tsc body;
    int rc;

    rc = xc_domain_get_tsc(s->xc, s->domid, &info);
    if (rc)
        return wire_fail(s->why, rc, "cannot read the domain's time: %s", strerror(-rc));
    body = (struct wire_tsc){
        .mode = info.tsc_mode,
        .khz = info.gtsc_khz,
        .nsec = info.elapsed_nsec,
        .incarnation = info.incarnation,
    };
    return io_write_record(&s->io, WIRE_TSC_INFO, &body, sizeof(body));
}

/* What depends on how much memory the guest has */
static int allocate(struct save *s)
{
    s->words = (s->pages + 63) / 64;
    s->pfns = calloc(SAVE_BATCH, sizeof(*s->pfns));
    s->entries = calloc(SAVE_BATCH, sizeof(*s->entries));
    s->errors = calloc(SAVE_BATCH, sizeof(*s->errors));
    s->parts = calloc(SAVE_BATCH + 3, sizeof(*s->parts));
    s->tables = malloc(SAVE_BATCH * WIRE_PAGE_SIZE);
    s->frames = xc_buffer_alloc(s->xc, SAVE_BATCH * sizeof(*s->frames));
    s->types = xc_buffer_alloc(s->xc, SAVE_BATCH * sizeof(*s->types));
    s->todo = malloc(s->words * sizeof(*s->todo));
    if (s->request->live) {
        s->dirty = xc_buffer_alloc(s->xc, s->words * sizeof(*s->dirty));
        s->deferred = calloc(s->words, sizeof(*s->deferred));
        s->sent = malloc(s->pages * sizeof(*s->sent));
        if (s->sent)
            memset(s->sent, 0xff, s->pages * sizeof(*s->sent)); /* INVALID_FRAME */
    }
    if (!s->pfns || !s->entries || !s->errors || !s->parts || !s->tables || !s->frames ||
        !s->types || !s->todo || (s->request->live && (!s->dirty || !s->deferred || !s->sent)))
        return wire_fail(s->why, -ENOMEM, "no memory to save a domain of %llu pages",
                         (unsigned long long)s->pages);
    return 0;
}

static void release(struct save *s)
{
    struct xen_domctl_shadow_op off = { .op = XEN_DOMCTL_SHADOW_OP_OFF };

    /* A domain that is gone by now needs neither. */
    if (s->log_dirty) {
        xc_shadow_op(s->xc, s->domid, &off);
        if (s->request->emulator_log_dirty)
            s->request->emulator_log_dirty(s->request->context, false);
    }
    s->kind->end(s);
    free(s->pfns);
    free(s->entries);
    free(s->errors);
    free(s->parts);
    free(s->tables);
    free(s->todo);
    free(s->deferred);
    free(s->sent);
    xc_buffer_free(s->xc, s->frames);
    xc_buffer_free(s->xc, s->types);
    xc_buffer_free(s->xc, s->dirty);
}

static int save_all(struct save *s)
{
    int rc;

    if (!s->request->live) {
        rc = save_suspend(s);
        if (rc)
            return rc;
    }
    rc = s->kind->begin(s);
    if (!rc)
        rc = allocate(s);
    if (!rc)
        rc = write_headers(s);
    if (!rc)
        rc = s->kind->static_records(s);
    if (!rc)
        rc = write_policy(s);
    if (!rc)
        rc = io_write_record(&s->io, WIRE_STATIC_DATA_END, NULL, 0);
    if (!rc)
        rc = s->kind->first_records(s);
    if (!rc)
        rc = save_memory(s);
    if (!rc)
        rc = write_tsc(s);
    if (!rc)
        rc = s->kind->last_records(s);
    return rc ? rc : io_write_record(&s->io, WIRE_END, NULL, 0);
}

int stream_save(struct stream_save *request)
{
    struct save s = {
        .request = request,
        .xc = request->xc,
        .domid = request->domid,
        .why = &request->why,
        .io = { .fd = request->fd, .abort_fd = request->abort_fd, .why = &request->why },
    };
    int rc;

    request->why.text[0] = 0;
    rc = xc_domain_info(s.xc, s.domid, &s.info);
    if (rc)
        return wire_fail(s.why, rc, "there is no domain %u: %s", s.domid, strerror(-rc));
    s.kind = s.info.flags & XEN_DOMINF_hvm_guest ? &save_hvm : &save_pv;
    io_begin(&s.io);
    rc = save_all(&s);
    io_end(&s.io);
    release(&s);
    return rc;
}
