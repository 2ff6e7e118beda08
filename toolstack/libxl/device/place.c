/*
 * A device's folders in the store: how they are called, made, found and removed.
 *
 *     /local/domain/N/device/vbd/51712         the frontend's; the guest owns it
 *     /local/domain/0/backend/vbd/N/51712      the backend's
 *     /libxl/N/device/vbd/51712                ours: where both are, and a copy of the second
 *
 * Only the last is trusted when devices are listed or removed. Its `backend` is checked to be a
 * backend's folder of this very device, so that nothing else can ever be removed by it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

/* The first console stands where guests look for it before they know of devices; they only read */
static bool is_first_console(const struct device *d)
{
    return d->devid == 0 && strcmp(d->frontend, "console") == 0;
}

char *device_frontend(struct op *op, const struct device *d)
{
    if (is_first_console(d))
        return op_printf(op, "/local/domain/%u/console", d->domid);
    return op_printf(op, "/local/domain/%u/device/%s/%d", d->domid, d->frontend, d->devid);
}

char *device_backend(struct op *op, const struct device *d)
{
    return op_printf(op, "/local/domain/%u/backend/%s/%u/%d", d->backend_domid, d->backend,
                     d->domid, d->devid);
}

char *device_private(struct op *op, const struct device *d)
{
    return op_printf(op, "%s/device/%s/%d", domain_libxl_path(op, d->domid), d->frontend, d->devid);
}

char *device_string(struct op *op, const char *path, const char *name)
{
    char *value = store_read(op, XBT_NULL, "%s/%s", path, name);

    return value && *value ? xl_strdup(value) : NULL;
}

void nodes_add(struct nodes *n, const char *name, const char *format, ...)
{
    va_list args;

    if (n->count + 2 >= n->room) {
        size_t old = n->room * sizeof(*n->pairs);

        n->room = n->room ? 2 * n->room : 48;
        n->pairs = op_realloc(n->op, n->pairs, old, n->room * sizeof(*n->pairs));
    }
    n->pairs[n->count++] = name;
    va_start(args, format);
    n->pairs[n->count++] = op_vprintf(n->op, format, args);
    va_end(args);
    n->pairs[n->count] = NULL;
}

/* Nodes in a folder of the guest's that it may only read */
static int write_locked(struct op *op, xs_transaction_t t, const char *path, uint32_t reader,
                        const struct nodes *nodes)
{
    struct xs_permissions perms[] = {
        { .id = DOM0, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };
    int rc = 0;

    for (unsigned int i = 0; i < nodes->count && rc == 0; i += 2) {
        char *node = op_printf(op, "%s/%s", path, nodes->pairs[i]);

        rc = store_write(op, t, node, "%s", nodes->pairs[i + 1]);
        if (rc == 0)
            rc = store_set_perms(op, t, node, perms, 2);
    }
    return rc;
}

/* A folder that one domain owns and another may read, with its contents */
static int write_folder(struct op *op, xs_transaction_t t, const char *path, uint32_t owner,
                        uint32_t reader, const struct nodes *nodes)
{
    struct xs_permissions perms[] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };
    int rc = store_remove(op, t, path);

    if (rc == 0)
        rc = store_mkdir(op, t, path, perms, 2);
    return rc == 0 ? store_write_all(op, t, path, nodes->pairs) : rc;
}

/* Ours is dom0's alone, and a copy of what the backend got: the truth, whatever becomes of that */
static int write_private(struct op *op, xs_transaction_t t, const struct device *d,
                         const struct device_nodes *n)
{
    struct xs_permissions perms = { .id = DOM0, .perms = XS_PERM_NONE };
    char *path = device_private(op, d);
    int rc = store_mkdir(op, t, path, &perms, 1);

    if (rc == 0)
        rc = store_write(op, t, op_printf(op, "%s/frontend", path), "%s", device_frontend(op, d));
    if (rc == 0)
        rc = store_write(op, t, op_printf(op, "%s/backend", path), "%s", device_backend(op, d));
    /* The first pair of the backend's is `frontend`, as above */
    if (rc == 0)
        rc = store_write_all(op, t, path, n->backend.pairs + 2);
    if (rc == 0 && n->only_private.count)
        rc = store_write_all(op, t, path, n->only_private.pairs);
    return rc;
}

