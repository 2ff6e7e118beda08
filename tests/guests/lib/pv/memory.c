/*
 * Memory of a PV guest. The domain builder maps its image, start info, p2m list, page tables and
 * stack, and at least 512 KiB more, at VIRT_BASE; memory_init() extends that to a linear map of the
 * first LINEAR_PAGES pages, so that the rest of the library never asks where a page is mapped.
 */
#include "pv.h"

#define LINEAR_PAGES (96ul << (20 - PAGE_SHIFT))

struct start_info *start_info;
static unsigned long next_pfn, end_pfn;

unsigned long pfn_to_mfn(unsigned long pfn)
{
    return ((unsigned long *)start_info->mfn_list)[pfn];
}

unsigned long mfn_to_pfn(unsigned long mfn)
{
    return machine_to_phys_mapping[mfn];
}

unsigned long virt_to_mfn(const void *address)
{
    return pfn_to_mfn(((unsigned long)address - VIRT_BASE) >> PAGE_SHIFT);
}

unsigned long virt_to_gfn(const void *address)
{
    return virt_to_mfn(address);
}

void *mfn_to_virt(unsigned long mfn)
{
    return (void *)(VIRT_BASE + (mfn_to_pfn(mfn) << PAGE_SHIFT));
}

unsigned long guest_pages(void)
{
    return start_info->nr_pages;
}

void *alloc_pages(unsigned int count)
{
    unsigned int align = 1;
    void *pages;

    while (align * 2 <= count)
        align *= 2;
    next_pfn = (next_pfn + align - 1) & ~(align - 1ul);
    if (next_pfn + count > end_pfn)
        bail("out of memory");
    pages = (void *)(VIRT_BASE + (next_pfn << PAGE_SHIFT));
    next_pfn += count;
    return memset(pages, 0, count * PAGE_SIZE);
}

unsigned long machine_frames(void)
{
    return (unsigned long)memory_op(XENMEM_maximum_ram_page, NULL);
}

bool is_own_frame(unsigned long mfn)
{
    static uint8_t *own; /* a bit a frame */

    if (!own) {
        unsigned long shared = start_info->shared_info >> PAGE_SHIFT;

        own = alloc_pages((unsigned int)(machine_frames() / 8 / PAGE_SIZE + 1));
        own[shared / 8] |= (uint8_t)(1u << shared % 8);
        for (unsigned long pfn = 0; pfn < guest_pages(); pfn++)
            own[pfn_to_mfn(pfn) / 8] |= (uint8_t)(1u << pfn_to_mfn(pfn) % 8);
    }
    return own[mfn / 8] >> (mfn % 8) & 1;
}

static void use_until(uint64_t va)
{
    unsigned long pfn = (va - VIRT_BASE + PAGE_SIZE - 1) >> PAGE_SHIFT;

    if (va >= VIRT_BASE && pfn > next_pfn && pfn <= start_info->nr_pages)
        next_pfn = pfn;
}

void memory_init(uint64_t boot_rsp)
{
    extern char guest_end[];
    unsigned long linear =
        start_info->nr_pages < LINEAR_PAGES ? start_info->nr_pages : LINEAR_PAGES;

    use_until((uint64_t)guest_end);
    use_until((uint64_t)start_info + PAGE_SIZE);
    use_until(start_info->mfn_list + start_info->nr_pages * sizeof(unsigned long));
    use_until(start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE);
    use_until(boot_rsp);
    if (!(start_info->flags & SIF_MOD_START_PFN))
        use_until(start_info->mod_start + start_info->mod_len);

    end_pfn = next_pfn;
    while (end_pfn < linear) {
        uint64_t va = VIRT_BASE + (end_pfn << PAGE_SHIFT);
        pte_t *pte = pte_of(va, 1);

        if (!pte) {
            ensure_tables(va);
            continue;
        }
        if (!(*pte & PTE_P) && update_va(va, make_pte(pfn_to_mfn(end_pfn), PTE_LEAF), UVMF_NONE))
            bail("cannot map page %lu", end_pfn);
        end_pfn++;
    }
}
