/*
 * A domain to a file descriptor, a file or another host: libxl's image, whose one record is the
 * state that stream/ writes. A guest that was suspended for it stays so: who called destroys it, or
 * lets it go on.
 */
#include <errno.h>
#include <string.h>

#include "libxl/core/op.h"
#include "libxl/transfer/transfer.h"
#include "stream/outer.h"
#include "stream/stream.h"

struct save_args {
    int fd, flags;
};

/* What stream/ calls while it saves */
struct saving {
    struct op *op;
    int rc; /* of the suspension */
};

int transfer_failed(struct op *op, int err, const struct wire_why *why, const char *what)
{
    if (err == -ECANCELED)
        return ERROR_ABORTED;
    return op_fail(op, error_of(err), 0, "It cannot be %s: %s", what,
                   why->text[0] ? why->text : strerror(-err));
}

void transfer_progress(struct op *op, const struct stream_progress *p)
{
    if (op->ctx->lg)
        xtl_progress(op->ctx->lg, "libxl",
                     p->suspended ? "Frames of the suspended domain" : "Frames", p->done, p->total);
}

static int suspend(void *context)
{
    struct saving *s = context;

    s->rc = domain_suspend(s->op);
    if (s->rc == ERROR_ABORTED)
        return -ECANCELED;
    return s->rc ? -EIO : 0;
}

static void progress(void *context, const struct stream_progress *p)
{
    struct saving *s = context;

    transfer_progress(s->op, p);
}

static int write_image(struct op *op, const struct save_args *a, struct saving *s)
{
    struct wire_why why = { 0 };
    struct stream_io io = { .fd = a->fd, .abort_fd = op_abort_fd(op), .why = &why };
    struct stream_save save = {
        .xc = op_xc(op),
        .domid = op->domid,
        .fd = a->fd,
        .abort_fd = io.abort_fd,
        .live = a->flags & LIBXL_SUSPEND_LIVE,
        .verify = a->flags & LIBXL_SUSPEND_DEBUG,
        .context = s,
        .suspend = suspend,
        .progress = progress,
    };
    int err;

    err = outer_write_header(&io);
    if (!err)
        err = outer_write(&io, WIRE_OUTER_LIBXC);
    if (err)
        return transfer_failed(op, err, &why, "saved");
    err = stream_save(&save);
    if (s->rc)
        return s->rc;
    if (err)
        return transfer_failed(op, err, &save.why, "saved");
    err = outer_write(&io, WIRE_OUTER_END);
    return err ? transfer_failed(op, err, &why, "saved") : 0;
}

static int do_save(struct op *op, void *args)
{
    const struct save_args *a = args;
    struct saving s = { .op = op };
    libxl_domain_type type = domain_type(op, op->domid);

    if (type == LIBXL_DOMAIN_TYPE_INVALID || op->domid == DOM0)
        return op_fail(op, ERROR_DOMAIN_NOTFOUND, 0, "There is no such guest");
    if (type == LIBXL_DOMAIN_TYPE_HVM)
        return op_fail(op, ERROR_NI, 0, "HVM guests cannot be saved yet");
    return write_image(op, a, &s);
}

int libxl_domain_suspend(libxl_ctx *ctx, uint32_t domid, int fd, int flags,
                         const libxl_asyncop_how *ao_how)
{
    struct save_args args = { .fd = fd, .flags = flags };

    return op_start(ctx, __func__, domid, ao_how, do_save, &args, sizeof(args));
}
