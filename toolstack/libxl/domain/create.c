/*
 * Creating a domain, in this order:
 *
 *   1. what an earlier creator left half made, because it was killed, is destroyed;
 *   2. the configuration is filled and checked, all of it, devices too;
 *   3. the hypervisor makes an empty domain, after the file that tells of the creation is there;
 *   4. its nodes are made, its boot loader runs, its memory is filled (or from a stream);
 *   5. it becomes a client of the store, gets its console and its devices;
 *   6. the configuration is stored.
 *
 * A step that fails has all steps before undone by domain_destroy(), which knows nothing of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"
#include "libxl/domain/domain.h"
#include "libxl/transfer/transfer.h"

#define TRIES 100 /* to find a number for a domain */

struct create {
    libxl_domain_config *config;
    libxl_domain_config *saved; /* as it was given: what is stored with the domain */
    uint32_t *domid;
    int restore_fd; /* -1: a new domain */
    bool has_console_how;
    libxl_asyncprogress_how console_how;
};

/* ---- the empty domain ---- */

static void fill_create(const libxl_domain_config *config, struct xen_domctl_createdomain *create)
{
    const libxl_domain_create_info *c = &config->c_info;
    const libxl_domain_build_info *b = &config->b_info;

    *create = (struct xen_domctl_createdomain){
        .ssidref = c->ssidref,
        .max_vcpus = (uint32_t)b->max_vcpus,
        .max_evtchn_port = b->event_channels,
        .max_grant_frames = (int32_t)b->max_grant_frames,
        .max_maptrack_frames = (int32_t)b->max_maptrack_frames,
        .grant_opts = XEN_DOMCTL_GRANT_version(b->max_grant_version),
        .vmtrace_size = (uint32_t)b->vmtrace_buf_kb << 10,
        .cpupool_id = c->poolid,
    };
    memcpy(create->handle, c->uuid.uuid, sizeof(create->handle));
    if (c->type != LIBXL_DOMAIN_TYPE_PV) {
        create->flags |= XEN_DOMCTL_CDF_hvm;
        create->arch.emulation_flags = c->type == LIBXL_DOMAIN_TYPE_HVM
                                           ? XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI
                                           : XEN_X86_EMU_LAPIC;
        if (libxl_defbool_val(c->hap))
            create->flags |= XEN_DOMCTL_CDF_hap;
        if (!libxl_defbool_val(c->oos))
            create->flags |= XEN_DOMCTL_CDF_oos_off;
        if (libxl_defbool_val(b->nested_hvm))
            create->flags |= XEN_DOMCTL_CDF_nested_virt;
    }
    if (libxl_defbool_val(b->vpmu))
        create->flags |= XEN_DOMCTL_CDF_vpmu;
    if (libxl_defbool_val(b->arch_x86.msr_relaxed))
        create->arch.misc_flags |= XEN_X86_MSR_RELAXED;
    if (c->passthrough != LIBXL_PASSTHROUGH_DISABLED)
        create->flags |= XEN_DOMCTL_CDF_iommu;
    if (c->passthrough == LIBXL_PASSTHROUGH_SYNC_PT)
        create->iommu_opts |= XEN_DOMCTL_IOMMU_no_sharept;
}

/* The number to ask the hypervisor for: 0 lets it choose */
static uint32_t wanted_domid(const libxl_domain_create_info *c)
{
    uint16_t random;
    libxl_uuid uuid;

    if (c->domid == LIBXL_INVALID_DOMID)
        return 0;
    if (c->domid != (uint32_t)RANDOM_DOMID)
        return c->domid;
    libxl_uuid_generate(&uuid);
    memcpy(&random, uuid.uuid, sizeof(random));
    return 1 + random % (DOMID_FIRST_RESERVED - 1);
}

/*
 * A number that was used a moment ago is not taken again, if another can be had: the domain goes,
 * and the hypervisor, which counts up, gives the next.
 */
