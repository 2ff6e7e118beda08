/*
 * Keys of a configuration that are more than a field: what the guest is, its CPUs and memory, and
 * what it boots.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include "cfg.h"
#include "affinity.h"

enum { MAX_VCPUS = 4096 };

static const struct choice types[] = {
    { "pv", LIBXL_DOMAIN_TYPE_PV },
    { "pvh", LIBXL_DOMAIN_TYPE_PVH },
    { "hvm", LIBXL_DOMAIN_TYPE_HVM },
    { NULL, 0 },
};

static const struct choice builders[] = {
    { "generic", LIBXL_DOMAIN_TYPE_PV },
    { "linux", LIBXL_DOMAIN_TYPE_PV },
    { "hvm", LIBXL_DOMAIN_TYPE_HVM },
    { NULL, 0 },
};

static const char *text_get(const struct cfg *cfg, const char *name)
{
    const char *text;

    return xlu_cfg_get_string(cfg->config, name, &text, 0) ? NULL : text;
}

static int type_read(const struct cfg *cfg, const char *name, const struct choice *choices,
                     libxl_domain_type *type)
{
    const char *word = text_get(cfg, name);
    const struct choice *choice = word ? choice_find(choices, word) : NULL;

    if (!word)
        return 0;
    if (!choice) {
        return cfg_wrong(cfg, "Invalid domain type %s. There are: %s", word, choice_words(choices));
    }
    if (*type != LIBXL_DOMAIN_TYPE_INVALID && (int)*type != choice->value) {
        return cfg_wrong(cfg, "Contradicting \"builder\" and \"type\" options specified. Remove "
                              "builder");
    }
    *type = (libxl_domain_type)choice->value;
    return 0;
}

int set_type(struct cfg *cfg, const struct key *key)
{
    libxl_domain_type type = LIBXL_DOMAIN_TYPE_INVALID;
    int rc = type_read(cfg, key->name, types, &type);

    if (!rc)
        rc = type_read(cfg, "builder", builders, &type);
    if (rc)
        return rc;
    if (type == LIBXL_DOMAIN_TYPE_INVALID)
        type = LIBXL_DOMAIN_TYPE_PV;
    cfg->domain->c_info.type = type;
    libxl_domain_build_info_init_type(&cfg->domain->b_info, type);
    cfg->guest = type == LIBXL_DOMAIN_TYPE_PV    ? GUEST_PV
                 : type == LIBXL_DOMAIN_TYPE_PVH ? GUEST_PVH
                                                 : GUEST_HVM;
    return 0;
}

int set_name(struct cfg *cfg, const struct key *key)
{
    if (xlu_cfg_replace_string(cfg->config, key->name, &cfg->domain->c_info.name, 0))
        return cfg_wrong(cfg, "Domain name must be specified. Add a line name = \"...\"");
    if (!*cfg->domain->c_info.name || strchr(cfg->domain->c_info.name, '/'))
        return cfg_wrong(cfg, "'%s' cannot be a name", cfg->domain->c_info.name);
    return 0;
}

int set_uuid(struct cfg *cfg, const struct key *key)
{
    const char *text = text_get(cfg, key->name);

    if (!text)
        libxl_uuid_generate(&cfg->domain->c_info.uuid);
    else if (libxl_uuid_from_string(&cfg->domain->c_info.uuid, text))
        return cfg_wrong(cfg, "Failed to parse UUID: %s", text);
    return 0;
}

/* ---- labels: init_seclabel is the domain's while it is built, seclabel comes then */
int set_init_seclabel(struct cfg *cfg, const struct key *key)
{
    libxl_domain_config *d = cfg->domain;
    const char *text = text_get(cfg, key->name);

    if (text) {
        d->c_info.ssid_label = need(strdup(text));
    } else if (d->b_info.exec_ssid_label) {
        d->c_info.ssid_label = d->b_info.exec_ssid_label;
        d->b_info.exec_ssid_label = NULL;
    }
    return 0;
}

/* ---- memory */
static int mebibytes(const struct cfg *cfg, const char *name, uint64_t *kib, bool *is_set)
{
    long number;
    int rc = xlu_cfg_get_bounded_long(cfg->config, name, 1, LONG_MAX >> 10, &number, 0);

    *is_set = !rc;
    if (!rc)
        *kib = (uint64_t)number << 10;
    return rc && rc != ESRCH ? ERROR_INVAL : 0;
}

