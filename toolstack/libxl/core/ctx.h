/*
 * The context: what an application's handle on libxl holds. `lock` guards everything from there on;
 * it is recursive, because callbacks may come back into libxl, and it is never held while something
 * waits. What stands before it does not change, or guards itself (docs/design/libxl.md).
 */
#ifndef LIBXL_CORE_CTX_H
#define LIBXL_CORE_CTX_H

#include <poll.h>
#include <pthread.h>
#include <sys/queue.h>

#include "libxl/internal.h"

struct watcher; /* event/watcher.c */
struct wire;    /* core/wire.c */

/* A connection to the store for watches, which an operation borrows while it waits: core/wait.c */
struct watch_handle {
    SLIST_ENTRY(watch_handle) next;
    struct xs_handle *xs;
    unsigned int losses; /* the context's when it was made: with more it is lost, too */
};

/* A connection for requests that was lost. Other threads may be about to notice, so it is closed
 * with the context. */
struct lost_store {
    SLIST_ENTRY(lost_store) next;
    struct wire *wire;
};

/* A child of op_exec(): core/exec.c */
struct child {
    LIST_ENTRY(child) next;
    pid_t pid;
    bool reaped; /* by the application, which has told us the status */
    int status;
};

/* A public function that can be aborted, while it runs: core/op.c */
struct running {
    LIST_ENTRY(running) next;
    libxl_asyncop_how how;
    bool has_how, aborted;
    int abort_fd; /* an eventfd, from the first wait on; -1 */
};

/* A domain that has been made here and has not run yet: domain/creation.c */
struct creation {
    LIST_ENTRY(creation) next;
    libxl_uuid uuid;
    uint32_t domid; /* or LIBXL_INVALID_DOMID */
    char *path;
    int fd;
};

/* What is to be told to the application: an event for event_check(), or a call: event/queue.c */
struct report {
    STAILQ_ENTRY(report) next;
    libxl_event *event; /* to be given to the progress callback or the hook; NULL: completion */
    libxl_asyncop_how done;
    libxl_asyncprogress_how progress;
    int rc;
};

/* A thread in libxl_event_wait(): event/poll.c */
struct waiter {
    LIST_ENTRY(waiter) next;
    int fd; /* an eventfd */
};

/* A descriptor that the application polls for us */
struct polled_fd {
    int fd; /* -1: not there yet */
    bool registered;
    void *for_app;
};

struct libxl__ctx {
    xentoollog_logger *lg;
    struct xc *xc;

    pthread_mutex_t lock;
    struct wire *wire;   /* for requests to the store; opened by the first: ctx_store() */
    unsigned int losses; /* how often it was lost */
    SLIST_HEAD(, lost_store) lost_stores;
    SLIST_HEAD(, watch_handle) idle_watches;
    LIST_HEAD(, creation) creations;
    LIST_HEAD(, child) children;
    LIST_HEAD(, running) running;
    unsigned int threads; /* of operations */
    pthread_cond_t thread_ended;

    STAILQ_HEAD(, report) reports; /* calls that are due */
    XEN_TAILQ_HEAD(, struct libxl_event) events;
    LIST_HEAD(, waiter) waiters;
    struct polled_fd wake;  /* an eventfd: something happened on a thread of ours */
    struct polled_fd watch; /* the watcher's */
    struct watcher *watcher;

    const libxl_event_hooks *event_hooks;
    void *event_user;
    const libxl_osevent_hooks *os_hooks;
    void *os_user;
    const libxl_childproc_hooks *child_hooks;
    void *child_user;

    libxl_version_info version; /* libxl_get_version_info() fills it once */
    bool has_version;
};

void ctx_lock(libxl_ctx *ctx);
void ctx_unlock(libxl_ctx *ctx);
/* The connection to the store; NULL with errno when there is none */
struct wire *ctx_store(libxl_ctx *ctx);
/* @wire was found to be lost: the next who asks gets another one. Whether that is news. */
bool ctx_store_lost(libxl_ctx *ctx, struct wire *wire);

/* Take a connection for watches from the context, or make one; NULL with errno */
struct watch_handle *watch_handle_get(libxl_ctx *ctx);
/* Give it back; no watch may be left on it. */
void watch_handle_put(libxl_ctx *ctx, struct watch_handle *h);
/* The connection to the store was lost since it was made, so this one was, too */
bool watch_handle_lost(libxl_ctx *ctx, const struct watch_handle *h);
void watch_handle_close(struct watch_handle *h);

/* ---- domain/ ---- */

void creations_end_all(libxl_ctx *ctx);

/* ---- event/ ---- */

/* Put what is to be told into the queues, and wake who polls. They own the event. */
void report_done(libxl_ctx *ctx, const libxl_asyncop_how *how, libxl_domid domid, int rc);
void report_progress(libxl_ctx *ctx, const libxl_asyncprogress_how *how, libxl_event *event);
void report_event(libxl_ctx *ctx, libxl_event *event);
/* Make the calls that are due. On a thread of the application, without the lock. */
void reports_deliver(libxl_ctx *ctx);
void reports_free(libxl_ctx *ctx);
void polled_fds_forget(libxl_ctx *ctx);
void watcher_free(libxl_ctx *ctx);

#endif
