/*
 * From frame numbers to what we know of them and back: inline, since every page-table update asks
 * several times. The frame table is mapped for whole chunks that hold any RAM (mm/init.c).
 */
#ifndef ARCH_FRAMES_H
#define ARCH_FRAMES_H

#include <hv/bitops.h>
#include <arch/layout.h>
#include <xen/xen.h>

#define CHUNK_SHIFT 8 /* frames in a chunk, log2: one page of the frame table */

extern unsigned long *chunk_map; /* a bit per chunk: its frame-table page is there */

static inline bool mfn_valid(mfn_t m)
{
    return m.v < max_mfn && test_bit((unsigned int)(m.v >> CHUNK_SHIFT), chunk_map);
}

static inline struct frame *mfn_to_frame(mfn_t m)
{
    return (struct frame *)FRAMETABLE_VIRT + m.v;
}

static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return (mfn_t){ (uint64_t)(f - (const struct frame *)FRAMETABLE_VIRT) };
}

static inline void *mfn_to_virt(mfn_t m)
{
    return (void *)(DIRECTMAP_VIRT + (m.v << PAGE_SHIFT));
}

/* No RAM that a guest's page table may refer to: a hole, a device, the first MiB. */
static inline bool mfn_is_io(mfn_t m)
{
    return !mfn_valid(m) || mfn_to_frame(m)->state.owner == DOMID_IO;
}

#endif
