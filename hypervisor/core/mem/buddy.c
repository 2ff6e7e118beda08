/*
 * Free frames: a buddy allocator per NUMA node and zone (below 4 GiB or not). A free block's first
 * frame carries its order and whether it is dirty, in its frame-table entry; nothing is stored in
 * the free memory itself. Dirty blocks are scrubbed when they are handed out, or before, by idle
 * CPUs. LOCK_BUDDY guards a node. All operations are O(MAX_ORDER) plus the scrubbing.
 */
#include <hv/cmdline.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/numa.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/processor.h>

#define FOUR_GIB_FRAMES (1UL << 20)
#define SCRUB_ORDER     9 /* idle CPUs scrub up to 2 MiB at a time */

enum zone { ZONE_LOW, ZONE_HIGH, NR_ZONES };

struct node {
    spinlock_t lock; /* LOCK_BUDDY */
    /* Clean blocks and dirty blocks, by zone and order. */
    struct frame_list clean[NR_ZONES][MAX_ORDER + 1];
    struct frame_list dirty[NR_ZONES][MAX_ORDER + 1];
    uint64_t free, total; /* free: with the block that is being scrubbed */
    uint64_t scrubs_begun, scrubs_done;
};

static struct node nodes[NR_NODES];
static unsigned int nr_nodes = 1;          /* nodes that have memory: [0, nr_nodes) */
static uint64_t free_frames, total_frames; /* atomic */
static uint64_t available;                 /* free frames that nobody reserved; atomic */

static bool idle_scrub = true;

static int parse_bootscrub(const char *value)
{
    if (strcmp(value, "idle") == 0 || parse_bool(value) == 1)
        idle_scrub = true;
    else if (parse_bool(value) == 0)
        idle_scrub = false;
    else
        return -1;
    return 0;
}
CUSTOM_OPTION("bootscrub", parse_bootscrub,
              "idle (default): scrub free memory when idle; off: only when it is handed out");

/* A free block's head: refs 0, this progress, the order in `types`, dirty in `pinned`. */
static bool is_free_head(const struct frame *f, unsigned int order)
{
    return f->state.refs == 0 && f->state.progress == FRAME_BUSY && f->state.types == order;
}

static enum zone zone_of(mfn_t m)
{
    return m.v < FOUR_GIB_FRAMES ? ZONE_LOW : ZONE_HIGH;
}

static struct frame_list *list_of(struct node *n, mfn_t m, unsigned int order, bool dirty)
{
    return dirty ? &n->dirty[zone_of(m)][order] : &n->clean[zone_of(m)][order];
}

static void insert(struct node *n, mfn_t m, unsigned int order, bool dirty)
{
    struct frame *f = mfn_to_frame(m);

    f->state = (union frame_state){ .progress = FRAME_BUSY, .types = order, .pinned = dirty };
    frame_list_add(list_of(n, m, order, dirty), f);
}

static void take(struct node *n, struct frame *f, unsigned int order)
{
    frame_list_del(list_of(n, frame_to_mfn(f), order, f->state.pinned), f);
    f->state.raw = 0;
}

/* Put a block back, merging it with its free buddies. LOCK_BUDDY. */
static void put_block(struct node *n, mfn_t m, unsigned int order, bool dirty)
{
    unsigned int node_id = (unsigned int)(n - nodes);

    while (order < MAX_ORDER) {
        mfn_t buddy = mfn(m.v ^ (1UL << order));
        struct frame *b;

        if (!mfn_valid(buddy) || zone_of(buddy) != zone_of(m) || mfn_to_node(buddy) != node_id)
            break;
        b = mfn_to_frame(buddy);
        if (!is_free_head(b, order))
            break;
        if (order >= SCRUB_ORDER && b->state.pinned != dirty)
            break; /* pieces that are scrubbed one by one stay apart: it would never end */
        dirty |= b->state.pinned;
        take(n, b, order);
        m.v &= ~(1UL << order);
        order++;
    }
    insert(n, m, order, dirty);
}

static void scrub(mfn_t m, unsigned int order)
{
    memset(mfn_to_virt(m), 0, PAGE_SIZE << order);
}

static bool is_zero(const uint64_t *p)
{
    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*p); i += 8)
        if (p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] | p[i + 5] | p[i + 6] | p[i + 7])
            return false;
    return true;
}

