/*
 * Devices: what stands in a row of device_kinds[], and what the steps of a device's life are.
 *
 * A device is two folders of the store that a frontend and a backend fill and watch, and a third
 * that only this library writes: it is what counts when devices are listed or removed, since no
 * guest can change it. docs/design/devices.md has the life of a device, and who removes what.
 */
#ifndef LIBXL_DEVICE_DEVICE_H
#define LIBXL_DEVICE_DEVICE_H

#include <xen/io/xenbus.h>

#include "libxl/internal.h"

/* Times to wait, ms */
#define BACKEND_INIT_MS  10000 /* a backend takes a device */
#define BACKEND_CLOSE_MS 10000 /* a backend lets one go */
#define SCRIPT_MS        40000
#define QEMU_START_MS    60000

/* Where a device is in the store */
struct device {
    const struct device_kind *kind; /* NULL: of no kind that we know, still to be removed */
    const char *frontend;           /* its folder below device/, "vbd" */
    const char *backend;            /* its folder below backend/, "vbd" or "qdisk" */
    uint32_t domid, backend_domid;
    int devid;
};

char *device_frontend(struct op *op, const struct device *d);
char *device_backend(struct op *op, const struct device *d);
char *device_private(struct op *op, const struct device *d); /* /libxl/N/device/... */

