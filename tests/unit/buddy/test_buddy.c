/*
 * The frame allocator on two nodes, ranges with holes and odd ends, below and above 4 GiB. Memory
 * is large but only touched in its first words; a map in the test knows who has which frame.
 */
#include "../harness/memory.h"

#include <hv/numa.h>

#define FOUR_GIB (1UL << 20)
#define HELD     4000U

static const struct memory_range machine[] = {
    { 0x10, 0x9f, 0 },         /* odd ends, in one chunk with what is no RAM */
    { 0x100, 0x50000, 0 },     /* 1.25 GiB less a bit */
    { 0x50000, 0x60000, 1 },   /* next to it, of another node */
    { 0xfff00, 0x140000, 0 },  /* over the 4 GiB line, aligned to what buddies could span */
    { 0x140000, 0x150000, 1 }, /* next to it, of another node */
};
#define LAST_MFN 0x150000U

static uint8_t owned[LAST_MFN]; /* 1: the test's */

static struct held {
    mfn_t m;
    unsigned int order;
} held[HELD];
static unsigned int nr_held;
static uint64_t all;

static int setup(void **state)
{
    (void)state;
    memory_seed = 1;
    memory_reset(machine, ARRAY_SIZE(machine));
    memset(owned, 0, sizeof(owned));
    nr_held = 0;
    all = frames_free_count();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memory_end();
    return 0;
}

static uint64_t *word(mfn_t m)
{
    return mfn_to_virt(m);
}

/* Take a block: it must be RAM, of nobody else, aligned, on one node and one side of 4 GiB. */
static bool take(unsigned int order, unsigned int flags, unsigned int node)
{
    uint64_t before = frames_free_count(), size = 1UL << order;
    mfn_t m = frames_alloc(order, flags, node);

    if (m.v == INVALID_MFN.v) {
        assert_int_equal(frames_free_count(), before);
        return false;
    }
    assert_int_equal(before - frames_free_count(), size);
    assert_int_equal(m.v & (size - 1), 0);
    assert_true(!(flags & ALLOC_BELOW_4G) || m.v + size <= FOUR_GIB);
    for (uint64_t i = 0; i < size; i++) {
        /* The first and last of a large block say enough of what is slow to ask. */
        if (i == 0 || i == size - 1 || order < 4) {
            assert_true(memory_is_ram(mfn_add(m, i)));
            assert_int_equal(mfn_to_node(mfn_add(m, i)), mfn_to_node(m));
            assert_int_equal(mfn_to_frame(mfn_add(m, i))->state.raw, 0);
            if (!(flags & ALLOC_NO_SCRUB)) {
                assert_int_equal(word(mfn_add(m, i))[0], 0);
                assert_int_equal(word(mfn_add(m, i))[511], 0);
            }
        }
        assert_int_equal(owned[m.v + i]++, 0);
    }
    word(m)[511] = word(mfn_add(m, size - 1))[0] = 0xdeadbeef;
    assert_true(nr_held < HELD);
    held[nr_held++] = (struct held){ m, order };
    return true;
}

static void give(unsigned int i)
{
    struct held h = held[i];

    held[i] = held[--nr_held];
    memset(owned + h.m.v, 0, 1UL << h.order);
    /* Whoever had the frames left something in their states. */
    for (uint64_t n = 0; n < 1UL << h.order; n += 1 + below(200))
        mfn_to_frame(mfn_add(h.m, n))->state = (union frame_state){ .refs = 1, .owner = 3 };
    frames_free(h.m, h.order);
}

static void give_all(void)
{
    while (nr_held)
        give(below(nr_held));
    assert_int_equal(frames_free_count(), all);
}

static unsigned int scrub_all(void)
{
    unsigned int steps = 0;

    while (frames_scrub_idle()) {
        assert_int_equal(frames_free_count(), all);
        assert_in_range(++steps, 1, 4096);
    }
    return steps;
}

/* How many blocks of an order the machine can give at most. */
static unsigned int count_of(unsigned int order)
{
    unsigned int n = 0;
    mfn_t blocks[64], m;

    while (n < ARRAY_SIZE(blocks) &&
           (m = frames_alloc(order, ALLOC_NO_SCRUB, NUMA_ANY)).v != INVALID_MFN.v)
        blocks[n++] = m;
    for (unsigned int i = 0; i < n; i++)
        frames_free(blocks[i], order);
    return n;
}

static void check_whole(void)
{
    assert_int_equal(count_of(MAX_ORDER), 1);     /* 0x100000 */
    assert_int_equal(count_of(MAX_ORDER - 1), 3); /* two there, 0x20000 */
    assert_int_equal(count_of(16), 10);           /* and 0x10000, 0x40000, 0x50000, 0x140000 */
}

