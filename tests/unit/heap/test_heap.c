/* The heap on top of the frame allocator: random sizes, and what must not be given out. */
#include "../harness/memory.h"

#include "../fake/hv.h"

#define HELD 600U

static const struct memory_range machine[] = { { 0x100, 0x2100, 0 } }; /* 32 MiB */

static struct held {
    uint8_t *p, fill;
    size_t size;
} held[HELD];

static int setup(void **state)
{
    (void)state;
    memory_seed = 1;
    memory_reset(machine, ARRAY_SIZE(machine));
    return 0;
}

static void check(const struct held *h)
{
    for (size_t i = 0; i < h->size; i += 1 + h->size / 64)
        assert_int_equal(h->p[i], h->fill);
    if (h->size)
        assert_int_equal(h->p[h->size - 1], h->fill);
}

static void random_objects(void **state)
{
    uint64_t before = frames_free_count();
    size_t in_use = hv_heap_used();

    (void)state;
    for (unsigned int i = 0; i < 60000; i++) {
        struct held *h = &held[below(HELD)];

        if (h->p) {
            check(h);
            hv_free(h->p);
            h->p = NULL;
            continue;
        }
        h->size = below(40) ? below(2200) : below(70000);
        h->fill = (uint8_t)random64();
        h->p = hv_alloc(h->size);
        if (!h->p)
            continue;
        assert_int_equal((uintptr_t)h->p % 16, 0);
        for (size_t n = 0; n < h->size; n += 8)
            assert_int_equal(h->p[n], 0);
        if (h->size)
            assert_int_equal(h->p[h->size - 1], 0);
        memset(h->p, h->fill, h->size);
    }
    for (unsigned int i = 0; i < HELD; i++) {
        if (held[i].p)
            check(&held[i]);
        hv_free(held[i].p);
        held[i].p = NULL;
    }
    assert_int_equal(hv_heap_used(), in_use);
    assert_int_equal(frames_free_count(), before);
}

static void every_size_fits(void **state)
{
    (void)state;
    for (size_t size = 0; size < 3 * PAGE_SIZE; size++) {
        uint8_t *a = hv_alloc(size), *b = hv_alloc(size);

        assert_true(a && b && (a + size <= b || b + size <= a));
        memset(a, 1, size);
        memset(b, 2, size);
        assert_true(size == 0 || a[size - 1] == 1);
        hv_free(a);
        hv_free(b);
    }
}

static void slabs_are_counted(void **state)
{
    uint64_t before = frames_free_count();
    size_t slabs = hv_heap_slabs();
    void *p[100];

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
        p[i] = hv_alloc(96);
        assert_int_equal(frames_free_count() + hv_heap_slabs(), before + slabs);
    }
    assert_int_equal(hv_heap_slabs() - slabs, 3); /* 42 objects of 96 bytes fit in a page */
    for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
        hv_free(p[i]);
        assert_int_equal(frames_free_count() + hv_heap_slabs(), before + slabs);
    }
    assert_int_equal(hv_heap_slabs(), slabs);
}

static void large_ones_come_back_whole(void **state)
{
    uint64_t before = frames_free_count();
    size_t in_use = hv_heap_used();
    void *p = hv_alloc(5 * PAGE_SIZE);

    (void)state;
    assert_int_equal((uintptr_t)p % PAGE_SIZE, 0);
    assert_int_equal(hv_heap_used() - in_use, 8 * PAGE_SIZE);
    assert_int_equal(before - frames_free_count(), 8);
    hv_free(p);
    assert_int_equal(hv_heap_used(), in_use);
    assert_int_equal(frames_free_count(), before);
    hv_free(NULL);
    p = pages_alloc(4);
    assert_int_equal(mfn_to_frame(virt_to_mfn(p))->state.owner, DOMID_XEN);
    pages_free(p, 4);
    pages_free(NULL, 4);
    assert_int_equal(frames_free_count(), before);
}

static void sizes_that_there_are_not(void **state)
{
    (void)state;
    assert_null(hv_alloc(SIZE_MAX));
    assert_null(hv_alloc(64UL << 20)); /* more than there is */
    assert_null(hv_alloc((PAGE_SIZE << MAX_ORDER) + 1));
    assert_null(hv_alloc_array_checked(16, SIZE_MAX / 8));
    assert_null(hv_alloc_array_checked(SIZE_MAX, 2));
    assert_null(hv_alloc_array(uint64_t, 1UL << 61));
    hv_free(hv_alloc_array(uint64_t, 0));
}

static void out_of_memory(void **state)
{
    uint64_t before = frames_free_count();
    void *first = NULL, **p;
    unsigned int n = 0;

    (void)state;
    while ((p = hv_alloc(1024))) {
        *p = first;
        first = p;
        n++;
    }
    assert_true(n >= before * 4);
    assert_null(page_alloc());
    assert_int_equal(frames_free_count(), 0);
    while ((p = first)) {
        first = *p;
        hv_free(p);
    }
    assert_int_equal(frames_free_count(), before); /* all of them are there again */
    assert_true(n > 0);
}

static void not_an_object(void **state)
{
    uint8_t *p = hv_alloc(3 * PAGE_SIZE);

    (void)state;
    expect_panic(hv_free(p + PAGE_SIZE), "bug");
    hv_free(p);
    expect_panic(hv_free(p), "bug"); /* twice */
    p = hv_alloc(40);
    expect_panic(hv_free(p + 16), "bug"); /* inside it */
    hv_free(p);
    expect_panic(hv_free(p), "bug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slabs_are_counted), cmocka_unit_test(large_ones_come_back_whole),
        cmocka_unit_test(not_an_object),     cmocka_unit_test(random_objects),
        cmocka_unit_test(every_size_fits),   cmocka_unit_test(sizes_that_there_are_not),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, (CMFixtureFunction)setup, NULL);
}
