/*
 * The descriptions of devices, "mac=00:16:3e:00:00:01,bridge=xenbr0": one table for each kind of
 * device, and one function that reads all of them. For the keys of configurations, and for the
 * commands network-attach, vkb-attach and so on. Disks and PCI devices have parsers in libxlutil.
 */
#include "cfg.h"

enum { MAX_U32 = 0x7fffffff };

static const char *part_name_at(const void *state, int i)
{
    const struct language *language = state;

    return i < language->count ? language->parts[i].name : NULL;
}

static int mac_read(libxl_mac *mac, const char *text)
{
    unsigned int bytes[6];
    int end = -1;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
               &bytes[4], &bytes[5], &end) != 6 ||
        text[end])
        return ERROR_INVAL;
    for (int i = 0; i < 6; i++)
        (*mac)[i] = (uint8_t)bytes[i];
    return 0;
}

static int field_read(const struct part *part, const char *value, void *field)
{
    const struct choice *choice;
    unsigned long long number;

    switch (part->kind) {
    case FIELD_TEXT:
        free(*(char **)field);
        *(char **)field = need(strdup(value));
        return 0;
    case FIELD_UUID:
        return libxl_uuid_from_string(field, value) ? ERROR_INVAL : 0;
    case FIELD_MAC:
        return mac_read(field, value);
    case FIELD_CHOICE:
        choice = choice_find(part->choices, value);
        if (choice)
            memcpy(field, &choice->value, sizeof(choice->value));
        return choice ? 0 : ERROR_INVAL;
    default:
        break;
    }
    if (!number_parse(value, 0, MAX_U32, &number))
        return ERROR_INVAL;
    switch (part->kind) {
    case FIELD_INT:
    case FIELD_U32:
        *(uint32_t *)field = (uint32_t)number;
        return 0;
    case FIELD_BOOL:
        *(bool *)field = number != 0;
        return 0;
    case FIELD_DEFBOOL:
        libxl_defbool_set(field, number != 0);
        return 0;
    default:
        abort(); /* no part has another kind */
    }
}

int part_read(const struct language *language, const char *text, void *device)
{
    const char *near;
    char *name = text_of("%s", text);

    name[strcspn(name, "=")] = 0;
    for (int i = 0; i < language->count; i++) {
        const struct part *part = &language->parts[i];
        const char *value = value_of(text, part->name);
        int rc;

        if (strcmp(name, part->name))
            continue;
        if (!value && part->value) {
            error("%s: '%s' needs a value, as in %s=%s", language->device, name, name, part->value);
            return ERROR_INVAL;
        }
        rc = part->set ? part->set(device, value)
                       : field_read(part, value, (char *)device + part->offset);
        if (rc) {
            error("%s: invalid parameter `%s': '%s' is no %s%s%s", language->device, name,
                  value ? value : "", part->value ? part->value : "value",
                  part->choices ? ", which is one of " : "",
                  part->choices ? choice_words(part->choices) : "");
        }
        return rc;
    }
    near = nearest_name(name, part_name_at, language);
    error("%s: unrecognized argument `%s'%s%s%s", language->device, text,
          near ? ", perhaps you mean '" : "", near ? near : "", near ? "'" : "");
    return ERROR_INVAL;
}

int parts_read(const struct language *language, const char *text, void *device)
{
    int rc = 0;

    for (char **part = split(text, ','); *part && !rc; part++) {
        if (**part)
            rc = part_read(language, *part, device);
    }
    return rc;
}

/* ---- network cards */
static int nic_rate(void *device, const char *value)
{
    XLU_Config *config = need(xlu_cfg_init(stderr, "rate"));
    int rc = xlu_vif_parse_rate(config, value, device);

    xlu_cfg_destroy(config);
    return rc ? ERROR_INVAL : 0;
}

static int nic_trusted(void *device, const char *value)
{
    libxl_device_nic *nic = device;

    libxl_defbool_set(&nic->trusted, !value || strcmp(value, "0"));
    return 0;
}

static int nic_untrusted(void *device, const char *value)
{
    libxl_device_nic *nic = device;

    libxl_defbool_set(&nic->trusted, value && !strcmp(value, "0"));
    return 0;
}

static int nic_netdev(void *device, const char *value)
{
    libxl_device_nic *nic = device;

    error("the netdev parameter is deprecated, please use gatewaydev instead");
    free(nic->gatewaydev);
    nic->gatewaydev = need(strdup(value));
    return 0;
}

