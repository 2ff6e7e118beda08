/*
 * A guest's disk for dom0 itself, so that a boot loader can read it before the guest is there. What
 * is a file or block device with the bytes of the disk is used by its name. Any other (qcow2, one
 * with a script, one of another domain) becomes a disk of dom0 for that time. Which it is stands in
 * the guest's own folder of the store from the transaction on that makes it: so who destroys the
 * guest finds it, even when its creator was killed.
 */
#include <string.h>
#include <sys/stat.h>

#include "libxl/device/device.h"

#define MAX_TRIES 64 /* names of disks in dom0 */
#define APPEAR_MS 10000

struct local {
    struct device d;
    libxl_device_disk *disk;
    uint32_t domid; /* whose disk it is */
    const char *path;
};

static char *record(struct op *op, uint32_t domid)
{
    return op_printf(op, "%s/disk-in-dom0", domain_libxl_path(op, domid));
}

static bool has_bytes(const libxl_device_disk *disk)
{
    return disk->backend_domid == DOM0 && disk->format == LIBXL_DISK_FORMAT_RAW && !disk->script;
}

/* The disk that has this place among dom0's, unless there is one */
static bool place(struct op *op, struct local *l, unsigned int disk)
{
    int number = vdev_number(op_printf(op, "d%u", disk), NULL, NULL);
    const char *name = vdev_name(op, number);
    struct device there;
    struct stat st;

    l->path = op_printf(op, "/dev/%s", name);
    if (!stat(l->path, &st) ||
        device_find(op, DOM0, disk_kind.frontend, op_printf(op, "%d", number), &there))
        return false;
    l->disk->vdev = op_strdup(op, name);
    return !device_where(op, &disk_kind, DOM0, l->disk, &l->d);
}

static int write_in(struct op *op, xs_transaction_t t, void *arg)
{
    const struct local *l = arg;
    int rc = device_write(op, t, &l->d, l->disk);

    return rc ? rc : store_write(op, t, record(op, l->domid), "%d", l->d.devid);
}

static int has_appeared(struct op *op, void *arg)
{
    const struct local *l = arg;
    struct stat st;

    (void)op;
    return !stat(l->path, &st) && S_ISBLK(st.st_mode) ? 0 : ERROR_NOT_READY;
}

static int bring_up(struct op *op, struct local *l)
{
    int rc = 0;

    if (device_needs_qemu(&l->d))
        rc = qemu_start(op, DOM0, NULL);
    if (!rc)
        rc = device_bring_up(op, &l->d);
    if (!rc)
        rc = op_wait(op, op_printf(op, "%s/state", device_frontend(op, &l->d)), -1, 100, APPEAR_MS,
                     has_appeared, l);
    return rc == ERROR_TIMEDOUT
               ? op_fail(op, rc, 0, "The guest's disk does not appear in dom0 as %s", l->path)
               : rc;
}

int disk_open_in_dom0(struct op *op, uint32_t domid, const libxl_device_disk *disk,
                      const char *first, const char **path)
{
    libxl_device_disk copy = *disk;
    struct local l = { .disk = &copy, .domid = domid };
    unsigned int i, start = 0;
    int rc = ERROR_DEVICE_EXISTS;

    *path = disk->pdev_path;
    if (disk->format == LIBXL_DISK_FORMAT_EMPTY)
        return op_fail(op, ERROR_INVAL, 0, "Disk %s is empty: there is nothing to boot on it",
                       disk->vdev);
    if (has_bytes(disk))
        return 0;
    if (disk->backend != LIBXL_DISK_BACKEND_QDISK)
        copy.readwrite = 0; /* qemu takes no read-only disk in qcow2 */
    vdev_number(first, &start, NULL);
    for (i = start; i < start + MAX_TRIES && rc == ERROR_DEVICE_EXISTS; i++) {
        if (place(op, &l, i))
            rc = store_transaction(op, write_in, &l);
    }
    if (rc)
        return op_fail(op, rc, 0, "Disk %s cannot become a disk of dom0", disk->vdev);
    *path = l.path;
    return bring_up(op, &l);
}

int disk_close_in_dom0(struct op *op, uint32_t domid)
{
    const char *devid = store_read(op, XBT_NULL, "%s", record(op, domid));
    struct device d;
    int rc = 0;

    if (!devid)
        return 0;
    if (device_find(op, DOM0, disk_kind.frontend, devid, &d)) {
        rc = device_take_down(op, &d, false);
        if (rc)
            rc = device_take_down(op, &d, true);
    }
    if (rc)
        return op_fail(op, rc, 0, "The disk %s that dom0 had of it cannot be removed", devid);
    return store_remove(op, XBT_NULL, record(op, domid));
}
