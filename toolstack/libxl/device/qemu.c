/*
 * qemu as a backend of a domain: of disks in files with a format (qdisk), framebuffers, channels,
 * shared folders; of an HVM domain it is the machine, too. One process for each domain that has
 * such devices or is HVM. It says in the store when it runs (device-model/N/state), and its number
 * is in image/device-model-pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libxl/device/daemon.h"
#include "libxl/device/device.h"
#include "libxl/device/qemu.h"
#include "libxl/device/qmp.h"

extern char **environ;

/* Kinds that only qemu serves */
static const char *const qemu_backends[] = { "qdisk", "vfb", "9pfs", "qusb", NULL };

bool device_needs_qemu(const struct device *d)
{
    if (d->backend_domid != DOM0)
        return false;
    for (const char *const *b = qemu_backends; *b; b++)
        if (strcmp(*b, d->backend) == 0)
            return true;
    if (d->kind == &channel_kind && d->devid > 0)
        return true;
    return d->kind == &vkb_kind;
}

bool config_needs_qemu(struct op *op, const libxl_domain_config *config)
{
    if (config->c_info.type == LIBXL_DOMAIN_TYPE_HVM)
        return true;
    for (const struct device_kind *const *k = device_kinds; *k; k++) {
        int count;
        void *items = kind_items(*k, config, &count);
        struct device d;

        for (int i = 0; i < count && !(*k)->attach; i++)
            if (device_where(op, *k, 0, kind_item(*k, items, i), &d) == 0 && device_needs_qemu(&d))
                return true;
    }
    return false;
}

static struct daemon_find find_qemu(struct op *op, uint32_t domid)
{
    return (struct daemon_find){
        .pid = (pid_t)store_read_int(op, XBT_NULL, 0, "/local/domain/%u/image/device-model-pid",
                                     domid),
        .option = "-xen-domid",
        .value = op_printf(op, "%u", domid),
    };
}

struct start_wait {
    pid_t pid;
    char *state;
};

static int is_running(struct op *op, void *arg)
{
    struct start_wait *w = arg;
    const char *state = store_read(op, XBT_NULL, "%s", w->state);

    if (state && strcmp(state, "running") == 0)
        return 0;
    /* Its command line is ours until it has become qemu: being there is all that counts */
    return kill(w->pid, 0) == 0 ? ERROR_NOT_READY : ERROR_FAIL;
}

static int open_log(struct op *op, const char *name, char **path)
{
    int fd, rc = libxl_create_logfile(op->ctx, op_printf(op, "qemu-dm-%s", name), path);

    if (rc != 0)
        return -1;
    fd = open(*path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        op_log(op, XTL_ERROR, errno, "Cannot write %s", *path);
    return fd;
}

/* Its environment has one word more than ours */
static char **make_env(struct op *op)
{
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = op_calloc(op, n + 2, sizeof(*env));
    memcpy(env, environ, n * sizeof(*env));
    env[n] = op_strdup(op, "XEN_QEMU_CONSOLE_LIMIT=1048576");
    return env;
}

static int start_process(struct op *op, uint32_t domid, const char *const *argv, int log,
                         const char *log_path)
{
    struct start_wait w = { .state =
                                op_printf(op, "/local/domain/0/device-model/%u/state", domid) };
    struct daemon_start start = {
        .argv = argv,
        .env = make_env(op),
        .in = open("/dev/null", O_RDONLY | O_CLOEXEC),
        .log = log,
        .pid_path = op_printf(op, "/local/domain/%u/image/device-model-pid", domid),
    };
    pid_t pid;
    int rc;

    if (start.in < 0)
        return op_fail(op, ERROR_FAIL, errno, "/dev/null cannot be opened");
    rc = store_remove(op, XBT_NULL, op_printf(op, "/local/domain/0/device-model/%u", domid));
    if (rc == 0)
        rc = daemon_start(op, &start, &pid);
    close(start.in);
    if (rc != 0)
        return rc;
    w.pid = pid;
    rc = op_wait(op, w.state, -1, 200, QEMU_START_MS, is_running, &w);
    if (rc != 0)
        op_log(op, XTL_ERROR, 0, "qemu does not start: %s says why", log_path);
    return rc;
}

/* Dom0's own is a unit's, which does not note its number. */
static bool dom0_has_one(struct op *op)
{
    const char *state = store_read(op, XBT_NULL, "/local/domain/0/device-model/0/state");

    return state && !strcmp(state, "running");
}

int qemu_start(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    struct daemon_find find = find_qemu(op, domid);
    libxl_domain_config own;
    const char *const *argv;
    char *log_path = NULL;
    int rc = 0, log = -1;

    if (daemon_runs(&find) || (domid == DOM0 && dom0_has_one(op)))
        return 0;
    libxl_domain_config_init(&own);
    if (!config) {
        rc = domid == DOM0 ? 0 : config_load(op, domid, &own);
        config = &own;
        if (rc == 0 && own.c_info.type == LIBXL_DOMAIN_TYPE_HVM)
            rc = op_fail(op, ERROR_FAIL, 0, "qemu has ended, and with it this guest's machine");
    }
    argv = rc == 0 ? qemu_args(op, domid, config) : NULL;
    if (argv)
        log = open_log(op, config->c_info.name ? config->c_info.name : "dom0", &log_path);
    if (log >= 0) {
        rc = start_process(op, domid, argv, log, log_path);
        close(log);
        /* The guest can do without; a screen whose password is not set lets nobody in */
        if (rc == 0 && qmp_tell_places(op, domid, config) != 0)
            op_log(op, XTL_WARN, 0, "Where its screen and channels are is not in the store");
    } else if (rc == 0) {
        rc = ERROR_FAIL;
    }
    free(log_path);
    libxl_domain_config_dispose(&own);
    return rc;
}

int qemu_stop(struct op *op, uint32_t domid)
{
    struct daemon_find find = find_qemu(op, domid);
    int rc = daemon_stop(op, &find);

    for (const char *const *s = qemu_sockets; *s; s++)
        unlink(op_printf(op, QEMU_RUN_FOLDER "/%s-%u", *s, domid));
    store_remove(op, XBT_NULL, op_printf(op, "/local/domain/%u/image/device-model-pid", domid));
    store_remove(op, XBT_NULL, op_printf(op, "/local/domain/0/device-model/%u", domid));
    return rc;
}