int set_memory(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    bool memory, maxmem;

    if (mebibytes(cfg, key->name, &b->target_memkb, &memory))
        return ERROR_INVAL;
    if (memory)
        b->max_memkb = b->target_memkb;
    if (mebibytes(cfg, "maxmem", &b->max_memkb, &maxmem))
        return ERROR_INVAL;
    if (maxmem && memory && b->max_memkb < b->target_memkb) {
        return cfg_wrong(cfg, "maxmem = %llu is less than memory = %llu",
                         (unsigned long long)b->max_memkb >> 10,
                         (unsigned long long)b->target_memkb >> 10);
    }
    return 0;
}

/* ---- CPUs */
static int vcpu_number(const struct cfg *cfg, const char *name, long *number)
{
    int rc = xlu_cfg_get_bounded_long(cfg->config, name, 1, MAX_VCPUS, number, 0);

    return rc && rc != ESRCH ? ERROR_INVAL : 0;
}

int set_vcpus(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    long vcpus = 0, max = 0;

    if (vcpu_number(cfg, key->name, &vcpus) || vcpu_number(cfg, "maxvcpus", &max))
        return ERROR_INVAL;
    if (max && max < vcpus)
        return cfg_wrong(cfg, "xl: maxvcpus < vcpus: %ld is less than %ld", max, vcpus);
    b->max_vcpus = (int)(max ? max : vcpus);
    if (!vcpus)
        return 0;
    if (libxl_cpu_bitmap_alloc(xl.ctx, &b->avail_vcpus, (int)vcpus))
        return cfg_wrong(cfg, "Unable to allocate cpumap");
    libxl_bitmap_set_none(&b->avail_vcpus);
    while (vcpus-- > 0)
        libxl_bitmap_set(&b->avail_vcpus, (int)vcpus);
    return 0;
}

/* The affinity of the vCPUs, hard or soft */
struct affinity {
    libxl_bitmap **maps;
    int *count;
};

static struct affinity affinity_of(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;

    if (!strcmp(key->name, "cpus_soft"))
        return (struct affinity){ &b->vcpu_soft_affinity, &b->num_vcpu_soft_affinity };
    return (struct affinity){ &b->vcpu_hard_affinity, &b->num_vcpu_hard_affinity };
}

static int affinity_add(struct cfg *cfg, struct affinity affinity, const char *text)
{
    libxl_bitmap *map;

    *affinity.maps = grown(*affinity.maps, *affinity.count, sizeof(**affinity.maps));
    map = &(*affinity.maps)[(*affinity.count)++];
    libxl_bitmap_init(map);
    if (libxl_cpu_bitmap_alloc(xl.ctx, map, 0))
        return cfg_wrong(cfg, "Unable to allocate cpumap for vcpu %d", *affinity.count - 1);
    return cpus_parse(text, map);
}

int set_cpus(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    struct affinity affinity = affinity_of(cfg, key);
    int vcpus = b->max_vcpus ? b->max_vcpus : 1; /* libxl's default */
    XLU_ConfigList *list = NULL;
    const char *text;
    int entries, rc = 0;

    if (!xlu_cfg_get_list(cfg->config, key->name, &list, &entries, 1)) {
        if (entries > vcpus) {
            cfg_warn(cfg, "%s has %d entries for %d vCPUs; the others are not used", key->name,
                     entries, vcpus);
            entries = vcpus;
        }
        for (int i = 0; i < entries && !rc; i++) {
            text = xlu_cfg_get_listitem(list, i);
            rc = text ? affinity_add(cfg, affinity, text) : ERROR_INVAL;
        }
    } else if ((text = text_get(cfg, key->name))) {
        while (!rc && *affinity.count < vcpus)
            rc = affinity_add(cfg, affinity, text);
    }
    /* One mask for all says nothing about nodes; a soft one, or one for each vCPU, does */
    if (list || (affinity.maps == &b->vcpu_soft_affinity && *affinity.count))
        libxl_defbool_set(&b->numa_placement, false);
    return rc;
}

