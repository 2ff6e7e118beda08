/*
 * The queue of what a guest has said, a ring in memory that is doubled while it is full and below
 * its limit. Called by console.c, on the only thread.
 */
#include "xenconsoled/buffer.h"
#include <stdlib.h>
#include <string.h>

#define SMALLEST 4096ul

/* Twice the memory, or as much as the limit allows. Nothing changes if there is none. */
static void grow(struct buffer *b, size_t needed)
{
    size_t size = b->size ? b->size : SMALLEST;

    while (size < needed && size < b->limit)
        size *= 2;
    if (size > b->limit)
        size = b->limit;
    if (size <= b->size)
        return;
    char *data = malloc(size);
    if (!data)
        return;
    size_t first = b->count < b->size - b->start ? b->count : b->size - b->start;

    if (b->count) {
        memcpy(data, b->data + b->start, first);
        memcpy(data + first, b->data, b->count - first);
    }
    free(b->data);
    b->data = data;
    b->size = size;
    b->start = 0;
}

size_t buffer_put(struct buffer *b, const char *from, size_t count)
{
    size_t lost = 0;

    if (b->count + count > b->size)
        grow(b, b->count + count);
    if (count > b->size) {
        lost = count - b->size;
        from += lost;
        count = b->size;
    }
    if (b->count + count > b->size) {
        size_t over = b->count + count - b->size;

        b->start = (b->start + over) % b->size;
        b->count -= over;
        lost += over;
    }
    if (!count)
        return lost;
    size_t end = (b->start + b->count) % b->size;
    size_t first = count < b->size - end ? count : b->size - end;

    memcpy(b->data + end, from, first);
    memcpy(b->data, from + first, count - first);
    b->count += count;
    return lost;
}

size_t buffer_room(const struct buffer *b)
{
    return b->limit > b->count ? b->limit - b->count : 0;
}

size_t buffer_peek(const struct buffer *b, const char **from)
{
    if (!b->count)
        return 0;
    *from = b->data + b->start;
    return b->count < b->size - b->start ? b->count : b->size - b->start;
}

void buffer_drop(struct buffer *b, size_t count)
{
    b->count -= count;
    b->start = b->count ? (b->start + count) % b->size : 0;
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){ .limit = b->limit };
}
