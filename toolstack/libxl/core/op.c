/*
 * Operations: on the caller's thread, or on one of their own that reports when it is done. While
 * one runs it stands in its context's list, where libxl_ao_abort() finds it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"

struct op_thread {
    struct op op;
    op_fn *fn;
    char args[];
};

void op_begin(struct op *op, libxl_ctx *ctx, const char *name, uint32_t domid)
{
    *op = (struct op){ .ctx = ctx, .name = name, .domid = domid };
}

int op_end(struct op *op, int rc)
{
    if (op->watch)
        watch_handle_put(op->ctx, op->watch);
    op->watch = NULL;
    op_free_memory(op);
    return rc;
}

static void running_begin(struct op *op, const libxl_asyncop_how *how)
{
    struct running *r = op_alloc(op, sizeof(*r));

    r->abort_fd = -1;
    r->has_how = how != NULL;
    if (how)
        r->how = *how;
    op->running = r;
    ctx_lock(op->ctx);
    LIST_INSERT_HEAD(&op->ctx->running, r, next);
    ctx_unlock(op->ctx);
}

static void running_end(struct op *op)
{
    ctx_lock(op->ctx);
    LIST_REMOVE(op->running, next);
    ctx_unlock(op->ctx);
    if (op->running->abort_fd >= 0)
        close(op->running->abort_fd);
}

static void *thread_main(void *arg)
{
    struct op_thread *t = arg;
    libxl_ctx *ctx = t->op.ctx;
    libxl_asyncop_how how = t->op.running->how;
    libxl_domid domid = t->op.domid;
    int rc = t->fn(&t->op, t->args);

    running_end(&t->op);
    op_end(&t->op, rc);
    free(t);
    report_done(ctx, &how, domid, rc);
    ctx_lock(ctx);
    ctx->threads--;
    pthread_cond_broadcast(&ctx->thread_ended);
    ctx_unlock(ctx);
    return NULL;
}

/* Signals are the application's; none is taken on a thread of ours. */
static int thread_create(struct op_thread *t)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_t id;
    int err;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&id, &attr, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

static int start_thread(libxl_ctx *ctx, const char *name, uint32_t domid,
                        const libxl_asyncop_how *how, op_fn *fn, const void *args, size_t size)
{
    struct op_thread *t = xl_calloc(1, sizeof(*t) + size);
    int err;

    op_begin(&t->op, ctx, name, domid);
    t->op.thread = t;
    t->fn = fn;
    if (size)
        memcpy(t->args, args, size);
    running_begin(&t->op, how);
    ctx_lock(ctx);
    ctx->threads++;
    ctx_unlock(ctx);
    err = thread_create(t);
    if (!err)
        return 0;
    op_log(&t->op, XTL_ERROR, err, "There can be no thread for %s", name);
    ctx_lock(ctx);
    ctx->threads--;
    ctx_unlock(ctx);
    running_end(&t->op);
    op_end(&t->op, 0);
    free(t);
    return ERROR_FAIL;
}

int op_start(libxl_ctx *ctx, const char *name, uint32_t domid, const libxl_asyncop_how *how,
             op_fn *fn, const void *args, size_t size)
{
    struct op op;
    void *copy;
    int rc;

    if (how)
        return start_thread(ctx, name, domid, how, fn, args, size);
    op_begin(&op, ctx, name, domid);
    copy = op_alloc(&op, size);
    if (size)
        memcpy(copy, args, size);
    running_begin(&op, NULL);
    rc = fn(&op, copy);
    running_end(&op);
    return op_end(&op, rc);
}

void op_progress(struct op *op, const libxl_asyncprogress_how *how, libxl_event_type type,
                 libxl_domid domid)
{
    libxl_event *event;

    if (!how)
        return;
    event = xl_calloc(1, sizeof(*event));
    libxl_event_init(event);
    libxl_event_init_type(event, type);
    event->domid = domid;
    event->for_user = how->for_event;
    if (how->callback && !op->thread)
        how->callback(op->ctx, event, how->for_callback);
    else
        report_progress(op->ctx, how, event);
}

static bool same_how(const struct running *r, const libxl_asyncop_how *how)
{
    if (!how || !r->has_how)
        return !how && !r->has_how;
    if (how->callback != r->how.callback)
        return false;
    return how->callback ? how->u.for_callback == r->how.u.for_callback
                         : how->u.for_event == r->how.u.for_event;
}

int libxl_ao_abort(libxl_ctx *ctx, const libxl_asyncop_how *how)
{
    struct running *r;
    int rc = ERROR_NOTFOUND;

    ctx_lock(ctx);
    LIST_FOREACH(r, &ctx->running, next)
    {
        if (!same_how(r, how))
            continue;
        rc = r->aborted ? ERROR_ABORTED : 0;
        r->aborted = true;
        if (r->abort_fd >= 0)
            (void)eventfd_write(r->abort_fd, 1);
        break;
    }
    ctx_unlock(ctx);
    return rc;
}

bool op_aborted(struct op *op)
{
    bool aborted;

    if (!op->running)
        return false;
    ctx_lock(op->ctx);
    aborted = op->running->aborted && !op->undoes;
    ctx_unlock(op->ctx);
    return aborted;
}

int op_abort_fd(struct op *op)
{
    struct running *r = op->running;

    if (!r || op->undoes)
        return -1;
    ctx_lock(op->ctx);
    if (r->abort_fd < 0)
        r->abort_fd = eventfd(r->aborted, EFD_CLOEXEC | EFD_NONBLOCK);
    ctx_unlock(op->ctx);
    return r->abort_fd;
}

struct xc *op_xc(struct op *op)
{
    return op->ctx->xc;
}
