/*
 * Disks: which backend serves one, and what its folders have. blkback (vbd) serves block devices,
 * and whatever a script makes a block device of; qemu (qdisk) all formats of files. Called through
 * disk_kind.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "libxl/device/device.h"

/* How formats are called in the store, for qemu */
static const char *format_name(libxl_disk_format format)
{
    switch (format) {
    case LIBXL_DISK_FORMAT_RAW:
        return "aio";
    case LIBXL_DISK_FORMAT_QCOW:
        return "qcow";
    case LIBXL_DISK_FORMAT_QCOW2:
        return "qcow2";
    case LIBXL_DISK_FORMAT_VHD:
        return "vhd";
    case LIBXL_DISK_FORMAT_QED:
        return "qed";
    default:
        return NULL;
    }
}

static libxl_disk_format format_of(const char *name, size_t length)
{
    for (int f = LIBXL_DISK_FORMAT_QCOW; f <= LIBXL_DISK_FORMAT_QED; f++) {
        const char *n = format_name(f);

        if (n && strlen(n) == length && strncmp(n, name, length) == 0)
            return f;
    }
    return LIBXL_DISK_FORMAT_UNKNOWN;
}

/* ---- defaults ---- */

/* What there is to be served, of a disk that this domain serves itself */
static int look_at_target(struct op *op, const libxl_device_disk *disk, bool *is_file)
{
    struct stat st;

    *is_file = false;
    if (disk->backend_domid != DOM0 || disk->format == LIBXL_DISK_FORMAT_EMPTY || disk->script)
        return 0;
    if (stat(disk->pdev_path, &st) < 0)
        return op_fail(op, ERROR_INVAL, errno, "Disk %s: cannot use '%s'", disk->vdev,
                       disk->pdev_path);
    *is_file = S_ISREG(st.st_mode);
    if (!*is_file && !S_ISBLK(st.st_mode))
        return op_fail(op, ERROR_INVAL, 0, "Disk %s: '%s' is neither a file nor a block device",
                       disk->vdev, disk->pdev_path);
    return 0;
}

static bool qdisk_can(const libxl_device_disk *disk)
{
    return !disk->script && disk->specification == LIBXL_DISK_SPECIFICATION_XEN;
}

static bool phy_can(const libxl_device_disk *disk)
{
    return disk->format == LIBXL_DISK_FORMAT_RAW || disk->format == LIBXL_DISK_FORMAT_EMPTY;
}

/* The backend a user asked for, or the first that can serve the disk */
static int choose_backend(struct op *op, libxl_device_disk *disk)
{
    switch (disk->backend) {
    case LIBXL_DISK_BACKEND_UNKNOWN:
        if (phy_can(disk) && disk->format != LIBXL_DISK_FORMAT_EMPTY)
            disk->backend = LIBXL_DISK_BACKEND_PHY;
        else if (qdisk_can(disk))
            disk->backend = LIBXL_DISK_BACKEND_QDISK;
        else
            break;
        return 0;
    case LIBXL_DISK_BACKEND_PHY:
        if (phy_can(disk))
            return 0;
        break;
    case LIBXL_DISK_BACKEND_QDISK:
        if (qdisk_can(disk))
            return 0;
        break;
    case LIBXL_DISK_BACKEND_TAP:
        return op_fail(op, ERROR_FEATURE_REMOVED, 0,
                       "Disk %s: blktap is no longer there; use backendtype=qdisk", disk->vdev);
    default:
        return op_fail(op, ERROR_NI, 0, "Disk %s: only phy and qdisk backends are supported",
                       disk->vdev);
    }
    return op_fail(op, ERROR_INVAL, 0,
                   "Disk %s: no backend can serve format '%s'%s; leave backendtype open",
                   disk->vdev, libxl_disk_format_to_string(disk->format),
                   disk->script ? " with a script" : "");
}

