/* The memory that memory.h describes: one reservation of addresses for the bytes, one for the
 * frame table. */
#include "memory.h"

#include <sys/mman.h>

#include <arch/percpu.h>
#include <hv/numa.h>
#include "../fake/hv.h"

#define CHUNK 256U /* frames; the frame table is there for whole chunks */

uint64_t max_mfn;
uint64_t memory_seed;

static const struct memory_range *ranges;
static unsigned int nr_ranges;
static char *bytes;
static struct frame *table;

/* Steele, Lea and Flood's SplitMix64. */
uint64_t random64(void)
{
    uint64_t z = memory_seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

bool memory_is_ram(mfn_t m)
{
    for (unsigned int i = 0; i < nr_ranges; i++)
        if (m.v >= ranges[i].start && m.v < ranges[i].end)
            return true;
    return false;
}

bool mfn_valid(mfn_t m)
{
    uint64_t first = m.v & ~(uint64_t)(CHUNK - 1);

    for (unsigned int i = 0; i < nr_ranges; i++)
        if (first < ranges[i].end && first + CHUNK > ranges[i].start)
            return true;
    return false;
}

bool mfn_is_io(mfn_t m)
{
    return !mfn_valid(m) || mfn_to_frame(m)->state.owner == DOMID_IO;
}

struct frame *mfn_to_frame(mfn_t m)
{
    assert_true(mfn_valid(m));
    return &table[m.v];
}

mfn_t frame_to_mfn(const struct frame *f)
{
    return mfn((uint64_t)(f - table));
}

void *mfn_to_virt(mfn_t m)
{
    return bytes + m.v * PAGE_SIZE;
}

mfn_t virt_to_mfn(const void *p)
{
    uint64_t offset = (uint64_t)((const char *)p - bytes);

    /* The hypervisor's image is memory of ours too; no test cares which. */
    return mfn(offset < max_mfn * PAGE_SIZE ? offset / PAGE_SIZE : 0);
}

unsigned int mfn_to_node(mfn_t m)
{
    for (unsigned int i = 0; i < nr_ranges; i++)
        if (m.v >= ranges[i].start && m.v < ranges[i].end)
            return ranges[i].node;
    return 0;
}

/* Every node is as near as any. */
uint64_t domain_nodes(struct domain *d)
{
    (void)d;
    return ~0UL;
}

static void *reserve(uint64_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    assert_true(p != MAP_FAILED);
    return p;
}

void memory_reset(const struct memory_range *r, unsigned int count)
{
    fake_percpu_reset();
    ranges = r;
    nr_ranges = count;
    max_mfn = r[count - 1].end;
    bytes = reserve(max_mfn * PAGE_SIZE);
    table = reserve((max_mfn + CHUNK) * sizeof(*table));
    for (uint64_t m = 0; m < max_mfn + CHUNK; m++)
        if (mfn_valid(mfn(m)) && !memory_is_ram(mfn(m)))
            table[m].state = (union frame_state){ .refs = 1, .owner = DOMID_IO };
    buddy_init();
    for (unsigned int i = 0; i < count; i++)
        frames_add_range(mfn(r[i].start), mfn(r[i].end), r[i].node);
}

void memory_end(void)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < nr_ranges; i++)
        total += ranges[i].end - ranges[i].start;
    assert_int_equal(frames_free_count(), total);
    for (int order = MAX_ORDER; order >= 0; order--)
        while (frames_alloc((unsigned int)order, ALLOC_NO_SCRUB, NUMA_ANY).v != INVALID_MFN.v)
            ;
    assert_int_equal(frames_free_count(), 0);
    munmap(bytes, max_mfn * PAGE_SIZE);
    munmap(table, (max_mfn + CHUNK) * sizeof(*table));
}
