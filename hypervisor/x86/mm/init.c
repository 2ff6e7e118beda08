/*
 * arch_init_memory(): from the loader's 4 GiB map to the final layout (arch/layout.h): direct map,
 * frame table, machine-to-physical table, image with no page both writable and executable; then the
 * rest of RAM goes to the buddy allocator. Boot CPU, once.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/mem.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/page.h>

#include "internal.h"

/* The frame table is mapped for whole MiB (a page of it) that hold any RAM. */
#define CHUNK_FRAMES     (1UL << CHUNK_SHIFT)
#define M2P_EXTENT_SHIFT 18 /* frames in a 2 MiB extent of the M2P, log2 */
#define M2P_EXTENT_BYTES (8UL << M2P_EXTENT_SHIFT)

extern pte_t image_l3[], cpu_areas_l1[];

uint64_t max_mfn;
uint64_t idle_pagetable_phys;
paddr_t trampoline_phys;
unsigned long *chunk_map;

mfn_t virt_to_mfn(const void *p)
{
    uint64_t va = (uint64_t)(uintptr_t)p;

    if (va >= DIRECTMAP_VIRT)
        return mfn((va - DIRECTMAP_VIRT) >> PAGE_SHIFT);
    BUG_ON(va < (uint64_t)(uintptr_t)image_start || va >= (uint64_t)(uintptr_t)image_end);
    return paddr_to_mfn(image_phys(p));
}

static init_text void map_or_die(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    if (map_range(va, pa, size, flags) != 0)
        panic("No memory for the hypervisor's page tables.");
}

/* RAM ranges in frames, whole pages only. */
static init_text bool ram_range(unsigned int i, uint64_t *start, uint64_t *end)
{
    const struct mem_range *r = &boot_info.range[i];

    *start = DIV_ROUND_UP(r->start, PAGE_SIZE);
    *end = (r->start + r->size) >> PAGE_SHIFT;
    return r->type == MEM_RAM && *start < *end;
}

/* `pages` fresh zeroed pages at va, and the same ones at `alias` when that is not 0. */
static init_text void map_fresh(uint64_t va, uint64_t flags, uint64_t alias, uint64_t alias_flags,
                                uint64_t pages)
{
    while (pages) {
        uint64_t n = pte_index(va, 1) == 0 && pages >= PTES_PER_TABLE
                         ? PTES_PER_TABLE
                         : min(pages, (uint64_t)(PTES_PER_TABLE - pte_index(va, 1)));
        paddr_t pa = mfn_to_paddr(boot_alloc(n, n == PTES_PER_TABLE ? n : 1));

        map_or_die(va, pa, n << PAGE_SHIFT, flags);
        if (alias)
            map_or_die(alias, pa, n << PAGE_SHIFT, alias_flags);
        va += n << PAGE_SHIFT;
        alias += alias ? n << PAGE_SHIFT : 0;
        pages -= n;
    }
}

