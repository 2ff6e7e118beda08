/*
 * Channels, trusted platform modules, keyboards: channel-list, vtpm-*, vkb-*.
 */
#include "commands.h"
#include "device.h"

/* ---- channels */
static void channel_cells(struct listing *l, const libxl_channelinfo *info)
{
    const char *path = NULL;

    cell_text(l, "connection", " %-10s", libxl_channel_connection_to_string(info->connection));
    if (info->connection == LIBXL_CHANNEL_CONNECTION_PTY)
        path = info->u.pty.path;
    cell_text(l, "path", " %-30s", path ? path : "");
}

static void channel_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_channel *channels = libxl_device_channel_list(xl.ctx, domid, &count);

    for (int i = 0; channels && i < count; i++) {
        libxl_channelinfo info;

        libxl_channelinfo_init(&info);
        if (libxl_device_channel_getinfo(xl.ctx, domid, &channels[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        cells_backend(l, info.devid, info.backend_id);
        cell_number(l, "state", " %-5d", info.state);
        cell_number(l, "event_channel", " %-6d", info.evtch);
        cell_number(l, "ring_ref", " %-8d", info.rref);
        channel_cells(l, &info);
        listing_row_end(l);
        libxl_channelinfo_dispose(&info);
    }
}

int run_channel_list(const struct args *args)
{
    return device_list(args,
                       text_of("%-3s %-2s %-5s %-6s %8s %-10s %-30s", "Idx", "BE", "state",
                               "evt-ch", "ring-ref", "connection", ""),
                       channel_rows);
}

/* ---- trusted platform modules */
int run_vtpm_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_vtpm vtpm;

    libxl_device_vtpm_init(&vtpm);
    device_read(args, &vtpm_language, &vtpm);
    if (xl.dry_run)
        return device_show("vtpm", libxl_device_vtpm_to_json(xl.ctx, &vtpm));
    if (libxl_device_vtpm_add(xl.ctx, domid, &vtpm, NULL))
        fatal("libxl_device_vtpm_add failed.");
    return EXIT_SUCCESS;
}

static void vtpm_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_vtpm *vtpms = libxl_device_vtpm_list(xl.ctx, domid, &count);

    for (int i = 0; vtpms && i < count; i++) {
        libxl_vtpminfo info;
        char uuid[37];

        libxl_vtpminfo_init(&info);
        if (libxl_device_vtpm_getinfo(xl.ctx, domid, &vtpms[i], &info))
            continue;
        uuid_print(uuid, &info.uuid);
        listing_row(l);
        cell_hidden(l, "domid", domid);
        cells_backend(l, info.devid, info.backend_id);
        cell_text(l, "uuid", " %s", uuid);
        cell_number(l, "handle", " %6d", info.devid);
        cell_number(l, "state", " %5d", info.state);
        cell_number(l, "event_channel", " %6d", info.evtch);
        cell_number(l, "ring_ref", " %8d", info.rref);
        cell_text(l, "backend_path", " %-30s", info.backend);
        listing_row_end(l);
        libxl_vtpminfo_dispose(&info);
    }
    if (vtpms)
        libxl_device_vtpm_list_free(vtpms, count);
}

int run_vtpm_list(const struct args *args)
{
    return device_list(args,
                       text_of("%-3s %-2s %-36s %-6s %-5s %-6s %-5s %-10s", "Idx", "BE", "Uuid",
                               "handle", "state", "evt-ch", "ring-ref", "BE-path"),
                       vtpm_rows);
}

int run_vtpm_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    const char *which = args->words[1];
    libxl_device_vtpm vtpm;
    libxl_uuid uuid;
    int rc;

    libxl_device_vtpm_init(&vtpm);
    if (!libxl_uuid_from_string(&uuid, which))
        rc = libxl_uuid_to_device_vtpm(xl.ctx, domid, &uuid, &vtpm);
    else
        rc = libxl_devid_to_device_vtpm(xl.ctx, domid, device_number(which), &vtpm);
    if (rc)
        fatal("Unknown device %s.", which);
    if (libxl_device_vtpm_remove(xl.ctx, domid, &vtpm, NULL))
        fatal("libxl_device_vtpm_remove failed.");
    return EXIT_SUCCESS;
}

/* ---- keyboards */
int run_vkb_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_vkb vkb;

    libxl_device_vkb_init(&vkb);
    device_read(args, &vkb_language, &vkb);
    if (vkb_check(&vkb))
        return EXIT_FAILURE;
    if (xl.dry_run)
        return device_show("vkb", libxl_device_vkb_to_json(xl.ctx, &vkb));
    if (libxl_device_vkb_add(xl.ctx, domid, &vkb, NULL))
        fatal("libxl_device_vkb_add failed.");
    return EXIT_SUCCESS;
}

static void vkb_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_vkb *vkbs = libxl_device_vkb_list(xl.ctx, domid, &count);

    for (int i = 0; vkbs && i < count; i++) {
        libxl_vkbinfo info;

        libxl_vkbinfo_init(&info);
        if (libxl_device_vkb_getinfo(xl.ctx, domid, &vkbs[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        cells_backend(l, info.devid, info.backend_id);
        cell_number(l, "handle", " %6d", info.devid);
        cell_number(l, "state", " %5d", info.state);
        cell_number(l, "event_channel", " %6d", info.evtch);
        cell_number(l, "ring_ref", " %6d", info.rref);
        cell_text(l, "backend_type", " %-10s", libxl_vkb_backend_to_string(vkbs[i].backend_type));
        cell_text(l, "backend_path", " %-10s", info.backend);
        cell_text(l, "unique_id", " %-30s", vkbs[i].unique_id ? vkbs[i].unique_id : "");
        listing_row_end(l);
        libxl_vkbinfo_dispose(&info);
    }
    if (vkbs)
        libxl_device_vkb_list_free(vkbs, count);
}

int run_vkb_list(const struct args *args)
{
    return device_list(args,
                       text_of("%-3s %-2s %-6s %-5s %-6s %6s %-10s %-10s %-30s", "Idx", "BE",
                               "handle", "state", "evt-ch", "ref", "ID", "BE-type", "BE-path"),
                       vkb_rows);
}

int run_vkb_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_vkb vkb;

    libxl_device_vkb_init(&vkb);
    if (libxl_devid_to_device_vkb(xl.ctx, domid, device_number(args->words[1]), &vkb))
        fatal("Error: Device %s not connected.", args->words[1]);
    if (libxl_device_vkb_remove(xl.ctx, domid, &vkb, NULL))
        fatal("libxl_device_vkb_remove failed.");
    return EXIT_SUCCESS;
}