/* ---- vnuma: a list of nodes, each a list of "key=value" */
static int vnode_part(struct cfg *cfg, libxl_vnode_info *node, const char *part, int nodes)
{
    unsigned long long number;
    const char *value;
    char **texts;

    if ((value = value_of(part, "pnode"))) {
        if (!number_parse(value, 10, INT_MAX, &number))
            return cfg_wrong(cfg, "xl: invalid pnode number: %s", value);
        node->pnode = (uint32_t)number;
        return 0;
    }
    if ((value = value_of(part, "size"))) {
        if (!number_parse(value, 10, ULLONG_MAX >> 10, &number))
            return cfg_wrong(cfg, "vnuma: '%s' is no size in MiB", value);
        node->memkb = number << 10;
        return 0;
    }
    if ((value = value_of(part, "vcpus"))) {
        if (libxl_cpu_bitmap_alloc(xl.ctx, &node->vcpus, MAX_VCPUS) ||
            set_parse(value, &node->vcpus))
            return cfg_wrong(cfg, "vnuma: '%s' is no set of vCPUs", value);
        return 0;
    }
    if (!(value = value_of(part, "vdistances")))
        return cfg_wrong(cfg, "vnuma: there is no '%s'; there are: pnode, size, vcpus, vdistances",
                         part);
    for (texts = split(value, ','); *texts; texts++) {
        if (!number_parse(*texts, 10, UINT32_MAX, &number))
            return cfg_wrong(cfg, "vnuma: '%s' is no distance", *texts);
        node->distances = grown(node->distances, node->num_distances, sizeof(*node->distances));
        node->distances[node->num_distances++] = (uint32_t)number;
    }
    if (node->num_distances != nodes)
        return cfg_wrong(cfg, "vnuma: %d distances for %d nodes", node->num_distances, nodes);
    return 0;
}

static int vnode_read(struct cfg *cfg, XLU_ConfigValue *value, int nodes)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    XLU_ConfigList *list;
    libxl_vnode_info *node;
    const char *part;
    int rc = 0;

    if (xlu_cfg_value_get_list(cfg->config, value, &list, 0))
        return cfg_wrong(cfg, "xl: cannot get vnode config option list");
    b->vnuma_nodes = grown(b->vnuma_nodes, b->num_vnuma_nodes, sizeof(*b->vnuma_nodes));
    node = &b->vnuma_nodes[b->num_vnuma_nodes++];
    libxl_vnode_info_init(node);
    for (int i = 0; !rc && (part = xlu_cfg_get_listitem(list, i)); i++)
        rc = vnode_part(cfg, node, part, nodes);
    return rc;
}

static int vnuma_check(struct cfg *cfg)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    uint64_t memkb = 0;
    int vcpus = 0;
    const char *text;

    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        memkb += b->vnuma_nodes[i].memkb;
        vcpus += libxl_bitmap_count_set(&b->vnuma_nodes[i].vcpus);
    }
    if (text_get(cfg, "maxvcpus") && vcpus != b->max_vcpus)
        return cfg_wrong(cfg, "xl: vnuma vcpus and maxvcpus= mismatch: %d and %d", vcpus,
                         b->max_vcpus);
    if (!xlu_cfg_get_string(cfg->config, "maxmem", &text, 1) && memkb != b->max_memkb)
        return cfg_wrong(cfg, "xl: maxmem and vnuma memory size mismatch: %llu and %llu KiB",
                         (unsigned long long)b->max_memkb, (unsigned long long)memkb);
    if (vcpus > libxl_get_online_cpus(xl.ctx) && !text_get(cfg, "maxvcpus"))
        return cfg_wrong(cfg,
                         "xl: vnuma specifies more vcpus than pcpus, use maxvcpus= to override "
                         "this check.");
    b->max_vcpus = vcpus;
    b->max_memkb = memkb;
    libxl_defbool_set(&b->numa_placement, false);
    return 0;
}

