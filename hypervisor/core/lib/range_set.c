/*
 * Sets of ranges: a sorted array of disjoint ranges that do not touch, searched by bisection.
 * Lookups come from a domain's own vCPUs (I/O ports, MMIO frames), changes from control operations;
 * the set's own lock (LOCK_RANGE_SET) covers both.
 */
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/range_set.h>
#include <hv/spinlock.h>
#include <hv/string.h>

#define MAX_RANGES 4096U

struct range {
    uint64_t first, last;
};

struct range_set {
    spinlock_t lock;
    const char *name;
    struct range *range;
    unsigned int count, room;
};

struct range_set *range_set_create(const char *name)
{
    struct range_set *s = hv_alloc_type(struct range_set);

    if (s) {
        spin_lock_init(&s->lock, LOCK_RANGE_SET);
        s->name = name;
    }
    return s;
}

void range_set_destroy(struct range_set *s)
{
    if (!s)
        return;
    hv_free(s->range);
    hv_free(s);
}

/* Index of the first range whose end is at or after `n`; `count` if there is none. */
static unsigned int find(const struct range_set *s, uint64_t n)
{
    unsigned int low = 0, high = s->count;

    while (low < high) {
        unsigned int middle = low + (high - low) / 2;

        if (s->range[middle].last < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Room for one more. */
static int grow(struct range_set *s)
{
    unsigned int room = s->room ? 2 * s->room : 8;
    struct range *range;

    if (s->count < s->room)
        return 0;
    if (s->count == MAX_RANGES)
        return -ENOSPC;
    range = hv_alloc_array(struct range, room);
    if (!range)
        return -ENOMEM;
    if (s->count)
        memcpy(range, s->range, s->count * sizeof(*range));
    hv_free(s->range);
    s->range = range;
    s->room = room;
    return 0;
}

/* Put `with` in place of the `old` ranges from index `at` on. There is room. */
static void replace(struct range_set *s, unsigned int at, unsigned int old,
                    const struct range *with, unsigned int count)
{
    memmove(&s->range[at + count], &s->range[at + old],
            (s->count - at - old) * sizeof(struct range));
    for (unsigned int i = 0; i < count; i++)
        s->range[at + i] = with[i];
    s->count = s->count - old + count;
}

static int add(struct range_set *s, uint64_t first, uint64_t last)
{
    struct range merged = { first, last };
    unsigned int at = find(s, first ? first - 1 : 0), end = at;

    while (end < s->count && (last == UINT64_MAX || s->range[end].first <= last + 1))
        end++;
    if (end > at) {
        merged.first = min(first, s->range[at].first);
        merged.last = max(last, s->range[end - 1].last);
    } else {
        int rc = grow(s);

        if (rc)
            return rc;
    }
    replace(s, at, end - at, &merged, 1);
    return 0;
}

static int remove(struct range_set *s, uint64_t first, uint64_t last)
{
    struct range left[2];
    unsigned int at = find(s, first), end = at, count = 0;

    while (end < s->count && s->range[end].first <= last)
        end++;
    if (end == at)
        return 0;
    if (s->range[at].first < first)
        left[count++] = (struct range){ s->range[at].first, first - 1 };
    if (s->range[end - 1].last > last)
        left[count++] = (struct range){ last + 1, s->range[end - 1].last };
    if (count > end - at) {
        int rc = grow(s);

        if (rc)
            return rc;
    }
    replace(s, at, end - at, left, count);
    return 0;
}

int range_set_add(struct range_set *s, uint64_t first, uint64_t last)
{
    int rc;

    if (first > last)
        return -EINVAL;
    spin_lock(&s->lock);
    rc = add(s, first, last);
    spin_unlock(&s->lock);
    return rc;
}

int range_set_remove(struct range_set *s, uint64_t first, uint64_t last)
{
    int rc;

    if (first > last)
        return -EINVAL;
    spin_lock(&s->lock);
    rc = remove(s, first, last);
    spin_unlock(&s->lock);
    return rc;
}

bool range_set_contains(const struct range_set *s, uint64_t first, uint64_t last)
{
    spinlock_t *lock = (spinlock_t *)&s->lock;
    bool contains;
    unsigned int at;

    if (first > last)
        return false;
    spin_lock(lock);
    at = find(s, first);
    contains = at < s->count && s->range[at].first <= first && last <= s->range[at].last;
    spin_unlock(lock);
    return contains;
}

void range_set_print(const struct range_set *s)
{
    spinlock_t *lock = (spinlock_t *)&s->lock;

    spin_lock(lock);
    printk_raw("%s:", s->name);
    for (unsigned int i = 0; i < s->count; i++)
        printk_raw(" %llx-%llx", (unsigned long long)s->range[i].first,
                   (unsigned long long)s->range[i].last);
    printk_raw("\n");
    spin_unlock(lock);
}
