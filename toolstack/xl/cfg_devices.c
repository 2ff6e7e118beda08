/*
 * Keys of a configuration that are lists of devices, and the devices' defaults and checks, which
 * the commands that attach devices use as well.
 */
#include <limits.h>
#include "cfg.h"
#include "conf.h"

/* device_add: one more element of a list of libxl_domain_config */
#define device_add(domain, list, count)                                                            \
    ((domain)->list = grown((domain)->list, (domain)->count, sizeof(*(domain)->list)),             \
     &(domain)->list[(domain)->count++])

/* ---- disks */
static int disk_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_disk *disk = device_add(cfg->domain, disks, num_disks);

    (void)index;
    libxl_device_disk_init(disk);
    if (xlu_disk_parse(cfg->config, 1, &text, disk))
        return cfg_wrong(cfg, "'%s' is no description of a disk; see xl-disk-configuration(5)",
                         text);
    return 0;
}

int set_disks(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, disk_add);
}

/* ---- network cards */
static void replace(char **text, const char *by)
{
    if (!by)
        return;
    free(*text);
    *text = need(strdup(by));
}

void nic_defaults(libxl_device_nic *nic)
{
    replace(&nic->script, conf.vif_script);
    replace(&nic->bridge, conf.vif_bridge);
    replace(&nic->gatewaydev, conf.vif_gatewaydev);
    replace(&nic->backend_domname, conf.vif_backend);
}

static int nic_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_nic *nic = device_add(cfg->domain, nics, num_nics);

    libxl_device_nic_init(nic);
    nic->devid = index;
    nic_defaults(nic);
    return parts_read(&nic_language, text, nic);
}

int set_vifs(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, nic_add);
}

/* ---- screens and keyboards */
static libxl_device_vfb *screen_add(libxl_domain_config *domain)
{
    libxl_device_vfb *vfb = device_add(domain, vfbs, num_vfbs);
    libxl_device_vkb *vkb = device_add(domain, vkbs, num_vkbs);

    libxl_device_vfb_init(vfb);
    libxl_device_vkb_init(vkb);
    vfb->devid = domain->num_vfbs - 1;
    vkb->devid = domain->num_vkbs - 1;
    return vfb;
}

static int vfb_add(struct cfg *cfg, const char *text, int index)
{
    (void)index;
    return parts_read(&vfb_language, text, screen_add(cfg->domain));
}

static bool wants(const struct cfg *cfg, const char *name)
{
    libxl_defbool value = { 0 };

    return !xlu_cfg_get_defbool(cfg->config, name, &value, 0) && libxl_defbool_val(value);
}

/* The keys of an HVM guest's screen, in the configuration of a PV guest */
static int screen_of_keys(struct cfg *cfg)
{
    libxl_device_vfb *vfb;
    int rc = 0;

    if (!wants(cfg, "vnc") && !wants(cfg, "sdl"))
        return 0;
    vfb = screen_add(cfg->domain);
    for (int i = 0; i < vfb_language.count && !rc; i++) {
        const char *name = vfb_language.parts[i].name, *value;

        if (!xlu_cfg_get_string(cfg->config, name, &value, 0))
            rc = part_read(&vfb_language, text_of("%s=%s", name, value), vfb);
    }
    return rc;
}

int set_vfbs(struct cfg *cfg, const struct key *key)
{
    int rc = cfg_each(cfg, key->name, vfb_add);

    return rc || cfg->guest != GUEST_PV ? rc : screen_of_keys(cfg);
}

int vkb_check(const libxl_device_vkb *vkb)
{
    if (vkb->backend_type == LIBXL_VKB_BACKEND_UNKNOWN) {
        error("backend-type should be set in vkb spec: qemu or linux");
        return ERROR_INVAL;
    }
    if (vkb->feature_multi_touch &&
        !(vkb->multi_touch_width && vkb->multi_touch_height && vkb->multi_touch_num_contacts)) {
        error(
            "multi-touch-width, multi-touch-height, multi-touch-num-contacts should be set for multi "
            "touch in vkb spec");
        return ERROR_INVAL;
    }
    return 0;
}

static int vkb_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_vkb *vkb = device_add(cfg->domain, vkbs, num_vkbs);
    int rc;

    libxl_device_vkb_init(vkb);
    (void)index; /* each vfb has brought one, too */
    vkb->devid = cfg->domain->num_vkbs - 1;
    rc = parts_read(&vkb_language, text, vkb);
    return rc ? rc : vkb_check(vkb);
}

