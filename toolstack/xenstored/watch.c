/*
 * Watches: the list of all, ordered so that those at or below a path are neighbours; the changes of
 * a step; events for both. A client that does not read loses single events when its limit is
 * reached; each of its watches then owes it one event for the watched path.
 */
#include "watch.h"
#include "conn.h"
#include "internal.h"
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_PRIVILEGED (64u << 20) /* bytes of events that dom0's clients may leave unread */

struct change {
    size_t path; /* its place in `text` */
    size_t len;
    ref_t before, after, removed;
};

static ref_t *sorted; /* all watches */
static size_t count, room;
static struct change *changes;
static size_t change_count, change_room;
static ref_t added; /* a new watch, which fires at once */
static char *text;
static size_t text_len, text_room;

/* "/" is before all other characters, so what is below a path follows it. */
static int compare(struct path a, struct path b)
{
    size_t i, len = a.len < b.len ? a.len : b.len;

    for (i = 0; i < len; i++)
        if (a.s[i] != b.s[i]) {
            if (a.s[i] == '/')
                return -1;
            return b.s[i] == '/' ? 1 : (uint8_t)a.s[i] - (uint8_t)b.s[i];
        }
    return a.len < b.len ? -1 : a.len > b.len;
}

static struct path path_of(ref_t ref)
{
    const struct watch *w = watch_at(ref);

    return (struct path){ watch_path(w), w->path_len };
}

