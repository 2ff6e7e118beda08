/* Our reader of device trees against trees that libfdt makes, and against damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>

#include <hv/errno.h>
#include <hv/fdt.h>

static char tree[8192];
static size_t tree_size;

static void cells(const char *name, size_t count, const uint32_t *values)
{
    uint32_t be[32];

    for (size_t i = 0; i < count; i++)
        be[i] = cpu_to_fdt32(values[i]);
    assert_int_equal(fdt_property(tree, name, be, (int)(count * 4)), 0);
}
#define CELLS(name, ...)                                                                           \
    cells(name, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void begin(const char *name)
{
    assert_int_equal(fdt_begin_node(tree, name), 0);
}

static void end(void)
{
    assert_int_equal(fdt_end_node(tree), 0);
}

static int setup(void **state)
{
    (void)state;
    fdt_create(tree, sizeof(tree));
    fdt_add_reservemap_entry(tree, 0x48000000, 0x10000);
    fdt_add_reservemap_entry(tree, 0x200000000, 0x1000);
    fdt_finish_reservemap(tree);
    begin("");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    fdt_property(tree, "compatible", "test,board\0test,family", 23);
    begin("memory@40000000");
    fdt_property_string(tree, "device_type", "memory");
    CELLS("reg", 0, 0x40000000, 0, 0x40000000, 1, 0, 2, 0x80000000);
    end();
    begin("soc");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    CELLS("ranges", 0x0, 0, 0x8000000, 0x1000000, 0x7e000000, 1, 0xfe000000, 0x1000000);
    begin("bus@0");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    fdt_property(tree, "ranges", NULL, 0);
    begin("serial@1000");
    fdt_property(tree, "compatible", "arm,pl011\0arm,primecell", 24);
    CELLS("reg", 0x1000, 0x1000, 0x7e001000, 0x10, 0x5000000, 0x10, 0xfffff0, 0x20);
    fdt_property_string(tree, "status", "okay");
    end();
    end();
    begin("serial@2000");
    fdt_property_string(tree, "compatible", "arm,pl011");
    CELLS("reg", 0x2000, 0x1000);
    fdt_property_string(tree, "status", "disabled");
    end();
    begin("private@0");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 0);
    begin("device@1");
    CELLS("reg", 1);
    end();
    end();
    end();
    begin("wide");
    CELLS("#address-cells", 3);
    CELLS("#size-cells", 2);
    fdt_property(tree, "ranges", NULL, 0);
    begin("fits@1");
    CELLS("reg", 0, 1, 2, 3, 4);
    end();
    begin("does-not@1");
    CELLS("reg", 1, 1, 2, 3, 4);
    end();
    begin("wraps@1");
    CELLS("reg", 0, 0xffffffff, 0, 1, 0);
    end();
    end();
    begin("chosen");
    fdt_property_string(tree, "stdout-path", "/soc/bus@0/serial@1000:115200n8");
    fdt_property(tree, "unterminated", "abc", 3);
    fdt_property(tree, "two", "a\0b", 4);
    end();
    end();
    fdt_finish(tree);
    tree_size = fdt_totalsize(tree);
    return 0;
}

static struct dt open_tree(void)
{
    struct dt f;

    assert_int_equal(dt_open(&f, tree, tree_size), 0);
    return f;
}

/* The same nodes in the same order, with the same names, parents and properties. */
static void test_walk_like_libfdt(void **state)
{
    struct dt f = open_tree();
    int theirs = fdt_next_node(tree, -1, NULL), their_depth = 0, depth = 0, nodes = 0;
    dt_node_t node = dt_root(&f);

    (void)state;
    for (; theirs >= 0 && their_depth >= 0; theirs = fdt_next_node(tree, theirs, &their_depth)) {
        int offset;

        assert_int_equal(node, theirs);
        assert_int_equal(depth, their_depth);
        assert_string_equal(dt_name(&f, node), fdt_get_name(tree, theirs, NULL));
        if (depth)
            assert_int_equal(dt_parent(&f, node), fdt_parent_offset(tree, theirs));
        else
            assert_int_equal(dt_parent(&f, node), -ENOENT);
        if (fdt_first_subnode(tree, theirs) >= 0)
            assert_int_equal(dt_first_child(&f, node), fdt_first_subnode(tree, theirs));
        else
            assert_int_equal(dt_first_child(&f, node), -ENOENT);
        fdt_for_each_property_offset(offset, tree, theirs)
        {
            const char *name;
            int len;
            uint32_t our_len;
            const void *value = fdt_getprop_by_offset(tree, offset, &name, &len);

            assert_ptr_equal(dt_property(&f, node, name, &our_len), value);
            assert_int_equal(our_len, len);
        }
        node = dt_next(&f, node, &depth);
        nodes++;
    }
    assert_int_equal(node, -ENOENT);
    assert_int_equal(nodes, 13);
}

