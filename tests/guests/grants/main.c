/*
 * Grant table version 1, both ends in one domain: a page is offered, mapped, seen, unmapped,
 * copied.
 */
#include "pv.h"

#define MAP_VA    0xffffffffa0000000ul
#define REF       10
#define OTHER_REF 11

static struct grant_entry_v1 *table;

static void offer(unsigned int ref, void *page, uint16_t flags)
{
    table[ref].domid = (domid_t)guest_domid();
    table[ref].frame = (uint32_t)virt_to_gfn(page);
    __atomic_store_n(&table[ref].flags, GTF_permit_access | flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map(uint64_t where, unsigned int ref, uint32_t flags)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = where, .ref = ref, .flags = flags, .dom = (domid_t)guest_domid()
    };

    if (grant_op(GNTTABOP_map_grant_ref, &op, 1))
        op.status = -100;
    return op;
}

static int unmap(uint64_t where, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = where, .handle = handle };

    return grant_op(GNTTABOP_unmap_grant_ref, &op, 1) ? -100 : op.status;
}

static void check_table(void)
{
    struct gnttab_query_size size = { .dom = DOMID_SELF };
    struct gnttab_get_version version = { .dom = DOMID_SELF };

    table = grant_table_map(1);
    if (!ok(table != NULL, "setup_table"))
        bail("nothing to go on with");
    is(grant_op(GNTTABOP_query_size, &size, 1), 0, "query_size");
    ok(size.status == GNTST_okay && size.nr_frames >= 1 && size.max_nr_frames >= size.nr_frames,
       "%u of %u frames", size.nr_frames, size.max_nr_frames);
    is(grant_op(GNTTABOP_get_version, &version, 1), 0, "get_version");
    is((long)version.version, 1, "it is version 1");
}

static void check_map(void)
{
    uint64_t *page = alloc_page();
    struct gnttab_map_grant_ref op, twice;

    page[0] = 0x5151;
    offer(REF, page, 0);
    ensure_tables(MAP_VA);
    op = map(MAP_VA, REF, GNTMAP_host_map);
    if (!is(op.status, GNTST_okay, "map a grant"))
        return;
    is((long)*(uint64_t *)MAP_VA, 0x5151, "the page is seen");
    *(uint64_t *)MAP_VA = 0x6262;
    is((long)page[0], 0x6262, "and written");
    is(table[REF].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing,
       "the entry says that it is in use");
    twice = map(MAP_VA + PAGE_SIZE, REF, GNTMAP_host_map | GNTMAP_readonly);
    is(twice.status, GNTST_okay, "map it again, read-only");
    is(try_write((void *)(MAP_VA + PAGE_SIZE), 1).vector, VECTOR_PF, "which it is");
    is(unmap(MAP_VA + PAGE_SIZE, twice.handle), GNTST_okay, "unmap the second");
    is(unmap(MAP_VA, op.handle), GNTST_okay, "unmap the first");
    is(try_read((void *)MAP_VA, NULL).vector, VECTOR_PF, "it is gone");
    is(table[REF].flags & (GTF_reading | GTF_writing), 0, "and the entry is free");
    ok(unmap(MAP_VA, op.handle) < 0, "it cannot be unmapped again");
}

static void check_map_pte(void)
{
    uint64_t *page = alloc_page();
    uint64_t entry = pte_machine(MAP_VA, 1);
    struct gnttab_map_grant_ref op;

    page[0] = 0x7373;
    offer(REF, page, 0);
    op = map(entry, REF, GNTMAP_host_map | GNTMAP_contains_pte);
    if (is(op.status, GNTST_okay, "map by the machine address of an entry")) {
        is((long)*(uint64_t *)MAP_VA, 0x7373, "the page is seen");
        is(unmap(entry, op.handle), GNTST_okay, "unmap the same way");
    }
}

static void check_readonly(void)
{
    uint64_t *page = alloc_page();

    offer(REF, page, GTF_readonly);
    is(map(MAP_VA, REF, GNTMAP_host_map).status, GNTST_general_error,
       "a read-only grant is not mapped writable");
    table[REF].flags = 0;
    is(map(MAP_VA, REF, GNTMAP_host_map).status, GNTST_general_error,
       "an unused entry is not mapped at all");
    offer(REF, page, 0);
    table[REF].domid = 5;
    is(map(MAP_VA, REF, GNTMAP_host_map).status, GNTST_general_error,
       "nor one that is meant for another domain");
    is(map(MAP_VA, 1000000, GNTMAP_host_map).status, GNTST_bad_gntref,
       "a wild reference is refused");
    table[REF].flags = 0;
}

static struct gnttab_copy copy_op(void *from, void *to)
{
    struct gnttab_copy op = { .len = 100, .flags = GNTCOPY_source_gref };

    op.source.u.ref = REF;
    op.source.domid = (domid_t)guest_domid();
    op.source.offset = 8;
    op.dest.u.gmfn = virt_to_gfn(to);
    op.dest.domid = DOMID_SELF;
    op.dest.offset = 200;
    offer(REF, from, GTF_readonly);
    return op;
}

static void check_copy(void)
{
    uint8_t *from = alloc_page(), *to = alloc_page();
    struct gnttab_copy op;

    memset(from, 0xaa, PAGE_SIZE);
    op = copy_op(from, to);
    is(grant_op(GNTTABOP_copy, &op, 1), 0, "copy from a grant");
    is(op.status, GNTST_okay, "is okay");
    ok(to[199] == 0 && to[200] == 0xaa && to[299] == 0xaa && to[300] == 0, "a hundred bytes");
    op.source.offset = 4000;
    grant_op(GNTTABOP_copy, &op, 1);
    is(op.status, GNTST_bad_copy_arg, "a copy across the end of a page is refused");
    op.source.offset = 0;
    op.flags = GNTCOPY_dest_gref;
    op.source.u.gmfn = virt_to_gfn(to);
    op.source.domid = DOMID_SELF;
    op.dest.u.ref = REF;
    op.dest.domid = (domid_t)guest_domid();
    grant_op(GNTTABOP_copy, &op, 1);
    is(op.status, GNTST_general_error, "a copy into a read-only grant is refused");
    offer(REF, from, 0);
    grant_op(GNTTABOP_copy, &op, 1);
    is(op.status, GNTST_okay, "into a writable one it works");
    is(from[200], 0, "and arrives");
    table[REF].flags = 0;
}

static void check_swap(void)
{
    struct gnttab_swap_grant_ref op = { .ref_a = REF, .ref_b = OTHER_REF };

    table[REF].flags = 0;
    table[OTHER_REF].flags = 0;
    table[REF].frame = 1;
    table[OTHER_REF].frame = 2;
    is(grant_op(GNTTABOP_swap_grant_ref, &op, 1), 0, "swap two entries");
    is(op.status, GNTST_okay, "is okay");
    ok(table[REF].frame == 2 && table[OTHER_REF].frame == 1, "swapped");
}

void guest_main(void)
{
    check_table();
    check_map();
    check_map_pte();
    check_readonly();
    check_copy();
    check_swap();
    is(grant_op(77, table, 1), -XEN_ENOSYS, "an unknown operation is ENOSYS");
}
