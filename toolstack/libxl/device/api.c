/*
 * The public functions on devices, which differ by kind in nothing but types: add, remove, destroy,
 * list, and what a frontend and backend have agreed on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

static int change(libxl_ctx *ctx, const char *name, op_fn *fn, const struct device_change *c,
                  const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, name, c->domid, ao_how, fn, c, sizeof(*c));
}

#define DEVICE_ADD(type)                                                                           \
    int libxl_device_##type##_add(libxl_ctx *ctx, uint32_t domid, libxl_device_##type *type,       \
                                  const libxl_asyncop_how *ao_how)                                 \
    {                                                                                              \
        struct device_change c = { .kind = &type##_kind, .domid = domid, .item = type };           \
                                                                                                   \
        return change(ctx, __func__, do_device_add, &c, ao_how);                                   \
    }
#define DEVICE_REMOVAL(type, suffix, field)                                                        \
    int libxl_device_##type##_##suffix(libxl_ctx *ctx, uint32_t domid, libxl_device_##type *type,  \
                                       const libxl_asyncop_how *ao_how)                            \
    {                                                                                              \
        struct device_change c = { .kind = &type##_kind, .domid = domid, .item = type, field };    \
                                                                                                   \
        return change(ctx, __func__, do_device_remove, &c, ao_how);                                \
    }
#define DEVICE_REMOVE(type)  DEVICE_REMOVAL(type, remove, .force = false)
#define DEVICE_DESTROY(type) DEVICE_REMOVAL(type, destroy, .force = true)
#define DEVICE_LIST(type)                                                                          \
    libxl_device_##type *libxl_device_##type##_list(libxl_ctx *ctx, uint32_t domid, int *num)      \
    {                                                                                              \
        return device_list(ctx, &type##_kind, __func__, domid, num);                               \
    }
#define DEVICE_BY_DEVID(type)                                                                      \
    int libxl_devid_to_device_##type(libxl_ctx *ctx, uint32_t domid, int devid,                    \
                                     libxl_device_##type *type)                                    \
    {                                                                                              \
        return device_search(ctx, &type##_kind, __func__, domid, NULL, &devid, type);              \
    }

DEVICE_ADD(disk)
DEVICE_REMOVE(disk)
DEVICE_DESTROY(disk)
DEVICE_REMOVAL(disk, safe_remove, .safe = true)
DEVICE_LIST(disk)

DEVICE_ADD(nic)
DEVICE_REMOVE(nic)
DEVICE_DESTROY(nic)
DEVICE_LIST(nic)
DEVICE_BY_DEVID(nic)

DEVICE_LIST(channel)

DEVICE_ADD(vfb)
DEVICE_REMOVE(vfb)
DEVICE_DESTROY(vfb)

DEVICE_ADD(vkb)
DEVICE_REMOVE(vkb)
DEVICE_DESTROY(vkb)
DEVICE_LIST(vkb)
DEVICE_BY_DEVID(vkb)

DEVICE_ADD(vtpm)
DEVICE_REMOVE(vtpm)
DEVICE_DESTROY(vtpm)
DEVICE_LIST(vtpm)
DEVICE_BY_DEVID(vtpm)

DEVICE_ADD(vdispl)
DEVICE_REMOVE(vdispl)
DEVICE_DESTROY(vdispl)
DEVICE_LIST(vdispl)
DEVICE_BY_DEVID(vdispl)

DEVICE_ADD(vsnd)
DEVICE_REMOVE(vsnd)
DEVICE_DESTROY(vsnd)
DEVICE_LIST(vsnd)
DEVICE_BY_DEVID(vsnd)

DEVICE_REMOVE(p9)
DEVICE_DESTROY(p9)

DEVICE_REMOVE(pvcallsif)
DEVICE_DESTROY(pvcallsif)

DEVICE_ADD(pci)
DEVICE_REMOVE(pci)
DEVICE_DESTROY(pci)
DEVICE_LIST(pci)

DEVICE_ADD(usbctrl)
DEVICE_REMOVE(usbctrl)
DEVICE_DESTROY(usbctrl)
DEVICE_LIST(usbctrl)
DEVICE_BY_DEVID(usbctrl)

DEVICE_ADD(usbdev)
DEVICE_REMOVE(usbdev)
DEVICE_LIST(usbdev)

/* ---- to find one ---- */

static bool has_vdev(const void *item, const void *key)
{
    const libxl_device_disk *disk = item;

    return vdev_number(disk->vdev, NULL, NULL) == *(const int *)key;
}