static int make_domain(struct op *op, const libxl_domain_config *config, uint32_t *domid)
{
    bool any = config->c_info.domid == LIBXL_INVALID_DOMID;
    bool random = config->c_info.domid == (uint32_t)RANDOM_DOMID;
    struct xen_domctl_createdomain create;
    int i, err = 0;

    fill_create(config, &create);
    for (i = 0; i < TRIES; i++) {
        *domid = wanted_domid(&config->c_info);
        err = xc_domain_create(op_xc(op), domid, &create);
        if (err == -EEXIST && random)
            continue;
        if (err < 0)
            break;
        if (!(any || random) || !domid_recent(op, *domid))
            return 0;
        xc_domain_destroy(op_xc(op), *domid);
        err = -EBUSY;
    }
    *domid = LIBXL_INVALID_DOMID;
    if (err == -EEXIST)
        return op_fail(op, ERROR_FAIL, 0, "There is a domain %u already", config->c_info.domid);
    return op_fail(op, ERROR_FAIL, -err, "The hypervisor does not make the domain");
}

/* ---- the steps ---- */

static int check_config(struct op *op, libxl_domain_config *config)
{
    uint32_t other;
    int rc;

    rc = config_set_defaults(op, config);
    if (rc)
        return rc;
    if (name_taken(op, config->c_info.name, LIBXL_INVALID_DOMID, &other))
        return op_fail(op, ERROR_FAIL, 0, "Domain %u is called \"%s\" already", other,
                       config->c_info.name);
    return devices_set_defaults(op, LIBXL_INVALID_DOMID, config, false);
}

/* Who looks at the domain's console is told once, and at the boot loader's if there is one. */
static int find_kernel(struct op *op, uint32_t domid, struct create *c, struct boot *boot)
{
    const libxl_asyncprogress_how *console = c->has_console_how ? &c->console_how : NULL;
    const libxl_domain_build_info *b = &c->config->b_info;

    *boot = (struct boot){ .kernel = b->kernel, .ramdisk = b->ramdisk, .cmdline = b->cmdline };
    if (!b->bootloader || b->type == LIBXL_DOMAIN_TYPE_HVM || c->restore_fd >= 0)
        return 0;
    c->has_console_how = false;
    return bootloader_run(op, domid, c->config, console, boot);
}

static int fill_memory(struct op *op, uint32_t domid, const struct create *c,
                       const struct boot *boot, struct rings *rings)
{
    int rc = domain_prepare(op, domid, c->config);

    if (!rc)
        rc = rings_create(op, domid, rings);
    if (rc)
        return rc;
    if (c->restore_fd < 0)
        return domain_build(op, domid, c->config, boot, rings);
    return domain_restore(op, domid, c->restore_fd, c->config, rings);
}

/* What was chosen for a device and has to stay: its number, and the address of a card */
static void keep_devices(const libxl_domain_config *config, libxl_domain_config *saved)
{
    const struct device_kind *const *k;
    void *from, *to;
    int i, n, m;

    for (k = device_kinds; *k; k++) {
        from = kind_items(*k, config, &n);
        to = kind_items(*k, saved, &m);
        for (i = 0; i < n && i < m; i++) {
            if (item_devid(*k, kind_item(*k, to, i)))
                *item_devid(*k, kind_item(*k, to, i)) = *item_devid(*k, kind_item(*k, from, i));
        }
    }
    for (i = 0; i < config->num_nics && i < saved->num_nics; i++) {
        libxl_mac_copy(NULL, &saved->nics[i].mac, &config->nics[i].mac);
        saved->nics[i].nictype = config->nics[i].nictype;
    }
    for (i = 0; i < config->num_disks && i < saved->num_disks; i++)
        saved->disks[i].colo_restore_enable = config->disks[i].colo_restore_enable;
    for (i = 0; i < config->num_vtpms && i < saved->num_vtpms; i++)
        libxl_uuid_copy(NULL, &saved->vtpms[i].uuid, &config->vtpms[i].uuid);
}

/* Defaults are not stored: another version of this library, or another host, may have others. */
static int store_config(struct op *op, uint32_t domid, const struct create *c)
{
    struct config_lock *lock;
    int rc;

    libxl_uuid_copy(op->ctx, &c->saved->c_info.uuid, &c->config->c_info.uuid);
    c->saved->b_info.video_memkb = c->config->b_info.video_memkb;
    c->saved->b_info.arch_x86.msr_relaxed = c->config->b_info.arch_x86.msr_relaxed;
    keep_devices(c->config, c->saved);
    rc = config_lock(op, domid, &lock);
    if (rc)
        return rc;
    rc = config_store(op, domid, c->saved);
    config_unlock(op, lock);
    return rc;
}

