/*
 * Decide where everything is in a PV guest (public/xen.h: "Start-of-day memory layout"), and make
 * its first page tables. Pure functions: arguments in, layout and tables out.
 *
 * From page 0 on, mapped in order at VIRT_BASE: kernel, ramdisk unless the kernel wants only its
 * page number, list of frames unless it has its own place, start_info, rings, tables, stack, and
 * some free pages. Then what is not mapped there: ramdisk, list of frames, the list's tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xen/elfnote.h>
#include "builder/pv.h"

#define PADDING   (512ul << 10) /* free mapped memory behind the stack, at least */
#define ALIGN     (4ul << 20)   /* of the end of what is mapped */
#define PTE_UPPER 0x67          /* present, writable, user, accessed, dirty */
#define PTE_LEAF  0x63          /* present, writable, accessed, dirty */
#define PTE_WRITE 0x02
#define VA_MASK   ((1ul << 48) - 1)

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + XC_PAGE_SIZE - 1) >> XC_PAGE_SHIFT;
}

/* Bits of an address below the part that selects a table of a level */
static unsigned int table_shift(unsigned int level)
{
    return XC_PAGE_SHIFT + 9 * level;
}

/* Tables of levels 1 to 3 for @pages at @va */
static uint64_t tables_for(uint64_t va, uint64_t pages)
{
    uint64_t count = 0, first = va & VA_MASK, last = first + (pages << XC_PAGE_SHIFT) - 1;

    for (unsigned int level = 1; level <= 3; level++)
        count += (last >> table_shift(level)) - (first >> table_shift(level)) + 1;
    return count;
}

/* Whether a range of addresses is in one half of the address space and not the hypervisor's */
static bool is_usable(uint64_t va, uint64_t bytes)
{
    uint64_t last = va + bytes - 1;

    if (last < va)
        return false;
    return last >> 47 == 0 || (va >> 47 == 0x1ffff && va >= HYPERVISOR_VIRT_END);
}

static int refuse(struct build_error *error, const char *why)
{
    return build_fail(error, -EINVAL, "the kernel cannot be started: %s", why);
}

