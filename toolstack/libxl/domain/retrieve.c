/*
 * The configuration that a domain has now: the one that was stored when it was created, with what
 * has changed since: its name, memory, vCPUs, and devices. A domain can be built again from it.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/domain/domain.h"

/* Balloon and limit, from the store; dom0's are made for who asks first */
static void retrieve_memory(struct op *op, uint32_t domid, libxl_domain_build_info *b)
{
    uint64_t target;
    long long kb;

    if (!libxl_get_memory_target(op->ctx, domid, &target))
        b->target_memkb = target + (b->video_memkb == LIBXL_MEMKB_DEFAULT ? 0 : b->video_memkb);
    kb = store_read_int(op, XBT_NULL, -1, "/local/domain/%u/memory/static-max", domid);
    if (kb >= 0)
        b->max_memkb = (uint64_t)kb;
}

/* vCPUs that the guest is told to use */
static int retrieve_vcpus(struct op *op, uint32_t domid, libxl_domain_build_info *b)
{
    char *value;
    int i;

    if (b->max_vcpus <= 0)
        return 0;
    libxl_bitmap_dispose(&b->avail_vcpus);
    if (libxl_cpu_bitmap_alloc(op->ctx, &b->avail_vcpus, b->max_vcpus))
        return ERROR_FAIL;
    for (i = 0; i < b->max_vcpus; i++) {
        value = store_read(op, XBT_NULL, "/local/domain/%u/cpu/%d/availability", domid, i);
        if (value && !strcmp(value, "online"))
            libxl_bitmap_set(&b->avail_vcpus, i);
    }
    return 0;
}

static void retrieve_name(struct op *op, uint32_t domid, libxl_domain_create_info *c)
{
    struct xen_domctl_getdomaininfo info;
    char *name = store_read(op, XBT_NULL, "/local/domain/%u/name", domid);

    if (name) {
        free(c->name);
        c->name = xl_strdup(name);
    }
    if (!domain_info(op, domid, &info))
        memcpy(c->uuid.uuid, info.handle, sizeof(c->uuid.uuid));
}

static int retrieve_scheduler(struct op *op, uint32_t domid, libxl_domain_build_info *b)
{
    libxl_domain_sched_params params;
    int rc;

    libxl_domain_sched_params_init(&params);
    rc = libxl_domain_sched_params_get(op->ctx, domid, &params);
    if (!rc) {
        libxl_domain_sched_params_dispose(&b->sched_params);
        libxl_domain_sched_params_copy(op->ctx, &b->sched_params, &params);
    }
    libxl_domain_sched_params_dispose(&params);
    return rc;
}

static int retrieve(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    int rc = config_load(op, domid, config);

    if (rc == ERROR_JSON_CONFIG_EMPTY)
        return op_fail(op, rc, 0, "No configuration is stored with it; libxl did not create it");
    if (rc)
        return rc;
    retrieve_name(op, domid, &config->c_info);
    retrieve_memory(op, domid, &config->b_info);
    rc = retrieve_vcpus(op, domid, &config->b_info);
    if (!rc)
        rc = retrieve_scheduler(op, domid, &config->b_info);
    return rc ? rc : devices_retrieve(op, domid, config);
}

static int do_retrieve(struct op *op, void *args)
{
    libxl_domain_config **config = args;
    struct config_lock *lock;
    int rc;

    rc = config_lock(op, op->domid, &lock);
    if (rc)
        return rc;
    rc = retrieve(op, op->domid, *config);
    config_unlock(op, lock);
    return rc;
}

int libxl_retrieve_domain_configuration(libxl_ctx *ctx, uint32_t domid,
                                        libxl_domain_config *d_config,
                                        const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_retrieve, &d_config, sizeof(d_config));
}
