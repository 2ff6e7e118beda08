/* The tree against a plain list of paths; lists of permissions. */
#include "tests.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATHS 400
#define STEPS 20000

struct model {
    bool there[PATHS];
    char value[PATHS][24];
};
static char paths[PATHS][32];

static struct path path_of(int i)
{
    return (struct path){ paths[i], strlen(paths[i]) };
}

/* Paths of three levels; the parent of number i is number i / 7 - 1, below 0 it is the top */
static void make_paths(void)
{
    int i, parent;

    for (i = 0; i < PATHS; i++) {
        parent = i / 7 - 1;
        snprintf(paths[i], sizeof(paths[i]), "%s/%s%d", parent < 0 ? "" : paths[parent],
                 i % 3 ? "" : "n", i * 37 % 101);
    }
}

static bool below(int i, int top)
{
    for (; i >= 0; i = i / 7 - 1)
        if (i == top)
            return true;
    return false;
}

static void same(const struct model *m, ref_t root)
{
    int i;

    for (i = 0; i < PATHS; i++) {
        ref_t n = tree_find(root, path_of(i));

        assert_int_equal(n != 0, m->there[i]);
        if (n) {
            assert_int_equal(node_at(n)->value_len, strlen(m->value[i]));
            assert_memory_equal(node_value(node_at(n)), m->value[i], strlen(m->value[i]));
        }
    }
}

static void step(struct model *m, int i)
{
    const uint32_t dom0 = 0;
    ref_t *root = &state()->tree;
    int k;

    if (!m->there[i]) {
        if (i / 7 - 1 >= 0 && !m->there[i / 7 - 1])
            return;
        snprintf(m->value[i], sizeof(m->value[i]), "v%ld", random() % 100000);
        m->there[i] = true;
        tree_add(root, path_of(i), perms_get(&dom0, 1), m->value[i], strlen(m->value[i]));
    } else if (random() % 4) {
        snprintf(m->value[i], sizeof(m->value[i]), "w%ld", random());
        tree_set_value(root, path_of(i), m->value[i], strlen(m->value[i]));
    } else {
        for (k = i; k < PATHS; k++)
            if (below(k, i))
                m->there[k] = false;
        tree_release(tree_remove(root, path_of(i)));
    }
}

static void test_tree(void **unused)
{
    static struct model now, kept, before;
    ref_t snapshot = 0;
    size_t used;
    int i;

    (void)unused;
    srandom(1);
    make_paths();
    world_begin();
    used = arena_used();
    for (i = 0; i < STEPS; i++) {
        before = now;
        step(&now, (int)(random() % PATHS));
        if (random() % 10) {
            state_commit();
        } else {
            state_rollback();
            now = before;
        }
        if (i % 500)
            continue;
        same(&now, state()->tree);
        if (snapshot)
            same(&kept, snapshot);
        tree_release(snapshot);
        snapshot = tree_hold(state()->tree);
        kept = now;
        state_commit();
        if (i % 5000 == 0) {
            tree_release(snapshot);
            state_commit();
            snapshot = 0;
            world_restart();
            same(&now, state()->tree);
        }
    }
    tree_release(snapshot);
    for (i = 0; i < 7; i++)
        if (now.there[i])
            tree_release(tree_remove(&state()->tree, path_of(i)));
    state_commit();
    assert_int_equal(arena_used(), used); /* nothing is left */
    world_end();
}

static void test_order(void **unused)
{
    static const char *const names[] = { "b", "10", "a", "9", "01", "B", "1x", "100" };
    struct answer a;
    size_t i;

    (void)unused;
    world_begin();
    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[16];

        snprintf(path, sizeof(path), "/d/%s", names[i]);
        assert_string_equal(ask_strings(0, XS_WRITE, 0, &a, path, "", NULL), "");
    }
    assert_string_equal(ask_strings(0, XS_DIRECTORY, 0, &a, "/d", NULL), "");
    assert_int_equal(a.header.len, 21);
    assert_memory_equal(a.body,
                        "9\0"
                        "01\0"
                        "10\0"
                        "100\0"
                        "1x\0"
                        "B\0"
                        "a\0"
                        "b",
                        20);
    world_end();
}

static void test_permissions(void **unused)
{
    static const struct {
        const char *text;
        size_t len;
        int count;
    } lists[] = {
        { "r0", 3, 1 },           { "n0\0b7", 6, 2 },   { "w65535", 7, 1 },
        { "r65536", 7, -EINVAL }, { "x1", 3, -EINVAL }, { "r", 2, -EINVAL },
        { "r-1", 4, -EINVAL },    { "r1", 2, -EINVAL }, { "r1x", 4, -EINVAL },
        { "", 0, -EINVAL },       { "", 1, -EINVAL },   { "r99999999999999999999", 22, -EINVAL },
    };
    static const struct {
        struct who who;
        unsigned int access;
    } checks[] = {
        /* of the list n5 r6 w7 */
        { { 0, DOMID_INVALID, true }, 7 },
        { { 5, DOMID_INVALID, false }, 7 },
        { { 6, DOMID_INVALID, false }, 1 },
        { { 7, DOMID_INVALID, false }, 2 },
        { { 8, DOMID_INVALID, false }, 0 },
        { { 8, 5, false }, 7 },
        { { 8, 6, false }, 1 },
        { { DOMID_INVALID, DOMID_INVALID, false }, 0 },
    };
    uint32_t entry[PERMS_MAX];
    char text[32];
    ref_t ref;
    size_t i;

    (void)unused;
    for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        assert_int_equal(perms_parse(lists[i].text, lists[i].len, entry), lists[i].count);
    world_begin();
    ref = perms_get(entry, (uint32_t)perms_parse("n5\0r6\0w7", 9, entry));
    assert_int_equal(perms_get(entry, 3), ref); /* equal lists are one */
    for (i = 0; i < sizeof(checks) / sizeof(*checks); i++)
        assert_int_equal(perms_check(ref, &checks[i].who), checks[i].access);
    perms_forget(6);
    assert_int_equal(perms_check(ref, &checks[2].who), 0);
    assert_int_equal(perms_format(ref, text, sizeof(text)), 6);
    assert_memory_equal(text, "n5\0w7", 6);
    state_rollback();
    world_end();
}

const struct CMUnitTest tree_tests[] = {
    cmocka_unit_test(test_tree),
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_permissions),
    { 0 },
};
