/* The small xenstored: one connection after the other, each request answered at once. */
#include "store.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define STORES  16
#define CLIENTS 32

static struct {
    char value[64];
} * node;
static struct {
    pid_t pid;
    int start; /* the milliseconds are written there */
} stores[STORES];
static int running = -1;
static char path[64];

struct client {
    int fd;
    char watch[128]; /* the path and the token, each with its end */
    size_t watch_len;
};
static struct client clients[CLIENTS];

static void answer(int fd, uint32_t type, const struct xsd_sockmsg *to, const void *body,
                   size_t len)
{
    struct xsd_sockmsg h = { type, to->req_id, to->tx_id, (uint32_t)len };
    char all[512];

    memcpy(all, &h, sizeof(h));
    memcpy(all + sizeof(h), body, len);
    if (write(fd, all, sizeof(h) + len) < 0)
        exit(1);
}

static void fire(void)
{
    const struct xsd_sockmsg none = { 0 };

    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].watch_len)
            answer(clients[i].fd, XS_WATCH_EVENT, &none, clients[i].watch, clients[i].watch_len);
    }
}

static void serve(struct client *c, const struct xsd_sockmsg *h, const char *body)
{
    const struct xsd_sockmsg none = { 0 };
    const char *value;

    switch (h->type) {
    case XS_READ:
        if (*node->value)
            answer(c->fd, XS_READ, h, node->value, strlen(node->value));
        else
            answer(c->fd, XS_ERROR, h, "ENOENT", 7);
        return;
    case XS_WRITE:
        value = body + strlen(body) + 1;
        snprintf(node->value, sizeof(node->value), "%.*s", (int)(body + h->len - value), value);
        answer(c->fd, XS_WRITE, h, "OK", 3);
        fire();
        return;
    case XS_WATCH:
        memcpy(c->watch, body, h->len);
        c->watch_len = h->len;
        answer(c->fd, XS_WATCH, h, "OK", 3);
        answer(c->fd, XS_WATCH_EVENT, &none, body, h->len);
        return;
    case XS_TRANSACTION_START:
        answer(c->fd, h->type, h, "1", 2);
        return;
    default:
        answer(c->fd, h->type, h, "OK", 3);
    }
}

static bool get(int fd, void *to, size_t len)
{
    return !len || recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static void hear(struct client *c)
{
    struct xsd_sockmsg h;
    char body[256];

    if (get(c->fd, &h, sizeof(h)) && h.len <= sizeof(body) && get(c->fd, body, h.len)) {
        serve(c, &h, body);
        return;
    }
    close(c->fd);
    *c = (struct client){ .fd = -1 };
}

static _Noreturn void live(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct pollfd fds[CLIENTS + 1];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), i;

    strcpy(address.sun_path, path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, CLIENTS))
        exit(1);
    for (i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    for (;;) {
        fds[CLIENTS] = (struct pollfd){ fd, POLLIN, 0 };
        for (i = 0; i < CLIENTS; i++)
            fds[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
        if (poll(fds, CLIENTS + 1, -1) < 0)
            exit(1);
        for (i = 0; i < CLIENTS; i++) {
            if (fds[i].revents)
                hear(&clients[i]);
        }
        for (i = 0; fds[CLIENTS].revents && i < CLIENTS; i++) {
            if (clients[i].fd < 0) {
                clients[i].fd = accept(fd, NULL, NULL);
                break;
            }
        }
    }
}

void stores_prepare(void)
{
    int ends[2], ms;

    node = mmap(NULL, sizeof(*node), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(path, sizeof(path), "/tmp/hospes-store.%d", (int)getpid());
    setenv("XENSTORED_PATH", path, 1);
    for (int i = 0; i < STORES; i++) {
        if (pipe(ends))
            abort();
        stores[i].start = ends[1];
        stores[i].pid = fork();
        if (stores[i].pid)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        for (int j = 0; j <= i; j++)
            close(stores[j].start);
        if (read(ends[0], &ms, sizeof(ms)) != sizeof(ms))
            _exit(0);
        usleep((unsigned int)ms * 1000);
        live();
    }
}

void store_start(int ms)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, rc;

    if (++running == STORES)
        abort();
    if (write(stores[running].start, &ms, sizeof(ms)) != sizeof(ms))
        abort();
    strcpy(address.sun_path, path);
    do {
        fd = ms ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        rc = ms ? 0 : connect(fd, (struct sockaddr *)&address, sizeof(address));
        if (fd >= 0)
            close(fd);
    } while (rc);
}

void store_kill(void)
{
    kill(stores[running].pid, SIGKILL);
    waitpid(stores[running].pid, NULL, 0);
    unlink(path);
}

void node_set(const char *value)
{
    snprintf(node->value, sizeof(node->value), "%s", value);
}

const char *node_get(void)
{
    return node->value;
}
