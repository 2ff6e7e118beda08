/*
 * Ways to a guest's console and screen for a person: the terminal's name, and programs that this
 * process becomes. A stub domain's consoles would be its guest's; there are none here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libxl/host/host.h"

/* Ours, then Debian's */
static const char *const clients[] = { "/usr/lib/hospes/bin/xenconsole",
                                       "/usr/lib/xen-4.17/bin/xenconsole", NULL };

static const char *console_type(libxl_console_type type)
{
    switch (type) {
    case LIBXL_CONSOLE_TYPE_PV:
        return "pv";
    case LIBXL_CONSOLE_TYPE_SERIAL:
        return "serial";
    case LIBXL_CONSOLE_TYPE_VUART:
        return "vuart";
    default:
        return NULL;
    }
}

int libxl_console_exec(libxl_ctx *ctx, uint32_t domid, int cons_num, libxl_console_type type,
                       int notify_fd)
{
    const char *argv[12], *name = console_type(type);
    int n = 1, err = ENOENT;
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    if (!name)
        return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "There is no console of type %d", type));
    argv[n++] = op_printf(&op, "%u", domid);
    argv[n++] = "--num";
    argv[n++] = op_printf(&op, "%d", cons_num);
    argv[n++] = "--type";
    argv[n++] = name;
    if (notify_fd != -1) {
        argv[n++] = "--notify-fd";
        argv[n++] = op_printf(&op, "%d", notify_fd);
        fcntl(notify_fd, F_SETFD, 0);
    }
    argv[n] = NULL;
    for (const char *const *client = clients; *client && err == ENOENT; client++) {
        argv[0] = *client;
        execv(*client, (char *const *)argv);
        err = errno;
    }
    return op_end(&op, op_fail(&op, ERROR_FAIL, err, "%s cannot be executed", clients[0]));
}

int libxl_primary_console_exec(libxl_ctx *ctx, uint32_t domid_vm, int notify_fd)
{
    return libxl_console_exec(ctx, domid_vm, 0, LIBXL_CONSOLE_TYPE_PV, notify_fd);
}

int libxl_console_get_tty(libxl_ctx *ctx, uint32_t domid, int cons_num, libxl_console_type type,
                          char **path)
{
    struct op op;
    char *node, *tty;

    op_begin(&op, ctx, __func__, domid);
    switch (type) {
    case LIBXL_CONSOLE_TYPE_SERIAL:
        node = op_printf(&op, "serial/%d/tty", cons_num);
        break;
    case LIBXL_CONSOLE_TYPE_PV:
        node = cons_num ? op_printf(&op, "device/console/%d/tty", cons_num)
                        : op_strdup(&op, "console/tty");
        break;
    case LIBXL_CONSOLE_TYPE_VUART:
        node = op_printf(&op, "vuart/%d/tty", cons_num);
        break;
    default:
        return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "There is no console of type %d", type));
    }
    tty = store_read(&op, XBT_NULL, "/local/domain/%u/%s", domid, node);
    if (!tty || !*tty)
        return op_end(&op, op_fail(&op, ERROR_FAIL, 0,
                                   "unable to read console tty path `/local/domain/%u/%s'", domid,
                                   node));
    *path = xl_strdup(tty);
    return op_end(&op, 0);
}

int libxl_primary_console_get_tty(libxl_ctx *ctx, uint32_t domid_vm, char **path)
{
    return libxl_console_get_tty(ctx, domid_vm, 0, LIBXL_CONSOLE_TYPE_PV, path);
}

/* ---- the screen ---- */

/* A file without a name that has the password, and is descriptor 0 of the viewer */
static int pass_on(struct op *op, const char *password)
{
    char name[] = "/tmp/vncautopassXXXXXX";
    int fd = mkstemp(name);

    if (fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "Cannot create %s", name);
    unlink(name);
    if (write(fd, password, strlen(password)) != (ssize_t)strlen(password) ||
        lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, STDIN_FILENO) < 0) {
        int err = errno;

        close(fd);
        return op_fail(op, ERROR_FAIL, err, "Cannot write %s", name);
    }
    close(fd);
    return 0;
}

static int view(struct op *op, int autopass)
{
    char *folder = op_printf(op, "/local/domain/%u/console", op->domid);
    const char *port = store_read(op, XBT_NULL, "%s/vnc-port", folder);
    const char *listen = store_read(op, XBT_NULL, "%s/vnc-listen", folder);
    const char *password = store_read(op, XBT_NULL, "%s/vnc-pass", folder);
    const char *argv[] = { "vncviewer", NULL, NULL, NULL };
    int rc;

    if (!port)
        return op_fail(op, ERROR_FAIL, 0, "Cannot get vnc-port: the domain shows no screen by VNC");
    argv[1] = op_printf(op, "%s:%d", listen ? listen : "localhost", atoi(port) - 5900);
    if (autopass && password && *password) {
        rc = pass_on(op, password);
        if (rc != 0)
            return rc;
        argv[2] = "-autopass";
    }
    execvp(argv[0], (char *const *)argv);
    return op_fail(op, ERROR_FAIL, errno, "vncviewer cannot be executed: is one installed?");
}

int libxl_vncviewer_exec(libxl_ctx *ctx, uint32_t domid, int autopass)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, view(&op, autopass));
}
