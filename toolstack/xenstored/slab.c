/*
 * Pages of objects of one size each. A page's free objects are chained through their first word;
 * those that were never used are only counted, so a new page costs memory as it fills.
 *
 * An object freed in a step is given out again only after the step is committed, for the next
 * process may have to undo it; one allocated in a step that is rolled back is free at once.
 */
#include "slab.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE       65536u
#define PAGE_UNITS (PAGE / ARENA_UNIT)
#define CLASSES    40u
#define HEADROOM   64u /* pages: room for any one request, 4 MiB */
#define GROW_MIN   16u
#define NO_CLASS   0xffu

struct page {
    uint8_t size_class;
    uint16_t live;
    uint16_t used;       /* objects that were ever given out; those behind are untouched */
    uint16_t free;       /* unit of the first free object + 1, 0: none */
    uint32_t next, prev; /* in the list of its class, or of free pages: index + 1 */
    uint64_t *marks;     /* while the file is read back: a bit for each unit */
};

struct object {
    ref_t ref;
    uint32_t size;
};

struct list {
    struct object *items;
    size_t count, room;
};

static uint64_t heap;      /* its start in the file */
static struct page *pages; /* from there on */
static uint32_t page_count, page_room, free_pages;
static uint32_t partial[CLASSES]; /* pages of a class with room: index + 1 */
static uint32_t empty;            /* pages without a class */
static struct list fresh, freed;  /* of this step */
static size_t used;

/* Sizes rise by 16 bytes up to 256, then by a quarter of a power of two. */
static uint32_t class_of(size_t size)
{
    uint32_t units = (uint32_t)((size + ARENA_UNIT - 1) / ARENA_UNIT), shift;

    if (units <= 16)
        return units ? units - 1 : 0;
    shift = 31 - (uint32_t)__builtin_clz(units - 1);
    return 16 + (shift - 4) * 4 + (((units - 1) >> (shift - 2)) & 3);
}

static uint32_t units_of(uint32_t size_class)
{
    if (size_class < 16)
        return size_class + 1;
    return (5u + (size_class & 3)) << ((size_class - 16) / 4 + 2);
}

static uint32_t objects_of(uint32_t size_class)
{
    return PAGE_UNITS / units_of(size_class);
}

static ref_t ref_of(const struct page *p, uint32_t unit)
{
    return (ref_t)((heap + (uint64_t)(p - pages) * PAGE) / ARENA_UNIT + unit);
}

static void list_add(struct list *l, ref_t ref, size_t size)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->items = must(realloc(l->items, l->room * sizeof(*l->items)));
    }
    l->items[l->count++] = (struct object){ ref, (uint32_t)size };
}

static void link_page(uint32_t *head, struct page *p)
{
    p->prev = 0;
    p->next = *head;
    if (*head)
        pages[*head - 1].prev = (uint32_t)(p - pages) + 1;
    *head = (uint32_t)(p - pages) + 1;
}

static void unlink_page(uint32_t *head, struct page *p)
{
    if (p->prev)
        pages[p->prev - 1].next = p->next;
    else
        *head = p->next;
    if (p->next)
        pages[p->next - 1].prev = p->prev;
}

static void make_empty(struct page *p)
{
    *p = (struct page){ .size_class = NO_CLASS };
    link_page(&empty, p);
    free_pages++;
}

static void add_pages(uint32_t count)
{
    uint32_t i;

    if (page_count + count > page_room) {
        page_room = (page_count + count) * 2;
        pages = must(realloc(pages, page_room * sizeof(*pages)));
    }
    /* The first of them is the first to be used */
    page_count += count;
    for (i = 1; i <= count; i++)
        make_empty(&pages[page_count - i]);
}

/* By an eighth, so that the file is never much larger than what is in it */
static bool grow(void)
{
    uint32_t count = page_count / 8 > GROW_MIN ? page_count / 8 : GROW_MIN;
    uint64_t end = heap + (uint64_t)page_count * PAGE;

    if (!arena_grow(end, end + (uint64_t)count * PAGE))
        return false;
    add_pages(count);
    return true;
}

bool slab_headroom(void)
{
    while (free_pages < HEADROOM)
        if (!grow())
            return false;
    return true;
}

static struct page *page_with_room(uint32_t size_class)
{
    struct page *p;

    if (partial[size_class])
        return &pages[partial[size_class] - 1];
    if (!empty && !grow())
        die("no memory left below /run for the store");
    p = &pages[empty - 1];
    unlink_page(&empty, p);
    free_pages--;
    *p = (struct page){ .size_class = (uint8_t)size_class };
    link_page(&partial[size_class], p);
    return p;
}

