/*
 * Transactions and their turns. What a transaction saw is kept as paths and compared, at its end,
 * between the snapshot that it began with and the store: values, lists of permissions, names of
 * children, not times. So what others did elsewhere, or what they did and took back, is no
 * conflict.
 *
 * What it saw and did is in memory of the process. A transaction that was open when the daemon was
 * killed goes on with the store as it was then, and its commit fails with EAGAIN: clients know
 * that.
 */
#include "transaction.h"
#include "conn.h"
#include "internal.h"
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sight {
    char *path; /* with an end */
    uint32_t len;
    uint32_t hash;
    unsigned int what; /* enum seen */
};

struct deed {
    enum xsd_sockmsg_type type;
    char *path;
    size_t path_len;
    void *data;
    size_t len;
};

struct transaction_log {
    struct sight *sights;
    size_t sight_count, sight_room;
    uint32_t *index; /* by hash: a sight's number + 1 */
    size_t index_room;
    struct deed *deeds;
    size_t deed_count, deed_room;
    size_t bytes; /* of all that */
};

/*
 * After this many commits that failed in a row, a client's next transaction is a turn. A turn takes
 * TURN_MS at most, twice as long with each further failure, up to 2^TURN_DOUBLINGS; after it there
 * is none for PAUSE times as long as it took. So a client that asks for turns on purpose takes a
 * tenth of the time from others, and a transaction that can be done within 640 ms is done.
 */
#define TURN_AFTER     3u
#define TURN_MS        10u
#define TURN_DOUBLINGS 6u
#define PAUSE          9

static struct {
    ref_t conn; /* whose it is; 0: nobody's */
    uint32_t id;
    int64_t start, end; /* ms */
    int64_t next;       /* not before */
} turn;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- turns */

static void turn_begin(const struct conn *conn, uint32_t id)
{
    int64_t now = now_ms();
    uint32_t doublings = conn->failures - TURN_AFTER;

    if (turn.conn || now < turn.next)
        return;
    if (doublings > TURN_DOUBLINGS)
        doublings = TURN_DOUBLINGS;
    turn.conn = conn_ref(conn);
    turn.id = id;
    turn.start = now;
    turn.end = now + (TURN_MS << doublings);
}

static void turn_over(void)
{
    int64_t now = now_ms();

    turn.next = now + PAUSE * (now - turn.start);
    turn.conn = 0;
}

bool transaction_must_wait(const struct conn *conn)
{
    return turn.conn && conn_at(turn.conn) != conn && now_ms() < turn.end;
}

int transaction_turn(void)
{
    int64_t left;

    if (!turn.conn)
        return -1;
    left = turn.end - now_ms();
    if (left > 0)
        return (int)left;
    turn_over();
    return -1;
}

/* ---- what was seen and done */

