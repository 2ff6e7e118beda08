/*
 * USB controllers and devices of guests: usbctrl-*, usbdev-*, usb-list.
 */
#include "commands.h"
#include "device.h"

int run_usbctrl_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_usbctrl controller;

    libxl_device_usbctrl_init(&controller);
    device_read(args, &usbctrl_language, &controller);
    if (xl.dry_run)
        return device_show("usbctrl", libxl_device_usbctrl_to_json(xl.ctx, &controller));
    if (libxl_device_usbctrl_add(xl.ctx, domid, &controller, NULL))
        fatal("libxl_device_usbctrl_add failed.");
    return EXIT_SUCCESS;
}

int run_usbctrl_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_usbctrl controller;

    libxl_device_usbctrl_init(&controller);
    if (libxl_devid_to_device_usbctrl(xl.ctx, domid, device_number(args->words[1]), &controller))
        fatal("Unknown device %s.", args->words[1]);
    if (libxl_device_usbctrl_remove(xl.ctx, domid, &controller, NULL))
        fatal("libxl_device_usbctrl_remove failed.");
    return EXIT_SUCCESS;
}

int run_usbdev_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_usbdev device;

    libxl_device_usbdev_init(&device);
    libxl_device_usbdev_init_type(&device, LIBXL_USBDEV_TYPE_HOSTDEV);
    device_read(args, &usbdev_language, &device);
    if (xl.dry_run)
        return device_show("usbdev", libxl_device_usbdev_to_json(xl.ctx, &device));
    if (libxl_device_usbdev_add(xl.ctx, domid, &device, NULL))
        fatal("libxl_device_usbdev_add failed.");
    return EXIT_SUCCESS;
}

int run_usbdev_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    const char *ctrl = value_of(args->words[1], "controller"),
               *port = value_of(args->words[2], "port");
    int nctrl = device_number(ctrl ? ctrl : args->words[1]);
    int nport = device_number(port ? port : args->words[2]);
    libxl_device_usbdev device;

    libxl_device_usbdev_init(&device);
    if (libxl_ctrlport_to_device_usbdev(xl.ctx, domid, nctrl, nport, &device))
        fatal("Unknown device at controller %d port %d.", nctrl, nport);
    if (libxl_device_usbdev_remove(xl.ctx, domid, &device, NULL))
        fatal("libxl_device_usbdev_remove failed.");
    return EXIT_SUCCESS;
}

/* The ports of a controller, with what is at them */
static void port_rows(struct listing *l, const libxl_usbctrlinfo *info,
                      const libxl_device_usbdev *devices, int count)
{
    listing_rows(l, "devices");
    for (int port = 1; port <= info->ports; port++) {
        const libxl_device_usbdev *device = NULL;

        for (int i = 0; i < count; i++) {
            if (devices[i].ctrl == info->devid && devices[i].port == port)
                device = &devices[i];
        }
        cell_plain(l, "  Port %d:%s", port, device ? "" : "\n");
        if (!device)
            continue;
        listing_row(l);
        cell_hidden(l, "port", port);
        cell_plain(l, " Bus %03x Device %03x", device->u.hostdev.hostbus,
                   device->u.hostdev.hostaddr);
        cell_hidden(l, "bus", device->u.hostdev.hostbus);
        cell_hidden(l, "device", device->u.hostdev.hostaddr);
        listing_row_end(l);
    }
    listing_rows_end(l);
}

int run_usb_list(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    int nctrls, ndevices;
    libxl_device_usbctrl *ctrls = libxl_device_usbctrl_list(xl.ctx, domid, &nctrls);
    libxl_device_usbdev *devices = libxl_device_usbdev_list(xl.ctx, domid, &ndevices);
    struct listing *l = listing_start(args);

    for (int i = 0; ctrls && i < nctrls; i++) {
        libxl_usbctrlinfo info;

        libxl_usbctrlinfo_init(&info);
        if (libxl_device_usbctrl_getinfo(xl.ctx, domid, &ctrls[i], &info))
            continue;
        listing_heading(l, "%-6s %-12s %-3s %-5s %-7s %-5s\n", "Devid", "Type", "BE", "state",
                        "usb-ver", "ports");
        listing_row(l);
        cell_number(l, "devid", "%-6d", info.devid);
        cell_text(l, "type", " %-12s", libxl_usbctrl_type_to_string(info.type));
        cell_number(l, "backend", " %-3u", info.backend_id);
        cell_number(l, "state", " %-5d", info.state);
        cell_number(l, "version", " %-7d", info.version);
        cell_number(l, "ports", " %-5d", info.ports);
        cell_plain(l, "\n");
        port_rows(l, &info, devices, devices ? ndevices : 0);
        listing_lines_end(l);
        libxl_usbctrlinfo_dispose(&info);
    }
    listing_end(l);
    if (ctrls)
        libxl_device_usbctrl_list_free(ctrls, nctrls);
    if (devices)
        libxl_device_usbdev_list_free(devices, ndevices);
    return EXIT_SUCCESS;
}
