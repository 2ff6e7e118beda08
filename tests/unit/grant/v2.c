/*
 * Version 2 of the grant table: going over to it and back, the status that is apart from the flags,
 * grants of part of a page, grants that are passed on.
 */
#include "grant_test.h"

#include "../../../hypervisor/core/grant/internal.h"

static union grant_entry_v2 *table; /* dom1's */
static grant_status_t *status;

static long set_version(unsigned int version)
{
    struct gnttab_set_version s = { .version = version };

    return op(GNTTABOP_set_version, &s, 1);
}

static unsigned int get_version(domid_t dom)
{
    struct gnttab_get_version g = { .dom = dom, .version = 99 };

    assert_int_equal(op(GNTTABOP_get_version, &g, 1), 0);
    return g.version;
}

static int status_frames(domid_t dom, unsigned int count, uint64_t *list)
{
    struct gnttab_get_status_frames a = { .dom = dom, .nr_frames = count, .status = 99 };

    set_xen_guest_handle(a.frame_list, list);
    assert_int_equal(op(GNTTABOP_get_status_frames, &a, 1), 0);
    return a.status;
}

static void go_over(void)
{
    uint64_t frame;

    world_be(dom1, 0);
    assert_int_equal(set_version(2), 0);
    assert_int_equal(status_frames(DOMID_SELF, 1, &frame), GNTST_okay);
    table = (union grant_entry_v2 *)table1;
    status = mfn_to_virt(mfn(frame));
    world_be(dom0, 0);
}

static void give_v2(grant_ref_t ref, domid_t to, mfn_t m, unsigned int flags)
{
    table[ref].hdr.domid = to;
    table[ref].full_page.frame = m.v;
    __atomic_store_n(&table[ref].hdr.flags, (uint16_t)(GTF_permit_access | flags),
                     __ATOMIC_RELEASE);
}

static void give_part(grant_ref_t ref, domid_t to, mfn_t m, unsigned int start, unsigned int len)
{
    table[ref].sub_page.page_off = (uint16_t)start;
    table[ref].sub_page.length = (uint16_t)len;
    give_v2(ref, to, m, GTF_sub_page);
}

static void pass_on(grant_ref_t ref, domid_t to, domid_t from, grant_ref_t its_ref)
{
    table[ref].hdr.domid = to;
    table[ref].transitive.trans_domid = from;
    table[ref].transitive.gref = its_ref;
    __atomic_store_n(&table[ref].hdr.flags, GTF_transitive, __ATOMIC_RELEASE);
}

static void test_version(void **state)
{
    struct gnttab_get_version g = { .dom = 7 };
    uint64_t list[9];
    mfn_t m;

    (void)state;
    assert_int_equal(get_version(DOMID_SELF), 1);
    assert_int_equal(set_version(0), -EINVAL);
    assert_int_equal(set_version(3), -EINVAL);
    assert_int_equal(set_version(1), 0);
    assert_int_equal(op(GNTTABOP_get_version, &g, 1), -ESRCH);
    assert_int_equal(status_frames(DOMID_SELF, 0, list), GNTST_general_error); /* version 1 */
    assert_int_equal(grant_get_status_frame(dom0, 0, &m), -EINVAL);

    assert_int_equal(set_version(2), 0); /* without a table */
    assert_int_equal(get_version(DOMID_SELF), 2);
    assert_int_equal(set_version(2), 0);
    assert_int_equal(get_version(1), 1);
    assert_int_equal(status_frames(DOMID_SELF, 1, list), GNTST_general_error);
    assert_int_equal(setup_table(DOMID_SELF, 9, list), GNTST_okay);
    assert_int_equal(status_frames(DOMID_SELF, 3, list), GNTST_general_error);
    assert_int_equal(status_frames(DOMID_SELF, 2, list), GNTST_okay);
    assert_int_equal(world.frame[list[1]].owner, 0);
    assert_int_equal(grant_get_status_frame(dom0, 1, &m), 0);
    assert_int_equal(m.v, list[1]);
    assert_int_equal(grant_get_status_frame(dom0, 7, &m), 0); /* grows to reach it */
    assert_int_equal(grant_get_status_frame(dom0, 8, &m), -EINVAL);
    assert_int_equal(grant_get_status_frame(dom0, ~0UL, &m), -EINVAL);
    assert_int_equal(set_version(1), 0);
    assert_int_equal(set_version(2), 0);

    world_be(dom2, 0);
    g.dom = 1;
    assert_int_equal(op(GNTTABOP_get_version, &g, 1), -EPERM);
    assert_int_equal(status_frames(1, 0, list), GNTST_permission_denied);
    assert_int_equal(grant_set_limits(dom2, -1, -1, 3), -EINVAL);
    assert_int_equal(grant_set_limits(dom2, -1, -1, 1), 0);
    assert_int_equal(set_version(2), -ENOSYS);
    assert_int_equal(grant_max_version(), 2);
}