static int nic_accel(void *device, const char *value)
{
    (void)device;
    (void)value;
    error("the accel parameter for vifs is currently not supported");
    return 0;
}

static const struct choice nic_types[] = {
    { "ioemu", LIBXL_NIC_TYPE_VIF_IOEMU },
    { "vif", LIBXL_NIC_TYPE_VIF },
    { NULL, 0 },
};

#define NIC(text, type, field, ...)                                                                \
    {                                                                                              \
        .name = text, .kind = type, .offset = offsetof(libxl_device_nic, field), __VA_ARGS__       \
    }
#define NIC_TEXT(name, field, text) NIC(name, FIELD_TEXT, field, .value = "TEXT", .help = text)
#define COLO(field)                 NIC_TEXT(#field, field, "Of COLO's proxy.")

static const struct part nic_parts[] = {
    NIC("mac", FIELD_MAC, mac, .value = "MAC",
        .help = "The card's address; without, libxl takes one."),
    NIC_TEXT("bridge", bridge, "The bridge of dom0 that it is on."),
    NIC_TEXT("gatewaydev", gatewaydev,
             "The interface of dom0 to which the script vif-route leads."),
    { .name = "netdev", .set = nic_netdev, .value = "TEXT", .help = "Old name of gatewaydev." },
    NIC("type", FIELD_CHOICE, nictype, .choices = nic_types, .value = "TYPE",
        .help = "ioemu: an emulated card, too; vif: only Xen's."),
    NIC_TEXT("model", model, "The card that QEMU emulates: e1000, rtl8139..."),
    NIC_TEXT("vifname", ifname, "The name of the interface in dom0."),
    NIC_TEXT("script", script, "The script that connects it."),
    NIC_TEXT("ip", ip, "The address that the guest may use; the script sees to it."),
    NIC_TEXT("backend", backend_domname, "The domain that serves it."),
    { .name = "rate",
      .set = nic_rate,
      .value = "RATE",
      .help = "How fast it may send: 10Mb/s, 1MB/s@20ms." },
    NIC("devid", FIELD_INT, devid, .value = "NUMBER", .help = "Its number; without, the next one."),
    NIC("mtu", FIELD_INT, mtu, .value = "NUMBER", .help = "The size of packets."),
    { .name = "trusted",
      .set = nic_trusted,
      .help = "The guest may trust the domain that serves it." },
    { .name = "untrusted", .set = nic_untrusted, .help = "The guest should not trust it." },
    { .name = "accel", .set = nic_accel, .value = "TEXT", .help = "Not supported." },
    NIC_TEXT("forwarddev", coloft_forwarddev, "The interface between the two hosts of COLO."),
    COLO(colo_sock_mirror_id),
    COLO(colo_sock_mirror_ip),
    COLO(colo_sock_mirror_port),
    COLO(colo_sock_compare_pri_in_id),
    COLO(colo_sock_compare_pri_in_ip),
    COLO(colo_sock_compare_pri_in_port),
    COLO(colo_sock_compare_sec_in_id),
    COLO(colo_sock_compare_sec_in_ip),
    COLO(colo_sock_compare_sec_in_port),
    COLO(colo_sock_compare_notify_id),
    COLO(colo_sock_compare_notify_ip),
    COLO(colo_sock_compare_notify_port),
    COLO(colo_sock_redirector0_id),
    COLO(colo_sock_redirector0_ip),
    COLO(colo_sock_redirector0_port),
    COLO(colo_sock_redirector1_id),
    COLO(colo_sock_redirector1_ip),
    COLO(colo_sock_redirector1_port),
    COLO(colo_sock_redirector2_id),
    COLO(colo_sock_redirector2_ip),
    COLO(colo_sock_redirector2_port),
    COLO(colo_filter_mirror_queue),
    COLO(colo_filter_mirror_outdev),
    COLO(colo_filter_redirector0_queue),
    COLO(colo_filter_redirector0_indev),
    COLO(colo_filter_redirector0_outdev),
    COLO(colo_filter_redirector1_queue),
    COLO(colo_filter_redirector1_indev),
    COLO(colo_filter_redirector1_outdev),
    COLO(colo_compare_pri_in),
    COLO(colo_compare_sec_in),
    COLO(colo_compare_out),
    COLO(colo_compare_notify_dev),
    COLO(colo_sock_sec_redirector0_id),
    COLO(colo_sock_sec_redirector0_ip),
    COLO(colo_sock_sec_redirector0_port),
    COLO(colo_sock_sec_redirector1_id),
    COLO(colo_sock_sec_redirector1_ip),
    COLO(colo_sock_sec_redirector1_port),
    COLO(colo_filter_sec_redirector0_queue),
    COLO(colo_filter_sec_redirector0_indev),
    COLO(colo_filter_sec_redirector0_outdev),
    COLO(colo_filter_sec_redirector1_queue),
    COLO(colo_filter_sec_redirector1_indev),
    COLO(colo_filter_sec_redirector1_outdev),
    COLO(colo_filter_sec_rewriter0_queue),
    COLO(colo_checkpoint_host),
    COLO(colo_checkpoint_port),
};

