/*
 * Entries of the higher levels that point where they must not: at data, at tables of another level,
 * at other domains, with reserved bits, in the hypervisor's slots, at themselves.
 */
#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul

static void check_wrong_targets(void)
{
    unsigned long data = virt_to_mfn(alloc_page());
    static const int levels[] = { 2, 3, 4 };

    for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
        int level = levels[i];
        /* A free entry of that level. */
        uint64_t va = level == 2   ? SPARE_VA + (2ul << 20)
                      : level == 3 ? SPARE_VA - (1ul << 30) - (1ul << 30)
                                   : 0x100000000000;
        uint64_t entry = pte_machine(va, level);

        refused(mmu_write(entry, make_pte(data, PTE_TABLE)), "an L%d entry to writable data",
                level);
        for (int other = 1; other <= 4; other++) {
            unsigned long table = pte_machine(SPARE_VA, other) >> PAGE_SHIFT;

            if (other == level - 1 || other == level)
                continue;
            refused(mmu_write(entry, make_pte(table, PTE_TABLE)), "an L%d entry to an L%d table",
                    level, other);
        }
        refused(mmu_write(entry, make_pte(0xfffffffff, PTE_TABLE)), "an L%d entry to no frame",
                level);
        refused(mmu_write(entry, make_pte(1, PTE_TABLE)), "an L%d entry to low memory", level);
        refused(mmu_write(entry, make_pte(0xfee00, PTE_TABLE)), "an L%d entry to the APIC", level);
        if (level > 2)
            refused(mmu_write(entry, make_pte(data, PTE_TABLE | PTE_PSE)),
                    "an L%d entry with the PS bit", level);
        is((long)*pte_of(va, level), 0, "the entry is still empty");
    }
}

static void check_bits(void)
{
    unsigned long data = virt_to_mfn(alloc_page());

    for (int bit = 48; bit < 52; bit++)
        refused(update_va(SPARE_VA, make_pte(data, PTE_LEAF) | 1ul << bit, UVMF_INVLPG),
                "an address bit that the machine has not, %d", bit);
    /* Available bits may be kept or refused, but must not turn into anything else. */
    for (int bit = 52; bit < 63; bit++) {
        long ret = update_va(SPARE_VA, make_pte(data, PTE_LEAF) | 1ul << bit, UVMF_INVLPG);
        uint64_t value;

        ok(ret < 0 || try_read((void *)SPARE_VA, &value).vector == NO_FAULT,
           "bit %d is refused or harmless", bit);
    }
    update_va(SPARE_VA, 0, UVMF_INVLPG);
}

static void check_hypervisor_slots(void)
{
    pte_t *root = alloc_page();
    unsigned long mfn = virt_to_mfn(root), l3 = pte_machine(SPARE_VA, 3) >> PAGE_SHIFT;
    unsigned int kept = 0, live = 0;

    for (unsigned int slot = 256; slot < 272; slot++) {
        uint64_t entry = ((uint64_t)root_mfn() << PAGE_SHIFT) + slot * 8;

        live += mmu_write(entry, make_pte(l3, PTE_TABLE)) < 0;
        live += mmu_write(entry, 0) < 0;
        root[slot] = make_pte(l3, PTE_TABLE);
    }
    is(live, 32, "no hypervisor slot of the live root can be written");
    page_protect(root, PTE_LEAF_RO);
    if (mmuext(MMUEXT_PIN_L4_TABLE, mfn) == 0) {
        for (unsigned int slot = 256; slot < 272; slot++)
            kept += pte_mfn(root[slot]) == l3;
        is(kept, 0, "a root pinned with forged slots has them replaced");
        is(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
    } else {
        ok(true, "a root with forged slots is refused");
    }
}

static void check_recursion(void)
{
    uint64_t entry = ((uint64_t)root_mfn() << PAGE_SHIFT) + 100 * 8;
    uint64_t own = 100ul << 39 | 100ul << 30 | 100ul << 21 | 100ul << 12 | 100ul << 3;
    uint64_t value = 0;

    refused(mmu_write(entry, make_pte(root_mfn(), PTE_TABLE)), "a writable linear mapping");
    if (mmu_write(entry, make_pte(root_mfn(), PTE_TABLE & ~PTE_RW)) == 0) {
        is(try_read((void *)own, &value).vector, NO_FAULT, "a read-only one is readable");
        is((long)pte_mfn(value), (long)root_mfn(), "at the root's own entry");
        is(try_write((void *)own, 0).vector, VECTOR_PF, "and not writable");
        is(mmu_write(entry, 0), 0, "and can be removed");
    } else {
        ok(true, "so is a read-only one");
    }
}

/* Tables full of noise: none may be accepted with an entry that maps what is not ours. */
static void check_noise(void)
{
    static const unsigned int pin[] = { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                        MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE };
    pte_t *table = alloc_page();
    unsigned int accepted = 0, writable_again = 0;

    random_seed(option("seed", 1));
    for (unsigned int round = 0; round < 200; round++) {
        page_protect(table, PTE_LEAF);
        for (int i = 0; i < 512; i++)
            table[i] = random_next() | PTE_P;
        page_protect(table, PTE_LEAF_RO);
        accepted += mmuext(pin[round % 4], virt_to_mfn(table)) == 0;
        writable_again += page_protect(table, PTE_LEAF) == 0;
    }
    is(accepted, 0, "no table of noise is accepted");
    is(writable_again, 200, "none leaves a type behind");
}

/* A table that fails at its last entry must give back what its first ones took. */
static void check_rollback(void)
{
    pte_t *table = alloc_page();
    void *page = alloc_page();

    page_protect(page, PTE_LEAF_RO);
    for (int i = 0; i < 511; i++)
        table[i] = make_pte(virt_to_mfn(page), PTE_LEAF);
    table[511] = make_pte(root_mfn(), PTE_LEAF);
    page_protect(table, PTE_LEAF_RO);
    refused(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)), "a table bad at its end");
    is(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0, "the page it mapped has no use left");
    is(mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0, "unpin it");
    is(page_protect(table, PTE_LEAF), 0, "the table is data again");
}

static void check_addresses(void)
{
    uint64_t entry = pte_machine(SPARE_VA, 1);

    for (unsigned int low = 4; low < 8; low++)
        refused(mmu_write(entry | low, 0), "an update at an entry's byte %u", low);
    refused(mmu_write(0xfffffffffffff000, 0), "an update at no address");
    refused(mmu_write(0x1000, 0), "an update of low memory");
    refused(mmu_write((uint64_t)0xfffffffff << PAGE_SHIFT, 0), "an update at no frame");
    refused(update_va(HYPERVISOR_VIRT_START, 0, UVMF_INVLPG), "unmapping the M2P");
    refused(update_va(HYPERVISOR_VIRT_END - PAGE_SIZE, 0, UVMF_INVLPG), "unmapping the hypervisor");
    refused(update_va(0x800000000000, 0, UVMF_INVLPG), "unmapping a non-canonical address");
}

void guest_main(void)
{
    ensure_tables(SPARE_VA);
    check_wrong_targets();
    check_bits();
    check_hypervisor_slots();
    check_recursion();
    check_noise();
    check_rollback();
    check_addresses();
}
