/*
 * The leftist heap behind hv/prio_queue.h. In every node the left side's `dist` is at least the
 * right side's, so the path down the right sides has at most log2(n + 1) nodes, and merging two
 * heaps only touches those paths. The caller's lock guards the queue.
 */
#include <hv/prio_queue.h>

static unsigned int dist(const struct prio_node *node)
{
    return node ? node->dist : 0;
}

/* Restore the shape at one node whose sides are in order. */
static void settle(struct prio_node *node)
{
    if (dist(node->left) < dist(node->right)) {
        struct prio_node *left = node->left;

        node->left = node->right;
        node->right = left;
    }
    node->dist = dist(node->right) + 1;
}

/* One heap out of two; its root's parent is the caller's to set. */
static struct prio_node *merge(struct prio_node *a, struct prio_node *b)
{
    struct prio_node *root = NULL, *last = NULL;

    while (a && b) {
        struct prio_node *first = b->key < a->key ? b : a;

        if (first == b) {
            b = a;
            a = first;
        }
        if (last)
            last->right = first;
        else
            root = first;
        first->parent = last;
        last = first;
        a = first->right;
    }
    if (!last)
        return a ? a : b;

    last->right = a ? a : b;
    if (last->right)
        last->right->parent = last;
    for (; last; last = last->parent)
        settle(last);
    return root;
}

void prio_add(struct prio_queue *q, struct prio_node *node, int64_t key)
{
    *node = (struct prio_node){ .key = key, .dist = 1 };
    q->root = merge(q->root, node);
    q->root->parent = NULL;
    q->count++;
}

void prio_del(struct prio_queue *q, struct prio_node *node)
{
    struct prio_node *up = node->parent;
    struct prio_node *sub = merge(node->left, node->right);

    if (sub)
        sub->parent = up;
    if (!up)
        q->root = sub;
    else if (up->left == node)
        up->left = sub;
    else
        up->right = sub;

    for (; up; up = up->parent) {
        unsigned int before = up->dist;

        settle(up);
        if (up->dist == before)
            break;
    }
    node->left = node->right = node->parent = NULL;
    q->count--;
}

struct prio_node *prio_next(const struct prio_node *node)
{
    const struct prio_node *up;

    if (node->left)
        return node->left;
    if (node->right)
        return node->right;
    for (up = node->parent; up; node = up, up = up->parent) {
        if (up->right && up->right != node)
            return up->right;
    }
    return NULL;
}
