/*
 * Changes in the store that make events. One connection of each context carries all watches; it is
 * there from the first on. Whoever polls reads from it, and calls those whose paths have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/event/event.h"

struct watcher {
    struct xs_handle *xs;
    LIST_HEAD(, watched) all;
    unsigned long long last_token;
    bool lost;
};

static int watcher_create(struct op *op)
{
    struct watcher *w = xl_calloc(1, sizeof(*w));

    w->xs = xs_open(0);
    if (!w->xs) {
        free(w);
        return op_fail(op, ERROR_FAIL, errno, "The store cannot be reached to watch it");
    }
    LIST_INIT(&w->all);
    op->ctx->watcher = w;
    return polled_fd_register(op->ctx, &op->ctx->watch, xs_fileno(w->xs));
}

int watch_add(struct op *op, struct watched *w)
{
    libxl_ctx *ctx = op->ctx;
    int rc = 0;

    ctx_lock(ctx);
    if (!ctx->watcher)
        rc = watcher_create(op);
    if (!rc) {
        snprintf(w->token, sizeof(w->token), "%llx", ++ctx->watcher->last_token);
        LIST_INSERT_HEAD(&ctx->watcher->all, w, next);
        if (!xs_watch(ctx->watcher->xs, w->path, w->token)) {
            LIST_REMOVE(w, next);
            rc = op_fail(op, ERROR_FAIL, errno, "The store does not let us watch %s", w->path);
        }
    }
    ctx_unlock(ctx);
    return rc;
}

void watch_remove(libxl_ctx *ctx, struct watched *w)
{
    ctx_lock(ctx);
    LIST_REMOVE(w, next);
    xs_unwatch(ctx->watcher->xs, w->path, w->token);
    ctx_unlock(ctx);
}

int watcher_fd(libxl_ctx *ctx)
{
    return ctx->watcher && !ctx->watcher->lost ? xs_fileno(ctx->watcher->xs) : -1;
}

static struct watched *first_due(libxl_ctx *ctx)
{
    struct watched *w;

    LIST_FOREACH(w, &ctx->watcher->all, next)
    {
        if (w->due)
            return w;
    }
    return NULL;
}

/* Many changes of a path are one call: all that have come are marked first. */
void watcher_run(libxl_ctx *ctx)
{
    struct watched *w;
    char **event;

    ctx_lock(ctx);
    if (!ctx->watcher || ctx->watcher->lost) {
        ctx_unlock(ctx);
        return;
    }
    while ((event = xs_check_watch(ctx->watcher->xs))) {
        LIST_FOREACH(w, &ctx->watcher->all, next)
        {
            if (!strcmp(w->token, event[XS_WATCH_TOKEN]))
                w->due = true;
        }
        free(event);
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        ctx->watcher->lost = true;
        polled_fd_deregister(ctx, &ctx->watch);
        disaster(ctx, 0, "the connection to the store is lost", errno);
    }
    while ((w = first_due(ctx))) {
        w->due = false;
        w->occurred(ctx, w);
    }
    ctx_unlock(ctx);
}

/* Those who are still interested are forgotten with the context, as libxl_event.h says. */
void watcher_free(libxl_ctx *ctx)
{
    if (!ctx->watcher)
        return;
    polled_fd_deregister(ctx, &ctx->watch);
    xs_close(ctx->watcher->xs);
    free(ctx->watcher);
    ctx->watcher = NULL;
}
