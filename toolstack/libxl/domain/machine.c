/*
 * The machine that an HVM or PVH guest sees: what the configuration leaves open of an HVM guest's,
 * what cannot be had, and what the hypervisor is told. A stream does not have these parameters, so
 * they are set for a new domain and for one to be restored alike.
 */
#include <string.h>
#include <unistd.h>

#include "libxl/domain/domain.h"
#include "xc/hvm.h"

#define KB_PER_MB 1024u

/* Debian's packages xen-utils and seabios, then where a Xen of one's own puts them */
static const char *const loaders[] = { "/usr/lib/xen-4.17/boot/hvmloader",
                                       "/usr/lib/xen/boot/hvmloader", NULL };
static const char *const firmwares[] = {
    [LIBXL_BIOS_TYPE_SEABIOS] = "/usr/share/seabios/bios-256k.bin",
    [LIBXL_BIOS_TYPE_OVMF] = "/usr/share/ovmf/OVMF.fd",
};
static const unsigned int video_mb[] = {
    [LIBXL_VGA_INTERFACE_TYPE_CIRRUS] = 8,
    [LIBXL_VGA_INTERFACE_TYPE_STD] = 16,
    [LIBXL_VGA_INTERFACE_TYPE_NONE] = 0,
    [LIBXL_VGA_INTERFACE_TYPE_QXL] = 128,
};

/* ---- defaults ---- */

static int set_screen(struct op *op, libxl_domain_build_info *b)
{
    libxl_vnc_info *vnc = &b->u.hvm.vnc;

    if (b->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_UNKNOWN)
        b->u.hvm.vga.kind = LIBXL_VGA_INTERFACE_TYPE_CIRRUS;
    if (b->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_QXL)
        return op_fail(op, ERROR_NI, 0, "A screen of SPICE (vga=\"qxl\") is not supported");
    if (b->video_memkb == LIBXL_MEMKB_DEFAULT)
        b->video_memkb = (uint64_t)video_mb[b->u.hvm.vga.kind] * KB_PER_MB;
    if (b->video_memkb < (uint64_t)video_mb[b->u.hvm.vga.kind] * KB_PER_MB ||
        b->video_memkb >= b->target_memkb)
        return op_fail(op, ERROR_INVAL, 0,
                       "videoram: this card needs %u MiB at least, and less than the guest has",
                       video_mb[b->u.hvm.vga.kind]);
    libxl_defbool_setdefault(&vnc->enable, true);
    libxl_defbool_setdefault(&vnc->findunused, libxl_defbool_val(vnc->enable));
    if (!vnc->listen)
        vnc->listen = xl_strdup("127.0.0.1");
    libxl_defbool_setdefault(&b->u.hvm.sdl.enable, false);
    libxl_defbool_setdefault(&b->u.hvm.sdl.opengl, false);
    libxl_defbool_setdefault(&b->u.hvm.nographic, false);
    libxl_defbool_setdefault(&b->u.hvm.vkb_device, true);
    return 0;
}

static int set_firmware(struct op *op, libxl_domain_build_info *b)
{
    if (b->u.hvm.bios == LIBXL_BIOS_TYPE_UNKNOWN)
        b->u.hvm.bios = LIBXL_BIOS_TYPE_SEABIOS;
    if (b->u.hvm.bios == LIBXL_BIOS_TYPE_ROMBIOS)
        return op_fail(op, ERROR_INVAL, 0,
                       "bios=\"rombios\" is for the old device model; use seabios");
    if (!b->u.hvm.system_firmware)
        b->u.hvm.system_firmware = xl_strdup(firmwares[b->u.hvm.bios]);
    for (const char *const *l = loaders; *l && !b->u.hvm.firmware; l++)
        if (access(*l, R_OK) == 0)
            b->u.hvm.firmware = xl_strdup(*l);
    if (!b->u.hvm.firmware)
        return op_fail(op, ERROR_INVAL, 0,
                       "An HVM guest needs %s: install the package xen-utils-4.17", loaders[0]);
    return 0;
}

static void set_machine(libxl_domain_build_info *b)
{
    libxl_defbool_setdefault(&b->acpi, true);
    libxl_defbool_setdefault(&b->apic, true);
    libxl_defbool_setdefault(&b->nested_hvm, false);
    libxl_defbool_setdefault(&b->u.hvm.pae, true);
    libxl_defbool_setdefault(&b->u.hvm.nx, true);
    libxl_defbool_setdefault(&b->u.hvm.acpi_s3, true);
    libxl_defbool_setdefault(&b->u.hvm.acpi_s4, true);
    libxl_defbool_setdefault(&b->u.hvm.acpi_laptop_slate, false);
    libxl_defbool_setdefault(&b->u.hvm.viridian, false);
    libxl_defbool_setdefault(&b->u.hvm.hpet, true);
    libxl_defbool_setdefault(&b->u.hvm.vpt_align, true);
    libxl_defbool_setdefault(&b->u.hvm.xen_platform_pci, true);
    libxl_defbool_setdefault(&b->u.hvm.usb, false);
    libxl_defbool_setdefault(&b->u.hvm.spice.enable, false);
    libxl_defbool_setdefault(&b->u.hvm.gfx_passthru, false);
    libxl_defbool_setdefault(&b->u.hvm.altp2m, false);
    if (b->u.hvm.mmio_hole_memkb == LIBXL_MEMKB_DEFAULT)
        b->u.hvm.mmio_hole_memkb = 0;
    if (b->timer_mode == LIBXL_TIMER_MODE_DEFAULT)
        b->timer_mode = LIBXL_TIMER_MODE_NO_DELAY_FOR_MISSED_TICKS;
}

