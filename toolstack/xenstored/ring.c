/*
 * Rings. The indices that count are those in the state file (struct conn); the page's own are only
 * told to the domain. A byte is taken in this order: copied from the page, counted in the state
 * file, shown to the domain as taken. One is sent in this order: copied to the page, shown to the
 * domain, counted in the state file. So a daemon that is killed in between finds, in the first
 * case, that it has to show what it has; in the second, that the page says how much was sent.
 */
#include "ring.h"
#include "domain.h"
#include "internal.h"
#include "xen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/event_channel.h>

struct ring {
    struct link link; /* first */
    struct xenstore_domain_interface *page;
    uint32_t domid;
    bool dom0;
    bool told; /* the domain must be told that something changed */
    int port;  /* our end of the channel */
};

static struct ring **by_port;
static size_t port_room;

static struct ring *ring_of(struct link *l)
{
    return (struct ring *)l;
}

struct link *ring_link(struct ring *ring)
{
    return &ring->link;
}

/* Nothing more is read or sent; the domain can find out why. */
static void fail(struct ring *r, uint32_t error, const char *what)
{
    struct conn *c = conn_at(r->link.conn);

    if (c->error)
        return;
    say(LOG_WARNING, "domain %u: %s; its ring is not served any more", r->domid, what);
    conn_clear(c);
    arena_set(&c->error, error);
    state_commit();
    __atomic_store_n(&r->page->error, error, __ATOMIC_RELEASE);
    r->told = true;
}

static long ring_get(struct link *l, void *buffer, size_t max)
{
    struct ring *r = ring_of(l);
    uint32_t cons = conn_at(l->conn)->req_cons;
    uint32_t have = __atomic_load_n(&r->page->req_prod, __ATOMIC_ACQUIRE) - cons;
    uint32_t at = MASK_XENSTORE_IDX(cons), straight = XENSTORE_RING_SIZE - at;

    if (have > XENSTORE_RING_SIZE) {
        fail(r, XENSTORE_ERROR_RINGIDX, "its request index is wrong");
        return 0;
    }
    if (have > max)
        have = (uint32_t)max;
    if (straight > have)
        straight = have;
    memcpy(buffer, r->page->req + at, straight);
    memcpy((char *)buffer + straight, r->page->req, have - straight);
    return have;
}

static void ring_got(struct link *l)
{
    struct ring *r = ring_of(l);

    __atomic_store_n(&r->page->req_cons, conn_at(l->conn)->req_cons, __ATOMIC_RELEASE);
    r->told = true;
}

static long ring_put(struct link *l, const struct iovec *iov, int count)
{
    struct ring *r = ring_of(l);
    uint32_t prod = conn_at(l->conn)->rsp_prod, start = prod;
    uint32_t used = prod - __atomic_load_n(&r->page->rsp_cons, __ATOMIC_ACQUIRE);
    uint32_t space = XENSTORE_RING_SIZE - used;
    int i;

    if (used > XENSTORE_RING_SIZE) {
        fail(r, XENSTORE_ERROR_RINGIDX, "its answer index is wrong");
        return 0;
    }
    for (i = 0; i < count && space; i++) {
        uint32_t len = iov[i].iov_len < space ? (uint32_t)iov[i].iov_len : space;
        uint32_t at = MASK_XENSTORE_IDX(prod), straight = XENSTORE_RING_SIZE - at;

        if (straight > len)
            straight = len;
        memcpy(r->page->rsp + at, iov[i].iov_base, straight);
        memcpy(r->page->rsp, (char *)iov[i].iov_base + straight, len - straight);
        prod += len;
        space -= len;
    }
    if (prod != start) {
        __atomic_store_n(&r->page->rsp_prod, prod, __ATOMIC_RELEASE);
        r->told = true;
    }
    return prod - start;
}

static void ring_flush(struct link *l)
{
    struct ring *r = ring_of(l);

    if (r->told)
        xen_notify(r->port);
    r->told = false;
}

/* Only a broken protocol ends a ring from here: it stays, for the domain may begin anew */
static void ring_stop(struct link *l)
{
    fail(ring_of(l), XENSTORE_ERROR_PROTO, "it announced a request that is too long");
    ring_flush(l);
}

static const struct link_ops ring_ops = {
    .get = ring_get,
    .got = ring_got,
    .put = ring_put,
    .flush = ring_flush,
    .close = ring_stop,
};

/* ---- begin and end */