static uint32_t hash_path(struct path path)
{
    uint32_t h = 2166136261u;
    size_t i;

    for (i = 0; i < path.len; i++)
        h = (h ^ (uint8_t)path.s[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t *find_sight(const struct transaction_log *log, struct path path, uint32_t hash)
{
    size_t i = hash & (log->index_room - 1);

    for (; log->index[i]; i = (i + 1) & (log->index_room - 1)) {
        const struct sight *s = &log->sights[log->index[i] - 1];

        if (s->hash == hash && s->len == path.len && !memcmp(s->path, path.s, path.len))
            break;
    }
    return &log->index[i];
}

static void grow_sights(struct transaction_log *log)
{
    size_t i;

    log->sight_room = log->sight_room ? log->sight_room * 2 : 16;
    log->sights = must(realloc(log->sights, log->sight_room * sizeof(*log->sights)));
    free(log->index);
    log->index_room = log->sight_room * 2;
    log->index = must(calloc(log->index_room, sizeof(*log->index)));
    for (i = 0; i < log->sight_count; i++) {
        const struct sight *s = &log->sights[i];

        *find_sight(log, (struct path){ s->path, s->len }, s->hash) = (uint32_t)i + 1;
    }
}

/* A client's log must not become larger than all that it may have in the store. */
static int charge(const struct conn *conn, struct transaction_log *log, size_t bytes)
{
    if (!conn->privileged && limits.memory && log->bytes + bytes > limits.memory)
        return -ENOSPC;
    log->bytes += bytes;
    return 0;
}

int transaction_seen(struct conn *conn, struct transaction *t, struct path path, enum seen what)
{
    struct transaction_log *log = t->log;
    uint32_t hash = hash_path(path), *where;

    if (!log)
        return 0;
    if (log->sight_count == log->sight_room)
        grow_sights(log);
    where = find_sight(log, path, hash);
    if (*where) {
        log->sights[*where - 1].what |= what;
        return 0;
    }
    if (!conn->privileged && log->sight_count >= limits.transaction_nodes)
        return -ENOSPC;
    if (charge(conn, log, sizeof(*log->sights) + path.len) < 0)
        return -ENOSPC;
    log->sights[log->sight_count++] = (struct sight){
        .path = must(strndup(path.s, path.len)),
        .len = (uint32_t)path.len,
        .hash = hash,
        .what = what,
    };
    *where = (uint32_t)log->sight_count;
    return 0;
}

int transaction_did(struct conn *conn, struct transaction *t, enum xsd_sockmsg_type type,
                    struct path path, const void *data, size_t len)
{
    struct transaction_log *log = t->log;
    struct deed *d;

    if (!log)
        return 0;
    if (charge(conn, log, sizeof(*d) + path.len + len) < 0)
        return -ENOSPC;
    if (log->deed_count == log->deed_room) {
        log->deed_room = log->deed_room ? log->deed_room * 2 : 16;
        log->deeds = must(realloc(log->deeds, log->deed_room * sizeof(*log->deeds)));
    }
    d = &log->deeds[log->deed_count++];
    *d = (struct deed){ type, must(strndup(path.s, path.len)), path.len, NULL, len };
    if (len) {
        d->data = must(malloc(len));
        memcpy(d->data, data, len);
    }
    return 0;
}

static void free_log(struct transaction_log *log)
{
    size_t i;

    if (!log)
        return;
    for (i = 0; i < log->sight_count; i++)
        free(log->sights[i].path);
    for (i = 0; i < log->deed_count; i++) {
        free(log->deeds[i].path);
        free(log->deeds[i].data);
    }
    free(log->sights);
    free(log->index);
    free(log->deeds);
    free(log);
}

/* ---- begin and end */

struct transaction *transaction_find(const struct conn *conn, uint32_t id)
{
    ref_t ref;

    for (ref = conn->transactions; ref; ref = transaction_at(ref)->next)
        if (transaction_at(ref)->id == id)
            return transaction_at(ref);
    return NULL;
}

int transaction_start(struct conn *conn, uint32_t *id)
{
    struct transaction *t;
    ref_t ref;

    if (!conn->privileged && conn->transaction_count >= limits.transactions)
        return -ENOSPC;
    do
        arena_add(&state()->next_transaction, 1);
    while (!state()->next_transaction || transaction_find(conn, state()->next_transaction));
    ref = arena_alloc(sizeof(*t));
    t = transaction_at(ref);
    *t = (struct transaction){
        .next = conn->transactions,
        .id = state()->next_transaction,
        .base = tree_hold(state()->tree),
        .root = tree_hold(state()->tree),
        .log = must(calloc(1, sizeof(*t->log))),
    };
    arena_set(&conn->transactions, ref);
    arena_add(&conn->transaction_count, 1);
    *id = t->id;
    if (conn->failures >= TURN_AFTER)
        turn_begin(conn, t->id);
    return 0;
}

static bool same_node(ref_t a, ref_t b)
{
    const struct node *m = node_at(a), *n = node_at(b);

    if (a == b)
        return true;
    if (!a || !b || m->perms != n->perms || m->value_len != n->value_len)
        return false;
    return !memcmp(node_value(m), node_value(n), m->value_len);
}

static bool same_list(ref_t a, ref_t b)
{
    const struct node *m = NULL, *n = NULL;

    if (a == b || node_at(a)->kids == node_at(b)->kids)
        return true;
    a = node_at(a)->kids;
    b = node_at(b)->kids;
    do {
        m = tree_after(a, m);
        n = tree_after(b, n);
        if (!m || !n)
            return m == n;
    } while (m->name_len == n->name_len && !memcmp(m->data, n->data, m->name_len));
    return false;
}

/* Whether the store has all that the transaction saw, as it saw it */
static bool unchanged(const struct transaction *t)
{
    size_t i;

    if (t->base == state()->tree)
        return true;
    for (i = 0; i < t->log->sight_count; i++) {
        const struct sight *s = &t->log->sights[i];
        struct path path = { s->path, s->len };
        ref_t then = tree_find(t->base, path), now = tree_find(state()->tree, path);

        if (!same_node(then, now))
            return false;
        if ((s->what & SEEN_LIST) && then && !same_list(then, now))
            return false;
    }
    return true;
}

static int do_again(const struct view *view, const struct deed *d)
{
    struct path path = { d->path, d->path_len };

    switch (d->type) {
    case XS_WRITE:
        return store_write(view, path, d->data, d->len);
    case XS_MKDIR:
        return store_mkdir(view, path);
    case XS_RM:
        return store_remove(view, path);
    case XS_SET_PERMS:
        return store_set_perms(view, path, d->data, (uint32_t)(d->len / sizeof(uint32_t)));
    default:
        return -EINVAL;
    }
}

static int commit(struct conn *conn, const struct transaction *t)
{
    const struct view view = { .conn = conn };
    size_t i;
    int rc = 0;

    if (t->doomed || !unchanged(t))
        return -EAGAIN;
    for (i = 0; i < t->log->deed_count && rc >= 0; i++)
        rc = do_again(&view, &t->log->deeds[i]);
    return rc;
}

static void forget(struct conn *conn, struct transaction *t)
{
    ref_t *link = &conn->transactions;
    ref_t ref;

    while (transaction_at(*link) != t)
        link = &transaction_at(*link)->next;
    ref = *link;
    arena_set(link, t->next);
    arena_add(&conn->transaction_count, -1);
    tree_release(t->base);
    tree_release(t->root);
    free_log(t->log);
    t->log = NULL;
    if (turn.conn && conn_at(turn.conn) == conn && turn.id == t->id)
        turn_over();
    arena_free(ref, sizeof(*t));
}

int transaction_end(struct conn *conn, struct transaction *t, bool do_commit)
{
    int rc = 0;

    if (do_commit) {
        rc = commit(conn, t);
        if (rc < 0)
            state_rollback();
        arena_set(&conn->failures, rc == -EAGAIN ? conn->failures + 1 : 0);
    }
    forget(conn, t);
    return rc;
}

void transaction_end_all(struct conn *conn)
{
    while (conn->transactions)
        forget(conn, transaction_at(conn->transactions));
}

void transaction_close(struct conn *conn)
{
    ref_t ref;

    for (ref = conn->transactions; ref; ref = transaction_at(ref)->next) {
        free_log(transaction_at(ref)->log);
        transaction_at(ref)->log = NULL;
    }
    turn.conn = 0;
}
