/* The memory map: whatever ranges come, in whatever order, it is sorted, does not overlap, and says
 * of each byte what was said last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>

#include "../../../hypervisor/arm64/boot/boot.h"

static void check_sorted(const struct boot_info *b)
{
    assert_in_range(b->nr_ranges, 0, BOOT_MAX_RANGES);
    for (unsigned int i = 0; i < b->nr_ranges; i++) {
        assert_true(b->range[i].size > 0);
        if (i)
            assert_true(b->range[i - 1].start + b->range[i - 1].size <= b->range[i].start);
    }
}

static uint32_t type_at(const struct boot_info *b, uint64_t address)
{
    for (unsigned int i = 0; i < b->nr_ranges; i++)
        if (address - b->range[i].start < b->range[i].size)
            return b->range[i].type;
    return 0;
}

static void test_split(void **state)
{
    struct boot_info b = { .nr_ranges = 0 };

    (void)state;
    memory_map_set(&b, 0x1000, 0x9000, MEM_RAM);
    memory_map_set(&b, 0x3000, 0x1000, MEM_RESERVED);
    assert_int_equal(b.nr_ranges, 3);
    check_sorted(&b);
    assert_int_equal(type_at(&b, 0x2fff), MEM_RAM);
    assert_int_equal(type_at(&b, 0x3000), MEM_RESERVED);
    assert_int_equal(type_at(&b, 0x4000), MEM_RAM);
    assert_int_equal(type_at(&b, 0xa000), 0);
    memory_map_set(&b, 0, UINT64_MAX, MEM_UNUSABLE);
    assert_int_equal(b.nr_ranges, 1);
    memory_map_set(&b, 0x5000, 0, MEM_RAM);
    memory_map_set(&b, UINT64_MAX, 2, MEM_RAM); /* wraps */
    assert_int_equal(b.nr_ranges, 1);
}

static void test_random_against_bytes(void **state)
{
    static uint8_t model[256];

    (void)state;
    srand(7);
    for (unsigned int round = 0; round < 500; round++) {
        struct boot_info b = { .nr_ranges = 0 };

        memset(model, 0, sizeof(model));
        for (unsigned int n = 0; n < 40; n++) {
            size_t start = (size_t)rand() % 256, size = (size_t)rand() % (257 - start);
            enum mem_type type = 1 + (unsigned int)rand() % 5;

            memory_map_set(&b, start, size, type);
            memset(model + start, (int)type, size);
            check_sorted(&b);
        }
        for (unsigned int i = 0; i < 256; i++)
            assert_int_equal(type_at(&b, i), model[i]);
    }
}

/* Too many ranges: none is written beyond the end, and what is reserved last is in. */
static void test_full(void **state)
{
    static struct {
        struct boot_info b;
        uint8_t canary[64];
    } s;

    (void)state;
    for (uint64_t i = 0; i < 2 * BOOT_MAX_RANGES; i++)
        memory_map_set(&s.b, i * 0x2000, 0x1000, i % 2 ? MEM_RESERVED : MEM_RAM);
    memory_map_set(&s.b, 0x2100, 0x100, MEM_NVS);
    check_sorted(&s.b);
    assert_int_equal(type_at(&s.b, 0x2100), MEM_NVS);
    for (unsigned int i = 0; i < sizeof(s.canary); i++)
        assert_int_equal(s.canary[i], 0);
}

static char blob[4096];

static void reg(const char *name, uint64_t start, uint64_t size)
{
    uint64_t be[2] = { cpu_to_fdt64(start), cpu_to_fdt64(size) };

    fdt_begin_node(blob, name);
    if (!strncmp(name, "memory", 6))
        fdt_property_string(blob, "device_type", "memory");
    fdt_property(blob, "reg", be, sizeof(be));
}

static void test_tree(void **state)
{
    struct boot_info b = { .nr_ranges = 0 };
    struct dt tree;

    (void)state;
    fdt_create(blob, sizeof(blob));
    fdt_add_reservemap_entry(blob, 0x40100000, 0x1000);
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    fdt_property_u32(blob, "#address-cells", 2);
    fdt_property_u32(blob, "#size-cells", 2);
    reg("memory@40000000", 0x40000000, 0x10000000);
    fdt_end_node(blob);
    reg("memory@90000000", 0x90000000, 0x10000000);
    fdt_property_string(blob, "status", "disabled");
    fdt_end_node(blob);
    fdt_begin_node(blob, "reserved-memory");
    fdt_property_u32(blob, "#address-cells", 2);
    fdt_property_u32(blob, "#size-cells", 2);
    fdt_property(blob, "ranges", NULL, 0);
    reg("firmware@4f000000", 0x4f000000, 0x1000000);
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_finish(blob);
    assert_int_equal(dt_open(&tree, blob, sizeof(blob)), 0);
    memory_map_from_tree(&b, &tree, 0x48000000);
    check_sorted(&b);
    assert_int_equal(type_at(&b, 0x40000000), MEM_RAM);
    assert_int_equal(type_at(&b, 0x40100fff), MEM_RESERVED);
    assert_int_equal(type_at(&b, 0x40101000), MEM_RAM);
    assert_int_equal(type_at(&b, 0x48000000), MEM_RESERVED); /* the tree itself */
    assert_int_equal(type_at(&b, 0x4f000000), MEM_RESERVED);
    assert_int_equal(type_at(&b, 0x50000000), 0);
    assert_int_equal(type_at(&b, 0x90000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_random_against_bytes),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_tree),
    };

    return cmocka_run_group_tests_name("memory map", tests, NULL, NULL);
}