int device_write(struct op *op, xs_transaction_t t, const struct device *d, const void *item)
{
    struct device_nodes n = { { .op = op }, { .op = op }, { .op = op }, { .op = op } };
    int rc;

    if (store_exists(op, t, "%s", device_private(op, d)))
        return op_fail(op, ERROR_DEVICE_EXISTS, 0, "the domain has a %s %d already", d->kind->name,
                       d->devid);
    nodes_add(&n.frontend, "backend", "%s", device_backend(op, d));
    nodes_add(&n.frontend, "backend-id", "%u", d->backend_domid);
    nodes_add(&n.backend, "frontend", "%s", device_frontend(op, d));
    nodes_add(&n.backend, "frontend-id", "%u", d->domid);
    nodes_add(&n.backend, "online", "1");
    rc = d->kind->nodes(op, d, item, &n);
    if (rc != 0)
        return rc;
    if (!d->kind->no_backend_state) {
        nodes_add(&n.frontend, "state", "%d", XenbusStateInitialising);
        nodes_add(&n.backend, "state", "%d", XenbusStateInitialising);
    }
    if (is_first_console(d))
        rc = write_folder(op, t, device_frontend(op, d), DOM0, d->domid, &n.frontend);
    else
        rc = write_folder(op, t, device_frontend(op, d), d->domid, d->backend_domid, &n.frontend);
    if (rc == 0)
        rc = write_locked(op, t, device_frontend(op, d), d->domid, &n.locked);
    if (rc == 0)
        rc = write_folder(op, t, device_backend(op, d), d->backend_domid, d->domid, &n.backend);
    return rc == 0 ? write_private(op, t, d, &n) : rc;
}

int device_erase(struct op *op, xs_transaction_t t, const struct device *d)
{
    int rc = store_remove_empty(op, t, device_frontend(op, d));

    if (rc == 0)
        rc = store_remove_empty(op, t, device_backend(op, d));
    return rc == 0 ? store_remove_empty(op, t, device_private(op, d)) : rc;
}

bool device_find(struct op *op, uint32_t domid, const char *frontend, const char *devid,
                 struct device *d)
{
    char *backend = store_read(op, XBT_NULL, "%s/device/%s/%s/backend",
                               domain_libxl_path(op, domid), frontend, devid);
    char *name = op_alloc(op, strlen(backend ? backend : "") + 1), *end;
    unsigned int backend_domid, front_domid;
    int id, length = 0;

    id = strtol(devid, &end, 10);
    if (!backend || *end || end == devid ||
        sscanf(backend, "/local/domain/%u/backend/%[^/]/%u/%d%n", &backend_domid, name,
               &front_domid, &d->devid, &length) != 4 ||
        backend[length] || front_domid != domid || d->devid != id)
        return false;
    d->kind = device_kind_of(frontend);
    d->frontend = frontend;
    d->backend = name;
    d->domid = domid;
    d->backend_domid = backend_domid;
    return true;
}

/* Add all of one folder to a list that ends with an entry for each name in the folder */
static struct device *find_in(struct op *op, uint32_t domid, const char *frontend,
                              struct device *list, unsigned int *count)
{
    unsigned int n;
    char **ids =
        store_list(op, XBT_NULL, &n, "%s/device/%s", domain_libxl_path(op, domid), frontend);

    list = op_realloc(op, list, *count * sizeof(*list), (*count + n) * sizeof(*list));
    for (; ids && *ids; ids++)
        if (device_find(op, domid, frontend, *ids, &list[*count]))
            (*count)++;
    return list;
}

struct device *device_find_all(struct op *op, uint32_t domid, const struct device_kind *kind,
                               unsigned int *count)
{
    struct device *list = NULL;
    char **frontends;

    *count = 0;
    if (kind)
        return find_in(op, domid, kind->frontend, NULL, count);
    frontends = store_list(op, XBT_NULL, NULL, "%s/device", domain_libxl_path(op, domid));
    for (; frontends && *frontends; frontends++)
        list = find_in(op, domid, *frontends, list, count);
    return list;
}
