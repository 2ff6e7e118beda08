/*
 * Memory before the buddy allocator: the RAM that the loader's map shows, less what is in use (the
 * image, the modules, the first MiB). Boot CPU only; what is left goes to the buddy allocator.
 */
#include <hv/boot.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/page.h>

#include "internal.h"

#define MAX_FREE_RANGES (BOOT_MAX_RANGES + BOOT_MAX_MODULES + 8)
#define FOUR_GIB_FRAMES (1UL << 20)

static init_data struct {
    uint64_t start, end; /* frames */
} free_range[MAX_FREE_RANGES];
static init_data unsigned int nr_free;

static init_text void add(uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    BUG_ON(nr_free == MAX_FREE_RANGES);
    free_range[nr_free].start = start;
    free_range[nr_free++].end = end;
}

/* Cut [start, end) out of every free range. */
static init_text void reserve(uint64_t start, uint64_t end)
{
    unsigned int n = nr_free;

    for (unsigned int i = 0; i < n; i++) {
        uint64_t s = free_range[i].start, e = free_range[i].end;

        if (end <= s || start >= e)
            continue;
        free_range[i].end = max(s, min(start, e));
        if (end < e)
            add(end, e);
    }
}

init_text void boot_alloc_init(void)
{
    for (unsigned int i = 0; i < boot_info.nr_ranges; i++) {
        const struct mem_range *r = &boot_info.range[i];

        if (r->type == MEM_RAM)
            add(DIV_ROUND_UP(r->start, PAGE_SIZE), (r->start + r->size) >> PAGE_SHIFT);
    }
    reserve(0, 0x100000 >> PAGE_SHIFT);
    reserve(image_phys(image_start).v >> PAGE_SHIFT,
            DIV_ROUND_UP(image_phys(image_end).v, PAGE_SIZE));
    for (unsigned int i = 0; i < boot_info.nr_modules; i++)
        reserve(boot_info.module[i].start.v >> PAGE_SHIFT,
                DIV_ROUND_UP(boot_info.module[i].start.v + boot_info.module[i].size, PAGE_SIZE));
}

init_text mfn_t boot_alloc(uint64_t frames, uint64_t align)
{
    for (unsigned int i = nr_free; i-- > 0;) {
        uint64_t end = min(free_range[i].end, FOUR_GIB_FRAMES), start;

        if (end < frames)
            continue;
        start = (end - frames) & ~(align - 1);
        if (start < free_range[i].start)
            continue;
        add(start + frames, free_range[i].end);
        free_range[i].end = start;
        memset(mfn_to_virt(mfn(start)), 0, frames << PAGE_SHIFT);
        return mfn(start);
    }
    panic("No %lu contiguous pages of memory below 4 GiB for the hypervisor's own tables.",
          (unsigned long)frames);
}

init_text void boot_alloc_finish(void)
{
    for (unsigned int i = 0; i < nr_free; i++)
        if (free_range[i].start < free_range[i].end)
            frames_add_range(mfn(free_range[i].start), mfn(free_range[i].end), NUMA_ANY);
    nr_free = 0;
}
