/*
 * Waiting, for all of libxl: for a change in the store, a descriptor, or time. Who waits for the
 * store first looks; only if that is too early does he get a connection for watches, which stays
 * with the operation until its end. So nothing is asked twice that was ready at once.
 *
 * A watch is silent when its connection is lost. So each second there is a look without one, and
 * when that has found that requests need another connection, the watch gets one, too.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"

#define TOKEN "wait"

#define LOOK_MS 1000

enum { ABORT, WATCH, GIVEN, NR_FDS };

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static int watch_begin(struct op *op, const char *path)
{
    if (op->watch && watch_handle_lost(op->ctx, op->watch)) {
        watch_handle_close(op->watch);
        op->watch = NULL;
    }
    if (!op->watch)
        op->watch = watch_handle_get(op->ctx);
    if (!op->watch)
        return op_fail(op, ERROR_FAIL, errno, "The store cannot be reached to watch %s", path);
    if (!xs_watch(op->watch->xs, path, TOKEN))
        return op_fail(op, ERROR_FAIL, errno, "The store does not let us watch %s", path);
    return 0;
}

/* What has come for the path goes with the watch. */
static void watch_end(struct op *op, const char *path)
{
    xs_unwatch(op->watch->xs, path, TOKEN);
}

/* Take what has come; false: the connection is lost */
static bool watch_drain(struct op *op)
{
    char **event;

    while ((event = xs_check_watch(op->watch->xs)))
        free(event);
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* How long poll() may sleep: until the next look, or the end */
static int poll_time(int poll_ms, long long end)
{
    long long left = -1;

    if (end >= 0) {
        left = end - now_ms();
        left = left < 0 ? 0 : left;
    }
    if (poll_ms > 0 && (left < 0 || poll_ms < left))
        return poll_ms;
    return (int)left;
}

static int wait_loop(struct op *op, const char *path, struct pollfd *fds, int poll_ms,
                     long long end, int (*ready)(struct op *op, void *arg), void *arg)
{
    int n, rc;

    if (path && (poll_ms <= 0 || poll_ms > LOOK_MS))
        poll_ms = LOOK_MS;
    for (;;) {
        n = poll(fds, NR_FDS, poll_time(poll_ms, end));
        if (n < 0 && errno != EINTR)
            return op_fail(op, ERROR_FAIL, errno, "Waiting failed");
        if (n > 0 && fds[ABORT].revents)
            return ERROR_ABORTED;
        if (n > 0 && fds[WATCH].revents && !watch_drain(op))
            fds[WATCH].fd = -1; /* it stays readable */
        rc = ready(op, arg);
        if (rc != ERROR_NOT_READY)
            return rc;
        if (path && watch_handle_lost(op->ctx, op->watch)) {
            rc = watch_begin(op, path);
            if (rc)
                return rc;
            fds[WATCH].fd = xs_fileno(op->watch->xs);
        }
        if (end >= 0 && now_ms() >= end)
            return ERROR_TIMEDOUT;
    }
}

int op_wait(struct op *op, const char *path, int fd, int poll_ms, int timeout_ms,
            int (*ready)(struct op *op, void *arg), void *arg)
{
    long long end = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    struct pollfd fds[NR_FDS];
    int rc;

    if (op_aborted(op))
        return ERROR_ABORTED;
    rc = ready(op, arg);
    if (rc != ERROR_NOT_READY)
        return rc;
    if (path) {
        rc = watch_begin(op, path);
        if (rc)
            return rc;
    }
    fds[ABORT] = (struct pollfd){ .fd = op_abort_fd(op), .events = POLLIN };
    fds[WATCH] = (struct pollfd){ .fd = path ? xs_fileno(op->watch->xs) : -1, .events = POLLIN };
    fds[GIVEN] = (struct pollfd){ .fd = fd, .events = POLLIN };
    rc = wait_loop(op, path, fds, poll_ms, end, ready, arg);
    if (path && op->watch)
        watch_end(op, path);
    return rc;
}

static int never_ready(struct op *op, void *arg)
{
    (void)op;
    (void)arg;
    return ERROR_NOT_READY;
}

int op_sleep(struct op *op, int ms)
{
    int rc = op_wait(op, NULL, -1, 0, ms, never_ready, NULL);

    return rc == ERROR_TIMEDOUT ? 0 : rc;
}
