/*
 * Network cards: netback (vif), and the script that puts its interface on a bridge or routes to it.
 * A card of an HVM guest is emulated by qemu, too, with an interface of its own, until the guest
 * has drivers for Xen. Called through nic_kind.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "libxl/device/device.h"

/* Xen's range of addresses for cards of guests */
#define DEFAULT_MTU 1492
#define EMULATED    "vif_ioemu" /* how the store calls an emulated card */
#define XEN_OUI                                                                                    \
    {                                                                                              \
        0x00, 0x16, 0x3e                                                                           \
    }

static bool mac_is_open(const libxl_mac mac)
{
    static const libxl_mac zero;

    return memcmp(mac, zero, sizeof(zero)) == 0;
}

static int make_mac(struct op *op, libxl_mac mac)
{
    const libxl_mac range = XEN_OUI;

    memcpy(mac, range, sizeof(range));
    if (getrandom(mac + 3, 3, 0) != 3)
        return op_fail(op, ERROR_FAIL, 0, "The kernel has no random numbers for an address");
    mac[3] &= 0x7f;
    return 0;
}

static void set_default(char **field, const char *value)
{
    if (!*field)
        *field = xl_strdup(value);
}

static int nic_defaults(struct op *op, uint32_t domid, void *item, bool hotplug)
{
    libxl_device_nic *nic = item;
    char *path;
    int rc = 0;

    (void)domid;
    set_default(&nic->model, "rtl8139");
    set_default(&nic->script, "vif-bridge");
    if (mac_is_open(nic->mac))
        rc = make_mac(op, nic->mac);
    if (rc != 0)
        return rc;
    path = xl_strdup(script_path(op, nic->script));
    free(nic->script);
    nic->script = path;
    libxl_defbool_setdefault(&nic->trusted, true);
    if (nic->nictype == LIBXL_NIC_TYPE_UNKNOWN)
        nic->nictype = LIBXL_NIC_TYPE_VIF;
    if (nic->nictype != LIBXL_NIC_TYPE_VIF && hotplug)
        return op_fail(op, ERROR_NI, 0,
                       "vif %d: an emulated card (type=ioemu) cannot be plugged into a guest that "
                       "runs; type=vif can",
                       nic->devid);
    return 0;
}

static char *mac_text(struct op *op, const libxl_mac mac)
{
    return op_printf(op, LIBXL_MAC_FMT, LIBXL_MAC_BYTES(mac));
}

char *nic_tap(struct op *op, uint32_t domid, const libxl_device_nic *nic)
{
    return nic->ifname ? op_printf(op, "%s-emu", nic->ifname)
                       : op_printf(op, "vif%u.%d-emu", domid, nic->devid);
}

/* What the guest may assume at first: the bridge's, for a script finds out only later */
static int mtu_of(struct op *op, const libxl_device_nic *nic, const char *bridge)
{
    FILE *f;
    int mtu = nic->mtu;

    if (mtu > 0)
        return mtu;
    f = fopen(op_printf(op, "/sys/class/net/%s/mtu", bridge), "re");
    if (!f || fscanf(f, "%d", &mtu) != 1)
        mtu = DEFAULT_MTU;
    if (f)
        fclose(f);
    return mtu;
}

static int nic_nodes(struct op *op, const struct device *d, const void *item,
                     struct device_nodes *n)
{
    const libxl_device_nic *nic = item;
    const char *bridge = nic->bridge ? nic->bridge : "xenbr0";

