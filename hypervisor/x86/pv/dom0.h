/* Building dom0. */
#ifndef X86_PV_DOM0_H
#define X86_PV_DOM0_H

#include <hv/domain.h>

/* From dom0_mem=: its pages, and the limit to which it may grow. `more` pages will be free besides
 * those that are. */
uint64_t dom0_pages(uint64_t more, uint64_t *max_pages);

/* Its memory while it is being laid out: pieces of machine memory, in the order of its frames. */
struct dom0_memory {
    struct {
        uint64_t pfn, mfn, count;
    } piece[512];
    unsigned int nr_pieces;
    uint64_t nr_pages;
};
/* Allocate `count` more pages, or add `count` frames from `m` that are RAM of nobody's. */
must_check int dom0_memory_alloc(struct domain *d, struct dom0_memory *mem, uint64_t count);
must_check int dom0_memory_donate(struct domain *d, struct dom0_memory *mem, uint64_t first,
                                  uint64_t count);
mfn_t dom0_mfn(const struct dom0_memory *mem, uint64_t pfn);
void *dom0_page(const struct dom0_memory *mem, uint64_t pfn);

#endif
