/*
 * What the files of event/ share.
 */
#ifndef LIBXL_EVENT_EVENT_H
#define LIBXL_EVENT_EVENT_H

#include "libxl/core/ctx.h"

/* Events of some type (0: all) are lost. Does not return unless the application's hook did. */
void disaster(libxl_ctx *ctx, libxl_event_type type, const char *what, int err);

/*
 * Somebody interested in a path of the store: occurred() is called on a thread of the application,
 * with the context's lock, after something changed there, and once soon after watch_add(). It may
 * remove itself.
 */
struct watched {
    LIST_ENTRY(watched) next;
    const char *path; /* its owner's, as long as it is there */
    char token[24];
    bool due;
    void (*occurred)(libxl_ctx *ctx, struct watched *w);
};
int watch_add(struct op *op, struct watched *w);
void watch_remove(libxl_ctx *ctx, struct watched *w);

/* The descriptor for changes; -1 when nobody is interested */
int watcher_fd(libxl_ctx *ctx);
/* Take the changes that have come, and tell those who are interested. */
void watcher_run(libxl_ctx *ctx);

/* A descriptor of ours has come up: it is given to the application's loop, if that has hooks. */
int polled_fd_register(libxl_ctx *ctx, struct polled_fd *p, int fd);
void polled_fd_deregister(libxl_ctx *ctx, struct polled_fd *p);

#endif
