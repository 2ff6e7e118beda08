/*
 * Changes in the store that make events. One connection of each context carries all watches; it is
 * there from the first on. Whoever polls reads from it, and calls those whose paths have changed.
 *
 * What is polled is an epoll descriptor, for the connection and for its lifeline. When xenstored
 * ends it is for a timer, by which the next xenstored is looked for; then all watches are set
 * again. A watch that is new tells at once, so what happened meanwhile is seen.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libxl/event/event.h"
#include "lifeline/lifeline.h"

#define LOOK_MS    100
#define LOOKS_MAX  600 /* a minute; then events can no longer be told */
#define LOOKS_NONE (-1)

struct watcher {
    struct xs_handle *xs; /* NULL: there is no xenstored */
    int lifeline;         /* -1: the store is in another domain, and does not end */
    bool local;           /* it is not: one day there was a lifeline */
    int epoll, timer;
    int looks; /* how often the next one was looked for; LOOKS_NONE: that is over */
    LIST_HEAD(, watched) all;
    unsigned long long last_token;
};

static int poll_for(struct watcher *w, int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void disconnect(struct watcher *w)
{
    if (w->lifeline >= 0)
        close(w->lifeline);
    w->lifeline = -1;
    if (w->xs)
        xs_close(w->xs);
    w->xs = NULL;
}

/* The lifeline first: the connection then is to the same xenstored, or to a later one */
static bool connect_store(struct watcher *w)
{
    w->lifeline = lifeline_open();
    w->local |= w->lifeline >= 0;
    if (w->lifeline >= 0 || (errno == ENOENT && !w->local))
        w->xs = xs_open(0);
    if (w->xs && !poll_for(w, xs_fileno(w->xs)) && (w->lifeline < 0 || !poll_for(w, w->lifeline)))
        return true;
    disconnect(w);
    return false;
}

static void set_timer(struct watcher *w, long ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000 };
    const struct itimerspec time = { .it_interval = t, .it_value = t };

    timerfd_settime(w->timer, 0, &time, NULL);
}

static void watcher_close(struct watcher *w)
{
    disconnect(w);
    if (w->timer >= 0)
        close(w->timer);
    if (w->epoll >= 0)
        close(w->epoll);
    free(w);
}

static int watcher_create(struct op *op)
{
    struct watcher *w = xl_calloc(1, sizeof(*w));

    LIST_INIT(&w->all);
    w->lifeline = -1;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->epoll < 0 || w->timer < 0 || poll_for(w, w->timer) || !connect_store(w)) {
        watcher_close(w);
        return op_fail(op, ERROR_FAIL, errno, "The store cannot be reached to watch it");
    }
    op->ctx->watcher = w;
    return polled_fd_register(op->ctx, &op->ctx->watch, w->epoll);
}

/* ---- without a xenstored */

static void say(libxl_ctx *ctx, const char *what)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    op_log(&op, XTL_WARN, 0, "%s", what);
    op_end(&op, 0);
}

static bool has_ended(const struct watcher *w)
{
    struct pollfd p = { .fd = w->lifeline, .events = POLLIN };

    return w->lifeline >= 0 && poll(&p, 1, 0) == 1;
}

static void look_for_the_next(libxl_ctx *ctx, struct watcher *w)
{
    say(ctx, "The store is no longer there to be watched; waiting for xenstored");
    disconnect(w);
    w->looks = 0;
    set_timer(w, LOOK_MS);
}

static bool watch_all_again(struct watcher *w)
{
    struct watched *i;

    LIST_FOREACH(i, &w->all, next)
    {
        if (!xs_watch(w->xs, i->path, i->token))
            return false;
    }
    return true;
}

static void look(libxl_ctx *ctx, struct watcher *w)
{
    uint64_t times;

    if (read(w->timer, &times, sizeof(times)) != sizeof(times))
        return; /* not yet */
    if (connect_store(w) && watch_all_again(w)) {
        set_timer(w, 0);
        say(ctx, "The store is watched again");
        return;
    }
    disconnect(w);
    if (++w->looks < LOOKS_MAX)
        return;
    w->looks = LOOKS_NONE;
    set_timer(w, 0);
    polled_fd_deregister(ctx, &ctx->watch);
    disaster(ctx, 0, "there is no xenstored any more", ECONNRESET);
}

/* ---- for others */

int watch_add(struct op *op, struct watched *i)
{
    libxl_ctx *ctx = op->ctx;
    struct watcher *w;
    int rc = 0;

    ctx_lock(ctx);
    if (!ctx->watcher)
        rc = watcher_create(op);
    if (!rc) {
        w = ctx->watcher;
        snprintf(i->token, sizeof(i->token), "%llx", ++w->last_token);
        LIST_INSERT_HEAD(&w->all, i, next);
        /* Without a xenstored it is set when there is one */
        if (w->xs && !xs_watch(w->xs, i->path, i->token) && !has_ended(w)) {
            LIST_REMOVE(i, next);
            rc = op_fail(op, ERROR_FAIL, errno, "The store does not let us watch %s", i->path);
        }
    }
    ctx_unlock(ctx);
    return rc;
}

void watch_remove(libxl_ctx *ctx, struct watched *i)
{
    ctx_lock(ctx);
    LIST_REMOVE(i, next);
    if (ctx->watcher->xs)
        xs_unwatch(ctx->watcher->xs, i->path, i->token);
    ctx_unlock(ctx);
}

int watcher_fd(libxl_ctx *ctx)
{
    return ctx->watcher && ctx->watcher->looks != LOOKS_NONE ? ctx->watcher->epoll : -1;
}

static struct watched *first_due(struct watcher *w)
{
    struct watched *i;

    LIST_FOREACH(i, &w->all, next)
    {
        if (i->due)
            return i;
    }
    return NULL;
}

static void take_changes(struct watcher *w)
{
    struct watched *i;
    char **event;

    while ((event = xs_check_watch(w->xs))) {
        LIST_FOREACH(i, &w->all, next)
        {
            if (!strcmp(i->token, event[XS_WATCH_TOKEN]))
                i->due = true;
        }
        free(event);
    }
}

/* Many changes of a path are one call: all that have come are marked first. */
void watcher_run(libxl_ctx *ctx)
{
    struct watcher *w;
    struct watched *i;

    ctx_lock(ctx);
    w = ctx->watcher;
    if (w && !w->xs)
        look(ctx, w);
    if (w && w->xs) {
        take_changes(w);
        if (has_ended(w))
            look_for_the_next(ctx, w);
    }
    while (w && (i = first_due(w))) {
        i->due = false;
        i->occurred(ctx, i);
    }
    ctx_unlock(ctx);
}

/* Those who are still interested are forgotten with the context, as libxl_event.h says. */
void watcher_free(libxl_ctx *ctx)
{
    if (!ctx->watcher)
        return;
    polled_fd_deregister(ctx, &ctx->watch);
    watcher_close(ctx->watcher);
    ctx->watcher = NULL;
}
