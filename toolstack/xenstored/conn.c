/*
 * Clients: a request's bytes are gathered, the request is served, messages go out. Each is a step
 * of its own, so that a restart finds every byte either still in the ring or in the state file.
 *
 * Clients with something to do are in a queue; each gets a few requests in its turn, so none waits
 * for long. One that does not read its answers is not served; one that another's transaction makes
 * wait keeps its request.
 */
#include "conn.h"
#include "internal.h"
#include "request.h"
#include "transaction.h"
#include "tree.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <xen/xen.h>

#define REQUESTS_PER_TURN 16
#define MESSAGES_AT_ONCE  16

struct queue {
    struct link *first, **last;
};
static struct queue ready = { NULL, &ready.first };
static struct queue waiting = { NULL, &waiting.first };

static void enqueue(struct queue *q, struct link *l)
{
    l->next = NULL;
    *q->last = l;
    q->last = &l->next;
    l->queued = true;
}

static struct link *dequeue(struct queue *q)
{
    struct link *l = q->first;

    if (!l)
        return NULL;
    q->first = l->next;
    if (!q->first)
        q->last = &q->first;
    l->queued = false;
    return l;
}

static void take_out(struct queue *q, const struct link *l)
{
    struct link **p;

    for (p = &q->first; *p && *p != l; p = &(*p)->next)
        ;
    if (!*p)
        return;
    *p = l->next;
    if (!*p)
        q->last = p;
}

void conn_wake(struct link *l, bool readable, bool writable)
{
    l->readable |= readable;
    l->writable |= writable;
    if (!l->queued)
        enqueue(&ready, l);
}

void conn_unqueue(struct link *l)
{
    if (!l->queued)
        return;
    take_out(&ready, l);
    take_out(&waiting, l);
    l->queued = false;
}

bool conn_resume(void)
{
    bool any = waiting.first != NULL;
    struct link *l;

    while ((l = dequeue(&waiting)))
        enqueue(&ready, l);
    return any;
}

/* ---- life */

ref_t conn_ref(const struct conn *conn)
{
    return (ref_t)((size_t)((const char *)conn - arena_base) / ARENA_UNIT);
}

struct conn *conn_new(struct link *link, uint32_t domid, bool privileged, bool ring)
{
    ref_t ref = arena_alloc(sizeof(struct conn));
    struct conn *c = conn_at(ref);

    *c = (struct conn){
        .next = state()->conns,
        .domid = domid,
        .target = DOMID_INVALID,
        .privileged = privileged,
        .ring = ring,
        .buffer = ring ? 0 : arena_alloc(CONN_BUFFER),
    };
    arena_set(&state()->conns, ref);
    conn_adopt(c, link);
    return c;
}

void conn_adopt(struct conn *conn, struct link *link)
{
    conn->link = link;
    link->conn = conn_ref(conn);
}

static void clear_input(struct conn *c)
{
    if (c->in_body)
        arena_free(c->in_body, c->in.len);
    arena_set(&c->in_body, 0);
    arena_set(&c->in_have, 0);
}

/* The first message is gone, or is no more wanted. */
static void drop_first(struct conn *c)
{
    ref_t ref = c->out_first;
    struct message *m = message_at(ref);

    if (m->watch)
        arena_set(&watch_at(m->watch)->last, 0);
    if (m->event)
        arena_add(&c->out_event_bytes, -(int32_t)(m->len - sizeof(struct xsd_sockmsg)));
    else
        arena_add(&c->out_answers, -1);
    arena_set(&c->out_first, m->next);
    if (!m->next)
        arena_set(&c->out_last, 0);
    arena_set(&c->out_sent, 0);
    arena_free(ref, message_size(m));
}

void conn_clear(struct conn *c)
{
    clear_input(c);
    while (c->out_first)
        drop_first(c);
    watch_remove_all(c);
    transaction_end_all(c);
    arena_set(&c->lost, 0);
    arena_set(&c->failures, 0);
}

void conn_free(struct conn *c)
{
    ref_t *link = &state()->conns;
    ref_t ref = conn_ref(c);

    conn_clear(c);
    while (*link != ref)
        link = &conn_at(*link)->next;
    arena_set(link, c->next);
    if (c->link)
        conn_unqueue(c->link);
    if (c->buffer)
        arena_free(c->buffer, CONN_BUFFER);
    arena_free(ref, sizeof(*c));
}

/* ---- messages */

ref_t conn_send(struct conn *c, const struct xsd_sockmsg *header, const struct iovec *iov,
                int count, bool event)
{
    uint32_t len = 0;
    struct message *m;
    char *p;
    ref_t ref;
    int i;

    for (i = 0; i < count; i++)
        len += (uint32_t)iov[i].iov_len;
    ref = arena_alloc(sizeof(*m) + sizeof(*header) + len);
    m = message_at(ref);
    *m = (struct message){ .event = event, .len = (uint32_t)sizeof(*header) + len };
    memcpy(m->data, header, sizeof(*header));
    ((struct xsd_sockmsg *)m->data)->len = len;
    p = m->data + sizeof(*header);
    for (i = 0; i < count; i++) {
        memcpy(p, iov[i].iov_base, iov[i].iov_len);
        p += iov[i].iov_len;
    }
    if (c->out_last)
        arena_set(&message_at(c->out_last)->next, ref);
    else
        arena_set(&c->out_first, ref);
    arena_set(&c->out_last, ref);
    if (event)
        arena_add(&c->out_event_bytes, (int32_t)len);
    else
        arena_add(&c->out_answers, 1);
    if (c->link)
        conn_wake(c->link, false, false);
    return ref;
}

