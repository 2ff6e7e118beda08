/*
 * Nodes: finding, copying on change, the treap of a node's children, freeing. Called by store.c and
 * transaction.c.
 *
 * A link (a node's left, right, kids, or a root) is one use of a node. own() makes the node behind
 * a link the link's alone, copying it if another link has it too. A changing function owns
 * everything from the root down to what it changes, so no other snapshot sees the change.
 */
#include "tree.h"
#include "internal.h"
#include "perms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *s;
    size_t len;
};

static uint64_t seed;
static ref_t *released;
static size_t released_count, released_room;

/* ---- names */

static bool numeric(struct name n)
{
    size_t i;

    for (i = 0; i < n.len; i++)
        if (n.s[i] < '0' || n.s[i] > '9')
            return false;
    return n.len > 0;
}

/* Numbers first, by value; then bytes. */
static int compare(struct name a, struct name b)
{
    bool number = numeric(a);
    int rc;

    if (number != numeric(b))
        return number ? -1 : 1;
    if (number && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    rc = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);
    if (rc)
        return rc;
    return a.len < b.len ? -1 : a.len > b.len;
}

static struct name name_of(const struct node *n)
{
    return (struct name){ n->data, n->name_len };
}

/* Take the next name off the front of @rest */
static bool next_name(struct path *rest, struct name *name)
{
    const char *slash;

    if (rest->len < 2) /* nothing, or "/" */
        return false;
    name->s = rest->s + 1;
    slash = memchr(name->s, '/', rest->len - 1);
    name->len = slash ? (size_t)(slash - name->s) : rest->len - 1;
    rest->s += name->len + 1;
    rest->len -= name->len + 1;
    return true;
}

/* ---- finding */

static ref_t find_child(ref_t kids, struct name name)
{
    int order;

    while (kids) {
        const struct node *n = node_at(kids);

        order = compare(name, name_of(n));
        if (!order)
            break;
        kids = order < 0 ? n->left : n->right;
    }
    return kids;
}

ref_t tree_find_nearest(ref_t root, struct path path, size_t *matched)
{
    struct path rest = path;
    struct name name;
    ref_t child;

    *matched = 0;
    while (next_name(&rest, &name)) {
        child = find_child(node_at(root)->kids, name);
        if (!child)
            return root;
        root = child;
        *matched = path.len - rest.len;
    }
    *matched = path.len;
    return root;
}

ref_t tree_find(ref_t root, struct path path)
{
    size_t matched;
    ref_t found = tree_find_nearest(root, path, &matched);

    return matched == path.len ? found : 0;
}

bool tree_each(ref_t kids, tree_visit visit, void *arg)
{
    for (; kids; kids = node_at(kids)->right)
        if (!tree_each(node_at(kids)->left, visit, arg) || !visit(node_at(kids), arg))
            return false;
    return true;
}

const struct node *tree_after(ref_t kids, const struct node *previous)
{
    const struct node *found = NULL;

    while (kids) {
        const struct node *n = node_at(kids);

        if (!previous || compare(name_of(previous), name_of(n)) < 0) {
            found = n;
            kids = n->left;
        } else {
            kids = n->right;
        }
    }
    return found;
}

/* ---- users */

ref_t tree_hold(ref_t ref)
{
    if (ref)
        arena_add(&node_at(ref)->refs, 1);
    return ref;
}

void tree_release(ref_t ref)
{
    if (!ref)
        return;
    if (released_count == released_room) {
        released_room = released_room ? released_room * 2 : 64;
        released = must(realloc(released, released_room * sizeof(*released)));
    }
    released[released_count++] = ref;
}

/* The counts change outside of the undo log: a commit is not undone, and the next process counts
 * again. */
void tree_commit(void)
{
    struct node *n;
    ref_t ref;

    while (released_count) {
        ref = released[--released_count];
        n = node_at(ref);
        if (--n->refs)
            continue;
        tree_release(n->left);
        tree_release(n->right);
        tree_release(n->kids);
        perms_release(n->perms);
        arena_free(ref, node_size(n));
    }
    if (released_room > 65536) {
        free(released);
        released = NULL;
        released_room = 0;
    }
}

void tree_rollback(void)
{
    released_count = 0;
}

void tree_reset(void)
{
    free(released);
    released = NULL;
    released_count = released_room = 0;
}

/* The node @ref for a link's own use */
static ref_t own(ref_t ref)
{
    struct node *n = node_at(ref), *copy;
    ref_t made;

    if (n->refs == 1)
        return ref;
    made = arena_alloc(node_size(n));
    copy = node_at(made);
    memcpy(copy, n, node_size(n));
    copy->refs = 1;
    tree_hold(n->left);
    tree_hold(n->right);
    tree_hold(n->kids);
    perms_hold(n->perms);
    arena_add(&n->refs, -1);
    return made;
}

static struct node *own_link(ref_t *link)
{
    ref_t ref = own(*link);

    if (ref != *link)
        arena_set(link, ref);
    return node_at(ref);
}

