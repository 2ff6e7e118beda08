/*
 * Fuzzer for xenstored's sockets: programs that connect, send requests whole or in pieces, or bytes
 * that are none, read answers or not, and go at any time.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -D__XEN_TOOLS__ -Itoolstack \
 *       -Itests/toolstack/xenstored tests/fuzz/xenstore/{fuzz_sockets,requests}.c \
 *       tests/toolstack/xenstored/world.c $(cat tests/toolstack/xenstored/sources) \
 *       toolstack/xenstored/socket.c -o fuzz_sockets
 *   ./fuzz_sockets -max_len=8192 -max_total_time=600
 *
 * The event loop is here: after each command every descriptor is said to be ready. After an input
 * all clients go; then the accounts must be right, and nobody may be left but the domains.
 */
#include "requests.h"
#include "xenstored/loop.h"
#include "xenstored/socket.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 4
#define SOURCES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct source *sources[SOURCES];
static int clients[CLIENTS];
static struct sockaddr_un address = { .sun_family = AF_UNIX };

/* ---- what loop.h declares */

int loop_add(int fd, struct source *source, uint32_t events)
{
    int i;

    (void)fd;
    (void)events;
    for (i = 0; i < SOURCES; i++)
        if (!sources[i]) {
            sources[i] = source;
            return 0;
        }
    return -ENOSPC;
}

void loop_remove(int fd, struct source *source)
{
    int i;

    (void)fd;
    for (i = 0; i < SOURCES; i++)
        if (sources[i] == source)
            sources[i] = NULL;
}

static void run(void)
{
    int i;

    for (i = 0; i < SOURCES; i++)
        if (sources[i])
            sources[i]->ready(sources[i], EPOLLIN | EPOLLOUT);
    world_run();
}

/* ---- the programs */

static void join(int *fd)
{
    if (*fd >= 0)
        return;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (*fd < 0 || connect(*fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
}

static void leave(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A daemon that has closed the connection takes no more */
static void put(int fd, const char *bytes, size_t len)
{
    send(fd, bytes, len, MSG_NOSIGNAL);
}

static void raw(struct input *in, int fd)
{
    char bytes[256];
    size_t i, len = byte(in);

    for (i = 0; i < len; i++)
        bytes[i] = (char)byte(in);
    put(fd, bytes, len);
}

/* Whole, or its first part, the rest of which some later bytes will be taken for */
static void request(struct input *in, int fd)
{
    char all[REQUEST_MAX];
    size_t len = make_request(in, all);

    if (((struct xsd_sockmsg *)all)->type == XS_RELEASE)
        return;
    put(fd, all, byte(in) % 8 ? len : len * byte(in) / 256);
}

static void command(struct input *in)
{
    char bytes[1024];
    uint8_t what = byte(in);
    int *fd = &clients[what % CLIENTS];

    join(fd);
    switch (what / CLIENTS % 16) {
    case 0:
        raw(in, *fd);
        break;
    case 1:
        leave(fd);
        break;
    case 2:
        shutdown(*fd, byte(in) % 2 ? SHUT_RD : SHUT_WR);
        break;
    case 3:
    case 4:
        if (recv(*fd, bytes, 1 + byte(in) * 4u, 0) == 0)
            leave(fd);
        break;
    default:
        request(in, *fd);
    }
    run();
}

static void begin(void)
{
    int i;

    signal(SIGPIPE, SIG_IGN); /* as loop.c has it */
    world_begin();
    snprintf(address.sun_path, sizeof(address.sun_path), "%s.socket", world_file);
    if (socket_listen(address.sun_path) < 0)
        abort();
    for (i = 0; i < CLIENTS; i++)
        clients[i] = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answer a;
    struct input in = { data, size };
    ref_t ref;
    int i;

    if (!world)
        begin();
    while (in.left)
        command(&in);
    for (i = 0; i < CLIENTS; i++)
        leave(&clients[i]);
    run();
    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        if (!conn_at(ref)->ring)
            abort();
    ask_strings(0, XS_RM, 0, &a, "/local", NULL);
    if (*ask_strings(0, XS_READ, 0, &a, "/tool", NULL) && strcmp(a.body, "ENOENT"))
        abort();
    if (state_check() < 0)
        abort();
    return 0;
}
