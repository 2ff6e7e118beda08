/*
 * The handshake of states with a backend (xen/io/xenbus.h has them): each side has a node `state`
 * in its folder, which the other watches. A backend says InitWait when it has found its device, and
 * Closed when it has let go of it. What a guest does with its own state is not waited for.
 */
#include "libxl/device/device.h"

struct state_wait {
    const struct device *d;
    char *path; /* of the backend's state */
};

/* What Linux says about a backend that failed: /local/domain/B/error/backend/vbd/N/51712/error */
static char *backend_error(struct op *op, const struct device *d)
{
    char *text = store_read(op, XBT_NULL, "/local/domain/%u/error/backend/%s/%u/%d/error",
                            d->backend_domid, d->backend, d->domid, d->devid);

    return text ? text : op_strdup(op, "it gave no reason");
}

static int is_ready(struct op *op, void *arg)
{
    struct state_wait *w = arg;
    const struct device *d = w->d;
    long long state = store_read_int(op, XBT_NULL, XenbusStateUnknown, "%s", w->path);

    switch (state) {
    case XenbusStateInitialising:
        return ERROR_NOT_READY;
    case XenbusStateInitWait:
    case XenbusStateInitialised:
    case XenbusStateConnected:
        return 0;
    case XenbusStateUnknown:
        return op_fail(op, ERROR_FAIL, 0, "The %s %d was removed while its backend set it up",
                       d->frontend, d->devid);
    default:
        return op_fail(op, ERROR_FAIL, 0, "The backend %s refuses %s %d: %s", d->backend,
                       d->frontend, d->devid, backend_error(op, d));
    }
}

int backend_wait_ready(struct op *op, const struct device *d)
{
    struct state_wait w = { d, op_printf(op, "%s/state", device_backend(op, d)) };
    int rc = op_wait(op, w.path, -1, 0, BACKEND_INIT_MS, is_ready, &w);

    if (rc == ERROR_TIMEDOUT)
        op_log(op, XTL_ERROR, 0, "No backend %s in domain %u took %s %d within %d s: %s",
               d->backend, d->backend_domid, d->frontend, d->devid, BACKEND_INIT_MS / 1000,
               device_needs_qemu(d) ? "see /var/log/xen/qemu-dm-NAME.log"
                                    : "is its driver loaded?");
    return rc;
}

static int is_closed(struct op *op, void *arg)
{
    struct state_wait *w = arg;
    long long state = store_read_int(op, XBT_NULL, XenbusStateUnknown, "%s", w->path);

    return state == XenbusStateUnknown || state == XenbusStateClosed ? 0 : ERROR_NOT_READY;
}

int backend_wait_closed(struct op *op, const struct device *d, int timeout_ms)
{
    struct state_wait w = { d, op_printf(op, "%s/state", device_backend(op, d)) };

    return op_wait(op, w.path, -1, 0, timeout_ms, is_closed, &w);
}

int device_close(struct op *op, xs_transaction_t t, const struct device *d, bool force)
{
    char *backend = device_backend(op, d);
    int rc = 0;

    if (force)
        rc = store_remove(op, t, device_frontend(op, d));
    if (rc != 0 || !store_exists(op, t, "%s/state", backend))
        return rc;
    rc = store_write(op, t, op_printf(op, "%s/online", backend), "0");
    if (rc == 0)
        rc = store_write(op, t, op_printf(op, "%s/state", backend), "%d", XenbusStateClosing);
    return rc;
}
