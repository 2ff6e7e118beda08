/* The vector allocator: blocks, alignment, what is reserved, moving, exhaustion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/percpu.h>
#include <arch/irq.h>

#define USABLE (0xf0 - 0x20 - 2)

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    return 0;
}

static unsigned int irq_at(unsigned int cpu, unsigned int vector)
{
    fake_cpu = cpu;
    return vector_to_irq(vector);
}

static void all_are_given_out_once(void **state)
{
    bool seen[256] = { false };

    (void)state;
    for (unsigned int i = 0; i < USABLE; i++) {
        int v = vector_alloc(1, i, 1);

        assert_in_range(v, 0x20, 0xef);
        assert_int_not_equal(v, 0x80);
        assert_int_not_equal(v, 0x82);
        assert_false(seen[v]);
        seen[v] = true;
        assert_int_equal(irq_at(1, (unsigned int)v), i);
        assert_int_equal(irq_at(0, (unsigned int)v), IRQ_NONE);
    }
    assert_int_equal(vector_alloc(1, 1000, 1), -ENOSPC);
    assert_int_equal(vectors_used(1), USABLE);
    assert_int_equal(vectors_used(0), 0);
}

static void unused_everywhere_comes_first(void **state)
{
    bool seen[256] = { false };

    (void)state;
    /* Spread over CPUs, no vector is used twice as long as there is another: any can move. */
    for (unsigned int i = 0; i < USABLE; i++) {
        int v = vector_alloc(i % 4, i, 1);

        assert_true(v > 0);
        assert_false(seen[v]);
        seen[v] = true;
    }
    /* Then CPUs share numbers. */
    assert_true(vector_alloc(2, 1000, 1) > 0);
}

static void neighbours_differ_in_priority(void **state)
{
    int last = vector_alloc(0, 0, 1);

    (void)state;
    for (unsigned int i = 1; i < 50; i++) {
        int v = vector_alloc(0, i, 1);

        assert_int_not_equal(v >> 4, last >> 4);
        last = v;
    }
}

static void blocks_are_aligned_and_whole(void **state)
{
    (void)state;
    for (unsigned int count = 2; count <= 32; count *= 2) {
        unsigned int irq = 100;
        int v;

        fake_percpu_reset();
        while ((v = vector_alloc(3, irq, count)) >= 0) {
            assert_int_equal(v % (int)count, 0);
            assert_true(v + (int)count <= 0xf0);
            for (unsigned int i = 0; i < count; i++) {
                assert_int_equal(irq_at(3, (unsigned int)v + i), irq + i);
                assert_false((unsigned int)v + i == 0x80 || (unsigned int)v + i == 0x82);
            }
            irq += count;
        }
        assert_int_equal(v, -ENOSPC);
        /* 208 places; the block around the two reserved vectors is lost (two for pairs). */
        assert_int_equal((irq - 100) / count, 208 / count - (count == 2 ? 2 : 1));
    }
}

static void moving_claims_the_same_vector(void **state)
{
    int v = vector_alloc(0, 7, 1), other;

    (void)state;
    assert_int_equal(vector_claim(1, (unsigned int)v, 7, 1), 0);
    assert_int_equal(irq_at(0, (unsigned int)v), 7); /* late arrivals still mean it */
    assert_int_equal(irq_at(1, (unsigned int)v), 7);
    assert_int_equal(vector_claim(1, (unsigned int)v, 8, 1), -EBUSY);
    vector_free(0, (unsigned int)v, 1);
    assert_int_equal(irq_at(0, (unsigned int)v), IRQ_NONE);

    other = vector_alloc(0, 9, 4);
    assert_int_equal(vector_claim(2, (unsigned int)other + 3, 50, 1), 0);
    assert_int_equal(vector_claim(2, (unsigned int)other, 9, 4), -EBUSY); /* all or nothing */
    assert_int_equal(irq_at(2, (unsigned int)other), IRQ_NONE);
    assert_int_equal(vector_claim(2, 0x80, 9, 1), -EBUSY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_are_given_out_once, setup),
        cmocka_unit_test_setup(unused_everywhere_comes_first, setup),
        cmocka_unit_test_setup(neighbours_differ_in_priority, setup),
        cmocka_unit_test_setup(blocks_are_aligned_and_whole, setup),
        cmocka_unit_test_setup(moving_claims_the_same_vector, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
