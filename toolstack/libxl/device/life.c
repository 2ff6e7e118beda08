/*
 * A device's life after its nodes are written: its backend takes it, its script gives the backend
 * what it needs; and the other way round. For one device, and for all of a domain: then all are
 * asked at once, and waiting for one after the other takes as long as the slowest.
 *
 * Taking down goes by the store alone and can be done again at any point, so it cleans up after
 * whatever was killed in the middle: nodes are the last to go.
 */
#include <time.h>

#include "libxl/device/device.h"

/* The domain this process is in: backends in it are ours to serve */
static uint32_t own_domid(struct op *op)
{
    return (uint32_t)store_read_int(op, XBT_NULL, DOM0, "domid");
}

static bool has_states(struct op *op, const struct device *d)
{
    if (d->kind && d->kind->no_backend_state)
        return false;
    return store_exists(op, XBT_NULL, "%s/state", device_backend(op, d));
}

int device_bring_up(struct op *op, const struct device *d)
{
    int rc = 0;

    if (!d->kind->no_backend_state)
        rc = backend_wait_ready(op, d);
    if (rc == 0 && d->backend_domid == own_domid(op))
        rc = device_script(op, d, true);
    return rc;
}

/* Devices that something is done with together */
struct all {
    struct device *devices;
    const void **items; /* of a configuration; NULL when they are taken down */
    unsigned int count;
    bool force;
};

/* Frontends go at once, so that a backend does not wait for a guest that cannot answer */
static int close_all(struct op *op, xs_transaction_t t, void *arg)
{
    const struct all *all = arg;
    int rc = 0;

    for (unsigned int i = 0; i < all->count && rc == 0; i++)
        rc = device_close(op, t, &all->devices[i], all->force);
    return rc;
}

static int erase_all(struct op *op, xs_transaction_t t, void *arg)
{
    const struct all *all = arg;
    int rc = 0;

    for (unsigned int i = 0; i < all->count && rc == 0; i++)
        rc = device_erase(op, t, &all->devices[i]);
    return rc;
}

int device_take_down(struct op *op, const struct device *d, bool force)
{
    struct all one = { .devices = (struct device *)d, .count = 1, .force = force };
    int rc = 0;

    if (has_states(op, d)) {
        rc = store_transaction(op, close_all, &one);
        if (rc == 0)
            rc = backend_wait_closed(op, d, BACKEND_CLOSE_MS);
        if (rc == ERROR_TIMEDOUT && force) {
            op_log(op, XTL_WARN, 0, "The backend %s does not close %s %d; it is removed anyway",
                   d->backend, d->frontend, d->devid);
            rc = 0;
        }
        if (rc != 0)
            return rc;
    }
    if (d->backend_domid == own_domid(op))
        rc = device_script(op, d, false);
    if (rc == 0 || force)
        rc = store_transaction(op, erase_all, &one);
    return rc;
}

/* ---- all devices of a domain ---- */

/* Places of all items that are nodes, in the order of device_kinds[] */
static int place_all(struct op *op, uint32_t domid, const libxl_domain_config *config,
                     struct all *all)
{
    for (const struct device_kind *const *k = device_kinds; *k; k++) {
        int count, rc;
        void *items = kind_items(*k, config, &count);
        size_t room = all->count + count;

        if ((*k)->attach)
            continue;
        all->devices = op_realloc(op, all->devices, all->count * sizeof(*all->devices),
                                  room * sizeof(*all->devices));
        all->items = op_realloc(op, all->items, all->count * sizeof(*all->items),
                                room * sizeof(*all->items));
        for (int i = 0; i < count; i++) {
            all->items[all->count] = kind_item(*k, items, i);
            rc = device_where(op, *k, domid, all->items[all->count], &all->devices[all->count]);
            if (rc != 0)
                return rc;
            all->count++;
        }
    }
    return 0;
}

static int write_all(struct op *op, xs_transaction_t t, void *arg)
{
    const struct all *all = arg;
    int rc = 0;

    for (unsigned int i = 0; i < all->count && rc == 0; i++)
        rc = device_write(op, t, &all->devices[i], all->items[i]);
    return rc;
}

