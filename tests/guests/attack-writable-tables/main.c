/*
 * A guest that could write a live page table could map anything. So it tries to map one writable:
 * every level, every call, large pages, and frames that are not its own.
 */
#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul

static void check_own_tables(void)
{
    static const uint64_t flags[] = { PTE_LEAF, PTE_LEAF | PTE_NX, PTE_LEAF | PTE_G,
                                      PTE_LEAF | PTE_PCD | PTE_PWT, PTE_P | PTE_RW };

    for (int level = 4; level >= 1; level--) {
        unsigned long table = pte_machine(SPARE_VA, level) >> PAGE_SHIFT;
        uint64_t at = (uint64_t)mfn_to_virt(table);
        struct gnttab_copy copy = { .len = 8 };

        for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
            pte_t pte = make_pte(table, flags[i]);

            refused(update_va(SPARE_VA, pte, UVMF_INVLPG), "L%d by update_va_mapping, 0x%lx", level,
                    flags[i]);
            refused(mmu_write(pte_machine(SPARE_VA, 1), pte), "L%d by mmu_update, 0x%lx", level,
                    flags[i]);
        }
        refused(mmu_write(pte_machine(at, 1), make_pte(table, PTE_LEAF)), "L%d where it is mapped",
                level);
        refused(hypercall5(__HYPERVISOR_update_va_mapping_otherdomain, SPARE_VA,
                           make_pte(table, PTE_LEAF), UVMF_INVLPG, 0, 0),
                "L%d as another domain's page", level);
        ok(try_write((void *)at, make_pte(table, PTE_LEAF)).vector == VECTOR_PF,
           "L%d by a store of such an entry: #PF", level);
        refused(mmuext(MMUEXT_CLEAR_PAGE, table), "L%d by clear_page", level);
        copy.source.u.gmfn = copy.dest.u.gmfn = table;
        copy.source.domid = copy.dest.domid = DOMID_SELF;
        copy.dest.offset = 8;
        grant_op(GNTTABOP_copy, &copy, 1);
        refused(copy.status, "L%d by a grant copy", level);
        refused(hypercall2(__HYPERVISOR_update_descriptor, table << PAGE_SHIFT, 0),
                "L%d by update_descriptor", level);
    }
}

static void check_large_pages(void)
{
    unsigned long start = pfn_to_mfn(0) & ~511ul;

    refused(mmu_write(pte_machine(SPARE_VA + (1ul << 30), 3), make_pte(0, PTE_LEAF | PTE_PSE)),
            "a 1 GiB page");
    for (int i = 0; i < 3; i++, start += 512)
        refused(
            mmu_write(pte_machine(SPARE_VA + (2ul << 20), 2), make_pte(start, PTE_LEAF | PTE_PSE)),
            "a 2 MiB page at frame 0x%lx", start);
    refused(update_va(SPARE_VA, make_pte(root_mfn(), PTE_LEAF | PTE_PSE), UVMF_INVLPG),
            "the PAT bit of a small page, on the root");
}

/* What is reported as RAM, above the first MiB, and is not ours, cannot be mapped at all. */
static void check_foreign_frames(void)
{
    unsigned long top = (unsigned long)memory_op(XENMEM_maximum_ram_page, NULL);
    unsigned long mapped = 0, tried = 0, step = top / 40000 + 1;
    struct xen_memory_map map = { .nr_entries = 128 };
    static uint8_t entries[128 * 20];

    set_xen_guest_handle(map.buffer, (void *)entries);
    memory_op(XENMEM_machine_memory_map, &map);
    for (unsigned int i = 0; i < map.nr_entries; i++) {
        uint64_t start, size;
        uint32_t type;

        memcpy(&start, entries + i * 20, 8);
        memcpy(&size, entries + i * 20 + 8, 8);
        memcpy(&type, entries + i * 20 + 16, 4);
        if (type != 1)
            continue;
        for (unsigned long mfn = (start + PAGE_SIZE - 1) >> PAGE_SHIFT;
             mfn < (start + size) >> PAGE_SHIFT; mfn += step) {
            unsigned long pfn = mfn_to_pfn(mfn);

            if (mfn < 256 || mfn == start_info->shared_info >> PAGE_SHIFT ||
                (pfn < guest_pages() && pfn_to_mfn(pfn) == mfn))
                continue;
            tried++;
            if (!update_va(SPARE_VA, make_pte(mfn, PTE_LEAF), UVMF_INVLPG)) {
                if (!mapped++)
                    note("frame 0x%lx was mapped", mfn);
                update_va(SPARE_VA, 0, UVMF_INVLPG);
            }
        }
    }
    is((long)mapped, 0, "none of %lu frames of others could be mapped", tried);
}

void guest_main(void)
{
    ensure_tables(SPARE_VA);
    check_own_tables();
    check_large_pages();
    check_foreign_frames();
    ok(!(*pte_of(SPARE_VA, 1) & PTE_P), "nothing stayed behind");
}
