/*
 * xenconsoled without a hypervisor: rings that a guest has written nonsense into, the queue of what
 * nobody has read, and whole consoles between a fake guest and a real pseudo-terminal.
 */
#include "test.h"
#include "../manager/manager.h"
#include "xenconsoled/buffer.h"
#include "xenconsoled/log.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- rings */

static void ring_wraps(void **state)
{
    static struct xencons_interface page;
    char text[RING_OUT_SIZE];
    bool wrong;

    (void)state;
    page.out_cons = page.out_prod = UINT32_MAX - 2; /* the indices wrap, and the place does */
    for (int i = 0; i < 6; i++)
        page.out[page.out_prod++ % RING_OUT_SIZE] = "abcdef"[i];
    assert_int_equal(ring_take(&page, text, 4, &wrong), 4);
    assert_int_equal(ring_take(&page, text + 4, 4, &wrong), 2);
    assert_memory_equal(text, "abcdef", 6);
    assert_int_equal(page.out_cons, 3);
    assert_int_equal(ring_take(&page, text, 4, &wrong), 0);
    assert_false(wrong);
}

static void ring_is_full_and_no_fuller(void **state)
{
    static struct xencons_interface page;
    char text[RING_IN_SIZE + 1];

    (void)state;
    memset(text, 'x', sizeof(text));
    page.in_cons = page.in_prod = UINT32_MAX - 100;
    assert_int_equal(ring_room(&page), RING_IN_SIZE);
    assert_int_equal(ring_give(&page, text, sizeof(text)), RING_IN_SIZE);
    assert_int_equal(ring_room(&page), 0);
    assert_int_equal(ring_give(&page, text, 1), 0);
    page.in_cons += 5;
    assert_int_equal(ring_room(&page), 5);
}

/* Whatever the indices are, nothing outside of the rings is read or written (ASan sees it: the page
 * is the end of its allocation), and the next byte that a guest says arrives. */
static void ring_survives_any_index(void **state)
{
    static const uint32_t indices[] = { 0,    1,          1023,       1024,       2047,      2048,
                                        2049, 0x7fffffff, 0x80000000, 0xfffff7ff, 0xffffffff };
    const size_t n = sizeof(indices) / sizeof(*indices);
    struct xencons_interface *page = malloc(sizeof(*page));
    char text[RING_OUT_SIZE];
    bool wrong;

    (void)state;
    for (size_t i = 0; i < n * n; i++) {
        uint32_t cons = indices[i / n], prod = indices[i % n];

        memset(page, 0, sizeof(*page));
        page->out_cons = page->in_cons = cons;
        page->out_prod = page->in_prod = prod;
        size_t count = ring_take(page, text, sizeof(text), &wrong);

        assert_int_equal(wrong, prod - cons > RING_OUT_SIZE);
        assert_int_equal(count, wrong ? 0 : prod - cons);
        assert_int_equal(page->out_cons, prod);
        size_t room = prod - cons > RING_IN_SIZE ? 0 : RING_IN_SIZE - (prod - cons);

        assert_int_equal(ring_give(page, text, RING_IN_SIZE), room);
        page->out[page->out_prod++ % RING_OUT_SIZE] = 'z';
        assert_int_equal(ring_take(page, text, 1, &wrong), 1);
        assert_int_equal(text[0], 'z');
    }
    free(page);
}

/* ---- the queue */

static void buffer_keeps_order_and_forgets_the_oldest(void **state)
{
    struct buffer b = { .limit = 10000 };
    unsigned char next_in = 0, next_out = 0;
    const char *text;
    char chunk[700];
    size_t lost = 0, given = 0, got = 0;

    (void)state;
    srand(4);
    for (int round = 0; round < 5000; round++) {
        size_t count = (size_t)rand() % sizeof(chunk);

        for (size_t i = 0; i < count; i++)
            chunk[i] = (char)next_in++;
        size_t now_lost = buffer_put(&b, chunk, count);

        next_out = (unsigned char)(next_out + now_lost);
        lost += now_lost;
        given += count;
        assert_true(b.count <= b.limit && b.size <= b.limit);
        assert_int_equal(buffer_room(&b), b.limit - b.count);
        count = buffer_peek(&b, &text);
        if (count > 300)
            count = 300;
        for (size_t i = 0; i < count; i++)
            assert_int_equal((unsigned char)text[i], next_out++);
        buffer_drop(&b, count);
        got += count;
    }
    assert_true(lost > 0);
    assert_int_equal(given, got + lost + b.count);
    buffer_free(&b);
}

