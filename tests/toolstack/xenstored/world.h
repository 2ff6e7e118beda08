/*
 * A world for the daemon's parts: domains with rings in shared memory and event channels that are
 * flags, instead of a hypervisor (world.c has what xen.h declares); and what a guest does with its
 * ring.
 */
#ifndef WORLD_H
#define WORLD_H

#include "xenstored/conn.h"
#include "xenstored/domain.h"
#include "xenstored/internal.h"
#include "xenstored/ring.h"
#include "xenstored/state.h"
#include "xenstored/store.h"
#include "xenstored/transaction.h"
#include "xenstored/xen.h"

#define WORLD_DOMAINS 8

struct world_domain {
    struct xenstore_domain_interface ring __attribute__((aligned(4096)));
    char rest[4096 - sizeof(struct xenstore_domain_interface)];
    uint32_t pending;  /* the daemon has an event */
    uint32_t notified; /* how often the guest was told something */
    enum xen_state state;
};

/* Shared with processes that are forked */
extern struct world_domain *world;

/* An empty world, with a state file in a folder of its own; domain 0 is privileged */
void world_begin(void);
/* The daemon again: what it knows is what the file has */
void world_restart(void);
void world_end(void);
/* The two halves of a restart */
void world_leave(void);
void world_enter(void);
extern char world_file[64];

/* Run the daemon until it has nothing to do */
void world_run(void);
/* All at once, with the answer in @answer: its type, or 0 without an answer */
struct answer {
    struct xsd_sockmsg header;
    char body[XENSTORE_PAYLOAD_MAX + 1];
};
int ask(uint32_t domid, uint32_t type, uint32_t tx, const void *body, size_t len,
        struct answer *answer);
/* The same with strings, each of which is sent with its end; NULL ends them. 0, or the error. */
const char *ask_strings(uint32_t domid, uint32_t type, uint32_t tx, struct answer *answer, ...);

/* Bytes into the ring without running the daemon: how many had room; and out of it */
size_t guest_put(uint32_t domid, const void *bytes, size_t len);
size_t guest_get(uint32_t domid, void *bytes, size_t len);
/* A whole message from the ring, running the daemon for it; false: there is none */
bool guest_message(uint32_t domid, struct answer *answer);

/* clock.c: the daemon's clock stands still, or goes on */
void world_stop_clock(bool stop);

#endif
