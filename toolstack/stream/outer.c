/* libxl's image, on its operation's thread; see wire.h for the format. No lock. */
#include <errno.h>
#include <stdlib.h>
#include "stream/outer.h"

int outer_write_header(struct stream_io *io)
{
    struct wire_outer_header h;

    wire_put_outer_header(&h);
    return io_write(io, &h, sizeof(h));
}

int outer_read_header(struct stream_io *io)
{
    struct wire_outer_header h;
    int rc;

    rc = io_read(io, &h, sizeof(h));
    return rc ? rc : wire_get_outer_header(&h, io->why);
}

int outer_write(struct stream_io *io, enum wire_outer_type type)
{
    return io_write_record(io, type, NULL, 0);
}

int outer_write_emulator(struct stream_io *io, enum wire_outer_type type, const void *data,
                         size_t length)
{
    static const char zeros[8];
    const struct wire_emulator emulator = { .id = WIRE_EMULATOR_QEMU };
    const uint32_t body = (uint32_t)(sizeof(emulator) + length);
    struct wire_record header = { .type = type, .length = body };
    struct iovec parts[] = {
        { .iov_base = &header, .iov_len = sizeof(header) },
        { .iov_base = (void *)&emulator, .iov_len = sizeof(emulator) },
        { .iov_base = (void *)data, .iov_len = length },
        { .iov_base = (void *)zeros, .iov_len = wire_padded(body) - body },
    };

    if (length > WIRE_OUTER_LENGTH_MAX - sizeof(emulator))
        return wire_fail(io->why, -E2BIG, "the emulator's state of %zu bytes is too long", length);
    return io_write_parts(io, parts, 4);
}

static int check_emulator(struct stream_io *io, const struct outer_record *r)
{
    const struct wire_emulator *e = r->body;

    if (e->id != WIRE_EMULATOR_QEMU || e->index)
        return wire_fail(io->why, -EINVAL,
                         "%s is for emulator %u, number %u; only qemu (2) is known",
                         wire_outer_name(r->type), e->id, e->index);
    return 0;
}

int outer_read(struct stream_io *io, struct outer_record *r)
{
    struct wire_record header;
    int rc, kind;

    do {
        rc = io_read(io, &header, sizeof(header));
        if (rc)
            return rc;
        kind = wire_accept_outer(&header, io->why);
        if (kind < 0)
            return kind;
        rc = kind ? 0 : io_skip(io, wire_padded(header.length));
    } while (!rc && !kind);
    if (rc)
        return rc;
    *r = (struct outer_record){ .type = header.type, .length = header.length };
    rc = io_read_body(io, header.length, &r->body);
    if (!rc && (r->type == WIRE_OUTER_EMULATOR_STORE || r->type == WIRE_OUTER_EMULATOR_CONTEXT)) {
        rc = check_emulator(io, r);
        if (rc) {
            free(r->body);
            r->body = NULL;
        }
    }
    return rc;
}
