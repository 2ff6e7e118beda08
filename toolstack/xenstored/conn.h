/*
 * Clients: requests come in and messages go out, byte by byte if need be, by a link: a socket
 * (socket.c) or a ring (ring.c). What has come in or not gone out is in the state file.
 */
#ifndef XENSTORED_CONN_H
#define XENSTORED_CONN_H

#include "state.h"

#include <sys/uio.h>

struct link;

struct link_ops {
    /* Copy what has come, @max bytes at most; 0: nothing; -errno: the client is gone */
    long (*get)(struct link *l, void *buffer, size_t max);
    /* What was got is in the state file */
    void (*got)(struct link *l);
    /* Send; how much was taken; -errno */
    long (*put)(struct link *l, const struct iovec *iov, int count);
    /* The end of a turn */
    void (*flush)(struct link *l);
    void (*close)(struct link *l);
};

/* This process's side of a client; a socket or a ring has it as its first member */
struct link {
    const struct link_ops *ops;
    ref_t conn;
    struct link *next; /* in the queue of clients with something to do */
    bool queued;       /* is it in the queue? */
    bool readable;     /* more may have come */
    bool writable;     /* more may be sent */
};

/* A new client, part of a step */
struct conn *conn_new(struct link *link, uint32_t domid, bool privileged, bool ring);
/* The same client, after a restart */
void conn_adopt(struct conn *conn, struct link *link);
/* Forget all of it; the link stays the caller's */
void conn_free(struct conn *conn);
/* Forget its requests, messages, watches and transactions */
void conn_clear(struct conn *conn);
ref_t conn_ref(const struct conn *conn);

/* Put a message behind those that wait; part of a step. @watch: see struct message. */
ref_t conn_send(struct conn *conn, const struct xsd_sockmsg *header, const struct iovec *iov,
                int count, bool event);
/* @bytes of what waits have been sent; part of a step */
void conn_sent(struct conn *conn, uint32_t bytes);

/* There may be something to do */
void conn_wake(struct link *link, bool readable, bool writable);
/* The link will be freed */
void conn_unqueue(struct link *link);
/* Serve each client in the queue once. Returns whether there is more to do at once. */
bool conn_serve(void);
/* Clients that waited for a transaction's turn to end go on; whether there were any */
bool conn_resume(void);

#endif