/* The same, but what firmware left zeroed is not written: nobody may ever want it. */
static void scrub_gently(mfn_t m, unsigned int order)
{
    for (uint64_t i = 0; i < 1UL << order; i++)
        if (!is_zero(mfn_to_virt(mfn_add(m, i))))
            scrub(mfn_add(m, i), 0);
}

/* The smallest fitting block of a zone, of the dirty ones or the others. */
static struct frame *find_of(struct node *n, enum zone z, unsigned int order, bool dirty,
                             unsigned int *found)
{
    for (unsigned int o = order; o <= MAX_ORDER; o++) {
        struct frame_list *l = dirty ? &n->dirty[z][o] : &n->clean[z][o];

        if (l->count) {
            *found = o;
            return mfn_to_frame(mfn(l->head));
        }
    }
    return NULL;
}

/* A clean block, even where it must be split, unless it will be overwritten anyway. */
static struct frame *find(struct node *n, enum zone z, unsigned int order, bool prefer_dirty,
                          unsigned int *found)
{
    struct frame *f = find_of(n, z, order, prefer_dirty, found);

    return f ? f : find_of(n, z, order, !prefer_dirty, found);
}

static mfn_t alloc_from(struct node *n, unsigned int order, unsigned int flags, bool *dirty)
{
    unsigned long irq = spin_lock_irqsave(&n->lock);
    struct frame *f = NULL;
    unsigned int o = 0;
    mfn_t m = INVALID_MFN;

    if (!(flags & ALLOC_BELOW_4G))
        f = find(n, ZONE_HIGH, order, flags & ALLOC_NO_SCRUB, &o);
    if (!f)
        f = find(n, ZONE_LOW, order, flags & ALLOC_NO_SCRUB, &o);
    if (f) {
        *dirty = f->state.pinned;
        m = frame_to_mfn(f);
        take(n, f, o);
        while (o-- > order)
            insert(n, mfn_add(m, 1UL << o), o, *dirty);
        n->free -= 1UL << order;
        __atomic_fetch_sub(&free_frames, 1UL << order, __ATOMIC_RELAXED);
    }
    spin_unlock_irqrestore(&n->lock, irq);
    return m;
}

