/* x86-64 page-table entries and the hypervisor's own page tables. Intel SDM 3A 4.5. */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#include <hv/types.h>
#include <hv/cpumask.h>
#include <hv/frame.h>
#include <arch/layout.h>

typedef uint64_t pte_t;

#define PTE_PRESENT  0x001UL
#define PTE_WRITE    0x002UL
#define PTE_USER     0x004UL
#define PTE_PWT      0x008UL
#define PTE_PCD      0x010UL
#define PTE_ACCESSED 0x020UL
#define PTE_DIRTY    0x040UL
#define PTE_PSE      0x080UL /* levels 2 and 3; PAT at level 1 */
#define PTE_GLOBAL   0x100UL
#define PTE_NX       (1UL << 63)
#define PTE_ADDR     0x000ffffffffff000UL

#define PTES_PER_TABLE 512

static inline mfn_t pte_mfn(pte_t e)
{
    return mfn((e & PTE_ADDR) >> PAGE_SHIFT);
}

static inline pte_t pte_make(mfn_t m, uint64_t flags)
{
    return m.v << PAGE_SHIFT | flags;
}

/* Index into the table of `level` (1..4). */
static inline unsigned int pte_index(uint64_t va, unsigned int level)
{
    return (unsigned int)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PTES_PER_TABLE - 1);
}

static inline bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#define HV_DATA (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX)
#define HV_RO   (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | PTE_NX)
#define HV_CODE (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL)
#define HV_MMIO (HV_DATA | PTE_PCD | PTE_PWT)

extern pte_t boot_l4[PTES_PER_TABLE]; /* the idle page table: the hypervisor alone */
extern char image_start[], text_end[], rodata_end[], load_end[], image_end[];
extern char init_start[], init_text_end[], init_end[];

/* Physical address of something inside the image. */
static inline paddr_t image_phys(const void *p)
{
    return paddr((uint64_t)(uintptr_t)p - IMAGE_VIRT_BASE);
}

/* Map [va, va+size) to physical pa with the largest pages that fit. Page-aligned. -ENOMEM. */
must_check int map_range(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags);
void unmap_range(uint64_t va, uint64_t size);

/* The frame behind a 4 KiB mapping of the hypervisor's, which must be there. */
mfn_t mapped_mfn(uint64_t va);

/* Boot-time allocation of zeroed, contiguous frames below 4 GiB; panics when there are none. */
mfn_t boot_alloc(uint64_t frames, uint64_t align);

/* Machine-to-physical table. */
static inline uint64_t *m2p_entry(mfn_t m)
{
    return (uint64_t *)M2P_VIRT + m.v;
}
/* It consists of 2 MiB extents, each for 1 GiB of RAM; INVALID_MFN where there is none. */
unsigned int m2p_extents(void);
mfn_t m2p_extent(unsigned int index);

/* ---- TLB (mm/tlb.c) ---- */
void tlb_flush_local(void); /* all, global ones too */
void tlb_flush_page_local(uint64_t va);
void tlb_flush_mask(const cpumask_t *mask); /* waits */
void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va);
void tlb_flush_barrier(void); /* flushes of CPUs that are not online by now are done */
void tlb_flush_interrupt(void);

/* ---- CPU areas (mm/cpu_area.c) ---- */
must_check int cpu_area_map(unsigned int cpu); /* frames, guards, initial per-CPU values */
extern paddr_t trampoline_phys;                /* page below 640 KiB */
/* Map it where it is, for a CPU that starts; it is until late init. LOCK_DOMCTL. */
void trampoline_map(bool there);
extern uint64_t idle_pagetable_phys;

#endif
