/*
 * Priority queue of elements that carry their links (a leftist heap): nothing is allocated, so that
 * nothing can fail, and adding and removing take O(log n) steps in the worst case, whoever chose
 * the keys.
 */
#ifndef HV_PRIO_QUEUE_H
#define HV_PRIO_QUEUE_H

#include <hv/types.h>

struct prio_node {
    int64_t key; /* the smallest comes first */
    struct prio_node *left, *right, *parent;
    unsigned int dist; /* steps down the right side until there is nothing, this node included */
};

struct prio_queue {
    struct prio_node *root;
    unsigned int count;
};

/* `node` must not be in a queue. */
void prio_add(struct prio_queue *q, struct prio_node *node, int64_t key);
void prio_del(struct prio_queue *q, struct prio_node *node);
/* The element with the smallest key; NULL when empty. */
static inline struct prio_node *prio_first(const struct prio_queue *q)
{
    return q->root;
}
/* All elements once, starting with the first; otherwise in no useful order. */
struct prio_node *prio_next(const struct prio_node *node);

#endif
