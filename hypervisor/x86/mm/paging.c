/*
 * The hypervisor's own page tables: building them, mapping devices. They are the upper-half slots
 * of boot_l4, which every guest's L4 shares by pointing at the same level-3 tables; so all of those
 * exist before the first guest does, and later changes are seen everywhere.
 * LOCK_MAP guards changes. Intel SDM 3A chapter 4.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <arch/cpu_features.h>
#include <arch/page.h>

#include "internal.h"

bool boot_allocating = true;

static spinlock_t map_lock = SPINLOCK_INIT(LOCK_MAP);
static uint64_t map_next = MAP_VIRT; /* addresses are not reused: 512 GiB are enough for devices */

static pte_t *table_alloc(mfn_t *m)
{
    pte_t *table;

    if (boot_allocating) {
        *m = boot_alloc(1, 1);
        return mfn_to_virt(*m);
    }
    table = page_alloc();
    if (table)
        *m = virt_to_mfn(table);
    return table;
}

/* Replace a large page by a table that maps the same. */
static pte_t *split(pte_t *entry, unsigned int level)
{
    uint64_t step = 1UL << (PAGE_SHIFT + 9 * (level - 2));
    pte_t *table, old = *entry;
    mfn_t m;

    table = table_alloc(&m);
    if (!table)
        return NULL;
    for (unsigned int i = 0; i < PTES_PER_TABLE; i++)
        table[i] = (level == 2 ? old & ~PTE_PSE : old) + i * step;
    *entry = pte_make(m, PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
    return table;
}

/* The entry for `va` at `level`, making and splitting tables on the way; NULL: no memory. */
static pte_t *walk_create(uint64_t va, unsigned int level)
{
    pte_t *table = boot_l4;

    for (unsigned int l = 4; l > level; l--) {
        pte_t *entry = &table[pte_index(va, l)];

        if (!(*entry & PTE_PRESENT)) {
            mfn_t m;

            table = table_alloc(&m);
            if (!table)
                return NULL;
            *entry = pte_make(m, PTE_PRESENT | PTE_WRITE | PTE_ACCESSED |
                                     (va < M2P_VIRT ? PTE_USER : 0));
        } else if (*entry & PTE_PSE) {
            table = split(entry, l);
            if (!table)
                return NULL;
        } else {
            table = mfn_to_virt(pte_mfn(*entry));
        }
    }
    return &table[pte_index(va, level)];
}

int map_range(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    uint64_t phys = pa.v;

    while (size) {
        unsigned int level = 1;
        uint64_t step = PAGE_SIZE;
        pte_t *entry;

        for (unsigned int l = cpu_has(X86_PAGE1GB) ? 3 : 2; l > 1; l--) {
            uint64_t s = 1UL << (PAGE_SHIFT + 9 * (l - 1));

            if (size >= s && !((va | phys) & (s - 1))) {
                level = l;
                step = s;
                break;
            }
        }
        entry = walk_create(va, level);
        if (!entry)
            return -ENOMEM;
        *entry = phys | flags | (level > 1 ? PTE_PSE : 0);
        va += step;
        phys += step;
        size -= step;
    }
    return 0;
}

mfn_t mapped_mfn(uint64_t va)
{
    pte_t *entry = walk_create(va, 1);

    BUG_ON(!entry || !(*entry & PTE_PRESENT));
    return pte_mfn(*entry);
}

void unmap_range(uint64_t va, uint64_t size)
{
    for (uint64_t end = va + size; va < end; va += PAGE_SIZE) {
        pte_t *entry = walk_create(va, 1);

        BUG_ON(!entry); /* only what map_range() mapped is unmapped: its tables are there */
        *entry = 0;
        tlb_flush_page_local(va);
    }
}

void *arch_map_phys(paddr_t start, size_t size, enum map_type type)
{
    uint64_t offset = start.v & ~PAGE_MASK, bytes = ROUND_UP(offset + size, PAGE_SIZE), va;
    uint64_t flags = type == MAP_UNCACHED ? HV_MMIO : type == MAP_READONLY ? HV_RO : HV_DATA;
    unsigned long irq = spin_lock_irqsave(&map_lock);
    void *result = NULL;

    va = map_next;
    if (size && bytes <= MAP_VIRT + MAP_VIRT_SIZE - va &&
        map_range(va, paddr(start.v & PAGE_MASK), bytes, flags) == 0) {
        map_next = va + bytes;
        result = (void *)(va + offset);
    }
    spin_unlock_irqrestore(&map_lock, irq);
    return result;
}

void arch_unmap(void *va, size_t size)
{
    uint64_t start = (uint64_t)(uintptr_t)va & PAGE_MASK;
    uint64_t end = ROUND_UP((uint64_t)(uintptr_t)va + size, PAGE_SIZE);
    unsigned long irq = spin_lock_irqsave(&map_lock);

    unmap_range(start, end - start);
    spin_unlock_irqrestore(&map_lock, irq);
}
