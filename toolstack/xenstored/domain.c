/*
 * Records of domains, and their rings' beginning and end. A domain that the hypervisor once knew
 * and no more does has died: what it owned goes, so that the next one with its number inherits
 * nothing.
 */
#include "domain.h"
#include "conn.h"
#include "internal.h"
#include "ring.h"
#include "store.h"
#include "watch.h"
#include "xen.h"

#include <errno.h>
#include <string.h>
#include <xen/xen.h>

uint32_t domain_privileged = DOMID_INVALID;
bool domain_keep_orphans;
static ref_t by_id[UINT16_MAX + 1];
static bool made; /* a record, in this step */

struct domain *domain_find(uint32_t domid)
{
    return by_id[domid] ? domain_at(by_id[domid]) : NULL;
}

static struct domain *make(uint32_t domid)
{
    ref_t ref = arena_alloc(sizeof(struct domain));
    struct domain *d = domain_at(ref);

    *d = (struct domain){ .next = state()->domains, .domid = domid };
    d->alive = domid < DOMID_FIRST_RESERVED && xen_domain_state(domid) != XEN_GONE;
    arena_set(&state()->domains, ref);
    by_id[domid] = ref;
    made = true;
    return d;
}

struct domain *domain_get(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    return d ? d : make(domid);
}

int domain_index(ref_t ref)
{
    const struct domain *d = domain_at(ref);

    if (d->domid > UINT16_MAX || by_id[d->domid])
        return -EINVAL;
    by_id[d->domid] = ref;
    return 0;
}

void domain_reset(void)
{
    memset(by_id, 0, sizeof(by_id));
    made = false;
}

/* The list of records is as it was before the step: so is the table. */
void domain_rollback(void)
{
    ref_t ref;

    if (!made)
        return;
    domain_reset();
    for (ref = state()->domains; ref; ref = domain_at(ref)->next)
        by_id[domain_at(ref)->domid] = ref;
}

void domain_commit(void)
{
    made = false;
}

void domain_check_memory(struct domain *d)
{
    bool much = d->domid && limits.memory_soft && d->bytes > limits.memory_soft;

    if (much == d->warned)
        return;
    arena_set(&d->warned, much);
    say(LOG_WARNING, "domain %u has %s %u bytes in the store", d->domid,
        much ? "more than" : "again less than", limits.memory_soft);
}

/* ---- introduced domains */

bool domain_is_introduced(uint32_t domid)
{
    const struct domain *d;

    if (!domid)
        return true;
    d = domid <= UINT16_MAX ? domain_find(domid) : NULL;
    return d && d->conn;
}

/* The domain's kernel made another event channel for the same ring */
static int introduce_again(struct domain *d, uint64_t frame, uint32_t port)
{
    struct conn *c = conn_at(d->conn);

    if (frame != ((uint64_t)d->frame_high << 32 | d->frame_low))
        return -EINVAL;
    arena_set(&d->port, port);
    return ring_rebind(c->link, port);
}

int domain_introduce(uint32_t domid, uint64_t frame, uint32_t port)
{
    struct domain *d = domain_get(domid);
    struct ring *ring;
    struct conn *c;
    int rc;

    if (d->conn)
        return introduce_again(d, frame, port);
    rc = ring_open(&ring, domid, frame, port);
    if (rc < 0)
        return rc;
    c = conn_new(ring_link(ring), domid, domid == domain_privileged, true);
    ring_begin(ring, c);
    arena_save(d, sizeof(*d));
    d->conn = conn_ref(c);
    d->frame_low = (uint32_t)frame;
    d->frame_high = (uint32_t)(frame >> 32);
    d->port = port;
    d->alive = 1;
    d->shutdown = 0;
    watch_special(SPECIAL_INTRODUCE);
    return 0;
}

/* No more requests from it, and nobody's target */
static void disconnect(struct domain *d)
{
    struct conn *c = conn_at(d->conn);
    ref_t ref;

    if (!d->conn)
        return;
    if (c->link)
        ring_close(c->link);
    conn_free(c);
    arena_set(&d->conn, 0);
    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        if (conn_at(ref)->target == d->domid)
            arena_set(&conn_at(ref)->target, DOMID_INVALID);
}

int domain_release(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (!d || !d->conn)
        return -ENOENT;
    disconnect(d);
    watch_special(SPECIAL_RELEASE);
    return 0;
}

int domain_resume(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (!d || !d->conn)
        return -ENOENT;
    arena_set(&d->shutdown, 0);
    return 0;
}

int domain_set_target(uint32_t domid, uint32_t target)
{
    struct domain *d = domain_find(domid);

    if (!d || !d->conn || !domain_is_introduced(target))
        return -ENOENT;
    arena_set(&conn_at(d->conn)->target, target);
    return 0;
}

/* ---- what the hypervisor says */

static void forget(struct domain *d)
{
    ref_t *link = &state()->domains;
    ref_t ref = by_id[d->domid];

    disconnect(d);
    store_forget_domain(d->domid, domain_keep_orphans);
    by_id[d->domid] = 0;
    while (*link != ref)
        link = &domain_at(*link)->next;
    arena_set(link, d->next);
    arena_free(ref, sizeof(*d));
}

/* 1 if there is something to tell */
static int look_at(struct domain *d)
{
    switch (xen_domain_state(d->domid)) {
    case XEN_GONE:
        if (!d->alive)
            return 0;
        forget(d);
        return 1;
    case XEN_SHUTDOWN:
        arena_set(&d->alive, 1);
        if (d->shutdown || !d->conn)
            return 0;
        arena_set(&d->shutdown, 1);
        return 1;
    default:
        arena_set(&d->alive, 1);
        return 0;
    }
}

void domain_look(void)
{
    ref_t ref, next;
    int news = 0;

    for (ref = state()->domains; ref; ref = next) {
        next = domain_at(ref)->next;
        if (domain_at(ref)->domid && domain_at(ref)->domid < DOMID_FIRST_RESERVED)
            news |= look_at(domain_at(ref));
    }
    if (news)
        watch_special(SPECIAL_RELEASE);
    watch_fire();
    state_commit();
}

/* ---- start */

int domain_start_dom0(void)
{
    struct domain *d = domain_get(0);
    struct ring *ring;
    struct conn *c;
    int rc = ring_open_dom0(&ring);

    if (rc < 0)
        return rc;
    if (d->conn) {
        c = conn_at(d->conn);
        conn_adopt(c, ring_link(ring));
        ring_continue(ring, c);
    } else {
        c = conn_new(ring_link(ring), 0, true, true);
        arena_set(&d->conn, conn_ref(c));
        ring_begin(ring, c);
    }
    state_commit();
    return 0;
}

void domain_adopt(void)
{
    struct ring *ring;
    struct domain *d;
    ref_t ref;
    int rc;

    for (ref = state()->domains; ref; ref = d->next) {
        d = domain_at(ref);
        if (!d->domid || !d->conn)
            continue;
        rc = ring_open(&ring, d->domid, (uint64_t)d->frame_high << 32 | d->frame_low, d->port);
        if (rc < 0) {
            say(LOG_WARNING, "domain %u cannot be connected again (%s)", d->domid, strerror(-rc));
            disconnect(d);
        } else {
            conn_adopt(conn_at(d->conn), ring_link(ring));
            ring_continue(ring, conn_at(d->conn));
        }
        state_commit();
    }
    domain_look();
}
