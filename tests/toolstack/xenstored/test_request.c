/* What guests and dom0 may do: permissions, limits, watches, transactions. */
#include "tests.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct answer a;

#define IS(error, ...) assert_string_equal(ask_strings(__VA_ARGS__, NULL), error)

static uint32_t begin(uint32_t domid)
{
    IS("", domid, XS_TRANSACTION_START, 0, &a, "");
    return (uint32_t)strtoul(a.body, NULL, 10);
}

static void value_is(uint32_t domid, uint32_t tx, const char *path, const char *value)
{
    IS("", domid, XS_READ, tx, &a, path);
    assert_string_equal(a.body, value);
}

/* The next event of a domain: its path, or "" */
static const char *event(uint32_t domid)
{
    if (!guest_message(domid, &a))
        return "";
    assert_int_equal(a.header.type, XS_WATCH_EVENT);
    return a.body;
}

static void test_nodes(void **unused)
{
    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/local/domain/1/x", "1");
    IS("", 0, XS_SET_PERMS, 0, &a, "/local/domain/1", "n1", "r2");
    IS("EACCES", 1, XS_READ, 0, &a, "x"); /* dom0's own, no access */
    IS("", 1, XS_WRITE, 0, &a, "y/z", "from 1");
    value_is(1, 0, "/local/domain/1/y/z", "from 1");
    IS("", 1, XS_GET_PERMS, 0, &a, "y/z");
    assert_string_equal(a.body, "n1");
    assert_int_equal(a.header.len, 6);
    IS("", 2, XS_READ, 0, &a, "/local/domain/1/y/z"); /* the list was inherited */
    IS("EACCES", 2, XS_WRITE, 0, &a, "/local/domain/1/y/z", "");
    IS("EACCES", 3, XS_READ, 0, &a, "/local/domain/1/y/z");
    IS("EACCES", 3, XS_READ, 0, &a, "/local/domain/1/not"); /* not even that it is missing */
    IS("ENOENT", 2, XS_READ, 0, &a, "/local/domain/1/not");
    IS("EPERM", 1, XS_SET_PERMS, 0, &a, "y", "n2");
    IS("EACCES", 2, XS_SET_PERMS, 0, &a, "/local/domain/1/y", "n2");
    IS("", 1, XS_SET_PERMS, 0, &a, "y", "n1", "b3");
    IS("", 3, XS_WRITE, 0, &a, "/local/domain/1/y/new", "");
    IS("", 3, XS_MKDIR, 0, &a, "/local/domain/1/y");
    IS("ENOENT", 1, XS_RM, 0, &a, "a/b");
    IS("", 1, XS_RM, 0, &a, "y");
    IS("ENOENT", 1, XS_READ, 0, &a, "y/z");
    IS("", 1, XS_RM, 0, &a, "y");
    IS("EINVAL", 0, XS_RM, 0, &a, "/");
    IS("EINVAL", 0, XS_WRITE, 0, &a, "/a//b", "");
    IS("EINVAL", 0, XS_WRITE, 0, &a, "/a/", "");
    IS("EINVAL", 0, XS_WRITE, 0, &a, "/a b", "");
    IS("EINVAL", 0, XS_READ, 0, &a, "");
    assert_int_equal(ask(0, XS_READ, 0, "/tool", 5, &a), XS_ERROR); /* no end */
    assert_int_equal(ask(0, 99, 0, "", 0, &a), XS_ERROR);
    assert_string_equal(a.body, "ENOSYS");
    IS("EACCES", 1, XS_INTRODUCE, 0, &a, "5", "105", "6");
    IS("EACCES", 1, XS_CONTROL, 0, &a, "help");
    IS("", 0, XS_CONTROL, 0, &a, "check");
    world_end();
}

static void test_directory_part(void **unused)
{
    char path[32], number[16], list[65536], first[32] = "";
    size_t len = 0;
    int i;

    (void)unused;
    world_begin();
    for (i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/many/child-%d", i);
        IS("", 0, XS_WRITE, 0, &a, path, "");
    }
    IS("E2BIG", 0, XS_DIRECTORY, 0, &a, "/many");
    do {
        snprintf(number, sizeof(number), "%zu", len);
        IS("", 0, XS_DIRECTORY_PART, 0, &a, "/many", number);
        if (!*first)
            strcpy(first, a.body);
        assert_string_equal(a.body, first); /* nothing changed meanwhile */
        i = (int)strlen(a.body) + 1;
        memcpy(list + len, a.body + i, a.header.len - (size_t)i);
        len += a.header.len - (size_t)i;
    } while (list[len - 1] || list[len - 2]);
    len--;
    for (i = 0; len; i++)
        len -= strlen(list) + 1, memmove(list, list + strlen(list) + 1, len);
    assert_int_equal(i, 2000);
    IS("", 0, XS_RM, 0, &a, "/many/child-7");
    IS("", 0, XS_DIRECTORY_PART, 0, &a, "/many", "0");
    assert_string_not_equal(a.body, first);
    world_end();
}