static void buffer_takes_more_than_its_limit(void **state)
{
    struct buffer b = { .limit = 5 };
    const char *text;

    (void)state;
    assert_int_equal(buffer_put(&b, "0123456789", 10), 5);
    assert_int_equal(buffer_peek(&b, &text), 5);
    assert_memory_equal(text, "56789", 5);
    buffer_free(&b);
}

/* ---- consoles */

static struct daemon d;

static void changed(const char *path)
{
    domains_follow(&d, domains_changed(&d, path));
}

static int setup(void **state)
{
    (void)state;
    memset(&d, 0, sizeof(d));
    fake_reset();
    return sd_event_new(&d.event) < 0;
}

static void settle(uint64_t microseconds)
{
    while (sd_event_run(d.event, microseconds) > 0)
        ;
}

/* Run the loop until it is so. What is written to a terminal can be read at its other end only when
 * a thread of the kernel has had its turn. */
#define WAIT_FOR(condition)                                                                        \
    for (int turns = 0; !(condition); turns++) {                                                   \
        assert_true(turns < 60000);                                                                \
        settle(1000);                                                                              \
    }

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < GUESTS; i++)
        guest[i].lives = false;
    domains_update(&d);
    settle(800000); /* terminals outlive their domains by half a second, or by a quarter more */
    for (int i = 0; i < GUESTS; i++) {
        assert_int_equal(guest[i].mapped, 0);
        assert_int_equal(guest[i].bound, 0);
    }
    free(d.by_port);
    sd_event_unref(d.event);
    return 0;
}

static void start(uint32_t domid)
{
    char path[64];

    fake_create(domid);
    changed("@introduceDomain");
    snprintf(path, sizeof(path), "/local/domain/%u/console", domid);
    changed(path);
}

static int reader(uint32_t domid)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
    const char *tty = fake_read(path);

    assert_non_null(tty);
    int fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK);

    assert_true(fd >= 0);
    return fd;
}

/* Whether the @have bytes at @text, and what there is to read behind them now, end in @last */
static bool ends_in(int fd, char *text, size_t size, size_t *have, const char *last)
{
    size_t len = strlen(last);
    ssize_t n;

    while ((n = read(fd, text + *have, size - *have)) > 0)
        *have += (size_t)n;
    return *have >= len && !memcmp(text + *have - len, last, len);
}

/* What a reader gets is exactly @expected */
static void expect(int fd, const char *expected)
{
    char text[4096] = "";
    size_t have = 0;

    WAIT_FOR(ends_in(fd, text, sizeof(text) - 1, &have, expected) || have > strlen(expected));
    assert_string_equal(text, expected);
}

static void bytes_pass_both_ways(void **state)
{
    (void)state;
    guest[1].no_grant = true;
    start(1);
    int fd = reader(1);

    assert_int_equal(guest[1].mapped, 1);
    assert_int_equal(guest[1].bound, 2);
    fake_say(&d, 1, "hello\n", 6);
    expect(fd, "hello\n");
    assert_int_equal(guest[1].notified, 1);
    assert_int_equal(write(fd, "\x03yes\r", 5), 5);
    WAIT_FOR(guest[1].page.in_prod == 5);
    assert_memory_equal(guest[1].page.in, "\x03yes\r", 5);
    assert_int_equal(guest[1].notified, 2);
    close(fd);
}

static void what_was_said_before_is_read_later(void **state)
{
    static char much[2000];

    (void)state;
    start(1);
    memset(much, 'm', sizeof(much));
    for (int i = 0; i < 20; i++) { /* much more than the limit of 8192 and the terminal */
        fake_say(&d, 1, much, sizeof(much));
        settle(1000);
    }
    fake_say(&d, 1, "the end", 7);
    static char text[65536];
    int fd = reader(1);
    size_t got = 0;

    WAIT_FOR(ends_in(fd, text, sizeof(text), &got, "the end"));
    assert_true(got >= 8192 && got < 20 * 2000);
    close(fd);
}

