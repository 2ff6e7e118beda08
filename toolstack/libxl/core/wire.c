/*
 * The connection to the store for requests. libxenstore waits for each answer, and sends a request
 * in pieces that each wake the daemon; a domain is some eighty requests, most of them in
 * transactions that nobody reads in. Here requests that ask for nothing go together, in one piece,
 * and their answers are read afterwards. Watches stay with libxenstore. Called by store.c; the
 * connection's lock is held from the first byte that is sent to the last that is read.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xenstore_lib.h>

#include "libxl/core/wire.h"
#include "libxl/internal.h"
#include "lifeline/lifeline.h"

#define DEVICE "/dev/xen/xenbus" /* where there is no daemon in this domain */

struct wire {
    pthread_mutex_t lock;
    int fd;
    bool device; /* that takes one message at a time */
    int error;   /* -errno of what ended the connection */
    size_t at, end;
    char buffer[4096]; /* read, and not used yet: from at to end */
};

struct wire *wire_open(void)
{
    struct wire *w;
    int fd = lifeline_open(); /* only that something is said on it */
    bool device = fd < 0 && errno == ENOENT;

    if (device)
        fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    w = xl_calloc(1, sizeof(*w));
    w->fd = fd;
    w->device = device;
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

void wire_close(struct wire *w)
{
    close(w->fd);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* ---- bytes ---- */

static int put(struct wire *w, const char *data, size_t size)
{
    ssize_t n;

    while (size) {
        n = w->device ? write(w->fd, data, size) : send(w->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int get(struct wire *w, void *to, size_t size)
{
    char *p = to;
    ssize_t n;
    size_t part;

    while (size) {
        if (w->at == w->end) {
            n = read(w->fd, w->buffer, sizeof(w->buffer));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return n ? -errno : -ECONNRESET;
            w->at = 0;
            w->end = (size_t)n;
        }
        part = w->end - w->at < size ? w->end - w->at : size;
        p = mempcpy(p, w->buffer + w->at, part);
        w->at += part;
        size -= part;
    }
    return 0;
}

/* ---- messages ---- */

static int send_all(struct wire *w, const struct wire_batch *batch)
{
    struct xsd_sockmsg header;
    size_t at = 0, from;
    int rc = 0;

    if (!w->device)
        return put(w, batch->data, batch->size);
    while (at < batch->size && !rc) {
        from = at;
        header = wire_next(batch, &at);
        at += header.len;
        rc = put(w, batch->data + from, at - from);
    }
    return rc;
}

static int error_named(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(xsd_errors) / sizeof(*xsd_errors); i++) {
        if (!strcmp(xsd_errors[i].errstring, name))
            return xsd_errors[i].errnum;
    }
    return EINVAL; /* as it is meant for errors that a client does not know */
}

static int one_answer(struct wire *w, uint32_t type, const char *path, wire_answered *answered,
                      void *arg)
{
    char answer[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg header;
    int rc = get(w, &header, sizeof(header));

    if (!rc && header.len > XENSTORE_PAYLOAD_MAX)
        rc = -EPROTO;
    if (!rc)
        rc = get(w, answer, header.len);
    if (rc)
        return rc;
    if (header.type != XS_ERROR && header.type != type)
        return -EPROTO;
    answer[header.len] = '\0';
    answered(arg, type, path, header.type == XS_ERROR ? error_named(answer) : 0, answer,
             header.len);
    return 0;
}

int wire_exchange(struct wire *w, const struct wire_batch *batch, wire_answered *answered,
                  void *arg)
{
    struct xsd_sockmsg header;
    size_t at = 0;
    int rc;

    pthread_mutex_lock(&w->lock);
    rc = w->error ? w->error : send_all(w, batch);
    while (at < batch->size && !rc) {
        header = wire_next(batch, &at);
        rc = one_answer(w, header.type, batch->data + at, answered, arg);
        at += header.len;
    }
    w->error = rc;
    pthread_mutex_unlock(&w->lock);
    return rc;
}
