/*
 * The end of a domain. What it has is found again from the store and the hypervisor alone, and each
 * step may be done again: so this also cleans up after a creation, or a destruction, that was
 * killed. The hypervisor's part goes last: as long as anything is left, the domain can still be
 * named.
 */
#include <errno.h>
#include <string.h>

#include "libxl/domain/domain.h"

/* While a domain moves within a host, two have its UUID; the second still needs /vm/UUID. */
static bool uuid_shared(struct op *op, const struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl_getdomaininfo *all;
    unsigned int i, n = 0;

    all = domain_list(op, &n);
    for (i = 0; all && i < n; i++) {
        if (all[i].domain != info->domain &&
            !memcmp(all[i].handle, info->handle, sizeof(info->handle)))
            return true;
    }
    return false;
}

static int remove_nodes(struct op *op, const struct xen_domctl_getdomaininfo *info)
{
    libxl_uuid uuid;
    int rc = 0, err;

    memcpy(uuid.uuid, info->handle, sizeof(uuid.uuid));
    if (!uuid_shared(op, info)) {
        err = store_remove(op, XBT_NULL,
                           op_printf(op, "/vm/" LIBXL_UUID_FMT, LIBXL_UUID_BYTES(uuid)));
        rc = rc ? rc : err;
    }
    err = store_remove(op, XBT_NULL, store_path(op, info->domain));
    rc = rc ? rc : err;
    err = store_remove(op, XBT_NULL, domain_libxl_path(op, info->domain));
    return rc ? rc : err;
}

int domain_destroy(struct op *op, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    int rc, err;

    if (domid == DOM0)
        return op_fail(op, ERROR_INVAL, 0, "The control domain cannot be destroyed");
    rc = domain_info(op, domid, &info);
    if (rc)
        return rc == ERROR_DOMAIN_NOTFOUND ? op_fail(op, rc, 0, "There is no such domain") : rc;
    err = xc_domain_pause(op_xc(op), domid);
    if (err && err != -ESRCH)
        op_log(op, XTL_ERROR, -err, "It cannot be paused before it is destroyed");
    rc = devices_destroy_all(op, domid);
    if (rc)
        op_log(op, XTL_ERROR, 0, "Not all of its devices could be removed");
    bootloader_clean_up(op, domid);
    err = remove_nodes(op, &info);
    rc = rc ? rc : err;
    userdata_remove_all(op, domid);
    domid_mark_used(op, domid);
    err = xc_domain_destroy(op_xc(op), domid);
    if (err && err != -ESRCH)
        rc = op_fail(op, ERROR_FAIL, -err, "The hypervisor does not destroy it");
    creation_end(op, domid);
    return rc;
}

static int do_destroy(struct op *op, void *args)
{
    (void)args;
    return domain_destroy(op, op->domid);
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_destroy, NULL, 0);
}
