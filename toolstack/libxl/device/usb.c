/*
 * USB: controllers, which qemu serves (qusb), and devices of the host at their ports. A device is a
 * node of its controller's backend: port/N has its name on the host's bus (1-2.4), or nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

#define SYSFS_USB "/sys/bus/usb/devices"
#define MAX_PORTS 31

static int usbctrl_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_usbctrl *ctrl = item;

    (void)domid;
    (void)hotplug;
    if (ctrl->type == LIBXL_USBCTRL_TYPE_AUTO)
        ctrl->type = LIBXL_USBCTRL_TYPE_QUSB;
    if (!ctrl->version)
        ctrl->version = 2;
    if (!ctrl->ports)
        ctrl->ports = 8;
    if (ctrl->type == LIBXL_USBCTRL_TYPE_DEVICEMODEL)
        return op_fail(op, ERROR_NI, 0,
                       "usbctrl %d: type=devicemodel is for HVM guests, which are not supported",
                       ctrl->devid);
    if (ctrl->version != 1 && ctrl->version != 2)
        return op_fail(op, ERROR_INVAL, 0, "usbctrl %d: the version is 1 or 2, not %d", ctrl->devid,
                       ctrl->version);
    if (ctrl->ports < 1 || ctrl->ports > MAX_PORTS)
        return op_fail(op, ERROR_INVAL, 0, "usbctrl %d: 1 to %d ports, not %d", ctrl->devid,
                       MAX_PORTS, ctrl->ports);
    return 0;
}

static int usbctrl_where(struct op *op, const void *item, struct device *d)
{
    const libxl_device_usbctrl *ctrl = item;

    (void)op;
    if (ctrl->type == LIBXL_USBCTRL_TYPE_PV)
        d->backend = "vusb";
    return 0;
}

static int usbctrl_nodes(struct op *op, const struct device *d, const void *item,
                         struct device_nodes *n)
{
    const libxl_device_usbctrl *ctrl = item;

    (void)d;
    nodes_add(&n->backend, "type", "%s", libxl_usbctrl_type_to_string(ctrl->type));
    nodes_add(&n->backend, "usb-ver", "%d", ctrl->version);
    nodes_add(&n->backend, "num-ports", "%d", ctrl->ports);
    nodes_add(&n->backend, "port", "%s", "");
    for (int i = 1; i <= ctrl->ports; i++)
        nodes_add(&n->backend, op_printf(op, "port/%d", i), "%s", "");
    return 0;
}

static int usbctrl_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_usbctrl *ctrl = item;
    const char *type = store_read(op, XBT_NULL, "%s/type", path);

    if (type && libxl_usbctrl_type_from_string(type, &ctrl->type) != 0)
        return op_fail(op, ERROR_FAIL, 0, "usbctrl %d has the unknown type '%s'", d->devid, type);
    ctrl->version = (int)store_read_int(op, XBT_NULL, 0, "%s/usb-ver", path);
    ctrl->ports = (int)store_read_int(op, XBT_NULL, 0, "%s/num-ports", path);
    return 0;
}

DEVICE_TYPE(usbctrl)

const struct device_kind usbctrl_kind = {
    .name = "usbctrl",
    .frontend = "vusb",
    .backend = "qusb",
    DEVICE_TYPE_FIELDS(usbctrl),
    DEVICE_BACKEND_FIELDS(usbctrl),
    .devid = offsetof(libxl_device_usbctrl, devid),
    .defaults = usbctrl_defaults,
    .where = usbctrl_where,
    .nodes = usbctrl_nodes,
    .read = usbctrl_read,
};

/* ---- devices at ports ---- */

static int sysfs_number(const char *bus_name, const char *file)
{
    char path[300];
    int value = -1;
    FILE *f;

    snprintf(path, sizeof(path), SYSFS_USB "/%s/%s", bus_name, file);
    f = fopen(path, "re");
    if (!f)
        return -1;
    if (fscanf(f, "%d", &value) != 1)
        value = -1;
    fclose(f);
    return value;
}

/* The name on the bus of a device by its numbers: interfaces have a ':' in theirs */
static char *bus_name_of(struct op *op, int bus, int address)
{
    DIR *dir = opendir(SYSFS_USB);
    const struct dirent *e;
    char *name = NULL;

    while (dir && !name && (e = readdir(dir)) != NULL)
        if (isdigit((unsigned char)e->d_name[0]) && !strchr(e->d_name, ':') &&
            sysfs_number(e->d_name, "busnum") == bus &&
            sysfs_number(e->d_name, "devnum") == address)
            name = op_strdup(op, e->d_name);
    if (dir)
        closedir(dir);
    return name;
}

