/* Requests of the protocol: their table, and the answer to each. Called by conn.c. */
#ifndef XENSTORED_REQUEST_H
#define XENSTORED_REQUEST_H

#include "state.h"
#include "store.h"

/* A request that is being served */
struct request {
    struct view view;
    const char *body; /* the payload */
    size_t len;
    char *answer; /* room for XENSTORE_PAYLOAD_MAX bytes */
    size_t answer_len;
};

/*
 * Serve the complete request of @conn: one step, except for its commit, which takes the request
 * away, too. False: it has to wait for another client's transaction; nothing was done.
 */
bool request_serve(struct conn *conn);

/* The string with number @index in the payload, *len its length; NULL if there is none */
const char *request_string(const struct request *r, unsigned int index, size_t *len);
/* A number that is one of the strings; -EINVAL if it is none, or above @max */
int request_number(const struct request *r, unsigned int index, uint64_t max, uint64_t *number);
/* Text with its end is the answer */
void request_answer(struct request *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* control.c: CONTROL */
int control_serve(struct request *r);

#endif