int devices_add_all(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    struct all all = { 0 };
    int rc = place_all(op, domid, config, &all);

    if (rc == 0)
        rc = store_transaction(op, write_all, &all);
    if (rc == 0 && config_needs_qemu(op, config))
        rc = qemu_start(op, domid, config);
    for (unsigned int i = 0; i < all.count && rc == 0; i++)
        rc = device_bring_up(op, &all.devices[i]);
    for (const struct device_kind *const *k = device_kinds; *k && rc == 0; k++)
        if ((*k)->add_all)
            rc = (*k)->add_all(op, domid, config);
    return rc;
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Wait for the backends that close by themselves, together no longer than for one; qemu's are gone
 * with it */
static void wait_all_closed(struct op *op, const struct all *all)
{
    long long end = now_ms() + BACKEND_CLOSE_MS, left;

    for (unsigned int i = 0; i < all->count; i++) {
        const struct device *d = &all->devices[i];

        if (device_needs_qemu(d) || !has_states(op, d))
            continue;
        left = end - now_ms();
        if (backend_wait_closed(op, d, left > 0 ? (int)left : 0) != 0)
            op_log(op, XTL_WARN, 0, "The backend %s does not close %s %d; it is removed anyway",
                   d->backend, d->frontend, d->devid);
    }
}

/* A backend that was slow to learn that its device is gone may have made the folder again */
static int sweep(struct op *op, uint32_t domid)
{
    char **kinds = store_list(op, XBT_NULL, NULL, "/local/domain/0/backend");
    int rc = 0;

    for (; kinds && *kinds && rc == 0; kinds++) {
        char *folder = op_printf(op, "/local/domain/0/backend/%s/%u", *kinds, domid);
        unsigned int n;

        if (store_list(op, XBT_NULL, &n, "%s", folder) && n == 0)
            rc = store_remove_empty(op, XBT_NULL, folder);
    }
    return rc;
}

/* Goes on after an error, and tells the first: what cannot be undone must not keep the rest */
int devices_destroy_all(struct op *op, uint32_t domid)
{
    struct all all = { .force = true };
    uint32_t own = own_domid(op);
    int rc, first = 0;

    all.devices = device_find_all(op, domid, NULL, &all.count);
    first = store_transaction(op, close_all, &all);
    rc = qemu_stop(op, domid);
    first = first ? first : rc;
    wait_all_closed(op, &all);
    for (unsigned int i = 0; i < all.count; i++) {
        if (all.devices[i].backend_domid != own)
            continue;
        rc = device_script(op, &all.devices[i], false);
        first = first ? first : rc;
    }
    rc = store_transaction(op, erase_all, &all);
    first = first ? first : rc;
    rc = sweep(op, domid);
    return first ? first : rc;
}

static bool is_among(const struct device_kind *kind, const void *item, void *items, int count)
{
    for (int i = 0; i < count; i++)
        if (kind_same(kind, item, kind_item(kind, items, i)))
            return true;
    return false;
}

/* What stands in the configuration says more of a device than the store; the store says which */
static void merge(struct op *op, const struct device_kind *kind, libxl_domain_config *config,
                  void *found, int count)
{
    int own_count;
    void *own = kind_items(kind, config, &own_count);

    for (int i = own_count - 1; i >= 0; i--)
        if (!is_among(kind, kind_item(kind, own, i), found, count))
            config_take(kind, config, kind_item(kind, own, i));
    for (int i = 0; i < count; i++) {
        own = kind_items(kind, config, &own_count);
        if (!is_among(kind, kind_item(kind, found, i), own, own_count))
            config_put(op, kind, config, kind_item(kind, found, i));
    }
}

int devices_retrieve(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    for (const struct device_kind *const *k = device_kinds; *k; k++) {
        void *found;
        int count, rc;

        /* An HVM guest's own keyboard is nobody's wish */
        if (*k == &vkb_kind && config->c_info.type == LIBXL_DOMAIN_TYPE_HVM && !config->num_vkbs)
            continue;
        rc = do_device_list(op, *k, domid, &found, &count);
        if (rc != 0)
            return rc;
        merge(op, *k, config, found, count);
        device_list_free(*k, found, count);
    }
    return 0;
}
