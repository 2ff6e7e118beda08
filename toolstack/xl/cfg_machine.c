/*
 * Keys of a configuration that are more than a field: the machine that a guest sees.
 */
#include "cfg.h"
#include <xen/xen.h>
#include <xen/hvm/params.h>

static const char *text_get(const struct cfg *cfg, const char *name)
{
    const char *text;

    return xlu_cfg_get_string(cfg->config, name, &text, 0) ? NULL : text;
}

/* mode_get: one of the words; or, as files from old days have it, its number. Returns 0 when the
 * key is not set, 1 with the value, a libxl error otherwise. */
static int mode_get(const struct cfg *cfg, const char *name, const struct choice *modes, int *value)
{
    const char *text = text_get(cfg, name);
    const struct choice *choice;
    unsigned long long number;

    if (!text)
        return 0;
    choice = choice_find(modes, text);
    if (!choice && number_parse(text, 0, 16, &number)) {
        for (choice = modes; choice->word && choice->value != (int)number;)
            choice++;
        if (choice->word) {
            cfg_warn(
                cfg,
                "specifying \"%s\" as an integer is deprecated. Please use the named parameter "
                "variant. e.g. %s=\"%s\"",
                name, name, choice->word);
        }
    }
    if (!choice || !choice->word) {
        return cfg_wrong(cfg, "ERROR: invalid value \"%s\" for \"%s\"; there are: %s", text, name,
                         choice_words(modes));
    }
    *value = choice->value;
    return 1;
}

int set_tsc_mode(struct cfg *cfg, const struct key *key)
{
    static const struct choice modes[] = {
        { "default", LIBXL_TSC_MODE_DEFAULT },
        { "always_emulate", LIBXL_TSC_MODE_ALWAYS_EMULATE },
        { "native", LIBXL_TSC_MODE_NATIVE },
        { "native_paravirt", LIBXL_TSC_MODE_NATIVE_PARAVIRT },
        { NULL, 0 },
    };
    int mode, got = mode_get(cfg, key->name, modes, &mode);

    if (got > 0)
        cfg->domain->b_info.tsc_mode = (libxl_tsc_mode)mode;
    return got < 0 ? got : 0;
}

/* libxl has no sign for it, and takes it for one of 32 bits */
int set_time_offset(struct cfg *cfg, const struct key *key)
{
    long seconds;
    int err = xlu_cfg_get_bounded_long(cfg->config, key->name, INT32_MIN, INT32_MAX, &seconds, 0);

    if (!err)
        cfg->domain->b_info.rtc_timeoffset = (uint32_t)seconds;
    return err && err != ESRCH ? ERROR_INVAL : 0;
}

int set_timer_mode(struct cfg *cfg, const struct key *key)
{
    static const struct choice modes[] = {
        { "delay_for_missed_ticks", LIBXL_TIMER_MODE_DELAY_FOR_MISSED_TICKS },
        { "no_delay_for_missed_ticks", LIBXL_TIMER_MODE_NO_DELAY_FOR_MISSED_TICKS },
        { "no_missed_ticks_pending", LIBXL_TIMER_MODE_NO_MISSED_TICKS_PENDING },
        { "one_missed_tick_pending", LIBXL_TIMER_MODE_ONE_MISSED_TICK_PENDING },
        { NULL, 0 },
    };
    int mode, got = mode_get(cfg, key->name, modes, &mode);

    if (got > 0)
        cfg->domain->b_info.timer_mode = (libxl_timer_mode)mode;
    return got < 0 ? got : 0;
}

int set_altp2m(struct cfg *cfg, const struct key *key)
{
    static const struct choice modes[] = {
        { "disabled", LIBXL_ALTP2M_MODE_DISABLED },
        { "mixed", LIBXL_ALTP2M_MODE_MIXED },
        { "external", LIBXL_ALTP2M_MODE_EXTERNAL },
        { "limited", LIBXL_ALTP2M_MODE_LIMITED },
        { NULL, 0 },
    };
    int mode, got = mode_get(cfg, key->name, modes, &mode);

    if (got > 0)
        cfg->domain->b_info.altp2m = (libxl_altp2m_mode)mode;
    if (text_get(cfg, "altp2mhvm"))
        cfg_warn(cfg, "Specifying \"altp2mhvm\" is deprecated. Please use \"altp2m\" instead.");
    return got < 0 ? got : 0;
}