static int check(const struct pv_layout *l, const struct image *image, struct build_error *error)
{
    uint64_t bytes = l->mapped_pages << XC_PAGE_SHIFT, slots = ~0ul << table_shift(3);
    uint64_t p2m_bytes = l->p2m_pages << XC_PAGE_SHIFT;
    uint64_t start = l->virt_base + image->start, size = image->end - image->start;
    uint64_t hypercalls = image->notes.hypercall_page;

    if (l->virt_base & (XC_PAGE_SIZE - 1) || !is_usable(l->virt_base, bytes))
        return refuse(error, "it wants addresses that it cannot have");
    if (l->entry - start >= size)
        return refuse(error, "its entry is not in it");
    if (image_has_note(image, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (hypercalls & (XC_PAGE_SIZE - 1) || hypercalls - start >= size))
        return refuse(error, "its hypercall page is not a page of it");
    /* The list's tables are its own, so it must not share one with the rest. */
    if (l->own_p2m && (l->p2m_base & (XC_PAGE_SIZE - 1) || !is_usable(l->p2m_base, p2m_bytes) ||
                       (((l->p2m_base + p2m_bytes - 1) & slots) >= (l->virt_base & slots) &&
                        (l->p2m_base & slots) <= ((l->virt_base + bytes - 1) & slots))))
        return refuse(error, "the place it wants for the list of its pages cannot be had");
    return 0;
}

int pv_plan(struct pv_layout *l, const struct image *image, uint64_t total, uint64_t ramdisk_size,
            struct build_error *error)
{
    const struct notes *n = &image->notes;
    bool map_ramdisk = !(n->mod_start_pfn & 1);
    uint64_t pfn = pages_of(image->end), need;

    *l = (struct pv_layout){
        .virt_base = n->virt_base,
        .entry = image_has_note(image, XEN_ELFNOTE_ENTRY) ? n->entry : image->elf_entry,
        .own_p2m = image_has_note(image, XEN_ELFNOTE_INIT_P2M),
        .total = total,
        .ramdisk_pages = pages_of(ramdisk_size),
        .p2m_pages = pages_of(total * sizeof(xen_pfn_t)),
    };
    if (map_ramdisk) {
        l->ramdisk = pfn;
        pfn += l->ramdisk_pages;
    }
    if (!l->own_p2m) {
        l->p2m = pfn;
        pfn += l->p2m_pages;
    }
    l->p2m_base = l->own_p2m ? n->init_p2m : l->virt_base + (l->p2m << XC_PAGE_SHIFT);
    l->start_info = pfn++;
    l->store = pfn++;
    l->console = pfn++;
    l->tables = pfn;
    /* The tables are mapped, too, so their number decides how many there must be. */
    for (uint64_t count = 1; count > l->table_pages;) {
        l->table_pages = count;
        l->stack = l->tables + count;
        l->mapped_pages =
            (((l->stack + 1) << XC_PAGE_SHIFT) + PADDING + ALIGN - 1) / ALIGN * (ALIGN >> 12);
        count = 1 + tables_for(l->virt_base, l->mapped_pages);
    }
    need = l->stack + 1 + (PADDING >> XC_PAGE_SHIFT);
    pfn = l->mapped_pages;
    if (!map_ramdisk && l->ramdisk_pages) {
        l->ramdisk = pfn;
        need = pfn += l->ramdisk_pages;
    }
    if (l->own_p2m) {
        l->p2m = pfn;
        l->p2m_tables = pfn + l->p2m_pages;
        l->p2m_table_pages = tables_for(l->p2m_base, l->p2m_pages);
        need = l->p2m_tables + l->p2m_table_pages;
    }
    if (total < need)
        return build_fail(error, -ENOMEM,
                          "the guest has %" PRIu64
                          " MiB of memory, but its kernel and ramdisk need "
                          "at least %" PRIu64 " MiB",
                          total >> 8, (need + 255) >> 8);
    return check(l, image, error);
}

/* ---- page tables ---- */

struct tables {
    const struct pv_layout *l;
    const xen_pfn_t *mfn;
    uint64_t *entry; /* of all tables */
};

static xen_pfn_t table_mfn(const struct tables *t, uint64_t i)
{
    const struct pv_layout *l = t->l;

    return t->mfn[i < l->table_pages ? l->tables + i : l->p2m_tables + i - l->table_pages];
}

static uint64_t leaf(const struct tables *t, uint64_t pfn)
{
    const struct pv_layout *l = t->l;
    bool is_table = pfn - l->tables < l->table_pages;

    if (pfn >= l->total)
        return 0;
    return t->mfn[pfn] << XC_PAGE_SHIFT | (is_table ? PTE_LEAF & ~PTE_WRITE : PTE_LEAF);
}

/* Map @pages from @pfn on at @va: with the tables from number @next on, of level 3, 2, 1 */
static void map(struct tables *t, uint64_t va, uint64_t pfn, uint64_t pages, uint64_t next)
{
    uint64_t first = va & VA_MASK, last = first + (pages << XC_PAGE_SHIFT) - 1;
    uint64_t parent = 0, parent_first = 0;

    for (unsigned int level = 3; level >= 1; level--) {
        unsigned int shift = table_shift(level);

        for (uint64_t i = first >> shift; i <= last >> shift; i++)
            t->entry[(parent + (i >> 9) - parent_first) * PV_ENTRIES + i % PV_ENTRIES] =
                table_mfn(t, next + i - (first >> shift)) << XC_PAGE_SHIFT | PTE_UPPER;
        parent = next;
        parent_first = first >> shift;
        next += (last >> shift) - (first >> shift) + 1;
    }
    for (uint64_t i = first >> XC_PAGE_SHIFT; i <= last >> XC_PAGE_SHIFT; i++)
        t->entry[(parent + (i >> 9) - parent_first) * PV_ENTRIES + i % PV_ENTRIES] = leaf(t, pfn++);
}

uint64_t *pv_tables(const struct pv_layout *l, const xen_pfn_t *mfn)
{
    uint64_t count = l->table_pages + l->p2m_table_pages;
    struct tables t = { .l = l, .mfn = mfn, .entry = calloc(count, XC_PAGE_SIZE) };

    if (!t.entry)
        return NULL;
    map(&t, l->virt_base, 0, l->mapped_pages, 1);
    if (l->own_p2m)
        map(&t, l->p2m_base, l->p2m, l->p2m_pages, l->table_pages);
    return t.entry;
}