/* The link of a child that is there, owned */
static ref_t *own_child(ref_t *link, struct name name)
{
    struct node *n;
    int order;

    for (;;) {
        n = own_link(link);
        order = compare(name, name_of(n));
        if (!order)
            return link;
        link = order < 0 ? &n->left : &n->right;
    }
}

static ref_t *own_path(ref_t *link, struct path path)
{
    struct name name;
    struct node *n = own_link(link);

    while (next_name(&path, &name)) {
        link = own_child(&n->kids, name);
        n = node_at(*link);
    }
    return link;
}

/* ---- changing */

void tree_seed(uint64_t number)
{
    seed = number;
}

/* The place of a node in the treap: parents have the larger number. Hashes that nobody can foresee
 * keep it balanced whatever names a guest chooses. */
static uint64_t priority(const struct node *n)
{
    uint64_t h = seed;
    size_t i;

    for (i = 0; i < n->name_len; i++)
        h = (h ^ (uint8_t)n->data[i]) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 32;
    return h * 0xd6e8feb86659fd93ull;
}

static ref_t new_node(struct name name, ref_t perms, const void *value, size_t len)
{
    ref_t ref = arena_alloc(offsetof(struct node, data) + name.len + len);
    struct node *n = node_at(ref);

    *n = (struct node){
        .refs = 1,
        .perms = perms,
        .name_len = (uint16_t)name.len,
        .value_len = (uint16_t)len,
    };
    memcpy(n->data, name.s, name.len);
    if (len)
        memcpy(n->data + name.len, value, len);
    return ref;
}

ref_t tree_new(ref_t perms)
{
    return new_node((struct name){ "", 0 }, perms, NULL, 0);
}

void tree_set_value(ref_t *root, struct path path, const void *value, size_t len)
{
    ref_t *link = own_path(root, path), old = *link, made;
    struct node *n = node_at(old), *m;

    made = new_node(name_of(n), n->perms, value, len);
    m = node_at(made);
    m->left = n->left;
    m->right = n->right;
    m->kids = n->kids;
    arena_set(link, made);
    arena_free(old, node_size(n));
}

void tree_set_perms(ref_t *root, struct path path, ref_t perms)
{
    struct node *n = node_at(*own_path(root, path));

    perms_release(n->perms);
    arena_set(&n->perms, perms);
}

/* Those before @name of the treap @from behind @before, those after it behind @after */
static void split(ref_t from, struct name name, ref_t *before, ref_t *after)
{
    struct node *n;

    while (from) {
        from = own(from);
        n = node_at(from);
        if (compare(name_of(n), name) < 0) {
            arena_set(before, from);
            before = &n->right;
            from = n->right;
        } else {
            arena_set(after, from);
            after = &n->left;
            from = n->left;
        }
    }
    arena_set(before, 0);
    arena_set(after, 0);
}

void tree_add(ref_t *root, struct path path, ref_t perms, const void *value, size_t len)
{
    const char *slash = memrchr(path.s, '/', path.len);
    struct name name = { slash + 1, path.len - (size_t)(slash + 1 - path.s) };
    ref_t ref = new_node(name, perms, value, len), *link;
    struct node *made = node_at(ref), *n;

    path.len = slash == path.s ? 1 : (size_t)(slash - path.s);
    link = &node_at(*own_path(root, path))->kids;
    while (*link && priority(node_at(*link)) >= priority(made)) {
        n = own_link(link);
        link = compare(name, name_of(n)) < 0 ? &n->left : &n->right;
    }
    split(*link, name, &made->left, &made->right);
    arena_set(link, ref);
}

/* What is below a link's node in the treap takes its place. */
ref_t tree_remove(ref_t *root, struct path path)
{
    ref_t *link = own_path(root, path), removed = *link;
    struct node *n = node_at(removed);
    ref_t left = n->left, right = n->right;

    while (left && right) {
        if (priority(node_at(left)) >= priority(node_at(right))) {
            left = own(left);
            arena_set(link, left);
            link = &node_at(left)->right;
            left = *link;
        } else {
            right = own(right);
            arena_set(link, right);
            link = &node_at(right)->left;
            right = *link;
        }
    }
    arena_set(link, left ? left : right);
    arena_set(&n->left, 0);
    arena_set(&n->right, 0);
    return removed;
}

/* ---- reading back */

/* The list of what is to be released serves as the list of what is to be visited. */
int tree_mark(ref_t root)
{
    struct node *n;
    ref_t ref;
    int rc = 0;

    tree_release(root);
    while (released_count && rc >= 0) {
        ref = released[--released_count];
        n = node_at(ref);
        if (!arena_valid(ref, offsetof(struct node, data))) {
            rc = -EINVAL;
            break;
        }
        rc = arena_mark(ref, node_size(n));
        if (rc == 1) {
            n->refs = 0;
            tree_release(n->left);
            tree_release(n->right);
            tree_release(n->kids);
            rc = perms_mark(n->perms);
        }
        n->refs++;
    }
    released_count = 0;
    return rc < 0 ? rc : 0;
}
