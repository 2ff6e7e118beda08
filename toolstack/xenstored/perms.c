/*
 * Permission lists, and the table that finds a list's object: open addressing over references,
 * known only to the process.
 */
#include "perms.h"
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>

#define GONE UINT32_MAX /* in the table: something was here */

struct list {
    ref_t *refs;
    size_t count, room;
};

static ref_t *table;
static uint32_t room, filled;      /* filled: with those gone */
static struct list made, released; /* in this step */

static void list_add(struct list *l, ref_t ref)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 16;
        l->refs = must(realloc(l->refs, l->room * sizeof(*l->refs)));
    }
    l->refs[l->count++] = ref;
}

unsigned int perms_check(ref_t ref, const struct who *who)
{
    const struct perms *p = perms_at(ref);
    uint32_t i;

    if (who->privileged || perms_owner(ref) == who->domid || perms_owner(ref) == who->target)
        return ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;
    for (i = 1; i < p->count; i++) {
        uint32_t domid = p->entry[i] & 0xffff;

        if (domid == who->domid || (domid == who->target && domid != DOMID_INVALID))
            return p->entry[i] >> 16;
    }
    return p->entry[0] >> 16;
}

static int letter_access(char letter)
{
    switch (letter) {
    case 'n':
        return 0;
    case 'r':
        return ACCESS_READ;
    case 'w':
        return ACCESS_WRITE;
    case 'b':
        return ACCESS_READ | ACCESS_WRITE;
    }
    return -EINVAL;
}

int perms_parse(const char *text, size_t len, uint32_t *entry)
{
    const char *end = text + len;
    int count = 0;

    if (!len || text[len - 1])
        return -EINVAL;
    for (; text < end; text += strlen(text) + 1) {
        int access = letter_access(text[0]);
        char *rest;
        unsigned long domid;

        if (access < 0 || text[1] < '0' || text[1] > '9')
            return -EINVAL;
        errno = 0;
        domid = strtoul(text + 1, &rest, 10);
        if (*rest || errno || domid > UINT16_MAX || count == PERMS_MAX)
            return -EINVAL;
        entry[count++] = (uint32_t)domid | (uint32_t)access << 16;
    }
    return count;
}

int perms_format(ref_t ref, char *out, size_t size)
{
    const struct perms *p = perms_at(ref);
    size_t len = 0;
    uint32_t i;

    for (i = 0; i < p->count; i++) {
        if (i && (p->entry[i] & 0xffff) == DOMID_INVALID)
            continue;
        len += (size_t)snprintf(out + len, size - len, "%c%u", "nrwb"[p->entry[i] >> 16 & 3],
                                p -> entry[i] & 0xffff) +
               1;
        if (len > size)
            return -E2BIG;
    }
    return (int)len;
}

static uint32_t hash_of(const uint32_t *entry, uint32_t count)
{
    uint32_t h = 2166136261u, i;

    for (i = 0; i < count; i++)
        h = (h ^ entry[i]) * 16777619u ^ h >> 15;
    return h;
}

static bool same(ref_t ref, uint32_t hash, const uint32_t *entry, uint32_t count)
{
    const struct perms *p = perms_at(ref);

    return p->hash == hash && p->count == count && !memcmp(p->entry, entry, count * sizeof(*entry));
}

/* The place of a list in the table, or the free one where it belongs */
static ref_t *place(uint32_t hash, const uint32_t *entry, uint32_t count)
{
    uint32_t i = hash & (room - 1);
    ref_t *found = NULL;

    for (; table[i]; i = (i + 1) & (room - 1)) {
        if (table[i] == GONE) {
            if (!found)
                found = &table[i];
        } else if (same(table[i], hash, entry, count)) {
            return &table[i];
        }
    }
    return found ? found : &table[i];
}

