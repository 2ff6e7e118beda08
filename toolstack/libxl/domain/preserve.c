/*
 * A domain that is kept after its end, to be looked at: it gets another name and UUID, so that a
 * new one can have its own.
 */
#include <string.h>

#include "libxl/domain/domain.h"

struct preserve {
    uint32_t domid;
    const char *name, *uuid;
};

static int preserve_in(struct op *op, xs_transaction_t t, void *arg)
{
    struct preserve *p = arg;
    struct xs_permissions guest_reads[] = {
        { .id = DOM0, .perms = XS_PERM_NONE },
        { .id = p->domid, .perms = XS_PERM_READ },
    };
    const char *vm = op_printf(op, "/vm/%s", p->uuid);
    const char *pairs[] = { "uuid", p->uuid, "name", p->name, NULL };
    int rc;

    rc = store_mkdir(op, t, vm, guest_reads, 2);
    if (!rc)
        rc = store_write(op, t, op_printf(op, "/local/domain/%u/vm", p->domid), "%s", vm);
    return rc ? rc : store_write_all(op, t, vm, pairs);
}

/* Its files have its UUID in their names: the configuration is stored again under the new one. */
static int preserve(struct op *op, const char *name, const libxl_uuid *uuid)
{
    struct preserve p = { .domid = op->domid, .name = name };
    libxl_domain_config config;
    int rc, err;
    bool stored;

    p.uuid = op_printf(op, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(*uuid));
    libxl_domain_config_init(&config);
    stored = !config_load(op, op->domid, &config);
    rc = store_transaction(op, preserve_in, &p);
    if (!rc) {
        userdata_remove_all(op, op->domid);
        err = xc_domain_set_handle(op_xc(op), op->domid, uuid->uuid);
        if (err)
            rc = op_fail(op, error_of(err), -err, "Its UUID cannot be changed");
    }
    if (!rc && stored) {
        libxl_uuid_copy(op->ctx, &config.c_info.uuid, uuid);
        rc = config_store(op, op->domid, &config);
    }
    libxl_domain_config_dispose(&config);
    return rc;
}

int libxl_domain_preserve(libxl_ctx *ctx, uint32_t domid, libxl_domain_create_info *info,
                          const char *name_suffix, libxl_uuid new_uuid)
{
    struct op op;
    char *name;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    name = op_printf(&op, "%s%s", info->name, name_suffix);
    rc = domain_rename(&op, domid, info->name, name);
    if (!rc)
        rc = preserve(&op, name, &new_uuid);
    return op_end(&op, rc);
}
