/*
 * A framebuffer, which qemu shows by VNC or in a window, and the keyboard and pointer that belong
 * to it. Called through vfb_kind and vkb_kind.
 */
#include <stdlib.h>

#include "libxl/device/device.h"

static int vfb_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_vfb *vfb = item;

    (void)op;
    (void)domid;
    (void)hotplug;
    libxl_defbool_setdefault(&vfb->vnc.enable, true);
    if (libxl_defbool_val(vfb->vnc.enable)) {
        if (!vfb->vnc.listen)
            vfb->vnc.listen = xl_strdup("127.0.0.1");
        libxl_defbool_setdefault(&vfb->vnc.findunused, true);
    } else {
        libxl_defbool_setdefault(&vfb->vnc.findunused, false);
    }
    libxl_defbool_setdefault(&vfb->sdl.enable, false);
    libxl_defbool_setdefault(&vfb->sdl.opengl, false);
    return 0;
}

static int vfb_nodes(struct op *op, const struct device *d, const void *item,
                     struct device_nodes *n)
{
    const libxl_device_vfb *vfb = item;
    const char *name = libxl_domid_to_name(op->ctx, d->domid);

    nodes_add(&n->backend, "domain", "%s", name ? name : "");
    free((char *)name);
    nodes_add(&n->backend, "vnc", "%d", libxl_defbool_val(vfb->vnc.enable));
    nodes_add(&n->backend, "vnclisten", "%s", vfb->vnc.listen ? vfb->vnc.listen : "");
    nodes_add(&n->backend, "vncpasswd", "%s", vfb->vnc.passwd ? vfb->vnc.passwd : "");
    nodes_add(&n->backend, "vncdisplay", "%d", vfb->vnc.display);
    nodes_add(&n->backend, "vncunused", "%d", libxl_defbool_val(vfb->vnc.findunused));
    nodes_add(&n->backend, "sdl", "%d", libxl_defbool_val(vfb->sdl.enable));
    nodes_add(&n->backend, "opengl", "%d", libxl_defbool_val(vfb->sdl.opengl));
    if (vfb->keymap)
        nodes_add(&n->backend, "keymap", "%s", vfb->keymap);
    if (vfb->sdl.xauthority)
        nodes_add(&n->backend, "xauthority", "%s", vfb->sdl.xauthority);
    if (vfb->sdl.display)
        nodes_add(&n->backend, "display", "%s", vfb->sdl.display);
    return 0;
}

static void read_bool(struct op *op, libxl_defbool *field, const char *path, const char *name)
{
    long long value = store_read_int(op, XBT_NULL, -1, "%s/%s", path, name);

    if (value >= 0)
        libxl_defbool_set(field, value != 0);
}

static int vfb_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_vfb *vfb = item;

    (void)d;
    read_bool(op, &vfb->vnc.enable, path, "vnc");
    vfb->vnc.listen = device_string(op, path, "vnclisten");
    vfb->vnc.passwd = device_string(op, path, "vncpasswd");
    vfb->vnc.display = (int)store_read_int(op, XBT_NULL, 0, "%s/vncdisplay", path);
    read_bool(op, &vfb->vnc.findunused, path, "vncunused");
    read_bool(op, &vfb->sdl.enable, path, "sdl");
    read_bool(op, &vfb->sdl.opengl, path, "opengl");
    vfb->keymap = device_string(op, path, "keymap");
    vfb->sdl.xauthority = device_string(op, path, "xauthority");
    vfb->sdl.display = device_string(op, path, "display");
    return 0;
}

DEVICE_TYPE(vfb)

const struct device_kind vfb_kind = {
    .name = "vfb",
    .frontend = "vfb",
    .backend = "vfb",
    DEVICE_TYPE_FIELDS(vfb),
    DEVICE_BACKEND_FIELDS(vfb),
    .devid = offsetof(libxl_device_vfb, devid),
    .defaults = vfb_defaults,
    .nodes = vfb_nodes,
    .read = vfb_read,
};

/* ---- keyboard and pointer ---- */

/* Features that are a node of the backend each */
static const struct feature {
    const char *name;
    size_t offset;
} vkb_features[] = {
    { "feature-disable-keyboard", offsetof(libxl_device_vkb, feature_disable_keyboard) },
    { "feature-disable-pointer", offsetof(libxl_device_vkb, feature_disable_pointer) },
    { "feature-abs-pointer", offsetof(libxl_device_vkb, feature_abs_pointer) },
    { "feature-raw-pointer", offsetof(libxl_device_vkb, feature_raw_pointer) },
    { "feature-multi-touch", offsetof(libxl_device_vkb, feature_multi_touch) },
    { NULL, 0 },
};

