/* libxl's image around a domain's state: its header and its records, to be used with io.h's
 * streams. All return as io.h's functions do, and -EINVAL for what does not belong there. */
#ifndef STREAM_OUTER_H
#define STREAM_OUTER_H

#include "stream/io.h"

struct outer_record {
    uint32_t type, length;
    void *body; /* the caller frees it */
};

int outer_write_header(struct stream_io *io);
int outer_read_header(struct stream_io *io);
/* A record without an emulator's header */
int outer_write(struct stream_io *io, enum wire_outer_type type);
/* @type: WIRE_OUTER_EMULATOR_*; for qemu */
int outer_write_emulator(struct stream_io *io, enum wire_outer_type type, const void *data,
                         size_t length);
/* The next record; ones that may be passed over are. After WIRE_OUTER_LIBXC the domain's own image
 * follows in the stream: stream_restore() reads it. */
int outer_read(struct stream_io *io, struct outer_record *r);
/* The part of an emulator's record after its header */
static inline const void *outer_data(const struct outer_record *r, size_t *length)
{
    *length = r->length - sizeof(struct wire_emulator);
    return (const char *)r->body + sizeof(struct wire_emulator);
}

#endif
