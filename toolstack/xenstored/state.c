/*
 * The state file as a whole: an empty store, one that was kept, the end of a step.
 *
 * What was kept is looked at from the root structure on. Every reference is checked to lead into
 * the file, to an object of the right size that nothing else is, before it is followed, and lists
 * are checked to end. So a damaged file is found, and set aside.
 */
#include "state.h"
#include "conn.h"
#include "domain.h"
#include "internal.h"
#include "transaction.h"
#include "tree.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void state_commit(void)
{
    tree_commit();
    perms_commit();
    domain_commit();
    arena_commit();
}

void state_rollback(void)
{
    watch_rollback();
    tree_rollback();
    perms_rollback();
    arena_rollback();
    domain_rollback();
}

static void make_empty(void)
{
    static const char *const nodes[] = { "/tool", "/tool/xenstored" };
    const uint32_t dom0_only = 0;
    struct state *s = state();
    size_t i;

    arena_save(s, sizeof(*s));
    if (getrandom(&s->seed, sizeof(s->seed), 0) != sizeof(s->seed))
        die("no random number: %s", strerror(errno));
    tree_seed(s->seed);
    s->tree = tree_new(perms_get(&dom0_only, 1));
    for (i = 0; i < SPECIALS; i++)
        s->special_perms[i] = perms_get(&dom0_only, 1);
    for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
        tree_add(&s->tree, (struct path){ nodes[i], strlen(nodes[i]) }, perms_get(&dom0_only, 1),
                 NULL, 0);
    domain_get(0)->nodes = 3;
    state_commit();
}

/* ---- what was kept */

/* One object of a list: 1, or -EINVAL; @size may be in it, so that its fixed part is looked at
 * first */
static int mark(ref_t ref, size_t fixed, size_t (*size)(ref_t ref))
{
    if (!arena_valid(ref, fixed))
        return -EINVAL;
    return arena_mark(ref, size ? size(ref) : fixed) == 1 ? 0 : -EINVAL;
}

static size_t size_of_message(ref_t ref)
{
    return message_size(message_at(ref));
}

static size_t size_of_watch(ref_t ref)
{
    return watch_size(watch_at(ref));
}

static int mark_messages(struct conn *c)
{
    uint32_t answers = 0, bytes = 0;
    ref_t ref, last = 0;

    for (ref = c->out_first; ref; ref = message_at(ref)->next) {
        struct message *m = message_at(ref);

        if (mark(ref, sizeof(*m), size_of_message) < 0 || m->len < sizeof(struct xsd_sockmsg))
            return -EINVAL;
        m->watch = 0;
        answers += !m->event;
        bytes += m->event ? m->len - (uint32_t)sizeof(struct xsd_sockmsg) : 0;
        last = ref;
    }
    if (last != c->out_last || answers != c->out_answers || bytes != c->out_event_bytes)
        return -EINVAL;
    return c->out_first ? (c->out_sent < message_at(c->out_first)->len ? 0 : -EINVAL)
                        : (c->out_sent ? -EINVAL : 0);
}

static int mark_watches(const struct conn *c)
{
    uint32_t count = 0;
    ref_t ref;

    for (ref = c->watches; ref; ref = watch_at(ref)->next, count++) {
        struct watch *w = watch_at(ref);

        if (mark(ref, sizeof(*w), size_of_watch) < 0 || w->conn != conn_ref(c) ||
            w->prefix >= w->path_len || watch_path(w)[w->path_len] || watch_token(w)[w->token_len])
            return -EINVAL;
        w->last = 0;
        watch_index(ref);
    }
    return count == c->watch_count ? 0 : -EINVAL;
}

