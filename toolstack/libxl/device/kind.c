/*
 * The table of all kinds of devices, and what is done with items of any kind: find them in a
 * configuration, add, remove, compare, fill their defaults. Called by everything else here; touches
 * the store only to look for a free number.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

/* In the order in which they are added; removal goes by the store. usbdev after usbctrl. */
const struct device_kind *const device_kinds[] = {
    &disk_kind, &nic_kind, &channel_kind,   &vfb_kind,     &vkb_kind,    &vtpm_kind, &vdispl_kind,
    &vsnd_kind, &p9_kind,  &pvcallsif_kind, &usbctrl_kind, &usbdev_kind, &pci_kind,  NULL,
};

const struct device_kind *device_kind_of(const char *frontend)
{
    for (const struct device_kind *const *k = device_kinds; *k; k++)
        if ((*k)->frontend && strcmp((*k)->frontend, frontend) == 0)
            return *k;
    return NULL;
}

static void **array_of(const struct device_kind *kind, const libxl_domain_config *config)
{
    return (void **)((char *)config + kind->array);
}

static int *count_of(const struct device_kind *kind, const libxl_domain_config *config)
{
    return (int *)((char *)config + kind->count);
}

void *kind_items(const struct device_kind *kind, const libxl_domain_config *config, int *count)
{
    *count = *count_of(kind, config);
    return *array_of(kind, config);
}

void *kind_item(const struct device_kind *kind, void *items, int i)
{
    return (char *)items + kind->size * i;
}

static void *field(const void *item, int offset)
{
    return offset == NO_FIELD ? NULL : (char *)item + offset;
}

int *item_devid(const struct device_kind *kind, const void *item)
{
    return field(item, kind->devid);
}

uint32_t *item_backend_domid(const struct device_kind *kind, const void *item)
{
    return field(item, kind->backend_domid);
}

bool kind_same(const struct device_kind *kind, const void *a, const void *b)
{
    return kind->same ? kind->same(a, b) : *item_devid(kind, a) == *item_devid(kind, b);
}

void config_put(struct op *op, const struct device_kind *kind, libxl_domain_config *config,
                const void *item)
{
    void **array = array_of(kind, config), *place = NULL;
    int *count = count_of(kind, config);

    for (int i = 0; i < *count && !place; i++)
        if (kind_same(kind, kind_item(kind, *array, i), item))
            place = kind_item(kind, *array, i);
    if (place) {
        kind->dispose(place);
    } else {
        *array = xl_realloc(*array, kind->size * (*count + 1));
        place = kind_item(kind, *array, (*count)++);
    }
    kind->init(place);
    kind->copy(op->ctx, place, item);
}

void config_take(const struct device_kind *kind, libxl_domain_config *config, const void *item)
{
    void *array = *array_of(kind, config);
    int *count = count_of(kind, config);

    for (int i = 0; i < *count; i++) {
        void *place = kind_item(kind, array, i);

        if (!kind_same(kind, place, item))
            continue;
        kind->dispose(place);
        (*count)--;
        memmove(place, kind_item(kind, array, i + 1), kind->size * (*count - i));
        return;
    }
}

/* One more than the highest number that the domain's devices of this kind have */
static int free_devid(struct op *op, const struct device_kind *kind, uint32_t domid)
{
    char **ids = store_list(op, XBT_NULL, NULL, "%s/device/%s", domain_libxl_path(op, domid),
                            kind->frontend);
    int next = 0;

    for (; ids && *ids; ids++) {
        int id = atoi(*ids);

        if (id >= next && id < INT32_MAX)
            next = id + 1;
    }
    return next;
}

int device_defaults(struct op *op, const struct device_kind *kind, uint32_t domid, void *item,
                    bool hotplug)
{
    char **name = field(item, kind->backend_domname);
    int *devid = item_devid(kind, item);

    if (name && *name &&
        libxl_domain_qualifier_to_domid(op->ctx, *name, item_backend_domid(kind, item)) != 0)
        return op_fail(op, ERROR_INVAL, 0,
                       "there is no domain '%s' to be the backend of a %s; start it first", *name,
                       kind->name);
    if (hotplug && devid && *devid == -1)
        *devid = free_devid(op, kind, domid);
    return kind->defaults ? kind->defaults(op, domid, item, hotplug) : 0;
}

/* Give numbers to the items that have none, the lowest that no other has */
static void number_items(const struct device_kind *kind, void *items, int count)
{
    int next = 0;

    for (int i = 0; i < count; i++) {
        int *devid = item_devid(kind, kind_item(kind, items, i));

        if (!devid || *devid != -1)
            continue;
        for (int j = 0; j < count; j++)
            if (*item_devid(kind, kind_item(kind, items, j)) == next) {
                next++;
                j = -1;
            }
        *devid = next;
    }
}

/* For a PC whose guest gets drivers for Xen: then the keyboard's own is better than the emulated
 * one */
static void add_keyboard(struct op *op, libxl_domain_config *config)
{
    libxl_device_vkb vkb;

    if (config->num_vkbs || !libxl_defbool_val(config->b_info.u.hvm.vkb_device))
        return;
    libxl_device_vkb_init(&vkb);
    config_put(op, &vkb_kind, config, &vkb);
    libxl_device_vkb_dispose(&vkb);
}

/* What depends on the domain's type: a PC's cards are emulated, too, if nobody says otherwise */
static int set_for_type(struct op *op, libxl_domain_config *config)
{
    bool pc = config->c_info.type == LIBXL_DOMAIN_TYPE_HVM;

    for (int i = 0; i < config->num_nics; i++) {
        libxl_nic_type *type = &config->nics[i].nictype;

        if (*type == LIBXL_NIC_TYPE_UNKNOWN && pc)
            *type = LIBXL_NIC_TYPE_VIF_IOEMU;
        if (*type == LIBXL_NIC_TYPE_VIF_IOEMU && !pc)
            return op_fail(op, ERROR_INVAL, 0,
                           "vif %d: type=ioemu is for HVM guests; a PV or PVH guest has type=vif",
                           i);
    }
    if (pc)
        add_keyboard(op, config);
    return 0;
}

int devices_set_defaults(struct op *op, uint32_t domid, libxl_domain_config *config, bool hotplug)
{
    int set = set_for_type(op, config);

    if (set != 0)
        return set;
    for (const struct device_kind *const *k = device_kinds; *k; k++) {
        int count, rc;
        void *items = kind_items(*k, config, &count);

        number_items(*k, items, count);
        for (int i = 0; i < count; i++) {
            rc = device_defaults(op, *k, domid, kind_item(*k, items, i), hotplug);
            for (int j = 0; j < i && rc == 0; j++)
                if (kind_same(*k, kind_item(*k, items, i), kind_item(*k, items, j)))
                    rc = op_fail(op, ERROR_INVAL, 0,
                                 "the configuration has two %s devices with the same number or "
                                 "name; change one",
                                 (*k)->name);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

int device_where(struct op *op, const struct device_kind *kind, uint32_t domid, const void *item,
                 struct device *d)
{
    const uint32_t *backend_domid = item_backend_domid(kind, item);
    const int *devid = item_devid(kind, item);

    *d = (struct device){
        .kind = kind,
        .frontend = kind->frontend,
        .backend = kind->backend,
        .domid = domid,
        .backend_domid = backend_domid ? *backend_domid : DOM0,
        .devid = devid ? *devid : 0,
    };
    return kind->where ? kind->where(op, item, d) : 0;
}
