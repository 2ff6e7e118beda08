/*
 * Operations, waiting, programs, the store, and events: what every part of libxl stands on.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

static libxl_ctx *ctx;

static int setup(void **state)
{
    (void)state;
    ctx = fake_ctx();
    return !ctx;
}

static int teardown(void **state)
{
    (void)state;
    libxl_ctx_free(ctx);
    return fake_handles || fake_watches;
}

/* ---- memory ---- */

static void memory_of_an_operation_is_zero_and_aligned(void **state)
{
    static const size_t sizes[] = { 1, 15, 16, 100, 3000, 9000, 1, 100000, 17 };
    struct op op;
    char *p;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        p = op_alloc(&op, sizes[i]);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(p[j], 0);
        memset(p, 0xaa, sizes[i]);
    }
    p = op_printf(&op, "%0300d", 5);
    assert_int_equal(strlen(p), 300);
    assert_string_equal(op_realloc(&op, op_strdup(&op, "abc"), 4, 400), "abc");
    op_end(&op, 0);
}

/* ---- operations ---- */

static int add_one(struct op *op, void *arg)
{
    (void)op;
    return *(int *)arg + 1;
}

static void a_caller_without_how_gets_the_result(void **state)
{
    int n = -10;

    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, NULL, add_one, &n, sizeof(n)), -9);
}

static void an_operation_of_its_own_thread_ends_as_an_event(void **state)
{
    libxl_asyncop_how how = { .u.for_event = 42 };
    libxl_event *event;
    int n = -10;

    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, &how, add_one, &n, sizeof(n)), 0);
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->type, LIBXL_EVENT_TYPE_OPERATION_COMPLETE);
    assert_int_equal(event->for_user, 42);
    assert_int_equal(event->domid, 7);
    assert_int_equal(event->u.operation_complete.rc, -9);
    libxl_event_free(ctx, event);
    assert_int_equal(libxl_event_check(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL),
                     ERROR_NOT_READY);
}

static pthread_t called_on;
static int called_rc;

static void done(libxl_ctx *c, int rc, void *user)
{
    assert_ptr_equal(c, ctx);
    assert_ptr_equal(user, &called_rc);
    called_on = pthread_self();
    called_rc = rc;
}

static void a_callback_comes_on_the_thread_that_polls(void **state)
{
    libxl_asyncop_how how = { .callback = done, .u.for_callback = &called_rc };
    struct timeval now = { 0 };
    struct pollfd fds[4];
    int n = -10, count = 0, timeout = -1;

    (void)state;
    called_rc = 0;
    assert_int_equal(libxl_osevent_beforepoll(ctx, &count, NULL, &timeout, now), ERROR_BUFFERFULL);
    assert_int_equal(count, 1);
    assert_int_equal(op_start(ctx, "test", 7, &how, add_one, &n, sizeof(n)), 0);
    while (!called_rc) {
        count = 4;
        timeout = 10000;
        assert_int_equal(libxl_osevent_beforepoll(ctx, &count, fds, &timeout, now), 0);
        assert_true(poll(fds, (nfds_t)count, timeout) >= 0);
        libxl_osevent_afterpoll(ctx, count, fds, now);
    }
    assert_int_equal(called_rc, -9);
    assert_true(pthread_equal(called_on, pthread_self()));
}

/* ---- waiting ---- */

static int node_is_there(struct op *op, void *arg)
{
    return store_exists(op, XBT_NULL, "%s", (const char *)arg) ? 0 : ERROR_NOT_READY;
}

static int wait_for_node(struct op *op, void *arg)
{
    (void)arg;
    return op_wait(op, "/a", -1, 0, -1, node_is_there, (void *)"/a/b");
}

static void what_is_ready_needs_no_watch(void **state)
{
    (void)state;
    fake_set("/a/b", "1");
    assert_int_equal(op_start(ctx, "test", 7, NULL, wait_for_node, NULL, 0), 0);
    assert_int_equal(fake_requests, 1);
    assert_int_equal(fake_handles, 1);
}

static void a_change_in_the_store_ends_a_wait(void **state)
{
    libxl_asyncop_how how = { .u.for_event = 1 };
    libxl_event *event;

    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, &how, wait_for_node, NULL, 0), 0);
    while (!fake_watches)
        usleep(1000);
    fake_set("/a/b", "1");
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->u.operation_complete.rc, 0);
    libxl_event_free(ctx, event);
    assert_int_equal(fake_watches, 0);
}

static void an_abort_ends_a_wait(void **state)
{
    libxl_asyncop_how how = { .u.for_event = 1 }, other = { .u.for_event = 2 };
    libxl_event *event;

    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, &how, wait_for_node, NULL, 0), 0);
    assert_int_equal(libxl_ao_abort(ctx, &other), ERROR_NOTFOUND);
    assert_int_equal(libxl_ao_abort(ctx, &how), 0);
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->u.operation_complete.rc, ERROR_ABORTED);
    libxl_event_free(ctx, event);
    assert_int_equal(libxl_ao_abort(ctx, &how), ERROR_NOTFOUND);
}

