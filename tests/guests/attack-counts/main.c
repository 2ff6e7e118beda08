/*
 * Reference counts that wrap would free what is still in use. The guest maps one page as often as
 * its memory allows, and lets one table be pointed at from everywhere; then takes all back and sees
 * that the page has no use left.
 */
#include "pv.h"

void guest_main(void)
{
    unsigned long tables = option("tables", 256);
    void *page = alloc_page();
    unsigned long mfn = virt_to_mfn(page), pinned = 0, refusals = 0, linked = 0;
    void **list = alloc_pages((unsigned int)(tables * sizeof(void *) / PAGE_SIZE + 1));
    pte_t *upper = alloc_page();

    page_protect(page, PTE_LEAF_RO);
    for (unsigned long i = 0; i < tables; i++) {
        pte_t *table = list[i] = alloc_page();

        for (int j = 0; j < 512; j++)
            table[j] = make_pte(mfn, PTE_LEAF);
        page_protect(table, PTE_LEAF_RO);
        if (mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)))
            refusals++;
        else
            pinned++;
    }
    ok(pinned > 0, "%lu mappings of one page were made, then %lu tables refused", pinned * 512,
       refusals);
    refused(mmuext(MMUEXT_PIN_L1_TABLE, mfn), "the page is no table while it is mapped writable");

    for (int j = 0; j < 512; j++)
        upper[j] = make_pte(virt_to_mfn(list[0]), PTE_TABLE);
    page_protect(upper, PTE_LEAF_RO);
    is(mmuext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(upper)), 0, "an L2 may point 512 times at one L1");
    refused(mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(upper)), "it is not an L4 as well");
    is(mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(upper)), 0, "unpin it");

    for (unsigned long i = 0; i < tables; i++)
        linked += mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(list[i])) == 0;
    is((long)linked, (long)pinned, "every pinned table is unpinned");
    is(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "now no mapping is left: the page can be a table");
    is(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "and stop being one");
    is(page_protect(page, PTE_LEAF), 0, "and be written again");
}