/* The first watch, from number @from on, that is not before @path */
static size_t lower(struct path path, size_t from)
{
    size_t to = count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (compare(path_of(sorted[middle]), path) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void watch_index(ref_t ref)
{
    size_t at = lower(path_of(ref), 0);

    if (count == room) {
        room = room ? room * 2 : 64;
        sorted = must(realloc(sorted, room * sizeof(*sorted)));
    }
    memmove(sorted + at + 1, sorted + at, (count - at) * sizeof(*sorted));
    sorted[at] = ref;
    count++;
}

static void unindex(ref_t ref)
{
    size_t at = lower(path_of(ref), 0);

    while (sorted[at] != ref)
        at++;
    count--;
    memmove(sorted + at, sorted + at + 1, (count - at) * sizeof(*sorted));
}

/* ---- sending */

/* The event that waits as the watch's last stands for one more of the same path. */
static bool waits_already(const struct watch *w, struct path shown)
{
    const char *payload;

    if (!w->last)
        return false;
    payload = message_at(w->last)->data + sizeof(struct xsd_sockmsg);
    return !strncmp(payload, shown.s, shown.len) && !payload[shown.len];
}

/* Send an event for @path through watch @ref, or owe one */
static void send_event(ref_t ref, struct path path)
{
    struct watch *w = watch_at(ref);
    struct conn *conn = conn_at(w->conn);
    struct path shown = { path.s + w->prefix, path.len - w->prefix };
    const struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };
    const struct iovec iov[] = {
        { (void *)(uintptr_t)shown.s, shown.len },
        { (void *)(uintptr_t) "", 1 },
        { (void *)(uintptr_t)watch_token(w), w->token_len + 1 },
    };
    uint32_t limit = conn->privileged ? EVENTS_PRIVILEGED : limits.events;
    size_t len = shown.len + w->token_len + 2;

    if (waits_already(w, shown) || conn->error)
        return;
    if (len > XENSTORE_PAYLOAD_MAX || conn->out_event_bytes + len > limit) {
        arena_set(&w->lost, 1);
        arena_set(&conn->lost, 1);
        return;
    }
    if (w->last)
        arena_set(&message_at(w->last)->watch, 0);
    arena_set(&w->last, conn_send(conn, &header, iov, 3, true));
    message_at(w->last)->watch = ref;
}

void watch_owed(struct conn *conn)
{
    uint32_t limit = conn->privileged ? EVENTS_PRIVILEGED : limits.events;
    ref_t ref;

    if (!conn->lost || conn->out_event_bytes > limit / 2)
        return;
    arena_set(&conn->lost, 0);
    for (ref = conn->watches; ref; ref = watch_at(ref)->next)
        if (watch_at(ref)->lost) {
            arena_set(&watch_at(ref)->lost, 0);
            send_event(ref, path_of(ref));
        }
}

/* ---- changes */

void watch_changed(struct path path, ref_t before, ref_t after, ref_t removed)
{
    if (!count)
        return;
    if (change_count == change_room) {
        change_room = change_room ? change_room * 2 : 16;
        changes = must(realloc(changes, change_room * sizeof(*changes)));
    }
    if (text_len + path.len > text_room) {
        text_room = (text_len + path.len) * 2;
        text = must(realloc(text, text_room));
    }
    memcpy(text + text_len, path.s, path.len);
    changes[change_count++] = (struct change){ text_len, path.len, before, after, removed };
    text_len += path.len;
}

void watch_special(enum special which)
{
    static const char *const names[SPECIALS] = {
        [SPECIAL_INTRODUCE] = "@introduceDomain",
        [SPECIAL_RELEASE] = "@releaseDomain",
    };

    watch_changed((struct path){ names[which], strlen(names[which]) }, 0,
                  state()->special_perms[which], 0);
}

static bool may_see(ref_t ref, ref_t before, ref_t after)
{
    struct who who = who_is(conn_at(watch_at(ref)->conn));

    return (before && (perms_check(before, &who) & ACCESS_READ)) ||
           (after && (perms_check(after, &who) & ACCESS_READ));
}

/* The watches whose path is exactly @at, from number *from on */
static void fire_at(struct path at, struct path path, const struct change *c, size_t *from)
{
    *from = lower(at, *from);
    for (; *from < count && !compare(path_of(sorted[*from]), at); (*from)++)
        if (may_see(sorted[*from], c->before, c->after))
            send_event(sorted[*from], path);
}

/* The watches below a removed path: each tells its own path, if there was something. */
static void fire_below(struct path path, const struct change *c, size_t from)
{
    for (; from < count; from++) {
        struct path w = path_of(sorted[from]);
        ref_t node;

        if (w.len <= path.len || memcmp(w.s, path.s, path.len) || w.s[path.len] != '/')
            break;
        node = tree_find(c->removed, (struct path){ w.s + path.len, w.len - path.len });
        if (node && may_see(sorted[from], node_at(node)->perms, 0))
            send_event(sorted[from], w);
    }
}

static void fire(const struct change *c)
{
    struct path path = { text + c->path, c->len };
    size_t from = 0, i;

    if (path.s[0] == '/') {
        fire_at((struct path){ "/", 1 }, path, c, &from);
        for (i = 1; i < path.len; i++)
            if (path.s[i] == '/')
                fire_at((struct path){ path.s, i }, path, c, &from);
    }
    if (path.len > 1)
        fire_at(path, path, c, &from);
    if (c->removed)
        fire_below(path, c, from);
}

void watch_fire(void)
{
    size_t i;

    if (added)
        send_event(added, path_of(added));
    for (i = 0; i < change_count; i++)
        fire(&changes[i]);
    watch_rollback();
}

void watch_rollback(void)
{
    change_count = 0;
    text_len = 0;
    added = 0;
}

/* ---- setting */

static bool matches(const struct watch *w, struct path path, const char *token, size_t token_len)
{
    return w->path_len == path.len && w->token_len == token_len &&
           !memcmp(watch_path(w), path.s, path.len) && !memcmp(watch_token(w), token, token_len);
}

int watch_add(struct conn *conn, struct path path, uint32_t prefix, const char *token,
              size_t token_len)
{
    const struct view view = { .conn = conn };
    struct watch *w;
    ref_t ref;
    int rc;

    for (ref = conn->watches; ref; ref = watch_at(ref)->next)
        if (matches(watch_at(ref), path, token, token_len))
            return -EEXIST;
    if (!conn->privileged && conn->watch_count >= limits.watches)
        return -E2BIG;
    rc = store_account(&view, (int32_t)(sizeof(*w) + path.len + token_len + 2));
    if (rc < 0)
        return rc;
    ref = arena_alloc(sizeof(*w) + path.len + token_len + 2);
    w = watch_at(ref);
    *w = (struct watch){
        .next = conn->watches,
        .conn = conn_ref(conn),
        .prefix = prefix,
        .path_len = (uint32_t)path.len,
        .token_len = (uint32_t)token_len,
    };
    memcpy(w->data, path.s, path.len);
    w->data[path.len] = '\0';
    memcpy(w->data + path.len + 1, token, token_len);
    w->data[path.len + 1 + token_len] = '\0';
    arena_set(&conn->watches, ref);
    arena_add(&conn->watch_count, 1);
    watch_index(ref);
    added = ref;
    return 0;
}

static void remove_watch(struct conn *conn, ref_t *link)
{
    const struct view view = { .conn = conn };
    ref_t ref = *link;
    struct watch *w = watch_at(ref);

    arena_set(link, w->next);
    arena_add(&conn->watch_count, -1);
    if (w->last)
        arena_set(&message_at(w->last)->watch, 0);
    store_account(&view, -(int32_t)watch_size(w));
    unindex(ref);
    arena_free(ref, watch_size(w));
}

int watch_remove(struct conn *conn, struct path path, const char *token, size_t token_len)
{
    ref_t *link;

    for (link = &conn->watches; *link; link = &watch_at(*link)->next)
        if (matches(watch_at(*link), path, token, token_len)) {
            remove_watch(conn, link);
            return 0;
        }
    return -ENOENT;
}

void watch_remove_all(struct conn *conn)
{
    while (conn->watches)
        remove_watch(conn, &conn->watches);
}

void watch_reset(void)
{
    free(sorted);
    free(changes);
    free(text);
    sorted = NULL;
    changes = NULL;
    text = NULL;
    count = room = change_count = change_room = text_len = text_room = 0;
}
