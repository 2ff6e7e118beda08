/*
 * Every key of a guest's configuration: where its value goes, for which guests, and what it is for.
 * The rows are applied from the top, so the type is first, and a row may build on those above it.
 * The reference xl.cfg(5) is printed from here.
 */
#include "cfg.h"

#define AT(field)  offsetof(libxl_domain_config, field)
#define B(field)   offsetof(libxl_domain_config, b_info.field)
#define HVM(field) offsetof(libxl_domain_config, b_info.u.hvm.field)

static const struct choice actions[] = {
    { "destroy", LIBXL_ACTION_ON_SHUTDOWN_DESTROY },
    { "restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART },
    { "rename-restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME },
    { "preserve", LIBXL_ACTION_ON_SHUTDOWN_PRESERVE },
    { "coredump-destroy", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY },
    { "coredump-restart", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART },
    { "soft-reset", LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET },
    { NULL, 0 },
};

static const struct choice passthroughs[] = {
    { "default", LIBXL_PASSTHROUGH_DEFAULT },   { "disabled", LIBXL_PASSTHROUGH_DISABLED },
    { "enabled", LIBXL_PASSTHROUGH_ENABLED },   { "sync_pt", LIBXL_PASSTHROUGH_SYNC_PT },
    { "share_pt", LIBXL_PASSTHROUGH_SHARE_PT }, { NULL, 0 },
};

static const struct choice disk_controllers[] = { { "ide", LIBXL_HDTYPE_IDE },
                                                  { "ahci", LIBXL_HDTYPE_AHCI },
                                                  { NULL, 0 } };

static const struct choice vendor_devices[] = {
    { "none", LIBXL_VENDOR_DEVICE_NONE },
    { "xenserver", LIBXL_VENDOR_DEVICE_XENSERVER },
    { NULL, 0 },
};

static const struct choice device_models[] = {
    { "qemu-xen", LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN },
    { "qemu-xen-traditional", LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL },
    { NULL, 0 },
};

static const struct choice gic_versions[] = {
    { "default", LIBXL_GIC_VERSION_DEFAULT },
    { "v2", LIBXL_GIC_VERSION_V2 },
    { "v3", LIBXL_GIC_VERSION_V3 },
    { NULL, 0 },
};

static const struct choice tees[] = { { "none", LIBXL_TEE_TYPE_NONE },
                                      { "optee", LIBXL_TEE_TYPE_OPTEE },
                                      { NULL, 0 } };
static const struct choice uarts[] = { { "sbsa_uart", LIBXL_VUART_TYPE_SBSA_UART }, { NULL, 0 } };

#define BOOLEAN(key, guests, offset, help)                                                         \
    {                                                                                              \
        key, FIELD_DEFBOOL, guests, offset, NULL, NULL, "BOOLEAN", help                            \
    }
#define TEXT(key, guests, offset, value, help)                                                     \
    {                                                                                              \
        key, FIELD_TEXT, guests, offset, NULL, NULL, value, help                                   \
    }
#define INTEGER(key, guests, offset, help)                                                         \
    {                                                                                              \
        key, FIELD_INT, guests, offset, NULL, NULL, "NUMBER", help                                 \
    }
#define UNSIGNED(key, guests, offset, help)                                                        \
    {                                                                                              \
        key, FIELD_U32, guests, offset, NULL, NULL, "NUMBER", help                                 \
    }
#define MEBIBYTES(key, guests, offset, help)                                                       \
    {                                                                                              \
        key, FIELD_MIB, guests, offset, NULL, NULL, "MBYTES", help                                 \
    }
#define WORDS(key, guests, offset, help)                                                           \
    {                                                                                              \
        key, FIELD_WORDS, guests, offset, NULL, NULL, "[ \"TEXT\", ... ]", help                    \
    }
#define CHOICE(key, guests, offset, choices, help)                                                 \
    {                                                                                              \
        key, FIELD_CHOICE, guests, offset, NULL, choices, "WORD", help                             \
    }
#define CUSTOM(key, guests, set, value, help)                                                      \
    {                                                                                              \
        key, FIELD_CUSTOM, guests, 0, set, NULL, value, help                                       \
    }
#define WITH(key, guests, value, help)                                                             \
    {                                                                                              \
        key, FIELD_CUSTOM, guests, 0, set_with_another, NULL, value, help                          \
    }
#define NOTE(key, help)                                                                            \
    {                                                                                              \
        key, FIELD_NOTE, GUEST_ALL, 0, NULL, NULL, "TEXT", help                                    \
    }

/* A key that the function of another row reads, too */
static int set_with_another(struct cfg *cfg, const struct key *key)
{
    (void)cfg;
    (void)key;
    return 0;
}

const struct key cfg_keys[] = {
    /* what it is */
    CUSTOM("type", GUEST_ALL, set_type, "WORD",
           "The kind of guest: pv (the default), pvh, or hvm."),
    WITH("builder", GUEST_ALL, "WORD", "Old: generic for type = \"pv\", hvm for type = \"hvm\"."),
    CUSTOM("name", GUEST_ALL, set_name, "TEXT",
           "The guest's name; needed, and no other guest of the host may have it."),
    CUSTOM("uuid", GUEST_ALL, set_uuid, "UUID", "Its UUID; without, a new one."),
    TEXT("pool", GUEST_ALL, AT(c_info.pool_name), "TEXT", "The CPU pool that it is in."),
    TEXT("seclabel", GUEST_ALL, B(exec_ssid_label), "TEXT", "Its label for XSM."),
    CUSTOM("init_seclabel", GUEST_ALL, set_init_seclabel, "TEXT",
           "Its label for XSM while it is built."),
    BOOLEAN("driver_domain", GUEST_ALL, AT(c_info.driver_domain),
            "It serves devices to other guests."),
    BOOLEAN("nomigrate", GUEST_ALL, B(disable_migrate),
            "It is never saved nor moved, and may use what then would differ."),
    BOOLEAN("xend_suspend_evtchn_compat", GUEST_ALL, AT(c_info.xend_suspend_evtchn_compat),
            "The store has no path of the suspend event channel, for some old drivers."),
    BOOLEAN("hap", GUEST_ALL, AT(c_info.hap),
            "Page tables are nested by the hardware; the default where it can."),
    BOOLEAN("oos", GUEST_ALL, AT(c_info.oos), "Shadow page tables may be out of step for a while."),
    CHOICE(
        "passthrough", GUEST_ALL, AT(c_info.passthrough), passthroughs,
        "How the IOMMU is set up for devices of the host: disabled, enabled, sync_pt, share_pt, default."),

    /* CPUs */
    CUSTOM("vcpus", GUEST_ALL, set_vcpus, "NUMBER", "vCPUs that are online at the start; 1."),
    WITH("maxvcpus", GUEST_ALL, "NUMBER", "vCPUs that it may bring online; as many as vcpus."),
    CUSTOM(
        "cpus", GUEST_ALL, set_cpus, "CPUS",
        "The CPUs that it may run on: \"0-3,^1\", \"all\", \"nodes:0\"; or a list, with an entry for each vCPU."),
    CUSTOM("cpus_soft", GUEST_ALL, set_cpus, "CPUS", "The CPUs that it should run on."),
    INTEGER("cpu_weight", GUEST_ALL, B(sched_params.weight),
            "Its share of the CPUs, 1 to 65535; 256."),
    INTEGER("cap", GUEST_ALL, B(sched_params.cap),
            "At most so many percent of a CPU; 0 is no limit."),
    INTEGER("period", GUEST_ALL, B(sched_params.period),
            "The scheduler rtds: the period, in microseconds."),
    INTEGER("slice", GUEST_ALL, B(sched_params.slice),
            "A scheduler that is no more: kept in the configuration."),
    INTEGER("latency", GUEST_ALL, B(sched_params.latency),
            "A scheduler that is no more: kept in the configuration."),
    INTEGER("extratime", GUEST_ALL, B(sched_params.extratime),
            "The scheduler rtds: it may run on when CPUs are idle."),
    INTEGER("budget", GUEST_ALL, B(sched_params.budget),
            "The scheduler rtds: the time in each period, in microseconds."),

    /* memory */
    CUSTOM("memory", GUEST_ALL, set_memory, "MBYTES", "Memory at the start; 32."),
    WITH("maxmem", GUEST_ALL, "MBYTES", "Memory that it can ever have; as much as memory."),
    CUSTOM(
        "vnuma", GUEST_AUTO, set_vnuma, "[ NODE, ... ]",
        "Its NUMA nodes: each a list of \"pnode=N\", \"size=MBYTES\", \"vcpus=SET\", \"vdistances=N,N\"."),
    MEBIBYTES("shadow_memory", GUEST_ALL, B(shadow_memkb),
              "Memory of the host for its page tables."),
    UNSIGNED("max_grant_frames", GUEST_ALL, B(max_grant_frames), "Frames of its table of grants."),
    UNSIGNED("max_maptrack_frames", GUEST_ALL, B(max_maptrack_frames),
             "Frames of the table of what it maps of others."),
    INTEGER("max_grant_version", GUEST_ALL, B(max_grant_version),
            "The version of grants that it may use."),
    UNSIGNED("max_event_channels", GUEST_ALL, B(event_channels),
             "Event channels that it may have; 1023."),

    /* how it ends */
    CHOICE(
        "on_poweroff", GUEST_ALL, AT(on_poweroff), actions,
        "What happens when it has shut down: destroy (the default), restart, rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset."),
    CHOICE("on_reboot", GUEST_ALL, AT(on_reboot), actions, "When it reboots; restart."),
    CHOICE("on_watchdog", GUEST_ALL, AT(on_watchdog), actions,
           "When its watchdog was not served in time; destroy."),
    CHOICE("on_crash", GUEST_ALL, AT(on_crash), actions, "When it crashes; destroy."),
    CHOICE("on_soft_reset", GUEST_ALL, AT(on_soft_reset), actions,
           "When it resets what it has of Xen; soft-reset."),

    /* what it boots */
    CUSTOM("kernel", GUEST_ALL, set_kernel, "FILE", "The kernel, a file of dom0."),
    TEXT("ramdisk", GUEST_ALL, B(ramdisk), "FILE", "The initial RAM disk."),
    CUSTOM("cmdline", GUEST_ALL, set_cmdline, "TEXT", "The kernel's command line."),
    WITH("root", GUEST_ALL, "TEXT", "root=TEXT on the kernel's command line; not with cmdline."),
    WITH("extra", GUEST_ALL, "TEXT", "More of the kernel's command line; not with cmdline."),
    TEXT("device_tree", GUEST_ALL, B(device_tree), "FILE",
         "arm: a part of the guest's device tree."),
    TEXT("bootloader", GUEST_ALL, B(bootloader), "FILE",
         "A program of dom0 that finds the kernel on the guest's disk: pygrub."),
    CUSTOM("bootloader_args", GUEST_ALL, set_bootloader_args, "[ \"TEXT\", ... ]",
           "Its arguments."),
    CUSTOM("firmware", GUEST_ALL, set_firmware, "WORD or FILE",
           "PV: pvgrub32, pvgrub64. HVM: bios, uefi, seabios, rombios, ovmf, or a file."),
    BOOLEAN("e820_host", GUEST_PV, B(u.pv.e820_host),
            "Its memory map has the holes of the host's, for PCI devices."),
    BOOLEAN("pvshim", GUEST_PVH, B(u.pvh.pvshim),
            "The kernel is one for PV, and runs in a small hypervisor of its own."),
    TEXT("pvshim_path", GUEST_PVH, B(u.pvh.pvshim_path), "FILE", "That hypervisor."),
    TEXT("pvshim_cmdline", GUEST_PVH, B(u.pvh.pvshim_cmdline), "TEXT", "Its command line."),
    TEXT("pvshim_extra", GUEST_PVH, B(u.pvh.pvshim_extra), "TEXT", "More of it."),

    /* time */
    CUSTOM(
        "tsc_mode", GUEST_ALL, set_tsc_mode, "WORD",
        "The time stamp counter: default, always_emulate, native. (native_paravirt is no more.)"),
    BOOLEAN("localtime", GUEST_ALL, B(localtime), "The clock shows local time."),
    CUSTOM("rtc_timeoffset", GUEST_ALL, set_time_offset, "NUMBER",
           "The clock is ahead by so many seconds; behind: \"-SECONDS\"."),
    CUSTOM(
        "timer_mode", GUEST_AUTO, set_timer_mode, "WORD",
        "Ticks that were missed: delay_for_missed_ticks, no_delay_for_missed_ticks, no_missed_ticks_pending, one_missed_tick_pending."),
    BOOLEAN("vpt_align", GUEST_HVM, HVM(vpt_align), "Timers tick together."),

    /* the machine */
    BOOLEAN("acpi", GUEST_ALL, B(acpi), "It has ACPI tables."),
    BOOLEAN("apic", GUEST_ALL, B(apic), "It is told of the APIC."),
    BOOLEAN("nestedhvm", GUEST_ALL, B(nested_hvm), "It may run guests of its own."),
    CUSTOM("altp2m", GUEST_ALL, set_altp2m, "WORD",
           "Who may use other views of its memory: disabled, mixed, external, limited."),
    BOOLEAN("altp2mhvm", GUEST_HVM, HVM(altp2m), "Old: see altp2m."),
    INTEGER("vmtrace_buf_kb", GUEST_ALL, B(vmtrace_buf_kb), "KiB of traces of each vCPU."),
    CUSTOM("cpuid", GUEST_ALL, set_cpuid, "TEXT",
           "What CPUID tells it: \"host,tm=0,sse3=0\"; or a list of \"LEAF:REGISTER=BITS\"."),
    BOOLEAN("msr_relaxed", GUEST_ALL, B(arch_x86.msr_relaxed),
            "Registers of the model that are not known read as 0."),
    CUSTOM("mca_caps", GUEST_HVM, set_mca_caps, "[ \"WORD\", ... ]", "Machine checks: lmce."),
    CUSTOM(
        "viridian", GUEST_HVM, set_viridian, "BOOLEAN or [ \"WORD\", ... ]",
        "What Windows knows of hypervisors: defaults, all, base, freq, time_ref_count...; with ! in front, not."),
    CUSTOM("ms_vm_genid", GUEST_HVM, set_genid, "WORD",
           "A number by which Windows sees that it was restored: generate, or none."),
    BOOLEAN("pae", GUEST_HVM, HVM(pae), "It has PAE."),
    BOOLEAN("nx", GUEST_HVM, HVM(nx), "It has the no-execute bit."),
    BOOLEAN("hpet", GUEST_HVM, HVM(hpet), "It has an HPET."),
    BOOLEAN("acpi_s3", GUEST_HVM, HVM(acpi_s3), "It can suspend to memory."),
    BOOLEAN("acpi_s4", GUEST_HVM, HVM(acpi_s4), "It can suspend to disk."),
    BOOLEAN("acpi_laptop_slate", GUEST_HVM, HVM(acpi_laptop_slate),
            "It has Windows's switch between laptop and slate."),
    CUSTOM("mmio_hole", GUEST_HVM, set_mmio_hole, "MBYTES", "The hole below 4 GiB, 256 to 3840."),
    CUSTOM("bios", GUEST_HVM, set_bios, "WORD", "Its firmware: rombios, seabios, ovmf."),
    WITH("bios_path_override", GUEST_HVM, "FILE", "The file of that firmware."),
    TEXT("firmware_override", GUEST_HVM, HVM(firmware), "FILE",
         "Another program instead of hvmloader."),
    TEXT("acpi_firmware", GUEST_HVM, HVM(acpi_firmware), "FILE", "More ACPI tables."),
    TEXT("smbios_firmware", GUEST_HVM, HVM(smbios_firmware), "FILE", "More SMBIOS structures."),
    CHOICE("hdtype", GUEST_HVM, HVM(hdtype), disk_controllers,
           "The emulated controller of disks: ide, ahci."),
    TEXT("boot", GUEST_HVM, HVM(boot), "LETTERS",
         "What it boots from, in this order: c disk, d CD, n network."),
    BOOLEAN("xen_platform_pci", GUEST_HVM, HVM(xen_platform_pci),
            "It has Xen's PCI device, by which drivers find Xen."),
    CHOICE("vendor_device", GUEST_HVM, HVM(vendor_device), vendor_devices,
           "Another such device: none, xenserver."),

    /* its screen, and more that QEMU emulates */
    CUSTOM("vga", GUEST_HVM, set_vga, "WORD",
           "The emulated graphics card: none, stdvga, cirrus, qxl."),
    WITH("stdvga", GUEST_HVM, "BOOLEAN", "Old: vga = \"stdvga\"."),
    MEBIBYTES("videoram", GUEST_HVM, B(video_memkb), "Its memory."),
    BOOLEAN("vnc", GUEST_HVM | GUEST_VFB, HVM(vnc.enable),
            "Show the screen by VNC. (A PV guest gets a vfb from these keys.)"),
    TEXT("vnclisten", GUEST_HVM | GUEST_VFB, HVM(vnc.listen), "ADDRESS[:DISPLAY]",
         "Where VNC listens."),
    TEXT("vncpasswd", GUEST_HVM | GUEST_VFB, HVM(vnc.passwd), "TEXT", "The password."),
    INTEGER("vncdisplay", GUEST_HVM | GUEST_VFB, HVM(vnc.display), "The port, minus 5900."),
    BOOLEAN("vncunused", GUEST_HVM | GUEST_VFB, HVM(vnc.findunused), "Take any free port."),
    TEXT("keymap", GUEST_HVM | GUEST_VFB, HVM(keymap), "LANG", "The keyboard's language."),
    BOOLEAN("sdl", GUEST_HVM | GUEST_VFB, HVM(sdl.enable), "Show the screen in a window of X."),
    BOOLEAN("opengl", GUEST_HVM | GUEST_VFB, HVM(sdl.opengl), "With OpenGL."),
    TEXT("display", GUEST_HVM | GUEST_VFB, HVM(sdl.display), "TEXT", "The display of X."),
    TEXT("xauthority", GUEST_HVM | GUEST_VFB, HVM(sdl.xauthority), "FILE", "Its authority file."),
    BOOLEAN("nographic", GUEST_HVM, HVM(nographic), "It has no graphics card."),
    BOOLEAN("spice", GUEST_HVM, HVM(spice.enable), "Show the screen by SPICE."),
    INTEGER("spiceport", GUEST_HVM, HVM(spice.port), "Its port."),
    INTEGER("spicetls_port", GUEST_HVM, HVM(spice.tls_port), "Its port with TLS."),
    TEXT("spicehost", GUEST_HVM, HVM(spice.host), "ADDRESS", "Where it listens."),
    BOOLEAN("spicedisable_ticketing", GUEST_HVM, HVM(spice.disable_ticketing),
            "Without a password."),
    TEXT("spicepasswd", GUEST_HVM, HVM(spice.passwd), "TEXT", "The password."),
    BOOLEAN("spiceagent_mouse", GUEST_HVM, HVM(spice.agent_mouse),
            "The mouse goes through SPICE's agent."),
    BOOLEAN("spicevdagent", GUEST_HVM, HVM(spice.vdagent), "The guest can have SPICE's agent."),
    BOOLEAN("spice_clipboard_sharing", GUEST_HVM, HVM(spice.clipboard_sharing),
            "With one clipboard."),
    INTEGER("spiceusbredirection", GUEST_HVM, HVM(spice.usbredirection),
            "Channels for USB devices of the viewer."),
    TEXT("spice_image_compression", GUEST_HVM, HVM(spice.image_compression), "WORD",
         "auto_glz, auto_lz, quic, glz, lz, off."),
    TEXT("spice_streaming_video", GUEST_HVM, HVM(spice.streaming_video), "WORD",
         "filter, all, off."),
    CUSTOM("serial", GUEST_HVM, set_serial, "TEXT or [ \"TEXT\", ... ]",
           "Its serial ports, as QEMU's option -serial has them."),
    TEXT("soundhw", GUEST_HVM, HVM(soundhw), "WORD", "The emulated sound card."),
    BOOLEAN("vkb_device", GUEST_HVM, HVM(vkb_device), "It has Xen's keyboard, too."),
    BOOLEAN("usb", GUEST_HVM, HVM(usb), "It has USB."),
    INTEGER("usbversion", GUEST_HVM, HVM(usbversion), "Of the emulated USB: 1, 2 or 3."),
    CUSTOM("usbdevice", GUEST_HVM, set_usbdevice, "TEXT or [ \"TEXT\", ... ]",
           "Its USB devices: tablet, host:XXXX:YYYY..."),
    CHOICE("device_model_version", GUEST_ALL, B(device_model_version), device_models,
           "Which QEMU: qemu-xen, qemu-xen-traditional."),
    TEXT("device_model_override", GUEST_ALL, B(device_model), "FILE",
         "The program instead of QEMU."),
    TEXT("device_model_user", GUEST_ALL, B(device_model_user), "TEXT",
         "Its user, with dm_restrict."),
    BOOLEAN("dm_restrict", GUEST_ALL, B(dm_restrict), "QEMU may touch only this guest."),
    WORDS("device_model_args", GUEST_ALL, B(extra), "More arguments for QEMU."),
    WORDS("device_model_args_pv", GUEST_ALL, B(extra_pv), "The same, of PV guests only."),
    WORDS("device_model_args_hvm", GUEST_ALL, B(extra_hvm), "The same, of HVM guests only."),
    BOOLEAN("device_model_stubdomain_override", GUEST_AUTO, B(device_model_stubdomain),
            "QEMU runs in a domain of its own."),
    TEXT("device_model_stubdomain_seclabel", GUEST_ALL, B(device_model_ssid_label), "TEXT",
         "The label of that domain for XSM."),
    TEXT("stubdomain_kernel", GUEST_ALL, B(stubdomain_kernel), "FILE", "Its kernel."),
    TEXT("stubdomain_cmdline", GUEST_ALL, B(stubdomain_cmdline), "TEXT", "Its command line."),
    TEXT("stubdomain_ramdisk", GUEST_ALL, B(stubdomain_ramdisk), "FILE", "Its initial RAM disk."),
    MEBIBYTES("stubdomain_memory", GUEST_ALL, B(stubdomain_memkb), "Its memory."),

    /* arm */
    CHOICE("gic_version", GUEST_ALL, B(arch_arm.gic_version), gic_versions,
           "arm: the interrupt controller: v2, v3, default."),
    CHOICE("vuart", GUEST_ALL, B(arch_arm.vuart), uarts,
           "arm: an emulated serial port: sbsa_uart."),
    CHOICE("tee", GUEST_ALL, B(tee), tees, "arm: the trusted execution environment: none, optee."),
    BOOLEAN("vpmu", GUEST_ALL, B(vpmu), "arm: it may use the registers that count performance."),

    /* devices */
    CUSTOM("disk", GUEST_ALL, set_disks, "[ \"DISK\", ... ]",
           "Its disks; see xl-disk-configuration(5)."),
    CUSTOM("vif", GUEST_ALL, set_vifs, "[ \"CARD\", ... ]", "Its network cards."),
    CUSTOM("vfb", GUEST_PV | GUEST_PVH, set_vfbs, "[ \"SCREEN\", ... ]", "Its screens."),
    CUSTOM("vkb", GUEST_ALL, set_vkbs, "[ \"KEYBOARD\", ... ]", "Its keyboards."),
    CUSTOM("vdispl", GUEST_ALL, set_vdispls, "[ \"DISPLAY\", ... ]", "Its displays."),
    CUSTOM("vsnd", GUEST_ALL, set_vsnds, "[ [ \"ITEM\", ... ], ... ]",
           "Its sound cards: each a list of items CARD, PCM and STREAM, with what they can."),
    CUSTOM("vtpm", GUEST_ALL, set_vtpms, "[ \"TPM\", ... ]", "Its trusted platform modules."),
    CUSTOM("p9", GUEST_ALL, set_p9s, "[ \"SHARE\", ... ]",
           "Folders that it shares with another domain."),
    CUSTOM("pvcalls", GUEST_ALL, set_pvcalls, "[ \"backend=DOMAIN\", ... ]",
           "A domain that opens its network connections."),
    CUSTOM("channel", GUEST_ALL, set_channels, "[ \"CHANNEL\", ... ]",
           "Lines to programs of dom0."),
    CUSTOM("usbctrl", GUEST_ALL, set_usbctrls, "[ \"CONTROLLER\", ... ]", "Its USB controllers."),
    CUSTOM("usbdev", GUEST_ALL, set_usbdevs, "[ \"DEVICE\", ... ]",
           "USB devices of the host that it gets."),
    CUSTOM("rdm", GUEST_HVM, set_rdm, "TEXT",
           "How memory that devices reserve is kept free: strategy=host,policy=strict or relaxed."),
    MEBIBYTES("rdm_mem_boundary", GUEST_HVM, HVM(rdm_mem_boundary_memkb),
              "Where such memory begins to be in the way."),
    CUSTOM("pci", GUEST_ALL, set_pcis, "[ \"DEVICE\", ... ]",
           "PCI devices of the host that it gets; see xl-pci-configuration(5)."),
    WITH("pci_permissive", GUEST_ALL, "BOOLEAN", "What permissive is when a device does not say."),
    WITH("pci_msitranslate", GUEST_ALL, "BOOLEAN",
         "What msitranslate is when a device does not say."),
    WITH("pci_seize", GUEST_ALL, "BOOLEAN", "What seize is when a device does not say."),
    WITH("pci_power_mgmt", GUEST_ALL, "BOOLEAN", "What power_mgmt is when a device does not say."),
    CUSTOM("gfx_passthru", GUEST_HVM, set_gfx_passthru, "BOOLEAN or WORD",
           "Its graphics card is the host's: 0, 1, default, igd."),
    CUSTOM("dtdev", GUEST_ALL, set_dtdevs, "[ \"PATH\", ... ]",
           "arm: devices of the host's device tree that it gets."),
    CUSTOM("ioports", GUEST_ALL, set_ioports, "[ \"2f8-2ff\", ... ]",
           "Ports of the host that it may use, in hexadecimal."),
    CUSTOM("irqs", GUEST_ALL, set_irqs, "[ NUMBER, ... ]",
           "Interrupts of the host that it may use."),
    CUSTOM("iomem", GUEST_ALL, set_iomem, "[ \"START,COUNT[@GFN]\", ... ]",
           "Pages of the host's devices that it may use, in hexadecimal."),

    /* keys of old files */
    NOTE("vncviewer", "use the option -V of xl create."),
    NOTE("device_model", "use device_model_override."),
    NOTE("vif2", "netchannel2 is gone; use vif."),
    NOTE("on_xend_start", "xend is gone; put a link to the file into /etc/xen/auto."),
    NOTE("on_xend_stop", "xend is gone; see /etc/default/xendomains."),
    NOTE("vhpt", "it was for Itanium."),
};

const int cfg_key_count = (int)ARRAY_LENGTH(cfg_keys);
