/*
 * Virtual displays and sound cards: vdispl-*, vsnd-*. Their lists have several lines for a device.
 */
#include "commands.h"
#include "device.h"

/* field: "NAME: VALUE", with a comma before all but the first of a line */
static void field(struct listing *l, const char *before, const char *key, long long value)
{
    cell_plain(l, "%s", before);
    cell_number(l, key, "%lld", value);
}

static void field_text(struct listing *l, const char *before, const char *key, const char *value)
{
    cell_plain(l, "%s", before);
    cell_text(l, key, "%s", value ? value : "");
}

/* ---- displays */
int run_vdispl_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_vdispl display;

    libxl_device_vdispl_init(&display);
    device_read(args, &vdispl_language, &display);
    if (!display.num_connectors)
        fatal("At least one connector should be specified. Add connectors=ID:WIDTHxHEIGHT");
    if (xl.dry_run)
        return device_show("vdispl", libxl_device_vdispl_to_json(xl.ctx, &display));
    if (libxl_device_vdispl_add(xl.ctx, domid, &display, NULL))
        fatal("libxl_device_vdispl_add failed.");
    return EXIT_SUCCESS;
}

static void connector_rows(struct listing *l, const libxl_vdisplinfo *info)
{
    listing_rows(l, "connectors");
    for (int i = 0; i < info->num_connectors; i++) {
        const libxl_connectorinfo *c = &info->connectors[i];

        listing_row(l);
        field(l, "\tConnector: ", "connector", i);
        field_text(l, ", id: ", "id", c->unique_id);
        field(l, ", width: ", "width", c->width);
        field(l, ", height: ", "height", c->height);
        field(l, ", req-rref: ", "request_ref", c->req_rref);
        field(l, ", req-evtch: ", "request_channel", c->req_evtch);
        field(l, ", evt-rref: ", "event_ref", c->evt_rref);
        field(l, ", evt-evtch: ", "event_channel", c->evt_evtch);
        listing_row_end(l);
    }
    listing_rows_end(l);
}

static void vdispl_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_vdispl *displays = libxl_device_vdispl_list(xl.ctx, domid, &count);

    for (int i = 0; displays && i < count; i++) {
        libxl_vdisplinfo info;

        libxl_vdisplinfo_init(&info);
        if (libxl_device_vdispl_getinfo(xl.ctx, domid, &displays[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        field(l, "DevId: ", "devid", info.devid);
        field(l, ", BE: ", "backend", info.backend_id);
        field(l, ", handle: ", "handle", info.frontend_id);
        field(l, ", state: ", "state", info.state);
        field(l, ", be-alloc: ", "be_alloc", info.be_alloc);
        field_text(l, ", BE-path: ", "backend_path", info.backend);
        field_text(l, ", FE-path: ", "frontend_path", info.frontend);
        cell_plain(l, "\n");
        connector_rows(l, &info);
        listing_lines_end(l);
        libxl_vdisplinfo_dispose(&info);
    }
    if (displays)
        libxl_device_vdispl_list_free(displays, count);
}

int run_vdispl_list(const struct args *args)
{
    return device_list(args, NULL, vdispl_rows);
}

int run_vdispl_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    int devid = device_number(args->words[1]);
    libxl_device_vdispl display;

    libxl_device_vdispl_init(&display);
    if (libxl_devid_to_device_vdispl(xl.ctx, domid, devid, &display))
        fatal("Error: Device %d not connected.", devid);
    if (libxl_device_vdispl_remove(xl.ctx, domid, &display, NULL))
        fatal("libxl_device_vdispl_remove failed.");
    return EXIT_SUCCESS;
}

/* ---- sound cards */
int run_vsnd_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_vsnd card;

    libxl_device_vsnd_init(&card);
    for (int i = 1; i < args->count; i++) {
        if (vsnd_item(&card, args->words[i]))
            return EXIT_FAILURE;
    }
    if (xl.dry_run)
        return device_show("vsnd", libxl_device_vsnd_to_json(xl.ctx, &card));
    if (libxl_device_vsnd_add(xl.ctx, domid, &card, NULL))
        fatal("libxl_device_vsnd_add failed.");
    return EXIT_SUCCESS;
}

static void stream_row(struct listing *l, int number, const libxl_vsnd_stream *stream,
                       const libxl_streaminfo *info)
{
    listing_row(l);
    field(l, "\t\tstream: ", "stream", number);
    field_text(l, ", unique-id: \"", "id", stream->unique_id);
    field_text(l, "\", type: ", "type", libxl_vsnd_stream_type_to_string(stream->type));
    field(l, "\n\t\t\tevent-channel: ", "event_channel", info->req_evtch);
    field(l, ", ring-ref: ", "ring_ref", info->req_rref);
    listing_row_end(l);
}

static void pcm_rows(struct listing *l, const libxl_device_vsnd *card, const libxl_vsndinfo *info)
{
    listing_rows(l, "pcms");
    for (int i = 0; i < info->num_vsnd_pcms && i < card->num_vsnd_pcms; i++) {
        const libxl_vsnd_pcm *pcm = &card->pcms[i];

        listing_row(l);
        field(l, "\tpcm: ", "pcm", i);
        field_text(l, ", name: \"", "name", pcm->name);
        cell_plain(l, "\"\n");
        listing_rows(l, "streams");
        for (int j = 0; j < pcm->num_vsnd_streams && j < info->pcms[i].num_vsnd_streams; j++)
            stream_row(l, j, &pcm->streams[j], &info->pcms[i].streams[j]);
        listing_rows_end(l);
        listing_lines_end(l);
    }
    listing_rows_end(l);
}

static void vsnd_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_vsnd *cards = libxl_device_vsnd_list(xl.ctx, domid, &count);

    for (int i = 0; cards && i < count; i++) {
        libxl_vsndinfo info;

        libxl_vsndinfo_init(&info);
        if (libxl_device_vsnd_getinfo(xl.ctx, domid, &cards[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        field(l, "devid: ", "devid", info.devid);
        field(l, ", be-domid: ", "backend", info.backend_id);
        field(l, ", handle: ", "handle", info.frontend_id);
        field(l, ", state: ", "state", info.state);
        field_text(l, ", be-path: ", "backend_path", info.backend);
        field_text(l, ", fe-path: ", "frontend_path", info.frontend);
        field_text(l, "\nshort-name: \"", "short_name", cards[i].short_name);
        field_text(l, "\", long-name: \"", "long_name", cards[i].long_name);
        cell_plain(l, "\"\n");
        pcm_rows(l, &cards[i], &info);
        listing_lines_end(l);
        libxl_vsndinfo_dispose(&info);
    }
    if (cards)
        libxl_device_vsnd_list_free(cards, count);
}

int run_vsnd_list(const struct args *args)
{
    return device_list(args, NULL, vsnd_rows);
}

int run_vsnd_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    int devid = device_number(args->words[1]);
    libxl_device_vsnd card;

    libxl_device_vsnd_init(&card);
    if (libxl_devid_to_device_vsnd(xl.ctx, domid, devid, &card))
        fatal("Error: Device %d not connected.", devid);
    if (libxl_device_vsnd_remove(xl.ctx, domid, &card, NULL))
        fatal("libxl_device_vsnd_remove failed.");
    return EXIT_SUCCESS;
}