/* Text read-only and executable, constants read-only, data not executable; every page its own. */
static init_text void protect_image(void)
{
    struct {
        const char *start, *end;
        uint64_t flags;
    } part[] = {
        { image_start, text_end, HV_CODE },    { text_end, rodata_end, HV_RO },
        { rodata_end, init_start, HV_DATA },   { init_start, init_text_end, HV_CODE },
        { init_text_end, image_end, HV_DATA },
    };
    pte_t *l2;
    mfn_t m = boot_alloc(1, 1);

    l2 = mfn_to_virt(m);
    for (unsigned int i = 0; i < ARRAY_SIZE(part); i++)
        for (const char *p = part[i].start; p < part[i].end; p += PAGE_SIZE) {
            pte_t *entry = &l2[pte_index((uint64_t)(uintptr_t)p, 2)];

            if (!*entry)
                *entry = pte_make(boot_alloc(1, 1), PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
            ((pte_t *)mfn_to_virt(pte_mfn(*entry)))[pte_index((uint64_t)(uintptr_t)p, 1)] =
                image_phys(p).v | part[i].flags;
        }
    image_l3[0] = pte_make(m, PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
    /* The CPU areas' tables stay; their leaves get their final flags. */
    for (unsigned int i = 0; i < CPU_AREA_SIZE >> PAGE_SHIFT; i++)
        if (cpu_areas_l1[i])
            cpu_areas_l1[i] = (cpu_areas_l1[i] & PTE_ADDR) | HV_DATA;
    boot_l4[0] = 0;
    tlb_flush_local();
}

/* Built at the same offsets in the lower half, through the early map, then moved up in one go. */
static init_text void build_direct_map(void)
{
    unsigned int slots = (unsigned int)(DIRECTMAP_SIZE >> 39), first = pte_index(DIRECTMAP_VIRT, 4);
    uint64_t start, end;

    for (unsigned int i = 0; i < boot_info.nr_ranges; i++)
        if (ram_range(i, &start, &end)) {
            if (end > DIRECTMAP_SIZE >> PAGE_SHIFT)
                panic("RAM above 5 TiB of physical address space.");
            map_or_die(start << PAGE_SHIFT, paddr(start << PAGE_SHIFT), (end - start) << PAGE_SHIFT,
                       HV_DATA);
            max_mfn = max(max_mfn, end);
        }
    /* The image must not be writable through its other address either. */
    map_or_die(image_phys(image_start).v, image_phys(image_start),
               (uint64_t)(rodata_end - image_start), HV_RO);
    map_or_die(image_phys(init_start).v, image_phys(init_start),
               (uint64_t)(init_text_end - init_start), HV_RO);
    for (unsigned int i = 0; i < slots; i++) {
        boot_l4[first + i] = boot_l4[i] & ~PTE_USER;
        boot_l4[i] = 0;
    }
    tlb_flush_local();
}

/* Guests' L4s copy the hypervisor's slots, so each slot's level-3 table must exist from now on. */
static init_text void fill_slots(void)
{
    for (unsigned int slot = HV_SLOT_FIRST; slot <= HV_SLOT_LAST; slot++)
        if (!boot_l4[slot] && slot != PERDOMAIN_SLOT)
            boot_l4[slot] = pte_make(boot_alloc(1, 1), PTE_PRESENT | PTE_WRITE | PTE_ACCESSED |
                                                           (slot == HV_SLOT_FIRST ? PTE_USER : 0));
}

static init_text void mark_chunks(void)
{
    uint64_t chunks = DIV_ROUND_UP(max_mfn, CHUNK_FRAMES), start, end;

    chunk_map = mfn_to_virt(boot_alloc(DIV_ROUND_UP(DIV_ROUND_UP(chunks, 8), PAGE_SIZE), 1));
    for (unsigned int i = 0; i < boot_info.nr_ranges; i++)
        if (ram_range(i, &start, &end))
            for (uint64_t c = start >> CHUNK_SHIFT; c <= (end - 1) >> CHUNK_SHIFT; c++)
                set_bit((unsigned int)c, chunk_map);
}

/* Frames without RAM behind them, and the first MiB, belong to the devices. */
static init_text void mark_io(uint64_t start, uint64_t end)
{
    for (uint64_t m = start; m < end; m++)
        if (mfn_valid(mfn(m)))
            mfn_to_frame(mfn(m))->state = (union frame_state){ .refs = 1, .owner = DOMID_IO };
}

static init_text void build_frame_table(void)
{
    uint64_t chunks = DIV_ROUND_UP(max_mfn, CHUNK_FRAMES), start, end, last = 0;

    for (uint64_t c = 0; c < chunks; c++) {
        uint64_t first = c;

        while (c < chunks && test_bit((unsigned int)c, chunk_map))
            c++;
        if (c > first)
            map_fresh(FRAMETABLE_VIRT + (first << PAGE_SHIFT), HV_DATA, 0, 0, c - first);
    }
    for (unsigned int i = 0; i < boot_info.nr_ranges; i++)
        if (ram_range(i, &start, &end)) {
            mark_io(max(last, start & ~(CHUNK_FRAMES - 1)), start);
            mark_io(end, ROUND_UP(end, CHUNK_FRAMES)); /* RAM that follows is cleared again */
            for (uint64_t m = start; m < end && m < last; m++)
                mfn_to_frame(mfn(m))->state.raw = 0;
            last = ROUND_UP(end, CHUNK_FRAMES);
        }
    mark_io(0, 0x100000 >> PAGE_SHIFT);
}

unsigned int m2p_extents(void)
{
    return (unsigned int)DIV_ROUND_UP(max_mfn, 1UL << M2P_EXTENT_SHIFT);
}

mfn_t m2p_extent(unsigned int index)
{
    uint64_t va = M2P_VIRT + index * M2P_EXTENT_BYTES;
    const pte_t *l3 = mfn_to_virt(pte_mfn(boot_l4[pte_index(va, 4)])), *l2;

    if (!(l3[pte_index(va, 3)] & PTE_PRESENT))
        return INVALID_MFN;
    l2 = mfn_to_virt(pte_mfn(l3[pte_index(va, 3)]));
    return l2[pte_index(va, 2)] & PTE_PRESENT ? pte_mfn(l2[pte_index(va, 2)]) : INVALID_MFN;
}

/* The control domain may map it, too: see pv_domain_xen. */
static init_text void build_m2p(void)
{
    static const union frame_state for_reading = {
        .refs = 1, .shared = 1, .owner = DOMID_XEN, .progress = FRAME_VALID, .types = 1
    };

    for (unsigned int i = 0; i < m2p_extents(); i++) {
        uint64_t first = (uint64_t)i << M2P_EXTENT_SHIFT, va = M2P_VIRT + i * M2P_EXTENT_BYTES;
        unsigned int chunk = (unsigned int)(first >> CHUNK_SHIFT);
        unsigned int end = chunk + (1U << (M2P_EXTENT_SHIFT - CHUNK_SHIFT));
        unsigned int known = (unsigned int)DIV_ROUND_UP(max_mfn, CHUNK_FRAMES);

        end = min(end, known);
        if (find_next_bit(chunk_map, end, chunk) == end)
            continue;
        /* Not global: only a guest's kernel may read it, and its user runs with the same TLB. */
        map_fresh(va, HV_DATA, M2P_RO_VIRT + i * M2P_EXTENT_BYTES, (HV_RO & ~PTE_GLOBAL) | PTE_USER,
                  PTES_PER_TABLE);
        memset((void *)va, 0xff, M2P_EXTENT_BYTES);
        for (unsigned int n = 0; n < PTES_PER_TABLE; n++)
            mfn_to_frame(mfn_add(m2p_extent(i), n))->state = for_reading;
    }
}

init_text void arch_init_memory(void)
{
    idle_pagetable_phys = image_phys(boot_l4).v;
    boot_alloc_init();
    protect_image();
    build_direct_map();
    fill_slots();
    mark_chunks();
    build_frame_table();
    build_m2p();
    trampoline_phys = paddr(0x8000);
    map_or_die(trampoline_phys.v, trampoline_phys, PAGE_SIZE, PTE_PRESENT | PTE_ACCESSED);
    acpi_init();
    buddy_init();
    boot_alloc_finish();
    boot_allocating = false;
    pci_init();
    printk(LOG_INFO, "%lu MiB free for guests\n", (unsigned long)(frames_free_count() >> 8));
}

void trampoline_map(bool there)
{
    static pte_t entry;

    if (!entry)
        entry = boot_l4[0];
    WRITE_ONCE(boot_l4[0], there ? entry : 0);
    if (!there)
        tlb_flush_mask(&cpu_online_mask);
}

/* From here on a call of start-up code, or a look at its data, is a page fault. */
void arch_init_late(void)
{
    mfn_t first = paddr_to_mfn(image_phys(init_start)), end = paddr_to_mfn(image_phys(init_end));
    uint64_t size = (uint64_t)(init_end - init_start);
    int rc;

    trampoline_map(false);
    unmap_range((uint64_t)(uintptr_t)init_start, size);
    /* Memory like any other now: writable by its other address. */
    rc = map_range((uint64_t)(uintptr_t)mfn_to_virt(first), mfn_to_paddr(first), size, HV_DATA);
    tlb_flush_mask(&cpu_online_mask);
    if (rc)
        panic("No memory for the hypervisor's page tables.");
    frames_add_range(first, end, NUMA_ANY);
    printk(LOG_INFO, "%lu KiB of start-up code and data given back\n", (unsigned long)(size >> 10));
}
