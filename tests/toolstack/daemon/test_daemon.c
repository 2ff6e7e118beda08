/*
 * A process that belongs to a domain: it is nobody's child, it runs only after its number is in the
 * store, and no other process is taken for it. The store is one value here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"
#include "libxl/device/daemon.h"

extern char **environ;

static struct libxl__ctx ctx;
static struct op op;
static char stored[40];
static enum { STORE_WORKS, STORE_FAILS, STORE_KILLS } store;
static char marker[] = "/tmp/daemon-test-XXXXXX";
static int waits_in_vain;

#define LIMIT 120000 /* ms, for what comes */

int store_write(struct op *o, xs_transaction_t t, const char *path, const char *format, ...)
{
    va_list args;

    (void)o;
    (void)t;
    (void)path;
    if (store == STORE_KILLS)
        kill(getpid(), SIGKILL);
    va_start(args, format);
    vsnprintf(stored, sizeof(stored), format, args);
    va_end(args);
    return store == STORE_WORKS ? 0 : ERROR_FAIL;
}

int op_wait(struct op *o, const char *path, int fd, int poll_ms, int timeout_ms,
            int (*ready)(struct op *op, void *arg), void *arg)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    (void)path;
    (void)poll_ms;
    (void)timeout_ms;
    if (ready(o, arg) == 0)
        return 0;
    if (!waits_in_vain)
        poll(&p, 1, LIMIT);
    else
        waits_in_vain--;
    return ready(o, arg) == 0 ? 0 : ERROR_TIMEDOUT;
}

/* It marks that it ran, and waits to be ended */
static int start(pid_t *pid, const char *script)
{
    const char *argv[] = { "/bin/sh", "-c", script, "-xen-domid", "7", marker, NULL };
    struct daemon_start s = { .argv = argv,
                              .env = environ,
                              .in = open("/dev/null", O_RDONLY | O_CLOEXEC),
                              .log = open("/dev/null", O_WRONLY | O_CLOEXEC),
                              .pid_path = "pid" };
    int rc = daemon_start(&op, &s, pid);

    close(s.in);
    close(s.log);
    return rc;
}

#define RUNS "echo ran >$2; while :; do sleep 0.1; done"

static bool has_run(int ms)
{
    char text[8] = "";

    for (; ms > 0; ms -= 50) {
        int fd = open(marker, O_RDONLY);

        if (fd >= 0) {
            ssize_t n = read(fd, text, 3);

            close(fd);
            if (n == 3)
                return true;
        }
        poll(NULL, 0, 50);
    }
    return false;
}

static int setup(void **state)
{
    int fd;

    (void)state;
    memcpy(marker + sizeof(marker) - 7, "XXXXXX", 6);
    fd = mkstemp(marker);
    if (fd < 0)
        return -1;
    close(fd);
    store = STORE_WORKS;
    waits_in_vain = 0;
    stored[0] = '\0';
    op = (struct op){ .ctx = &ctx, .name = "test", .domid = 7 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(marker);
    op_free_memory(&op);
    return 0;
}

static void runs_and_ends(void **state)
{
    struct daemon_find find = { .option = "-xen-domid", .value = "7" }, other = find;

    (void)state;
    assert_int_equal(start(&find.pid, RUNS), 0);
    assert_int_equal(atoi(stored), find.pid);
    assert_true(has_run(LIMIT));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_true(daemon_runs(&find));
    /* Another domain's is not ours, nor is it ended */
    other.pid = find.pid;
    other.value = "8";
    assert_false(daemon_runs(&other));
    assert_int_equal(daemon_stop(&op, &other), 0);
    assert_true(daemon_runs(&find));
    assert_int_equal(daemon_stop(&op, &find), 0);
    assert_false(daemon_runs(&find));
    assert_int_equal(daemon_stop(&op, &find), 0);
}

static void insists(void **state)
{
    struct daemon_find find = { .option = "-xen-domid", .value = "7" };

    (void)state;
    assert_int_equal(start(&find.pid, "trap '' HUP; " RUNS), 0);
    assert_true(has_run(LIMIT));
    waits_in_vain = 1;
    assert_int_equal(daemon_stop(&op, &find), 0);
    assert_false(daemon_runs(&find));
}

static void not_without_a_number(void **state)
{
    pid_t pid;

    (void)state;
    store = STORE_FAILS;
    assert_int_equal(start(&pid, RUNS), ERROR_FAIL);
    assert_false(has_run(500));
}

static void not_when_its_maker_is_killed(void **state)
{
    pid_t maker = fork(), pid;
    int status;

    (void)state;
    if (maker == 0) {
        store = STORE_KILLS;
        start(&pid, RUNS);
        _exit(0);
    }
    assert_int_equal(waitpid(maker, &status, 0), maker);
    assert_true(WIFSIGNALED(status));
    assert_false(has_run(500));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(insists, setup, teardown),
        cmocka_unit_test_setup_teardown(not_without_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(not_when_its_maker_is_killed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