ref_t slab_alloc(size_t size)
{
    uint32_t size_class = class_of(size), unit;
    struct page *p;
    ref_t ref;

    if (size > ARENA_OBJECT_MAX)
        die("an object of %zu bytes was asked for", size);
    p = page_with_room(size_class);
    if (p->free) {
        unit = p->free - 1;
        p->free = (uint16_t) * (uint32_t *)arena_at(ref_of(p, unit));
    } else {
        unit = p->used++ * units_of(size_class);
    }
    p->live++;
    if (!p->free && p->used == objects_of(size_class))
        unlink_page(&partial[size_class], p);
    used += units_of(size_class) * ARENA_UNIT;
    ref = ref_of(p, unit);
    list_add(&fresh, ref, size);
    return ref;
}

static struct page *page_of(ref_t ref, uint32_t *unit)
{
    uint64_t offset = (uint64_t)ref * ARENA_UNIT - heap;

    *unit = (uint32_t)(offset % PAGE / ARENA_UNIT);
    return &pages[offset / PAGE];
}

static void release(ref_t ref, size_t size)
{
    uint32_t size_class = class_of(size), unit;
    struct page *p = page_of(ref, &unit);
    bool was_full = !p->free && p->used == objects_of(size_class);

    *(uint32_t *)arena_at(ref) = p->free;
    p->free = (uint16_t)(unit + 1);
    p->live--;
    used -= units_of(size_class) * ARENA_UNIT;
    if (was_full)
        link_page(&partial[size_class], p);
    if (!p->live) {
        unlink_page(&partial[size_class], p);
        make_empty(p);
    }
}

void slab_free_later(ref_t ref, size_t size)
{
    list_add(&freed, ref, size);
}

static void release_all(struct list *l)
{
    size_t i;

    for (i = 0; i < l->count; i++)
        release(l->items[i].ref, l->items[i].size);
}

/* A list that had to be long once is not kept */
static void list_clear(struct list *l)
{
    l->count = 0;
    if (l->room > 4096) {
        free(l->items);
        *l = (struct list){ 0 };
    }
}

void slab_commit(void)
{
    release_all(&freed);
    list_clear(&freed);
    list_clear(&fresh);
}

void slab_rollback(void)
{
    release_all(&fresh);
    list_clear(&freed);
    list_clear(&fresh);
}

/* ---- reading a file back */

void slab_init(uint64_t from, uint64_t to)
{
    heap = from;
    add_pages((uint32_t)((to - from) / PAGE));
}

void slab_reset(void)
{
    uint32_t i;

    for (i = 0; i < page_count; i++)
        free(pages[i].marks);
    free(pages);
    free(fresh.items);
    free(freed.items);
    pages = NULL;
    fresh = freed = (struct list){ 0 };
    page_count = page_room = free_pages = empty = 0;
    memset(partial, 0, sizeof(partial));
    used = 0;
}

int slab_mark(ref_t ref, size_t size)
{
    uint64_t offset = (uint64_t)ref * ARENA_UNIT;
    uint32_t size_class = class_of(size), unit;
    struct page *p;

    if (size > ARENA_OBJECT_MAX || offset < heap || (offset - heap) / PAGE >= page_count)
        return -EINVAL;
    p = page_of(ref, &unit);
    if (p->size_class == NO_CLASS)
        p->size_class = (uint8_t)size_class;
    if (p->size_class != size_class || unit % units_of(size_class) ||
        unit / units_of(size_class) >= objects_of(size_class))
        return -EINVAL;
    if (!p->marks)
        p->marks = must(calloc(PAGE_UNITS / 64, sizeof(*p->marks)));
    if (p->marks[unit / 64] >> unit % 64 & 1)
        return 0;
    p->marks[unit / 64] |= 1ull << unit % 64;
    p->live++;
    used += units_of(size_class) * ARENA_UNIT;
    return 1;
}

/* Whatever was not marked is free, up to the last object in use. */
static void chain_free(struct page *p)
{
    uint32_t units = units_of(p->size_class), i, unit;

    for (i = objects_of(p->size_class); i-- > 0;) {
        unit = i * units;
        if (p->marks[unit / 64] >> unit % 64 & 1) {
            if (!p->used)
                p->used = (uint16_t)(i + 1);
        } else if (p->used) {
            *(uint32_t *)arena_at(ref_of(p, unit)) = p->free;
            p->free = (uint16_t)(unit + 1);
        }
    }
    free(p->marks);
    p->marks = NULL;
}

void slab_ready(void)
{
    struct page *p;
    uint32_t i;

    empty = free_pages = 0;
    for (i = page_count; i-- > 0;) {
        p = &pages[i];
        if (p->size_class == NO_CLASS) {
            make_empty(p);
            continue;
        }
        chain_free(p);
        if (p->free || p->used < objects_of(p->size_class))
            link_page(&partial[p->size_class], p);
    }
}

size_t slab_used(void)
{
    return used;
}