static void one_block_of_each_order(void **state)
{
    (void)state;
    check_whole();
    for (unsigned int order = 0; order <= MAX_ORDER; order++)
        assert_true(take(order, 0, NUMA_ANY) || order == MAX_ORDER);
    assert_int_equal(frames_alloc(MAX_ORDER + 1, 0, NUMA_ANY).v, INVALID_MFN.v);
    give_all();
    check_whole();
}

static void random_blocks(void **state)
{
    (void)state;
    for (unsigned int round = 0; round < 2; round++) {
        for (unsigned int i = 0; i < 2500; i++) {
            unsigned int order = below(8) ? below(6) : below(12);

            if (below(5) > (i > 1250 ? 1U : 2U) && nr_held)
                give(below(nr_held));
            else
                take(order, below(4), below(3) ? below(2) : NUMA_ANY);
            if (below(50) == 0)
                frames_scrub_idle();
        }
        give_all();
        scrub_all();
        check_whole(); /* clean and dirty blocks are one again */
        give_all();
    }
}

static void nodes_and_zones(void **state)
{
    (void)state;
    for (unsigned int node = 0; node < 2; node++)
        for (unsigned int i = 0; i < 200; i++) {
            assert_true(take(5, 0, node));
            assert_int_equal(mfn_to_node(held[nr_held - 1].m), node);
            /* Memory that 32-bit devices reach is kept for who asks. */
            assert_true(held[nr_held - 1].m.v >= FOUR_GIB);
        }
    assert_int_equal(frames_node_count(), 2);
    assert_int_equal(frames_node_free(0) + frames_node_free(1), frames_free_count());
    assert_int_equal(frames_node_free(1), 0x20000 - 200 * 32);
    assert_int_equal(frames_node_total(1) % 0x20000, 0); /* earlier tests gave it the same */
    assert_true(take(0, 0, 77));                         /* a node that is not there */
    assert_false(take(0, ALLOC_EXACT, 77));
    while (take(MAX_ORDER, ALLOC_EXACT | ALLOC_NO_SCRUB, 0))
        assert_int_equal(mfn_to_node(held[nr_held - 1].m), 0);
    assert_true(take(0, ALLOC_EXACT, 1));
    assert_int_equal(mfn_to_node(held[nr_held - 1].m), 1);
    for (unsigned int i = 0; i < 200; i++)
        assert_true(take(5, ALLOC_BELOW_4G, 1));
    give_all();
}

static void exhaustion(void **state)
{
    uint64_t low = 0;

    (void)state;
    for (int order = 12; order >= 0; order--)
        while (take((unsigned int)order, ALLOC_BELOW_4G | ALLOC_NO_SCRUB, 1))
            low += 1UL << order;
    assert_int_equal(low, 0x8f + 0x4ff00 + 0x10000 + 0x100);
    assert_true(take(MAX_ORDER, ALLOC_NO_SCRUB, NUMA_ANY)); /* above there is some */
    for (int order = MAX_ORDER; order >= 0; order--)
        while (take((unsigned int)order, ALLOC_NO_SCRUB, NUMA_ANY))
            ;
    assert_int_equal(frames_free_count(), 0);
    assert_false(frames_scrub_idle());
    give_all();
    check_whole();
}

/* Once idle CPUs are through, nothing is dirty, and they come to rest. */
static void idle_scrubbing(void **state)
{
    uint64_t *kept;
    mfn_t m;

    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        assert_true(take(below(8), ALLOC_NO_SCRUB, NUMA_ANY));
    give_all();
    assert_true(scrub_all() > 1);
    assert_int_equal(scrub_all(), 0);
    check_whole(); /* makes blocks dirty again */
    assert_true(scrub_all() > 0);
    /* What comes back is given out unscrubbed first to who does not mind. */
    m = frames_alloc(3, 0, NUMA_ANY);
    kept = word(mfn_add(m, 7));
    *kept = 0x1234;
    frames_free(m, 3);
    m = frames_alloc(3, ALLOC_NO_SCRUB, NUMA_ANY);
    assert_int_equal(*word(mfn_add(m, 7)), 0x1234);
    frames_free(m, 3);
    /* And never to who does. */
    for (unsigned int i = 0; i < 64; i++)
        assert_true(take(3, 0, NUMA_ANY));
    give_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_block_of_each_order, setup, teardown),
        cmocka_unit_test_setup_teardown(random_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_and_zones, setup, teardown),
        cmocka_unit_test_setup_teardown(exhaustion, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_scrubbing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
