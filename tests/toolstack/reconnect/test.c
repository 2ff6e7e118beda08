/*
 * libxl when xenstored is killed and another one comes: requests, transactions, waits and watches
 * go on. With the real libxenstore; the store is a small one (store.c).
 */
#include "store.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"
#include "libxl/event/event.h"

#define AWAY 300 /* ms that there is no xenstored */

static libxl_ctx *ctx;
static char said[4096];

/* ---- what of libxl is not in this test */

int xc_open(struct xc **xc, xentoollog_logger *logger)
{
    (void)logger;
    *xc = NULL;
    return 0;
}

void xc_close(struct xc *xc)
{
    (void)xc;
}

void creations_end_all(libxl_ctx *c)
{
    (void)c;
}

void libxl_version_info_dispose(libxl_version_info *p)
{
    (void)p;
}

void libxl_event_init(libxl_event *p)
{
    memset(p, 0, sizeof(*p));
}

void libxl_event_init_type(libxl_event *p, libxl_event_type type)
{
    p->type = type;
}

void libxl_event_dispose(libxl_event *p)
{
    (void)p;
}

static void log_message(struct xentoollog_logger *logger, xentoollog_level level, int err,
                        const char *context, const char *format, va_list al)
{
    size_t have = strlen(said);

    (void)logger;
    (void)level;
    (void)err;
    (void)context;
    vsnprintf(said + have, sizeof(said) - have, format, al);
}

static void log_progress(struct xentoollog_logger *logger, const char *context,
                         const char *doing_what, int percent, unsigned long done,
                         unsigned long total)
{
    (void)logger;
    (void)context;
    (void)doing_what;
    (void)percent;
    (void)done;
    (void)total;
}

static xentoollog_logger logger = { .vmessage = log_message, .progress = log_progress };

static int setup(void **state)
{
    (void)state;
    node_set("");
    said[0] = '\0';
    store_start(0);
    return libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &logger);
}

static int teardown(void **state)
{
    (void)state;
    libxl_ctx_free(ctx);
    store_kill();
    return 0;
}

/* ---- tests */

static void requests_are_made_again(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    assert_int_equal(store_write(&op, XBT_NULL, "/v", "one"), 0);
    store_kill();
    store_start(AWAY);
    assert_string_equal(store_read(&op, XBT_NULL, "/v"), "one");
    assert_non_null(strstr(said, "lost; waiting for xenstored"));
    assert_non_null(strstr(said, "connection to the store again"));
    store_kill();
    store_start(AWAY);
    assert_int_equal(store_write(&op, XBT_NULL, "/v", "two"), 0);
    assert_string_equal(node_get(), "two");
    op_end(&op, 0);
}

static int tries;

static int killed_in_between(struct op *op, xs_transaction_t t, void *arg)
{
    (void)arg;
    if (!tries++) {
        store_kill();
        store_start(AWAY);
    }
    return store_write(op, t, "/v", "%d", tries);
}

static void a_transaction_is_done_again(void **state)
{
    struct op op;

    (void)state;
    op_begin(&op, ctx, "test", 7);
    assert_int_equal(store_transaction(&op, killed_in_between, NULL), 0);
    assert_int_equal(tries, 2);
    assert_string_equal(node_get(), "2");
    op_end(&op, 0);
}

static int is_there(struct op *op, void *arg)
{
    (void)arg;
    return store_exists(op, XBT_NULL, "/v") ? 0 : ERROR_NOT_READY;
}

static int kills_left;

/* The store is killed while it is waited for; what is waited for comes while there is none */
static int is_there_after_a_kill(struct op *op, void *arg)
{
    if (op->watch && kills_left) {
        kills_left--;
        store_kill();
        node_set("there");
        store_start(AWAY);
        return ERROR_NOT_READY;
    }
    return is_there(op, arg);
}

static int wait_for_it(struct op *op, void *arg)
{
    return op_wait(op, "/v", -1, 0, -1, is_there_after_a_kill, arg);
}

static void a_wait_goes_on(void **state)
{
    (void)state;
    kills_left = 1;
    assert_int_equal(op_start(ctx, "test", 7, NULL, wait_for_it, NULL, 0), 0);
    assert_int_equal(kills_left, 0);
}

static int occurrences;

static void occurred(libxl_ctx *c, struct watched *w)
{
    (void)c;
    (void)w;
    occurrences++;
}

static void run_until(int count)
{
    struct timeval now = { 0 };
    struct pollfd fds[4];
    int n, timeout;

    while (occurrences < count) {
        n = 4;
        timeout = -1;
        assert_int_equal(libxl_osevent_beforepoll(ctx, &n, fds, &timeout, now), 0);
        assert_int_equal(n, 2); /* with or without a xenstored */
        assert_true(poll(fds, (nfds_t)n, timeout) >= 0);
        libxl_osevent_afterpoll(ctx, n, fds, now);
    }
}

static void watches_are_set_again(void **state)
{
    struct watched a = { .path = "/v", .occurred = occurred };
    struct op op;

    (void)state;
    occurrences = 0;
    op_begin(&op, ctx, "test", 7);
    assert_int_equal(watch_add(&op, &a), 0);
    run_until(1);
    for (int i = 1; i <= 2; i++) {
        store_kill();
        store_start(AWAY);
        run_until(2 * i); /* for what happened meanwhile */
        assert_int_equal(store_write(&op, XBT_NULL, "/v", "%d", i), 0);
        run_until(2 * i + 1);
    }
    assert_non_null(strstr(said, "no longer there to be watched"));
    assert_non_null(strstr(said, "is watched again"));
    watch_remove(ctx, &a);
    op_end(&op, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_made_again),
        TEST(a_transaction_is_done_again),
        TEST(a_wait_goes_on),
        TEST(watches_are_set_again),
    };

    stores_prepare();
    alarm(120); /* who waits for what never comes has failed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