static void a_context_that_goes_ends_its_operations(void **state)
{
    libxl_asyncop_how how = { .u.for_event = 1 };

    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, &how, wait_for_node, NULL, 0), 0);
}

static int wait_a_moment(struct op *op, void *arg)
{
    (void)arg;
    return op_wait(op, "/a", -1, 0, 20, node_is_there, (void *)"/a/b");
}

static void a_wait_has_an_end(void **state)
{
    (void)state;
    assert_int_equal(op_start(ctx, "test", 7, NULL, wait_a_moment, NULL, 0), ERROR_TIMEDOUT);
}

/* ---- the store ---- */

static int tries;

static int count_tries(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    tries++;
    return store_write(op, t, "/t", "%d", tries);
}

static void a_transaction_is_done_again_after_a_conflict(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    tries = 0;
    fake_conflicts = 2;
    assert_int_equal(store_transaction(&op, count_tries, NULL), 0);
    assert_int_equal(tries, 3);
    assert_string_equal(fake_get("/t"), "3");
    op_end(&op, 0);
}

enum { MANY = 200 };

static int write_many(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(store_write(op, t, op_printf(op, "/many/%d", i), "%0100d", i), 0);
    return 0;
}

static void what_a_transaction_writes_goes_together(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    fake_clear();
    assert_int_equal(store_transaction(&op, write_many, NULL), 0);
    assert_int_equal(fake_requests, MANY);
    assert_in_range(fake_exchanges, 4, 8); /* it does not fit in one batch */
    assert_int_equal(strtol(fake_get("/many/199"), NULL, 10), 199);
    op_end(&op, 0);
}

static int write_and_read(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    assert_int_equal(store_write(op, t, "/w", "1"), 0);
    assert_null(fake_get("/w"));
    assert_int_equal(store_read_int(op, t, -1, "/w"), 1);
    return store_write(op, t, "/w", "2");
}

static void what_was_written_is_read(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    assert_int_equal(store_transaction(&op, write_and_read, NULL), 0);
    assert_string_equal(fake_get("/w"), "2");
    op_end(&op, 0);
}

static int fail_late(struct op *op, xs_transaction_t t, void *arg)
{
    const struct xs_permissions nobody = { .id = DOM0 };

    (void)arg;
    assert_int_equal(store_set_perms(op, t, "/not/there", &nobody, 1), 0);
    assert_int_equal(store_write(op, t, "/late", "1"), 0);
    return 0;
}

static int fail_now(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    assert_int_equal(store_write(op, t, "/now", "1"), 0);
    return ERROR_BADFAIL;
}

static void a_transaction_with_an_error_is_none(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    fake_log[0] = '\0';
    assert_int_equal(store_transaction(&op, fail_late, NULL), ERROR_FAIL);
    assert_non_null(strstr(fake_log, "cannot set who may use /not/there"));
    assert_int_equal(store_transaction(&op, fail_now, NULL), ERROR_BADFAIL);
    assert_null(fake_get("/now"));
    assert_int_equal(store_transaction(&op, count_tries, NULL), 0);
    assert_int_equal(store_write(&op, XBT_NULL, op_printf(&op, "/%05000d", 1), "1"), ERROR_FAIL);
    op_end(&op, 0);
}

static void numbers_are_read_or_not(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    fake_set("/n", "0x10");
    assert_int_equal(store_read_int(&op, XBT_NULL, -1, "/n"), 16);
    fake_set("/n", "17 ");
    assert_int_equal(store_read_int(&op, XBT_NULL, -1, "/n"), -1);
    fake_set("/n", "99999999999999999999");
    assert_int_equal(store_read_int(&op, XBT_NULL, -1, "/n"), -1);
    assert_int_equal(store_read_int(&op, XBT_NULL, -2, "/%s", "none"), -2);
    op_end(&op, 0);
}

static void what_holds_nothing_goes_too(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    fake_set("/x", "");
    fake_set("/x/y", "");
    fake_set("/x/y/z", "");
    fake_set("/x/other", "");
    assert_int_equal(store_remove_empty(&op, XBT_NULL, "/x/y/z"), 0);
    assert_null(fake_get("/x/y"));
    assert_non_null(fake_get("/x"));
    op_end(&op, 0);
}

/* ---- programs ---- */

static int shell(const char *script, int timeout_ms)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    const char *env[] = { "ANSWER", "42", NULL };
    struct op_exec exec = { .argv = argv,
                            .env = env,
                            .in = -1,
                            .out = -1,
                            .err = -1,
                            .timeout_ms = timeout_ms,
                            .what = "the test's script" };
    struct op op;

    op_begin(&op, ctx, "test", 7);
    return op_end(&op, op_exec(&op, &exec));
}

