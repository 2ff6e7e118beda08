/*
 * PCI devices of the host for guests: pci-attach, pci-detach, pci-list, pci-assignable-*.
 */
#include "commands.h"
#include "device.h"

#define BDF       "%04x:%02x:%02x.%01x"
#define BDF_OF(p) (unsigned int)(p)->domain, (p)->bus, (p)->dev, (p)->func

static void spec_read(const char *command, const char *text, libxl_device_pci *pci)
{
    XLU_Config *config = need(xlu_cfg_init(stderr, "command line"));

    libxl_device_pci_init(pci);
    if (xlu_pci_parse_spec_string(config, pci, text))
        fatal("%s: malformed PCI_SPEC_STRING \"%s\"; see xl-pci-configuration(5)", command, text);
    xlu_cfg_destroy(config);
}

int run_pci_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_pci pci;

    spec_read("pci-attach", args->words[1], &pci);
    return status_of(libxl_device_pci_add(xl.ctx, domid, &pci, NULL));
}

int run_pci_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_pci pci;

    spec_read("pci-detach", args->words[1], &pci);
    if (args_has(args, 'f'))
        return status_of(libxl_device_pci_destroy(xl.ctx, domid, &pci, NULL));
    return status_of(libxl_device_pci_remove(xl.ctx, domid, &pci, NULL));
}

int run_pci_list(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    int count;
    libxl_device_pci *list = libxl_device_pci_list(xl.ctx, domid, &count);
    struct listing *l = listing_start(args);

    if (list)
        listing_heading(l, "Vdev Device\n");
    for (int i = 0; list && i < count; i++) {
        listing_row(l);
        cell_text(l, "vdev", "%02x.%01x", (list[i].vdevfn >> 3) & 0x1f, list[i].vdevfn & 7);
        cell_text(l, "device", " " BDF, BDF_OF(&list[i]));
        listing_row_end(l);
    }
    listing_end(l);
    if (list)
        libxl_device_pci_list_free(list, count);
    return EXIT_SUCCESS;
}

/* ---- devices that are kept for guests */
static bool bdf_read(const char *text, libxl_device_pci *pci)
{
    XLU_Config *config = need(xlu_cfg_init(stderr, "command line"));
    int rc;

    libxl_device_pci_init(pci);
    rc = xlu_pci_parse_bdf(config, pci, text);
    xlu_cfg_destroy(config);
    return !rc;
}

int run_pci_assignable_add(const struct args *args)
{
    const char *name = args_value(args, 'n');
    libxl_device_pci pci;

    if (!bdf_read(args->words[0], &pci))
        fatal("pci-assignable-add: malformed BDF \"%s\"; it is like 0000:01:00.0", args->words[0]);
    if (name)
        pci.name = need(strdup(name));
    return status_of(libxl_device_pci_assignable_add(xl.ctx, &pci, 1));
}

/* The device that was given a name */
static bool named(const char *name, libxl_device_pci *pci)
{
    int count;
    libxl_device_pci *list = libxl_device_pci_assignable_list(xl.ctx, &count);
    bool found = false;

    for (int i = 0; list && i < count && !found; i++) {
        found = list[i].name && !strcmp(list[i].name, name);
        if (found)
            libxl_device_pci_copy(xl.ctx, pci, &list[i]);
    }
    if (list)
        libxl_device_pci_assignable_list_free(list, count);
    return found;
}

int run_pci_assignable_remove(const struct args *args)
{
    libxl_device_pci pci;

    libxl_device_pci_init(&pci);
    if (!named(args->words[0], &pci) && !bdf_read(args->words[0], &pci))
        fatal(
            "pci-assignable-remove: malformed BDF '%s'; 'xl pci-assignable-list -n' shows what there is",
            args->words[0]);
    return status_of(libxl_device_pci_assignable_remove(xl.ctx, &pci, args_has(args, 'r')));
}

int run_pci_assignable_list(const struct args *args)
{
    int count;
    libxl_device_pci *list = libxl_device_pci_assignable_list(xl.ctx, &count);
    struct listing *l = listing_start(args);

    for (int i = 0; list && i < count; i++) {
        listing_row(l);
        cell_text(l, "device", BDF, BDF_OF(&list[i]));
        cell_plain(l, " ");
        if (args_has(args, 'n'))
            cell_text(l, "name", "%s", list[i].name ? list[i].name : "");
        listing_row_end(l);
    }
    listing_end(l);
    if (list)
        libxl_device_pci_assignable_list_free(list, count);
    return EXIT_SUCCESS;
}
