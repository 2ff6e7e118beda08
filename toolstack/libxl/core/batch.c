/*
 * A batch of requests to the store: put together by store.c, taken apart by wire.c.
 */
#include <string.h>

#include "libxl/core/wire.h"

int wire_add(struct wire_batch *batch, enum xsd_sockmsg_type type, uint32_t transaction,
             const struct iovec *parts, unsigned int count)
{
    struct xsd_sockmsg header = { .type = type, .tx_id = transaction };
    size_t size = 0;
    unsigned int i;
    char *p;

    for (i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (size > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    if (size + sizeof(header) > sizeof(batch->data) - batch->size)
        return -ENOBUFS;
    header.len = (uint32_t)size;
    p = mempcpy(batch->data + batch->size, &header, sizeof(header));
    for (i = 0; i < count; i++)
        p = mempcpy(p, parts[i].iov_base, parts[i].iov_len);
    batch->size += sizeof(header) + size;
    return 0;
}

struct xsd_sockmsg wire_next(const struct wire_batch *batch, size_t *at)
{
    struct xsd_sockmsg header;

    memcpy(&header, batch->data + *at, sizeof(header));
    *at += sizeof(header);
    return header;
}