    nodes_add(&n->backend, "script", "%s", nic->script);
    if (nic->ifname)
        nodes_add(&n->backend, "vifname", "%s", nic->ifname);
    if (nic->coloft_forwarddev)
        nodes_add(&n->backend, "forwarddev", "%s", nic->coloft_forwarddev);
    nodes_add(&n->backend, "mac", "%s", mac_text(op, nic->mac));
    if (nic->ip)
        nodes_add(&n->backend, "ip", "%s", nic->ip);
    if (nic->gatewaydev)
        nodes_add(&n->backend, "gatewaydev", "%s", nic->gatewaydev);
    if (nic->rate_interval_usecs > 0)
        nodes_add(&n->backend, "rate", "%" PRIu64 ",%u", nic->rate_bytes_per_interval,
                  nic->rate_interval_usecs);
    nodes_add(&n->backend, "bridge", "%s", bridge);
    nodes_add(&n->backend, "handle", "%d", d->devid);
    if (nic->mtu > 0)
        nodes_add(&n->backend, "mtu", "%d", nic->mtu);
    nodes_add(&n->backend, "type", "%s",
              nic->nictype == LIBXL_NIC_TYPE_VIF_IOEMU ? EMULATED : "vif");
    nodes_add(&n->backend, "hotplug-status", "%s", "");
    nodes_add(&n->only_private, "trusted", "%d", libxl_defbool_val(nic->trusted));
    nodes_add(&n->frontend, "handle", "%d", d->devid);
    nodes_add(&n->frontend, "mac", "%s", mac_text(op, nic->mac));
    nodes_add(&n->locked, "mtu", "%d", mtu_of(op, nic, bridge));
    nodes_add(&n->frontend, "trusted", "%d", libxl_defbool_val(nic->trusted));
    return 0;
}

static bool nic_is_emulated(struct op *op, const struct device *d)
{
    const char *type = store_read(op, XBT_NULL, "%s/type", device_private(op, d));

    return type && strcmp(type, EMULATED) == 0;
}

static int nic_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_nic *nic = item;
    const char *mac = store_read(op, XBT_NULL, "%s/mac", path);
    const char *rate = store_read(op, XBT_NULL, "%s/rate", path);

    (void)d;
    if (mac && sscanf(mac, LIBXL_MAC_FMT, &nic->mac[0], &nic->mac[1], &nic->mac[2], &nic->mac[3],
                      &nic->mac[4], &nic->mac[5]) != 6)
        return op_fail(op, ERROR_FAIL, 0, "'%s' in %s/mac is no address", mac, path);
    if (rate && sscanf(rate, "%" SCNu64 ",%u", &nic->rate_bytes_per_interval,
                       &nic->rate_interval_usecs) != 2)
        return op_fail(op, ERROR_FAIL, 0, "'%s' in %s/rate is no rate", rate, path);
    nic->ip = device_string(op, path, "ip");
    nic->bridge = device_string(op, path, "bridge");
    nic->script = device_string(op, path, "script");
    nic->ifname = device_string(op, path, "vifname");
    nic->gatewaydev = device_string(op, path, "gatewaydev");
    nic->coloft_forwarddev = device_string(op, path, "forwarddev");
    nic->mtu = (int)store_read_int(op, XBT_NULL, 0, "%s/mtu", path);
    nic->nictype = nic_is_emulated(op, d) ? LIBXL_NIC_TYPE_VIF_IOEMU : LIBXL_NIC_TYPE_VIF;
    libxl_defbool_set(&nic->trusted, store_read_int(op, XBT_NULL, 1, "%s/trusted", path) != 0);
    return 0;
}

/* netback's own name of the interface; the script gives it the user's (vifname) */
static int nic_script(struct op *op, const struct device *d, const char **env, const char **args)
{
    env[0] = "netdev";
    env[1] = store_read(op, XBT_NULL, "%s/gatewaydev", device_private(op, d));
    env[2] = "vif";
    env[3] = op_printf(op, "vif%u.%d", d->domid, d->devid);
    args[0] = "type_if=vif";
    return 0;
}

static int nic_tap_script(struct op *op, const struct device *d, const char **env,
                          const char **args)
{
    libxl_device_nic nic = { .devid = d->devid };

    nic.ifname = store_read(op, XBT_NULL, "%s/vifname", device_private(op, d));
    env[0] = "INTERFACE";
    env[1] = nic_tap(op, d->domid, &nic);
    args[0] = "type_if=tap";
    return 0;
}

DEVICE_TYPE(nic)

const struct device_kind nic_kind = {
    .name = "nic",
    .frontend = "vif",
    .backend = "vif",
    DEVICE_TYPE_FIELDS(nic),
    DEVICE_BACKEND_FIELDS(nic),
    .devid = offsetof(libxl_device_nic, devid),
    .defaults = nic_defaults,
    .nodes = nic_nodes,
    .read = nic_read,
    .script_add = "online",
    .script_remove = "offline",
    .script = nic_script,
    .is_emulated = nic_is_emulated,
    .emulated_script = nic_tap_script,
};
