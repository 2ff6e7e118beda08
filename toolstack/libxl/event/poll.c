/*
 * How the application's loop and ours meet. libxl has two descriptors at most: one that says that a
 * thread of ours has something to tell, and one for changes in the store. An application polls them
 * by beforepoll/afterpoll, or with its own loop through hooks, or waits in libxl_event_wait().
 * There are no timeouts: what takes time has a thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libxl/event/event.h"

int polled_fd_register(libxl_ctx *ctx, struct polled_fd *p, int fd)
{
    int rc = 0;

    p->fd = fd;
    p->for_app = NULL;
    if (ctx->os_hooks) {
        rc = ctx->os_hooks->fd_register(ctx->os_user, fd, &p->for_app, POLLIN, p);
        p->registered = !rc;
    }
    return rc;
}

void polled_fd_deregister(libxl_ctx *ctx, struct polled_fd *p)
{
    if (p->registered)
        ctx->os_hooks->fd_deregister(ctx->os_user, p->fd, p->for_app);
    p->registered = false;
    p->fd = -1;
}

void polled_fds_forget(libxl_ctx *ctx)
{
    int fd = ctx->wake.fd;

    polled_fd_deregister(ctx, &ctx->wake);
    if (fd >= 0)
        close(fd);
}

/* With the lock. What is in the queues already counts as news. */
static int make_wake_fd(libxl_ctx *ctx)
{
    int fd;

    if (ctx->wake.fd >= 0)
        return 0;
    fd = eventfd(!STAILQ_EMPTY(&ctx->reports) || !XEN_TAILQ_EMPTY(&ctx->events),
                 EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ERROR_FAIL;
    return polled_fd_register(ctx, &ctx->wake, fd);
}

void libxl_osevent_register_hooks(libxl_ctx *ctx, const libxl_osevent_hooks *hooks, void *user)
{
    ctx_lock(ctx);
    ctx->os_hooks = hooks;
    ctx->os_user = user;
    if (make_wake_fd(ctx))
        disaster(ctx, 0, "the application's loop does not take our descriptor", errno);
    ctx_unlock(ctx);
}

static void drain(int fd)
{
    eventfd_t n;

    (void)eventfd_read(fd, &n);
}

void libxl_osevent_occurred_fd(libxl_ctx *ctx, void *for_libxl, int fd, short events, short revents)
{
    (void)events;
    (void)revents;
    if (for_libxl == &ctx->wake)
        drain(fd);
    else
        watcher_run(ctx);
    reports_deliver(ctx);
}

/* We register none. */
void libxl_osevent_occurred_timeout(libxl_ctx *ctx, void *for_libxl)
{
    (void)for_libxl;
    reports_deliver(ctx);
}

int libxl_osevent_beforepoll(libxl_ctx *ctx, int *nfds_io, struct pollfd *fds, int *timeout_upd,
                             struct timeval now)
{
    int room = *nfds_io, rc = 0, watch;

    (void)now;
    ctx_lock(ctx);
    if (make_wake_fd(ctx)) {
        ctx_unlock(ctx);
        return ERROR_FAIL;
    }
    watch = watcher_fd(ctx);
    *nfds_io = watch < 0 ? 1 : 2;
    if (*nfds_io > room) {
        rc = ERROR_BUFFERFULL;
    } else {
        fds[0] = (struct pollfd){ .fd = ctx->wake.fd, .events = POLLIN };
        if (watch >= 0)
            fds[1] = (struct pollfd){ .fd = watch, .events = POLLIN };
    }
    if (!STAILQ_EMPTY(&ctx->reports))
        *timeout_upd = 0;
    ctx_unlock(ctx);
    return rc;
}

void libxl_osevent_afterpoll(libxl_ctx *ctx, int nfds, const struct pollfd *fds, struct timeval now)
{
    int i;

    (void)now;
    for (i = 0; i < nfds; i++) {
        if (!fds[i].revents)
            continue;
        if (fds[i].fd == ctx->wake.fd)
            drain(fds[i].fd);
        else
            watcher_run(ctx);
    }
    reports_deliver(ctx);
}

/* Who waits has a descriptor of his own, so that nobody else can take what woke him. */
static int wait_with(libxl_ctx *ctx, int fd, libxl_event **event_r, uint64_t typemask,
                     libxl_event_predicate *predicate, void *user)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN } };

    for (;;) {
        reports_deliver(ctx);
        watcher_run(ctx);
        if (!libxl_event_check(ctx, event_r, typemask, predicate, user))
            return 0;
        ctx_lock(ctx);
        fds[1] = (struct pollfd){ .fd = watcher_fd(ctx), .events = POLLIN };
        ctx_unlock(ctx);
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return ERROR_FAIL;
        drain(fd);
    }
}

int libxl_event_wait(libxl_ctx *ctx, libxl_event **event_r, uint64_t typemask,
                     libxl_event_predicate *predicate, void *predicate_user)
{
    struct waiter w = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    int rc;

    *event_r = NULL;
    if (w.fd < 0)
        return ERROR_FAIL;
    ctx_lock(ctx);
    LIST_INSERT_HEAD(&ctx->waiters, &w, next);
    ctx_unlock(ctx);
    rc = wait_with(ctx, w.fd, event_r, typemask, predicate, predicate_user);
    ctx_lock(ctx);
    LIST_REMOVE(&w, next);
    ctx_unlock(ctx);
    close(w.fd);
    return rc;
}