int set_vkbs(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, vkb_add);
}

static int vdispl_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_vdispl *display = device_add(cfg->domain, vdispls, num_vdispls);
    int rc;

    libxl_device_vdispl_init(display);
    display->devid = index;
    rc = parts_read(&vdispl_language, text, display);
    if (!rc && !display->num_connectors)
        return cfg_wrong(cfg, "At least one connector should be specified: vdispl '%s'", text);
    return rc;
}

int set_vdispls(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, vdispl_add);
}

/* ---- sound: a list for each card */
int set_vsnds(struct cfg *cfg, const struct key *key)
{
    XLU_ConfigList *cards, *items;
    XLU_ConfigValue *value;
    const char *text;
    int rc = 0;

    if (xlu_cfg_get_list(cfg->config, key->name, &cards, NULL, 0))
        return 0;
    for (int i = 0; !rc && (value = xlu_cfg_get_listitem2(cards, i)); i++) {
        libxl_device_vsnd *card = device_add(cfg->domain, vsnds, num_vsnds);

        libxl_device_vsnd_init(card);
        card->devid = i;
        if (xlu_cfg_value_get_list(cfg->config, value, &items, 0))
            return cfg_wrong(cfg, "Failed to get vsnd card list: vsnd is a list of lists");
        for (int j = 0; !rc && (text = xlu_cfg_get_listitem(items, j)); j++)
            rc = vsnd_item(card, text);
    }
    return rc;
}

/* ---- vtpm, 9pfs, pvcalls, channels */
static int vtpm_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_vtpm *vtpm = device_add(cfg->domain, vtpms, num_vtpms);
    int rc;

    libxl_device_vtpm_init(vtpm);
    vtpm->devid = index;
    rc = parts_read(&vtpm_language, text, vtpm);
    if (!rc && !vtpm->backend_domname)
        return cfg_wrong(cfg, "vtpm spec missing required backend field! Add backend=DOMAIN");
    return rc;
}

int set_vtpms(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, vtpm_add);
}

static int p9_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_p9 *p9 = device_add(cfg->domain, p9s, num_p9s);
    int rc;

    (void)index;
    libxl_device_p9_init(p9);
    rc = parts_read(&p9_language, text, p9);
    if (!rc && (!p9->tag || !p9->security_model || !p9->path))
        return cfg_wrong(cfg,
                         "9pfs spec missing required field! It needs tag, security_model and path");
    return rc;
}

int set_p9s(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, p9_add);
}

static int pvcalls_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_pvcallsif *pvcalls = device_add(cfg->domain, pvcallsifs, num_pvcallsifs);

    libxl_device_pvcallsif_init(pvcalls);
    pvcalls->devid = index;
    return parts_read(&pvcalls_language, text, pvcalls);
}

int set_pvcalls(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, pvcalls_add);
}

static int channel_check(const libxl_device_channel *channel)
{
    if (channel->connection == LIBXL_CHANNEL_CONNECTION_UNKNOWN) {
        error("channel has unknown 'connection': it is pty or socket");
        return ERROR_INVAL;
    }
    if (channel->connection == LIBXL_CHANNEL_CONNECTION_SOCKET && !channel->u.socket.path) {
        error("channel connection 'socket' requires path=..");
        return ERROR_INVAL;
    }
    if (!channel->name) {
        error("a channel needs name=..");
        return ERROR_INVAL;
    }
    return 0;
}

static int channel_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_channel *channel = device_add(cfg->domain, channels, num_channels);
    int rc;

    libxl_device_channel_init(channel);
    channel->devid = index;
    rc = parts_read(&channel_language, text, channel);
    return rc ? rc : channel_check(channel);
}

int set_channels(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, channel_add);
}

/* ---- USB */
static int usbctrl_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_usbctrl *controller = device_add(cfg->domain, usbctrls, num_usbctrls);

    libxl_device_usbctrl_init(controller);
    controller->devid = index;
    return parts_read(&usbctrl_language, text, controller);
}

int set_usbctrls(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, usbctrl_add);
}

static int usbdev_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_usbdev *device = device_add(cfg->domain, usbdevs, num_usbdevs);

    (void)index;
    libxl_device_usbdev_init(device);
    libxl_device_usbdev_init_type(device, LIBXL_USBDEV_TYPE_HOSTDEV);
    return parts_read(&usbdev_language, text, device);
}

