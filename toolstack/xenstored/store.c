/*
 * What a client may do with nodes, and what follows from it: accounts of domains, events of
 * watches, what a transaction has seen. tree.c makes the changes.
 */
#include "store.h"
#include "domain.h"
#include "internal.h"
#include "transaction.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const special_names[SPECIALS] = {
    [SPECIAL_INTRODUCE] = "@introduceDomain",
    [SPECIAL_RELEASE] = "@releaseDomain",
};

/* ---- paths */

static bool valid_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '/' || c == '_' || c == '@';
}

static bool valid_path(const char *s, size_t len)
{
    size_t i;

    if (!len || len > XENSTORE_ABS_PATH_MAX || (s[0] != '/' && s[0] != '@'))
        return false;
    if (len > 1 && s[len - 1] == '/')
        return false;
    for (i = 0; i < len; i++)
        if (!valid_char(s[i]) || (i && s[i] == '/' && s[i - 1] == '/'))
            return false;
    return true;
}

/* The length of "/local/domain/ID/" at the start of a path, or 0 */
static size_t domain_prefix(const char *s)
{
    unsigned int domid;
    int len = 0;

    if (sscanf(s, "/local/domain/%5u/%n", &domid, &len) != 1)
        return 0;
    return (size_t)len;
}

int store_path(const struct conn *conn, const char *text, size_t len, char *buffer,
               struct path *path, uint32_t *prefix)
{
    int before = 0;

    if (len && text[0] != '/' && text[0] != '@') {
        if (len > XENSTORE_REL_PATH_MAX)
            return -EINVAL;
        before = snprintf(buffer, STORE_PATH_BUFFER, "/local/domain/%u/", conn->domid);
        memcpy(buffer + before, text, len + 1);
        text = buffer;
        len += (size_t)before;
    }
    if (!valid_path(text, len))
        return -EINVAL;
    if (!conn->privileged && len > domain_prefix(text) + limits.path_max)
        return -EINVAL;
    *path = (struct path){ text, len };
    if (prefix)
        *prefix = (uint32_t)before;
    return 0;
}

int store_special(struct path path)
{
    int i;

    for (i = 0; i < SPECIALS; i++)
        if (strlen(special_names[i]) == path.len && !memcmp(special_names[i], path.s, path.len))
            return i;
    return -1;
}

/* ---- looking */

static ref_t *root_of(const struct view *view)
{
    return view->transaction ? &view->transaction->root : &state()->tree;
}

static int seen(const struct view *view, struct path path, enum seen what)
{
    return view->transaction ? transaction_seen(view->conn, view->transaction, path, what) : 0;
}

/*
 * @path is not there, @nearest is, whose path is the first @matched bytes of it: what follows needs
 * that the next name is still missing there, and that the list of permissions is still the same.
 */
static int seen_missing(const struct view *view, struct path path, size_t matched)
{
    const char *next = memchr(path.s + matched + 1, '/', path.len - matched - 1);
    struct path first = { path.s, next ? (size_t)(next - path.s) : path.len };
    struct path above = { path.s, matched ? matched : 1 };
    int rc = seen(view, first, SEEN_NODE);

    return rc < 0 ? rc : seen(view, above, SEEN_NODE);
}

/* The node, or what is nearest to it: *matched says which */
static int look(const struct view *view, struct path path, unsigned int access, ref_t *found,
                size_t *matched)
{
    struct who who = who_is(view->conn);
    int rc;

    *found = tree_find_nearest(*root_of(view), path, matched);
    rc = *matched < path.len ? seen_missing(view, path, *matched) : seen(view, path, SEEN_NODE);
    if (rc < 0)
        return rc;
    if ((perms_check(node_at(*found)->perms, &who) & access) != access)
        return -EACCES;
    return *matched < path.len ? -ENOENT : 0;
}

int store_get(const struct view *view, struct path path, unsigned int access, bool list,
              const struct node **node)
{
    size_t matched;
    ref_t found;
    int rc = look(view, path, access, &found, &matched);

    if (rc < 0)
        return rc;
    *node = node_at(found);
    return list ? seen(view, path, SEEN_LIST) : 0;
}

/* ---- accounts */

