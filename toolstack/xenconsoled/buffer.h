/*
 * What a guest has said and nobody has read: a queue of bytes with a limit, which takes memory as
 * it grows. All bytes are the guest's; their number never exceeds the limit.
 */
#ifndef XENCONSOLED_BUFFER_H
#define XENCONSOLED_BUFFER_H

#include <stddef.h>

struct buffer {
    char *data; /* from malloc(), `size` bytes */
    size_t size, start, count;
    size_t limit; /* bytes; may be changed, never below `count` */
};

/* Append @count bytes. Those that are too many, or for which there is no memory, push out the
 * oldest ones; returns how many were pushed out. */
size_t buffer_put(struct buffer *b, const char *from, size_t count);
/* Bytes that can be put without pushing any out */
size_t buffer_room(const struct buffer *b);
/* The oldest bytes that lie in a row: returns how many, *@from is where */
size_t buffer_peek(const struct buffer *b, const char **from);
/* Remove the @count oldest bytes, at most as many as peek gave */
void buffer_drop(struct buffer *b, size_t count);
void buffer_free(struct buffer *b);

#endif
