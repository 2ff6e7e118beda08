/*
 * Disks: block-attach, block-list, block-detach, cd-insert, cd-eject.
 */
#include <sys/stat.h>
#include "commands.h"
#include "device.h"

static void disk_read(const char *const *words, int count, libxl_device_disk *disk)
{
    XLU_Config *config = need(xlu_cfg_init(stderr, "command line"));

    libxl_device_disk_init(disk);
    if (xlu_disk_parse(config, count, words, disk))
        fatal("that is no description of a disk; see xl-disk-configuration(5)");
    xlu_cfg_destroy(config);
}

int run_block_attach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    libxl_device_disk disk;

    disk_read((const char *const *)args->words + 1, args->count - 1, &disk);
    if (xl.dry_run)
        return device_show("disk", libxl_device_disk_to_json(xl.ctx, &disk));
    if (libxl_device_disk_add(xl.ctx, domid, &disk, NULL))
        fatal("libxl_device_disk_add failed.");
    libxl_device_disk_dispose(&disk);
    return EXIT_SUCCESS;
}

static void disk_rows(struct listing *l, uint32_t domid)
{
    int count;
    libxl_device_disk *disks = libxl_device_disk_list(xl.ctx, domid, &count);

    for (int i = 0; disks && i < count; i++) {
        libxl_diskinfo info;

        if (libxl_device_disk_getinfo(xl.ctx, domid, &disks[i], &info))
            continue;
        listing_row(l);
        cell_hidden(l, "domid", domid);
        cell_number(l, "vdev", "%-5d", info.devid);
        cell_number(l, "backend", " %-3u", info.backend_id);
        cell_number(l, "handle", " %-6u", info.frontend_id);
        cell_number(l, "state", " %-5d", info.state);
        cell_number(l, "event_channel", " %-6d", info.evtch);
        cell_number(l, "ring_ref", " %-8d", info.rref);
        cell_text(l, "backend_path", " %-30s", info.backend);
        listing_row_end(l);
        libxl_diskinfo_dispose(&info);
    }
    if (disks)
        libxl_device_disk_list_free(disks, count);
}

int run_block_list(const struct args *args)
{
    return device_list(args,
                       text_of("%-5s %-3s %-6s %-5s %-6s %-8s %-30s", "Vdev", "BE", "handle",
                               "state", "evt-ch", "ring-ref", "BE-path"),
                       disk_rows);
}

int run_block_detach(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    bool force = args_has(args, 'f');
    libxl_device_disk disk;
    int rc;

    if (libxl_vdev_to_device_disk(xl.ctx, domid, args->words[1], &disk))
        fatal("Error: Device %s not connected.", args->words[1]);
    if (disk.specification == LIBXL_DISK_SPECIFICATION_VIRTIO)
        fatal("Hotunplug isn't supported for specification virtio");
    rc = force ? libxl_device_disk_destroy(xl.ctx, domid, &disk, NULL)
               : libxl_device_disk_safe_remove(xl.ctx, domid, &disk, NULL);
    if (rc)
        error("libxl_device_disk_%s failed.", force ? "destroy" : "safe_remove");
    libxl_device_disk_dispose(&disk);
    return status_of(rc);
}

/* ---- discs; no file ejects the one that is there */
static int change_disc(uint32_t domid, const char *vdev, const char *path)
{
    char *text = text_of("vdev=%s,access=r,devtype=cdrom,target=%s", vdev, path);
    libxl_device_disk disk;
    struct stat st;
    int rc;

    if (*path && strchr(path, '/') && stat(path, &st))
        fatal("Cannot stat file: %s: %m", path);
    disk_read((const char *const[]){ text }, 1, &disk);
    disk.backend_domid = 0;
    rc = libxl_cdrom_insert(xl.ctx, domid, &disk, NULL);
    libxl_device_disk_dispose(&disk);
    free(text);
    return status_of(rc);
}

int run_cd_insert(const struct args *args)
{
    return change_disc(domain_find(args->words[0]), args->words[1], args->words[2]);
}

int run_cd_eject(const struct args *args)
{
    return change_disc(domain_find(args->words[0]), args->words[1], "");
}
