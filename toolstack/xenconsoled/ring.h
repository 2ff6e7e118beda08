/*
 * The page that a guest's console shares with us: two rings of bytes. Pure functions on that page
 * and our own memory, so that they can be tested with any page: all of it, also the index that is
 * ours, can be changed by the guest at any moment.
 */
#ifndef XENCONSOLED_RING_H
#define XENCONSOLED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>

/* The most that a guest can have said, or not yet read, bytes */
#define RING_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define RING_IN_SIZE  sizeof(((struct xencons_interface *)0)->in)

/*
 * Take what the guest has said, @max bytes at most, into @to; returns how many. *@wrong is set when
 * the guest's indices cannot be: then what is in the ring is dropped, and it is in order again.
 */
size_t ring_take(struct xencons_interface *ring, char *to, size_t max, bool *wrong);
/* Bytes that ring_give() could give now; 0 also when the indices cannot be */
size_t ring_room(const struct xencons_interface *ring);
/* Give the guest @count bytes to read; returns how many fitted */
size_t ring_give(struct xencons_interface *ring, const char *from, size_t count);

#endif