static int complete(struct op *op, uint32_t domid, struct create *c)
{
    struct rings rings = { 0 };
    struct console_place place;
    struct boot boot;
    int rc;

    rc = nodes_create(op, domid, c->config);
    if (!rc)
        rc = find_kernel(op, domid, c, &boot);
    if (!rc)
        rc = fill_memory(op, domid, c, &boot, &rings);
    if (!rc)
        rc = nodes_of_build(op, domid, c->config, &boot, &rings);
    if (rc)
        return rc;
    bootloader_clean_up(op, domid);
    place = (struct console_place){ .mfn = rings.console_mfn, .port = rings.console_port };
    rc = device_console_create(op, domid, &place);
    if (!rc)
        rc = devices_add_all(op, domid, c->config);
    if (!rc)
        rc = store_config(op, domid, c);
    return rc;
}

static int create(struct op *op, struct create *c)
{
    uint32_t domid;
    int rc;

    rc = check_config(op, c->config);
    if (!rc)
        rc = creation_begin(op, &c->config->c_info.uuid);
    if (rc)
        return rc;
    rc = make_domain(op, c->config, &domid);
    creation_made(op, &c->config->c_info.uuid, domid);
    if (rc) {
        creation_end(op, domid);
        return rc;
    }
    op->domid = *c->domid = domid;
    rc = complete(op, domid, c);
    if (rc) {
        op_log(op, XTL_ERROR, 0, "It cannot be created; what was made of it is destroyed");
        op->undoes = true;
        domain_destroy(op, domid);
        *c->domid = LIBXL_INVALID_DOMID;
    }
    /* Programs know this one for whatever fails after the configuration was found good */
    return !rc || rc == ERROR_ABORTED ? rc : ERROR_FAIL;
}

static int do_create(struct op *op, void *args)
{
    libxl_domain_config saved;
    struct create *c = args;
    int rc;

    *c->domid = LIBXL_INVALID_DOMID;
    creation_clean_up(op);
    libxl_domain_config_init(&saved);
    libxl_domain_config_copy(op->ctx, &saved, c->config);
    c->saved = &saved;
    rc = create(op, c);
    libxl_domain_config_dispose(&saved);
    if (!rc && c->has_console_how)
        op_progress(op, &c->console_how, LIBXL_EVENT_TYPE_DOMAIN_CREATE_CONSOLE_AVAILABLE,
                    *c->domid);
    return rc;
}

static int start(libxl_ctx *ctx, const char *name, struct create *c,
                 const libxl_asyncop_how *ao_how, const libxl_asyncprogress_how *console_how)
{
    if (console_how) {
        c->has_console_how = true;
        c->console_how = *console_how;
    }
    return op_start(ctx, name, LIBXL_INVALID_DOMID, ao_how, do_create, c, sizeof(*c));
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *d_config, uint32_t *domid,
                            const libxl_asyncop_how *ao_how,
                            const libxl_asyncprogress_how *aop_console_how)
{
    struct create c = { .config = d_config, .domid = domid, .restore_fd = -1 };

    return start(ctx, __func__, &c, ao_how, aop_console_how);
}

static int refuse(libxl_ctx *ctx, const char *name, int rc, const char *why)
{
    struct op op;

    op_begin(&op, ctx, name, LIBXL_INVALID_DOMID);
    return op_end(&op, op_fail(&op, rc, 0, "%s", why));
}

int libxl_domain_create_restore(libxl_ctx *ctx, libxl_domain_config *d_config, uint32_t *domid,
                                int restore_fd, int send_back_fd,
                                const libxl_domain_restore_params *params,
                                const libxl_asyncop_how *ao_how,
                                const libxl_asyncprogress_how *aop_console_how)
{
    struct create c = { .config = d_config, .domid = domid, .restore_fd = restore_fd };

    *domid = LIBXL_INVALID_DOMID;
    (void)send_back_fd; /* for answers to checkpoints; a program may have it open for any stream */
    if (params->checkpointed_stream != LIBXL_CHECKPOINTED_STREAM_NONE)
        return refuse(ctx, __func__, ERROR_NI, "A stream with checkpoints cannot be restored");
    if (params->stream_version != 2)
        return refuse(ctx, __func__, ERROR_NI,
                      "A stream of version 1, of Xen before 4.6, cannot be restored");
    if (restore_fd < 0)
        return refuse(ctx, __func__, ERROR_INVAL, "There is no stream to restore from");
    return start(ctx, __func__, &c, ao_how, aop_console_how);
}