int set_usbdevs(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, usbdev_add);
}

/* ---- devices of the host */
static bool boolean(const struct cfg *cfg, const char *name)
{
    long value;

    return !xlu_cfg_get_long(cfg->config, name, &value, 0) && value;
}

static int pci_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_pci *pci = device_add(cfg->domain, pcidevs, num_pcidevs);

    (void)index;
    libxl_device_pci_init(pci);
    pci->msitranslate = boolean(cfg, "pci_msitranslate");
    pci->power_mgmt = boolean(cfg, "pci_power_mgmt");
    pci->permissive = boolean(cfg, "pci_permissive");
    pci->seize = boolean(cfg, "pci_seize");
    pci->rdm_policy = cfg->guest == GUEST_HVM ? cfg->domain->b_info.u.hvm.rdm.policy
                                              : LIBXL_RDM_RESERVE_POLICY_STRICT;
    if (xlu_pci_parse_spec_string(cfg->config, pci, text)) {
        return cfg_wrong(cfg,
                         "unable to parse PCI_SPEC_STRING `%s' for passthrough; see "
                         "xl-pci-configuration(5)",
                         text);
    }
    return 0;
}

int set_pcis(struct cfg *cfg, const struct key *key)
{
    libxl_domain_config *domain = cfg->domain;
    int rc = cfg_each(cfg, key->name, pci_add);

    if (!rc && domain->num_pcidevs && cfg->guest == GUEST_PV)
        libxl_defbool_setdefault(&domain->b_info.u.pv.e820_host, true);
    return rc;
}

static int dtdev_add(struct cfg *cfg, const char *text, int index)
{
    libxl_device_dtdev *device = device_add(cfg->domain, dtdevs, num_dtdevs);

    (void)index;
    libxl_device_dtdev_init(device);
    device->path = need(strdup(text));
    return 0;
}

int set_dtdevs(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, dtdev_add);
}

static int ioport_add(struct cfg *cfg, const char *text, int index)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    char **ends = split(text, '-');
    unsigned long long first, last;

    (void)index;
    if (!number_parse(ends[0], 16, 0xffff, &first))
        return cfg_wrong(cfg, "xl: Invalid argument parsing ioport: %s", text);
    last = first;
    if (ends[1] && (ends[2] || !number_parse(ends[1], 16, 0xffff, &last) || last < first))
        return cfg_wrong(cfg, "xl: Invalid argument parsing ioport: %s", text);
    b->ioports = grown(b->ioports, b->num_ioports, sizeof(*b->ioports));
    b->ioports[b->num_ioports++] =
        (libxl_ioport_range){ (uint32_t)first, (uint32_t)(last - first + 1) };
    return 0;
}

int set_ioports(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, ioport_add);
}

static int irq_add(struct cfg *cfg, const char *text, int index)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    unsigned long long irq;

    (void)index;
    if (!number_parse(text, 0, UINT32_MAX, &irq))
        return cfg_wrong(cfg, "xl: Invalid argument parsing irq: %s", text);
    b->irqs = grown(b->irqs, b->num_irqs, sizeof(*b->irqs));
    b->irqs[b->num_irqs++] = (uint32_t)irq;
    return 0;
}

int set_irqs(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, irq_add);
}

static int iomem_add(struct cfg *cfg, const char *text, int index)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    libxl_iomem_range *range;
    unsigned long long start, number, gfn;
    char **parts = split(text, ','), **tail;

    (void)index;
    if (!parts[1] || parts[2])
        return cfg_wrong(cfg, "xl: Invalid argument parsing iomem: %s", text);
    tail = split(parts[1], '@');
    b->iomem = grown(b->iomem, b->num_iomem, sizeof(*b->iomem));
    range = &b->iomem[b->num_iomem++];
    libxl_iomem_range_init(range);
    if (!number_parse(parts[0], 16, ULLONG_MAX, &start) ||
        !number_parse(tail[0], 16, ULLONG_MAX, &number) ||
        (tail[1] && (tail[2] || !number_parse(tail[1], 16, ULLONG_MAX, &gfn))))
        return cfg_wrong(cfg, "xl: Invalid argument parsing iomem: %s", text);
    range->start = start;
    range->number = number;
    if (tail[1])
        range->gfn = gfn;
    return 0;
}

int set_iomem(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, iomem_add);
}
