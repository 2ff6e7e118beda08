/*
 * One page mapped read-only very often, as a kernel does with its page of zeroes: a process that
 * reads 400 MiB of fresh memory has a hundred thousand mappings of it.
 */
#include "pv.h"

void guest_main(void)
{
    unsigned long tables = option("tables", 200), pinned = 0, unpinned = 0;
    void *page = alloc_page();
    void **list = alloc_page();

    for (unsigned long i = 0; i < tables; i++) {
        pte_t *table = list[i] = alloc_page();

        for (int j = 0; j < 512; j++)
            table[j] = make_pte(virt_to_mfn(page), PTE_LEAF_RO);
        page_protect(table, PTE_LEAF_RO);
        pinned += mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)) == 0;
    }
    is((long)pinned, (long)tables, "%lu read-only mappings of one page", tables * 512);
    for (unsigned long i = 0; i < tables; i++)
        unpinned += mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(list[i])) == 0;
    is((long)unpinned, (long)tables, "all taken back");
    page_protect(page, PTE_LEAF_RO);
    is(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0, "then the page can be a table");
}
