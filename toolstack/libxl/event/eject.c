/*
 * A guest that ejects a disk, as an event. A guest without a device model says so in the store: the
 * node `eject` of its frontend becomes "eject".
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"
#include "libxl/event/event.h"

struct libxl__evgen_disk_eject {
    struct watched watch;
    uint32_t domid;
    libxl_ev_user user;
    uint32_t backend_domid;
    char *path, *vdev;
};

static void evgen_free(libxl_evgen_disk_eject *evgen)
{
    free(evgen->path);
    free(evgen->vdev);
    free(evgen);
}

/* What is in the drive now: nothing. */
static void fill_event(const libxl_evgen_disk_eject *evgen, libxl_event *event)
{
    libxl_device_disk *disk = &event->u.disk_eject.disk;

    event->domid = evgen->domid;
    event->for_user = evgen->user;
    event->u.disk_eject.vdev = xl_strdup(evgen->vdev);
    disk->backend_domid = evgen->backend_domid;
    disk->pdev_path = xl_strdup("");
    disk->format = LIBXL_DISK_FORMAT_EMPTY;
    disk->vdev = xl_strdup(evgen->vdev);
    disk->removable = 1;
    disk->is_cdrom = 1;
}

static void look(libxl_ctx *ctx, struct watched *w)
{
    libxl_evgen_disk_eject *evgen = (libxl_evgen_disk_eject *)w;
    libxl_event *event;
    struct op op;
    char *value;

    op_begin(&op, ctx, __func__, evgen->domid);
    value = store_read(&op, XBT_NULL, "%s", evgen->path);
    if (value && !strcmp(value, "eject") && !store_write(&op, XBT_NULL, evgen->path, "%s", "")) {
        event = xl_calloc(1, sizeof(*event));
        libxl_event_init(event);
        libxl_event_init_type(event, LIBXL_EVENT_TYPE_DISK_EJECT);
        fill_event(evgen, event);
        report_event(ctx, event);
    }
    op_end(&op, 0);
}

int libxl_evenable_disk_eject(libxl_ctx *ctx, uint32_t domid, const char *vdev, libxl_ev_user user,
                              libxl_evgen_disk_eject **evgen_out)
{
    libxl_evgen_disk_eject *evgen;
    int devid, rc = ERROR_INVAL;
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    *evgen_out = NULL;
    devid = vdev_number(vdev, NULL, NULL);
    if (devid < 0)
        return op_end(&op, op_fail(&op, rc, 0, "%s is no name of a disk", vdev));
    evgen = xl_calloc(1, sizeof(*evgen));
    evgen->domid = domid;
    evgen->user = user;
    evgen->vdev = xl_strdup(vdev);
    evgen->path = xl_printf("/local/domain/%u/device/vbd/%d/eject", domid, devid);
    evgen->backend_domid = (uint32_t)store_read_int(
        &op, XBT_NULL, DOM0, "%s/device/vbd/%d/backend-id", domain_libxl_path(&op, domid), devid);
    evgen->watch.path = evgen->path;
    evgen->watch.occurred = look;
    rc = watch_add(&op, &evgen->watch);
    if (rc)
        evgen_free(evgen);
    else
        *evgen_out = evgen;
    return op_end(&op, rc);
}

void libxl_evdisable_disk_eject(libxl_ctx *ctx, libxl_evgen_disk_eject *evgen)
{
    watch_remove(ctx, &evgen->watch);
    evgen_free(evgen);
}