/* The reserved entries survive; others do not; nothing may be in use. */
static void test_switch(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a;

    (void)state;
    give(1, 0, page, 0);
    give(7, 2, page, GTF_readonly);
    give(8, 0, page, 0);
    a = map(1, 8, GNTMAP_host_map | GNTMAP_readonly);
    world_be(dom1, 0);
    assert_int_equal(set_version(2), -EBUSY);
    assert_int_equal(table1[8].flags, GTF_permit_access | GTF_reading);
    world_be(dom0, 0);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    table1[3].flags = GTF_accept_transfer;
    world_be(dom1, 0);
    assert_int_equal(set_version(2), -EINVAL);
    table1[3].flags = 0;
    go_over();
    assert_int_equal(table[1].hdr.flags, GTF_permit_access);
    assert_int_equal(table[1].full_page.frame, page.v);
    assert_int_equal(table[7].hdr.flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(table[7].hdr.domid, 2);
    assert_int_equal(table[8].hdr.flags, 0);
    give_v2(9, 0, page, 0);
    a = map(1, 9, GNTMAP_host_map);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(table[9].hdr.flags, GTF_permit_access); /* not where version 1 has it */
    assert_int_equal(status[9], GTF_reading | GTF_writing);
    world_be(dom1, 0);
    assert_int_equal(set_version(1), -EBUSY);
    world_be(dom0, 0);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(status[9], 0);
    world_be(dom1, 0);
    table[2].full_page.frame = 1UL << 32;
    table[2].hdr.flags = GTF_permit_access;
    assert_int_equal(set_version(1), -EINVAL); /* has no such frames */
    table[2].hdr.flags = GTF_permit_access | GTF_sub_page;
    table[2].full_page.frame = page.v;
    assert_int_equal(set_version(1), -EINVAL);
    table[2].hdr.flags = 0;
    assert_int_equal(set_version(1), 0);
    assert_int_equal(table1[7].frame, page.v);
    assert_int_equal(table1[7].flags, GTF_permit_access | GTF_readonly);
    world_be(dom0, 0);
    a = map(1, 1, GNTMAP_host_map);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
}

/* What dom0's daemons have mapped stays so, and can be unmapped in either version. */
static void test_switch_in_use(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, b;

    (void)state;
    give(1, 0, page, 0);
    a = map(1, 1, GNTMAP_host_map | GNTMAP_readonly);
    b = map(1, 1, GNTMAP_host_map);
    go_over();
    assert_int_equal(table[1].hdr.flags, GTF_permit_access);
    assert_int_equal(status[1], GTF_reading | GTF_writing);
    assert_int_equal(unmap(b.handle, b.host_addr, 0), GNTST_okay);
    assert_int_equal(status[1], GTF_reading);
    world_be(dom1, 0);
    assert_int_equal(set_version(1), 0);
    world_be(dom0, 0);
    assert_int_equal(table1[1].flags, GTF_permit_access | GTF_reading);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(table1[1].flags, GTF_permit_access);
    assert_int_equal(world.frame[page.v].refs, 1);
}

static void test_map(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, b;

    (void)state;
    go_over();
    give_v2(255, 0, page, 0);
    a = map(1, 255, GNTMAP_host_map | GNTMAP_readonly);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(status[255], GTF_reading);
    b = map(1, 255, GNTMAP_host_map | GNTMAP_device_map);
    assert_int_equal(status[255], GTF_reading | GTF_writing);
    assert_int_equal(unmap(b.handle, b.host_addr, b.dev_bus_addr), GNTST_okay);
    assert_int_equal(status[255], GTF_reading);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(status[255], 0);
    assert_int_equal(map(1, 256, GNTMAP_host_map).status, GNTST_bad_gntref); /* half as many */
    give_part(9, 0, page, 0, 4096);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    pass_on(9, 0, 2, 9);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    give_v2(9, 0, mfn(1UL << 40), 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_page);
    give_v2(9, 0, mfn(page.v | 1UL << 32), 0); /* not cut to 32 bits */
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_page);
    assert_int_equal(status[9], 0);
    give_v2(9, 0, page, GTF_readonly);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    assert_int_equal(status[9], 0);
}