static void test_paths(void **state)
{
    static const char *const paths[] = {
        "/",       "/soc",    "/soc/bus@0/serial@1000", "/soc/bus/serial", "/soc/serial@2000",
        "/memory", "/chosen/"
    };
    static const char *const absent[] = { "/nothing", "/so", "/soc/serial@1000",
                                          "",         "soc", "/memory@4" };
    struct dt f = open_tree();

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(dt_find_path(&f, paths[i]), fdt_path_offset(tree, paths[i]));
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_int_equal(dt_find_path(&f, absent[i]), -ENOENT);
}

static void test_compatible(void **state)
{
    struct dt f = open_tree();
    dt_node_t first = dt_find_compatible(&f, -1, "arm,pl011"), second;

    (void)state;
    assert_string_equal(dt_name(&f, first), "serial@1000");
    assert_true(dt_is_enabled(&f, first));
    second = dt_find_compatible(&f, first, "arm,pl011");
    assert_string_equal(dt_name(&f, second), "serial@2000");
    assert_false(dt_is_enabled(&f, second));
    assert_int_equal(dt_find_compatible(&f, second, "arm,pl011"), -ENOENT);
    assert_int_equal(dt_find_compatible(&f, -1, "arm,primecell"), first);
    assert_int_equal(dt_find_compatible(&f, -1, "arm,pl01"), -ENOENT);
    assert_true(dt_is_compatible(&f, dt_root(&f), "test,family"));
}

static void test_properties(void **state)
{
    struct dt f = open_tree();
    dt_node_t chosen = dt_find_path(&f, "/chosen");
    uint32_t len;

    (void)state;
    assert_string_equal(dt_string(&f, chosen, "stdout-path"), "/soc/bus@0/serial@1000:115200n8");
    assert_null(dt_string(&f, chosen, "unterminated"));
    assert_null(dt_string(&f, chosen, "two"));
    assert_null(dt_string(&f, chosen, "absent"));
    assert_null(dt_property(&f, chosen, "reg", &len)); /* the next node's is not this one's */
    assert_int_equal(dt_u32(&f, dt_root(&f), "#size-cells", 7), 2);
    assert_int_equal(dt_u32(&f, chosen, "#size-cells", 7), 7);
}

static void check_reg(const struct dt *f, const char *path, unsigned int n, int rc,
                      uint64_t address, uint64_t size)
{
    uint64_t a = 0, s = 0;
    int got = dt_reg(f, dt_find_path(f, path), n, &a, &s);

    if (got != rc || (!rc && (a != address || s != size)))
        fail_msg("%s %u: %d, 0x%lx + 0x%lx", path, n, got, a, s);
}

static void test_reg(void **state)
{
    struct dt f = open_tree();

    (void)state;
    check_reg(&f, "/memory", 0, 0, 0x40000000, 0x40000000);
    check_reg(&f, "/memory", 1, 0, 0x100000000, 0x280000000);
    check_reg(&f, "/memory", 2, -ENOENT, 0, 0);
    check_reg(&f, "/chosen", 0, -ENOENT, 0, 0);
    check_reg(&f, "/soc/bus/serial", 0, 0, 0x8001000, 0x1000);
    check_reg(&f, "/soc/bus/serial", 1, 0, 0x1fe001000, 0x10);
    check_reg(&f, "/soc/bus/serial", 2, -ENOENT, 0, 0); /* in no window */
    check_reg(&f, "/soc/bus/serial", 3, -ENOENT, 0, 0); /* reaches out of its window */
    check_reg(&f, "/soc/private/device", 0, -ENOENT, 0, 0);
    check_reg(&f, "/wide/fits", 0, 0, 0x100000002, 0x300000004);
    check_reg(&f, "/wide/does-not", 0, -EINVAL, 0, 0);
    check_reg(&f, "/wide/wraps", 0, -EINVAL, 0, 0);
}

