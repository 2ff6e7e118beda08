/*
 * Grant tables: set-up, mapping, unmapping, copying, their refusals, and what happens when a
 * granter plays with its entries or a party dies. References are counted by the world: what a
 * sequence of operations leaves behind makes the test fail at its end.
 */
#include "grant_test.h"

static void test_setup(void **state)
{
    struct gnttab_query_size q = { .dom = DOMID_SELF };
    xen_pfn_t list[80];
    mfn_t m;

    (void)state;
    assert_int_equal(setup_table(DOMID_SELF, 65, list), GNTST_general_error);
    assert_int_equal(setup_table(DOMID_SELF, ~0U, list), GNTST_general_error);
    assert_int_equal(setup_table(7, 1, list), GNTST_bad_domain);
    assert_int_equal(op(GNTTABOP_query_size, &q, 1), 0);
    assert_int_equal(q.status, GNTST_okay);
    assert_int_equal(q.nr_frames, 0);
    assert_int_equal(q.max_nr_frames, 64);
    assert_int_equal(setup_table(DOMID_SELF, 2, list), GNTST_okay);
    assert_int_equal(setup_table(DOMID_SELF, 4, list), GNTST_okay);
    for (unsigned int i = 0; i < 4; i++) {
        assert_int_equal(world.frame[list[i]].owner, 0);
        assert_int_equal(grant_get_shared_frame(dom0, i, &m), 0);
        assert_int_equal(m.v, list[i]);
    }
    assert_int_equal(grant_get_shared_frame(dom0, 63, &m), 0);
    assert_int_equal(grant_get_shared_frame(dom0, 64, &m), -EINVAL);
    assert_int_equal(grant_get_shared_frame(dom0, 1UL << 31, &m), -EINVAL);
    assert_int_equal(setup_table(1, 1, list), GNTST_okay); /* dom0 may */
    assert_int_equal(op(GNTTABOP_setup_table, &q, 2), -EINVAL);
    assert_int_equal(op(GNTTABOP_query_size, &q, 0), -EINVAL);

    world_be(dom2, 0);
    assert_int_equal(setup_table(1, 1, list), GNTST_permission_denied);
    world.allocations_before_failure = 1;
    assert_int_equal(setup_table(DOMID_SELF, 2, list), GNTST_general_error);
    world.allocations_before_failure = -1;
    assert_int_equal(setup_table(DOMID_SELF, 2, list), GNTST_okay);
    assert_int_equal(grant_set_limits(dom2, 1, 1, 1), -EINVAL); /* has more already */
    assert_int_equal(grant_set_limits(dom2, 65, 1, 1), -EINVAL);
    assert_int_equal(grant_set_limits(dom2, 64, 1025, 1), -EINVAL);
    assert_int_equal(grant_set_limits(dom2, 3, 1, 1), 0);
    assert_int_equal(setup_table(DOMID_SELF, 4, list), GNTST_general_error);
}

static void test_bad_calls(void **state)
{
    char buffer[64] = { 0 };

    (void)state;
    assert_int_equal(op(GNTTABOP_dump_table, buffer, 1), -ENOSYS);
    assert_int_equal(op(13, buffer, 1), -ENOSYS);
    assert_int_equal(op(~0U, buffer, 1), -ENOSYS);
    assert_int_equal(op(GNTTABOP_copy, buffer, 1U << 31), -EINVAL);
    for (unsigned int cmd = 0; cmd <= GNTTABOP_cache_flush; cmd++)
        if (cmd != GNTTABOP_dump_table)
            assert_int_equal(do_grant_table_op(cmd, BAD_POINTER, 1), -EFAULT);
    assert_int_equal(op(GNTTABOP_copy, NULL, 0), 0);
    ((struct gnttab_cache_flush *)buffer)->length = 4097;
    assert_int_equal(op(GNTTABOP_cache_flush, buffer, 1), -EINVAL);
    ((struct gnttab_cache_flush *)buffer)->length = 64;
    assert_int_equal(op(GNTTABOP_cache_flush, buffer, 1), -EOPNOTSUPP);
}