static struct gnttab_copy copy_from(grant_ref_t ref, mfn_t to, unsigned int offset,
                                    unsigned int len)
{
    return (struct gnttab_copy){
        .source = { .u.ref = ref, .domid = 1, .offset = (uint16_t)offset },
        .dest = { .u.gmfn = to.v, .domid = DOMID_SELF },
        .len = (uint16_t)len,
        .flags = GNTCOPY_source_gref,
        .status = 99,
    };
}

static int copy(struct gnttab_copy c)
{
    assert_int_equal(op(GNTTABOP_copy, &c, 1), 0);
    return c.status;
}

static void test_part(void **state)
{
    mfn_t page = world_page(dom1), mine = world_page(dom0);
    struct grant_access access;
    struct gnttab_copy c;
    char *from = mfn_to_virt(page);

    (void)state;
    go_over();
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        from[i] = (char)(i * 7);
    give_part(9, 0, page, 100, 50);
    assert_int_equal(copy(copy_from(9, mine, 100, 50)), GNTST_okay);
    assert_memory_equal(mfn_to_virt(mine), from + 100, 50);
    assert_int_equal(copy(copy_from(9, mine, 99, 10)), GNTST_general_error);
    assert_int_equal(copy(copy_from(9, mine, 101, 50)), GNTST_general_error);
    assert_int_equal(copy(copy_from(9, mine, 150, 0)), GNTST_okay); /* nothing is not outside */
    assert_int_equal(copy(copy_from(9, mine, 151, 0)), GNTST_general_error);
    give_part(9, 0, page, 4000, 65535); /* more than there is */
    assert_int_equal(copy(copy_from(9, mine, 4000, 96)), GNTST_okay);
    assert_int_equal(copy(copy_from(9, mine, 4000, 97)), GNTST_bad_copy_arg);
    c = (struct gnttab_copy){ .source = { .u.gmfn = mine.v, .domid = DOMID_SELF },
                              .dest = { .u.ref = 9, .domid = 1, .offset = 3999 },
                              .len = 1,
                              .flags = GNTCOPY_dest_gref };
    assert_int_equal(copy(c), GNTST_general_error);
    assert_int_equal(status[9], 0);
    /* While a copy has it in use, it is still no whole frame to be mapped. */
    give_part(9, 0, page, 16, PAGE_SIZE);
    assert_int_equal(grant_pin(dom1, 9, dom0, false, false, &access), GNTST_okay);
    assert_int_equal(map(1, 9, GNTMAP_host_map | GNTMAP_readonly).status, GNTST_general_error);
    grant_unpin(dom1, 9, false);
    assert_int_equal(dom1->refs, 1);
}

/* dom2 grants to dom1, dom1 passes on to dom0. */
static void test_transitive(void **state)
{
    mfn_t page = world_page(dom2), mine = world_page(dom0);
    struct grant_entry_v1 *table2;
    xen_pfn_t frame;
    char *from = mfn_to_virt(page);

    (void)state;
    go_over();
    world_be(dom2, 0);
    assert_int_equal(setup_table(DOMID_SELF, 1, &frame), GNTST_okay);
    world_be(dom0, 0);
    table2 = mfn_to_virt(mfn(frame));
    table2[30] = (struct grant_entry_v1){ GTF_permit_access | GTF_readonly, 1, (uint32_t)page.v };
    memset(from, 0x5a, PAGE_SIZE);
    pass_on(9, 0, 2, 30);
    assert_int_equal(copy(copy_from(9, mine, 0, 4096)), GNTST_okay);
    assert_memory_equal(mfn_to_virt(mine), from, PAGE_SIZE);
    assert_int_equal(status[9], 0);
    assert_int_equal(table2[30].flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(world.frame[page.v].refs, 1);

    pass_on(9, 2, 2, 30);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_general_error); /* not for us */
    pass_on(9, 0, 7, 30);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_bad_domain);
    pass_on(9, 0, DOMID_SELF, 30);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_bad_domain);
    pass_on(9, 0, 1, 9); /* a circle */
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_general_error);
    pass_on(9, 0, 2, 31);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_general_error);
    pass_on(9, 0, 2, 70000);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_bad_gntref);
    table2[30].domid = 0; /* for dom0, but not for dom1 to pass on */
    pass_on(9, 0, 2, 30);
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_general_error);
    assert_int_equal(status[9], 0);
    assert_int_equal(dom1->refs, 1);
    assert_int_equal(dom2->refs, 1);

    /* A chain of two: dom2's entry leads back to dom1. */
    world_be(dom2, 0);
    assert_int_equal(set_version(2), 0);
    world_be(dom0, 0);
    ((union grant_entry_v2 *)table2)[30] = (union grant_entry_v2){
        .transitive = { { GTF_transitive, 1 }, .trans_domid = 1, .gref = 9 }
    };
    assert_int_equal(copy(copy_from(9, mine, 0, 1)), GNTST_general_error);
    assert_int_equal(dom1->refs, 1);
    assert_int_equal(dom2->refs, 1);
}

