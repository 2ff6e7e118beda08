/*
 * Sockets under a service manager, which this test is: it keeps what the daemon leaves with it, and
 * gives that to the next one. The daemon is a process that is killed.
 */
#include "../manager/manager.h"
#include "tests.h"
#include "world.h"
#include "xenstored/loop.h"
#include "xenstored/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT  16
#define QUIET 6 /* kills while nobody asks, and while somebody does */
#define BUSY  6
#define LIMIT 120000 /* ms, for what comes */

static struct {
    int manager, count;
    int fds[KEPT];
    char names[KEPT][32];
    struct sockaddr_un address;
    socklen_t len;
    pid_t daemon;
} m;

/* ---- the manager */

static void manager_begin(void)
{
    world_begin();
    world_leave();
    m.manager = manager_open();
    m.fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    m.count = 1;
    strcpy(m.names[0], "xenstored.socket");
    m.address.sun_family = AF_UNIX;
    m.len = sizeof(m.address);
    assert_int_equal(bind(m.fds[0], (struct sockaddr *)&m.address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(m.fds[0], KEPT), 0);
    assert_int_equal(getsockname(m.fds[0], (struct sockaddr *)&m.address, &m.len), 0);
}

static void never(void)
{
}

static _Noreturn void live(void)
{
    char text[32], names[KEPT * 33] = "";
    int high[KEPT], i;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (i = 0; i < m.count; i++) {
        high[i] = fcntl(m.fds[i], F_DUPFD, 100);
        strcat(strcat(names, i ? ":" : ""), m.names[i]);
    }
    for (i = 0; i < m.count; i++)
        dup2(high[i], 3 + i);
    close_range(3 + (unsigned int)m.count, ~0u, 0);
    snprintf(text, sizeof(text), "%d", m.count);
    setenv("LISTEN_FDS", text, 1);
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    if (loop_init() < 0)
        _exit(1);
    world_enter();
    if (socket_take_given() != 1)
        _exit(1);
    loop_run(never);
    _exit(0);
}

static void daemon_start(void)
{
    m.daemon = fork();
    if (!m.daemon)
        live();
}

/* Nothing to do: it sleeps in epoll_wait(), from where only an event takes it */
static void wait_until_idle(void)
{
    char path[32];
    long call = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/syscall", (int)m.daemon);
    while (call != SYS_epoll_wait && call != SYS_epoll_pwait) {
        usleep(1000);
        f = fopen(path, "re");
        assert_non_null(f);
        if (fscanf(f, "%ld", &call) != 1)
            call = -1; /* "running" */
        fclose(f);
    }
}

static void daemon_kill(bool when_idle)
{
    int status;

    if (when_idle)
        wait_until_idle();

    kill(m.daemon, SIGKILL);
    waitpid(m.daemon, &status, 0);
    assert_true(WIFSIGNALED(status));
}

/* What hung up is forgotten, what the daemon left is kept */
static void look_after(int ms)
{
    int files[MANAGER_FILES], i;
    char text[128];

    for (; manager_get(m.manager, ms, text, sizeof(text), files) == 1; ms = 0) {
        assert_int_equal(sscanf(text, "FDSTORE=1\nFDNAME=%31s", m.names[m.count]), 1);
        m.fds[m.count++] = files[0];
    }
    for (i = 1; i < m.count; i++) {
        struct pollfd p = { .fd = m.fds[i] };

        if (poll(&p, 1, 0) == 0)
            continue;
        close(m.fds[i]);
        m.count--;
        m.fds[i] = m.fds[m.count];
        memmove(m.names[i], m.names[m.count], sizeof(m.names[i]));
        i--;
    }
}

static void manager_end(void)
{
    int i;

    daemon_kill(false);
    for (i = 0; i < m.count; i++)
        close(m.fds[i]);
    close(m.manager);
    unsetenv("NOTIFY_SOCKET");
    world_enter(); /* sockets stay without a link: nobody has asked systemd for them */
    assert_int_equal(state_check(), 0);
    world_end();
}

/* ---- clients */

static int client(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&m.address, m.len), 0);
    return fd;
}

static void send_request(int fd, uint32_t type, uint32_t id, uint32_t tx, const void *body,
                         size_t len)
{
    struct xsd_sockmsg header = { type, id, tx, (uint32_t)len };
    char all[sizeof(header) + 256];

    memcpy(all, &header, sizeof(header));
    memcpy(all + sizeof(header), body, len);
    send(fd, all, sizeof(header) + len, MSG_NOSIGNAL);
}

/* In pieces: the kernel does not join what two daemons have written */
static bool receive_all(int fd, char *to, size_t len)
{
    ssize_t n;

    for (; len; to += n, len -= (size_t)n) {
        n = recv(fd, to, len, 0);
        if (n <= 0)
            return false;
    }
    return true;
}

/* The next message; false: the connection has ended */
static bool receive(int fd, struct answer *a)
{
    if (!receive_all(fd, (char *)&a->header, sizeof(a->header)))
        return false;
    assert_in_range(a->header.len, 0, XENSTORE_PAYLOAD_MAX);
    a->body[a->header.len] = '\0';
    return receive_all(fd, a->body, a->header.len);
}

