/*
 * Consoles: the first one, which every guest has and xenconsoled serves, and channels, which are
 * more of the same served by qemu, connected to a terminal or a socket in dom0. Neither backend
 * takes part in the protocol of states. What a guest could abuse (where output goes, how much of
 * it) is written so that it can only read it.
 */
#include <string.h>

#include "libxl/device/device.h"

#define OUTPUT_LIMIT "1048576" /* bytes of output kept for a terminal that nobody reads */

static void console_nodes(struct device_nodes *n, const char *type, const char *output)
{
    nodes_add(&n->locked, "limit", OUTPUT_LIMIT);
    nodes_add(&n->locked, "type", "%s", type);
    nodes_add(&n->locked, "output", "%s", output);
    nodes_add(&n->locked, "tty", "%s", "");
    nodes_add(&n->backend, "state", "%d", XenbusStateInitialising);
    nodes_add(&n->backend, "protocol", "vt100");
}

/* ---- the first console ---- */

static int primary_nodes(struct op *op, const struct device *d, const void *item,
                         struct device_nodes *n)
{
    const struct console_place *place = item;

    (void)op;
    (void)d;
    console_nodes(n, "xenconsoled", "pty");
    nodes_add(&n->locked, "port", "%u", place->port);
    nodes_add(&n->locked, "ring-ref", "%lu", place->mfn);
    return 0;
}

/* Not in device_kinds[]: a configuration cannot have it or not have it */
static const struct device_kind primary_kind = {
    .name = "console",
    .frontend = "console",
    .backend = "console",
    .nodes = primary_nodes,
    .no_backend_state = true,
};

struct create {
    struct device d;
    const struct console_place *place;
};

static int create_in(struct op *op, xs_transaction_t t, void *arg)
{
    const struct create *c = arg;

    return device_write(op, t, &c->d, c->place);
}

int device_console_create(struct op *op, uint32_t domid, const struct console_place *place)
{
    struct create c = {
        .d = { .kind = &primary_kind,
               .frontend = primary_kind.frontend,
               .backend = primary_kind.backend,
               .domid = domid,
               .backend_domid = DOM0 },
        .place = place,
    };

    return store_transaction(op, create_in, &c);
}

/* ---- channels ---- */

static int channel_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_channel *channel = item;

    (void)domid;
    (void)hotplug;
    if (!channel->name)
        return op_fail(op, ERROR_INVAL, 0, "A channel has no name; say name=...");
    switch (channel->connection) {
    case LIBXL_CHANNEL_CONNECTION_PTY:
        return 0;
    case LIBXL_CHANNEL_CONNECTION_SOCKET:
        if (channel->u.socket.path)
            return 0;
        return op_fail(op, ERROR_INVAL, 0, "Channel %s has no socket; say path=...", channel->name);
    default:
        return op_fail(op, ERROR_INVAL, 0, "Channel %s: say connection=pty or connection=socket",
                       channel->name);
    }
}

/* The first console has number 0, so that channel 0 is console 1 */
static int channel_where(struct op *op, const void *item, struct device *d)
{
    (void)op;
    (void)item;
    d->devid++;
    return 0;
}

static int channel_nodes(struct op *op, const struct device *d, const void *item,
                         struct device_nodes *n)
{
    const libxl_device_channel *channel = item;

    (void)d;
    console_nodes(n, "ioemu", op_printf(op, "chardev:libxl-channel%d", channel->devid));
    nodes_add(&n->frontend, "state", "%d", XenbusStateInitialising);
    nodes_add(&n->frontend, "protocol", "vt100");
    nodes_add(&n->locked, "name", "%s", channel->name);
    nodes_add(&n->backend, "name", "%s", channel->name);
    nodes_add(&n->backend, "connection", "%s",
              libxl_channel_connection_to_string(channel->connection));
    if (channel->connection == LIBXL_CHANNEL_CONNECTION_SOCKET)
        nodes_add(&n->backend, "path", "%s", channel->u.socket.path);
    return 0;
}

static int channel_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_channel *channel = item;
    const char *connection = store_read(op, XBT_NULL, "%s/connection", path);
    libxl_channel_connection how;

    channel->devid = d->devid - 1;
    channel->name = device_string(op, path, "name");
    /* The first console has the same folder, and no name */
    if (!channel->name || !connection)
        return ERROR_NOTFOUND;
    if (libxl_channel_connection_from_string(connection, &how) != 0)
        return op_fail(op, ERROR_FAIL, 0, "'%s' in %s/connection is no connection", connection,
                       path);
    libxl_device_channel_init_connection(channel, how);
    if (how == LIBXL_CHANNEL_CONNECTION_SOCKET)
        channel->u.socket.path = device_string(op, path, "path");
    return 0;
}

DEVICE_TYPE(channel)

const struct device_kind channel_kind = {
    .name = "channel",
    .frontend = "console",
    .backend = "console",
    DEVICE_TYPE_FIELDS(channel),
    DEVICE_BACKEND_FIELDS(channel),
    .devid = offsetof(libxl_device_channel, devid),
    .defaults = channel_defaults,
    .where = channel_where,
    .nodes = channel_nodes,
    .read = channel_read,
    .no_backend_state = true,
};
