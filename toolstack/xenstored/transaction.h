/*
 * Transactions: a snapshot of the tree, what the client has looked at in it, and what it did. A
 * commit does the same again in the store, if all that was looked at is as it was. Called by
 * request.c and store.c, as part of a step.
 */
#ifndef XENSTORED_TRANSACTION_H
#define XENSTORED_TRANSACTION_H

#include "state.h"
#include "tree.h"

enum seen {
    SEEN_NODE = 1, /* whether it exists, its value and permissions */
    SEEN_LIST = 2, /* the names of its children */
};

/* -ENOSPC: too many are open */
int transaction_start(struct conn *conn, uint32_t *id);
struct transaction *transaction_find(const struct conn *conn, uint32_t id);

/* -ENOSPC: an unprivileged client has looked at too much */
int transaction_seen(struct conn *conn, struct transaction *t, struct path path, enum seen what);
/* What was done, a request that changes the store, to be done again by the commit. -ENOSPC. */
int transaction_did(struct conn *conn, struct transaction *t, enum xsd_sockmsg_type type,
                    struct path path, const void *data, size_t len);

/*
 * End it. With @commit, -EAGAIN when something changed that it saw, or the error of a change that
 * cannot be made any more; the store is then as if it had not been.
 */
int transaction_end(struct conn *conn, struct transaction *t, bool commit);
void transaction_end_all(struct conn *conn);
/* The process ends: forget what it knows of the client's transactions, which stay */
void transaction_close(struct conn *conn);

/*
 * No transaction starves: a client whose commits keep failing gets a turn, a time in which no other
 * client changes the store. Whether @conn has to wait for another's turn to end:
 */
bool transaction_must_wait(const struct conn *conn);
/* Milliseconds until the turn ends, or -1: there is none. Ends one whose time is up. */
int transaction_turn(void);

#endif