bool frames_reserve(uint64_t count)
{
    uint64_t n = READ_ONCE(available);

    while (n >= count)
        if (__atomic_compare_exchange_n(&available, &n, n - count, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

void frames_unreserve(uint64_t count)
{
    __atomic_fetch_add(&available, count, __ATOMIC_RELAXED);
}

/* Until the blocks that others scrub now are back. */
static void wait_for_scrubbing(const struct node *n)
{
    uint64_t begun = READ_ONCE(n->scrubs_begun);

    while (READ_ONCE(n->scrubs_done) < begun)
        cpu_relax();
}

static mfn_t alloc_near(unsigned int order, unsigned int flags, unsigned int node, bool *dirty)
{
    unsigned int first = node < nr_nodes ? node : 0, tries = flags & ALLOC_EXACT ? 1 : nr_nodes;
    mfn_t m = INVALID_MFN;

    for (unsigned int i = 0; i < tries && m.v == INVALID_MFN.v; i++)
        m = alloc_from(&nodes[(first + i) % nr_nodes], order, flags, dirty);
    /* What is left may be in a scrubber's hands. */
    for (unsigned int i = 0; i < tries && m.v == INVALID_MFN.v; i++) {
        wait_for_scrubbing(&nodes[(first + i) % nr_nodes]);
        m = alloc_from(&nodes[(first + i) % nr_nodes], order, flags, dirty);
    }
    return m;
}

mfn_t frames_alloc(unsigned int order, unsigned int flags, unsigned int node)
{
    bool dirty = false;
    mfn_t m;

    if (order > MAX_ORDER || (flags & ALLOC_EXACT && node >= nr_nodes))
        return INVALID_MFN;
    if (!(flags & ALLOC_RESERVED) && !frames_reserve(1UL << order))
        return INVALID_MFN;
    m = alloc_near(order, flags, node, &dirty);
    if (m.v == INVALID_MFN.v) {
        if (!(flags & ALLOC_RESERVED))
            frames_unreserve(1UL << order);
        return m;
    }
    if (dirty && !(flags & ALLOC_NO_SCRUB))
        scrub(m, order);
    memory_check_low(READ_ONCE(free_frames));
    return m;
}

static void free_block(mfn_t m, unsigned int order)
{
    struct node *n = &nodes[mfn_to_node(m)];
    unsigned long irq = spin_lock_irqsave(&n->lock);

    put_block(n, m, order, true);
    n->free += 1UL << order;
    spin_unlock_irqrestore(&n->lock, irq);
    __atomic_fetch_add(&free_frames, 1UL << order, __ATOMIC_RELAXED);
    frames_unreserve(1UL << order);
}

void frames_free(mfn_t first, unsigned int order)
{
    for (uint64_t i = 0; i < 1UL << order; i++)
        mfn_to_frame(mfn_add(first, i))->state.raw = 0;
    free_block(first, order);
}

void frames_add_range(mfn_t start, mfn_t end, unsigned int node)
{
    (void)node; /* the firmware's map decides: see mfn_to_node() */
    total_frames += end.v - start.v;
    while (start.v < end.v) {
        unsigned int order = start.v ? (unsigned int)__builtin_ctzl(start.v) : MAX_ORDER;
        unsigned int id = mfn_to_node(start);

        order = min(order, (unsigned int)MAX_ORDER);
        while ((1UL << order) > end.v - start.v ||
               (order && mfn_to_node(mfn_add(start, (1UL << order) - 1)) != id))
            order--;
        nr_nodes = max(nr_nodes, id + 1);
        nodes[id].total += 1UL << order;
        free_block(start, order);
        start = mfn_add(start, 1UL << order);
    }
}

void buddy_init(void)
{
    for (unsigned int i = 0; i < NR_NODES; i++) {
        spin_lock_init(&nodes[i].lock, LOCK_BUDDY);
        for (unsigned int z = 0; z < NR_ZONES; z++)
            for (unsigned int o = 0; o <= MAX_ORDER; o++) {
                frame_list_init(&nodes[i].clean[z][o]);
                frame_list_init(&nodes[i].dirty[z][o]);
            }
    }
}

uint64_t frames_free_count(void)
{
    return READ_ONCE(free_frames);
}

uint64_t frames_total_count(void)
{
    return READ_ONCE(total_frames);
}

unsigned int frames_node_count(void)
{
    return nr_nodes;
}

uint64_t frames_node_free(unsigned int node)
{
    return READ_ONCE(nodes[node].free);
}

uint64_t frames_node_total(unsigned int node)
{
    return nodes[node].total;
}

static struct frame *find_dirty(struct node *n, unsigned int *order)
{
    for (unsigned int z = 0; z < NR_ZONES; z++)
        for (unsigned int o = 0; o <= MAX_ORDER; o++)
            if (n->dirty[z][o].count) {
                *order = o;
                return mfn_to_frame(mfn(n->dirty[z][o].head));
            }
    return NULL;
}

/* The block is off the lists while it is scrubbed, so an allocation waits for it only when there is
 * nothing else. It counts as free all the time. */
bool frames_scrub_idle(void)
{
    if (!idle_scrub)
        return false;
    for (unsigned int i = 0; i < nr_nodes; i++) {
        struct node *n = &nodes[i];
        unsigned long irq = spin_lock_irqsave(&n->lock);
        unsigned int order = 0;
        struct frame *f = find_dirty(n, &order);
        mfn_t m = INVALID_MFN;

        if (f) {
            m = frame_to_mfn(f);
            take(n, f, order);
            while (order > SCRUB_ORDER) {
                order--;
                insert(n, mfn_add(m, 1UL << order), order, true);
            }
            n->scrubs_begun++;
        }
        spin_unlock_irqrestore(&n->lock, irq);
        if (!f)
            continue;
        scrub_gently(m, order);
        irq = spin_lock_irqsave(&n->lock);
        put_block(n, m, order, false);
        n->scrubs_done++;
        spin_unlock_irqrestore(&n->lock, irq);
        return true;
    }
    return false;
}

static void print_free(void)
{
    static const char *const zone_name[] = { [ZONE_LOW] = "below", [ZONE_HIGH] = "above" };

    for (unsigned int id = 0; id < nr_nodes; id++)
        for (enum zone z = 0; z < NR_ZONES; z++) {
            const struct node *n = &nodes[id];

            printk_raw("node %u, %s 4 GiB, free blocks by order, clean+dirty:", id, zone_name[z]);
            for (unsigned int o = 0; o <= MAX_ORDER; o++)
                printk_raw(" %llu+%llu", (unsigned long long)n->clean[z][o].count,
                           (unsigned long long)n->dirty[z][o].count);
            printk_raw("\n");
        }
}

KEY_HANDLER(free, 'H', print_free, "print the free blocks of memory");