static void test_map(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, b;

    (void)state;
    give(9, 0, page, 0);
    a = map(1, 9, GNTMAP_host_map | GNTMAP_readonly);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(a.dev_bus_addr, page.v << 12);
    assert_int_equal(table1[9].flags, GTF_permit_access | GTF_reading);
    assert_int_equal(world.frame[page.v].refs, 2);
    assert_int_equal(world.frame[page.v].writers, 0);
    b = map(1, 9, GNTMAP_host_map | GNTMAP_device_map | GNTMAP_contains_pte);
    assert_int_equal(b.status, GNTST_okay);
    assert_int_not_equal(a.handle, b.handle);
    assert_int_equal(table1[9].flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(world.frame[page.v].refs, 3);
    assert_int_equal(world.frame[page.v].writers, 1);
    assert_int_equal(dom1->refs, 3);

    assert_int_equal(unmap(b.handle, 0, page.v << 12 | 4096 << 12), GNTST_bad_dev_addr);
    assert_int_equal(unmap(b.handle, b.host_addr, 0), GNTST_okay); /* the device still has it */
    assert_int_equal(table1[9].flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(unmap(b.handle, b.host_addr, b.dev_bus_addr), GNTST_okay);
    assert_int_equal(table1[9].flags, GTF_permit_access | GTF_reading);
    assert_int_equal(unmap(b.handle, b.host_addr, 0), GNTST_bad_handle);
    assert_int_equal(unmap(a.handle, a.host_addr + 4096, 0), GNTST_general_error);
    assert_int_equal(unmap(a.handle, 0, 0), GNTST_okay); /* nothing named, nothing done */
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(table1[9].flags, GTF_permit_access);
    assert_int_equal(world.frame[page.v].refs, 1);
    assert_int_equal(dom1->refs, 1);
    assert_int_equal(nr_mappings, 0);
    assert_int_equal(unmap(~0U, 1, 1), GNTST_bad_handle);
    assert_int_equal(unmap(255, 1, 1), GNTST_bad_handle);
}

static void test_map_refusals(void **state)
{
    mfn_t page = world_page(dom1), theirs = world_page(dom2), table = world_page(dom1);
    struct gnttab_map_grant_ref a;

    (void)state;
    world.frame[table.v].is_table = true;
    give(9, 0, page, 0);
    assert_int_equal(map(1, 9, 0).status, GNTST_bad_gntref); /* no kind of mapping */
    assert_int_equal(map(7, 9, GNTMAP_host_map).status, GNTST_bad_domain);
    assert_int_equal(map(1, 512, GNTMAP_host_map).status, GNTST_bad_gntref);
    assert_int_equal(map(1, ~0U, GNTMAP_host_map).status, GNTST_bad_gntref);
    assert_int_equal(map(2, 0, GNTMAP_host_map).status, GNTST_bad_gntref); /* has no table */
    assert_int_equal(map(1, 10, GNTMAP_host_map).status, GNTST_general_error);
    give(9, 2, page, 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    give(9, 0, page, GTF_readonly);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    give(9, 0, page, GTF_sub_page);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    give(9, 0, page, GTF_accept_transfer);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    give(9, 0, theirs, 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_page);
    give(9, 0, mfn(0xffffffff), 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_page);
    give(9, 0, table, 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    assert_int_equal(table1[9].flags, GTF_permit_access); /* no mark left */
    a = map(1, 9, GNTMAP_host_map | GNTMAP_readonly);     /* reading a page table is fine */
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    assert_int_equal(table1[9].flags, GTF_permit_access | GTF_reading);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    give(9, 0, page, 0);
    map_fails = -EINVAL;
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    assert_int_equal(table1[9].flags, GTF_permit_access);
    assert_int_equal(dom1->refs, 1);
}

static void test_map_faults(void **state)
{
    struct gnttab_map_grant_ref a = {
        .host_addr = 0x5000, .flags = GNTMAP_host_map, .ref = 9, .dom = 1
    };
    mfn_t page = world_page(dom1);

    (void)state;
    give(9, 0, page, 0);
    world.copies_to_before_fault = 0; /* the guest never learns its handle */
    assert_int_equal(op(GNTTABOP_map_grant_ref, &a, 1), -EFAULT);
    world.copies_to_before_fault = -1;
    assert_int_equal(table1[9].flags, GTF_permit_access);
    assert_int_equal(nr_mappings, 0);
    world.allocations_before_failure = 0;
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_okay); /* what is needed is there */
    world_be(dom0, 1);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_okay); /* from the other's list */
    world_be(dom2, 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_no_space); /* has none yet */
    world.allocations_before_failure = 1;
    give(300, 2, page, 0);
    assert_int_equal(map(1, 300, GNTMAP_host_map).status, GNTST_no_space); /* no active entries */
    world.allocations_before_failure = -1;
    assert_int_equal(map(1, 300, GNTMAP_host_map).status, GNTST_okay);
}

/* The granter changes its entry as soon as it sees that it is used. */
static void change_entry(void)
{
    table1[9].domid = 2;
    table1[9].frame = 1;
    table1[9].flags = GTF_invalid;
}

static void test_entry_changes(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, b;

    (void)state;
    give(9, 0, page, 0);
    on_map = change_entry;
    a = map(1, 9, GNTMAP_host_map);
    assert_int_equal(a.status, GNTST_okay);
    b = map(1, 9, GNTMAP_host_map); /* one writer more: by what was pinned */
    assert_int_equal(b.status, GNTST_okay);
    assert_int_equal(b.dev_bus_addr, page.v << 12);
    on_map = NULL;
    world_be(dom2, 0);
    give(9, 2, page, 0);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_general_error);
    world_be(dom0, 0);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(unmap(b.handle, b.host_addr, 0), GNTST_okay);
    assert_int_equal(table1[9].flags, GTF_permit_access);
}

static void test_saturation(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a = { .flags = GNTMAP_device_map | GNTMAP_readonly,
                                      .ref = 9,
                                      .dom = 1 };
    unsigned int n;

    (void)state;
    give(9, 0, page, 0);
    for (n = 0; n < 70000; n++) {
        a.status = 99;
        assert_int_equal(op(GNTTABOP_map_grant_ref, &a, 1), 0);
        if (a.status)
            break;
    }
    assert_int_equal(n, 65535);
    assert_int_equal(a.status, GNTST_no_space);
    a.flags = GNTMAP_device_map; /* writers are counted apart */
    assert_int_equal(op(GNTTABOP_map_grant_ref, &a, 1), 0);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(world.frame[page.v].refs, 1 + 65535 + 1);
}

static void test_handles_run_out(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, last = { .status = 99 };
    unsigned int n = 0;

    (void)state;
    assert_int_equal(grant_set_limits(dom0, 1, 2, 1), 0);
    give(9, 0, page, 0);
    world_be(dom0, 1);
    while ((a = map(1, 9, GNTMAP_device_map)).status == GNTST_okay) {
        last = a;
        world_be(dom0, n++ % 2);
    }
    assert_int_equal(n, 512);
    assert_int_equal(a.status, GNTST_no_space);
    assert_int_equal(world.frame[page.v].writers, 512);
    assert_int_equal(unmap(last.handle, 0, last.dev_bus_addr), GNTST_okay);
    assert_int_equal(map(1, 9, GNTMAP_device_map).status, GNTST_okay);
}

static void test_replace(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_unmap_and_replace r = { .new_addr = 0x7000, .status = 99 };
    struct gnttab_map_grant_ref a;

    (void)state;
    give(9, 0, page, 0);
    a = map(1, 9, GNTMAP_host_map);
    r.handle = a.handle;
    r.host_addr = a.host_addr;
    assert_int_equal(op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    assert_int_equal(r.status, GNTST_okay);
    assert_int_equal(last_new_addr, 0x7000);
    assert_int_equal(table1[9].flags, GTF_permit_access);
}

/* Batches: one flush for many, preemption in between, nothing given back before the flush. */
static void test_batches(void **state)
{
    struct gnttab_map_grant_ref a[100];
    struct gnttab_unmap_grant_ref u[100];
    mfn_t page = world_page(dom1);

    (void)state;
    give(9, 0, page, 0);
    for (unsigned int i = 0; i < 100; i++)
        a[i] = (struct gnttab_map_grant_ref){
            .host_addr = 0x100000 + i * 0x1000UL, .flags = GNTMAP_host_map, .ref = 9, .dom = 1
        };
    assert_int_equal(op(GNTTABOP_map_grant_ref, a, 100), 0);
    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal(a[i].status, GNTST_okay);
        u[i] = (struct gnttab_unmap_grant_ref){ .host_addr = a[i].host_addr,
                                                .handle = a[i].handle,
                                                .status = 99 };
    }
    world.tlb_syncs = 0;
    assert_int_equal(op(GNTTABOP_unmap_grant_ref, u, 100), 0);
    assert_int_equal(world.tlb_syncs, 4); /* 32 at a time */
    for (unsigned int i = 0; i < 100; i++)
        assert_int_equal(u[i].status, GNTST_okay);
    assert_int_equal(op(GNTTABOP_map_grant_ref, a, 100), 0);
    for (unsigned int i = 0; i < 100; i++)
        u[i].handle = a[i].handle;
    u[50].handle = 12345;
    world.work_before_preemption = 10;
    world.continued.set = false;
    assert_int_equal(do_grant_table_op(GNTTABOP_unmap_grant_ref, G(u), 100),
                     __HYPERVISOR_grant_table_op);
    assert_true(world.continued.set);
    assert_int_equal(world.continued.args[2], 89);
    assert_int_equal(world.continued.args[1], (uintptr_t)&u[11]);
    assert_int_equal(world.frame[page.v].writers, 89);
    world.work_before_preemption = -1;
    assert_int_equal(op(GNTTABOP_unmap_grant_ref, &u[11], 89), 0);
    assert_int_equal(u[50].status, GNTST_bad_handle);
    assert_int_equal(world.frame[page.v].writers, 1);
    u[50].handle = a[50].handle;
    assert_int_equal(op(GNTTABOP_unmap_grant_ref, &u[50], 1), 0);
    assert_int_equal(nr_mappings, 0);
}

/* ---- copying ---- */

static struct gnttab_copy copy_op(mfn_t from, grant_ref_t to)
{
    return (struct gnttab_copy){
        .source = { .u.gmfn = from.v, .domid = DOMID_SELF, .offset = 100 },
        .dest = { .u.ref = to, .domid = 1, .offset = 200 },
        .len = 300,
        .flags = GNTCOPY_dest_gref,
        .status = 99,
    };
}

static int copy(struct gnttab_copy *c)
{
    assert_int_equal(op(GNTTABOP_copy, c, 1), 0);
    return c->status;
}

static void test_copy(void **state)
{
    mfn_t page = world_page(dom1), mine = world_page(dom0), theirs = world_page(dom2);
    struct gnttab_copy c = copy_op(mine, 9);
    char *from = mfn_to_virt(mine), *to = mfn_to_virt(page);

    (void)state;
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        from[i] = (char)(i * 7);
    give(9, 0, page, 0);
    assert_int_equal(copy(&c), GNTST_okay);
    assert_memory_equal(to + 200, from + 100, 300);
    assert_int_equal(to[199], 0);
    assert_int_equal(to[500], 0);
    assert_int_equal(table1[9].flags, GTF_permit_access);

    /* Back again, from the grant to our own. */
    memset(from, 0, PAGE_SIZE);
    c = (struct gnttab_copy){
        .source = { .u.ref = 9, .domid = 1, .offset = 0 },
        .dest = { .u.gmfn = mine.v, .domid = DOMID_SELF, .offset = 0 },
        .len = 4096,
        .flags = GNTCOPY_source_gref,
    };
    give(9, 0, page, GTF_readonly);
    assert_int_equal(copy(&c), GNTST_okay);
    assert_memory_equal(to, from, PAGE_SIZE);

    c = copy_op(mine, 9);
    assert_int_equal(copy(&c), GNTST_general_error); /* read-only now */
    give(9, 0, page, 0);
    c.len = 4097 - 200;
    assert_int_equal(copy(&c), GNTST_bad_copy_arg);
    c.len = 65535;
    assert_int_equal(copy(&c), GNTST_bad_copy_arg);
    c = copy_op(mine, 9);
    c.source.offset = 65535;
    assert_int_equal(copy(&c), GNTST_bad_copy_arg);
    c = copy_op(theirs, 9);
    assert_int_equal(copy(&c), GNTST_bad_page);
    c = copy_op(mfn(~0UL), 9);
    assert_int_equal(copy(&c), GNTST_bad_page);
    c = copy_op(mine, 9);
    c.source.domid = 2; /* another's by number */
    assert_int_equal(copy(&c), GNTST_permission_denied);
    c.source.domid = 0; /* nor ours by our id */
    assert_int_equal(copy(&c), GNTST_permission_denied);
    c = copy_op(mine, 9);
    c.dest.domid = 7;
    assert_int_equal(copy(&c), GNTST_bad_domain);
    c = copy_op(mine, 10);
    assert_int_equal(copy(&c), GNTST_general_error);
    c = copy_op(mine, 9000);
    assert_int_equal(copy(&c), GNTST_bad_gntref);
    world.frame[mine.v].is_table = true;
    c = (struct gnttab_copy){
        .source = { .u.ref = 9, .domid = 1 },
        .dest = { .u.gmfn = mine.v, .domid = DOMID_SELF },
        .len = 8,
        .flags = GNTCOPY_source_gref,
    };
    assert_int_equal(copy(&c), GNTST_general_error); /* a page table is not written through */
    assert_int_equal(table1[9].flags, GTF_permit_access);
    assert_int_equal(dom1->refs, 1);
}

/* Pieces between the same two frames, others in between, and an overlap. */
static void test_copy_batch(void **state)
{
    mfn_t page = world_page(dom1), other = world_page(dom1), mine = world_page(dom0);
    struct gnttab_copy c[4] = { copy_op(mine, 9), copy_op(mine, 9), copy_op(mine, 10),
                                copy_op(mine, 9) };
    char *from = mfn_to_virt(mine);

    (void)state;
    give(9, 0, page, 0);
    give(10, 0, other, 0);
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        from[i] = (char)(i * 13);
    c[1].dest.offset = 1000;
    c[3].dest.offset = 2000;
    assert_int_equal(op(GNTTABOP_copy, c, 4), 0);
    for (unsigned int i = 0; i < 4; i++) {
        mfn_t to = c[i].dest.u.ref == 9 ? page : other;

        assert_int_equal(c[i].status, GNTST_okay);
        assert_memory_equal((char *)mfn_to_virt(to) + c[i].dest.offset, from + 100, 300);
    }
    world.work_before_preemption = 1;
    assert_int_equal(do_grant_table_op(GNTTABOP_copy, G(c), 4), __HYPERVISOR_grant_table_op);
    assert_int_equal(table1[9].flags, GTF_permit_access); /* nothing held meanwhile */
    world.work_before_preemption = -1;
    world.copies_to_before_fault = 1;
    assert_int_equal(op(GNTTABOP_copy, c, 4), -EFAULT);
    world.copies_to_before_fault = -1;
    assert_int_equal(table1[9].flags, GTF_permit_access);

    world_be(dom1, 0);
    c[0] = (struct gnttab_copy){
        .source = { .u.gmfn = page.v, .domid = DOMID_SELF, .offset = 0 },
        .dest = { .u.gmfn = page.v, .domid = DOMID_SELF, .offset = 1 },
        .len = 1000,
    };
    memcpy(mfn_to_virt(page), from, PAGE_SIZE);
    assert_int_equal(copy(&c[0]), GNTST_okay);
    assert_memory_equal((char *)mfn_to_virt(page) + 1, from, 1000);

    /* A frame and a grant of the same number. */
    give((grant_ref_t)page.v, 1, other, 0);
    c[0].dest.offset = 2000;
    c[1] = c[0];
    c[1].source.u.ref = (grant_ref_t)page.v;
    c[1].flags = GNTCOPY_source_gref;
    memset(mfn_to_virt(other), 0x55, PAGE_SIZE);
    assert_int_equal(op(GNTTABOP_copy, c, 2), 0);
    assert_int_equal(c[1].status, GNTST_okay);
    assert_int_equal(((char *)mfn_to_virt(page))[2000], 0x55);
}

static void test_swap(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_swap_grant_ref s = { .ref_a = 9, .ref_b = 400 };
    struct gnttab_map_grant_ref a;

    (void)state;
    give(9, 0, page, 0);
    world_be(dom1, 0);
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_okay);
    assert_int_equal(table1[9].flags, 0);
    assert_int_equal(table1[400].frame, page.v);
    s.ref_b = 512;
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_bad_gntref);
    s.ref_a = s.ref_b = 400;
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_okay);
    world_be(dom0, 0);
    a = map(1, 400, GNTMAP_host_map);
    assert_int_equal(a.status, GNTST_okay);
    world_be(dom1, 0);
    s.ref_a = 9;
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, GNTST_eagain);
}

