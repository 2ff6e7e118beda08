/*
 * The boot page tables. boot_make_tables() runs with the MMU off, at an address that it was not
 * linked for: only PC-relative references work, so everything it touches is hidden and no table of
 * pointers is used. Afterwards arch_map_phys() extends the same tables.
 */
#include <hv/arch.h>
#include <hv/bitops.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <arch/paging.h>
#include "boot.h"

#define PAGES_IN(size) ((size) >> PAGE_SHIFT)

typedef uint64_t table_t[TABLE_ENTRIES];
#define TABLE static aligned_to(4096) table_t

TABLE level0;
TABLE image_l1, image_l2;
TABLE image_l3[IMAGE_MAX_SIZE >> 21];
TABLE identity_l1, identity_l2, identity_l3;
TABLE map_l1, map_l2;
TABLE map_l3[MAP_VIRT_SIZE >> 21];

/* image.lds.S; hidden, as said above */
#pragma GCC visibility push(hidden)
extern char image_start[], text_end[], rodata_end[], image_end[];
#pragma GCC visibility pop

static spinlock_t map_lock = SPINLOCK_INIT(LOCK_MAP);
static unsigned long map_used[BITS_TO_LONGS(MAP_VIRT_SIZE >> PAGE_SHIFT)];

static void link_table(uint64_t *table, unsigned int index, const uint64_t *next)
{
    table[index] = (uintptr_t)next | PTE_TABLE;
}

/* [start, end) of the image, as `rights` says; both addresses are physical now. */
static void map_image(const char *start, const char *end, uint64_t rights)
{
    uint64_t *entries = &image_l3[0][0];

    for (; start < end; start += PAGE_SIZE)
        entries[PAGES_IN((uint64_t)(start - image_start))] = (uintptr_t)start | rights;
}

uint64_t boot_make_tables(uint64_t phys)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(image_l3); i++)
        link_table(image_l2, i, image_l3[i]);
    link_table(image_l1, 0, image_l2);
    link_table(level0, TABLE_INDEX(IMAGE_VIRT_BASE, 0), image_l1);
    map_image(image_start, text_end, PTE_TEXT);
    map_image(text_end, rodata_end, PTE_RODATA);
    map_image(rodata_end, image_end, PTE_DATA);

    for (unsigned int i = 0; i < ARRAY_SIZE(map_l3); i++)
        link_table(map_l2, i, map_l3[i]);
    link_table(map_l1, 0, map_l2);
    link_table(level0, TABLE_INDEX(MAP_VIRT, 0), map_l1);

    /* The page that switches the MMU on, where it is now. */
    link_table(level0, TABLE_INDEX(phys, 0), identity_l1);
    link_table(identity_l1, TABLE_INDEX(phys, 1), identity_l2);
    link_table(identity_l2, TABLE_INDEX(phys, 2), identity_l3);
    identity_l3[TABLE_INDEX(phys, 3)] = phys | PTE_TEXT;
    return (uintptr_t)level0;
}

static void flush_tlb(void)
{
    dsb();
    __asm__ volatile("tlbi alle2is" ::: "memory");
    dsb();
    isb();
}

void boot_drop_identity(uint64_t phys)
{
    level0[TABLE_INDEX(phys, 0)] = 0;
    flush_tlb();
}

/* First of `pages` free ones in a row; what there are in all if there are none. map_lock held. */
static unsigned int find_room(unsigned int pages)
{
    const unsigned int all = PAGES_IN(MAP_VIRT_SIZE);
    unsigned int first = find_next_zero_bit(map_used, all, 0);

    while (first < all) {
        unsigned int end = find_next_bit(map_used, all, first);

        if (end - first >= pages)
            return first;
        first = find_next_zero_bit(map_used, all, end);
    }
    return all;
}

void *arch_map_phys(paddr_t start, size_t size, enum map_type type)
{
    uint64_t offset = start.v & ~PAGE_MASK, page = start.v & PAGE_MASK;
    uint64_t rights = type == MAP_UNCACHED   ? PTE_DEVICE
                      : type == MAP_READONLY ? PTE_RODATA
                                             : PTE_DATA;
    uint64_t *entries = &map_l3[0][0];
    unsigned int first, pages;
    unsigned long flags;

    if (!size || size > MAP_VIRT_SIZE - PAGE_SIZE || start.v + size - 1 > PTE_ADDRESS)
        return NULL;
    pages = (unsigned int)PAGES_IN(ROUND_UP(offset + size, PAGE_SIZE));
    flags = spin_lock_irqsave(&map_lock);
    first = find_room(pages);
    for (unsigned int i = 0; first < PAGES_IN(MAP_VIRT_SIZE) && i < pages; i++) {
        set_bit(first + i, map_used);
        entries[first + i] = (page + i * PAGE_SIZE) | rights;
    }
    spin_unlock_irqrestore(&map_lock, flags);
    if (first == PAGES_IN(MAP_VIRT_SIZE))
        return NULL;
    dsb();
    isb();
    return (void *)(MAP_VIRT + first * PAGE_SIZE + offset);
}

void arch_unmap(void *va, size_t size)
{
    uint64_t start = (uintptr_t)va - MAP_VIRT;
    unsigned int first = (unsigned int)PAGES_IN(start);
    unsigned int end = (unsigned int)PAGES_IN(ROUND_UP(start + size, PAGE_SIZE));
    uint64_t *entries = &map_l3[0][0];
    unsigned long flags;

    BUG_ON((uintptr_t)va < MAP_VIRT || end > PAGES_IN(MAP_VIRT_SIZE));
    flags = spin_lock_irqsave(&map_lock);
    for (unsigned int i = first; i < end; i++)
        entries[i] = 0;
    flush_tlb(); /* before the room is used again */
    for (unsigned int i = first; i < end; i++)
        clear_bit(i, map_used);
    spin_unlock_irqrestore(&map_lock, flags);
}
