/*
 * The file descriptor that a state goes through, and its end by another: every function blocks, on
 * its caller's thread, until all is read or written, or until @abort_fd becomes readable.
 */
#ifndef STREAM_IO_H
#define STREAM_IO_H

#include <sys/uio.h>
#include "stream/wire.h"

struct stream_io {
    int fd;       /* may be non-blocking */
    int abort_fd; /* -1: none */
    int flags;    /* of @fd, before io_begin() */
    uint64_t bytes;
    struct wire_why *why;
};

/* Long transfers: in between, @fd is non-blocking, for a peer that stands still must not keep us
 * from seeing the abort. It is so for all who share the descriptor. */
void io_begin(struct stream_io *io);
void io_end(struct stream_io *io);

/* All others return 0, -ECANCELED, or -errno of the descriptor, each with a sentence. */
/* The end of the file is -EIO: whoever reads knows that more must come. */
int io_read(struct stream_io *io, void *buffer, size_t size);
int io_skip(struct stream_io *io, size_t size);
int io_write(struct stream_io *io, const void *buffer, size_t size);
/* Consumes @parts */
int io_write_parts(struct stream_io *io, struct iovec *parts, unsigned int count);
/* A record with its padding; @body may be NULL when @length is 0 */
int io_write_record(struct stream_io *io, uint32_t type, const void *body, uint32_t length);
/* The body of a record, with its padding, into memory that the caller frees */
int io_read_body(struct stream_io *io, uint32_t length, void **body);
/* Only looks whether it is to end */
int io_check_abort(struct stream_io *io);

#endif
