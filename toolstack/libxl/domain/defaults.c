/*
 * What a configuration leaves open is filled before anything is made, and what cannot be is
 * refused. The filled configuration is what is stored with the domain, so it tells all that was
 * decided.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/domain/domain.h"
#include "xc/host.h"

#define KB_PER_MB         1024u
#define DEFAULT_MEMORY_KB (32u * KB_PER_MB)
#define EVENT_CHANNELS    1023u
#define MAX_VCPUS         4096

/* ---- what a domain is created with ---- */

static int set_pool(struct op *op, libxl_domain_create_info *c)
{
    int rc;

    if (!c->pool_name)
        return 0;
    rc = libxl_cpupool_qualifier_to_cpupoolid(op->ctx, c->pool_name, &c->poolid, NULL);
    if (rc || !libxl_cpupoolid_is_valid(op->ctx, c->poolid))
        return op_fail(op, ERROR_INVAL, 0,
                       "There is no pool of CPUs \"%s\"; xl cpupool-list shows "
                       "those that are",
                       c->pool_name);
    return 0;
}

static int set_label(struct op *op, char *label, uint32_t *ssidref, const char *what)
{
    if (!label)
        return 0;
    if (!libxl_flask_context_to_sid(op->ctx, label, strlen(label), ssidref))
        return 0;
    return op_fail(op, ERROR_INVAL, 0, "The security label %s of the %s is not known here", label,
                   what);
}

static int set_passthrough(struct op *op, libxl_domain_config *config, uint32_t capabilities)
{
    libxl_domain_create_info *c = &config->c_info;
    bool machine = capabilities & XEN_SYSCTL_PHYSCAP_directio;
    bool devices = config->num_pcidevs || config->num_dtdevs;

    if (c->passthrough == LIBXL_PASSTHROUGH_DEFAULT)
        c->passthrough = devices ? LIBXL_PASSTHROUGH_ENABLED : LIBXL_PASSTHROUGH_DISABLED;
    if (c->passthrough == LIBXL_PASSTHROUGH_DISABLED)
        return devices ? op_fail(op, ERROR_INVAL, 0,
                                 "Devices of the machine are to be given to it, "
                                 "but passthrough=\"disabled\"")
                       : 0;
    if (!machine && c->type != LIBXL_DOMAIN_TYPE_PV)
        return op_fail(op, ERROR_INVAL, 0,
                       "This machine has no IOMMU, so no device can be given to "
                       "a guest that is not PV");
    if (c->passthrough == LIBXL_PASSTHROUGH_ENABLED)
        c->passthrough = c->type != LIBXL_DOMAIN_TYPE_PV &&
                                 (capabilities & XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share)
                             ? LIBXL_PASSTHROUGH_SHARE_PT
                             : LIBXL_PASSTHROUGH_SYNC_PT;
    return 0;
}

static int create_defaults(struct op *op, libxl_domain_config *config, uint32_t capabilities)
{
    libxl_domain_create_info *c = &config->c_info;
    int rc;

    if (c->type != LIBXL_DOMAIN_TYPE_PV && c->type != LIBXL_DOMAIN_TYPE_PVH &&
        c->type != LIBXL_DOMAIN_TYPE_HVM)
        return op_fail(op, ERROR_INVAL, 0, "A domain must be PV, PVH, or HVM");
    if (c->type != LIBXL_DOMAIN_TYPE_PV) {
        if (!(capabilities & (XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_shadow)))
            return op_fail(op, ERROR_INVAL, 0,
                           "The hypervisor has neither nested nor shadow page tables on this "
                           "machine, so it runs only PV guests: type=\"pv\"");
        libxl_defbool_setdefault(&c->hap, capabilities & XEN_SYSCTL_PHYSCAP_hap);
        libxl_defbool_setdefault(&c->oos, true);
    }
    if (!c->name)
        return op_fail(op, ERROR_INVAL, 0, "A domain must have a name");
    if (libxl_uuid_is_nil(&c->uuid))
        libxl_uuid_generate(&c->uuid);
    libxl_defbool_setdefault(&c->run_hotplug_scripts, true);
    libxl_defbool_setdefault(&c->driver_domain, false);
    libxl_defbool_setdefault(&c->xend_suspend_evtchn_compat, false);
    rc = set_pool(op, c);
    if (!rc)
        rc = set_label(op, c->ssid_label, &c->ssidref, "domain");
    return rc ? rc : set_passthrough(op, config, capabilities);
}

/* ---- how it is built ---- */

/* The hypervisor's own memory for a guest with two stages of page tables: 256 pages for a vCPU, and
 * 9 KiB of tables for each MiB, at least 2 MiB in all */
uint64_t paging_memory_kb(uint64_t max_kb, unsigned int vcpus)
{
    return 4 * (256 * vcpus + 2 * (max_kb / KB_PER_MB));
}

unsigned long libxl_get_required_shadow_memory(unsigned long maxmem_kb, unsigned int smp_cpus)
{
    return paging_memory_kb(maxmem_kb, smp_cpus);
}

