/* GNTTABOP_transfer: dom0 gives frames to dom1, whose table accepts them or not. */
#include "grant_test.h"

static int transfer(domid_t to, grant_ref_t ref, mfn_t m)
{
    struct gnttab_transfer t = { .mfn = m.v, .domid = to, .ref = ref, .status = 99 };

    assert_int_equal(op(GNTTABOP_transfer, &t, 1), 0);
    return t.status;
}

static void accept_from(grant_ref_t ref, domid_t from, uint32_t gfn)
{
    table1[ref] = (struct grant_entry_v1){ GTF_accept_transfer, from, gfn };
}

static bool is_free(mfn_t m)
{
    return !world.frame[m.v].in_use;
}

static void test_given(void **state)
{
    mfn_t page = world_page(dom0);

    (void)state;
    accept_from(9, 0, 77);
    assert_int_equal(transfer(1, 9, page), GNTST_okay);
    assert_int_equal(world.frame[page.v].owner, 1);
    assert_int_equal(world.frame[page.v].refs, 1);
    assert_int_equal(table1[9].frame, page.v);
    assert_int_equal(table1[9].flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    assert_int_equal(gfn_set[page.v], 77);
    assert_int_equal(transfer(1, 9, page), GNTST_bad_page); /* no longer ours */
    page = world_page(dom0);
    assert_int_equal(transfer(1, 9, page), GNTST_general_error); /* it took one */
    assert_true(is_free(page));
    assert_int_equal(dom1->refs, 1);
}

static void test_kept(void **state)
{
    mfn_t busy = world_page(dom0), theirs = world_page(dom2);

    (void)state;
    accept_from(9, 0, 77);
    world.frame[busy.v].refs = 2;
    assert_int_equal(transfer(1, 9, busy), GNTST_bad_page);
    world.frame[busy.v].refs = 1;
    assert_int_equal(transfer(1, 9, theirs), GNTST_bad_page);
    assert_int_equal(transfer(1, 9, mfn(~0UL)), GNTST_bad_page);
    assert_int_equal(transfer(1, 9, mfn(WORLD_FRAMES)), GNTST_bad_page);
    assert_int_equal(table1[9].flags, GTF_accept_transfer);
    assert_int_equal(world.frame[busy.v].owner, 0);
}

/* A status other than bad_page says that it is gone. */
static void test_lost(void **state)
{
    struct gnttab_map_grant_ref a;
    mfn_t page, shared;

    (void)state;
    assert_int_equal(transfer(7, 9, page = world_page(dom0)), GNTST_bad_domain);
    assert_true(is_free(page));
    assert_int_equal(transfer(DOMID_SELF, 9, page = world_page(dom0)), GNTST_bad_domain);
    assert_int_equal(transfer(1, 512, page = world_page(dom0)), GNTST_bad_gntref);
    assert_true(is_free(page));
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_general_error);
    accept_from(9, 2, 77);
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_general_error);
    assert_true(is_free(page));
    accept_from(9, 0, 77);
    table1[9].flags |= GTF_transfer_completed;
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_general_error);
    accept_from(9, 0, 77);
    pass_fails = -EPERM; /* it has all that it may have */
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_general_error);
    assert_true(is_free(page));
    assert_int_equal(table1[9].flags, GTF_accept_transfer); /* it may wait for another */
    assert_int_equal(table1[9].frame, 77);
    pass_fails = 0;

    shared = world_page(dom1);
    give(9, 0, shared, 0);
    a = map(1, 9, GNTMAP_host_map);
    accept_from(9, 0, 77); /* while it is in use as something else */
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_general_error);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_okay);
    world_kill(dom1);
    assert_int_equal(transfer(1, 9, page = world_page(dom0)), GNTST_bad_domain);
    assert_true(is_free(page));
    assert_int_equal(dom1->refs, 1);
}

static void test_version_2(void **state)
{
    struct gnttab_set_version s = { .version = 2 };
    union grant_entry_v2 *table = (union grant_entry_v2 *)table1;
    mfn_t page = world_page(dom0);

    (void)state;
    world_be(dom1, 0);
    assert_int_equal(op(GNTTABOP_set_version, &s, 1), 0);
    world_be(dom0, 0);
    table[9].full_page.frame = 1UL << 40;
    table[9].hdr = (struct grant_entry_header){ GTF_accept_transfer, 0 };
    assert_int_equal(transfer(1, 9, page), GNTST_okay);
    assert_int_equal(table[9].full_page.frame, page.v);
    assert_int_equal(table[9].hdr.flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    assert_int_equal(gfn_set[page.v], 1UL << 40);
}

const struct CMUnitTest tests_transfer[] = { T(given), T(kept), T(lost), T(version_2) };
const size_t nr_tests_transfer = ARRAY_SIZE(tests_transfer);
