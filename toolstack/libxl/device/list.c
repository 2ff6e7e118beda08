/*
 * Devices of a domain as the store has them, as arrays for applications: the same for all kinds.
 * What is read is this library's own folder (place.c), which no guest can write.
 */
#include <stdlib.h>

#include "libxl/device/device.h"

static int read_item(struct op *op, const struct device *d, void *item)
{
    const struct device_kind *kind = d->kind;

    kind->init(item);
    if (item_devid(kind, item))
        *item_devid(kind, item) = d->devid;
    if (item_backend_domid(kind, item))
        *item_backend_domid(kind, item) = d->backend_domid;
    return kind->read(op, d, device_private(op, d), item);
}

int do_device_list(struct op *op, const struct device_kind *kind, uint32_t domid, void **items,
                   int *count)
{
    unsigned int n;
    struct device *devices;
    int rc = 0;

    *items = NULL;
    *count = 0;
    if (kind->list)
        return kind->list(op, domid, items, count);
    devices = device_find_all(op, domid, kind, &n);
    if (n)
        *items = xl_calloc(n, kind->size);
    for (unsigned int i = 0; i < n && rc == 0; i++) {
        rc = read_item(op, &devices[i], kind_item(kind, *items, *count));
        if (rc == ERROR_NOTFOUND) { /* a device of this folder, but of another kind */
            kind->dispose(kind_item(kind, *items, *count));
            rc = 0;
            continue;
        }
        (*count)++;
    }
    if (rc != 0) {
        device_list_free(kind, *items, *count);
        *items = NULL;
        *count = 0;
    }
    return rc;
}

void *device_list(libxl_ctx *ctx, const struct device_kind *kind, const char *name, uint32_t domid,
                  int *count)
{
    void *items;
    struct op op;

    op_begin(&op, ctx, name, domid);
    op_end(&op, do_device_list(&op, kind, domid, &items, count));
    return items;
}

void device_list_free(const struct device_kind *kind, void *list, int count)
{
    for (int i = 0; i < count; i++)
        kind->dispose(kind_item(kind, list, i));
    free(list);
}

int device_search(libxl_ctx *ctx, const struct device_kind *kind, const char *name, uint32_t domid,
                  bool (*match)(const void *item, const void *key), const void *key, void *item)
{
    int count, rc = ERROR_NOTFOUND;
    void *items = device_list(ctx, kind, name, domid, &count);

    kind->init(item);
    for (int i = 0; i < count && rc != 0; i++) {
        void *found = kind_item(kind, items, i);

        if (match ? !match(found, key) : *item_devid(kind, found) != *(const int *)key)
            continue;
        kind->copy(ctx, item, found);
        rc = 0;
    }
    device_list_free(kind, items, count);
    return rc;
}
