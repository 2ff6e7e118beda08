/*
 * Grant abuse: references, frames, handles and counts that make no sense; taking back what is still
 * mapped; a page table mapped writable by way of a grant.
 */
#include "pv.h"

#define MAP_VA 0xffffffffa0000000ul
#define REF    20

static struct grant_entry_v1 *table;

static void offer(unsigned long frame, uint16_t flags)
{
    table[REF].domid = (domid_t)guest_domid();
    table[REF].frame = (uint32_t)frame;
    __atomic_store_n(&table[REF].flags, GTF_permit_access | flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map_at(uint64_t where, uint32_t flags)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = where, .ref = REF, .flags = flags, .dom = (domid_t)guest_domid()
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

static void check_frames(void)
{
    for (int level = 1; level <= 4; level++) {
        offer(pte_machine(MAP_VA, level) >> PAGE_SHIFT, 0);
        refused(map_at(MAP_VA, GNTMAP_host_map).status, "an L%d table, writable", level);
    }
    offer(0xffffffff, 0);
    refused(map_at(MAP_VA, GNTMAP_host_map).status, "no frame");
    offer(1, 0);
    refused(map_at(MAP_VA, GNTMAP_host_map).status, "low memory");
    offer(0xfee00, 0);
    refused(map_at(MAP_VA, GNTMAP_host_map).status, "the local APIC");
    ok(try_read((void *)MAP_VA, NULL).vector == VECTOR_PF, "nothing is mapped");
}

static void check_addresses(void)
{
    static const uint64_t wild[] = { HYPERVISOR_VIRT_START, 0xffff830000000000, 0x800000000000,
                                     0x8000000000000000,    0x100000000000,     0 };
    void *page = alloc_page();

    offer(virt_to_mfn(page), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
        refused(map_at(wild[i], GNTMAP_host_map).status, "a mapping at %lx", wild[i]);
        refused(map_at(wild[i], GNTMAP_host_map | GNTMAP_contains_pte).status,
                "a mapping by an entry at %lx", wild[i]);
    }
    refused(map_at(((uint64_t)root_mfn() << PAGE_SHIFT) + 8, GNTMAP_host_map | GNTMAP_contains_pte)
                .status,
            "a mapping by an entry of the root");
    refused(map_at(pte_machine(MAP_VA, 1) + 4, GNTMAP_host_map | GNTMAP_contains_pte).status,
            "a mapping by an odd entry");
    refused(map_at(virt_to_mfn(page) << PAGE_SHIFT, GNTMAP_host_map | GNTMAP_contains_pte).status,
            "a mapping by an entry in data");
    refused(map_at(MAP_VA, 0).status, "a mapping of no kind");
}

static void check_handles(void)
{
    void *page = alloc_page();
    struct gnttab_map_grant_ref op;

    offer(virt_to_mfn(page), 0);
    op = map_at(MAP_VA, GNTMAP_host_map);
    if (!is(op.status, GNTST_okay, "a good mapping"))
        return;
    refused(unmap(MAP_VA, 0xffffffff), "unmapping a wild handle");
    refused(unmap(MAP_VA, op.handle + 1), "unmapping the next handle");
    refused(unmap(MAP_VA + PAGE_SIZE, op.handle), "unmapping at another address");
    refused(unmap(HYPERVISOR_VIRT_START, op.handle), "unmapping in the hypervisor");
    refused(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), "a granted page is no table");
    page_protect(page, PTE_LEAF_RO);
    refused(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), "nor after its own mapping is gone");
    table[REF].flags = 0;
    table[REF].frame = 0;
    ok(try_write((void *)MAP_VA, 8).vector == NO_FAULT, "taking back the entry does not unmap");
    is(unmap(MAP_VA, op.handle), GNTST_okay, "unmap");
    refused(unmap(MAP_VA, op.handle), "not twice");
    is(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0, "now it can be a table");
    is(mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0, "and stop being one");
    page_protect(page, PTE_LEAF);
}

/* The mapping is overwritten behind the hypervisor's back, then unmapped by its handle. */
static void check_stolen_mapping(void)
{
    void *page = alloc_page(), *other = alloc_page();
    struct gnttab_map_grant_ref op;
    long ret;

    offer(virt_to_mfn(page), 0);
    op = map_at(MAP_VA, GNTMAP_host_map);
    is(op.status, GNTST_okay, "a good mapping");
    ret = update_va(MAP_VA, make_pte(virt_to_mfn(other), PTE_LEAF), UVMF_INVLPG);
    note("overwriting it returns %ld, unmapping it then %d", ret, unmap(MAP_VA, op.handle));
    update_va(MAP_VA, 0, UVMF_INVLPG);
    ok(page_protect(page, PTE_LEAF_RO) == 0, "the page is still ours");
}

static void check_counts(void)
{
    static struct gnttab_map_grant_ref many[64];
    static struct gnttab_copy copies[64];
    unsigned int good = 0;
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1000000 };
    struct gnttab_set_version version = { .version = 77 };
    xen_pfn_t frame;

    set_xen_guest_handle(setup.frame_list, &frame);
    grant_op(GNTTABOP_setup_table, &setup, 1);
    refused(setup.status, "a million frames");
    setup.nr_frames = 1;
    setup.dom = 999;
    grant_op(GNTTABOP_setup_table, &setup, 1);
    refused(setup.status, "another domain's table");
    refused(grant_op(GNTTABOP_set_version, &version, 1), "version 77");
    refused(grant_op(GNTTABOP_map_grant_ref, many, 0xffffffff), "4 billion mappings");
    refused(grant_op(GNTTABOP_map_grant_ref, (void *)HYPERVISOR_VIRT_START, 1),
            "mappings listed in the hypervisor");
    random_seed(option("seed", 1));
    for (int round = 0; round < 200; round++) {
        for (unsigned int i = 0; i < 64; i++) {
            many[i] = (struct gnttab_map_grant_ref){ .host_addr = random_next() & random_next(),
                                                     .flags = (uint32_t)random_next() &
                                                              ~GNTMAP_device_map,
                                                     .ref = (grant_ref_t)(100 + random_below(1000)),
                                                     .dom = (domid_t)random_below(4) };
            copies[i].source.u.ref = (grant_ref_t)random_next();
            copies[i].dest.u.gmfn = random_next() >> random_below(64);
            copies[i].source.domid = (domid_t)random_below(3);
            copies[i].dest.domid = (domid_t)(1 + random_below(3));
            copies[i].len = (uint16_t)random_next();
            copies[i].flags = GNTCOPY_source_gref;
        }
        grant_op(GNTTABOP_map_grant_ref, many, 64);
        grant_op(GNTTABOP_copy, copies, 64);
        for (unsigned int i = 0; i < 64; i++)
            good += many[i].status == GNTST_okay;
    }
    is(good, 0, "none of 12800 random mappings was made");
}

void guest_main(void)
{
    ensure_tables(MAP_VA);
    table = grant_table_map(1);
    if (!ok(table != NULL, "setup_table"))
        return;
    check_frames();
    check_addresses();
    check_handles();
    check_stolen_mapping();
    check_counts();
}