/* Name and value pairs being gathered for store_write_all(); they live in the operation. */
struct nodes {
    struct op *op;
    const char **pairs;
    unsigned int count, room;
};
void nodes_add(struct nodes *n, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a device's folders are filled with when it is made; frontend and backend begin with what
 * every device has. The guest cannot write what is `locked` in the frontend's. `only_private` goes
 * nowhere but into our own folder. */
struct device_nodes {
    struct nodes frontend, locked, backend, only_private;
};
/* A value of a folder for an item: from malloc(), NULL when it is missing or empty */
char *device_string(struct op *op, const char *path, const char *name);

/* ---- a kind ---- */

#define NO_FIELD (-1)

struct device_kind {
    const char *name;     /* "disk": as in libxl_device_disk */
    const char *frontend; /* "vbd" */
    const char *backend;  /* of most; where() may say another */

    /* Its type, and where a libxl_domain_config has an array of it */
    size_t size, array, count;
    void (*init)(void *item);
    void (*dispose)(void *item);
    void (*copy)(libxl_ctx *ctx, void *to, const void *from);
    /* Fields that most types have, or NO_FIELD */
    int backend_domid, backend_domname, devid;

    /* Fill what is open, beyond backend_domid and devid; or say what is wrong. */
    int (*defaults)(struct op *op, uint32_t domid, void *item, bool hotplug);
    /* Where an item with all defaults is: d has the kind's frontend and backend, the item's devid
     * and backend_domid already. NULL: nothing to add. */
    int (*where)(struct op *op, const void *item, struct device *d);
    int (*nodes)(struct op *op, const struct device *d, const void *item, struct device_nodes *n);
    /* The item of a device in the store, beyond backend_domid and devid; path is the private one */
    int (*read)(struct op *op, const struct device *d, const char *path, void *item);
    /* Whether two items are one device; NULL: the same devid */
    bool (*same)(const void *a, const void *b);

    const char *script_add, *script_remove; /* first argument of its script */
    /* More of the script's environment and arguments */
    int (*script)(struct op *op, const struct device *d, const char **env, const char **args);
    /* A card that qemu emulates, too: the script runs once more, for qemu's interface */
    bool (*is_emulated)(struct op *op, const struct device *d);
    int (*emulated_script)(struct op *op, const struct device *d, const char **env,
                           const char **args);
    bool no_backend_state; /* its backend does not take part in the protocol of states */
    /* Its devices are not nodes like others': these do it all (NULL: as all others) */
    int (*attach)(struct op *op, uint32_t domid, void *item);
    int (*detach)(struct op *op, uint32_t domid, const void *item, bool force);
    int (*add_all)(struct op *op, uint32_t domid, libxl_domain_config *config);
    int (*list)(struct op *op, uint32_t domid, void **items, int *count); /* from malloc() */
};

/* The functions of a type as a kind holds them */
#define DEVICE_TYPE(type)                                                                          \
    static void init_##type(void *item)                                                            \
    {                                                                                              \
        libxl_device_##type##_init(item);                                                          \
    }                                                                                              \
    static void dispose_##type(void *item)                                                         \
    {                                                                                              \
        libxl_device_##type##_dispose(item);                                                       \
    }                                                                                              \
    static void copy_##type(libxl_ctx *ctx, void *to, const void *from)                            \
    {                                                                                              \
        libxl_device_##type##_copy(ctx, to, from);                                                 \
    }
#define DEVICE_TYPE_FIELDS(type)                                                                   \
    .size = sizeof(libxl_device_##type), .array = offsetof(libxl_domain_config, type##s),          \
    .count = offsetof(libxl_domain_config, num_##type##s), .init = init_##type,                    \
    .dispose = dispose_##type, .copy = copy_##type
#define DEVICE_BACKEND_FIELDS(type)                                                                \
    .backend_domid = offsetof(libxl_device_##type, backend_domid),                                 \
    .backend_domname = offsetof(libxl_device_##type, backend_domname)

extern const struct device_kind disk_kind, nic_kind, channel_kind, vfb_kind, vkb_kind, pci_kind,
    usbctrl_kind, usbdev_kind, vtpm_kind, vdispl_kind, vsnd_kind, p9_kind, pvcallsif_kind;

/* ---- kinds and items: kind.c ---- */

const struct device_kind *device_kind_of(const char *frontend); /* or NULL */
void *kind_items(const struct device_kind *kind, const libxl_domain_config *config, int *count);
void *kind_item(const struct device_kind *kind, void *items, int i);
bool kind_same(const struct device_kind *kind, const void *a, const void *b);
int *item_devid(const struct device_kind *kind, const void *item);              /* or NULL */
uint32_t *item_backend_domid(const struct device_kind *kind, const void *item); /* or NULL */
/* Put a copy of the item in the configuration, in place of the same device's if there is one; take
 * it out, if it is there. */
void config_put(struct op *op, const struct device_kind *kind, libxl_domain_config *config,
                const void *item);
void config_take(const struct device_kind *kind, libxl_domain_config *config, const void *item);
int device_defaults(struct op *op, const struct device_kind *kind, uint32_t domid, void *item,
                    bool hotplug);
int device_where(struct op *op, const struct device_kind *kind, uint32_t domid, const void *item,
                 struct device *d);

/* ---- the store: place.c ---- */

/* Make the folders of a device, in a transaction; ERROR_DEVICE_EXISTS */
int device_write(struct op *op, xs_transaction_t t, const struct device *d, const void *item);
/* Remove them, and folders that are empty then */
int device_erase(struct op *op, xs_transaction_t t, const struct device *d);
/* Read /libxl/N/device/FRONTEND/DEVID: false when that is no device (a folder half removed) */
bool device_find(struct op *op, uint32_t domid, const char *frontend, const char *devid,
                 struct device *d);
/* All devices of a domain; of one kind, or of all (NULL) */
struct device *device_find_all(struct op *op, uint32_t domid, const struct device_kind *kind,
                               unsigned int *count);

/* ---- states: state.c ---- */

/* Wait until the backend has taken the device, or has let it go (or is gone itself) */
int backend_wait_ready(struct op *op, const struct device *d);
int backend_wait_closed(struct op *op, const struct device *d, int timeout_ms);
/* Ask the backend to let go; force takes the frontend away, which then need not agree */
int device_close(struct op *op, xs_transaction_t t, const struct device *d, bool force);

/* ---- scripts: hotplug.c ---- */

/* Run the device's script, if it has one and this domain has to run it */
int device_script(struct op *op, const struct device *d, bool add);
char *script_path(struct op *op, const char *name); /* a name without a folder: in the scripts' */

/* ---- a device's life: life.c ---- */

/* Wait for the backend and run the script; the other way, and then remove all nodes */
int device_bring_up(struct op *op, const struct device *d);
int device_take_down(struct op *op, const struct device *d, bool force);

/* What the public functions do: change.c */
struct device_change {
    const struct device_kind *kind;
    uint32_t domid;
    void *item;
    bool force;
    bool safe; /* not forced when the guest does not answer */
};
op_fn do_device_add, do_device_remove;

/* ---- public functions: list.c ---- */

int do_device_list(struct op *op, const struct device_kind *kind, uint32_t domid, void **items,
                   int *count);
void *device_list(libxl_ctx *ctx, const struct device_kind *kind, const char *name, uint32_t domid,
                  int *count);
void device_list_free(const struct device_kind *kind, void *list, int count);
/* The item for which match() says yes, or, without it, whose devid is the int at key: init'ed and
 * filled, or ERROR_NOTFOUND */
int device_search(libxl_ctx *ctx, const struct device_kind *kind, const char *name, uint32_t domid,
                  bool (*match)(const void *item, const void *key), const void *key, void *item);

/* ---- qemu as the backend of a PV domain: qemu.c ---- */

/* Whether a device, or a configuration, needs a process of qemu in this domain */
bool device_needs_qemu(const struct device *d);
bool config_needs_qemu(struct op *op, const libxl_domain_config *config);
/* Start it and wait until it says that it runs; nothing to do when it does already. */
int qemu_start(struct op *op, uint32_t domid, const libxl_domain_config *config);
/* End it, if there is one, and remove its files and nodes. */
int qemu_stop(struct op *op, uint32_t domid);

/* ---- nic.c ---- */

/* The interface of an emulated card in this domain */
char *nic_tap(struct op *op, uint32_t domid, const libxl_device_nic *nic);

/* ---- names of disks: vdev.c ---- */

/* The number of a disk called xvda, sdb3, hdc, d0p1 or a number; -1 when it is no name. *disk and
 * *partition (both may be NULL) get its place among all disks. */
int vdev_number(const char *name, unsigned int *disk, unsigned int *partition);
/* The other way, in the operation; as it is mostly called: xvda1 */
char *vdev_name(struct op *op, int number);

#endif
