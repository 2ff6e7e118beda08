/*
 * The tree of nodes in the state file. The children of a node are a balanced tree (a treap) linked
 * through the nodes themselves. A node is shared by all snapshots that have it, and copied when one
 * of them changes it; so a snapshot costs one reference.
 *
 * All changes are part of a step (arena.h). Nodes that lose their last user in a step stay readable
 * until it is committed.
 */
#ifndef XENSTORED_TREE_H
#define XENSTORED_TREE_H

#include "arena.h"

struct node {
    uint32_t refs;     /* links and snapshots that have it */
    ref_t left, right; /* its siblings in the treap */
    ref_t kids;
    ref_t perms;
    uint16_t name_len, value_len;
    char data[]; /* the name, then the value; no end */
};

/* A path that was checked: "/", or "/" and names with "/" between them */
struct path {
    const char *s;
    size_t len;
};

static inline struct node *node_at(ref_t ref)
{
    return arena_at(ref);
}
static inline const char *node_value(const struct node *n)
{
    return n->data + n->name_len;
}
static inline size_t node_size(const struct node *n)
{
    return offsetof(struct node, data) + n->name_len + n->value_len;
}

/* Names are given their places by a hash that a guest cannot foresee: a number for the life of a
 * state file, to be set before anything else. */
void tree_seed(uint64_t seed);

/* A tree of one node without a name and value; takes over the caller's use of @perms */
ref_t tree_new(ref_t perms);

/* 0: not there */
ref_t tree_find(ref_t root, struct path path);
/* The node at @path or the nearest above it; *matched: how much of @path it has */
ref_t tree_find_nearest(ref_t root, struct path path, size_t *matched);

/* Give the node at @path, which exists, another value, or another list (taking over its use) */
void tree_set_value(ref_t *root, struct path path, const void *value, size_t len);
void tree_set_perms(ref_t *root, struct path path, ref_t perms);
/* Add a node whose parent exists, and that does not; takes over the use of @perms */
void tree_add(ref_t *root, struct path path, ref_t perms, const void *value, size_t len);
/* Take the node at @path, not "/", and all below out of the tree; the caller gets its use */
ref_t tree_remove(ref_t *root, struct path path);

/* A snapshot: one more user of @ref, and one less, which takes effect with the commit */
ref_t tree_hold(ref_t ref);
void tree_release(ref_t ref);

/* The children in order: numbers by value, then the other names by their bytes. Stops when @visit
 * returns false. */
typedef bool (*tree_visit)(const struct node *child, void *arg);
bool tree_each(ref_t kids, tree_visit visit, void *arg);
/* The first child, or that after the name of @previous; NULL: none */
const struct node *tree_after(ref_t kids, const struct node *previous);

/*
 * Read back: mark the nodes below @root, count their users, index their lists. 0, or -EINVAL when
 * something cannot be. To be called for each snapshot.
 */
int tree_mark(ref_t root);

/* The end of a step: nodes without a user are freed */
void tree_commit(void);
void tree_rollback(void);
void tree_reset(void);

#endif