static void remember_port(struct ring *r, int port)
{
    size_t room = port_room;

    if ((size_t)port >= port_room) {
        port_room = (size_t)port * 2 + 64;
        by_port = must(realloc(by_port, port_room * sizeof(*by_port)));
        memset(by_port + room, 0, (port_room - room) * sizeof(*by_port));
    }
    by_port[port] = r;
    r->port = port;
}

static int bind_port(struct ring *r, uint32_t port)
{
    int local = xen_bind(r->domid, port);

    if (local < 0)
        return local;
    remember_port(r, local);
    return 0;
}

static int finish_open(struct ring **ring, struct ring *r, uint32_t port)
{
    int rc = bind_port(r, port);

    if (rc < 0) {
        xen_unmap_ring(r->page, r->dom0);
        free(r);
        return rc;
    }
    *ring = r;
    return 0;
}

int ring_open(struct ring **ring, uint32_t domid, uint64_t frame, uint32_t port)
{
    struct ring *r = must(calloc(1, sizeof(*r)));

    r->link.ops = &ring_ops;
    r->domid = domid;
    r->page = xen_map_ring(domid, frame);
    if (!r->page) {
        free(r);
        return -EIO;
    }
    return finish_open(ring, r, port);
}

int ring_open_dom0(struct ring **ring)
{
    struct ring *r = must(calloc(1, sizeof(*r)));
    uint32_t port;
    int rc;

    r->link.ops = &ring_ops;
    r->dom0 = true;
    rc = xen_map_dom0_ring((void **)&r->page, &port);
    if (rc < 0) {
        free(r);
        return rc;
    }
    return finish_open(ring, r, port);
}

static void announce(struct ring *r)
{
    r->page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
    r->told = true;
    conn_wake(&r->link, true, true);
}

void ring_begin(struct ring *ring, struct conn *conn)
{
    arena_set(&conn->req_cons, ring->page->req_cons);
    arena_set(&conn->rsp_prod, ring->page->rsp_prod);
    announce(ring);
}

static uint64_t bytes_waiting(const struct conn *c)
{
    uint64_t bytes = 0;
    ref_t ref;

    for (ref = c->out_first; ref; ref = message_at(ref)->next)
        bytes += message_at(ref)->len;
    return bytes - c->out_sent;
}

void ring_continue(struct ring *ring, struct conn *conn)
{
    uint32_t sent = ring->page->rsp_prod - conn->rsp_prod;

    if (sent <= XENSTORE_RING_SIZE && sent <= bytes_waiting(conn))
        conn_sent(conn, sent);
    ring->page->rsp_prod = conn->rsp_prod;
    ring->page->req_cons = conn->req_cons;
    announce(ring);
}

int ring_rebind(struct link *link, uint32_t port)
{
    struct ring *r = ring_of(link);

    by_port[r->port] = NULL;
    xen_unbind(r->port);
    r->port = 0;
    return bind_port(r, port);
}

void ring_close(struct link *link)
{
    struct ring *r = ring_of(link);

    by_port[r->port] = NULL;
    if (r->port)
        xen_unbind(r->port);
    xen_unmap_ring(r->page, r->dom0);
    conn_at(link->conn)->link = NULL;
    conn_unqueue(link);
    free(r);
}

/* ---- events */

/* The domain wants to begin anew: both indices at 0, no requests, watches or transactions */
static void reconnect(struct ring *r)
{
    struct conn *c = conn_at(r->link.conn);

    conn_clear(c);
    arena_set(&c->req_cons, 0);
    arena_set(&c->rsp_prod, 0);
    arena_set(&c->error, 0);
    state_commit();
    r->page->req_cons = r->page->req_prod = 0;
    r->page->rsp_cons = r->page->rsp_prod = 0;
    r->page->error = XENSTORE_ERROR_NONE;
    __atomic_store_n(&r->page->connection, XENSTORE_CONNECTED, __ATOMIC_RELEASE);
    r->told = true;
}

void ring_events(void)
{
    struct ring *r;
    int port;

    while ((port = xen_pending()) >= 0) {
        xen_unmask(port);
        if (port == xen_exception_port()) {
            domain_look();
            continue;
        }
        r = (size_t)port < port_room ? by_port[port] : NULL;
        if (!r)
            continue;
        if (__atomic_load_n(&r->page->connection, __ATOMIC_ACQUIRE) == XENSTORE_RECONNECT)
            reconnect(r);
        conn_wake(&r->link, true, true);
    }
}
