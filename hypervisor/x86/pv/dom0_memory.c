/* dom0's memory while it is laid out (dom0.h): boot only, one CPU. */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>

#include "dom0.h"

static int add_piece(struct domain *d, struct dom0_memory *mem, uint64_t first, uint64_t count)
{
    uint64_t pfn = mem->nr_pages;

    if (mem->nr_pieces == ARRAY_SIZE(mem->piece))
        return -ENOMEM;
    spin_lock(&d->mem->lock);
    frames_assign(mfn_to_frame(mfn(first)), count, d);
    for (uint64_t i = 0; i < count; i++)
        arch_frame_set_gfn(mfn(first + i), gfn(pfn + i));
    spin_unlock(&d->mem->lock);
    mem->piece[mem->nr_pieces].pfn = pfn;
    mem->piece[mem->nr_pieces].mfn = first;
    mem->piece[mem->nr_pieces++].count = count;
    mem->nr_pages += count;
    return 0;
}

/* The largest blocks that fit, so that the pieces are few. What a block has too much goes back. */
int dom0_memory_alloc(struct domain *d, struct dom0_memory *mem, uint64_t count)
{
    unsigned int order = MAX_ORDER;

    while (count) {
        mfn_t m;
        int rc;

        while (order && 1UL << order > count)
            order--;
        m = frames_alloc(order, ALLOC_NO_SCRUB, NUMA_ANY);
        if (m.v == INVALID_MFN.v) {
            if (order-- == 0)
                return -ENOMEM;
            continue;
        }
        rc = add_piece(d, mem, m.v, 1UL << order);
        if (rc)
            return rc;
        count -= 1UL << order;
    }
    return 0;
}

int dom0_memory_donate(struct domain *d, struct dom0_memory *mem, uint64_t first, uint64_t count)
{
    return add_piece(d, mem, first, count);
}

mfn_t dom0_mfn(const struct dom0_memory *mem, uint64_t pfn)
{
    for (unsigned int i = 0; i < mem->nr_pieces; i++)
        if (pfn - mem->piece[i].pfn < mem->piece[i].count)
            return mfn(mem->piece[i].mfn + pfn - mem->piece[i].pfn);
    return INVALID_MFN;
}

void *dom0_page(const struct dom0_memory *mem, uint64_t pfn)
{
    return mfn_to_virt(dom0_mfn(mem, pfn));
}