static bool has_any(const libxl_bitmap *map)
{
    return map->size && !libxl_bitmap_is_empty(map);
}

/* What is asked for, and this library does not do */
static const char *missing(const libxl_domain_build_info *b)
{
    static const libxl_ms_vm_genid no_genid;

    if (b->device_model_version == LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL)
        return "The old device model (device_model_version=\"qemu-xen-traditional\")";
    if (libxl_defbool_val(b->device_model_stubdomain))
        return "A device model in a domain of its own (device_model_stubdomain_override)";
    if (libxl_defbool_val(b->dm_restrict) || b->device_model_user)
        return "A device model with fewer rights (dm_restrict, device_model_user)";
    if (libxl_defbool_val(b->u.hvm.spice.enable))
        return "A screen by SPICE (spice)";
    if (libxl_defbool_val(b->u.hvm.gfx_passthru))
        return "A graphics card of the machine (gfx_passthru)";
    if (libxl_defbool_val(b->u.hvm.altp2m))
        return "Alternate page tables (altp2mhvm)";
    if (libxl_defbool_val(b->u.hvm.viridian) || has_any(&b->u.hvm.viridian_enable))
        return "The interfaces of Hyper-V (viridian)";
    if (libxl_defbool_val(b->u.hvm.usb) || b->u.hvm.usbdevice || b->u.hvm.usbdevice_list ||
        b->u.hvm.usbversion)
        return "An emulated USB controller (usb, usbdevice, usbversion)";
    if (b->u.hvm.soundhw)
        return "An emulated sound card (soundhw)";
    if (b->u.hvm.hdtype != LIBXL_HDTYPE_IDE)
        return "Another controller of disks than IDE (hdtype)";
    if (b->u.hvm.vendor_device != LIBXL_VENDOR_DEVICE_NONE)
        return "A vendor's device (vendor_device)";
    if (b->u.hvm.smbios_firmware || b->u.hvm.acpi_firmware)
        return "Tables of one's own (smbios_firmware, acpi_firmware)";
    if (b->u.hvm.timeoffset)
        return "A time offset as text (timeoffset; rtc_timeoffset is there)";
    if (b->u.hvm.rdm.strategy != LIBXL_RDM_RESERVE_STRATEGY_IGNORE)
        return "Reserved memory of devices (rdm)";
    if (memcmp(&b->u.hvm.ms_vm_genid, &no_genid, sizeof(no_genid)))
        return "A generation number (ms_vm_genid)";
    if (!libxl_defbool_val(b->apic) || !libxl_defbool_val(b->u.hvm.pae) ||
        !libxl_defbool_val(b->u.hvm.nx))
        return "A processor without APIC, PAE, or NX (apic, pae, nx; see cpuid)";
    return NULL;
}

int hvm_defaults(struct op *op, libxl_domain_build_info *b)
{
    const char *what;
    int rc;

    set_machine(b);
    what = missing(b);
    if (what)
        return op_fail(op, ERROR_NI, 0, "%s is not supported", what);
    rc = set_screen(op, b);
    return rc ? rc : set_firmware(op, b);
}

/* ---- what the hypervisor is told ---- */

struct param {
    unsigned int index;
    uint64_t value;
    const char *name;
};

static int set_params(struct op *op, uint32_t domid, const struct param *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int err = xc_hvm_set_param(op_xc(op), domid, params[i].index, params[i].value);

        if (err)
            return op_fail(op, ERROR_FAIL, -err, "It cannot have %s=%llu", params[i].name,
                           (unsigned long long)params[i].value);
    }
    return 0;
}

int domain_set_machine(struct op *op, uint32_t domid, const libxl_domain_build_info *b)
{
    const struct param timer = { HVM_PARAM_TIMER_MODE, (uint64_t)b->timer_mode, "timer_mode" };
    int rc;

    if (b->type == LIBXL_DOMAIN_TYPE_PV)
        return 0;
    rc = set_params(op, domid, &timer, 1);
    if (rc || b->type != LIBXL_DOMAIN_TYPE_HVM)
        return rc;
    const struct param pc[] = {
        { HVM_PARAM_HPET_ENABLED, libxl_defbool_val(b->u.hvm.hpet), "hpet" },
        { HVM_PARAM_VPT_ALIGN, libxl_defbool_val(b->u.hvm.vpt_align), "vpt_align" },
        { HVM_PARAM_MCA_CAP, b->u.hvm.mca_caps, "mca_caps" },
    };
    return set_params(op, domid, pc, sizeof(pc) / sizeof(*pc));
}
