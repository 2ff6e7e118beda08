/*
 * The daemon's end at any point: a process is killed again and again while a guest asks without a
 * pause; the guest sees every answer once and in order, and what was answered is in the store.
 */
#include "tests.h"
#include "world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct answer a;

static void test_restart(void **unused)
{
    uint32_t tx;
    size_t used;

    (void)unused;
    world_begin();
    ask_strings(0, XS_WRITE, 0, &a, "/local/domain/1/v", "kept", NULL);
    ask_strings(0, XS_SET_PERMS, 0, &a, "/local/domain/1/v", "n1", NULL);
    ask_strings(1, XS_WATCH, 0, &a, "v", "t", NULL);
    ask_strings(0, XS_SET_TARGET, 0, &a, "2", "1", NULL);
    assert_true(guest_message(1, &a));
    ask_strings(1, XS_TRANSACTION_START, 0, &a, "", NULL);
    tx = (uint32_t)strtoul(a.body, NULL, 10);
    world_restart();
    used = arena_used();
    world_restart();
    assert_int_equal(arena_used(), used);
    assert_string_equal(ask_strings(2, XS_READ, 0, &a, "/local/domain/1/v", NULL), "");
    assert_string_equal(a.body, "kept");
    ask_strings(0, XS_WRITE, 0, &a, "/local/domain/1/v", "new", NULL);
    assert_true(guest_message(1, &a));
    assert_string_equal(a.body, "v");
    /* The transaction goes on, but cannot be committed */
    assert_string_equal(ask_strings(1, XS_WRITE, tx, &a, "v", "mine", NULL), "");
    assert_string_equal(ask_strings(1, XS_TRANSACTION_END, tx, &a, "T", NULL), "EAGAIN");
    assert_string_equal(ask_strings(1, XS_READ, 0, &a, "v", NULL), "");
    assert_string_equal(a.body, "new");
    assert_int_equal(state_check(), 0);
    world_end();
}

/* A domain that died while there was no daemon */
static void test_died_meanwhile(void **unused)
{
    (void)unused;
    world_begin();
    ask_strings(0, XS_WRITE, 0, &a, "/local/domain/3/v", "", NULL);
    ask_strings(0, XS_SET_PERMS, 0, &a, "/local/domain/3/v", "n3", NULL);
    ask_strings(0, XS_WATCH, 0, &a, "@releaseDomain", "t", NULL);
    assert_true(guest_message(0, &a));
    world[3].state = XEN_GONE;
    world_restart();
    assert_true(guest_message(0, &a));
    assert_string_equal(a.body, "@releaseDomain");
    assert_string_equal(ask_strings(0, XS_READ, 0, &a, "/local/domain/3/v", NULL), "ENOENT");
    world_end();
}

/* A file with a wrong byte: refused or used, but never followed to where nothing is. */
static void test_damage(void **unused)
{
    uint64_t at;
    int fd, i;

    (void)unused;
    for (i = 0; i < 300; i++) {
        world_begin();
        ask_strings(0, XS_WRITE, 0, &a, "/local/domain/1/v", "kept", NULL);
        ask_strings(1, XS_WATCH, 0, &a, "v", "t", NULL);
        srandom((unsigned int)i);
        world_leave();
        fd = open(world_file, O_RDWR);
        /* Somewhere in the header, or in the first objects */
        at =
            i % 3 ? 4096 + (256u << 20) + (uint64_t)(random() % 16384) : (uint64_t)(random() % 128);
        assert_int_equal(pwrite(fd, &i, sizeof(i), (off_t)(at & ~3ull)), sizeof(i));
        close(fd);
        world_enter();
        assert_string_not_equal(ask_strings(2, XS_GET_DOMAIN_PATH, 0, &a, "2", NULL), "no answer");
        world_end();
    }
}

#define KILLS 60

static void daemon_life(void)
{
    for (;;) {
        ring_events();
        if (!conn_serve())
            usleep(20);
    }
}

static pid_t start_daemon(void)
{
    pid_t pid = fork();

    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_enter();
        daemon_life();
    }
    return pid;
}

/* Requests as they go into the ring: number after number, each a WRITE of it, of varying length */
struct writer {
    uint32_t sent; /* whole requests */
    size_t done;   /* bytes of the next */
};

static void send_some(struct writer *w)
{
    char all[1024];
    struct xsd_sockmsg *header = (struct xsd_sockmsg *)all;
    int len = snprintf(all + sizeof(*header), sizeof(all) - sizeof(*header), "count%c%0*u", 0,
                       (int)(w->sent % 900) + 1, w->sent);
    size_t all_len = sizeof(*header) + (size_t)len;

    *header = (struct xsd_sockmsg){ XS_WRITE, w->sent, 0, (uint32_t)len };
    w->done += guest_put(1, all + w->done, all_len - w->done);
    if (w->done == all_len) {
        w->done = 0;
        w->sent++;
    }
}

struct reader {
    char bytes[sizeof(struct xsd_sockmsg) + 4096];
    size_t have;
    uint32_t answers, events;
};

/* Answers come in order, each once; events between them */
static void read_some(struct reader *r)
{
    struct xsd_sockmsg *header = (struct xsd_sockmsg *)r->bytes;
    size_t want, n;

    for (;;) {
        want = r->have < sizeof(*header) ? sizeof(*header) : sizeof(*header) + header->len;
        if (r->have >= sizeof(*header))
            assert_in_range(header->len, 1, 64);
        n = guest_get(1, r->bytes + r->have, want - r->have);
        r->have += n;
        if (r->have < want)
            return;
        if (r->have == sizeof(*header))
            continue;
        if (header->type == XS_WATCH_EVENT) {
            assert_string_equal(r->bytes + sizeof(*header), "count");
            r->events++;
        } else {
            assert_int_equal(header->type, XS_WRITE);
            assert_int_equal(header->req_id, r->answers++);
        }
        r->have = 0;
    }
}

static void test_kill(void **unused)
{
    struct reader r = { 0 };
    struct writer w = { 0 };
    uint32_t answers;
    int kills, i;
    pid_t pid;

    (void)unused;
    world_begin();
    ask_strings(0, XS_WRITE, 0, &a, "/local/domain/1", "", NULL);
    ask_strings(0, XS_SET_PERMS, 0, &a, "/local/domain/1", "n1", NULL);
    ask_strings(1, XS_WATCH, 0, &a, "count", "t", NULL);
    assert_true(guest_message(1, &a));
    srandom(3);
    world_leave();
    for (kills = 0; kills < KILLS; kills++) {
        pid = start_daemon();
        answers = r.answers;
        /* Until something was answered, and then for a random while */
        for (i = (int)(random() % 3000); i; i -= r.answers > answers) {
            send_some(&w);
            read_some(&r);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    world_enter();
    while (w.done) {
        send_some(&w);
        world_run();
        read_some(&r);
    }
    for (i = 0; i < 100 && r.answers < w.sent; i++) {
        world_run();
        read_some(&r);
    }
    assert_int_equal(r.answers, w.sent);
    assert_true(r.events > 0);
    assert_in_range(w.sent, KILLS, UINT32_MAX);
    assert_string_equal(ask_strings(1, XS_READ, 0, &a, "count", NULL), "");
    assert_int_equal(strtoul(a.body, NULL, 10), w.sent - 1);
    assert_int_equal(state_check(), 0);
    world_end();
}

const struct CMUnitTest restart_tests[] = {
    cmocka_unit_test(test_restart),
    cmocka_unit_test(test_died_meanwhile),
    cmocka_unit_test(test_damage),
    cmocka_unit_test(test_kill),
    { 0 },
};
