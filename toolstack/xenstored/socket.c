/*
 * Local sockets. Whoever may connect to one (its mode is 0600) may do everything, as dom0. Such a
 * client, its watches and transactions end with its connection, which does not outlive the daemon.
 */
#include "socket.h"
#include "conn.h"
#include "internal.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS 4
#define BUFFER    2048u

struct socket {
    struct link link; /* first */
    struct source source;
    int fd;
    uint32_t at, end; /* of what is in the buffer */
    bool drained;     /* nothing more is there until epoll says so */
    char buffer[BUFFER];
};

static struct listener {
    struct source source;
    int fd;
} listeners[LISTENERS];
static int listener_count;
static bool refused; /* for want of a descriptor: try again when one is free */
static char *own_path;

static void accept_all(struct listener *l);

static struct socket *socket_of(struct link *l)
{
    return (struct socket *)l;
}

static long fill(struct socket *s)
{
    ssize_t n = read(s->fd, s->buffer, BUFFER);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (!n)
        return -ECONNRESET;
    s->at = 0;
    s->end = (uint32_t)n;
    s->drained = n < (ssize_t)BUFFER;
    return n;
}

static long socket_get(struct link *l, void *buffer, size_t max)
{
    struct socket *s = socket_of(l);
    long rc;

    if (s->at == s->end) {
        if (s->drained)
            return 0;
        rc = fill(s);
        if (rc <= 0)
            return rc;
    }
    if (max > s->end - s->at)
        max = s->end - s->at;
    memcpy(buffer, s->buffer + s->at, max);
    s->at += (uint32_t)max;
    return (long)max;
}

static long socket_put(struct link *l, const struct iovec *iov, int count)
{
    ssize_t n = writev(socket_of(l)->fd, iov, count);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n;
}

static void nothing(struct link *l)
{
    (void)l;
}

static void socket_close(struct link *l)
{
    struct socket *s = socket_of(l);
    int i;

    conn_free(conn_at(l->conn));
    state_commit();
    loop_remove(s->fd, &s->source);
    close(s->fd);
    free(s);
    if (!refused)
        return;
    refused = false;
    for (i = 0; i < listener_count; i++)
        accept_all(&listeners[i]);
}

static const struct link_ops socket_ops = {
    .get = socket_get,
    .got = nothing,
    .put = socket_put,
    .flush = nothing,
    .close = socket_close,
};

static void socket_ready(struct source *source, uint32_t events)
{
    struct socket *s = (struct socket *)((char *)source - offsetof(struct socket, source));

    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP | EPOLLERR))
        s->drained = false;
    conn_wake(&s->link, !s->drained, (events & EPOLLOUT) != 0);
}

static void start(int fd)
{
    struct socket *s = must(calloc(1, sizeof(*s)));

    s->link.ops = &socket_ops;
    s->link.writable = true;
    s->source.ready = socket_ready;
    s->fd = fd;
    if (!arena_headroom() ||
        loop_add(fd, &s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        say(LOG_WARNING, "a client cannot be accepted: no memory");
        close(fd);
        free(s);
        return;
    }
    conn_new(&s->link, 0, true, false);
    state_commit();
}

static void accept_all(struct listener *l)
{
    int fd;

    while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        start(fd);
    if (errno == EMFILE || errno == ENFILE) {
        say(LOG_WARNING, "a client has to wait: %s", strerror(errno));
        refused = true;
    }
}

static void listener_ready(struct source *source, uint32_t events)
{
    (void)events;
    accept_all((struct listener *)source);
}

static int add_listener(int fd)
{
    struct listener *l;

    if (listener_count == LISTENERS)
        return -E2BIG;
    l = &listeners[listener_count++];
    *l = (struct listener){ { listener_ready }, fd };
    return loop_add(fd, &l->source, EPOLLIN | EPOLLET);
}

int socket_listen(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    mode_t mask;
    int fd, rc;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    unlink(path);
    mask = umask(0177);
    rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (rc < 0 || listen(fd, SOMAXCONN) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    own_path = strdup(path);
    return add_listener(fd);
}

int socket_listen_given(int count)
{
    int i, rc = 0;

    /* systemd's sockets block, and accept_all() asks until there is nobody left */
    for (i = 3; i < 3 + count && rc >= 0; i++)
        rc = fcntl(i, F_SETFL, fcntl(i, F_GETFL) | O_NONBLOCK) < 0 ? -errno : add_listener(i);
    return rc;
}

void socket_unlink(void)
{
    if (own_path)
        unlink(own_path);
}