static int mark_conn(struct conn *c)
{
    uint32_t count = 0;
    ref_t ref;

    c->link = NULL;
    if (c->ring ? c->buffer != 0
                : mark(c->buffer, CONN_BUFFER, NULL) < 0 || c->end > CONN_BUFFER || c->at > c->end)
        return -EINVAL;
    if (c->in_have >= sizeof(c->in) && c->in.len <= XENSTORE_PAYLOAD_MAX
            ? c->in_have > sizeof(c->in) + c->in.len ||
                  (c->in.len &&
                   (!arena_valid(c->in_body, c->in.len) || arena_mark(c->in_body, c->in.len) != 1))
            : c->in_have > sizeof(c->in) || c->in_body)
        return -EINVAL;
    for (ref = c->transactions; ref; ref = transaction_at(ref)->next, count++)
        if (mark(ref, sizeof(struct transaction), NULL) < 0)
            return -EINVAL;
    if (count != c->transaction_count || mark_messages(c) < 0)
        return -EINVAL;
    return mark_watches(c);
}

static int mark_all(void)
{
    struct state *s = state();
    ref_t ref;
    int i;

    tree_seed(s->seed);
    if (tree_mark(s->tree) < 0)
        return -EINVAL;
    for (i = 0; i < SPECIALS; i++)
        if (perms_mark(s->special_perms[i]) < 0)
            return -EINVAL;
    for (ref = s->domains; ref; ref = domain_at(ref)->next)
        if (mark(ref, sizeof(struct domain), NULL) < 0 || domain_index(ref) < 0)
            return -EINVAL;
    for (ref = s->conns; ref; ref = conn_at(ref)->next)
        if (mark(ref, sizeof(struct conn), NULL) < 0 || mark_conn(conn_at(ref)) < 0)
            return -EINVAL;
    for (ref = s->domains; ref; ref = domain_at(ref)->next)
        if (domain_at(ref)->conn && (!arena_valid(domain_at(ref)->conn, sizeof(struct conn)) ||
                                     conn_at(domain_at(ref)->conn)->domid != domain_at(ref)->domid))
            return -EINVAL;
    return 0;
}

/* What transactions saw ended with the process: they cannot be committed. */
static void forget_process(void)
{
    ref_t ref, t;

    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        for (t = conn_at(ref)->transactions; t; t = transaction_at(t)->next) {
            transaction_at(t)->base = 0;
            transaction_at(t)->root = tree_hold(state()->tree);
            transaction_at(t)->doomed = 1;
            transaction_at(t)->log = NULL;
        }
    state_commit();
}

static void forget_indexes(void)
{
    watch_reset();
    perms_reset();
    tree_reset();
    domain_reset();
}

int state_open(const char *path, bool recover)
{
    bool fresh;
    int rc = arena_open(path, &fresh);

    if (rc < 0)
        return rc;
    if (!fresh && mark_all() < 0) {
        if (!recover) {
            say(LOG_ERR, "%s does not hold together, and --no-recovery was given", path);
            return -EIO;
        }
        forget_indexes();
        rc = arena_reset(path);
        if (rc < 0)
            return rc;
        fresh = true;
    }
    arena_ready();
    if (fresh)
        make_empty();
    else
        forget_process();
    return 0;
}

void state_close(void)
{
    ref_t ref;

    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        transaction_close(conn_at(ref));
    forget_indexes();
    arena_close();
}

/* ---- CONTROL check */

static bool count_owner(const struct node *n, void *arg)
{
    uint32_t *owned = arg;

    owned[perms_owner(n->perms)]++;
    return tree_each(n->kids, count_owner, arg);
}

int state_check(void)
{
    static uint32_t owned[UINT16_MAX + 1];
    const struct node *top = node_at(state()->tree);
    int rc = 0;
    ref_t ref;

    memset(owned, 0, sizeof(owned));
    count_owner(top, owned);
    for (ref = state()->domains; ref; ref = domain_at(ref)->next) {
        const struct domain *d = domain_at(ref);

        if (d->nodes == owned[d->domid])
            continue;
        say(LOG_ERR, "domain %u owns %u nodes, counted were %u", d->domid, owned[d->domid],
            d->nodes);
        rc = -EINVAL;
    }
    return rc;
}
