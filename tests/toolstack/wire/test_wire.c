/*
 * Requests to the store on a socket: many at once, answers in pieces, errors, and a daemon that
 * goes away or is none. The other end is a process that answers by what the path says.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libxl/core/wire.h"

static char folder[] = "/tmp/wire-XXXXXX", path[64];
static pid_t server;

/* ---- the other end ---- */

static bool take(int fd, void *to, size_t size)
{
    for (ssize_t n; size; size -= (size_t)n, to = (char *)to + n) {
        n = read(fd, to, size);
        if (n <= 0)
            return false;
    }
    return true;
}

/* A byte at a time, if the path is /slow. Who does not listen to the end is served no more. */
static void give(int fd, const void *data, size_t size, bool slow)
{
    for (size_t i = 0, n = slow ? 1 : size; i < size; i += n)
        if (send(fd, (const char *)data + i, n, MSG_NOSIGNAL) != (ssize_t)n)
            return;
}

static void answer(int fd, struct xsd_sockmsg m, const char *body)
{
    static char text[XENSTORE_PAYLOAD_MAX];

    if (!strcmp(body, "/none") || !strcmp(body, "/odd")) {
        m.type = XS_ERROR;
        body = body[1] == 'n' ? "ENOENT" : "EODD";
    } else if (!strcmp(body, "/other")) {
        m.type = XS_WATCH_EVENT;
    }
    m.len = !strcmp(body, "/huge") ? XENSTORE_PAYLOAD_MAX + 1 : (uint32_t)strlen(body) + 1;
    if (!strcmp(body, "/full")) {
        m.len = sizeof(text);
        memset(text, 'x', sizeof(text));
        body = text;
    }
    give(fd, &m, sizeof(m), !strcmp(body, "/slow"));
    if (m.len <= XENSTORE_PAYLOAD_MAX)
        give(fd, body, m.len, !strcmp(body, "/slow"));
}

static void serve(int fd)
{
    char body[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg m;

    while (take(fd, &m, sizeof(m)) && take(fd, body, m.len)) {
        body[m.len] = '\0';
        if (!strcmp(body, "/end"))
            return;
        answer(fd, m, body);
    }
}

static int start(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/socket", folder);
    setenv("XENSTORED_PATH", path, 1);
    strcpy(address.sun_path, path);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
        return -1;
    server = fork();
    if (server) {
        close(listener);
        return server < 0;
    }
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        serve(fd);
        close(fd);
    }
    _exit(0);
}

static int stop(void **state)
{
    (void)state;
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    unlink(path);
    return rmdir(folder);
}

/* ---- this end ---- */

static struct wire_batch batch;
static char told[8192];

static void note(void *arg, uint32_t type, const char *asked, int err, const char *text,
                 uint32_t len)
{
    char line[128];

    (void)arg;
    snprintf(line, sizeof(line), "%u %s %d %u %.10s;", type, asked, err, len, text);
    strcat(told, line);
}

static int add(enum xsd_sockmsg_type type, const char *what)
{
    const struct iovec part = { (char *)what, strlen(what) + 1 };

    return wire_add(&batch, type, 0, &part, 1);
}

/* Ask these; what was told is in `told` */
static int ask(struct wire *w, const char *const *paths)
{
    int rc;

    told[0] = '\0';
    for (; *paths; paths++)
        assert_int_equal(add(XS_READ, *paths), 0);
    rc = wire_exchange(w, &batch, note, NULL);
    batch.size = 0;
    return rc;
}

#define ASK(w, ...) ask(w, (const char *const[]){ __VA_ARGS__, NULL })

static void all_answers_come_in_order(void **state)
{
    struct wire *w = wire_open();

    (void)state;
    assert_non_null(w);
    assert_int_equal(ASK(w, "/a", "/slow", "/none", "/odd", "/full", "/b"), 0);
    assert_string_equal(told, "2 /a 0 3 /a;2 /slow 0 6 /slow;2 /none 2 7 ENOENT;2 /odd 22 5 EODD;"
                              "2 /full 0 4096 xxxxxxxxxx;2 /b 0 3 /b;");
    assert_int_equal(ASK(w, "/again"), 0);
    assert_string_equal(told, "2 /again 0 7 /again;");
    wire_close(w);
}

static void who_breaks_the_protocol_is_not_asked_again(void **state)
{
    static const char *const bad[] = { "/huge", "/other" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct wire *w = wire_open();

        assert_int_equal(ASK(w, "/a", bad[i], "/b"), -EPROTO);
        assert_string_equal(told, "2 /a 0 3 /a;");
        assert_int_equal(ASK(w, "/a"), -EPROTO);
        assert_string_equal(told, "");
        wire_close(w);
    }
}

static void a_lost_connection_is_an_error_not_a_signal(void **state)
{
    struct wire *w = wire_open();

    (void)state;
    assert_int_equal(ASK(w, "/a", "/end", "/b"), -ECONNRESET);
    assert_string_equal(told, "2 /a 0 3 /a;");
    assert_int_equal(ASK(w, "/a"), -ECONNRESET);
    wire_close(w);
    w = wire_open();
    assert_int_equal(ASK(w, "/a"), 0);
    wire_close(w);
}

static void what_does_not_fit_is_told(void **state)
{
    static char large[XENSTORE_PAYLOAD_MAX + 1];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(add(XS_READ, large), -E2BIG);
    large[sizeof(large) - 2] = '\0';
    assert_int_equal(add(XS_READ, large), 0);
    assert_int_equal(add(XS_READ, large), 0);
    assert_int_equal(add(XS_READ, "/a"), -ENOBUFS);
    batch.size = 0;
    assert_int_equal(add(XS_READ, "/a"), 0);
    batch.size = 0;
}

static void without_a_daemon_there_is_no_connection(void **state)
{
    (void)state;
    setenv("XENSTORED_PATH", "/nowhere/socket", 1);
    if (access("/dev/xen/xenbus", F_OK))
        assert_null(wire_open());
    setenv("XENSTORED_PATH", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_answers_come_in_order),
        cmocka_unit_test(who_breaks_the_protocol_is_not_asked_again),
        cmocka_unit_test(a_lost_connection_is_an_error_not_a_signal),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(without_a_daemon_there_is_no_connection),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