/* ---- death ---- */

static void test_granter_dies(void **state)
{
    mfn_t page = world_page(dom1);
    struct gnttab_map_grant_ref a, b;

    (void)state;
    give(9, 0, page, 0);
    a = map(1, 9, GNTMAP_host_map);
    b = map(1, 9, GNTMAP_host_map | GNTMAP_readonly);
    world_kill(dom1);
    assert_int_equal(map(1, 9, GNTMAP_host_map).status, GNTST_bad_domain);
    assert_int_equal(dom1->refs, 3); /* our handles keep it */
    memset(table1, 0xff, PAGE_SIZE); /* the table is someone else's memory now */
    assert_int_equal(world.frame[page.v].refs, 3);
    assert_int_equal(unmap(a.handle, a.host_addr, 0), GNTST_okay);
    assert_int_equal(unmap(b.handle, b.host_addr, 0), GNTST_okay);
    assert_int_equal(dom1->refs, 1);
    for (unsigned int i = 0; i < 512; i++)
        assert_int_equal(table1[i].flags, 0xffff);
    assert_int_equal(setup_table(1, 2, NULL), GNTST_general_error);
}

static void test_grantee_dies(void **state)
{
    mfn_t page = world_page(dom1);

    (void)state;
    give(9, 2, page, 0);
    world_be(dom2, 0);
    for (unsigned int i = 0; i < 1000; i++)
        assert_int_equal(
            map(1, 9, i % 2 ? GNTMAP_host_map : GNTMAP_device_map | GNTMAP_readonly).status,
            GNTST_okay);
    world_be(dom0, 0);
    world.work_before_preemption = 1;
    world_kill(dom2);
    assert_int_equal(table1[9].flags, GTF_permit_access);
    assert_int_equal(world.frame[page.v].refs, 1);
    assert_int_equal(dom1->refs, 1);
}