static void test_reservations(void **state)
{
    struct dt f = open_tree();
    uint64_t address, size;

    (void)state;
    assert_int_equal(dt_reservation(&f, 0, &address, &size), 0);
    assert_int_equal(address, 0x48000000);
    assert_int_equal(size, 0x10000);
    assert_int_equal(dt_reservation(&f, 1, &address, &size), 0);
    assert_int_equal(address, 0x200000000);
    assert_int_equal(dt_reservation(&f, 2, &address, &size), -ENOENT);
}

/* All that a reader can ask, of a tree in an allocation of just its size. */
static bool exercise(const char *blob, size_t size)
{
    char *copy = malloc(size);
    uint64_t address, length;
    uint32_t len;
    struct dt f;
    bool opened;

    memcpy(copy, blob, size);
    opened = dt_open(&f, copy, size) == 0;
    for (dt_node_t node = opened ? dt_root(&f) : -1; node >= 0; node = dt_next(&f, node, NULL)) {
        (void)strlen(dt_name(&f, node));
        dt_parent(&f, node);
        dt_next_sibling(&f, node);
        dt_is_enabled(&f, node);
        dt_is_compatible(&f, node, "arm,pl011");
        dt_string(&f, node, "stdout-path");
        dt_property(&f, node, "no such", &len);
        for (unsigned int n = 0; n < 3; n++)
            (void)!dt_reg(&f, node, n, &address, &length);
    }
    if (opened) {
        dt_find_path(&f, "/soc/bus/serial");
        for (unsigned int n = 0; n < 100 && !dt_reservation(&f, n, &address, &length); n++)
            ;
    }
    free(copy);
    return opened;
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t size = 0; size < tree_size; size++)
        assert_false(exercise(tree, size));
    assert_true(exercise(tree, tree_size));
}

static void test_random_damage(void **state)
{
    unsigned int opened = 0;
    char copy[sizeof(tree)];

    (void)state;
    srand(6);
    for (unsigned int round = 0; round < 30000; round++) {
        memcpy(copy, tree, tree_size);
        for (int n = rand() % 6; n >= 0; n--) {
            /* Cells where the structure is; now and then the header. */
            size_t at = rand() % 8 ? 40 + (size_t)rand() % (tree_size - 40) : (size_t)rand() % 40;

            copy[at] = (char)(rand() % 2 ? rand() : rand() % 10);
        }
        opened += exercise(copy, tree_size);
    }
    assert_in_range(opened, 1000, 29999); /* it went both ways */
}

static void test_too_deep(void **state)
{
    (void)state;
    for (int depth = FDT_MAX_DEPTH; depth <= FDT_MAX_DEPTH + 1; depth++) {
        fdt_create(tree, sizeof(tree));
        fdt_finish_reservemap(tree);
        for (int i = 0; i < depth; i++)
            begin(i ? "n" : "");
        for (int i = 0; i < depth; i++)
            end();
        fdt_finish(tree);
        assert_int_equal(exercise(tree, fdt_totalsize(tree)), depth == FDT_MAX_DEPTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_walk_like_libfdt, setup),
        cmocka_unit_test_setup(test_paths, setup),
        cmocka_unit_test_setup(test_compatible, setup),
        cmocka_unit_test_setup(test_properties, setup),
        cmocka_unit_test_setup(test_reg, setup),
        cmocka_unit_test_setup(test_reservations, setup),
        cmocka_unit_test_setup(test_every_truncation, setup),
        cmocka_unit_test_setup(test_random_damage, setup),
        cmocka_unit_test(test_too_deep),
    };

    return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