int libxl_vdev_to_device_disk(libxl_ctx *ctx, uint32_t domid, const char *vdev,
                              libxl_device_disk *disk)
{
    int number = vdev_number(vdev, NULL, NULL);

    if (number < 0) {
        libxl_device_disk_init(disk);
        return ERROR_INVAL;
    }
    return device_search(ctx, &disk_kind, __func__, domid, has_vdev, &number, disk);
}

static bool has_mac(const void *item, const void *key)
{
    return memcmp(((const libxl_device_nic *)item)->mac, key, sizeof(libxl_mac)) == 0;
}

int libxl_mac_to_device_nic(libxl_ctx *ctx, uint32_t domid, const char *mac, libxl_device_nic *nic)
{
    libxl_mac key;
    int length = 0;

    if (sscanf(mac, LIBXL_MAC_FMT "%n", &key[0], &key[1], &key[2], &key[3], &key[4], &key[5],
               &length) != 6 ||
        mac[length]) {
        libxl_device_nic_init(nic);
        return ERROR_INVAL;
    }
    return device_search(ctx, &nic_kind, __func__, domid, has_mac, key, nic);
}

static bool has_uuid(const void *item, const void *key)
{
    return libxl_uuid_compare(&((const libxl_device_vtpm *)item)->uuid, key) == 0;
}

int libxl_uuid_to_device_vtpm(libxl_ctx *ctx, uint32_t domid, libxl_uuid *uuid,
                              libxl_device_vtpm *vtpm)
{
    return device_search(ctx, &vtpm_kind, __func__, domid, has_uuid, uuid, vtpm);
}

struct usb_port {
    int ctrl, port;
};

static bool has_port(const void *item, const void *key)
{
    const libxl_device_usbdev *dev = item;
    const struct usb_port *wanted = key;

    return dev->ctrl == wanted->ctrl && dev->port == wanted->port;
}

int libxl_ctrlport_to_device_usbdev(libxl_ctx *ctx, uint32_t domid, int ctrl, int port,
                                    libxl_device_usbdev *usbdev)
{
    struct usb_port key = { ctrl, port };

    return device_search(ctx, &usbdev_kind, __func__, domid, has_port, &key, usbdev);
}

/* ---- what frontend and backend agreed on ---- */

/* The fields with which every ..info begins, from a device that is there: ERROR_FAIL if not */
#define INFO_BEGIN(info, domid_, devid_)                                                           \
    struct device d;                                                                               \
    struct op op;                                                                                  \
    char *path;                                                                                    \
                                                                                                   \
    op_begin(&op, ctx, __func__, domid_);                                                          \
    if (!info_find(&op, kind, domid_, devid_, &d))                                                 \
        return op_end(&op, ERROR_FAIL);                                                            \
    path = device_frontend(&op, &d);                                                               \
    (info)->backend = xl_strdup(device_backend(&op, &d));                                          \
    (info)->backend_id = d.backend_domid;                                                          \
    (info)->frontend = xl_strdup(path);                                                            \
    (info)->frontend_id = d.domid;                                                                 \
    (info)->devid = d.devid;                                                                       \
    (info)->state = number_at(&op, path, "state")

static int number_at(struct op *op, const char *path, const char *name)
{
    return (int)store_read_int(op, XBT_NULL, -1, "%s/%s", path, name);
}

static bool info_find(struct op *op, const struct device_kind *kind, uint32_t domid, int devid,
                      struct device *d)
{
    if (device_find(op, domid, kind->frontend, op_printf(op, "%d", devid), d))
        return true;
    op_log(op, XTL_ERROR, 0, "The domain has no %s %d", kind->name, devid);
    return false;
}

int libxl_device_disk_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_disk *disk,
                              libxl_diskinfo *info)
{
    const struct device_kind *kind = &disk_kind;
    INFO_BEGIN(info, domid, vdev_number(disk->vdev, NULL, NULL));

    info->evtch = number_at(&op, path, "event-channel");
    info->rref = number_at(&op, path, "ring-ref");
    return op_end(&op, 0);
}

int libxl_device_nic_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_nic *nic,
                             libxl_nicinfo *info)
{
    const struct device_kind *kind = &nic_kind;
    INFO_BEGIN(info, domid, nic->devid);

    info->evtch = number_at(&op, path, "event-channel");
    info->rref_tx = number_at(&op, path, "tx-ring-ref");
    info->rref_rx = number_at(&op, path, "rx-ring-ref");
    return op_end(&op, 0);
}