static void a_guest_that_floods_has_to_wait(void **state)
{
    int taken = 0, fd;

    (void)state;
    start(1);
    start(2);
    fd = reader(2);
    settle(0); /* from now on it is the same time until the loop runs */
    for (int i = 0; i < 1000; i++) {
        fake_say(&d, 1, "flood", 5);
        taken += guest[1].page.out_cons == guest[1].page.out_prod;
        if (guest[1].masked) /* it is not heard: it can only fill its page */
            guest[1].page.out_prod = guest[1].page.out_cons + 5;
    }
    assert_int_equal(guest[1].masked, 1);
    assert_int_equal(taken, 30);
    fake_say(&d, 2, "other\n", 6);
    expect(fd, "other\n");
    WAIT_FOR(!guest[1].masked);
    assert_int_equal(guest[1].page.out_cons, guest[1].page.out_prod);
    close(fd);
}

static void a_guest_waits_for_its_reader(void **state)
{
    static char much[2000];
    int total = 0;

    (void)state;
    d.options.keep = true;
    start(1);
    memset(much, 'm', sizeof(much));
    for (int i = 0; i < 20 && !guest[1].masked; i++) {
        fake_say(&d, 1, much, sizeof(much));
        total += 2000;
    }
    assert_int_equal(guest[1].masked, 1);
    static char text[65536];
    int fd = reader(1);
    size_t got = 0;

    WAIT_FOR(ends_in(fd, text, sizeof(text), &got, "m") && got >= (size_t)total);
    assert_int_equal(got, total);
    WAIT_FOR(!guest[1].masked);
    close(fd);
}

static void nonsense_in_the_page_is_survived(void **state)
{
    (void)state;
    start(1);
    int fd = reader(1);

    guest[1].page.out_prod = 0x12345678;
    fake_say(&d, 1, "x", 1);
    guest[1].page.in_prod = 0x12345678;
    assert_int_equal(write(fd, "lost?", 5), 5);
    settle(1000);
    guest[1].page.in_cons = 0x12345678; /* in order again, says the guest, and rings */
    fake_say(&d, 1, "alive", 5);
    expect(fd, "alive");
    WAIT_FOR(guest[1].page.in_prod == 0x1234567d);
    close(fd);
}

static void the_store_decides(void **state)
{
    (void)state;
    start(1);
    fake_write("/local/domain/1/console/port", "9"); /* it was resumed with another event */
    changed("/local/domain/1/console/port");
    assert_int_equal(guest[1].bound, 9);
    assert_int_equal(guest[1].mapped, 1);
    fake_write("/local/domain/1/console/port", "9 and more");
    changed("/local/domain/1/console/port");
    assert_int_equal(guest[1].bound, 0);
    fake_create(2);
    fake_write("/local/domain/2/console/type", "ioemu"); /* QEMU's */
    changed("@introduceDomain");
    changed("/local/domain/2/console");
    assert_int_equal(guest[2].mapped, 0);
    assert_null(fake_read("/local/domain/2/console/tty"));
    changed("/local/domain/99999999/console"); /* nobody's, and nothing happens */
    changed("/elsewhere");
    assert_int_equal(domains_changed(&d, "/local/domain/1/console/limit"), 1);
    assert_int_equal(domains_changed(&d, "/local/domain/1/console/tty"), DOMID_INVALID);
    assert_int_equal(domains_changed(&d, "/local/domain/1/cons"), DOMID_INVALID);
}

static void the_last_words_can_be_read(void **state)
{
    (void)state;
    start(1);
    int fd = reader(1);

    memcpy(guest[1].page.out, "panic", 5);
    guest[1].page.out_prod = 5; /* it died before its event arrived */
    guest[1].lives = false;
    changed("@releaseDomain");
    assert_int_equal(guest[1].mapped, 0);
    expect(fd, "panic");
    close(fd);
}

static void a_broken_terminal_is_replaced(void **state)
{
    (void)state;
    start(1);
    int fd = reader(1);

    if (ioctl(fd, TIOCVHANGUP)) {
        close(fd);
        skip(); /* that needs root */
    }
    close(fd);
    settle(1000);
    fake_say(&d, 1, "said", 4);
    fd = reader(1);
    expect(fd, "said");
    close(fd);
}