/* Sizes, with the feature that they belong to */
static const struct size_node {
    const char *name;
    size_t offset, feature;
} vkb_sizes[] = {
    { "width", offsetof(libxl_device_vkb, width), offsetof(libxl_device_vkb, feature_abs_pointer) },
    { "height", offsetof(libxl_device_vkb, height),
      offsetof(libxl_device_vkb, feature_abs_pointer) },
    { "multi-touch-width", offsetof(libxl_device_vkb, multi_touch_width),
      offsetof(libxl_device_vkb, feature_multi_touch) },
    { "multi-touch-height", offsetof(libxl_device_vkb, multi_touch_height),
      offsetof(libxl_device_vkb, feature_multi_touch) },
    { "multi-touch-num-contacts", offsetof(libxl_device_vkb, multi_touch_num_contacts),
      offsetof(libxl_device_vkb, feature_multi_touch) },
    { NULL, 0, 0 },
};

static bool *bool_at(const libxl_device_vkb *vkb, size_t offset)
{
    return (bool *)((char *)vkb + offset);
}

static uint32_t *size_at(const libxl_device_vkb *vkb, size_t offset)
{
    return (uint32_t *)((char *)vkb + offset);
}

static int vkb_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_vkb *vkb = item;

    (void)domid;
    (void)hotplug;
    if (vkb->backend_type == LIBXL_VKB_BACKEND_UNKNOWN)
        vkb->backend_type = LIBXL_VKB_BACKEND_QEMU;
    if (!vkb->unique_id && vkb->backend_type == LIBXL_VKB_BACKEND_LINUX)
        return op_fail(op, ERROR_INVAL, 0,
                       "vkb %d: backend-type=linux needs unique-id=..., the name its backend "
                       "knows it by",
                       vkb->devid);
    for (const struct size_node *s = vkb_sizes; s->name; s++)
        if (*bool_at(vkb, s->feature) && !*size_at(vkb, s->offset))
            return op_fail(op, ERROR_INVAL, 0, "vkb %d has no %s", vkb->devid, s->name);
    return 0;
}

static int vkb_nodes(struct op *op, const struct device *d, const void *item,
                     struct device_nodes *n)
{
    const libxl_device_vkb *vkb = item;

    (void)op;
    (void)d;
    nodes_add(&n->backend, "backend-type", "%s", libxl_vkb_backend_to_string(vkb->backend_type));
    if (vkb->unique_id)
        nodes_add(&n->backend, "unique-id", "%s", vkb->unique_id);
    for (const struct feature *f = vkb_features; f->name; f++)
        nodes_add(&n->backend, f->name, "%d", *bool_at(vkb, f->offset));
    for (const struct size_node *s = vkb_sizes; s->name; s++)
        if (*bool_at(vkb, s->feature))
            nodes_add(&n->backend, s->name, "%u", *size_at(vkb, s->offset));
    return 0;
}

static int vkb_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_vkb *vkb = item;
    const char *type = store_read(op, XBT_NULL, "%s/backend-type", path);

    if (type && libxl_vkb_backend_from_string(type, &vkb->backend_type) != 0)
        return op_fail(op, ERROR_FAIL, 0, "vkb %d has the unknown backend '%s'", d->devid, type);
    vkb->unique_id = device_string(op, path, "unique-id");
    for (const struct feature *f = vkb_features; f->name; f++)
        *bool_at(vkb, f->offset) = store_read_int(op, XBT_NULL, 0, "%s/%s", path, f->name) != 0;
    for (const struct size_node *s = vkb_sizes; s->name; s++)
        *size_at(vkb, s->offset) =
            (uint32_t)store_read_int(op, XBT_NULL, 0, "%s/%s", path, s->name);
    return 0;
}

DEVICE_TYPE(vkb)

const struct device_kind vkb_kind = {
    .name = "vkb",
    .frontend = "vkbd",
    .backend = "vkbd",
    DEVICE_TYPE_FIELDS(vkb),
    DEVICE_BACKEND_FIELDS(vkb),
    .devid = offsetof(libxl_device_vkb, devid),
    .defaults = vkb_defaults,
    .nodes = vkb_nodes,
    .read = vkb_read,
};