static int disk_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_disk *disk = item;
    bool is_file;
    int rc;

    (void)domid;
    (void)hotplug;
    libxl_defbool_setdefault(&disk->discard_enable, !!disk->readwrite);
    libxl_defbool_setdefault(&disk->colo_enable, false);
    libxl_defbool_setdefault(&disk->colo_restore_enable, false);
    libxl_defbool_setdefault(&disk->trusted, true);
    if (disk->specification == LIBXL_DISK_SPECIFICATION_UNKNOWN)
        disk->specification = LIBXL_DISK_SPECIFICATION_XEN;
    if (disk->specification != LIBXL_DISK_SPECIFICATION_XEN)
        return op_fail(op, ERROR_NI, 0, "Disk %s: only Xen's disks are supported, not virtio",
                       disk->vdev);
    if (libxl_defbool_val(disk->colo_enable) || libxl_defbool_val(disk->colo_restore_enable))
        return op_fail(op, ERROR_NI, 0, "Disk %s: COLO is not supported", disk->vdev);
    if (disk->is_cdrom)
        disk->readwrite = 0;
    if (!disk->vdev || vdev_number(disk->vdev, NULL, NULL) < 0)
        return op_fail(op, ERROR_INVAL, 0,
                       "'%s' names no virtual disk; xvda, xvdb, ... sda, ... hda do",
                       disk->vdev ? disk->vdev : "");
    if (disk->is_cdrom && (!disk->pdev_path || !*disk->pdev_path))
        disk->format = LIBXL_DISK_FORMAT_EMPTY;
    if (disk->format == LIBXL_DISK_FORMAT_UNKNOWN)
        disk->format = LIBXL_DISK_FORMAT_RAW;
    if (disk->format != LIBXL_DISK_FORMAT_EMPTY && (!disk->pdev_path || !*disk->pdev_path))
        return op_fail(op, ERROR_INVAL, 0, "Disk %s has no target", disk->vdev);
    if (disk->format == LIBXL_DISK_FORMAT_EMPTY && !disk->is_cdrom)
        return op_fail(op, ERROR_INVAL, 0, "Disk %s: only a CD drive may be empty", disk->vdev);
    rc = look_at_target(op, disk, &is_file);
    return rc == 0 ? choose_backend(op, disk) : rc;
}

/* ---- nodes ---- */

static int disk_where(struct op *op, const void *item, struct device *d)
{
    const libxl_device_disk *disk = item;

    d->devid = vdev_number(disk->vdev, NULL, NULL);
    if (d->devid < 0)
        return op_fail(op, ERROR_INVAL, 0, "'%s' names no virtual disk", disk->vdev);
    if (disk->backend == LIBXL_DISK_BACKEND_QDISK)
        d->backend = "qdisk";
    return 0;
}

/* qemu takes format and target together; an empty drive says so by an empty name */
static char *params_of(struct op *op, const libxl_device_disk *disk)
{
    const char *target = disk->pdev_path ? disk->pdev_path : "";

    if (disk->backend == LIBXL_DISK_BACKEND_PHY)
        return op_strdup(op, target);
    return op_printf(op, "%s:%s",
                     disk->format == LIBXL_DISK_FORMAT_EMPTY ? "aio" : format_name(disk->format),
                     target);
}

static int disk_nodes(struct op *op, const struct device *d, const void *item,
                      struct device_nodes *n)
{
    const libxl_device_disk *disk = item;

    nodes_add(&n->backend, "params", "%s", params_of(op, disk));
    if (disk->backend == LIBXL_DISK_BACKEND_PHY)
        nodes_add(&n->backend, "script", "%s",
                  script_path(op, disk->script ? disk->script : "block"));
    nodes_add(&n->backend, "removable", "%d", !!disk->removable);
    nodes_add(&n->backend, "bootable", "1");
    nodes_add(&n->backend, "dev", "%s", disk->vdev);
    nodes_add(&n->backend, "type", "%s", disk->backend == LIBXL_DISK_BACKEND_PHY ? "phy" : "qdisk");
    nodes_add(&n->backend, "mode", "%s", disk->readwrite ? "w" : "r");
    nodes_add(&n->backend, "device-type", "%s", disk->is_cdrom ? "cdrom" : "disk");
    if (disk->direct_io_safe)
        nodes_add(&n->backend, "direct-io-safe", "1");
    nodes_add(&n->backend, "discard-enable", "%d", libxl_defbool_val(disk->discard_enable));
    nodes_add(&n->backend, "specification", "%s",
              libxl_disk_specification_to_string(disk->specification));
    nodes_add(&n->only_private, "trusted", "%d", libxl_defbool_val(disk->trusted));
    nodes_add(&n->frontend, "virtual-device", "%d", d->devid);
    nodes_add(&n->frontend, "device-type", "%s", disk->is_cdrom ? "cdrom" : "disk");
    nodes_add(&n->frontend, "protocol", "x86_64-abi"); /* of the requests in the ring */
    nodes_add(&n->frontend, "trusted", "%d", libxl_defbool_val(disk->trusted));
    return 0;
}

