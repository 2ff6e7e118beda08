/*
 * Network cards: network-attach, network-list, network-detach.
 */
#include "commands.h"
#include "device.h"

int run_network_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_nic nic;

    libxl_device_nic_init(&nic);
    nic_defaults(&nic);
    device_read(args, &nic_language, &nic);
    if (xl.dry_run)
        return device_show("vif", libxl_device_nic_to_json(xl.ctx, &nic));
    if (libxl_device_nic_add(xl.ctx, domid, &nic, NULL))
        fatal("libxl_device_nic_add failed.");
    libxl_device_nic_dispose(&nic);
    return EXIT_SUCCESS;
}

static void nic_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_nic *nics = libxl_device_nic_list(xl.ctx, domid, &count);

    for (int i = 0; nics && i < count; i++) {
        libxl_nicinfo info;

        if (libxl_device_nic_getinfo(xl.ctx, domid, &nics[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        cells_backend(l, info.devid, info.backend_id);
        cell_text(l, "mac", " " LIBXL_MAC_FMT, LIBXL_MAC_BYTES(nics[i].mac));
        cell_number(l, "handle", "%6d", info.devid);
        cell_number(l, "state", " %5d", info.state);
        cell_number(l, "event_channel", " %6d", info.evtch);
        cell_number(l, "tx_ring_ref", " %5d", info.rref_tx);
        cell_plain(l, "/");
        cell_number(l, "rx_ring_ref", "%-11d", info.rref_rx);
        cell_text(l, "backend_path", " %-30s", info.backend);
        listing_row_end(l);
        libxl_nicinfo_dispose(&info);
    }
    if (nics)
        libxl_device_nic_list_free(nics, count);
}

int run_network_list(const struct args *args)
{
    return device_list(args,
                       text_of("%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-5s %-30s", "Idx", "BE",
                               "Mac Addr.", "handle", "state", "evt-ch", "tx-", "rx-ring-ref",
                               "BE-path"),
                       nic_rows);
}

int run_network_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    const char *which = args->words[1];
    libxl_device_nic nic;
    int rc;

    libxl_device_nic_init(&nic);
    if (strchr(which, ':'))
        rc = libxl_mac_to_device_nic(xl.ctx, domid, which, &nic);
    else
        rc = libxl_devid_to_device_nic(xl.ctx, domid, device_number(which), &nic);
    if (rc)
        fatal("Unknown device %s.", which);
    if (libxl_device_nic_remove(xl.ctx, domid, &nic, NULL))
        fatal("libxl_device_nic_del failed.");
    libxl_device_nic_dispose(&nic);
    return EXIT_SUCCESS;
}
