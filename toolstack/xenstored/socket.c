/*
 * Local sockets. Whoever may connect to one (its mode is 0600) may do everything, as dom0. Such a
 * client, its watches and transactions end with its connection.
 *
 * Under systemd a client that stays for a moment has its socket left there, so that it outlives the
 * daemon; what has been read of it is in the state file. A kernel does not say how much of a
 * socket's bytes it had moved when a process was killed, so a client whose bytes were just being
 * moved ends. The next daemon also ends the other connections of that program: it finds out by one
 * what became of all.
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
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define LISTENERS 4
#define NAME      "client-%u" /* of a client's socket at systemd */
#define YOUNG_MS  1000 /* programs that ask something and end are not worth a message to it */

struct socket {
    struct link link; /* first */
    struct source source;
    LIST_ENTRY(socket) next; /* of those that systemd does not have yet */
    bool young;              /* is it one of them? */
    int fd;
    bool drained; /* nothing more is there until epoll says so */
};

static struct listener {
    struct source source;
    int fd;
} listeners[LISTENERS];
static int listener_count;
static bool refused; /* for want of a descriptor: try again when one is free */
static char *own_path;
static LIST_HEAD(, socket) young = LIST_HEAD_INITIALIZER(young);

static void accept_all(struct listener *l);

static struct socket *socket_of(struct link *l)
{
    return (struct socket *)l;
}

