/*
 * Requests to the store as they are on the wire, many in one piece (docs/design/libxl.md, "The
 * store").
 */
#ifndef LIBXL_CORE_WIRE_H
#define LIBXL_CORE_WIRE_H

#include <errno.h> /* xs_wire.h has its names of errors only then */
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <xen/io/xs_wire.h>

/* Requests that wait to be sent. Two of the largest fit; the store answers much less than a socket
 * holds, so whoever sends all of them before he reads is not stuck. */
struct wire_batch {
    size_t size;
    char data[2 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)];
};

/* Put a request of these parts behind the others: 0; -E2BIG, it is too large for a message;
 * -ENOBUFS, the others have to be sent first. */
int wire_add(struct wire_batch *batch, enum xsd_sockmsg_type type, uint32_t transaction,
             const struct iovec *parts, unsigned int count);

/* The header of the request at *at in a batch, which is then the place of its body */
struct xsd_sockmsg wire_next(const struct wire_batch *batch, size_t *at);

/* What became of a request: its type and first string; 0, or an errno value that the store has
 * answered with; the answer, len bytes and a zero behind them, which lasts as long as the call. The
 * connection's lock is held. */
typedef void wire_answered(void *arg, uint32_t type, const char *path, int err, const char *answer,
                           uint32_t len);

struct wire;
/* NULL with errno. A socket that nobody listens at is not given up for the kernel's connection: the
 * next xenstored will. */
struct wire *wire_open(void);
void wire_close(struct wire *w);
/* Send all requests; tell what became of each, in their order. 0; or -errno when the connection is
 * lost, then for good, and nobody knows what became of the rest. */
int wire_exchange(struct wire *w, const struct wire_batch *batch, wire_answered *answered,
                  void *arg);

#endif