static void test_granter_dies(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a;

    (void)state;
    go_over();
    give_v2(9, 0, page, 0);
    a = map(1, 9, GNTMAP_host_map);
    world_kill(dom1);
    memset(table, 0xff, PAGE_SIZE); /* someone else's memory now */
    memset(status, 0xff, PAGE_SIZE);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_domain);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    for (unsigned int i = 0; i < 2048; i++)
        assert_int_equal(status[i], 0xffff);
}

static void test_no_memory(void **state)
{
    xen_pfn_t list[9];

    (void)state;
    world_be(dom1, 0);
    world.allocations_before_failure = 0;
    assert_int_equal(set_version(2), -ENOMEM);
    assert_int_equal(get_version(DOMID_SELF), 1);
    world.allocations_before_failure = -1;
    assert_int_equal(set_version(2), 0);
    for (int i = 0; i < 9; i++) {
        world.allocations_before_failure = i;
        assert_int_equal(setup_table(DOMID_SELF, 9, list),
                         i < 4 ? GNTST_general_error : GNTST_okay);
    }
}

/* The whole life of a table, with memory running out one allocation later each time. */
static void test_out_of_memory(void **state)
{
    mfn_t page = world_page(dom1);
    bool complete = false;

    (void)state;
    for (int n = 0; n < 40 && !complete; n++) {
        struct gnttab_map_grant_ref a[4];
        uint64_t list[8];
        unsigned int made = 0;

        world_be(dom1, 0);
        world.allocations_before_failure = n;
        complete = setup_table(DOMID_SELF, 8, list) == GNTST_okay && set_version(2) == 0;
        table = (union grant_entry_v2 *)table1;
        if (complete)
            for (grant_ref_t ref = 8; ref < 256; ref++)
                give_v2(ref, 0, page, 0);
        world_be(dom0, 0);
        for (unsigned int i = 0; i < 4; i++) {
            a[i] = map(1, 8 + i * 70, GNTMAP_host_map);
            made += a[i].status == GNTST_okay;
        }
        assert_int_equal(world.frame[page.v].writers, made);
        complete &= made == 4;
        for (unsigned int i = 0; i < 4; i++)
            if (a[i].status == GNTST_okay)
                assert_int_equal(unmap(a[i].handle, a[i].host_addr, 0), GNTST_okay);
        world_be(dom1, 0);
        assert_int_equal(set_version(1), 0);
    }
    assert_true(complete);
    assert_int_equal(world.frame[page.v].refs, 1);
}

static void test_swap(void **state)
{
    struct gnttab_swap_grant_ref s = { .ref_a = 9, .ref_b = 255 };
    mfn_t page = world_page(dom1);

    (void)state;
    go_over();
    give_part(9, 0, page, 5, 6);
    world_be(dom1, 0);
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_okay);
    assert_int_equal(table[9].hdr.flags, 0);
    assert_int_equal(table[255].sub_page.page_off, 5);
    assert_int_equal(table[255].sub_page.frame, page.v);
    s.ref_b = 256;
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_bad_gntref);
}

const struct CMUnitTest tests_v2[] = {
    T(version),    T(switch),       T(switch_in_use), T(map),           T(part),
    T(transitive), T(granter_dies), T(no_memory),     T(out_of_memory), T(swap),
};
const size_t nr_tests_v2 = ARRAY_SIZE(tests_v2);