static void test_print(void **state)
{
    (void)state;
    give(9, 0, world_page(dom1), 0);
    map(1, 9, GNTMAP_device_map);
    grant_print(dom1);
    grant_print(dom0);
}

/*
 * A thousand steps of everything, by both, with entries that change at random and copies that
 * fault. The model is the table of handles: what they say must be what frames and entries count.
 */
static void test_random(void **state)
{
    struct gnttab_map_grant_ref held[200];
    unsigned int nr_held = 0;
    mfn_t pages[16];

    (void)state;
    srand(5);
    for (unsigned int i = 0; i < 16; i++)
        pages[i] = world_page(dom1);
    pages[3] = world_page(dom2); /* not its to give */
    world.frame[pages[4].v].is_table = true;
    for (unsigned int step = 0; step < 60000; step++) {
        grant_ref_t ref = (grant_ref_t)rand() % 24;

        world_be(dom0, (unsigned int)rand() % 2);
        map_fails = rand() % 16 == 0 ? -EINVAL : 0;
        world.copies_to_before_fault = rand() % 16 == 0 ? 0 : -1;
        switch (rand() % 8) {
        case 0:
            if (!(table1[ref].flags & (GTF_reading | GTF_writing)))
                give(ref, rand() % 4 ? 0 : 2, pages[rand() % 16],
                     rand() % 4 ? 0 : (unsigned int)rand() & (GTF_readonly | 3));
            break;
        case 1:
        case 2:
        case 3: {
            struct gnttab_map_grant_ref a = {
                .host_addr = fresh_address(),
                .flags = (unsigned int)rand() % 8,
                .ref = ref,
                .dom = 1,
                .status = 99,
            };
            long rc = nr_held < 200 ? op(GNTTABOP_map_grant_ref, &a, 1) : -1;

            if (rc == 0 && a.status == GNTST_okay)
                held[nr_held++] = a;
            break;
        }
        case 4: {
            unsigned int k = nr_held ? (unsigned int)rand() % nr_held : 0;

            world.copies_to_before_fault = -1;
            if (nr_held && unmap(held[k].handle, held[k].host_addr, held[k].dev_bus_addr) == 0)
                held[k] = held[--nr_held];
            break;
        }
        default: {
            struct gnttab_copy c = copy_op(pages[rand() % 16], ref);

            c.flags = (uint16_t)(rand() % 4);
            c.source.domid = rand() % 2 ? 1 : DOMID_SELF;
            c.source.u.ref = (grant_ref_t)rand() % 24;
            (void)op(GNTTABOP_copy, &c, 1);
            break;
        }
        }
        if (step % 500)
            continue;
        for (unsigned int i = 0; i < 16; i++) {
            int refs = 1, writers = 0;

            for (unsigned int k = 0; k < nr_held; k++) {
                bool it = held[k].dev_bus_addr == pages[i].v << 12;

                refs += it;
                writers += it && !(held[k].flags & GNTMAP_readonly);
            }
            assert_int_equal(world.frame[pages[i].v].refs, refs);
            assert_int_equal(world.frame[pages[i].v].writers, writers);
        }
    }
    assert_true(nr_held > 0);
}

const struct CMUnitTest tests_v1[] = {
    T(setup),      T(bad_calls),     T(map),          T(map_refusals),
    T(map_faults), T(entry_changes), T(saturation),   T(handles_run_out),
    T(replace),    T(batches),       T(copy),         T(copy_batch),
    T(swap),       T(granter_dies),  T(grantee_dies), T(print),
    T(random),
};
const size_t nr_tests_v1 = ARRAY_SIZE(tests_v1);