static int set_memory(struct op *op, libxl_domain_config *config)
{
    libxl_domain_build_info *b = &config->b_info;

    if (b->max_memkb == LIBXL_MEMKB_DEFAULT)
        b->max_memkb = DEFAULT_MEMORY_KB;
    if (b->target_memkb == LIBXL_MEMKB_DEFAULT)
        b->target_memkb = b->max_memkb;
    if (b->target_memkb > b->max_memkb)
        return op_fail(op, ERROR_INVAL, 0,
                       "It is to start with %llu kB of memory, but have %llu kB "
                       "at most",
                       (unsigned long long)b->target_memkb, (unsigned long long)b->max_memkb);
    if (b->video_memkb == LIBXL_MEMKB_DEFAULT && b->type != LIBXL_DOMAIN_TYPE_HVM)
        b->video_memkb = 0;
    if (b->shadow_memkb == LIBXL_MEMKB_DEFAULT)
        b->shadow_memkb = config->c_info.type == LIBXL_DOMAIN_TYPE_PV
                              ? 0
                              : paging_memory_kb(b->max_memkb, (unsigned int)b->max_vcpus);
    if (b->iommu_memkb == LIBXL_MEMKB_DEFAULT)
        b->iommu_memkb = config->c_info.passthrough == LIBXL_PASSTHROUGH_SYNC_PT
                             ? paging_memory_kb(b->max_memkb, 0)
                             : 0;
    return 0;
}

static int set_vcpus(struct op *op, libxl_domain_build_info *b)
{
    if (!b->max_vcpus)
        b->max_vcpus = 1;
    if (b->max_vcpus < 0 || b->max_vcpus > MAX_VCPUS)
        return op_fail(op, ERROR_INVAL, 0, "It cannot have %d vCPUs", b->max_vcpus);
    if (!b->avail_vcpus.size) {
        if (libxl_cpu_bitmap_alloc(op->ctx, &b->avail_vcpus, 1))
            return ERROR_FAIL;
        libxl_bitmap_set(&b->avail_vcpus, 0);
    }
    if (libxl_bitmap_is_empty(&b->avail_vcpus))
        return op_fail(op, ERROR_INVAL, 0, "At least one vCPU must be there when it starts");
    return 0;
}

static void set_grants(libxl_domain_build_info *b, uint32_t capabilities)
{
    if (b->max_grant_version != -1)
        return;
    if (capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2)
        b->max_grant_version = 2;
    else
        b->max_grant_version = capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v1 ? 1 : 0;
}

/* Fields that moved out of the PV part are still taken from there. */
static void take_old_field(char **to, char **from)
{
    if (*to)
        return;
    *to = *from;
    *from = NULL;
}

static void pv_defaults(libxl_domain_build_info *b)
{
    libxl_defbool_setdefault(&b->u.pv.e820_host, false);
    take_old_field(&b->kernel, &b->u.pv.kernel);
    take_old_field(&b->cmdline, &b->u.pv.cmdline);
    take_old_field(&b->ramdisk, &b->u.pv.ramdisk);
    take_old_field(&b->bootloader, &b->u.pv.bootloader);
    if (!b->bootloader_args) {
        b->bootloader_args = b->u.pv.bootloader_args;
        b->u.pv.bootloader_args = NULL;
    }
    if (b->u.pv.slack_memkb == LIBXL_MEMKB_DEFAULT)
        b->u.pv.slack_memkb = 0;
}

static int pvh_defaults(struct op *op, libxl_domain_build_info *b)
{
    libxl_defbool_setdefault(&b->u.pvh.pvshim, false);
    libxl_defbool_setdefault(&b->acpi, true);
    libxl_defbool_setdefault(&b->apic, true);
    libxl_defbool_setdefault(&b->nested_hvm, false);
    if (b->timer_mode == LIBXL_TIMER_MODE_DEFAULT)
        b->timer_mode = LIBXL_TIMER_MODE_NO_DELAY_FOR_MISSED_TICKS;
    if (libxl_defbool_val(b->u.pvh.pvshim))
        return op_fail(op, ERROR_NI, 0,
                       "A PV guest cannot be run inside a PVH guest (pvshim) here");
    return 0;
}

static int type_defaults(struct op *op, libxl_domain_build_info *b)
{
    switch (b->type) {
    case LIBXL_DOMAIN_TYPE_PV:
        pv_defaults(b);
        return 0;
    case LIBXL_DOMAIN_TYPE_PVH:
        return pvh_defaults(op, b);
    default:
        return hvm_defaults(op, b);
    }
}

/* What is asked for and cannot be done is refused: nothing of a configuration is passed over. */
static int refuse_what_is_missing(struct op *op, const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    if (b->num_vnuma_nodes)
        return op_fail(op, ERROR_NI, 0, "Virtual nodes of memory (vnuma) cannot be made yet");
    if (b->altp2m != LIBXL_ALTP2M_MODE_DISABLED)
        return op_fail(op, ERROR_NI, 0, "Alternate page tables (altp2m) are not there");
    if (b->device_tree || config->num_dtdevs)
        return op_fail(op, ERROR_NI, 0, "Device trees are for ARM");
    if (b->tee != LIBXL_TEE_TYPE_NONE)
        return op_fail(op, ERROR_INVAL, 0, "Trusted environments (tee) are for ARM");
    if (libxl_defbool_val(config->c_info.driver_domain) && b->type != LIBXL_DOMAIN_TYPE_PV)
        return op_fail(op, ERROR_NI, 0, "Only a PV guest can be a driver domain");
    return 0;
}