static void a_program_is_run(void **state)
{
    (void)state;
    assert_int_equal(shell("exit 0", -1), 0);
    assert_int_equal(shell("test $ANSWER = 42", -1), 0);
    assert_int_equal(shell("echo this went wrong >&2; exit 3", -1), ERROR_FAIL);
    assert_non_null(strstr(fake_log, "this went wrong"));
    assert_non_null(strstr(fake_log, "exited with error status 3"));
}

static void a_program_that_says_much_does_not_stop(void **state)
{
    (void)state;
    assert_int_equal(shell("i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567; "
                           "i=$((i+1)); done",
                           120000),
                     0);
}

static void a_program_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    assert_int_equal(shell("exec sleep 60", 50), ERROR_TIMEDOUT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static atomic_bool reaper_goes;

static void *reap_all(void *arg)
{
    pid_t pid = 0;
    int status;

    (void)arg;
    while (pid <= 0 && !reaper_goes) {
        pid = waitpid(-1, &status, WNOHANG);
        usleep(1000);
    }
    while (pid > 0 && !reaper_goes && libxl_childproc_reaped(ctx, pid, status))
        usleep(1000);
    return NULL;
}

static void an_application_may_reap_all_children(void **state)
{
    static const libxl_childproc_hooks hooks = { .chldowner = libxl_sigchld_owner_mainloop };
    pthread_t reaper;
    int rc;

    (void)state;
    libxl_childproc_setmode(ctx, &hooks, NULL);
    reaper_goes = false;
    pthread_create(&reaper, NULL, reap_all, NULL);
    rc = shell("exit 5", 120000);
    /* Who came first does not matter: the status is known. */
    assert_int_equal(rc, ERROR_FAIL);
    assert_non_null(strstr(fake_log, "exited with error status 5"));
    /* Not cancelled: a thread that is cancelled ends on a stack that ASan takes for poisoned. */
    reaper_goes = true;
    pthread_join(reaper, NULL);
}

/* ---- the end of a domain ---- */

static void a_shutdown_and_a_death_are_events(void **state)
{
    libxl_evgen_domain_death *evgen;
    libxl_event *event;

    (void)state;
    fake_domain(7, true);
    assert_int_equal(libxl_evenable_domain_death(ctx, 8, 1, &evgen), ERROR_DOMAIN_NOTFOUND);
    assert_int_equal(libxl_evenable_domain_death(ctx, 7, 99, &evgen), 0);
    fake_domain(7, true)->flags = XEN_DOMINF_shutdown | (1 << XEN_DOMINF_shutdownshift);
    fake_set("@releaseDomain", "");
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->type, LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN);
    assert_int_equal(event->u.domain_shutdown.shutdown_reason, LIBXL_SHUTDOWN_REASON_REBOOT);
    assert_int_equal(event->for_user, 99);
    libxl_event_free(ctx, event);
    fake_domain(7, false);
    fake_set("@releaseDomain", "");
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->type, LIBXL_EVENT_TYPE_DOMAIN_DEATH);
    libxl_event_free(ctx, event);
    libxl_evdisable_domain_death(ctx, evgen);
    assert_int_equal(fake_watches, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(memory_of_an_operation_is_zero_and_aligned),
        TEST(a_caller_without_how_gets_the_result),
        TEST(an_operation_of_its_own_thread_ends_as_an_event),
        TEST(a_callback_comes_on_the_thread_that_polls),
        TEST(what_is_ready_needs_no_watch),
        TEST(a_change_in_the_store_ends_a_wait),
        TEST(an_abort_ends_a_wait),
        TEST(a_context_that_goes_ends_its_operations),
        TEST(a_wait_has_an_end),
        TEST(a_transaction_is_done_again_after_a_conflict),
        TEST(what_a_transaction_writes_goes_together),
        TEST(what_was_written_is_read),
        TEST(a_transaction_with_an_error_is_none),
        TEST(numbers_are_read_or_not),
        TEST(what_holds_nothing_goes_too),
        TEST(a_program_is_run),
        TEST(a_program_that_says_much_does_not_stop),
        TEST(a_program_that_takes_too_long_is_killed),
        TEST(an_application_may_reap_all_children),
        TEST(a_shutdown_and_a_death_are_events),
    };

    struct CMUnitTest all[64];
    size_t n = sizeof(tests) / sizeof(*tests);

    memcpy(all, tests, sizeof(tests));
    memcpy(all + n, create_tests, create_test_count * sizeof(*all));
    n += create_test_count;
    memcpy(all + n, bootloader_tests, bootloader_test_count * sizeof(*all));
    n += bootloader_test_count;
    memcpy(all + n, placement_tests, placement_test_count * sizeof(*all));
    return _cmocka_run_group_tests("libxl", all, n + placement_test_count, NULL, NULL);
}
