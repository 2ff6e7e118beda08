/*
 * Claims of others' memory: every frame of the machine (step=N: every Nth) that is not the guest's
 * own, by every way that names a frame. None may be granted.
 */
#include "pv.h"

#define MAP_VA 0xffffffffa0000000ul
#define REF    20

static unsigned long table_mfn;
static struct grant_entry_v1 *table;
static void *own_page;

/* ---- the ways; each is true if the hypervisor took the frame ---- */

static bool by_reading(unsigned long mfn)
{
    return update_va(MAP_VA, make_pte(mfn, PTE_LEAF_RO), UVMF_INVLPG) == 0;
}

static bool by_writing(unsigned long mfn)
{
    return update_va(MAP_VA, make_pte(mfn, PTE_LEAF), UVMF_INVLPG) == 0;
}

static bool by_entry(unsigned long mfn)
{
    return mmu_write(pte_machine(MAP_VA, 1), make_pte(mfn, PTE_LEAF)) == 0;
}

static bool by_storing(unsigned long mfn)
{
    return mmu_write(mfn << PAGE_SHIFT | MMU_NORMAL_PT_UPDATE, 0) == 0;
}

static bool by_renaming(unsigned long mfn)
{
    return mmu_write(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 77) == 0;
}

static bool by_pinning(unsigned long mfn)
{
    return mmuext(MMUEXT_PIN_L1_TABLE, mfn) == 0 || mmuext(MMUEXT_PIN_L4_TABLE, mfn) == 0;
}

static bool by_unpinning(unsigned long mfn)
{
    return mmuext(MMUEXT_UNPIN_TABLE, mfn) == 0;
}

static bool by_clearing(unsigned long mfn)
{
    return mmuext(MMUEXT_CLEAR_PAGE, mfn) == 0;
}

static bool by_copying(unsigned long mfn)
{
    struct mmuext_op op = { .cmd = MMUEXT_COPY_PAGE,
                            .arg1.mfn = virt_to_mfn(own_page),
                            .arg2.src_mfn = mfn };

    return mmuext_ops(&op, 1, NULL) == 0;
}

/* Frame 0 stands for none. */
static bool by_root(unsigned long mfn)
{
    return mfn && mmuext(MMUEXT_NEW_USER_BASEPTR, mfn) == 0;
}

static bool by_gdt(unsigned long mfn)
{
    return hypercall2(__HYPERVISOR_set_gdt, (unsigned long)&mfn, 512) == 0;
}

static bool by_descriptor(unsigned long mfn)
{
    return hypercall2(__HYPERVISOR_update_descriptor, mfn << PAGE_SHIFT, 0) == 0;
}

static bool by_own_grant(unsigned long mfn)
{
    struct gnttab_map_grant_ref op = { .host_addr = MAP_VA,
                                       .flags = GNTMAP_host_map | GNTMAP_readonly,
                                       .ref = REF,
                                       .dom = (domid_t)guest_domid() };

    table[REF].domid = op.dom;
    table[REF].frame = (uint32_t)mfn;
    __atomic_store_n(&table[REF].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    grant_op(GNTTABOP_map_grant_ref, &op, 1);
    return op.status == GNTST_okay;
}

static bool by_grant_copy(unsigned long mfn)
{
    struct gnttab_copy op = { .source = { .u.gmfn = mfn, .domid = DOMID_SELF },
                              .dest = { .u.gmfn = virt_to_mfn(own_page), .domid = DOMID_SELF },
                              .len = 64 };

    grant_op(GNTTABOP_copy, &op, 1);
    return op.status == GNTST_okay;
}

static bool by_transfer(unsigned long mfn)
{
    struct gnttab_transfer op = { .mfn = mfn, .domid = 0, .ref = 1 };

    grant_op(GNTTABOP_transfer, &op, 1);
    return op.status != GNTST_bad_page; /* all others take the frame away */
}

static bool by_giving_up(unsigned long mfn)
{
    xen_pfn_t frame = mfn;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &frame);
    return memory_op(XENMEM_decrease_reservation, &r) > 0;
}

static bool by_event_words(unsigned long mfn)
{
    struct evtchn_init_control op = { .control_gfn = mfn };

    return event_op(EVTCHNOP_init_control, &op) == 0;
}

static bool by_vcpu_info(unsigned long mfn)
{
    struct vcpu_register_vcpu_info op = { .mfn = mfn };

    return vcpu_op(VCPUOP_register_vcpu_info, 0, &op) == 0;
}

/* In the name of somebody else. */
static bool by_domid(unsigned long mfn)
{
    static const domid_t names[] = { 0, DOMID_IO, DOMID_XEN };
    bool taken = false;

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
        struct mmu_update update = { pte_machine(MAP_VA, 1), make_pte(mfn, PTE_LEAF_RO) };

        taken |=
            hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&update, 1, 0, names[i], 0) == 0;
        taken |= hypercall5(__HYPERVISOR_update_va_mapping_otherdomain, MAP_VA,
                            make_pte(mfn, PTE_LEAF_RO), UVMF_INVLPG, names[i], 0) == 0;
    }
    return taken;
}

static const struct {
    const char *name;
    bool (*try)(unsigned long mfn);
    unsigned int step; /* the slower ones see fewer frames */
} ways[] = {
    { "mapping it", by_reading, 1 },
    { "mapping it writable", by_writing, 1 },
    { "an entry for it", by_entry, 1 },
    { "an entry in it", by_storing, 1 },
    { "its place in the M2P", by_renaming, 1 },
    { "pinning it", by_pinning, 4 },
    { "unpinning it", by_unpinning, 4 },
    { "clearing it", by_clearing, 4 },
    { "copying it", by_copying, 4 },
    { "a root in it", by_root, 4 },
    { "a GDT in it", by_gdt, 4 },
    { "a descriptor in it", by_descriptor, 4 },
    { "granting it", by_own_grant, 4 },
    { "a grant copy from it", by_grant_copy, 4 },
    { "giving it away", by_transfer, 4 },
    { "giving it back", by_giving_up, 4 },
    { "event words in it", by_event_words, 4 },
    { "vcpu_info in it", by_vcpu_info, 4 },
    { "naming its owner", by_domid, 4 },
};

void guest_main(void)
{
    unsigned long step = option("step", 16), end = machine_frames();

    own_page = alloc_page();
    ensure_tables(MAP_VA);
    table = grant_table_map(1);
    table_mfn = pte_mfn(*pte_of((uint64_t)table, 1));
    for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
        unsigned long tried = 0, taken = 0, example = 0;

        for (unsigned long mfn = 0; mfn < end; mfn += step * ways[i].step) {
            if (is_own_frame(mfn) || mfn == table_mfn)
                continue;
            tried++;
            if (ways[i].try(mfn)) {
                taken++;
                example = mfn;
            }
        }
        if (!is((long)taken, 0, "%lu frames of others: %s", tried, ways[i].name))
            note("the last was %lx", example);
    }
    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the hypervisor answers");
}