static int build_defaults(struct op *op, libxl_domain_config *config, uint32_t capabilities)
{
    libxl_domain_build_info *b = &config->b_info;
    int rc;

    if (b->type != config->c_info.type)
        libxl_domain_build_info_init_type(b, config->c_info.type);
    if (b->device_model_version == LIBXL_DEVICE_MODEL_VERSION_UNKNOWN)
        b->device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN;
    libxl_defbool_setdefault(&b->device_model_stubdomain, false);
    libxl_defbool_setdefault(&b->dm_restrict, false);
    libxl_defbool_setdefault(&b->numa_placement,
                             !b->cpumap.size && !b->nodemap.size && !b->num_vcpu_soft_affinity);
    libxl_defbool_setdefault(&b->claim_mode, false);
    libxl_defbool_setdefault(&b->localtime, false);
    libxl_defbool_setdefault(&b->disable_migrate, false);
    libxl_defbool_setdefault(&b->arch_x86.msr_relaxed, false);
    libxl_defbool_setdefault(&b->vpmu, false);
    if (!b->event_channels)
        b->event_channels = EVENT_CHANNELS;
    if (!b->blkdev_start)
        b->blkdev_start = xl_strdup("xvda");
    set_grants(b, capabilities);
    rc = set_vcpus(op, b);
    if (!rc)
        rc = set_memory(op, config);
    if (!rc)
        rc = set_label(op, b->exec_ssid_label, &b->exec_ssidref, "running domain");
    if (!rc)
        rc = type_defaults(op, b);
    return rc ? rc : refuse_what_is_missing(op, config);
}

int config_set_defaults(struct op *op, libxl_domain_config *config)
{
    struct xen_sysctl_physinfo host;
    int rc;

    rc = xc_physinfo(op_xc(op), &host);
    if (rc)
        return op_fail(op, error_of(rc), -rc,
                       "The hypervisor does not say what this machine can do");
    rc = create_defaults(op, config, host.capabilities);
    if (!rc)
        rc = build_defaults(op, config, host.capabilities);
    return rc;
}

/* ---- how much memory of the host a domain needs ---- */

/* Beside the guest's own: room for the hypervisor's structures, and its tables */
#define OVERHEAD_KB (2u * KB_PER_MB)

static int need_memory(struct op *op, libxl_domain_config *config, uint64_t *kb)
{
    const libxl_domain_build_info *b = &config->b_info;
    int rc = config_set_defaults(op, config);

    if (rc)
        return rc;
    *kb = b->target_memkb + OVERHEAD_KB + b->shadow_memkb + b->iommu_memkb;
    if (b->type == LIBXL_DOMAIN_TYPE_PV)
        *kb += b->u.pv.slack_memkb;
    *kb = (*kb + KB_PER_MB - 1) & ~(uint64_t)(KB_PER_MB - 1);
    return 0;
}

/* The caller's configuration is what will be stored with the domain: defaults stay out of it. */
static int domain_need_memory(struct op *op, const libxl_domain_config *config, uint64_t *kb)
{
    libxl_domain_config copy;
    int rc;

    libxl_domain_config_init(&copy);
    libxl_domain_config_copy(op->ctx, &copy, config);
    rc = need_memory(op, &copy, kb);
    libxl_domain_config_dispose(&copy);
    return rc;
}

int libxl_domain_need_memory(libxl_ctx *ctx, libxl_domain_config *config,
                             uint32_t domid_for_logging, uint64_t *need_memkb)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid_for_logging);
    return op_end(&op, domain_need_memory(&op, config, need_memkb));
}

int libxl_domain_need_memory_0x041200(libxl_ctx *ctx, const libxl_domain_build_info *b_info_in,
                                      uint64_t *need_memkb)
{
    libxl_domain_config config;
    int rc;

    libxl_domain_config_init(&config);
    libxl_domain_build_info_dispose(&config.b_info);
    libxl_domain_build_info_copy(ctx, &config.b_info, b_info_in);
    config.c_info.type = b_info_in->type;
    config.c_info.name = xl_strdup("?");
    rc = libxl_domain_need_memory(ctx, &config, LIBXL_INVALID_DOMID, need_memkb);
    libxl_domain_config_dispose(&config);
    return rc;
}

int libxl_domain_need_memory_0x040700(libxl_ctx *ctx, const libxl_domain_build_info *b_info_in,
                                      uint32_t *need_memkb)
{
    uint64_t kb;
    int rc = libxl_domain_need_memory_0x041200(ctx, b_info_in, &kb);

    if (!rc && kb > UINT32_MAX)
        rc = ERROR_FAIL;
    if (!rc)
        *need_memkb = (uint32_t)kb;
    return rc;
}