static void test_limits(void **unused)
{
    char path[64], big[4000];
    uint32_t tx;
    int i;

    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/local/domain/1", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/local/domain/1", "n1");
    for (i = 1; i < 1000; i++) {
        snprintf(path, sizeof(path), "n/%d", i);
        if (strcmp(ask_strings(1, XS_WRITE, 0, &a, path, "", NULL), ""))
            break;
    }
    assert_int_equal(i, 999); /* with its home and n, that is the limit of 1000 */
    assert_string_equal(a.body, "ENOSPC");
    IS("", 1, XS_RM, 0, &a, "n/7");
    tx = begin(1);
    IS("", 1, XS_WRITE, tx, &a, "n/a", "");
    IS("ENOSPC", 1, XS_WRITE, tx, &a, "n/b", "");
    IS("", 1, XS_WRITE, 0, &a, "n/c", ""); /* what the transaction relied on is gone */
    IS("ENOSPC", 1, XS_TRANSACTION_END, tx, &a, "T");
    IS("ENOENT", 1, XS_READ, 0, &a, "n/a");
    IS("", 1, XS_RM, 0, &a, "n");
    memset(big, 'x', sizeof(big));
    big[2048] = 0;
    IS("", 1, XS_WRITE, 0, &a, "v", big);
    big[2048] = 'x';
    big[2049] = 0;
    IS("ENOSPC", 1, XS_WRITE, 0, &a, "v", big);
    IS("", 0, XS_WRITE, 0, &a, "/v", big);
    IS("ENOSPC", 1, XS_SET_PERMS, 0, &a, "v", "n1", "r2", "r3", "r4", "r5", "r6");
    for (i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "w%d", i);
        if (strcmp(ask_strings(1, XS_WATCH, 0, &a, path, "t", NULL), ""))
            break;
    }
    assert_int_equal(i, 128);
    assert_string_equal(a.body, "E2BIG");
    for (i = 0; i < 20; i++)
        if (strcmp(ask_strings(1, XS_TRANSACTION_START, 0, &a, "", NULL), ""))
            break;
    assert_int_equal(i, 10);
    assert_string_equal(a.body, "ENOSPC");
    IS("", 1, XS_RESET_WATCHES, 0, &a, "");
    IS("", 1, XS_TRANSACTION_START, 0, &a, "");
    IS("", 0, XS_CONTROL, 0, &a, "check");
    world_end();
}

