/*
 * A PV guest's memory map with the holes of the machine's, for guests that are given PCI devices:
 * their kernels find room for them in the holes. Pure functions. The guest's pages stay numbered
 * from 0 on; its kernel moves those that would be in a hole.
 */
#include <stdlib.h>
#include <string.h>
#include "builder/internal.h"

#define LOW_MEMORY (1ull << 20) /* what a PC has below is nothing to a PV guest */
#define HIGH       (1ull << 32)
#define PAGE_MASK  (XC_PAGE_SIZE - 1ull)

struct map {
    struct xc_e820_entry *entry;
    unsigned int count, room;
    uint64_t end;  /* of all that is in it */
    uint64_t left; /* memory that is not in it yet */
};

static void add(struct map *m, uint64_t start, uint64_t end, uint32_t type)
{
    struct xc_e820_entry *last = m->count ? &m->entry[m->count - 1] : NULL;

    if (start >= end)
        return;
    if (last && last->type == type && m->end == start)
        last->size += end - start;
    else if (m->count < m->room)
        m->entry[m->count++] = (struct xc_e820_entry){ start, end - start, type };
    m->end = end;
}

/* A place where the machine has memory, as far as nothing is there yet. What the guest does not
 * need of it below 4 GiB is no room for devices either. */
static void add_memory(struct map *m, uint64_t start, uint64_t end)
{
    uint64_t size;

    start = start > m->end ? start : m->end;
    if (start >= end)
        return;
    size = end - start < m->left ? end - start : m->left;
    add(m, start, start + size, E820_RAM);
    m->left -= size;
    if (end <= HIGH)
        add(m, start + size, end, E820_UNUSABLE);
}

static int by_start(const void *a, const void *b)
{
    const struct xc_e820_entry *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

unsigned int e820_like_host(const struct xc_e820_entry *host, unsigned int count, uint64_t memory,
                            struct xc_e820_entry *out, unsigned int room)
{
    struct map m = { .entry = out, .room = room, .left = memory & ~PAGE_MASK };
    struct xc_e820_entry *sorted = calloc(count + 1, sizeof(*sorted));

    if (!sorted)
        return 0;
    if (count)
        memcpy(sorted, host, count * sizeof(*host));
    qsort(sorted, count, sizeof(*sorted), by_start);
    add_memory(&m, 0, LOW_MEMORY);
    for (unsigned int i = 0; i < count; i++) {
        uint64_t start = sorted[i].start, end = start + sorted[i].size;

        if (end < start || end <= LOW_MEMORY)
            continue;
        if (sorted[i].type == E820_RAM) {
            add_memory(&m, (start + PAGE_MASK) & ~PAGE_MASK, end & ~PAGE_MASK);
            continue;
        }
        start &= ~PAGE_MASK;
        add(&m, start > m.end ? start : m.end, (end + PAGE_MASK) & ~PAGE_MASK, sorted[i].type);
    }
    free(sorted);
    if (m.left)
        add(&m, m.end > HIGH ? m.end : HIGH, (m.end > HIGH ? m.end : HIGH) + m.left, E820_RAM);
    return m.count < room ? m.count : 0;
}
