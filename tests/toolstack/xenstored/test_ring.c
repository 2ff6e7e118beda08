/* Guests that break the protocol, do not read, or want to begin anew: only they notice. */
#include "tests.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static struct answer a;

static void others_live(void)
{
    assert_string_equal(ask_strings(0, XS_READ, 0, &a, "/tool", NULL), "");
    assert_string_equal(ask_strings(2, XS_GET_DOMAIN_PATH, 0, &a, "2", NULL), "");
    assert_string_equal(a.body, "/local/domain/2");
}

/* A request in pieces of each size arrives */
static void test_pieces(void **unused)
{
    static const char body[] = "/local/domain/1/v\0value";
    char all[sizeof(struct xsd_sockmsg) + sizeof(body) - 1];
    struct xsd_sockmsg header = { XS_WRITE, 9, 0, sizeof(body) - 1 };
    size_t piece, at, n;

    (void)unused;
    world_begin();
    memcpy(all, &header, sizeof(header));
    memcpy(all + sizeof(header), body, sizeof(body) - 1);
    for (piece = 1; piece <= sizeof(all); piece++) {
        for (at = 0; at < sizeof(all); at += n) {
            n = sizeof(all) - at < piece ? sizeof(all) - at : piece;
            assert_int_equal(guest_put(0, all + at, n), n);
            world_run();
        }
        assert_true(guest_message(0, &a));
        assert_int_equal(a.header.type, XS_WRITE);
        assert_int_equal(a.header.req_id, 9);
    }
    assert_false(guest_message(0, &a));
    world_end();
}

static void test_large(void **unused)
{
    char body[XENSTORE_PAYLOAD_MAX];

    (void)unused;
    world_begin();
    memset(body, 'v', sizeof(body));
    memcpy(body, "/big", 5);
    assert_int_equal(ask(0, XS_WRITE, 0, body, sizeof(body), &a), XS_WRITE);
    assert_string_equal(ask_strings(0, XS_READ, 0, &a, "/big", NULL), "");
    assert_int_equal(a.header.len, sizeof(body) - 5);
    assert_memory_equal(a.body, body + 5, sizeof(body) - 5);
    world_end();
}

static void test_too_long(void **unused)
{
    struct xsd_sockmsg header = { XS_WRITE, 0, 0, XENSTORE_PAYLOAD_MAX + 1 };

    (void)unused;
    world_begin();
    guest_put(1, &header, sizeof(header));
    world_run();
    assert_int_equal(world[1].ring.error, XENSTORE_ERROR_PROTO);
    others_live();
    world_restart();
    guest_put(1, &header, sizeof(header));
    world_run();
    others_live();
    /* It may begin anew */
    assert_int_equal(world[1].ring.server_features & XENSTORE_SERVER_FEATURE_RECONNECTION,
                     XENSTORE_SERVER_FEATURE_RECONNECTION);
    world[1].ring.connection = XENSTORE_RECONNECT;
    world[1].pending = 1;
    world_run();
    assert_int_equal(world[1].ring.connection, XENSTORE_CONNECTED);
    assert_int_equal(world[1].ring.error, XENSTORE_ERROR_NONE);
    assert_string_equal(ask_strings(1, XS_GET_DOMAIN_PATH, 0, &a, "1", NULL), "");
    world_end();
}

static void test_indices(void **unused)
{
    (void)unused;
    world_begin();
    world[1].ring.req_prod += XENSTORE_RING_SIZE + 1;
    world[1].pending = 1;
    world_run();
    assert_int_equal(world[1].ring.error, XENSTORE_ERROR_RINGIDX);
    world[2].ring.rsp_cons += 1;
    assert_int_equal(ask(2, XS_GET_DOMAIN_PATH, 0, "2", 2, &a), 0);
    assert_int_equal(world[2].ring.error, XENSTORE_ERROR_RINGIDX);
    /* What the daemon reads of its own indices does not matter */
    world[3].ring.req_cons = 77;
    world[3].ring.rsp_prod = 77;
    world[3].pending = 1;
    world_run();
    assert_int_equal(world[3].ring.error, XENSTORE_ERROR_NONE);
    assert_string_equal(ask_strings(0, XS_READ, 0, &a, "/tool", NULL), "");
    world_end();
}

/* A guest that asks and asks, and reads no answer: its requests stay in its ring. */
static void test_no_reader(void **unused)
{
    struct xsd_sockmsg header = { XS_GET_DOMAIN_PATH, 0, 0, 2 };
    struct conn *c;
    size_t used, n;
    int i;

    (void)unused;
    world_begin();
    others_live();
    used = arena_used();
    for (i = 0; i < 10000; i++) {
        n = guest_put(1, &header, sizeof(header));
        if (n == sizeof(header))
            guest_put(1, "1", 2);
        world_run();
        if (n < sizeof(header))
            break;
    }
    assert_in_range(i, 20, 200);
    others_live();
    assert_in_range(arena_used() - used, 0, 64 << 10);
    c = conn_at(domain_find(1)->conn);
    assert_in_range(c->out_answers, 1, limits.outstanding);
    for (i = 0; guest_message(1, &a); i++)
        assert_int_equal(a.header.type, XS_GET_DOMAIN_PATH);
    assert_in_range(i, 20, 200);
    world_end();
}

/* Events that a guest does not read: limited, and each watch owes one. */
static void test_events_owed(void **unused)
{
    char path[64], last[64] = "";
    int i, events = 0;
    bool owed = false;

    (void)unused;
    world_begin();
    assert_string_equal(ask_strings(0, XS_WRITE, 0, &a, "/e", "", NULL), "");
    assert_string_equal(ask_strings(0, XS_SET_PERMS, 0, &a, "/e", "r0", NULL), "");
    assert_string_equal(ask_strings(1, XS_WATCH, 0, &a, "/e", "t", NULL), "");
    for (i = 0; i < 50000; i++) {
        snprintf(path, sizeof(path), "/e/%d", i % 1000);
        ask_strings(0, XS_WRITE, 0, &a, path, "", NULL);
    }
    assert_in_range(conn_at(domain_find(1)->conn)->out_event_bytes, 1, limits.events);
    world_restart();
    while (guest_message(1, &a)) {
        assert_int_equal(a.header.type, XS_WATCH_EVENT);
        events++;
        strcpy(last, a.body);
        owed |= !strcmp(a.body, "/e");
    }
    assert_in_range(events, 1000, 50000);
    assert_true(owed);
    others_live();
    world_end();
}

const struct CMUnitTest ring_tests[] = {
    cmocka_unit_test(test_pieces),
    cmocka_unit_test(test_large),
    cmocka_unit_test(test_too_long),
    cmocka_unit_test(test_indices),
    cmocka_unit_test(test_no_reader),
    cmocka_unit_test(test_events_owed),
    { 0 },
};