int set_bios(struct cfg *cfg, const struct key *key)
{
    static const struct choice bioses[] = {
        { "rombios", LIBXL_BIOS_TYPE_ROMBIOS },
        { "seabios", LIBXL_BIOS_TYPE_SEABIOS },
        { "ovmf", LIBXL_BIOS_TYPE_OVMF },
        { NULL, 0 },
    };
    libxl_domain_build_info *b = &cfg->domain->b_info;
    const char *text = text_get(cfg, key->name), *path = text_get(cfg, "bios_path_override");
    const struct choice *choice = text ? choice_find(bioses, text) : NULL;

    if (text && !choice) {
        return cfg_wrong(cfg, "ERROR: invalid value \"%s\" for \"bios\"; there are: %s", text,
                         choice_words(bioses));
    }
    if (choice)
        b->u.hvm.bios = (libxl_bios_type)choice->value;
    if (path) {
        b->u.hvm.system_firmware = need(strdup(path));
        if (!text)
            cfg_warn(cfg, "bios_path_override given without specific bios name");
    }
    return 0;
}

int set_mmio_hole(struct cfg *cfg, const struct key *key)
{
    long number;

    if (xlu_cfg_get_bounded_long(cfg->config, key->name, 0, 1 << 20, &number, 0))
        return 0;
    if (number < 256 || number > 3840)
        return cfg_wrong(cfg, "ERROR: invalid value %ld for \"mmio_hole\"; it is 256 to 3840",
                         number);
    cfg->domain->b_info.u.hvm.mmio_hole_memkb = (uint64_t)number << 10;
    return 0;
}

int set_viridian(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    libxl_string_list groups = NULL;

    if (xlu_cfg_get_list_as_string_list(cfg->config, key->name, &groups, 1)) {
        xlu_cfg_get_defbool(cfg->config, key->name, &b->u.hvm.viridian, 0);
        return 0;
    }
    if (libxl_bitmap_alloc(xl.ctx, &b->u.hvm.viridian_enable,
                           LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH) ||
        libxl_bitmap_alloc(xl.ctx, &b->u.hvm.viridian_disable,
                           LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH))
        need(NULL);
    for (char **group = groups; *group; group++) {
        bool not = **group == '!';
        const char *name = *group + not ;
        libxl_bitmap *map = not ? &b->u.hvm.viridian_disable : &b->u.hvm.viridian_enable;
        libxl_bitmap *other = not ? &b->u.hvm.viridian_enable : &b->u.hvm.viridian_disable;
        libxl_viridian_enlightenment bit;

        if (!strcmp(name, "all")) {
            libxl_bitmap_set_any(map);
        } else if (!strcmp(name, "defaults")) {
            libxl_defbool_set(&b->u.hvm.viridian, !not );
        } else if (libxl_viridian_enlightenment_from_string(name, &bit)) {
            return cfg_wrong(cfg, "xl: unknown viridian enlightenment '%s'", name);
        } else {
            libxl_bitmap_set(map, (int)bit);
            libxl_bitmap_reset(other, (int)bit);
        }
    }
    libxl_string_list_dispose(&groups);
    return 0;
}

static int mca_cap(struct cfg *cfg, const char *text, int index)
{
    (void)index;
    if (strcmp(text, "lmce"))
        return cfg_wrong(cfg, "ERROR: unrecognized MCA capability '%s'. There is: lmce", text);
    cfg->domain->b_info.u.hvm.mca_caps |= XEN_HVM_MCA_CAP_LMCE;
    return 0;
}

int set_mca_caps(struct cfg *cfg, const struct key *key)
{
    return cfg_each(cfg, key->name, mca_cap);
}

int set_genid(struct cfg *cfg, const struct key *key)
{
    const char *text = text_get(cfg, key->name);

    if (!text || !strcmp(text, "none"))
        return 0;
    if (strcmp(text, "generate"))
        return cfg_wrong(cfg, "ERROR: \"ms_vm_genid\" option must be \"generate\" or \"none\"");
    if (libxl_ms_vm_genid_generate(xl.ctx, &cfg->domain->b_info.u.hvm.ms_vm_genid))
        return cfg_wrong(cfg, "ERROR: failed to generate a VM Generation ID");
    return 0;
}

/* words_or_text: a list of strings; or one string, as files from old days have it */
static int words_or_text(struct cfg *cfg, const char *name, libxl_string_list *words, char **text)
{
    const char *value;

    if (!xlu_cfg_get_list_as_string_list(cfg->config, name, words, 1))
        return 0;
    value = text_get(cfg, name);
    if (value)
        *text = need(strdup(value));
    return 0;
}

int set_serial(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;

    return words_or_text(cfg, key->name, &b->u.hvm.serial_list, &b->u.hvm.serial);
}

int set_usbdevice(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;

    return words_or_text(cfg, key->name, &b->u.hvm.usbdevice_list, &b->u.hvm.usbdevice);
}

