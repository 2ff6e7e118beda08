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

/* One run of it; @more adds to its environment and its arguments (may be NULL) */
static int
run_script(struct op *op, const struct device *d, const char *script, const char *command,
           int (*more)(struct op *op, const struct device *d, const char **env, const char **args))
{
    const char *argv[MAX_WORDS] = { script, command, NULL }, *env[MAX_WORDS] = { NULL };
    struct op_exec exec = { .argv = argv, .env = env, .in = -1, .out = -1, .err = -1 };
    int rc = 0;

    memcpy(env,
           (const char *[]){ "script", script, "XENBUS_TYPE", d->backend, "XENBUS_PATH",
                             op_printf(op, "backend/%s/%u/%d", d->backend, d->domid, d->devid),
                             "XENBUS_BASE_PATH", "backend" },
           8 * sizeof(*env));
    if (more)
        rc = more(op, d, &env[8], &argv[2]);
    if (rc != 0)
        return rc;
    exec.timeout_ms = SCRIPT_MS;
    exec.what = op_printf(op, "the script %s of %s %d", script, d->frontend, d->devid);
    return op_exec(op, &exec);
}

int device_script(struct op *op, const struct device *d, bool add)
{
    const struct device_kind *kind = d->kind;
    const char *script;
    int rc;

    if (!kind || !kind->script_add)
        return 0;
    script = store_read(op, XBT_NULL, "%s/script", device_private(op, d));
    /* When the backend's folder is gone, what the script needs to undo its work is gone too */
    if (!script || !*script || !store_exists(op, XBT_NULL, "%s", device_backend(op, d)))
        return 0;
    if (!add && !has_run(op, d))
        return 0;
    rc = run_script(op, d, script, add ? kind->script_add : kind->script_remove, kind->script);
    if (rc == 0 && kind->is_emulated && kind->is_emulated(op, d))
        rc = run_script(op, d, script, add ? "add" : "remove", kind->emulated_script);
    if (rc == 0 && add && store_exists(op, XBT_NULL, "%s/hotplug-error", device_backend(op, d)))
        rc = ERROR_FAIL;
    return rc == 0 ? 0 : script_error(op, d, script, rc);
}