/* ---- screens, keyboards, displays */
#define PART(device, text, type, field, ...)                                                       \
    {                                                                                              \
        .name = text, .kind = type, .offset = offsetof(libxl_device_##device, field), __VA_ARGS__  \
    }

/* What xend wanted there, and old configurations still have; SDL has a name of its own */
static int vfb_type(void *device, const char *value)
{
    (void)device;
    return strcmp(value, "vnc") ? ERROR_INVAL : 0;
}

static const struct part vfb_parts[] = {
    { .name = "type", .set = vfb_type, .value = "vnc", .help = "It is VNC in any case." },
    PART(vfb, "vnc", FIELD_DEFBOOL, vnc.enable, .value = "BOOLEAN", .help = "Show it by VNC."),
    PART(vfb, "vnclisten", FIELD_TEXT, vnc.listen, .value = "ADDRESS[:DISPLAY]",
         .help = "Where VNC listens."),
    PART(vfb, "vncpasswd", FIELD_TEXT, vnc.passwd, .value = "TEXT", .help = "The password."),
    PART(vfb, "vncdisplay", FIELD_INT, vnc.display, .value = "NUMBER",
         .help = "The port, minus 5900."),
    PART(vfb, "vncunused", FIELD_DEFBOOL, vnc.findunused, .value = "BOOLEAN",
         .help = "Take any free port."),
    PART(vfb, "keymap", FIELD_TEXT, keymap, .value = "LANG", .help = "The keyboard's language."),
    PART(vfb, "sdl", FIELD_DEFBOOL, sdl.enable, .value = "BOOLEAN",
         .help = "Show it in a window of X."),
    PART(vfb, "opengl", FIELD_DEFBOOL, sdl.opengl, .value = "BOOLEAN", .help = "With OpenGL."),
    PART(vfb, "display", FIELD_TEXT, sdl.display, .value = "TEXT", .help = "The display of X."),
    PART(vfb, "xauthority", FIELD_TEXT, sdl.xauthority, .value = "FILE",
         .help = "Its authority file."),
};

static const struct choice vkb_backends[] = {
    { "qemu", LIBXL_VKB_BACKEND_QEMU },
    { "linux", LIBXL_VKB_BACKEND_LINUX },
    { NULL, 0 },
};

static const struct part vkb_parts[] = {
    PART(vkb, "unique-id", FIELD_TEXT, unique_id, .value = "TEXT",
         .help = "Its name for the guest."),
    PART(vkb, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
    PART(vkb, "backend-type", FIELD_CHOICE, backend_type, .choices = vkb_backends, .value = "TYPE",
         .help = "What serves it: qemu or linux."),
    PART(vkb, "feature-disable-keyboard", FIELD_BOOL, feature_disable_keyboard, .value = "BOOLEAN",
         .help = "No keys."),
    PART(vkb, "feature-disable-pointer", FIELD_BOOL, feature_disable_pointer, .value = "BOOLEAN",
         .help = "No pointer."),
    PART(vkb, "feature-abs-pointer", FIELD_BOOL, feature_abs_pointer, .value = "BOOLEAN",
         .help = "A pointer that tells places, not moves."),
    PART(vkb, "feature-raw-pointer", FIELD_BOOL, feature_raw_pointer, .value = "BOOLEAN",
         .help = "Places that are not scaled."),
    PART(vkb, "feature-multi-touch", FIELD_BOOL, feature_multi_touch, .value = "BOOLEAN",
         .help = "Several fingers."),
    PART(vkb, "width", FIELD_U32, width, .value = "NUMBER", .help = "Of the pointer's field."),
    PART(vkb, "height", FIELD_U32, height, .value = "NUMBER", .help = "Of the pointer's field."),
    PART(vkb, "multi-touch-width", FIELD_U32, multi_touch_width, .value = "NUMBER",
         .help = "Of the fingers' field."),
    PART(vkb, "multi-touch-height", FIELD_U32, multi_touch_height, .value = "NUMBER",
         .help = "Of the fingers' field."),
    PART(vkb, "multi-touch-num-contacts", FIELD_U32, multi_touch_num_contacts, .value = "NUMBER",
         .help = "How many fingers."),
};

/* "id:WIDTHxHEIGHT;..." */
static int vdispl_connectors(void *device, const char *value)
{
    libxl_device_vdispl *display = device;

    for (char **text = split(value, ';'); *text; text++) {
        libxl_connector_param *connector;
        char *size = strrchr(*text, ':');
        int end = -1;

        display->connectors =
            grown(display->connectors, display->num_connectors, sizeof(*display->connectors));
        connector = &display->connectors[display->num_connectors++];
        libxl_connector_param_init(connector);
        if (!size ||
            sscanf(size + 1, "%ux%u%n", &connector->width, &connector->height, &end) != 2 ||
            size[1 + end])
            return ERROR_INVAL;
        *size = 0;
        connector->unique_id = need(strdup(*text));
    }
    return 0;
}

static const struct part vdispl_parts[] = {
    PART(vdispl, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
    PART(vdispl, "be-alloc", FIELD_BOOL, be_alloc, .value = "BOOLEAN",
         .help = "That domain allocates the buffers."),
    { .name = "connectors",
      .set = vdispl_connectors,
      .value = "ID:WxH[;ID:WxH]...",
      .help = "The screens." },
};

/* ---- the rest */
static const struct part vtpm_parts[] = {
    PART(vtpm, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it; needed."),
    PART(vtpm, "uuid", FIELD_UUID, uuid, .value = "UUID", .help = "Which TPM it is."),
};

static const struct part p9_parts[] = {
    PART(p9, "tag", FIELD_TEXT, tag, .value = "TEXT", .help = "Its name for the guest; needed."),
    PART(p9, "security_model", FIELD_TEXT, security_model, .value = "TEXT",
         .help = "none; needed."),
    PART(p9, "path", FIELD_TEXT, path, .value = "FOLDER", .help = "What is shared; needed."),
    PART(p9, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
};

static const struct part pvcalls_parts[] = {
    PART(pvcallsif, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
};

/* connection_set: once; path=, which is a socket's, may stand before connection= */
static int connection_set(libxl_device_channel *channel, libxl_channel_connection connection)
{
    if (channel->connection == LIBXL_CHANNEL_CONNECTION_UNKNOWN)
        libxl_device_channel_init_connection(channel, connection);
    return channel->connection == connection ? 0 : ERROR_INVAL;
}

static int channel_connection(void *device, const char *value)
{
    bool pty = !strcmp(value, "pty");

    if (!pty && strcmp(value, "socket"))
        return ERROR_INVAL;
    return connection_set(device,
                          pty ? LIBXL_CHANNEL_CONNECTION_PTY : LIBXL_CHANNEL_CONNECTION_SOCKET);
}

static int channel_path(void *device, const char *value)
{
    libxl_device_channel *channel = device;

    if (connection_set(channel, LIBXL_CHANNEL_CONNECTION_SOCKET))
        return ERROR_INVAL;
    free(channel->u.socket.path);
    channel->u.socket.path = need(strdup(value));
    return 0;
}

static const struct part channel_parts[] = {
    PART(channel, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
    PART(channel, "name", FIELD_TEXT, name, .value = "TEXT",
         .help = "Its name for the guest; needed."),
    { .name = "connection",
      .set = channel_connection,
      .value = "KIND",
      .help = "pty, or socket; needed." },
    { .name = "path", .set = channel_path, .value = "FILE", .help = "Of the socket." },
};

static const struct choice usbctrl_types[] = {
    { "auto", LIBXL_USBCTRL_TYPE_AUTO },
    { "pv", LIBXL_USBCTRL_TYPE_PV },
    { "devicemodel", LIBXL_USBCTRL_TYPE_DEVICEMODEL },
    { "qusb", LIBXL_USBCTRL_TYPE_QUSB },
    { NULL, 0 },
};

static const struct part usbctrl_parts[] = {
    PART(usbctrl, "type", FIELD_CHOICE, type, .choices = usbctrl_types, .value = "TYPE",
         .help = "Who serves it."),
    PART(usbctrl, "version", FIELD_INT, version, .value = "NUMBER", .help = "Of USB: 1, 2 or 3."),
    PART(usbctrl, "ports", FIELD_INT, ports, .value = "NUMBER",
         .help = "How many devices it can have."),
    PART(usbctrl, "backend", FIELD_TEXT, backend_domname, .value = "DOMAIN",
         .help = "The domain that serves it."),
};

static const struct choice usbdev_types[] = { { "hostdev", LIBXL_USBDEV_TYPE_HOSTDEV },
                                              { NULL, 0 } };

static int usb_number(const char *value, uint8_t *number)
{
    unsigned long long n;

    if (!number_parse(value, 10, 255, &n))
        return ERROR_INVAL;
    *number = (uint8_t)n;
    return 0;
}

static int usbdev_hostbus(void *device, const char *value)
{
    return usb_number(value, &((libxl_device_usbdev *)device)->u.hostdev.hostbus);
}

static int usbdev_hostaddr(void *device, const char *value)
{
    return usb_number(value, &((libxl_device_usbdev *)device)->u.hostdev.hostaddr);
}

static const struct part usbdev_parts[] = {
    PART(usbdev, "type", FIELD_CHOICE, type, .choices = usbdev_types, .value = "TYPE",
         .help = "hostdev: a device of the host."),
    { .name = "hostbus",
      .set = usbdev_hostbus,
      .value = "NUMBER",
      .help = "Its bus on the host; needed." },
    { .name = "hostaddr",
      .set = usbdev_hostaddr,
      .value = "NUMBER",
      .help = "Its address on the host; needed." },
    PART(usbdev, "controller", FIELD_INT, ctrl, .value = "NUMBER",
         .help = "The guest's controller."),
    PART(usbdev, "port", FIELD_INT, port, .value = "NUMBER", .help = "The port there."),
};

static const struct choice rdm_strategies[] = {
    { "host", LIBXL_RDM_RESERVE_STRATEGY_HOST },
    { NULL, 0 },
};

static const struct choice rdm_policies[] = {
    { "strict", LIBXL_RDM_RESERVE_POLICY_STRICT },
    { "relaxed", LIBXL_RDM_RESERVE_POLICY_RELAXED },
    { NULL, 0 },
};

static const struct part rdm_parts[] = {
    { "strategy", FIELD_CHOICE, offsetof(libxl_rdm_reserve, strategy), rdm_strategies, NULL, "WORD",
      "host: all memory that devices of the host reserve." },
    { "policy", FIELD_CHOICE, offsetof(libxl_rdm_reserve, policy), rdm_policies, NULL, "WORD",
      "What a conflict is: strict, an error; relaxed, a warning." },
};

#define LANGUAGE(name, rows)                                                                       \
    {                                                                                              \
        name, rows, (int)ARRAY_LENGTH(rows)                                                        \
    }

const struct language nic_language = LANGUAGE("vif", nic_parts);
const struct language vfb_language = LANGUAGE("vfb", vfb_parts);
const struct language vtpm_language = LANGUAGE("vtpm", vtpm_parts);
const struct language p9_language = LANGUAGE("p9", p9_parts);
const struct language pvcalls_language = LANGUAGE("pvcalls", pvcalls_parts);
const struct language channel_language = LANGUAGE("channel", channel_parts);
const struct language usbctrl_language = LANGUAGE("usbctrl", usbctrl_parts);
const struct language usbdev_language = LANGUAGE("usbdev", usbdev_parts);
const struct language vdispl_language = LANGUAGE("vdispl", vdispl_parts);
const struct language vkb_language = LANGUAGE("vkb", vkb_parts);
const struct language rdm_language = LANGUAGE("rdm", rdm_parts);
const struct language *const languages[] = {
    &nic_language,     &vfb_language,    &vkb_language,     &vdispl_language,
    &vtpm_language,    &p9_language,     &pvcalls_language, &channel_language,
    &usbctrl_language, &usbdev_language, &rdm_language,     NULL,
};
