/*
 * Where a guest is put on a machine with several nodes of memory.
 */
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "libxl/domain/domain.h"

static int teardown(void **state)
{
    (void)state;
    fake_node_count = 0;
    return 0;
}

/* Nodes with so much free memory, so many CPUs, and other domains' vCPUs */
static void machine(unsigned int count, const struct fake_node *nodes)
{
    memcpy(fake_node, nodes, count * sizeof(*nodes));
    fake_node_count = count;
    fake_placed = 0;
}

static uint32_t placed(uint64_t mb, int vcpus, void (*change)(libxl_domain_build_info *b))
{
    libxl_domain_config config;
    libxl_ctx *ctx = fake_ctx();
    struct op op;

    fake_config(&config, "a");
    config.b_info.max_memkb = mb << 10;
    config.b_info.max_vcpus = vcpus;
    if (change)
        change(&config.b_info);
    op_begin(&op, ctx, "test", 7);
    assert_int_equal(config_set_defaults(&op, &config), 0);
    assert_int_equal(domain_place(&op, 7, &config), 0);
    op_end(&op, 0);
    libxl_domain_config_dispose(&config);
    libxl_ctx_free(ctx);
    return fake_placed;
}

static void a_machine_with_one_node_has_no_choice(void **state)
{
    (void)state;
    assert_int_equal(placed(64, 1, NULL), 0);
    machine(1, (struct fake_node[]){ { 1000, 4, 0 } });
    assert_int_equal(placed(64, 1, NULL), 0);
}

static void a_guest_is_put_where_least_runs(void **state)
{
    (void)state;
    machine(3, (struct fake_node[]){ { 4000, 4, 2 }, { 1000, 4, 1 }, { 9000, 4, 3 } });
    assert_int_equal(placed(500, 2, NULL), 1 << 1);
    machine(2, (struct fake_node[]){ { 4000, 2, 2 }, { 1000, 8, 4 } });
    assert_int_equal(placed(500, 2, NULL), 1 << 1); /* for each of its CPUs */
    machine(2, (struct fake_node[]){ { 1000, 4, 2 }, { 4000, 4, 2 } });
    assert_int_equal(placed(500, 2, NULL), 1 << 1); /* there is more memory */
}

static void it_has_to_fit(void **state)
{
    (void)state;
    machine(2, (struct fake_node[]){ { 400, 4, 0 }, { 1000, 4, 9 } });
    assert_int_equal(placed(500, 2, NULL), 1 << 1);
    machine(2, (struct fake_node[]){ { 1000, 2, 0 }, { 1000, 4, 9 } });
    assert_int_equal(placed(500, 3, NULL), 1 << 1);
}

static void as_few_nodes_as_possible(void **state)
{
    (void)state;
    machine(4, (struct fake_node[]){ { 400, 4, 0 }, { 400, 4, 0 }, { 400, 4, 0 }, { 900, 4, 9 } });
    assert_int_equal(placed(700, 2, NULL), 1 << 3);
    assert_int_equal(placed(1000, 2, NULL) & 1 << 3, 1 << 3);
    assert_int_equal(__builtin_popcount(fake_placed), 2);
    assert_int_equal(placed(700, 8, NULL), 3);
    assert_int_equal(placed(2000, 2, NULL), 0xf);
    fake_placed = 0;
    assert_int_equal(placed(3000, 2, NULL), 0); /* nowhere */
    assert_int_equal(placed(100, 17, NULL), 0);
}

static void on_two_nodes(libxl_domain_build_info *b)
{
    libxl_bitmap_alloc(NULL, &b->nodemap, 8);
    libxl_bitmap_set(&b->nodemap, 0);
}

static void softly_bound(libxl_domain_build_info *b)
{
    b->vcpu_soft_affinity = calloc(1, sizeof(*b->vcpu_soft_affinity));
    b->num_vcpu_soft_affinity = 1;
    libxl_bitmap_alloc(NULL, b->vcpu_soft_affinity, 8);
}

static void not_wanted(libxl_domain_build_info *b)
{
    libxl_defbool_set(&b->numa_placement, false);
}

static void on_the_second_node_only(libxl_domain_build_info *b)
{
    b->vcpu_hard_affinity = calloc(1, sizeof(*b->vcpu_hard_affinity));
    b->num_vcpu_hard_affinity = 1;
    libxl_bitmap_alloc(NULL, b->vcpu_hard_affinity, 8);
    libxl_bitmap_set(b->vcpu_hard_affinity, 4);
    libxl_bitmap_set(b->vcpu_hard_affinity, 5);
}

static void what_the_configuration_says_counts(void **state)
{
    (void)state;
    machine(2, (struct fake_node[]){ { 4000, 4, 0 }, { 1000, 4, 9 } });
    assert_int_equal(placed(500, 2, NULL), 1 << 0);
    fake_placed = 0;
    assert_int_equal(placed(500, 2, on_two_nodes), 0);
    assert_int_equal(placed(500, 2, softly_bound), 0);
    assert_int_equal(placed(500, 2, not_wanted), 0);
    assert_int_equal(placed(500, 2, on_the_second_node_only), 1 << 1);
}

static void a_machine_with_very_many_nodes_is_left_alone(void **state)
{
    (void)state;
    machine(2, (struct fake_node[]){ { 4000, 1, 0 }, { 1000, 1, 0 } });
    fake_node_count = 17;
    assert_int_equal(placed(64, 1, NULL), 0);
    assert_non_null(strstr(fake_log, "17 NUMA nodes"));
}

const struct CMUnitTest placement_tests[] = {
    cmocka_unit_test_teardown(a_machine_with_one_node_has_no_choice, teardown),
    cmocka_unit_test_teardown(a_guest_is_put_where_least_runs, teardown),
    cmocka_unit_test_teardown(it_has_to_fit, teardown),
    cmocka_unit_test_teardown(as_few_nodes_as_possible, teardown),
    cmocka_unit_test_teardown(what_the_configuration_says_counts, teardown),
    cmocka_unit_test_teardown(a_machine_with_very_many_nodes_is_left_alone, teardown),
};
const size_t placement_test_count = sizeof(placement_tests) / sizeof(*placement_tests);