static void count_nodes(const struct view *view, uint32_t owner, int32_t nodes, int32_t bytes)
{
    struct domain *d;

    if (!view->transaction) {
        d = domain_get(owner);
        arena_add(&d->nodes, nodes);
        arena_add(&d->bytes, bytes);
        domain_check_memory(d);
    } else if (owner == view->conn->domid) {
        arena_add((uint32_t *)&view->transaction->nodes, nodes);
        arena_add((uint32_t *)&view->transaction->bytes, bytes);
    }
}

/* Whether the client may own this much more */
static int may_own(const struct view *view, uint32_t nodes, int32_t bytes)
{
    const struct domain *d;
    int64_t all_nodes, all_bytes;

    if (view->conn->privileged)
        return 0;
    d = domain_get(view->conn->domid);
    all_nodes = (int64_t)d->nodes + nodes;
    all_bytes = (int64_t)d->bytes + bytes;
    if (view->transaction) {
        all_nodes += view->transaction->nodes;
        all_bytes += view->transaction->bytes;
    }
    if (nodes && all_nodes > limits.nodes)
        return -ENOSPC;
    return bytes > 0 && limits.memory && all_bytes > limits.memory ? -ENOSPC : 0;
}

int store_account(const struct view *view, int32_t bytes)
{
    int rc = may_own(view, 0, bytes);
    struct domain *d;

    if (rc < 0)
        return rc;
    d = domain_get(view->conn->domid);
    arena_add(&d->bytes, bytes);
    return 0;
}

/* ---- changing */

static void changed(const struct view *view, struct path path, ref_t before, ref_t after,
                    ref_t removed)
{
    if (!view->transaction)
        watch_changed(path, before, after, removed);
}

/* Make @path and what is missing above it, below @nearest with the first @matched bytes of it */
static int create(const struct view *view, struct path path, ref_t nearest, size_t matched,
                  const void *value, size_t len)
{
    ref_t perms = node_at(nearest)->perms;
    uint32_t missing = 0, bytes = (uint32_t)len, owner;
    struct path part = path;
    const char *slash;
    size_t i;
    int rc;

    for (i = matched; i < path.len; i++)
        missing += path.s[i] == '/';
    bytes += (uint32_t)(path.len - matched) + missing * (uint32_t)sizeof(struct node);
    rc = may_own(view, missing, (int32_t)bytes);
    if (rc < 0)
        return rc;
    owner = view->conn->privileged ? perms_owner(perms) : view->conn->domid;
    perms = perms_get_owned(perms, owner);
    do {
        slash = memchr(path.s + matched + 1, '/', path.len - matched - 1);
        part.len = matched = slash ? (size_t)(slash - path.s) : path.len;
        tree_add(root_of(view), part, slash ? perms_hold(perms) : perms, value, slash ? 0 : len);
    } while (slash);
    count_nodes(view, owner, (int32_t)missing, (int32_t)bytes);
    changed(view, path, 0, perms, 0);
    return 0;
}

int store_write(const struct view *view, struct path path, const void *value, size_t len)
{
    const struct node *n;
    size_t matched;
    int32_t more;
    ref_t found;
    int rc;

    if (!view->conn->privileged && len > limits.node_size)
        return -ENOSPC;
    rc = look(view, path, ACCESS_WRITE, &found, &matched);
    if (rc == -ENOENT)
        return create(view, path, found, matched, value, len);
    if (rc < 0)
        return rc;
    n = node_at(found);
    more = (int32_t)len - n->value_len;
    rc = may_own(view, 0, more);
    if (rc < 0)
        return rc;
    count_nodes(view, perms_owner(n->perms), 0, more);
    changed(view, path, n->perms, n->perms, 0);
    tree_set_value(root_of(view), path, value, len);
    return 0;
}

int store_mkdir(const struct view *view, struct path path)
{
    size_t matched;
    ref_t found;
    int rc = look(view, path, ACCESS_WRITE, &found, &matched);

    return rc == -ENOENT ? create(view, path, found, matched, NULL, 0) : rc;
}

struct leaving {
    const struct view *view;
    uint32_t owner;
    int32_t nodes, bytes; /* not yet counted */
};

/* Nodes of an owner follow one another: count them together */
static bool leave(const struct node *n, void *arg)
{
    struct leaving *l = arg;
    uint32_t owner = perms_owner(n->perms);

    if (owner != l->owner) {
        if (l->nodes)
            count_nodes(l->view, l->owner, -l->nodes, -l->bytes);
        l->owner = owner;
        l->nodes = l->bytes = 0;
    }
    l->nodes++;
    l->bytes += (int32_t)sizeof(*n) + n->name_len + 1 + n->value_len;
    return tree_each(n->kids, leave, l);
}