/* ---- under a service manager */

/* A daemon is killed: its reader has the same terminal, and what was in it */
static void a_terminal_outlives_its_daemon(void **state)
{
    int manager = manager_open(), files[2] = { -1, -1 }, status;
    char text[256], name[64], name_now[64];
    pid_t child = fork();

    if (!child) {
        setup(state); /* a loop is its process's */
        start(1);
        fake_say(&d, 1, "before ", 7);
        settle(1000);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(manager_get(manager, 1000, text, sizeof(text), files), 2);
    assert_string_equal(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=console-1");
    assert_int_equal(ptsname_r(files[0], name, sizeof(name)), 0);

    struct pollfd master = { .fd = files[0], .events = POLLIN };

    assert_int_equal(poll(&master, 1, 0), 0); /* it has not hung up */
    for (int i = 1; i >= 0; i--)              /* in another order than they were given */
        terminal_keep(1, fcntl(files[i], F_DUPFD_CLOEXEC, 0));
    start(1);
    snprintf(name_now, sizeof(name_now), "%s", fake_read("/local/domain/1/console/tty"));
    assert_string_equal(name_now, name);
    int fd = reader(1);

    fake_say(&d, 1, "after", 5);
    expect(fd, "before after");
    close(fd);

    /* Nobody gets the terminal of a domain that is gone */
    assert_int_equal(manager_get(manager, 1000, text, sizeof(text), files), 2);
    terminal_keep(2, files[0]);
    terminal_keep(2, files[1]);
    domains_forget_terminals(&d);
    assert_int_equal(manager_get(manager, 1000, text, sizeof(text), files), 0);
    assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=console-2");
    start(2);
    assert_string_not_equal(fake_read("/local/domain/2/console/tty"), name);
    unsetenv("NOTIFY_SOCKET");
    close(manager);
}

static void logs_are_written(void **state)
{
    char dir[] = "/tmp/xenconsoled-test-XXXXXX", path[64], text[256] = "";

    (void)state;
    assert_non_null(mkdtemp(dir));
    d.options.log_dir = dir;
    d.options.log_guests = d.options.stamp_guests = d.options.dots = true;
    start(1);
    fake_write("/local/domain/1/name", "renamed"); /* as at the end of a migration */
    fake_say(&d, 1, "one\ntwo\033[1m", 11);
    snprintf(path, sizeof(path), "%s/guest-renamed.log", dir);
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_int_equal(strlen(text), 22 + 15);
    assert_string_equal(text + 22, "Logfile Opened\n");
    assert_non_null(fgets(text, sizeof(text), f));
    assert_string_equal(text + 22, "one\n");
    assert_non_null(fgets(text, sizeof(text), f));
    assert_string_equal(text + 22, "two.[1m");
    fclose(f);
    unlink(path);
    domains_reopen_logs(&d); /* rotated */
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    fake_write("/local/domain/2/name", "../../etc/passwd");
    start(2);
    fake_write("/local/domain/2/name", "../../etc/passwd");
    fake_say(&d, 2, "x", 1);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
#define WITH_DAEMON(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_wraps),
        cmocka_unit_test(ring_is_full_and_no_fuller),
        cmocka_unit_test(ring_survives_any_index),
        cmocka_unit_test(buffer_keeps_order_and_forgets_the_oldest),
        cmocka_unit_test(buffer_takes_more_than_its_limit),
        WITH_DAEMON(bytes_pass_both_ways),
        WITH_DAEMON(what_was_said_before_is_read_later),
        WITH_DAEMON(a_guest_that_floods_has_to_wait),
        WITH_DAEMON(a_guest_waits_for_its_reader),
        WITH_DAEMON(nonsense_in_the_page_is_survived),
        WITH_DAEMON(the_store_decides),
        WITH_DAEMON(the_last_words_can_be_read),
        WITH_DAEMON(a_broken_terminal_is_replaced),
        WITH_DAEMON(a_terminal_outlives_its_daemon),
        WITH_DAEMON(logs_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
