/* The world: a hypervisor made of flags, and guests' side of rings. */
#include "world.h"
#include "xenstored/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct world_domain *world;
char world_file[64];
static char folder[48];

/* ---- what xen.h declares; a domain's port, ours too, is its number + 1 */

int xen_open(void)
{
    return 0;
}

int xen_event_fd(void)
{
    return -1;
}

int xen_exception_port(void)
{
    return WORLD_DOMAINS + 1;
}

int xen_bind(uint32_t domid, uint32_t port)
{
    return port == domid + 1 ? (int)port : -EINVAL;
}

void xen_unbind(int port)
{
    (void)port;
}

void xen_notify(int port)
{
    __atomic_add_fetch(&world[port - 1].notified, 1, __ATOMIC_RELEASE);
}

int xen_pending(void)
{
    int i;

    for (i = 0; i < WORLD_DOMAINS; i++)
        if (__atomic_exchange_n(&world[i].pending, 0, __ATOMIC_ACQ_REL))
            return i + 1;
    return -1;
}

void xen_unmask(int port)
{
    (void)port;
}

void *xen_map_ring(uint32_t domid, uint64_t frame)
{
    return domid < WORLD_DOMAINS && frame == domid + 100 ? &world[domid].ring : NULL;
}

int xen_map_dom0_ring(void **page, uint32_t *port)
{
    *page = &world[0].ring;
    *port = 1;
    return 0;
}

void xen_unmap_ring(void *page, int dom0)
{
    (void)page;
    (void)dom0;
}

enum xen_state xen_domain_state(uint32_t domid)
{
    return domid < WORLD_DOMAINS ? world[domid].state : XEN_GONE;
}

/* ---- life */

void world_enter(void)
{
    uint32_t i;

    if (state_open(world_file, true) < 0)
        abort();
    domain_adopt();
    if (domain_start_dom0() < 0)
        abort();
    for (i = 1; i < WORLD_DOMAINS; i++)
        if (!domain_is_introduced(i) && domain_introduce(i, i + 100, i + 1) < 0)
            abort();
    watch_fire();
    state_commit();
}

void world_begin(void)
{
    uint32_t i;

    log_to_stderr(false);
    strcpy(folder, "/dev/shm/xenstored.XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(world_file, sizeof(world_file), "%s/state", folder);
    world = mmap(NULL, WORLD_DOMAINS * sizeof(*world), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        abort();
    for (i = 0; i < WORLD_DOMAINS; i++)
        world[i].state = XEN_RUNNING;
    world_enter();
}

/* This process's rings, as its end would */
void world_leave(void)
{
    ref_t ref;

    for (ref = state()->conns; ref; ref = conn_at(ref)->next)
        if (conn_at(ref)->link && conn_at(ref)->ring)
            ring_close(conn_at(ref)->link);
    state_close();
}

void world_restart(void)
{
    world_leave();
    world_enter();
}

void world_end(void)
{
    char bad[80];

    world_leave();
    unlink(world_file);
    snprintf(bad, sizeof(bad), "%s.bad", world_file);
    unlink(bad);
    rmdir(folder);
    munmap(world, WORLD_DOMAINS * sizeof(*world));
}

void world_run(void)
{
    do
        ring_events();
    while (conn_serve() || transaction_turn() >= 0);
    conn_resume();
    while (conn_serve())
        ;
}

/* ---- guests */

size_t guest_put(uint32_t domid, const void *bytes, size_t len)
{
    struct xenstore_domain_interface *r = &world[domid].ring;
    uint32_t prod = r->req_prod;
    size_t i;

    for (i = 0; i < len; i++) {
        if (prod - __atomic_load_n(&r->req_cons, __ATOMIC_ACQUIRE) == XENSTORE_RING_SIZE)
            break;
        r->req[MASK_XENSTORE_IDX(prod++)] = ((const char *)bytes)[i];
    }
    __atomic_store_n(&r->req_prod, prod, __ATOMIC_RELEASE);
    __atomic_store_n(&world[domid].pending, 1, __ATOMIC_RELEASE);
    return i;
}

size_t guest_get(uint32_t domid, void *bytes, size_t len)
{
    struct xenstore_domain_interface *r = &world[domid].ring;
    uint32_t cons = r->rsp_cons;
    size_t i;

    for (i = 0; i < len; i++) {
        if (cons == __atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE))
            break;
        ((char *)bytes)[i] = r->rsp[MASK_XENSTORE_IDX(cons++)];
    }
    __atomic_store_n(&r->rsp_cons, cons, __ATOMIC_RELEASE);
    __atomic_store_n(&world[domid].pending, 1, __ATOMIC_RELEASE);
    return i;
}

static bool get_all(uint32_t domid, void *bytes, size_t len)
{
    size_t have = 0, got;

    while (have < len) {
        world_run();
        got = guest_get(domid, (char *)bytes + have, len - have);
        if (!got)
            return false;
        have += got;
    }
    return true;
}

bool guest_message(uint32_t domid, struct answer *a)
{
    if (!get_all(domid, &a->header, sizeof(a->header)) || a->header.len > XENSTORE_PAYLOAD_MAX)
        return false;
    a->body[a->header.len] = '\0';
    return get_all(domid, a->body, a->header.len);
}

int ask(uint32_t domid, uint32_t type, uint32_t tx, const void *body, size_t len,
        struct answer *answer)
{
    struct xsd_sockmsg header = { type, 42, tx, (uint32_t)len };
    char all[sizeof(header) + XENSTORE_PAYLOAD_MAX];
    size_t sent = 0;

    memcpy(all, &header, sizeof(header));
    memcpy(all + sizeof(header), body, len);
    while (sent < sizeof(header) + len) {
        size_t n = guest_put(domid, all + sent, sizeof(header) + len - sent);

        world_run();
        if (!n)
            return 0;
        sent += n;
    }
    do
        if (!guest_message(domid, answer))
            return 0;
    while (answer->header.type == XS_WATCH_EVENT);
    return (int)answer->header.type;
}

const char *ask_strings(uint32_t domid, uint32_t type, uint32_t tx, struct answer *answer, ...)
{
    char body[XENSTORE_PAYLOAD_MAX];
    size_t len = 0;
    const char *s;
    va_list args;
    int got;

    va_start(args, answer);
    while ((s = va_arg(args, const char *))) {
        memcpy(body + len, s, strlen(s) + 1);
        len += strlen(s) + 1;
    }
    va_end(args);
    /* A value has no end */
    if (type == XS_WRITE)
        len--;
    got = ask(domid, type, tx, body, len, answer);
    if (got == XS_ERROR)
        return answer->body;
    return got == (int)type ? "" : "no answer";
}
