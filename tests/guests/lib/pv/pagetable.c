/*
 * Page tables of a PV guest: looked at through the linear map, changed only by asking.
 */
#include "pv.h"

unsigned long root_mfn(void)
{
    return virt_to_mfn((void *)start_info->pt_base);
}

/* Machine address of the entry of `level` for `va`, 0 if a table above it is missing. */
uint64_t pte_machine(uint64_t va, int level)
{
    unsigned long mfn = root_mfn();

    for (int at = 4; at > level; at--) {
        pte_t entry = ((pte_t *)mfn_to_virt(mfn))[pte_index(va, at)];

        if (!(entry & PTE_P) || (entry & PTE_PSE))
            return 0;
        mfn = pte_mfn(entry);
    }
    return (uint64_t)mfn << PAGE_SHIFT | pte_index(va, level) * sizeof(pte_t);
}

pte_t *pte_of(uint64_t va, int level)
{
    uint64_t machine = pte_machine(va, level);

    if (!machine)
        return NULL;
    return (pte_t *)((char *)mfn_to_virt(machine >> PAGE_SHIFT) + machine % PAGE_SIZE);
}

long mmu_update(struct mmu_update *updates, unsigned int count, unsigned int *done)
{
    return hypercall5(__HYPERVISOR_mmu_update, (unsigned long)updates, count, (unsigned long)done,
                      DOMID_SELF, 0);
}

long mmu_write(uint64_t machine_address, uint64_t value)
{
    struct mmu_update update = { .ptr = machine_address | MMU_NORMAL_PT_UPDATE, .val = value };

    return mmu_update(&update, 1, NULL);
}

long mmuext_ops(struct mmuext_op *ops, unsigned int count, unsigned int *done)
{
    return hypercall5(__HYPERVISOR_mmuext_op, (unsigned long)ops, count, (unsigned long)done,
                      DOMID_SELF, 0);
}

long mmuext(unsigned int command, unsigned long mfn)
{
    struct mmuext_op op = { .cmd = command, .arg1.mfn = mfn };

    return mmuext_ops(&op, 1, NULL);
}

long update_va(uint64_t va, pte_t pte, unsigned long flags)
{
    return hypercall3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

long page_protect(void *page, uint64_t flags)
{
    return update_va((uint64_t)page, make_pte(virt_to_mfn(page), flags), UVMF_INVLPG | UVMF_ALL);
}

bool make_table(void *page)
{
    memset(page, 0, PAGE_SIZE);
    return page_protect(page, PTE_LEAF_RO) == 0;
}

void ensure_tables(uint64_t va)
{
    for (int level = 4; level > 1; level--) {
        void *table;

        if (*pte_of(va, level) & PTE_P)
            continue;
        table = alloc_page();
        if (!make_table(table) ||
            mmu_write(pte_machine(va, level), make_pte(virt_to_mfn(table), PTE_TABLE)))
            bail("cannot add a level %d table for %lx", level - 1, va);
    }
}

void map_page(uint64_t va, pte_t pte)
{
    long ret;

    ensure_tables(va);
    ret = update_va(va, pte, UVMF_INVLPG | UVMF_ALL);
    if (ret)
        bail("cannot map %lx at %lx: %ld", pte, va, ret);
}