static void talk(int fd, uint32_t type, uint32_t tx, const void *body, size_t len, struct answer *a)
{
    send_request(fd, type, 7, tx, body, len);
    do
        assert_true(receive(fd, a));
    while (a->header.type == XS_WATCH_EVENT);
    assert_int_equal(a->header.req_id, 7);
}

/* A client that asks something; the daemon is killed, and there is another one. If that took a
 * second, the client had not just come: once more. */
static int killed_young(struct answer *a)
{
    int fd, tries, kept = m.count;

    for (tries = 0; tries < 10; tries++) {
        fd = client();
        talk(fd, XS_READ, 0, "/tool", 6, a);
        daemon_kill(true);
        look_after(0);
        daemon_start();
        if (m.count == kept)
            return fd;
        close(fd);
        look_after(0);
    }
    fail_msg("who has just come is kept");
    return -1;
}

/* Who stays keeps all; who has just come ends */
static void test_kept(void **unused)
{
    const struct xsd_sockmsg part = { XS_WRITE, 1, 0, 12 };
    struct answer a;
    uint32_t tx;
    int old, late;

    (void)unused;
    manager_begin();
    daemon_start();
    old = client();
    talk(old, XS_WATCH, 0, "/tool/v\0token", 14, &a);
    assert_true(receive(old, &a));
    talk(old, XS_TRANSACTION_START, 0, "", 1, &a);
    tx = (uint32_t)strtoul(a.body, NULL, 10);
    assert_int_equal(send(old, &part, sizeof(part), 0), sizeof(part));
    assert_int_equal(send(old, "/tool/w\0ha", 10, 0), 10);
    look_after(LIMIT);
    assert_int_equal(m.count, 2);
    late = killed_young(&a);
    assert_false(receive(late, &a));
    close(late);

    late = client();
    talk(late, XS_WRITE, 0, "/tool/v\0x", 9, &a);
    assert_true(receive(old, &a));
    assert_int_equal(a.header.type, XS_WATCH_EVENT);
    assert_memory_equal(a.body, "/tool/v\0token", 14);
    assert_int_equal(send(old, "lf", 2, 0), 2); /* the rest of the request */
    assert_true(receive(old, &a));
    assert_int_equal(a.header.type, XS_WRITE);
    assert_int_equal(a.header.req_id, 1);
    talk(old, XS_READ, 0, "/tool/w", 8, &a);
    assert_string_equal(a.body, "half");
    talk(old, XS_TRANSACTION_END, tx, "T", 2, &a);
    assert_string_equal(a.body, "EAGAIN");
    talk(old, XS_READ, 0, "/tool/v", 8, &a);
    assert_string_equal(a.body, "x");
    close(old);
    close(late);
    manager_end();
}

/* Answers come in order and once, as long as the connection is there */
struct writer {
    int fd;
    uint32_t sent, answered;
    bool ended;
};

static void read_answers(struct writer *w, uint32_t until)
{
    struct answer a;

    while (!w->ended && w->answered < until) {
        w->ended = !receive(w->fd, &a);
        if (w->ended)
            break;
        assert_int_equal(a.header.type, XS_WRITE);
        assert_int_equal(a.header.req_id, w->answered++);
    }
}

static void write_some(struct writer *w, uint32_t count)
{
    char body[64];

    for (; count; count--, w->sent++) {
        int len = snprintf(body, sizeof(body), "/tool/count%c%u", 0, w->sent);

        send_request(w->fd, XS_WRITE, w->sent, 0, body, (size_t)len);
    }
}

static void begin_again(struct writer *w)
{
    close(w->fd);
    *w = (struct writer){ .fd = client(), .sent = w->answered, .answered = w->answered };
    look_after(LIMIT);
}

static void test_killed(void **unused)
{
    struct writer w = { 0 };
    struct answer a;
    int i;

    (void)unused;
    manager_begin();
    daemon_start();
    w.fd = client();
    look_after(LIMIT);
    srandom(5);
    for (i = 0; i < QUIET + BUSY; i++) {
        write_some(&w, 20 + (uint32_t)random() % 200);
        read_answers(&w, i % 2 ? w.sent - 15 : w.sent);
        daemon_kill(!(i % 2));
        look_after(0);
        daemon_start();
        write_some(&w, 1); /* all answers may be there, and yet the connection has ended */
        read_answers(&w, w.sent);
        if (!(i % 2))
            assert_false(w.ended); /* no byte was being moved */
        if (w.ended)
            begin_again(&w);
    }
    write_some(&w, 1);
    read_answers(&w, w.sent);
    talk(w.fd, XS_READ, 0, "/tool/count", 12, &a);
    assert_int_equal(strtoul(a.body, NULL, 10), w.sent - 1);
    close(w.fd);
    manager_end();
}

const struct CMUnitTest socket_tests[] = {
    cmocka_unit_test(test_kept),
    cmocka_unit_test(test_killed),
    { 0 },
};
