/*
 * Names of domains. The store has them; the hypervisor says which domains there are at all.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/domain/domain.h"

#define NAME_MAX_SIZE 1024u

static char *name_of(struct op *op, xs_transaction_t t, uint32_t domid)
{
    return store_read(op, t, "/local/domain/%u/name", domid);
}

/* One round trip for each domain, until one has the name */
static bool find_name(struct op *op, const char *name, uint32_t except, uint32_t *domid)
{
    struct xen_domctl_getdomaininfo *all;
    unsigned int i, n = 0;
    char *other;

    all = domain_list(op, &n);
    for (i = 0; all && i < n; i++) {
        if (all[i].domain == except)
            continue;
        other = name_of(op, XBT_NULL, all[i].domain);
        if (!other || strcmp(name, other))
            continue;
        *domid = all[i].domain;
        return true;
    }
    return false;
}

bool name_taken(struct op *op, const char *name, uint32_t domid, uint32_t *other)
{
    return find_name(op, name, domid, other);
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    struct op op;
    char *name;

    op_begin(&op, ctx, __func__, domid);
    name = xl_strdup(name_of(&op, XBT_NULL, domid));
    op_end(&op, 0);
    return name;
}

int libxl_name_to_domid(libxl_ctx *ctx, const char *name, uint32_t *domid)
{
    int rc = ERROR_INVAL;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    if (find_name(&op, name, LIBXL_INVALID_DOMID, domid))
        rc = 0;
    return op_end(&op, rc);
}

/* A name of digits only is a number; whether there is such a domain shows when it is used. */
int libxl_domain_qualifier_to_domid(libxl_ctx *ctx, const char *name, uint32_t *domid)
{
    unsigned long n;
    size_t i;

    for (i = 0; isdigit((unsigned char)name[i]); i++)
        ;
    if (!i || name[i])
        return libxl_name_to_domid(ctx, name, domid);
    errno = 0;
    n = strtoul(name, NULL, 10);
    if (errno || n > UINT32_MAX)
        return ERROR_INVAL;
    *domid = (uint32_t)n;
    return 0;
}

int libxl_get_stubdom_id(libxl_ctx *ctx, int guest_domid)
{
    struct op op;
    int domid;

    op_begin(&op, ctx, __func__, (uint32_t)guest_domid);
    domid = (int)store_read_int(&op, XBT_NULL, 0, "/local/domain/%d/image/device-model-domid",
                                guest_domid);
    op_end(&op, 0);
    return domid;
}

int libxl_is_stubdom(libxl_ctx *ctx, uint32_t domid, uint32_t *target_domid)
{
    long long target;
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    target = store_read_int(&op, XBT_NULL, -1, "/local/domain/%u/target", domid);
    op_end(&op, 0);
    if (target < 0)
        return 0;
    if (target_domid)
        *target_domid = (uint32_t)target;
    return 1;
}

/* ---- to rename ---- */

struct rename {
    uint32_t domid;
    const char *old_name, *new_name, *vm;
};

/* The name that was there is checked in the same transaction, so that of two who rename one fails.
 */
static int rename_nodes(struct op *op, xs_transaction_t t, void *arg)
{
    const struct rename *r = arg;
    char *name = name_of(op, t, r->domid);
    int rc;

    if (!name)
        return op_fail(op, ERROR_FAIL, 0, "It has no name in the store");
    if (r->old_name && strcmp(name, r->old_name))
        return op_fail(op, ERROR_FAIL, 0, "It is called \"%s\", not \"%s\"", name, r->old_name);
    rc = store_write(op, t, op_printf(op, "/local/domain/%u/name", r->domid), "%s", r->new_name);
    if (!rc && r->vm)
        rc = store_write(op, t, op_printf(op, "%s/name", r->vm), "%s", r->new_name);
    return rc;
}

static int rename_config(struct op *op, uint32_t domid, const char *name)
{
    libxl_domain_config config;
    int rc;

    libxl_domain_config_init(&config);
    rc = config_load(op, domid, &config);
    if (rc == ERROR_JSON_CONFIG_EMPTY)
        rc = 0; /* not one of libxl's making */
    else if (!rc) {
        free(config.c_info.name);
        config.c_info.name = xl_strdup(name);
        rc = config_store(op, domid, &config);
    }
    libxl_domain_config_dispose(&config);
    return rc;
}

int domain_rename(struct op *op, uint32_t domid, const char *old_name, const char *new_name)
{
    struct rename r = { .domid = domid, .old_name = old_name, .new_name = new_name };
    struct config_lock *lock;
    uint32_t other;
    int rc;

    if (!*new_name || strlen(new_name) > NAME_MAX_SIZE || strpbrk(new_name, "/\n"))
        return op_fail(op, ERROR_INVAL, 0, "\"%s\" cannot be a domain's name", new_name);
    if (name_taken(op, new_name, domid, &other))
        return op_fail(op, ERROR_INVAL, 0, "Domain %u is called \"%s\" already", other, new_name);
    r.vm = store_read(op, XBT_NULL, "/local/domain/%u/vm", domid);
    rc = config_lock(op, domid, &lock);
    if (rc)
        return rc;
    rc = store_transaction(op, rename_nodes, &r);
    if (!rc)
        rc = rename_config(op, domid, new_name);
    config_unlock(op, lock);
    return rc;
}

int libxl_domain_rename(libxl_ctx *ctx, uint32_t domid, const char *old_name, const char *new_name)
{
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    return op_end(&op, domain_rename(&op, domid, old_name, new_name));
}
