/*
 * Configurations of guests: text to libxl_domain_config. One table has all keys (cfg_keys.c), one
 * for each kind of device has what a device's description can say (cfg_parts.c).
 */
#ifndef XL_CFG_H
#define XL_CFG_H

#include "xl.h"

/* ---- the assignments in a text that libxlutil has parsed (cfg_scan.c) */
struct assignment {
    const char *at; /* the text, at first; then where to go on */
    int seen;       /* lines until there */
    int line;       /* of the assignment, from 1 */
    char name[64];
};

bool assignment_next(struct assignment *assignment);

/* ---- fields: keys, and parts of descriptions of devices */
enum field_kind {
    FIELD_CUSTOM,  /* a function knows */
    FIELD_TEXT,    /* char * */
    FIELD_INT,     /* int, not negative */
    FIELD_U32,     /* uint32_t */
    FIELD_MIB,     /* uint64_t in KiB, written in MiB */
    FIELD_DEFBOOL, /* libxl_defbool */
    FIELD_BOOL,    /* bool */
    FIELD_CHOICE,  /* an enumeration of libxl */
    FIELD_WORDS,   /* libxl_string_list */
    FIELD_UUID,    /* libxl_uuid */
    FIELD_MAC,     /* libxl_mac */
    FIELD_NOTE,    /* has no effect; the help says why */
};

struct choice {
    const char *word;
    int value;
};

enum guest_kind {
    GUEST_PV = 1,
    GUEST_PVH = 2,
    GUEST_HVM = 4,
    GUEST_AUTO = GUEST_PVH | GUEST_HVM, /* with translated memory */
    GUEST_ALL = 7,
    GUEST_VFB = 8, /* a PV guest's screen is made of it; see set_vfbs() */
};

struct cfg;
struct key;

typedef int key_function(struct cfg *cfg, const struct key *key); /* 0, or a libxl error, told */

struct key {
    const char *name;
    enum field_kind kind;
    unsigned int guests; /* enum guest_kind: of others it is known and has no effect */
    size_t offset;       /* in libxl_domain_config */
    key_function *set;   /* of FIELD_CUSTOM; one function can serve several keys */
    const struct choice *choices;
    const char *value; /* for the reference: "NUMBER" */
    const char *help;
};

extern const struct key cfg_keys[]; /* in the order in which they are applied */
extern const int cfg_key_count;

/* A configuration while it is read */
struct cfg {
    XLU_Config *config;
    const char *path; /* for messages */
    libxl_domain_config *domain;
    unsigned int guest; /* enum guest_kind, once the type is known */
    bool quiet;
};

/* cfg_read: a configuration; returns 0, or a libxl error that is told. DOMAIN is initialised here.
 */
int cfg_read(libxl_domain_config *domain, const char *path, const char *data, size_t length,
             bool quiet);

/* cfg_wrong: "PATH: message"; returns ERROR_INVAL */
int cfg_wrong(const struct cfg *cfg, const char *format, ...) PRINTF(2, 3);
void cfg_warn(const struct cfg *cfg, const char *format, ...) PRINTF(2, 3);

const struct choice *choice_find(const struct choice *choices, const char *word);
char *choice_words(const struct choice *choices); /* "a, b, c" */

/* The strings of a list; each() gets them in their order. A key that is not there is no error. */
typedef int each_function(struct cfg *cfg, const char *text, int index);
int cfg_each(struct cfg *cfg, const char *name, each_function *each);

/* ---- functions of keys that are more than a field */
key_function set_type, set_name, set_uuid, set_init_seclabel, set_memory, set_vcpus, set_cpus;
key_function set_vnuma, set_cmdline, set_kernel, set_firmware,
    set_bootloader_args; /* cfg_guest.c */
key_function set_tsc_mode, set_time_offset, set_timer_mode, set_altp2m, set_cpuid, set_bios,
    set_viridian;
key_function set_mca_caps, set_genid, set_serial, set_usbdevice, set_vga, set_gfx_passthru;
key_function set_rdm, set_mmio_hole; /* cfg_machine.c */
key_function set_disks, set_vifs, set_vtpms, set_p9s, set_pvcalls, set_vfbs, set_channels, set_pcis;
key_function set_usbctrls, set_usbdevs, set_vdispls, set_vsnds, set_vkbs, set_dtdevs, set_ioports;
key_function set_irqs, set_iomem; /* cfg_devices.c */

/* ---- parts of a device's description: "mac=...,bridge=..." (cfg_parts.c) */
struct part {
    const char *name;
    enum field_kind kind; /* FIELD_CUSTOM: a function knows */
    size_t offset;        /* in the device */
    const struct choice *choices;
    int (*set)(void *device, const char *value); /* 0 or a libxl error, told */
    const char *value, *help;
};

struct language {
    const char *device; /* for messages: "vif" */
    const struct part *parts;
    int count;
};

extern const struct language nic_language, vfb_language, vtpm_language, p9_language;
extern const struct language pvcalls_language, channel_language, usbctrl_language;
extern const struct language usbdev_language, vdispl_language, vkb_language, rdm_language;
extern const struct language *const languages[]; /* ends with NULL */

/* parts_read: all parts between commas; part_read: one */
int parts_read(const struct language *language, const char *text, void *device);
int part_read(const struct language *language, const char *text, void *device);

/* ---- devices, for configurations and for the commands that attach them (cfg_devices.c) */
void nic_defaults(libxl_device_nic *nic);
int vkb_check(const libxl_device_vkb *vkb);
int vsnd_item(libxl_device_vsnd *card, const char *text); /* cfg_vsnd.c */

#endif