static long fill(struct socket *s, struct conn *c)
{
    ssize_t n;

    c->busy = 1;
    n = read(s->fd, arena_at(c->buffer), CONN_BUFFER);
    if (n <= 0) {
        c->busy = 0;
        if (!n)
            return -ECONNRESET;
        s->drained = errno == EAGAIN;
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    arena_set(&c->at, 0);
    arena_set(&c->end, (uint32_t)n);
    arena_set(&c->busy, 0);
    s->drained = n < (ssize_t)CONN_BUFFER;
    return n;
}

/* A part of a step: what is taken from the buffer, or comes into it, counts with the caller's */
static long socket_get(struct link *l, void *buffer, size_t max)
{
    struct socket *s = socket_of(l);
    struct conn *c = conn_at(l->conn);
    long rc;

    if (c->at == c->end) {
        if (s->drained)
            return 0;
        rc = fill(s, c);
        if (rc <= 0)
            return rc;
    }
    if (max > c->end - c->at)
        max = c->end - c->at;
    memcpy(buffer, (char *)arena_at(c->buffer) + c->at, max);
    arena_add(&c->at, (int32_t)max);
    return (long)max;
}

static long socket_put(struct link *l, const struct iovec *iov, int count)
{
    struct conn *c = conn_at(l->conn);
    ssize_t n;

    c->busy = 1;
    n = writev(socket_of(l)->fd, iov, count);
    if (n <= 0) {
        c->busy = 0;
        return !n || errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    arena_set(&c->busy, 0);
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
    if (s->young)
        LIST_REMOVE(s, next);
    /* For systemd, too, which then forgets it */
    shutdown(s->fd, SHUT_RDWR);
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

/* ---- sockets at systemd */

static void young_over(struct source *source, uint32_t events);

static struct young_timer {
    struct source source;
    int fd; /* 0: there is none */
    bool runs;
} timer = { { young_over }, 0, false };

static void set_timer(int ms)
{
    struct itimerspec time = { .it_value = { ms / 1000, ms % 1000 * 1000000l } };

    timer.runs = ms;
    timerfd_settime(timer.fd, 0, &time, NULL);
}

static void leave_at_systemd(struct socket *s)
{
    struct conn *c = conn_at(s->link.conn);
    char text[64];

    arena_add(&state()->last_client, 1);
    arena_set(&c->id, state()->last_client);
    state_commit();
    snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=" NAME, c->id);
    sd_pid_notify_with_fds(0, 0, text, &s->fd, 1);
}

static void young_over(struct source *source, uint32_t events)
{
    struct socket *s;

    (void)source;
    (void)events;
    set_timer(0);
    while ((s = LIST_FIRST(&young))) {
        LIST_REMOVE(s, next);
        s->young = false;
        leave_at_systemd(s);
    }
}

static void is_young(struct socket *s)
{
    if (!timer.fd)
        return;
    LIST_INSERT_HEAD(&young, s, next);
    s->young = true;
    if (!timer.runs)
        set_timer(YOUNG_MS);
}

/* Whether there is a systemd that keeps sockets */
static void look_for_systemd(void)
{
    int fd;

    if (!getenv("NOTIFY_SOCKET"))
        return;
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || loop_add(fd, &timer.source, EPOLLIN) < 0)
        say(LOG_WARNING, "clients will not outlive the daemon: %s", strerror(errno));
    else
        timer.fd = fd;
}

/* ---- clients */

/* This process's side of a client; NULL without memory, and then the socket is closed */
static struct socket *make(int fd)
{
    struct socket *s = must(calloc(1, sizeof(*s)));

    s->link.ops = &socket_ops;
    s->link.writable = true;
    s->source.ready = socket_ready;
    s->fd = fd;
    if (arena_headroom() &&
        loop_add(fd, &s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0)
        return s;
    say(LOG_WARNING, "a client cannot be accepted: no memory");
    close(fd);
    free(s);
    return NULL;
}

static void start(int fd)
{
    struct socket *s = make(fd);

    if (!s)
        return;
    conn_new(&s->link, 0, true, false);
    state_commit();
    is_young(s);
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

/* ---- what systemd gave */

static struct conn *find(uint32_t id)
{
    ref_t ref;

    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        if (conn_at(ref)->id == id)
            return conn_at(ref);
    return NULL;
}

static pid_t peer_of(int fd)
{
    struct ucred peer = { 0 };
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

/* The client that a socket's name means; *client says whether it means one */
static struct conn *named(const char *name, bool *client)
{
    uint32_t id;

    *client = sscanf(name, NAME, &id) == 1;
    return *client && id ? find(id) : NULL;
}

/* The program whose bytes were being moved when the daemon ended; 0: none */
static pid_t program_to_end(char **names, int count)
{
    const struct conn *c;
    bool client;
    int i;

    for (i = 0; i < count; i++) {
        c = named(names[i], &client);
        if (c && c->busy)
            return peer_of(SD_LISTEN_FDS_START + i);
    }
    return 0;
}

static void take_client(int fd, struct conn *c, pid_t ended)
{
    struct socket *s;

    if (!c || c->busy || (ended && peer_of(fd) == ended)) {
        if (c)
            say(LOG_NOTICE, "connection %u of process %d ends: when the daemon ended %s", c->id,
                (int)peer_of(fd), c->busy ? "its bytes were being moved" : "another one of it did");
        shutdown(fd, SHUT_RDWR);
        close(fd);
        return;
    }
    s = make(fd);
    if (!s)
        return;
    conn_adopt(c, &s->link);
    conn_wake(&s->link, true, true);
}

/* systemd's sockets block, and accept_all() asks until there is nobody left */
static int listen_at(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : add_listener(fd);
}

/* Who was not there any more: without systemd all, since their sockets ended with the process */
static void forget_others(void)
{
    struct conn *c;
    ref_t ref, next;

    for (ref = state()->conns; ref; ref = next) {
        c = conn_at(ref);
        next = c->next;
        if (!c->ring && !c->link)
            conn_free(c);
        state_commit();
    }
}

int socket_take_given(void)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names), i, rc = 0;
    pid_t ended = program_to_end(names, count);
    struct conn *c;
    bool client;

    for (i = 0; i < count; i++) {
        c = named(names[i], &client);
        if (client)
            take_client(SD_LISTEN_FDS_START + i, c, ended);
        else if (rc >= 0)
            rc = listen_at(SD_LISTEN_FDS_START + i);
        free(names[i]);
    }
    free(names);
    forget_others();
    look_for_systemd();
    return rc < 0 ? rc : listener_count;
}

void socket_unlink(void)
{
    if (own_path)
        unlink(own_path);
}