int set_vnuma(struct cfg *cfg, const struct key *key)
{
    XLU_ConfigList *list;
    XLU_ConfigValue *value;
    int nodes, rc = 0;

    if (xlu_cfg_get_list(cfg->config, key->name, &list, &nodes, 0))
        return 0;
    for (int i = 0; !rc && i < nodes && (value = xlu_cfg_get_listitem2(list, i)); i++)
        rc = vnode_read(cfg, value, nodes);
    return rc || !nodes ? rc : vnuma_check(cfg);
}

/* ---- boot */
int set_kernel(struct cfg *cfg, const struct key *key)
{
    const char *path = text_get(cfg, key->name);
    const char *base = path ? strrchr(path, '/') : NULL;

    if (!path)
        return 0;
    if (cfg->guest == GUEST_HVM && !strcmp(base ? base + 1 : path, "hvmloader")) {
        cfg_warn(
            cfg,
            "you seem to be using \"kernel\" directive to override HVM guest firmware. Ignore "
            "that. Use \"firmware_override\" instead if you really want a non-default firmware");
        return 0;
    }
    cfg->domain->b_info.kernel = need(strdup(path));
    return 0;
}

int set_cmdline(struct cfg *cfg, const struct key *key)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;
    const char *cmdline = text_get(cfg, key->name), *root = text_get(cfg, "root");
    const char *extra = text_get(cfg, "extra");

    if (cmdline) {
        b->cmdline = need(strdup(cmdline));
        if (root || extra)
            cfg_warn(cfg, "ignoring root= and extra= in favour of cmdline=");
    } else if (root && extra) {
        b->cmdline = text_of("root=%s %s", root, extra);
    } else if (root || extra) {
        b->cmdline = root ? text_of("root=%s", root) : need(strdup(extra));
    }
    return 0;
}

int set_bootloader_args(struct cfg *cfg, const struct key *key)
{
    libxl_string_list *args = &cfg->domain->b_info.bootloader_args;
    const char *text;
    int count = 0;

    if (!xlu_cfg_get_list_as_string_list(cfg->config, key->name, args, 1))
        return 0;
    text = text_get(cfg, key->name);
    if (!text)
        return 0;
    cfg_warn(cfg, "Specifying \"bootloader_args\" as a string is deprecated. Please use a list of "
                  "arguments.");
    for (char **word = split(text, ' '); *word; word++) {
        if (!**word)
            continue;
        *args = grown(*args, count, sizeof(**args));
        (*args)[count++] = *word;
    }
    *args = grown(*args, count, sizeof(**args));
    return 0;
}

static int firmware_pv(struct cfg *cfg, const char *text)
{
    libxl_domain_build_info *b = &cfg->domain->b_info;

    if (b->kernel)
        return cfg_wrong(cfg, "both kernel and firmware specified; remove one");
    if (strcmp(text, "pvgrub32") && strcmp(text, "pvgrub64"))
        return cfg_wrong(cfg, "only pvgrub{32|64} supported as firmware options, not '%s'", text);
    b->kernel = text_of("/usr/lib/xen-4.17/boot/%s.bin", text);
    return 0;
}

/* firmware: and the check that there is something to boot */
int set_firmware(struct cfg *cfg, const struct key *key)
{
    static const struct choice firmwares[] = {
        { "bios", LIBXL_BIOS_TYPE_UNKNOWN },    { "uefi", LIBXL_BIOS_TYPE_OVMF },
        { "seabios", LIBXL_BIOS_TYPE_SEABIOS }, { "rombios", LIBXL_BIOS_TYPE_ROMBIOS },
        { "ovmf", LIBXL_BIOS_TYPE_OVMF },       { NULL, 0 },
    };
    libxl_domain_build_info *b = &cfg->domain->b_info;
    const char *text = text_get(cfg, key->name);
    const struct choice *choice;

    if (cfg->guest != GUEST_HVM) {
        if (text && firmware_pv(cfg, text))
            return ERROR_INVAL;
        if (!b->kernel && !b->bootloader)
            return cfg_wrong(cfg,
                             "Neither kernel nor bootloader specified; add kernel = \"...\", or "
                             "bootloader = \"pygrub\"");
        return 0;
    }
    if (!text)
        return 0;
    choice = choice_find(firmwares, text);
    if (choice)
        b->u.hvm.bios = (libxl_bios_type)choice->value;
    else
        b->u.hvm.firmware = need(strdup(text));
    return 0;
}