int libxl_device_channel_getinfo(libxl_ctx *ctx, uint32_t domid,
                                 const libxl_device_channel *channel, libxl_channelinfo *info)
{
    const struct device_kind *kind = &channel_kind;
    INFO_BEGIN(info, domid, channel->devid + 1);

    info->devid = channel->devid;
    info->evtch = number_at(&op, path, "port");
    info->rref = number_at(&op, path, "ring-ref");
    libxl_channelinfo_init_connection(info, channel->connection);
    if (channel->connection == LIBXL_CHANNEL_CONNECTION_PTY)
        info->u.pty.path = device_string(&op, path, "tty");
    return op_end(&op, 0);
}

int libxl_device_vtpm_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_vtpm *vtpm,
                              libxl_vtpminfo *info)
{
    const struct device_kind *kind = &vtpm_kind;
    INFO_BEGIN(info, domid, vtpm->devid);

    info->evtch = number_at(&op, path, "event-channel");
    info->rref = number_at(&op, path, "ring-ref");
    info->uuid = vtpm->uuid;
    return op_end(&op, 0);
}

int libxl_device_vkb_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_vkb *vkb,
                             libxl_vkbinfo *info)
{
    const struct device_kind *kind = &vkb_kind;
    INFO_BEGIN(info, domid, vkb->devid);

    info->evtch = number_at(&op, path, "event-channel");
    info->rref = number_at(&op, path, "page-gref");
    return op_end(&op, 0);
}

int libxl_device_usbctrl_getinfo(libxl_ctx *ctx, uint32_t domid,
                                 const libxl_device_usbctrl *usbctrl, libxl_usbctrlinfo *info)
{
    const struct device_kind *kind = &usbctrl_kind;
    INFO_BEGIN(info, domid, usbctrl->devid);

    info->evtch = number_at(&op, path, "event-channel");
    info->ref_urb = number_at(&op, path, "urb-ring-ref");
    info->ref_conn = number_at(&op, path, "conn-ring-ref");
    info->version = number_at(&op, device_private(&op, &d), "usb-ver");
    info->ports = number_at(&op, device_private(&op, &d), "num-ports");
    info->type = usbctrl->type;
    return op_end(&op, 0);
}

int libxl_device_vdispl_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_vdispl *vdispl,
                                libxl_vdisplinfo *info)
{
    const struct device_kind *kind = &vdispl_kind;
    INFO_BEGIN(info, domid, vdispl->devid);

    info->be_alloc = vdispl->be_alloc;
    info->num_connectors = vdispl->num_connectors;
    info->connectors = xl_calloc(vdispl->num_connectors, sizeof(*info->connectors));
    for (int i = 0; i < vdispl->num_connectors; i++) {
        libxl_connectorinfo *c = &info->connectors[i];
        char *at = op_printf(&op, "%s/%d", path, i);

        *c = (libxl_connectorinfo){
            .unique_id = xl_strdup(vdispl->connectors[i].unique_id),
            .width = vdispl->connectors[i].width,
            .height = vdispl->connectors[i].height,
            .req_evtch = number_at(&op, at, "req-event-channel"),
            .req_rref = number_at(&op, at, "req-ring-ref"),
            .evt_evtch = number_at(&op, at, "evt-event-channel"),
            .evt_rref = number_at(&op, at, "evt-ring-ref"),
        };
    }
    return op_end(&op, 0);
}

int libxl_device_vsnd_getinfo(libxl_ctx *ctx, uint32_t domid, const libxl_device_vsnd *vsnd,
                              libxl_vsndinfo *info)
{
    const struct device_kind *kind = &vsnd_kind;
    INFO_BEGIN(info, domid, vsnd->devid);

    info->num_vsnd_pcms = vsnd->num_vsnd_pcms;
    info->pcms = xl_calloc(vsnd->num_vsnd_pcms, sizeof(*info->pcms));
    for (int i = 0; i < vsnd->num_vsnd_pcms; i++) {
        libxl_pcminfo *pcm = &info->pcms[i];

        pcm->num_vsnd_streams = vsnd->pcms[i].num_vsnd_streams;
        pcm->streams = xl_calloc(pcm->num_vsnd_streams, sizeof(*pcm->streams));
        for (int j = 0; j < pcm->num_vsnd_streams; j++) {
            char *at = op_printf(&op, "%s/%d/%d", path, i, j);

            pcm->streams[j].req_evtch = number_at(&op, at, "event-channel");
            pcm->streams[j].req_rref = number_at(&op, at, "ring-ref");
        }
    }
    return op_end(&op, 0);
}
