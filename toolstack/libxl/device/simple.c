/*
 * Kinds that are nothing but nodes: their backends, and what those need, are somebody else's. A TPM
 * of another domain, a folder by 9pfs (qemu), sockets by pvcalls, and displays by a program in dom0
 * or in a domain of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

/* ---- vtpm ---- */

static int vtpm_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_vtpm *vtpm = item;

    (void)op;
    (void)domid;
    (void)hotplug;
    if (libxl_uuid_is_nil(&vtpm->uuid))
        libxl_uuid_generate(&vtpm->uuid);
    return 0;
}

static int vtpm_nodes(struct op *op, const struct device *d, const void *item,
                      struct device_nodes *n)
{
    const libxl_device_vtpm *vtpm = item;

    (void)op;
    nodes_add(&n->backend, "handle", "%d", d->devid);
    nodes_add(&n->backend, "uuid", LIBXL_UUID_FMT, LIBXL_UUID_BYTES(vtpm->uuid));
    nodes_add(&n->backend, "resume", "False");
    nodes_add(&n->frontend, "handle", "%d", d->devid);
    return 0;
}

static int vtpm_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_vtpm *vtpm = item;
    const char *uuid = store_read(op, XBT_NULL, "%s/uuid", path);

    if (uuid && libxl_uuid_from_string(&vtpm->uuid, uuid) != 0)
        return op_fail(op, ERROR_FAIL, 0, "vtpm %d: '%s' is no UUID", d->devid, uuid);
    return 0;
}

DEVICE_TYPE(vtpm)

const struct device_kind vtpm_kind = {
    .name = "vtpm",
    .frontend = "vtpm",
    .backend = "vtpm",
    DEVICE_TYPE_FIELDS(vtpm),
    DEVICE_BACKEND_FIELDS(vtpm),
    .devid = offsetof(libxl_device_vtpm, devid),
    .defaults = vtpm_defaults,
    .nodes = vtpm_nodes,
    .read = vtpm_read,
};

/* ---- folders by 9pfs ---- */

static int p9_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    const libxl_device_p9 *p9 = item;

    (void)domid;
    (void)hotplug;
    if (!p9->tag || !p9->path || !p9->security_model)
        return op_fail(op, ERROR_INVAL, 0, "A p9 device needs tag, path and security_model");
    return 0;
}

static int p9_nodes(struct op *op, const struct device *d, const void *item, struct device_nodes *n)
{
    const libxl_device_p9 *p9 = item;

    (void)op;
    (void)d;
    nodes_add(&n->backend, "path", "%s", p9->path);
    nodes_add(&n->backend, "security_model", "%s", p9->security_model);
    nodes_add(&n->only_private, "tag", "%s", p9->tag);
    nodes_add(&n->frontend, "tag", "%s", p9->tag);
    return 0;
}

static int p9_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_p9 *p9 = item;

    (void)d;
    p9->tag = device_string(op, path, "tag");
    p9->path = device_string(op, path, "path");
    p9->security_model = device_string(op, path, "security_model");
    return 0;
}

DEVICE_TYPE(p9)

const struct device_kind p9_kind = {
    .name = "p9",
    .frontend = "9pfs",
    .backend = "9pfs",
    DEVICE_TYPE_FIELDS(p9),
    DEVICE_BACKEND_FIELDS(p9),
    .devid = offsetof(libxl_device_p9, devid),
    .defaults = p9_defaults,
    .nodes = p9_nodes,
    .read = p9_read,
};

/* ---- sockets by pvcalls ---- */

static int pvcallsif_nodes(struct op *op, const struct device *d, const void *item,
                           struct device_nodes *n)
{
    (void)op;
    (void)d;
    (void)item;
    (void)n;
    return 0;
}

static int pvcallsif_read(struct op *op, const struct device *d, const char *path, void *item)
{
    (void)op;
    (void)d;
    (void)path;
    (void)item;
    return 0;
}

DEVICE_TYPE(pvcallsif)

const struct device_kind pvcallsif_kind = {
    .name = "pvcallsif",
    .frontend = "pvcalls",
    .backend = "pvcalls",
    DEVICE_TYPE_FIELDS(pvcallsif),
    DEVICE_BACKEND_FIELDS(pvcallsif),
    .devid = offsetof(libxl_device_pvcallsif, devid),
    .nodes = pvcallsif_nodes,
    .read = pvcallsif_read,
};

/* ---- displays: xen/io/displif.h ---- */

static int vdispl_nodes(struct op *op, const struct device *d, const void *item,
                        struct device_nodes *n)
{
    const libxl_device_vdispl *vdispl = item;

    (void)d;
    nodes_add(&n->frontend, "be-alloc", "%d", vdispl->be_alloc);
    nodes_add(&n->only_private, "be-alloc", "%d", vdispl->be_alloc);
    for (int i = 0; i < vdispl->num_connectors; i++) {
        const libxl_connector_param *c = &vdispl->connectors[i];
        char *resolution = op_printf(op, "%d/resolution", i),
             *id = op_printf(op, "%d/unique-id", i);

        nodes_add(&n->frontend, resolution, "%ux%u", c->width, c->height);
        nodes_add(&n->only_private, resolution, "%ux%u", c->width, c->height);
        nodes_add(&n->frontend, id, "%s", c->unique_id);
        nodes_add(&n->only_private, id, "%s", c->unique_id);
    }
    return 0;
}

static int vdispl_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_vdispl *vdispl = item;
    const char *resolution;

    vdispl->be_alloc = store_read_int(op, XBT_NULL, 0, "%s/be-alloc", path) != 0;
    while ((resolution = store_read(op, XBT_NULL, "%s/%d/resolution", path,
                                    vdispl->num_connectors)) != NULL) {
        int i = vdispl->num_connectors++;
        libxl_connector_param *c;

        vdispl->connectors =
            xl_realloc(vdispl->connectors, (size_t)(i + 1) * sizeof(*vdispl->connectors));
        c = &vdispl->connectors[i];
        libxl_connector_param_init(c);
        c->unique_id = device_string(op, op_printf(op, "%s/%d", path, i), "unique-id");
        if (sscanf(resolution, "%ux%u", &c->width, &c->height) != 2)
            return op_fail(op, ERROR_FAIL, 0, "vdispl %d: '%s' is no resolution", d->devid,
                           resolution);
    }
    return 0;
}

DEVICE_TYPE(vdispl)

const struct device_kind vdispl_kind = {
    .name = "vdispl",
    .frontend = "vdispl",
    .backend = "vdispl",
    DEVICE_TYPE_FIELDS(vdispl),
    DEVICE_BACKEND_FIELDS(vdispl),
    .devid = offsetof(libxl_device_vdispl, devid),
    .nodes = vdispl_nodes,
    .read = vdispl_read,
};
