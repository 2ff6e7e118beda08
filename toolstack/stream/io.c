/*
 * Reading and writing all of something, with an end from outside. Called by both directions of the
 * stream on the thread of their operation; no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stream/io.h"

static int canceled(struct stream_io *io)
{
    return wire_fail(io->why, -ECANCELED, "it was aborted");
}

void io_begin(struct stream_io *io)
{
    io->flags = fcntl(io->fd, F_GETFL);
    if (io->flags >= 0)
        fcntl(io->fd, F_SETFL, io->flags | O_NONBLOCK);
}

void io_end(struct stream_io *io)
{
    if (io->flags >= 0)
        fcntl(io->fd, F_SETFL, io->flags);
}

int io_check_abort(struct stream_io *io)
{
    struct pollfd poll_abort = { .fd = io->abort_fd, .events = POLLIN };

    if (io->abort_fd >= 0 && poll(&poll_abort, 1, 0) > 0)
        return canceled(io);
    return 0;
}

/* Until the descriptor is ready, or has an error that the next read or write tells */
static int wait_for(struct stream_io *io, short events)
{
    struct pollfd fds[] = {
        { .fd = io->fd, .events = events },
        { .fd = io->abort_fd, .events = POLLIN },
    };

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return wire_fail(io->why, -errno, "cannot wait for the stream: %s", strerror(errno));
    return fds[1].revents ? canceled(io) : 0;
}

/* A failed read or write: 0 to try again */
static int after_failure(struct stream_io *io, const char *what)
{
    if (errno == EINTR || errno == EAGAIN)
        return 0;
    return wire_fail(io->why, -errno, "cannot %s the stream after %llu bytes: %s", what,
                     (unsigned long long)io->bytes, strerror(errno));
}

int io_read(struct stream_io *io, void *buffer, size_t size)
{
    char *at = buffer;
    ssize_t got;
    int rc;

    while (size) {
        rc = wait_for(io, POLLIN);
        if (rc)
            return rc;
        got = read(io->fd, at, size);
        if (!got)
            return wire_fail(io->why, -EIO, "the stream ends early, after %llu bytes",
                             (unsigned long long)io->bytes);
        if (got < 0) {
            rc = after_failure(io, "read");
            if (rc)
                return rc;
            continue;
        }
        at += got;
        size -= (size_t)got;
        io->bytes += (size_t)got;
    }
    return 0;
}

int io_skip(struct stream_io *io, size_t size)
{
    char scrap[4096];
    size_t part;
    int rc;

    for (; size; size -= part) {
        part = size < sizeof(scrap) ? size : sizeof(scrap);
        rc = io_read(io, scrap, part);
        if (rc)
            return rc;
    }
    return 0;
}

int io_write_parts(struct stream_io *io, struct iovec *parts, unsigned int count)
{
    ssize_t done;
    int rc;

    while (count) {
        rc = wait_for(io, POLLOUT);
        if (rc)
            return rc;
        done = writev(io->fd, parts, count < IOV_MAX ? (int)count : IOV_MAX);
        if (done < 0) {
            rc = after_failure(io, "write");
            if (rc)
                return rc;
            continue;
        }
        io->bytes += (size_t)done;
        for (; count && (size_t)done >= parts->iov_len; parts++, count--)
            done -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + done;
            parts->iov_len -= (size_t)done;
        }
    }
    return 0;
}

int io_write(struct stream_io *io, const void *buffer, size_t size)
{
    struct iovec part = { .iov_base = (void *)buffer, .iov_len = size };

    return size ? io_write_parts(io, &part, 1) : 0;
}

int io_write_record(struct stream_io *io, uint32_t type, const void *body, uint32_t length)
{
    static const char zeros[8];
    struct wire_record header = { .type = type, .length = length };
    struct iovec parts[] = {
        { .iov_base = &header, .iov_len = sizeof(header) },
        { .iov_base = (void *)body, .iov_len = length },
        { .iov_base = (void *)zeros, .iov_len = wire_padded(length) - length },
    };

    return io_write_parts(io, parts, 3);
}

int io_read_body(struct stream_io *io, uint32_t length, void **body)
{
    int rc;

    *body = NULL;
    if (!length)
        return 0;
    *body = malloc(wire_padded(length));
    if (!*body)
        return wire_fail(io->why, -ENOMEM, "no memory for a record of %u bytes", length);
    rc = io_read(io, *body, wire_padded(length));
    if (rc) {
        free(*body);
        *body = NULL;
    }
    return rc;
}