static void test_watches(void **unused)
{
    uint32_t tx;

    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/a/b/c", "");
    IS("", 0, XS_WATCH, 0, &a, "/a", "token");
    assert_string_equal(event(0), "/a");
    IS("EEXIST", 0, XS_WATCH, 0, &a, "/a", "token");
    IS("", 0, XS_WATCH, 0, &a, "/a/b/c", "deep");
    assert_string_equal(event(0), "/a/b/c");
    IS("", 1, XS_WATCH, 0, &a, "/a", "not mine to see");
    assert_string_equal(event(1), "/a");
    IS("", 0, XS_WRITE, 0, &a, "/a/b/x", "");
    assert_string_equal(event(0), "/a/b/x");
    assert_string_equal(event(0), "");
    assert_string_equal(event(1), "");
    tx = begin(0);
    IS("", 0, XS_RM, tx, &a, "/a/b");
    assert_string_equal(event(0), "");
    IS("", 0, XS_TRANSACTION_END, tx, &a, "T");
    assert_string_equal(event(0), "/a/b");
    assert_string_equal(event(0), "/a/b/c"); /* was removed with what was above it */
    assert_string_equal(event(0), "");
    IS("ENOENT", 0, XS_UNWATCH, 0, &a, "/a", "other");
    IS("", 0, XS_UNWATCH, 0, &a, "/a", "token");
    IS("", 0, XS_WRITE, 0, &a, "/a/b/x", "");
    assert_string_equal(event(0), "");
    /* A relative watch tells relative paths */
    IS("", 0, XS_WRITE, 0, &a, "/local/domain/2/q", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/local/domain/2/q", "n2");
    IS("", 2, XS_WATCH, 0, &a, "q", "t");
    assert_string_equal(event(2), "q");
    IS("", 2, XS_WRITE, 0, &a, "q/r", "");
    assert_string_equal(event(2), "q/r");
    assert_string_equal(event(2), "");
    world_end();
}

static void test_special(void **unused)
{
    (void)unused;
    world_begin();
    IS("", 0, XS_WATCH, 0, &a, "@releaseDomain", "t");
    assert_string_equal(event(0), "@releaseDomain");
    IS("", 2, XS_WATCH, 0, &a, "@releaseDomain", "t");
    assert_string_equal(event(2), "@releaseDomain");
    IS("", 0, XS_WRITE, 0, &a, "/local/domain/3/v", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/local/domain/3/v", "n3");
    IS("", 0, XS_WRITE, 0, &a, "/other/of-3", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/other/of-3", "n3");
    IS("", 0, XS_WRITE, 0, &a, "/other/read-by-3", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/other/read-by-3", "n0", "r3", "r4");
    world[3].state = XEN_SHUTDOWN;
    domain_look();
    assert_string_equal(event(0), "@releaseDomain");
    domain_look();
    assert_string_equal(event(0), ""); /* told once */
    IS("", 0, XS_RESUME, 0, &a, "3");
    domain_look();
    assert_string_equal(event(0), "@releaseDomain");
    world[3].state = XEN_GONE;
    domain_look();
    assert_string_equal(event(0), "@releaseDomain");
    assert_string_equal(event(2), ""); /* may not see it */
    IS("ENOENT", 0, XS_READ, 0, &a, "/local/domain/3/v");
    IS("ENOENT", 0, XS_READ, 0, &a, "/other/of-3");
    IS("", 0, XS_GET_PERMS, 0, &a, "/other/read-by-3");
    assert_int_equal(a.header.len, 6);
    assert_memory_equal(a.body, "n0\0r4", 6);
    IS("", 0, XS_IS_DOMAIN_INTRODUCED, 0, &a, "3");
    assert_string_equal(a.body, "F");
    IS("EACCES", 2, XS_SET_PERMS, 0, &a, "@releaseDomain", "r2");
    IS("", 0, XS_SET_PERMS, 0, &a, "@releaseDomain", "n0", "r2");
    IS("", 0, XS_RELEASE, 0, &a, "4");
    assert_string_equal(event(2), "@releaseDomain");
    IS("", 0, XS_CONTROL, 0, &a, "check");
    world_end();
}

static void test_target(void **unused)
{
    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/local/domain/1/x", "v");
    IS("", 0, XS_SET_PERMS, 0, &a, "/local/domain/1/x", "n1");
    IS("EACCES", 2, XS_READ, 0, &a, "/local/domain/1/x");
    IS("EACCES", 2, XS_SET_TARGET, 0, &a, "2", "1");
    IS("", 0, XS_SET_TARGET, 0, &a, "2", "1");
    value_is(2, 0, "/local/domain/1/x", "v");
    IS("", 0, XS_RELEASE, 0, &a, "1");
    IS("EACCES", 2, XS_READ, 0, &a, "/local/domain/1/x");
    world_end();
}

static void test_transactions(void **unused)
{
    uint32_t t, u;

    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/a/x", "1");
    /* Elsewhere is no conflict, not even in the same list that nobody looked at */
    t = begin(0);
    IS("", 0, XS_WRITE, t, &a, "/a/mine", "m");
    IS("", 0, XS_WRITE, 0, &a, "/a/theirs", "t");
    value_is(0, t, "/a/mine", "m");
    IS("ENOENT", 0, XS_READ, 0, &a, "/a/mine");
    IS("", 0, XS_TRANSACTION_END, t, &a, "T");
    value_is(0, 0, "/a/theirs", "t");
    value_is(0, 0, "/a/mine", "m");
    /* A snapshot */
    t = begin(0);
    IS("", 0, XS_WRITE, 0, &a, "/a/x", "2");
    value_is(0, t, "/a/x", "1");
    IS("EAGAIN", 0, XS_TRANSACTION_END, t, &a, "T");
    IS("ENOENT", 0, XS_TRANSACTION_END, t, &a, "T");
    /* Back to what it was is no change */
    t = begin(0);
    value_is(0, t, "/a/x", "2");
    IS("", 0, XS_WRITE, 0, &a, "/a/x", "3");
    IS("", 0, XS_WRITE, 0, &a, "/a/x", "2");
    IS("", 0, XS_TRANSACTION_END, t, &a, "T");
    /* A list that was looked at; a value in it is none of its business */
    t = begin(0);
    u = begin(0);
    IS("", 0, XS_DIRECTORY, t, &a, "/a");
    IS("", 0, XS_DIRECTORY, u, &a, "/a");
    IS("", 0, XS_WRITE, 0, &a, "/a/x", "4");
    IS("", 0, XS_TRANSACTION_END, t, &a, "T");
    IS("", 0, XS_WRITE, 0, &a, "/a/another", "");
    IS("EAGAIN", 0, XS_TRANSACTION_END, u, &a, "T");
    /* What was found missing, and is there now */
    t = begin(0);
    IS("ENOENT", 0, XS_READ, t, &a, "/m/n/o");
    IS("", 0, XS_WRITE, 0, &a, "/m", "");
    IS("EAGAIN", 0, XS_TRANSACTION_END, t, &a, "T");
    /* Given up */
    t = begin(0);
    IS("", 0, XS_RM, t, &a, "/a");
    IS("ENOENT", 0, XS_READ, t, &a, "/a/x");
    IS("", 0, XS_TRANSACTION_END, t, &a, "F");
    value_is(0, 0, "/a/x", "4");
    IS("EBUSY", 0, XS_TRANSACTION_START, begin(0), &a, "");
    IS("ENOENT", 0, XS_READ, 12345, &a, "/a");
    IS("EINVAL", 0, XS_TRANSACTION_END, begin(0), &a, "X");
    IS("", 0, XS_CONTROL, 0, &a, "check");
    world_end();
}

/* Not until nothing is left to do: a turn would end meanwhile */
static void serve_once(void)
{
    ring_events();
    conn_serve();
}

/* Another client changes what a transaction has seen, each time: the fourth time it has to wait. */
static void test_turn(void **unused)
{
    const char request[] = "/n\0other";
    struct xsd_sockmsg header = { XS_WRITE, 7, 0, sizeof(request) - 1 };
    uint32_t t;
    int i;

    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/n", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/n", "b0");
    for (i = 0; i < 3; i++) {
        t = begin(1);
        IS("", 1, XS_WRITE, t, &a, "/n", "mine");
        IS("", 2, XS_WRITE, 0, &a, "/n", i % 2 ? "other" : "else");
        IS("EAGAIN", 1, XS_TRANSACTION_END, t, &a, "T");
    }
    world_stop_clock(true); /* the turn lasts for 10 ms */
    guest_put(1, &(struct xsd_sockmsg){ XS_TRANSACTION_START, 1, 0, 1 }, sizeof(header));
    guest_put(1, "", 1);
    serve_once();
    assert_int_equal(guest_get(1, &a.header, sizeof(a.header)), sizeof(a.header));
    assert_int_equal(guest_get(1, a.body, a.header.len), a.header.len);
    t = (uint32_t)strtoul(a.body, NULL, 10);
    guest_put(2, &header, sizeof(header));
    guest_put(2, request, sizeof(request) - 1);
    serve_once();
    assert_int_equal(world[2].ring.rsp_prod, world[2].ring.rsp_cons); /* it waits */
    guest_put(1, &(struct xsd_sockmsg){ XS_WRITE, 1, t, 7 }, sizeof(header));
    guest_put(1, "/n\0mine", 7);
    guest_put(1, &(struct xsd_sockmsg){ XS_TRANSACTION_END, 1, t, 2 }, sizeof(header));
    guest_put(1, "T", 2);
    serve_once();
    assert_true(guest_message(1, &a));
    assert_int_equal(a.header.type, XS_WRITE);
    assert_true(guest_message(1, &a));
    assert_int_equal(a.header.type, XS_TRANSACTION_END);
    world_stop_clock(false);
    assert_true(guest_message(2, &a));
    assert_int_equal(a.header.type, XS_WRITE);
    value_is(0, 0, "/n", "other");
    world_end();
}

/* A transaction in its turn that does not end: the others go on when its time is up. */
static void test_turn_ends(void **unused)
{
    uint32_t t;
    int i;

    (void)unused;
    world_begin();
    IS("", 0, XS_WRITE, 0, &a, "/n", "");
    IS("", 0, XS_SET_PERMS, 0, &a, "/n", "b0");
    for (i = 0; i < 4; i++) {
        t = begin(1);
        IS("", 1, XS_READ, t, &a, "/n");
        IS("", 2, XS_WRITE, 0, &a, "/n", i % 2 ? "a" : "b");
        IS("EAGAIN", 1, XS_TRANSACTION_END, t, &a, "T");
    }
    world_end();
}

const struct CMUnitTest request_tests[] = {
    cmocka_unit_test(test_nodes),        cmocka_unit_test(test_directory_part),
    cmocka_unit_test(test_limits),       cmocka_unit_test(test_watches),
    cmocka_unit_test(test_special),      cmocka_unit_test(test_target),
    cmocka_unit_test(test_transactions), cmocka_unit_test(test_turn),
    cmocka_unit_test(test_turn_ends),    { 0 },
};
