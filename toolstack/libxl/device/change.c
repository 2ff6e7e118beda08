/*
 * Devices of a domain that runs: add one, remove one. The stored configuration of the domain
 * changes with it, under its lock, so that a saved or restarted domain has the device or has it
 * not.
 *
 * Adding writes the nodes before the configuration: when it is interrupted between, the device is
 * seen in the store, and can be removed. Removing takes the nodes last for the same reason.
 */
#include "libxl/device/device.h"

/* Nodes to be written in a transaction */
struct add {
    const struct device *d;
    const void *item;
};

static int add_in(struct op *op, xs_transaction_t t, void *arg)
{
    const struct add *add = arg;

    if (!store_exists(op, t, "/local/domain/%u", add->d->domid))
        return op_fail(op, ERROR_DOMAIN_NOTFOUND, 0, "there is no such domain");
    return device_write(op, t, add->d, add->item);
}

typedef void config_change(struct op *op, const struct device_kind *kind,
                           libxl_domain_config *config, const void *item);

static void take_item(struct op *op, const struct device_kind *kind, libxl_domain_config *config,
                      const void *item)
{
    (void)op;
    config_take(kind, config, item);
}

/* Change the stored configuration, and do fn before it is stored, under the same lock */
static int with_config(struct op *op, const struct device_change *c, config_change *change,
                       int (*fn)(struct op *op, xs_transaction_t t, void *arg), void *arg)
{
    libxl_domain_config config;
    struct config_lock *lock;
    int rc, loaded;

    rc = config_lock(op, c->domid, &lock);
    if (rc != 0)
        return rc;
    libxl_domain_config_init(&config);
    loaded = config_load(op, c->domid, &config);
    /* dom0 was made by nobody, and may have none */
    if (loaded != 0 && c->domid != DOM0)
        rc = op_fail(op, loaded, 0,
                     "The domain's %s devices are not changed: its configuration "
                     "cannot be read; was xl stopped while it made the domain?",
                     c->kind->name);
    if (rc == 0 && fn)
        rc = store_transaction(op, fn, arg);
    if (rc == 0 && loaded == 0) {
        change(op, c->kind, &config, c->item);
        rc = config_store(op, c->domid, &config);
    }
    libxl_domain_config_dispose(&config);
    config_unlock(op, lock);
    return rc;
}

int do_device_add(struct op *op, void *args)
{
    struct device_change *c = args;
    struct device d;
    struct add add = { &d, c->item };
    int rc = device_defaults(op, c->kind, c->domid, c->item, true);

    if (rc != 0)
        return rc;
    if (c->kind->attach) {
        rc = c->kind->attach(op, c->domid, c->item);
        return rc == 0 ? with_config(op, c, config_put, NULL, NULL) : rc;
    }
    rc = device_where(op, c->kind, c->domid, c->item, &d);
    if (rc == 0)
        rc = with_config(op, c, config_put, add_in, &add);
    if (rc != 0)
        return rc;
    if (device_needs_qemu(&d))
        rc = qemu_start(op, c->domid, NULL);
    if (rc == 0)
        rc = device_bring_up(op, &d);
    if (rc != 0) {
        with_config(op, c, take_item, NULL, NULL);
        device_take_down(op, &d, true);
    }
    return rc;
}

int do_device_remove(struct op *op, void *args)
{
    struct device_change *c = args;
    struct device wanted, d;
    int rc;

    if (c->kind->detach) {
        rc = c->kind->detach(op, c->domid, c->item, c->force);
        return rc == 0 ? with_config(op, c, take_item, NULL, NULL) : rc;
    }
    rc = device_where(op, c->kind, c->domid, c->item, &wanted);
    if (rc != 0)
        return rc;
    if (!device_find(op, c->domid, wanted.frontend, op_printf(op, "%d", wanted.devid), &d))
        return op_fail(op, ERROR_NOTFOUND, 0, "The domain has no %s %d", c->kind->name,
                       wanted.devid);
    rc = device_take_down(op, &d, c->force);
    if (rc == ERROR_TIMEDOUT && !c->safe) {
        op_log(op, XTL_WARN, 0, "The guest does not let go of %s %d; it is taken by force",
               c->kind->name, d.devid);
        rc = device_take_down(op, &d, true);
    }
    if (rc == ERROR_TIMEDOUT)
        op_log(op, XTL_ERROR, 0, "The guest does not let go of %s %d: is it in use there?",
               c->kind->name, d.devid);
    return rc == 0 ? with_config(op, c, take_item, NULL, NULL) : rc;
}