static void grow(void)
{
    ref_t *old = table;
    uint32_t old_room = room, i, live = 0;

    for (i = 0; i < old_room; i++)
        live += old[i] && old[i] != GONE;
    room = 64;
    while (room < live * 4)
        room *= 2;
    table = must(calloc(room, sizeof(*table)));
    filled = live;
    for (i = 0; i < old_room; i++)
        if (old[i] && old[i] != GONE) {
            const struct perms *p = perms_at(old[i]);

            *place(p->hash, p->entry, p->count) = old[i];
        }
    free(old);
}

static void put(ref_t *where, ref_t ref)
{
    if (!*where)
        filled++;
    *where = ref;
}

static void forget(ref_t ref)
{
    const struct perms *p = perms_at(ref);
    ref_t *where = place(p->hash, p->entry, p->count);

    if (*where == ref)
        *where = GONE;
}

static void index_list(ref_t ref)
{
    const struct perms *p = perms_at(ref);
    ref_t *where;

    if (filled * 2 >= room)
        grow();
    where = place(p->hash, p->entry, p->count);
    if (!*where || *where == GONE)
        put(where, ref);
}

ref_t perms_get(const uint32_t *entry, uint32_t count)
{
    uint32_t hash = hash_of(entry, count);
    struct perms *p;
    ref_t *where, ref;

    if (filled * 2 >= room)
        grow();
    where = place(hash, entry, count);
    if (*where && *where != GONE)
        return perms_hold(*where);
    ref = arena_alloc(perms_size(count));
    p = perms_at(ref);
    *p = (struct perms){ .refs = 1, .hash = hash, .count = count };
    memcpy(p->entry, entry, count * sizeof(*entry));
    put(where, ref);
    list_add(&made, ref);
    return ref;
}

ref_t perms_get_owned(ref_t ref, uint32_t domid)
{
    uint32_t entry[PERMS_MAX], count = perms_at(ref)->count;

    if (perms_owner(ref) == domid)
        return perms_hold(ref);
    memcpy(entry, perms_at(ref)->entry, count * sizeof(*entry));
    entry[0] = (entry[0] & ~0xffffu) | domid;
    return perms_get(entry, count);
}

ref_t perms_hold(ref_t ref)
{
    arena_add(&perms_at(ref)->refs, 1);
    return ref;
}

void perms_release(ref_t ref)
{
    list_add(&released, ref);
}

static void drop(ref_t ref)
{
    struct perms *p = perms_at(ref);

    if (--p->refs)
        return;
    forget(ref);
    arena_free(ref, perms_size(p->count));
}

void perms_forget(uint32_t domid)
{
    uint32_t i, k;

    for (i = 0; i < room; i++) {
        struct perms *p;
        bool found = false;

        if (!table[i] || table[i] == GONE)
            continue;
        p = perms_at(table[i]);
        for (k = 1; k < p->count; k++)
            if ((p->entry[k] & 0xffff) == domid) {
                arena_set(&p->entry[k], DOMID_INVALID);
                found = true;
            }
        /* Found under its old content only; a list like the new one may be there already. */
        if (found) {
            arena_set(&p->hash, hash_of(p->entry, p->count));
            table[i] = GONE;
        }
    }
}

int perms_mark(ref_t ref)
{
    struct perms *p = perms_at(ref);
    int rc;

    if (!arena_valid(ref, sizeof(*p)) || p->count < 1 || p->count > PERMS_MAX)
        return -EINVAL;
    rc = arena_mark(ref, perms_size(p->count));
    if (rc < 0)
        return rc;
    if (rc) {
        p->refs = 0;
        index_list(ref);
    }
    p->refs++;
    return 0;
}

void perms_rollback(void)
{
    size_t i;

    for (i = 0; i < made.count; i++)
        forget(made.refs[i]);
    made.count = released.count = 0;
}

void perms_commit(void)
{
    size_t i;

    for (i = 0; i < released.count; i++)
        drop(released.refs[i]);
    made.count = released.count = 0;
}

void perms_reset(void)
{
    free(table);
    free(made.refs);
    free(released.refs);
    table = NULL;
    room = filled = 0;
    made = released = (struct list){ 0 };
}