int set_vga(struct cfg *cfg, const struct key *key)
{
    static const struct choice cards[] = {
        { "stdvga", LIBXL_VGA_INTERFACE_TYPE_STD },
        { "cirrus", LIBXL_VGA_INTERFACE_TYPE_CIRRUS },
        { "none", LIBXL_VGA_INTERFACE_TYPE_NONE },
        { "qxl", LIBXL_VGA_INTERFACE_TYPE_QXL },
        { NULL, 0 },
    };
    libxl_vga_interface_type *kind = &cfg->domain->b_info.u.hvm.vga.kind;
    const char *text = text_get(cfg, key->name);
    const struct choice *choice = text ? choice_find(cards, text) : NULL;
    long standard;

    if (text && !choice) {
        return cfg_wrong(cfg, "Unknown vga \"%s\" specified; there are: %s", text,
                         choice_words(cards));
    }
    if (choice)
        *kind = (libxl_vga_interface_type)choice->value;
    else if (!xlu_cfg_get_long(cfg->config, "stdvga", &standard, 0))
        *kind = standard ? LIBXL_VGA_INTERFACE_TYPE_STD : LIBXL_VGA_INTERFACE_TYPE_CIRRUS;
    return 0;
}

int set_gfx_passthru(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    const char *text = text_get(cfg, key->name);
    unsigned long long number;

    if (!text)
        return 0;
    if (number_parse(text, 0, 1, &number)) {
        libxl_defbool_set(&b->u.hvm.gfx_passthru, number != 0);
        return 0;
    }
    if (libxl_gfx_passthru_kind_from_string(text, &b->u.hvm.gfx_passthru_kind)) {
        return cfg_wrong(cfg,
                         "ERROR: invalid value \"%s\" for \"gfx_passthru\"; there are: 0, 1, "
                         "default, igd",
                         text);
    }
    libxl_defbool_set(&b->u.hvm.gfx_passthru, true);
    return 0;
}

int set_rdm(struct cfg *cfg, const struct key *key)
{
    const char *text = text_get(cfg, key->name);

    return text ? parts_read(&rdm_language, text, &cfg->domain->b_info.u.hvm.rdm) : 0;
}

/* ---- cpuid: what libxl says is wrong, by its number */
static int cpuid_wrong(const struct cfg *cfg, const char *text, int code)
{
    static const char *const reasons[] = {
        [1] = "illegal leaf number",
        [2] = "illegal subleaf number",
        [3] = "missing colon",
        [4] = "invalid register name (must be e[abcd]x)",
        [5] = "policy string must be exactly 32 characters long",
        [6] = "illegal CPUID value (must be: [0|1|x|k|s])",
    };
    bool known = code > 0 && code < (int)ARRAY_LENGTH(reasons);

    return cfg_wrong(cfg, "while parsing CPUID line: \"%s\": error #%i: %s", text, code,
                     known ? reasons[code] : "unknown error");
}

static int cpuid_line(struct cfg *cfg, const char *text, int index)
{
    int code = libxl_cpuid_parse_config_xend(&cfg->domain->b_info.cpuid, text);

    (void)index;
    return code ? cpuid_wrong(cfg, text, code) : 0;
}

static int cpuid_flag(struct cfg *cfg, const char *flag)
{
    static const char *const reasons[] = {
        [1] = "missing \"=\" in key=value",
        [2] = "unknown CPUID flag name",
        [3] = "illegal CPUID value (must be: [0|1|x|k|s])",
    };
    int code = libxl_cpuid_parse_config(&cfg->domain->b_info.cpuid, flag);

    if (!code)
        return 0;
    return cfg_wrong(cfg, "while parsing CPUID flag: \"%s\": error #%i: %s", flag, code,
                     code > 0 && code < (int)ARRAY_LENGTH(reasons) ? reasons[code]
                                                                   : "unknown error");
}

int set_cpuid(struct cfg *cfg, const struct key *key)
{
    const char *text;
    char **flags;
    int rc = 0;

    if (!xlu_cfg_get_list(cfg->config, key->name, NULL, NULL, 1))
        return cfg_each(cfg, key->name, cpuid_line);
    text = text_get(cfg, key->name);
    if (!text)
        return 0;
    flags = split(text, ',');
    if (strcmp(flags[0], "host"))
        return cfg_wrong(
            cfg, "while parsing CPUID string: \"%s\": error: first word must be \"host\"", text);
    for (char **flag = flags + 1; *flag && !rc; flag++)
        rc = cpuid_flag(cfg, *flag);
    return rc;
}