static void remove_node(const struct view *view, struct path path)
{
    ref_t removed = tree_remove(root_of(view), path);
    struct leaving l = { .view = view, .owner = perms_owner(node_at(removed)->perms) };

    leave(node_at(removed), &l);
    count_nodes(view, l.owner, -l.nodes, -l.bytes);
    changed(view, path, node_at(removed)->perms, 0, removed);
    tree_release(removed);
}

int store_remove(const struct view *view, struct path path)
{
    const char *slash = memrchr(path.s, '/', path.len);
    size_t matched;
    ref_t found;
    int rc;

    if (path.len == 1)
        return -EINVAL;
    rc = look(view, path, ACCESS_WRITE, &found, &matched);
    if (rc == -ENOENT)
        return matched == (size_t)(slash - path.s) ? 0 : rc;
    if (rc < 0)
        return rc;
    remove_node(view, path);
    return 0;
}

static void give(const struct view *view, struct path path, ref_t perms)
{
    const struct node *n = node_at(tree_find(*root_of(view), path));
    int32_t bytes = (int32_t)sizeof(*n) + n->name_len + 1 + n->value_len;

    if (perms_owner(n->perms) != perms_owner(perms)) {
        count_nodes(view, perms_owner(n->perms), -1, -bytes);
        count_nodes(view, perms_owner(perms), 1, bytes);
    }
    changed(view, path, n->perms, perms, 0);
    tree_set_perms(root_of(view), path, perms);
}

int store_set_perms(const struct view *view, struct path path, const uint32_t *entry,
                    uint32_t count)
{
    size_t matched;
    ref_t found;
    int rc = look(view, path, ACCESS_WRITE | ACCESS_OWNER, &found, &matched);

    if (rc < 0)
        return rc;
    if (!view->conn->privileged) {
        if (count > limits.permissions)
            return -ENOSPC;
        if (perms_owner(node_at(found)->perms) != (entry[0] & 0xffff))
            return -EPERM;
    }
    give(view, path, perms_get(entry, count));
    return 0;
}

/* ---- the end of a domain */

struct search {
    uint32_t domid;
    char path[XENSTORE_ABS_PATH_MAX + 1];
    size_t len;
    char **found; /* paths of nodes that it owns, each not below another */
    size_t count, room;
};

static bool find_owned(const struct node *n, void *arg)
{
    struct search *s = arg;
    size_t len = s->len;

    s->path[s->len++] = '/';
    memcpy(s->path + s->len, n->data, n->name_len);
    s->len += n->name_len;
    if (perms_owner(n->perms) == s->domid) {
        if (s->count == s->room) {
            s->room = s->room * 2 + 16;
            s->found = must(realloc(s->found, s->room * sizeof(*s->found)));
        }
        s->found[s->count++] = must(strndup(s->path, s->len));
    } else {
        tree_each(n->kids, find_owned, s);
    }
    s->len = len;
    return true;
}

static void forget_at(const struct view *view, struct path path, bool keep)
{
    const struct node *n = node_at(tree_find(state()->tree, path));

    if (keep)
        give(view, path, perms_get_owned(n->perms, 0));
    else
        remove_node(view, path);
}

void store_forget_domain(uint32_t domid, bool keep)
{
    const struct view view = { 0 };
    struct search s = { .domid = domid };
    const struct domain *d = domain_find(domid);
    char home[32];
    struct path path = { home, 0 };
    ref_t found;
    size_t i;

    perms_forget(domid);
    /* It mostly owns nothing outside of its home; the rest of the store need not be searched then
     */
    path.len = (size_t)snprintf(home, sizeof(home), "/local/domain/%u", domid);
    found = tree_find(state()->tree, path);
    if (d && d->nodes && !keep && found && perms_owner(node_at(found)->perms) == domid)
        remove_node(&view, path);
    while (d && d->nodes) {
        tree_each(node_at(state()->tree)->kids, find_owned, &s);
        if (!s.count)
            break;
        for (i = 0; i < s.count; i++) {
            forget_at(&view, (struct path){ s.found[i], strlen(s.found[i]) }, keep);
            free(s.found[i]);
        }
        s.count = 0;
    }
    free(s.found);
}