/* The backend of a controller, or NULL after saying that there is none */
static char *port_path(struct op *op, uint32_t domid, int ctrl, int port)
{
    struct device d;

    if (ctrl >= 0 && device_find(op, domid, usbctrl_kind.frontend, op_printf(op, "%d", ctrl), &d) &&
        store_exists(op, XBT_NULL, "%s/port/%d", device_backend(op, &d), port)) {
        if (strcmp(d.backend, "qusb") == 0)
            return op_printf(op, "%s/port/%d", device_backend(op, &d), port);
        op_log(op, XTL_ERROR, 0,
               "usbctrl %d is of type pv, for which Linux has no backend; use type=qusb", ctrl);
        return NULL;
    }
    op_log(op, XTL_ERROR, 0, "The domain has no port %d of a usbctrl %d; attach one first", port,
           ctrl);
    return NULL;
}

/* The first free port of any controller, when the user left it open */
static void choose_port(struct op *op, uint32_t domid, libxl_device_usbdev *dev)
{
    unsigned int n;
    struct device *ctrls = device_find_all(op, domid, &usbctrl_kind, &n);

    for (unsigned int i = 0; i < n; i++) {
        if (dev->ctrl != -1 && dev->ctrl != ctrls[i].devid)
            continue;
        for (int port = 1; port <= MAX_PORTS; port++) {
            const char *used =
                store_read(op, XBT_NULL, "%s/port/%d", device_backend(op, &ctrls[i]), port);

            if (!used || *used)
                continue;
            dev->ctrl = ctrls[i].devid;
            dev->port = port;
            return;
        }
    }
}

static int usbdev_attach(struct op *op, uint32_t domid, void *item)
{
    libxl_device_usbdev *dev = item;
    char *name, *path;
    const char *used;

    name = bus_name_of(op, dev->u.hostdev.hostbus, dev->u.hostdev.hostaddr);
    if (!name)
        return op_fail(op, ERROR_INVAL, 0, "The host has no USB device %u on bus %u; see lsusb",
                       dev->u.hostdev.hostaddr, dev->u.hostdev.hostbus);
    if (dev->ctrl == -1 || dev->port == 0)
        choose_port(op, domid, dev);
    path = port_path(op, domid, dev->ctrl, dev->port);
    if (!path)
        return ERROR_INVAL;
    used = store_read(op, XBT_NULL, "%s", path);
    if (used && *used)
        return op_fail(op, ERROR_DEVICE_EXISTS, 0, "Port %d of usbctrl %d has %s already",
                       dev->port, dev->ctrl, used);
    return store_write(op, XBT_NULL, path, "%s", name);
}

static int usbdev_detach(struct op *op, uint32_t domid, const void *item, bool force)
{
    const libxl_device_usbdev *dev = item;
    char *path = port_path(op, domid, dev->ctrl, dev->port);

    (void)force;
    return path ? store_write(op, XBT_NULL, path, "%s", "") : ERROR_INVAL;
}

static int usbdev_add_all(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    int rc = 0;

    for (int i = 0; i < config->num_usbdevs && rc == 0; i++)
        rc = usbdev_attach(op, domid, &config->usbdevs[i]);
    return rc;
}

static int usbdev_list(struct op *op, uint32_t domid, void **items, int *count)
{
    libxl_device_usbdev *list = NULL;
    unsigned int n;
    struct device *ctrls = device_find_all(op, domid, &usbctrl_kind, &n);

    *count = 0;
    for (unsigned int i = 0; i < n; i++) {
        for (int port = 1; port <= MAX_PORTS; port++) {
            const char *name =
                store_read(op, XBT_NULL, "%s/port/%d", device_backend(op, &ctrls[i]), port);

            if (!name || !*name)
                continue;
            list = xl_realloc(list, (size_t)(*count + 1) * sizeof(*list));
            libxl_device_usbdev_init(&list[*count]);
            libxl_device_usbdev_init_type(&list[*count], LIBXL_USBDEV_TYPE_HOSTDEV);
            list[*count].ctrl = ctrls[i].devid;
            list[*count].port = port;
            list[*count].u.hostdev.hostbus = (uint8_t)sysfs_number(name, "busnum");
            list[*count].u.hostdev.hostaddr = (uint8_t)sysfs_number(name, "devnum");
            (*count)++;
        }
    }
    *items = list;
    return 0;
}

static bool usbdev_same(const void *a, const void *b)
{
    const libxl_device_usbdev *x = a, *y = b;

    return x->ctrl == y->ctrl && x->port == y->port;
}

DEVICE_TYPE(usbdev)

const struct device_kind usbdev_kind = {
    .name = "usbdev",
    DEVICE_TYPE_FIELDS(usbdev),
    .backend_domid = NO_FIELD,
    .backend_domname = NO_FIELD,
    .devid = NO_FIELD,
    .same = usbdev_same,
    .attach = usbdev_attach,
    .detach = usbdev_detach,
    .add_all = usbdev_add_all,
    .list = usbdev_list,
};