void conn_sent(struct conn *c, uint32_t bytes)
{
    struct message *m;

    if (c->ring)
        arena_add(&c->rsp_prod, (int32_t)bytes);
    bytes += c->out_sent;
    while (c->out_first && bytes >= message_at(c->out_first)->len) {
        bytes -= message_at(c->out_first)->len;
        drop_first(c);
    }
    arena_set(&c->out_sent, bytes);
    if (bytes) {
        m = message_at(c->out_first);
        if (m->watch) {
            arena_set(&watch_at(m->watch)->last, 0);
            arena_set(&m->watch, 0);
        }
    }
    watch_owed(c);
}

static int gather(const struct conn *c, struct iovec *iov)
{
    uint32_t sent = c->out_sent;
    ref_t ref;
    int count = 0;

    for (ref = c->out_first; ref && count < MESSAGES_AT_ONCE; ref = message_at(ref)->next) {
        iov[count].iov_base = message_at(ref)->data + sent;
        iov[count++].iov_len = message_at(ref)->len - sent;
        sent = 0;
    }
    return count;
}

/* Send what can be sent; false: the client is gone */
static bool output(struct link *l, struct conn *c)
{
    struct iovec iov[MESSAGES_AT_ONCE];
    long sent;
    int count;

    while (l->writable && (count = gather(c, iov))) {
        sent = l->ops->put(l, iov, count);
        if (sent < 0)
            return false;
        if (!sent) {
            l->writable = false;
            break;
        }
        conn_sent(c, (uint32_t)sent);
        state_commit();
    }
    return true;
}

/* ---- requests */

/* @n more bytes of a request have come */
static void got(struct link *l, struct conn *c, uint32_t n)
{
    arena_add(&c->in_have, (int32_t)n);
    if (c->ring)
        arena_add(&c->req_cons, (int32_t)n);
    if (c->in_have == sizeof(c->in) && c->in.len && c->in.len <= XENSTORE_PAYLOAD_MAX)
        arena_set(&c->in_body, arena_alloc(c->in.len));
    state_commit();
    l->ops->got(l);
}

/* 1: a request is complete; 0: more must come; -errno: the client is gone, or must go */
static int input(struct link *l, struct conn *c)
{
    uint32_t want;
    char *to;
    long n;

    for (;;) {
        if (c->in_have < sizeof(c->in)) {
            to = (char *)&c->in + c->in_have;
            want = sizeof(c->in) - c->in_have;
        } else {
            if (c->in.len > XENSTORE_PAYLOAD_MAX)
                return -EPROTO;
            if (c->in_have == sizeof(c->in) + c->in.len)
                return 1;
            to = (char *)arena_at(c->in_body) + (c->in_have - sizeof(c->in));
            want = (uint32_t)sizeof(c->in) + c->in.len - c->in_have;
        }
        if (!l->readable)
            return 0;
        n = l->ops->get(l, to, want);
        if (n < 0)
            return (int)n;
        if (!n) {
            l->readable = false;
            return 0;
        }
        got(l, c, (uint32_t)n);
    }
}

/* How a client's turn ended */
enum end { DONE, MORE, WAIT, GONE };

static enum end serve(struct link *l)
{
    struct conn *c = conn_at(l->conn);
    int i, rc;

    for (i = 0; i < REQUESTS_PER_TURN && c->out_answers < limits.outstanding && !c->error; i++) {
        rc = input(l, c);
        if (rc < 0)
            return GONE;
        if (!rc)
            return output(l, c) ? DONE : GONE;
        if (!request_serve(c))
            return output(l, c) ? WAIT : GONE;
        clear_input(c);
        state_commit();
    }
    if (c->error)
        return DONE;
    if (!output(l, c))
        return GONE;
    /* Answers that nobody reads: go on when some are read */
    return c->out_answers < limits.outstanding ? MORE : DONE;
}

bool conn_serve(void)
{
    size_t count = 0;
    struct link *l;

    /* Those that come to the queue meanwhile wait for the next time */
    for (l = ready.first; l; l = l->next)
        count++;
    while (count-- && (l = dequeue(&ready))) {
        switch (serve(l)) {
        case GONE:
            l->ops->close(l);
            continue;
        case WAIT:
            if (!l->queued)
                enqueue(&waiting, l);
            break;
        case MORE:
            conn_wake(l, false, false);
            break;
        case DONE:
            break;
        }
        l->ops->flush(l);
    }
    return ready.first != NULL;
}
