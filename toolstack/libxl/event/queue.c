/*
 * What the application is to be told. Any thread may put something into the queues; only threads on
 * which the application called libxl take it out: calls are made by reports_deliver(), without the
 * lock, and events that no hook wants stay until libxl_event_check() or _wait() asks for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "libxl/event/event.h"

/* With the lock */
static void wake_all(libxl_ctx *ctx)
{
    struct waiter *w;

    LIST_FOREACH(w, &ctx->waiters, next)
    (void)eventfd_write(w->fd, 1);
    if (ctx->wake.fd >= 0)
        (void)eventfd_write(ctx->wake.fd, 1);
}

static void add_report(libxl_ctx *ctx, const struct report *report)
{
    struct report *r = xl_calloc(1, sizeof(*r));

    *r = *report;
    ctx_lock(ctx);
    STAILQ_INSERT_TAIL(&ctx->reports, r, next);
    wake_all(ctx);
    ctx_unlock(ctx);
}

void report_event(libxl_ctx *ctx, libxl_event *event)
{
    bool hooked;

    ctx_lock(ctx);
    hooked = ctx->event_hooks && (ctx->event_hooks->event_occurs_mask & (1ull << event->type));
    if (hooked) {
        add_report(ctx, &(struct report){ .event = event });
    } else {
        XEN_TAILQ_INSERT_TAIL(&ctx->events, event, link);
        wake_all(ctx);
    }
    ctx_unlock(ctx);
}

void report_done(libxl_ctx *ctx, const libxl_asyncop_how *how, libxl_domid domid, int rc)
{
    libxl_event *event;

    if (how->callback) {
        add_report(ctx, &(struct report){ .done = *how, .rc = rc });
        return;
    }
    event = xl_calloc(1, sizeof(*event));
    libxl_event_init(event);
    libxl_event_init_type(event, LIBXL_EVENT_TYPE_OPERATION_COMPLETE);
    event->domid = domid;
    event->for_user = how->u.for_event;
    event->u.operation_complete.rc = rc;
    report_event(ctx, event);
}

void report_progress(libxl_ctx *ctx, const libxl_asyncprogress_how *how, libxl_event *event)
{
    if (how->callback)
        add_report(ctx, &(struct report){ .event = event, .progress = *how });
    else
        report_event(ctx, event);
}

static void make_call(libxl_ctx *ctx, struct report *r)
{
    if (!r->event)
        r->done.callback(ctx, r->rc, r->done.u.for_callback);
    else if (r->progress.callback)
        r->progress.callback(ctx, r->event, r->progress.for_callback);
    else
        ctx->event_hooks->event_occurs(ctx->event_user, r->event);
}

void reports_deliver(libxl_ctx *ctx)
{
    struct report *r;

    for (;;) {
        ctx_lock(ctx);
        r = STAILQ_FIRST(&ctx->reports);
        if (r)
            STAILQ_REMOVE_HEAD(&ctx->reports, next);
        ctx_unlock(ctx);
        if (!r)
            return;
        make_call(ctx, r);
        free(r);
    }
}

void reports_free(libxl_ctx *ctx)
{
    libxl_event *event;
    struct report *r;

    while ((r = STAILQ_FIRST(&ctx->reports))) {
        STAILQ_REMOVE_HEAD(&ctx->reports, next);
        if (r->event)
            libxl_event_free(ctx, r->event);
        free(r);
    }
    while ((event = XEN_TAILQ_FIRST(&ctx->events))) {
        XEN_TAILQ_REMOVE(&ctx->events, event, link);
        libxl_event_free(ctx, event);
    }
}

void libxl_event_register_callbacks(libxl_ctx *ctx, const libxl_event_hooks *hooks, void *user)
{
    ctx_lock(ctx);
    ctx->event_hooks = hooks;
    ctx->event_user = user;
    ctx_unlock(ctx);
}

void libxl_event_free(libxl_ctx *ctx, libxl_event *event)
{
    (void)ctx;
    libxl_event_dispose(event);
    free(event);
}

/*
 * Events may be missing from now on: the application's own function hears it, or the program ends.
 */
void disaster(libxl_ctx *ctx, libxl_event_type type, const char *what, int err)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    op_log(&op, XTL_CRITICAL, err, "Events can no longer be reported: %s", what);
    op_end(&op, 0);
    if (ctx->event_hooks && ctx->event_hooks->disaster) {
        ctx->event_hooks->disaster(ctx->event_user, type, what, err);
        return;
    }
    fprintf(stderr, "libxl: events can no longer be reported: %s\n", what);
    exit(-1);
}

/* ---- taking events ---- */

static libxl_event *take_event(libxl_ctx *ctx, uint64_t typemask, libxl_event_predicate *predicate,
                               void *user)
{
    libxl_event *event;

    XEN_TAILQ_FOREACH(event, &ctx->events, link)
    {
        if (!(typemask & (1ull << event->type)))
            continue;
        if (predicate && !predicate(event, user))
            continue;
        XEN_TAILQ_REMOVE(&ctx->events, event, link);
        return event;
    }
    return NULL;
}

int libxl_event_check(libxl_ctx *ctx, libxl_event **event_r, uint64_t typemask,
                      libxl_event_predicate *predicate, void *predicate_user)
{
    ctx_lock(ctx);
    *event_r = take_event(ctx, typemask, predicate, predicate_user);
    ctx_unlock(ctx);
    return *event_r ? 0 : ERROR_NOT_READY;
}
