/*
 * Scripts of devices: programs that an administrator can exchange, named in the backend's folder as
 * `script`. They find the device by their environment (XENBUS_PATH...), and tell what became of it
 * in the backend's folder: hotplug-status, hotplug-error. Called when devices come up and go; a
 * script holds its own locks, and so may run for several domains at once.
 */
#include <string.h>

#include "libxl/device/device.h"

#define SCRIPTS_FOLDER "/etc/xen/scripts"
#define MAX_WORDS      16

char *script_path(struct op *op, const char *name)
{
    return name[0] == '/' ? op_strdup(op, name) : op_printf(op, SCRIPTS_FOLDER "/%s", name);
}

/* What the script wrote down is more than its status can say */
static int script_error(struct op *op, const struct device *d, const char *script, int rc)
{
    const char *text = store_read(op, XBT_NULL, "%s/hotplug-error", device_backend(op, d));

    return op_fail(op, rc, 0, "The script %s failed for %s %d: %s", script, d->frontend, d->devid,
                   text ? text : "it says no more in hotplug-error; try it by hand with 'sh -x'");
}

/* Whether there is something to undo: a script that came to nothing has told so, or nothing */
static bool has_run(struct op *op, const struct device *d)
{
    const char *backend = device_backend(op, d);
    const char *status = store_read(op, XBT_NULL, "%s/hotplug-status", backend);

    if (status && *status && strcmp(status, "error") != 0)
        return true;
    return store_exists(op, XBT_NULL, "%s/node", backend) ||
           store_exists(op, XBT_NULL, "%s/physical-device", backend);
}

int device_script(struct op *op, const struct device *d, bool add)
{
    const struct device_kind *kind = d->kind;
    const char *script, *argv[MAX_WORDS] = { NULL }, *env[MAX_WORDS] = { NULL };
    struct op_exec exec = { .argv = argv, .env = env, .in = -1, .out = -1, .err = -1 };
    int rc = 0;

    if (!kind || !kind->script_add)
        return 0;
    script = store_read(op, XBT_NULL, "%s/script", device_private(op, d));
    /* When the backend's folder is gone, what the script needs to undo its work is gone too */
    if (!script || !*script || !store_exists(op, XBT_NULL, "%s", device_backend(op, d)))
        return 0;
    if (!add && !has_run(op, d))
        return 0;
    argv[0] = script;
    argv[1] = add ? kind->script_add : kind->script_remove;
    memcpy(env,
           (const char *[]){ "script", script, "XENBUS_TYPE", d->backend, "XENBUS_PATH",
                             op_printf(op, "backend/%s/%u/%d", d->backend, d->domid, d->devid),
                             "XENBUS_BASE_PATH", "backend" },
           8 * sizeof(*env));
    if (kind->script)
        rc = kind->script(op, d, &env[8], &argv[2]);
    if (rc != 0)
        return rc;
    exec.timeout_ms = SCRIPT_MS;
    exec.what = op_printf(op, "the script %s of %s %d", script, d->frontend, d->devid);
    rc = op_exec(op, &exec);
    if (rc == 0 && add && store_exists(op, XBT_NULL, "%s/hotplug-error", device_backend(op, d)))
        rc = ERROR_FAIL;
    return rc == 0 ? 0 : script_error(op, d, script, rc);
}
