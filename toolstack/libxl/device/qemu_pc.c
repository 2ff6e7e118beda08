/*
 * The PC that qemu is for an HVM domain: its screen, kernel, card of graphics, disks and network
 * cards as words of the command line. Its own drivers for Xen replace emulated disks and cards,
 * once the guest has them; both are the same disk or card, so a guest uses one of them. Called by
 * qemu_args.c; changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "libxl/device/device.h"
#include "libxl/device/qemu.h"

#define IDE_DISKS    4u /* that the controller has: xvda-xvdd and hda-hdd */
#define DEFAULT_BOOT "cda"
#define KB_PER_MB    1024u

/* A comma in a value is written twice */
static char *quoted(struct op *op, const char *text)
{
    char *out = op_alloc(op, 2 * strlen(text) + 1), *p = out;

    for (; *text; text++) {
        if (*text == ',')
            *p++ = ',';
        *p++ = *text;
    }
    *p = '\0';
    return out;
}

static void add_screen(struct words *w, const libxl_domain_build_info *b)
{
    const char *video = op_printf(w->op, "%llu", (unsigned long long)b->video_memkb / KB_PER_MB);

    words_display(w, &b->u.hvm.vnc, &b->u.hvm.sdl, b->u.hvm.keymap);
    if (libxl_defbool_val(b->u.hvm.nographic))
        word_add(w, "-nographic");
    if (b->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_NONE)
        return;
    word_pair(w, "-device",
              op_printf(w->op, "%s,vgamem_mb=%s",
                        b->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_STD ? "VGA" : "cirrus-vga",
                        video));
}

static void add_kernel(struct words *w, const libxl_domain_build_info *b)
{
    if (!b->kernel)
        return;
    word_pair(w, "-kernel", b->kernel);
    if (b->ramdisk)
        word_pair(w, "-initrd", b->ramdisk);
    if (b->cmdline)
        word_pair(w, "-append", b->cmdline);
}

static void add_serial(struct words *w, const libxl_domain_build_info *b)
{
    if (b->u.hvm.serial)
        word_pair(w, "-serial", b->u.hvm.serial);
    for (int i = 0; b->u.hvm.serial_list && b->u.hvm.serial_list[i]; i++)
        word_pair(w, "-serial", b->u.hvm.serial_list[i]);
}

static void add_processors(struct words *w, const libxl_domain_build_info *b)
{
    if (b->max_vcpus > 1)
        word_pair(w, "-smp",
                  op_printf(w->op, "%d,maxcpus=%d", libxl_bitmap_count_set(&b->avail_vcpus),
                            b->max_vcpus));
}

/* Formats as qemu calls them */
static const char *const formats[] = {
    [LIBXL_DISK_FORMAT_RAW] = "raw",     [LIBXL_DISK_FORMAT_QCOW] = "qcow",
    [LIBXL_DISK_FORMAT_QCOW2] = "qcow2", [LIBXL_DISK_FORMAT_VHD] = "vpc",
    [LIBXL_DISK_FORMAT_QED] = "qed",
};

static void add_disk(struct words *w, const libxl_device_disk *disk)
{
    struct op *op = w->op;
    unsigned int place, partition;
    int number = vdev_number(disk->vdev, &place, &partition);
    bool empty = disk->format == LIBXL_DISK_FORMAT_EMPTY;
    const char *file = empty ? "" : op_printf(op, ",file=%s", quoted(op, disk->pdev_path));
    const char *format = empty ? "" : op_printf(op, ",format=%s", formats[disk->format]);

    if (place >= IDE_DISKS || partition || disk->backend_domid != DOM0 || disk->script) {
        op_log(op, XTL_DEBUG, 0, "Disk %s is only there for drivers for Xen", disk->vdev);
        return;
    }
    if (disk->is_cdrom)
        word_pair(w, "-drive",
                  op_printf(op, "if=ide,index=%u,readonly=on,media=cdrom,id=ide-%d%s%s", place,
                            number, file, format));
    else
        word_pair(w, "-drive",
                  op_printf(op, "if=ide,index=%u,media=disk,cache=writeback%s%s%s", place, file,
                            format, disk->readwrite ? "" : ",readonly=on"));
}

static void add_card(struct words *w, uint32_t domid, const libxl_device_nic *nic)
{
    struct op *op = w->op;

    if (nic->nictype != LIBXL_NIC_TYPE_VIF_IOEMU)
        return;
    word_pair(w, "-device",
              op_printf(op, "%s,id=nic%d,netdev=net%d,mac=" LIBXL_MAC_FMT, nic->model, nic->devid,
                        nic->devid, LIBXL_MAC_BYTES(nic->mac)));
    word_pair(w, "-netdev",
              op_printf(op, "type=tap,id=net%d,ifname=%s,br=%s,script=no,downscript=no", nic->devid,
                        nic_tap(op, domid, nic), nic->bridge ? nic->bridge : "xenbr0"));
}

/* Emulated cards, or the word for none: without, qemu makes one of its own */
static void add_cards(struct words *w, uint32_t domid, const libxl_domain_config *config)
{
    size_t before = w->count;

    for (int i = 0; i < config->num_nics; i++)
        add_card(w, domid, &config->nics[i]);
    if (w->count == before)
        word_pair(w, "-net", "none");
}

void words_pc(struct words *w, uint32_t domid, const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    add_screen(w, b);
    add_kernel(w, b);
    add_serial(w, b);
    word_pair(w, "-boot",
              op_printf(w->op, "order=%s", b->u.hvm.boot ? b->u.hvm.boot : DEFAULT_BOOT));
    add_processors(w, b);
    add_cards(w, domid, config);
    words_channels(w, config);
    word_pair(w, "-machine",
              libxl_defbool_val(b->u.hvm.xen_platform_pci) ? "xenfv,suppress-vmdesc=on"
                                                           : "pc,accel=xen,suppress-vmdesc=on");
    words_list(w, b->extra);
    words_list(w, b->extra_hvm);
    word_pair(
        w, "-m",
        op_printf(w->op, "%llu", (unsigned long long)(b->max_memkb - b->video_memkb) / KB_PER_MB));
    for (int i = 0; i < config->num_disks; i++)
        add_disk(w, &config->disks[i]);
}