static int disk_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_disk *disk = item;
    const char *params = store_read(op, XBT_NULL, "%s/params", path);
    const char *mode = store_read(op, XBT_NULL, "%s/mode", path);
    const char *type = store_read(op, XBT_NULL, "%s/device-type", path);
    const char *colon;

    disk->backend =
        strcmp(d->backend, "qdisk") == 0 ? LIBXL_DISK_BACKEND_QDISK : LIBXL_DISK_BACKEND_PHY;
    disk->vdev = device_string(op, path, "dev");
    if (!params || !mode || !disk->vdev)
        return op_fail(op, ERROR_FAIL, 0, "Disk %d has no dev, params or mode in %s", d->devid,
                       path);
    disk->format = LIBXL_DISK_FORMAT_RAW;
    if (disk->backend == LIBXL_DISK_BACKEND_QDISK) {
        colon = strchr(params, ':');
        if (colon) {
            disk->format = format_of(params, (size_t)(colon - params));
            params = colon + 1;
        }
    }
    if (!*params)
        disk->format = LIBXL_DISK_FORMAT_EMPTY;
    else
        disk->pdev_path = xl_strdup(params);
    disk->script = device_string(op, path, "script");
    disk->removable = (int)store_read_int(op, XBT_NULL, 0, "%s/removable", path);
    disk->readwrite = *mode == 'w';
    disk->is_cdrom = type && strcmp(type, "cdrom") == 0;
    disk->specification = LIBXL_DISK_SPECIFICATION_XEN;
    disk->direct_io_safe = store_read_int(op, XBT_NULL, 0, "%s/direct-io-safe", path) != 0;
    libxl_defbool_set(&disk->discard_enable,
                      store_read_int(op, XBT_NULL, 1, "%s/discard-enable", path) != 0);
    libxl_defbool_set(&disk->trusted, store_read_int(op, XBT_NULL, 1, "%s/trusted", path) != 0);
    return 0;
}

static bool disk_same(const void *a, const void *b)
{
    const libxl_device_disk *x = a, *y = b;

    return vdev_number(x->vdev, NULL, NULL) == vdev_number(y->vdev, NULL, NULL);
}

DEVICE_TYPE(disk)

const struct device_kind disk_kind = {
    .name = "disk",
    .frontend = "vbd",
    .backend = "vbd",
    DEVICE_TYPE_FIELDS(disk),
    DEVICE_BACKEND_FIELDS(disk),
    .devid = NO_FIELD,
    .defaults = disk_defaults,
    .where = disk_where,
    .nodes = disk_nodes,
    .read = disk_read,
    .same = disk_same,
    .script_add = "add",
    .script_remove = "remove",
};

/* ---- media ---- */

/* A drive of a PV guest is a disk like others: what is in it does not change while it runs. */
int libxl_cdrom_insert(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk,
                       const libxl_asyncop_how *ao_how)
{
    struct op op;

    (void)disk;
    (void)ao_how;
    op_begin(&op, ctx, __func__, domid);
    if (domain_type(&op, domid) != LIBXL_DOMAIN_TYPE_HVM)
        return op_end(&op, op_fail(&op, ERROR_INVAL, 0, "cdrom-insert requires an HVM domain"));
    return op_end(&op, op_fail(&op, ERROR_NI, 0, "HVM domains are not supported"));
}

static const struct {
    const char *name;
    libxl_disk_backend backend;
} backend_names[] = {
    { "phy", LIBXL_DISK_BACKEND_PHY },
    { "file", LIBXL_DISK_BACKEND_TAP },
    { "qdisk", LIBXL_DISK_BACKEND_QDISK },
    { "standalone", LIBXL_DISK_BACKEND_STANDALONE },
};

int libxl_string_to_backend(libxl_ctx *ctx, char *s, libxl_disk_backend *backend)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(backend_names) / sizeof(*backend_names); i++) {
        if (strcmp(s, backend_names[i].name) != 0)
            continue;
        *backend = backend_names[i].backend;
        return 0;
    }
    return ERROR_INVAL;
}
