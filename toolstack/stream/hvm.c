/* HVM and PVH domains: not there yet, and said so. */
#include <errno.h>
#include "stream/restore.h"
#include "stream/save.h"

static int save_nothing(struct save *s)
{
    return wire_fail(s->why, -ENOSYS, "HVM and PVH domains cannot be saved yet");
}

static void save_end(struct save *s)
{
    (void)s;
}

static int restore_nothing(struct restore *r)
{
    return wire_fail(r->why, -ENOSYS, "HVM and PVH domains cannot be restored yet");
}

static void restore_end(struct restore *r)
{
    (void)r;
}

const struct save_kind save_hvm = { .type = WIRE_HVM, .begin = save_nothing, .end = save_end };
const struct restore_kind restore_hvm = { .begin = restore_nothing, .end = restore_end };
