/*
 * A domain from a file descriptor: libxl's image, version 2, with the state that stream/ reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/op.h"
#include "libxl/transfer/transfer.h"
#include "stream/outer.h"
#include "stream/stream.h"

/* What stream/ calls while it restores */
struct restoring {
    struct op *op;
    uint32_t domid;
    const libxl_domain_config *config;
    int rc;
};

/* An image of an older hypervisor does not say what CPUID shows: then the configuration does. */
static int static_done(void *context, unsigned int missing)
{
    struct restoring *r = context;

    if (missing & STREAM_NO_CPUID)
        r->rc = domain_set_policy(r->op, r->domid, r->config);
    return r->rc ? -EIO : 0;
}

static void progress(void *context, const struct stream_progress *p)
{
    struct restoring *r = context;

    transfer_progress(r->op, p);
}

static int read_state(struct op *op, struct restoring *r, const struct stream_io *io,
                      struct rings *rings)
{
    struct stream_restore restore = {
        .xc = op_xc(op),
        .domid = r->domid,
        .fd = io->fd,
        .abort_fd = io->abort_fd,
        .store_port = rings->store_port,
        .store_domid = rings->store_domid,
        .console_port = rings->console_port,
        .console_domid = rings->console_domid,
        .context = r,
        .static_done = static_done,
        .progress = progress,
    };
    bool pv = r->config->c_info.type == LIBXL_DOMAIN_TYPE_PV;
    int err;

    err = stream_restore(&restore);
    if (r->rc)
        return r->rc;
    if (err)
        return transfer_failed(op, err, &restore.why, "restored");
    if ((restore.type == WIRE_PV) != pv)
        return op_fail(op, ERROR_INVAL, 0, "The image is of a%s guest, its configuration says %s",
                       restore.type == WIRE_PV ? " PV" : "n HVM or PVH",
                       libxl_domain_type_to_string(r->config->c_info.type));
    rings->store_mfn = restore.store_gfn;
    rings->console_mfn = restore.console_gfn;
    return 0;
}

/* One record of the image; *done after the last */
static int read_record(struct op *op, struct restoring *r, struct stream_io *io,
                       struct rings *rings, bool *has_state, bool *done)
{
    struct outer_record record;
    int err = outer_read(io, &record);

    if (err)
        return transfer_failed(op, err, io->why, "restored");
    free(record.body);
    switch (record.type) {
    case WIRE_OUTER_LIBXC:
        if (*has_state)
            return op_fail(op, ERROR_INVAL, 0, "The image has two states of the domain");
        *has_state = true;
        return read_state(op, r, io, rings);
    case WIRE_OUTER_END:
        *done = true;
        return 0;
    default:
        return op_fail(op, ERROR_NI, 0,
                       "The image has the state of a device model (%s), which "
                       "cannot be restored yet",
                       wire_outer_name(record.type));
    }
}

int domain_restore(struct op *op, uint32_t domid, int fd, const libxl_domain_config *config,
                   struct rings *rings)
{
    struct restoring r = { .op = op, .domid = domid, .config = config };
    struct wire_why why = { 0 };
    struct stream_io io = { .fd = fd, .abort_fd = op_abort_fd(op), .why = &why };
    bool has_state = false, done = false;
    int rc = 0, err;

    err = outer_read_header(&io);
    if (err)
        return transfer_failed(op, err, &why, "restored");
    while (!rc && !done)
        rc = read_record(op, &r, &io, rings, &has_state, &done);
    if (!rc && !has_state)
        return op_fail(op, ERROR_INVAL, 0, "The image has no state of a domain");
    return rc;
}
