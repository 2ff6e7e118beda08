/*
 * What the state file has besides nodes and permissions, and steps over all of it. The structures
 * are part of the file's layout: a change of one needs another number in arena.c.
 */
#ifndef XENSTORED_STATE_H
#define XENSTORED_STATE_H

#include "arena.h"
#include "perms.h"

#include <errno.h> /* the header has names for errors that are known */
#include <xen/io/xs_wire.h>

enum special { SPECIAL_INTRODUCE, SPECIAL_RELEASE, SPECIALS };

/* The root structure */
struct state {
    uint64_t seed; /* of tree_seed() */
    ref_t tree;
    ref_t special_perms[SPECIALS]; /* who may see the special watches' events */
    ref_t domains;                 /* struct domain */
    ref_t conns;                   /* struct conn */
    uint32_t next_transaction;
    uint32_t last_client; /* of the numbers in struct conn */
};
_Static_assert(sizeof(struct state) <= ARENA_ROOT_MAX, "the root structure has its place");

static inline struct state *state(void)
{
    return arena_root();
}

/* A domain that owns nodes, or was introduced, or both */
struct domain {
    ref_t next;
    uint32_t domid;
    ref_t conn;         /* 0: not introduced */
    uint32_t port;      /* the domain's end of its event channel */
    uint32_t frame_low; /* where its ring is, as INTRODUCE said */
    uint32_t frame_high;
    uint32_t alive;    /* the hypervisor knew it: when it no more does, it has died */
    uint32_t shutdown; /* that was told by @releaseDomain */
    uint32_t nodes;    /* that it owns */
    uint32_t bytes;    /* of these nodes, its watches */
    uint32_t warned;   /* of its memory */
};

/* An answer or event on its way to a client */
struct message {
    ref_t next;
    ref_t watch; /* this is the last event of that watch, and may stand for the next one, too */
    uint32_t event;
    uint32_t len; /* with the header */
    char data[];  /* the header, the payload */
};

struct watch {
    ref_t next; /* of the same client */
    ref_t conn;
    ref_t last;      /* the last event, unless a part of it has been sent */
    uint32_t lost;   /* an event had no room: one is owed */
    uint32_t prefix; /* so much of the path was not said by the client */
    uint32_t path_len;
    uint32_t token_len;
    char data[]; /* the path and the token, each with its end */
};

struct transaction {
    ref_t next; /* of the same client */
    uint32_t id;
    ref_t base, root; /* the tree at its start, and what became of it; 0 after a restart */
    uint32_t doomed;  /* it was open when the daemon ended: it cannot be committed */
    int32_t nodes;    /* what the client would own more */
    int32_t bytes;
    struct transaction_log *log; /* this process's; NULL in one that is doomed */
};

/* A client */
struct conn {
    ref_t next;
    struct link *link; /* how this process reaches it; NULL in a file that was read back */
    uint32_t domid;
    uint32_t target;     /* SET_TARGET; DOMID_INVALID: none */
    uint32_t privileged; /* may do everything */
    uint32_t ring;       /* a domain by its ring: it outlives the process */

    struct xsd_sockmsg in; /* the request that is coming in */
    uint32_t in_have;      /* bytes of it */
    ref_t in_body;         /* its payload, when the header is complete and says that there is one */

    ref_t out_first, out_last; /* messages */
    uint32_t out_sent;         /* bytes of the first */
    uint32_t out_answers, out_event_bytes;

    ref_t watches;
    uint32_t watch_count;
    uint32_t lost; /* whether one of them lost an event */
    ref_t transactions;
    uint32_t transaction_count;
    uint32_t failures; /* commits that failed, since one succeeded */

    /* Of a socket, which outlives the process if systemd keeps it */
    uint32_t id;      /* its name there is client-ID; 0: it is not there */
    ref_t buffer;     /* CONN_BUFFER bytes that have been read; a ring has none */
    uint32_t at, end; /* of those that have not been taken from it */
    uint32_t busy;    /* bytes are being moved: the next process cannot know how many */

    uint32_t req_cons, rsp_prod; /* of the ring: what is in this structure, or was in it */
    uint32_t error;              /* XENSTORE_ERROR_*: nothing more is read or sent */
};

#define CONN_BUFFER 2048u

static inline struct domain *domain_at(ref_t ref)
{
    return arena_at(ref);
}
static inline struct message *message_at(ref_t ref)
{
    return arena_at(ref);
}
static inline struct watch *watch_at(ref_t ref)
{
    return arena_at(ref);
}
static inline struct transaction *transaction_at(ref_t ref)
{
    return arena_at(ref);
}
static inline struct conn *conn_at(ref_t ref)
{
    return arena_at(ref);
}
static inline size_t message_size(const struct message *m)
{
    return sizeof(*m) + m->len;
}
static inline size_t watch_size(const struct watch *w)
{
    return sizeof(*w) + w->path_len + w->token_len + 2;
}
static inline const char *watch_path(const struct watch *w)
{
    return w->data;
}
static inline const char *watch_token(const struct watch *w)
{
    return w->data + w->path_len + 1;
}
static inline struct who who_is(const struct conn *c)
{
    return (struct who){ c->domid, c->target, c->privileged };
}

/*
 * Open the state file, or make one with an empty store. What was kept is checked and indexed;
 * clients have no link then.
 * What does not hold together is set aside, or without @recover -EIO. 0, or -errno.
 */
int state_open(const char *path, bool recover);
void state_close(void);

/* The end of a step */
void state_commit(void);
void state_rollback(void);

/* Look through all that is reachable without changing it, for CONTROL check. 0, or -EINVAL with a
 * line in the log. */
int state_check(void);

#endif
