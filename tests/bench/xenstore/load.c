/*
 * load SOCKET PID: work for a xenstored: 100,000 nodes, 1,000 watches, 50 clients with
 * transactions. Prints requests per second, the daemon's CPU time for each, and its memory.
 * tests/bench/xenstore/run starts it.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define NODES        100000
#define WATCHES      1000
#define CLIENTS      50
#define TRANSACTIONS 400 /* of each client */
#define READS        2000

struct client {
    int fd, id;
    char in[8192];
    size_t have;
    int left, step, failed;
    uint32_t tx;
};

static struct client clients[CLIENTS];
static long answers, events;
static const char *pid;

static void fatal(const char *what)
{
    perror(what);
    exit(1);
}

static void request(struct client *c, uint32_t type, const char *body, size_t len)
{
    char all[512];
    struct xsd_sockmsg h = { type, 1, type == XS_TRANSACTION_START ? 0 : c->tx, (uint32_t)len };

    memcpy(all, &h, sizeof(h));
    memcpy(all + sizeof(h), body, len);
    if (write(c->fd, all, sizeof(h) + len) != (ssize_t)(sizeof(h) + len))
        fatal("write");
}

/* The next message, if it is complete: 1; *m and what follows it are in the buffer */
static int message(struct client *c, struct xsd_sockmsg *m, char *body)
{
    if (c->have < sizeof(*m))
        return 0;
    memcpy(m, c->in, sizeof(*m));
    if (c->have < sizeof(*m) + m->len)
        return 0;
    memcpy(body, c->in + sizeof(*m), m->len);
    body[m->len] = '\0';
    c->have -= sizeof(*m) + m->len;
    memmove(c->in, c->in + sizeof(*m) + m->len, c->have);
    return 1;
}

static void receive(struct client *c)
{
    ssize_t n = read(c->fd, c->in + c->have, sizeof(c->in) - c->have);

    if (n <= 0)
        fatal("read");
    c->have += (size_t)n;
}

/* Ask and wait */
static void ask(struct client *c, uint32_t type, const char *body, size_t len)
{
    struct xsd_sockmsg m;
    char answer[4097];

    request(c, type, body, len);
    for (;;) {
        while (!message(c, &m, answer))
            receive(c);
        if (m.type == XS_WATCH_EVENT) {
            events++;
            continue;
        }
        if (m.type == XS_ERROR) {
            fprintf(stderr, "request %u: %s\n", type, answer);
            exit(1);
        }
        answers++;
        return;
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    unsigned long user, system;
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    f = fopen(path, "r");
    if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system) != 2)
        fatal(path);
    fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long memory(const char *what)
{
    char path[64], line[128];
    long kb = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    f = fopen(path, "r");
    if (!f)
        fatal(path);
    while (fgets(line, sizeof(line), f))
        if (!strncmp(line, what, strlen(what)))
            kb = strtol(line + strlen(what) + 1, NULL, 10);
    fclose(f);
    return kb;
}

static void report(const char *what, double since, double cpu_since)
{
    printf("%-14s %9.0f requests/s  %6.2f us of CPU each\n", what,
           (double)answers / (now() - since), (cpu() - cpu_since) * 1e6 / (double)answers);
    fflush(stdout);
    answers = 0;
}

/* A client's node: 1000 folders of 100 */
static size_t node_path(char *out, long n)
{
    return (size_t)sprintf(out, "/bench/%ld/node-%ld", n / 100, n % 100) + 1;
}

static void fill(struct client *c)
{
    double since = now(), cpu_since = cpu();
    char body[128];
    size_t len;
    long i;

    for (i = 0; i < NODES; i++) {
        len = node_path(body, i);
        len += (size_t)sprintf(body + len, "value of %ld", i);
        ask(c, XS_WRITE, body, len);
    }
    report("write new", since, cpu_since);
}

static void watch(void)
{
    char body[128];
    long i;
    size_t len;

    for (i = 0; i < WATCHES; i++) {
        len = (size_t)sprintf(body, "/bench/%ld", i) + 1;
        len += (size_t)sprintf(body + len, "token-%ld", i) + 1;
        ask(&clients[i % CLIENTS], XS_WATCH, body, len);
    }
    answers = 0;
}

/* The next request of a client: a transaction of two reads and two writes, or a read */
static void next(struct client *c, int transactions)
{
    char body[128];
    size_t len = node_path(body, ((long)c->id * 2000 + c->left % 500 * 3 + c->step) % NODES);

    if (!transactions) {
        request(c, XS_READ, body, len);
        return;
    }
    switch (c->step) {
    case 0:
        c->tx = 0;
        request(c, XS_TRANSACTION_START, "", 1);
        break;
    case 1:
    case 2:
        request(c, XS_READ, body, len);
        break;
    case 3:
    case 4:
        len += (size_t)sprintf(body + len, "%d", c->left);
        request(c, XS_WRITE, body, len);
        break;
    default:
        request(c, XS_TRANSACTION_END, "T", 2);
    }
}

static void answered(struct client *c, const struct xsd_sockmsg *m, const char *body,
                     int transactions)
{
    answers++;
    if (m->type == XS_ERROR) {
        if (strcmp(body, "EAGAIN")) {
            fprintf(stderr, "client %d: %s\n", c->id, body);
            exit(1);
        }
        c->failed++;
    }
    if (transactions && c->step == 0)
        c->tx = (uint32_t)strtoul(body, NULL, 10);
    c->step = transactions ? (c->step + 1) % 6 : 0;
    if (c->step == 0) {
        c->left--;
        c->tx = 0;
    }
    if (c->left)
        next(c, transactions);
}

static void all_at_once(const char *what, int count, int transactions)
{
    double since = now(), cpu_since = cpu();
    struct pollfd fds[CLIENTS];
    struct xsd_sockmsg m;
    char body[4097];
    int i, busy = CLIENTS;

    for (i = 0; i < CLIENTS; i++) {
        fds[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
        clients[i].left = count;
        clients[i].step = 0;
        next(&clients[i], transactions);
    }
    while (busy) {
        if (poll(fds, CLIENTS, -1) < 0)
            fatal("poll");
        for (busy = i = 0; i < CLIENTS; i++) {
            if (fds[i].revents) {
                receive(&clients[i]);
                while (message(&clients[i], &m, body)) {
                    if (m.type == XS_WATCH_EVENT)
                        events++;
                    else
                        answered(&clients[i], &m, body, transactions);
                }
            }
            busy += clients[i].left > 0;
        }
    }
    report(what, since, cpu_since);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int i, failed = 0;
    long before;

    if (argc != 3)
        return 2;
    strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
    pid = argv[2];
    for (i = 0; i < CLIENTS; i++) {
        clients[i].id = i;
        clients[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(clients[i].fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            fatal(argv[1]);
    }
    before = memory("VmRSS:");
    fill(&clients[0]);
    printf("memory         %9ld KiB for %d nodes, %ld KiB in all (anonymous %ld, shared %ld)\n",
           memory("VmRSS:") - before, NODES, memory("VmRSS:"), memory("RssAnon:"),
           memory("RssShmem:"));
    watch();
    all_at_once("read", READS, 0);
    all_at_once("transactions", TRANSACTIONS, 1);
    for (i = 0; i < CLIENTS; i++)
        failed += clients[i].failed;
    printf("               %9ld events, %d commits met another\n", events, failed);
    printf("memory         %9ld KiB at the end\n", memory("VmRSS:"));
    return 0;
}
