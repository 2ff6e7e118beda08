/*
 * Files that stay with a domain until it is destroyed: /var/lib/xen/userdata-d.DOMID.UUID.NAME. The
 * UUID keeps a domain from seeing what an earlier one with its number left. A file is written
 * beside its place and then renamed, so that it is there whole or not at all.
 *
 * A change of the stored configuration happens under the lock file of the domain, which is there
 * only as long as somebody has it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libxl/core/file.h"
#include "libxl/domain/domain.h"

#define FOLDER      "/var/lib/xen"
#define CONFIG_NAME "libxl-json"

static char *path_of(struct op *op, uint32_t domid, char class, const char *name)
{
    struct xen_domctl_getdomaininfo info;
    libxl_uuid uuid;

    if (strchr(name, '/')) {
        op_log(op, XTL_ERROR, 0, "\"%s\" cannot be the name of a domain's file", name);
        return NULL;
    }
    if (domain_info(op, domid, &info)) {
        op_log(op, XTL_ERROR, 0, "There is no such domain that could have the file %s", name);
        return NULL;
    }
    memcpy(uuid.uuid, info.handle, sizeof(uuid.uuid));
    return op_printf(op, FOLDER "/userdata-%c.%u." LIBXL_UUID_FMT ".%s", class, domid,
                     LIBXL_UUID_BYTES(uuid), name);
}

static int write_file(struct op *op, const char *path, const void *data, size_t size)
{
    char *fresh = op_printf(op, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;

    if (fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "%s cannot be made", fresh);
    rc = libxl_write_exactly(op->ctx, fd, data, (ssize_t)size, fresh, "userdata") ? ERROR_FAIL : 0;
    if (close(fd) && !rc)
        rc = op_fail(op, ERROR_FAIL, errno, "%s cannot be written", fresh);
    if (!rc && rename(fresh, path))
        rc = op_fail(op, ERROR_FAIL, errno, "%s cannot be renamed", fresh);
    if (rc)
        unlink(fresh);
    return rc;
}

int userdata_store(struct op *op, uint32_t domid, const char *name, const void *data, size_t size)
{
    char *path = path_of(op, domid, 'd', name);

    if (!path)
        return ERROR_FAIL;
    if (size)
        return write_file(op, path, data, size);
    if (unlink(path) && errno != ENOENT)
        return op_fail(op, ERROR_FAIL, errno, "%s cannot be removed", path);
    return 0;
}

int userdata_retrieve(struct op *op, uint32_t domid, const char *name, char **data, size_t *size)
{
    char *path = path_of(op, domid, 'd', name);
    void *read = NULL;
    int n = 0, err;

    *data = NULL;
    *size = 0;
    if (!path)
        return ERROR_FAIL;
    err = libxl_read_file_contents(op->ctx, path, &read, &n);
    if (err == ENOENT)
        return 0;
    if (err)
        return ERROR_FAIL;
    *data = op_alloc(op, (size_t)n + 1);
    if (n)
        memcpy(*data, read, (size_t)n);
    *size = (size_t)n;
    free(read);
    return 0;
}

/* All of the domain's number: an earlier one's files are of no use to anybody either. */
void userdata_remove_all(struct op *op, uint32_t domid)
{
    char *infix = op_printf(op, ".%u.", domid), *path;
    DIR *folder = opendir(FOLDER);
    struct dirent *e;

    if (!folder) {
        op_log(op, XTL_ERROR, errno, FOLDER " cannot be read");
        return;
    }
    while ((e = readdir(folder))) {
        if (strncmp(e->d_name, "userdata-", 9) || !e->d_name[9] ||
            strncmp(e->d_name + 10, infix, strlen(infix)))
            continue;
        path = op_printf(op, FOLDER "/%s", e->d_name);
        if (unlink(path) && errno != ENOENT)
            op_log(op, XTL_ERROR, errno, "%s cannot be removed", path);
    }
    closedir(folder);
}

/* ---- the lock ---- */

struct config_lock {
    const char *path;
    int fd;
};

int config_lock(struct op *op, uint32_t domid, struct config_lock **lock)
{
    char *path = path_of(op, domid, 'l', "domain-userdata-lock");
    int fd;

    if (!path)
        return ERROR_LOCK_FAIL;
    fd = lock_file(path, true, true);
    if (fd < 0)
        return op_fail(op, ERROR_LOCK_FAIL, -fd, "%s cannot be locked", path);
    *lock = op_alloc(op, sizeof(**lock));
    (*lock)->fd = fd;
    (*lock)->path = path;
    return 0;
}

void config_unlock(struct op *op, struct config_lock *lock)
{
    if (unlink(lock->path))
        op_log(op, XTL_ERROR, errno, "%s cannot be removed", lock->path);
    close(lock->fd);
}

/* ---- the stored configuration ---- */

int config_load(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    size_t size;
    char *json;
    int rc;

    rc = userdata_retrieve(op, domid, CONFIG_NAME, &json, &size);
    if (rc)
        return rc;
    if (!size)
        return ERROR_JSON_CONFIG_EMPTY;
    if (libxl_domain_config_from_json(op->ctx, config, json))
        return op_fail(op, ERROR_FAIL, 0, "Its stored configuration cannot be understood");
    return 0;
}

int config_store(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    char *json = libxl_domain_config_to_json(op->ctx, (libxl_domain_config *)config);
    int rc;

    if (!json)
        return op_fail(op, ERROR_FAIL, 0, "Its configuration cannot be written as JSON");
    /* With its end: who reads it may take it for a string at once, as Debian's library does. */
    rc = userdata_store(op, domid, CONFIG_NAME, json, strlen(json) + 1);
    free(json);
    return rc;
}

/* ---- what applications keep ---- */

int libxl_userdata_store(libxl_ctx *ctx, uint32_t domid, const char *userdata_userid,
                         const uint8_t *data, int datalen)
{
    struct config_lock *lock;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = datalen < 0 ? ERROR_INVAL : config_lock(&op, domid, &lock);
    if (rc)
        return op_end(&op, rc);
    rc = userdata_store(&op, domid, userdata_userid, data, (size_t)datalen);
    config_unlock(&op, lock);
    return op_end(&op, rc);
}

int libxl_userdata_retrieve(libxl_ctx *ctx, uint32_t domid, const char *userdata_userid,
                            uint8_t **data_r, int *datalen_r)
{
    size_t size;
    char *data;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = userdata_retrieve(&op, domid, userdata_userid, &data, &size);
    if (!rc) {
        if (datalen_r)
            *datalen_r = (int)size;
        if (data_r) {
            *data_r = size ? memcpy(xl_calloc(1, size), data, size) : NULL;
        }
    }
    return op_end(&op, rc);
}

int libxl_userdata_unlink(libxl_ctx *ctx, uint32_t domid, const char *userdata_userid)
{
    return libxl_userdata_store(ctx, domid, userdata_userid, NULL, 0);
}
