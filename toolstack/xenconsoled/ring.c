/*
 * The two rings of a console's page (xen/io/console.h). Called by console.c, on the only thread.
 * Each shared index is read once into a local variable and checked there; whatever the guest writes
 * afterwards changes only which of its own bytes are copied, never where we read or write.
 */
#include "xenconsoled/ring.h"
#include <string.h>

size_t ring_take(struct xencons_interface *ring, char *to, size_t max, bool *wrong)
{
    XENCONS_RING_IDX cons = __atomic_load_n(&ring->out_cons, __ATOMIC_RELAXED);
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
    size_t count = (XENCONS_RING_IDX)(prod - cons);

    *wrong = count > RING_OUT_SIZE;
    if (*wrong) {
        __atomic_store_n(&ring->out_cons, prod, __ATOMIC_RELEASE);
        return 0;
    }
    if (count > max)
        count = max;
    size_t start = cons & (RING_OUT_SIZE - 1);
    size_t first = count < RING_OUT_SIZE - start ? count : RING_OUT_SIZE - start;

    memcpy(to, ring->out + start, first);
    memcpy(to + first, ring->out, count - first);
    /* The guest may reuse the place only after it was copied */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&ring->out_cons, cons + (XENCONS_RING_IDX)count, __ATOMIC_RELEASE);
    return count;
}

/* Bytes free between two indices of the guest's input */
static size_t room(XENCONS_RING_IDX cons, XENCONS_RING_IDX prod)
{
    size_t used = (XENCONS_RING_IDX)(prod - cons);

    return used > RING_IN_SIZE ? 0 : RING_IN_SIZE - used;
}

size_t ring_room(const struct xencons_interface *ring)
{
    return room(__atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE),
                __atomic_load_n(&ring->in_prod, __ATOMIC_RELAXED));
}

size_t ring_give(struct xencons_interface *ring, const char *from, size_t count)
{
    XENCONS_RING_IDX cons = __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE);
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->in_prod, __ATOMIC_RELAXED);
    size_t start = prod & (RING_IN_SIZE - 1), fits = room(cons, prod);

    if (count > fits)
        count = fits;
    size_t first = count < RING_IN_SIZE - start ? count : RING_IN_SIZE - start;

    memcpy(ring->in + start, from, first);
    memcpy(ring->in, from + first, count - first);
    /* The guest may read the bytes only after they are there */
    __atomic_store_n(&ring->in_prod, prod + (XENCONS_RING_IDX)count, __ATOMIC_RELEASE);
    return count;
}
