/*
 * The life of a context. Privileged files are opened at once, so that a program learns early that
 * it cannot manage domains; the store is opened by the first who needs it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libxl/core/ctx.h"
#include "libxl/core/wire.h"

static void lock_init(libxl_ctx *ctx)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&ctx->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&ctx->thread_ended, NULL);
}

int libxl_ctx_alloc(libxl_ctx **pctx, int version, unsigned flags, xentoollog_logger *lg)
{
    libxl_ctx *ctx;
    int err;

    *pctx = NULL;
    if (version != LIBXL_VERSION)
        return ERROR_VERSION;
    if (flags)
        return ERROR_INVAL;
    ctx = xl_calloc(1, sizeof(*ctx));
    ctx->lg = lg;
    ctx->wake.fd = ctx->watch.fd = -1;
    STAILQ_INIT(&ctx->reports);
    XEN_TAILQ_INIT(&ctx->events);
    lock_init(ctx);
    err = xc_open(&ctx->xc, lg);
    if (err) {
        if (lg)
            xtl_log(lg, XTL_ERROR, -err, "libxl",
                    "The hypervisor's interface /dev/xen/privcmd cannot be opened; this needs root "
                    "in the control domain");
        libxl_ctx_free(ctx);
        return ERROR_FAIL;
    }
    *pctx = ctx;
    return 0;
}

/* Operations that still run are aborted; their threads must end before what they use goes. */
static void end_threads(libxl_ctx *ctx)
{
    struct running *r;

    ctx_lock(ctx);
    LIST_FOREACH(r, &ctx->running, next)
    {
        r->aborted = true;
        if (r->abort_fd >= 0)
            (void)eventfd_write(r->abort_fd, 1);
    }
    while (ctx->threads)
        pthread_cond_wait(&ctx->thread_ended, &ctx->lock);
    ctx_unlock(ctx);
}

int libxl_ctx_free(libxl_ctx *ctx)
{
    struct watch_handle *h;
    struct lost_store *lost;

    if (!ctx)
        return 0;
    end_threads(ctx);
    creations_end_all(ctx);
    watcher_free(ctx);
    polled_fds_forget(ctx);
    reports_free(ctx);
    while ((h = SLIST_FIRST(&ctx->idle_watches))) {
        SLIST_REMOVE_HEAD(&ctx->idle_watches, next);
        watch_handle_close(h);
    }
    while ((lost = SLIST_FIRST(&ctx->lost_stores))) {
        SLIST_REMOVE_HEAD(&ctx->lost_stores, next);
        wire_close(lost->wire);
        free(lost);
    }
    if (ctx->wire)
        wire_close(ctx->wire);
    xc_close(ctx->xc);
    if (ctx->has_version)
        libxl_version_info_dispose(&ctx->version);
    pthread_cond_destroy(&ctx->thread_ended);
    pthread_mutex_destroy(&ctx->lock);
    free(ctx);
    return 0;
}

/*
 * In a forked child no thread of ours lives, and locks are as they were: nothing may be taken. The
 * connections to the store are the parent's; the child only drops its descriptors of them.
 */
void libxl_postfork_child_noexec(libxl_ctx *ctx)
{
    struct watch_handle *h;

    if (ctx->wire)
        wire_close(ctx->wire);
    ctx->wire = NULL;
    SLIST_FOREACH(h, &ctx->idle_watches, next)
    xs_daemon_destroy_postfork(h->xs);
    SLIST_INIT(&ctx->idle_watches);
}

void ctx_lock(libxl_ctx *ctx)
{
    pthread_mutex_lock(&ctx->lock);
}

void ctx_unlock(libxl_ctx *ctx)
{
    pthread_mutex_unlock(&ctx->lock);
}

struct wire *ctx_store(libxl_ctx *ctx)
{
    struct wire *wire;

    ctx_lock(ctx);
    if (!ctx->wire)
        ctx->wire = wire_open();
    wire = ctx->wire;
    ctx_unlock(ctx);
    return wire;
}

bool ctx_store_lost(libxl_ctx *ctx, struct wire *wire)
{
    struct lost_store *lost;
    bool news;

    ctx_lock(ctx);
    news = ctx->wire == wire;
    if (news) {
        lost = xl_calloc(1, sizeof(*lost));
        lost->wire = wire;
        SLIST_INSERT_HEAD(&ctx->lost_stores, lost, next);
        ctx->wire = NULL;
        ctx->losses++;
    }
    ctx_unlock(ctx);
    return news;
}

struct watch_handle *watch_handle_get(libxl_ctx *ctx)
{
    struct watch_handle *h;
    unsigned int losses;

    ctx_lock(ctx);
    losses = ctx->losses;
    while ((h = SLIST_FIRST(&ctx->idle_watches))) {
        SLIST_REMOVE_HEAD(&ctx->idle_watches, next);
        if (h->losses == losses)
            break;
        watch_handle_close(h);
    }
    ctx_unlock(ctx);
    if (h)
        return h;
    h = xl_calloc(1, sizeof(*h));
    h->losses = losses;
    h->xs = xs_open(0);
    if (h->xs)
        return h;
    free(h);
    return NULL;
}

void watch_handle_put(libxl_ctx *ctx, struct watch_handle *h)
{
    ctx_lock(ctx);
    SLIST_INSERT_HEAD(&ctx->idle_watches, h, next);
    ctx_unlock(ctx);
}

bool watch_handle_lost(libxl_ctx *ctx, const struct watch_handle *h)
{
    bool lost;

    ctx_lock(ctx);
    lost = h->losses != ctx->losses;
    ctx_unlock(ctx);
    return lost;
}

void watch_handle_close(struct watch_handle *h)
{
    xs_close(h->xs);
    free(h);
}
