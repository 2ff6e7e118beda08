/*
 * Creations that died. Before a domain is made, its UUID becomes the name of a file in /run/xen,
 * locked by its creator as long as that lives; the domain's number is written to it as soon as
 * there is one. When the domain first runs, or its creation has failed and been undone, the file
 * goes. A file that nobody locks tells of a creator that was killed: the domain is destroyed by the
 * next who creates one. So a killed creation leaves no name, no memory and no device in the way.
 *
 * A UUID may be that of two domains, while one moves within the host. So only a domain is destroyed
 * that has never run, and that either has the number in the file or, if there is none, has nothing
 * in the store yet, which is where the number is written.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/core/file.h"
#include "libxl/domain/domain.h"

#define FOLDER "/run/xen"
#define PREFIX "create-"

static char *path_of(const libxl_uuid *uuid)
{
    return xl_printf(FOLDER "/" PREFIX LIBXL_UUID_FMT, LIBXL_UUID_BYTES(*uuid));
}

int creation_begin(struct op *op, const libxl_uuid *uuid)
{
    char *path = path_of(uuid);
    struct creation *c;
    int fd;

    if (mkdir(FOLDER, 0755) && errno != EEXIST)
        op_log(op, XTL_ERROR, errno, FOLDER " cannot be made");
    fd = lock_file(path, true, false);
    if (fd < 0) {
        op_log(op, XTL_ERROR, -fd, "%s cannot be locked%s", path,
               fd == -EWOULDBLOCK ? "; a domain with this UUID is being created already" : "");
        free(path);
        return ERROR_LOCK_FAIL;
    }
    c = xl_calloc(1, sizeof(*c));
    c->path = path;
    c->fd = fd;
    c->domid = LIBXL_INVALID_DOMID;
    c->uuid = *uuid;
    ctx_lock(op->ctx);
    LIST_INSERT_HEAD(&op->ctx->creations, c, next);
    ctx_unlock(op->ctx);
    return 0;
}

/* First the name, then the lock: nobody may find the file without it. */
static void end(struct creation *c)
{
    unlink(c->path);
    close(c->fd);
    LIST_REMOVE(c, next);
    free(c->path);
    free(c);
}

void creation_made(struct op *op, const libxl_uuid *uuid, uint32_t domid)
{
    struct creation *c;

    ctx_lock(op->ctx);
    LIST_FOREACH(c, &op->ctx->creations, next)
    {
        if (libxl_uuid_compare(&c->uuid, uuid))
            continue;
        c->domid = domid;
        if (domid != LIBXL_INVALID_DOMID && dprintf(c->fd, "%u\n", domid) < 0)
            op_log(op, XTL_ERROR, errno, "%s cannot be written", c->path);
    }
    ctx_unlock(op->ctx);
}

void creation_end(struct op *op, uint32_t domid)
{
    struct creation *c;

    ctx_lock(op->ctx);
    LIST_FOREACH(c, &op->ctx->creations, next)
    {
        if (c->domid != domid)
            continue;
        end(c);
        break;
    }
    ctx_unlock(op->ctx);
}

void creations_end_all(libxl_ctx *ctx)
{
    struct creation *c;

    while ((c = LIST_FIRST(&ctx->creations)))
        end(c);
}

/* The number in the file, or LIBXL_INVALID_DOMID */
static uint32_t recorded_domid(int fd)
{
    char text[16] = { 0 };

    if (pread(fd, text, sizeof(text) - 1, 0) <= 0 || !strchr(text, '\n'))
        return LIBXL_INVALID_DOMID;
    return (uint32_t)strtoul(text, NULL, 10);
}

static bool is_left(struct op *op, const struct xen_domctl_getdomaininfo *info,
                    const libxl_uuid *uuid, uint32_t domid)
{
    if (info->domain == DOM0 || info->cpu_time ||
        memcmp(info->handle, uuid->uuid, sizeof(uuid->uuid)))
        return false;
    if (domid != LIBXL_INVALID_DOMID)
        return info->domain == domid;
    return !store_exists(op, XBT_NULL, "/local/domain/%u", info->domain);
}

static void destroy_left(struct op *op, const char *text, uint32_t domid)
{
    struct xen_domctl_getdomaininfo *all;
    unsigned int i, n = 0;
    libxl_uuid uuid;

    if (libxl_uuid_from_string(&uuid, text))
        return;
    all = domain_list(op, &n);
    for (i = 0; all && i < n; i++) {
        if (!is_left(op, &all[i], &uuid, domid))
            continue;
        op_log(op, XTL_WARN, 0,
               "Domain %u was left half made by a program that is gone; it is destroyed",
               all[i].domain);
        domain_destroy(op, all[i].domain);
    }
}

void creation_clean_up(struct op *op)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *e;
    char *path;
    int fd;

    if (!folder)
        return; /* nobody has created anything yet */
    while ((e = readdir(folder))) {
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)))
            continue;
        path = op_printf(op, FOLDER "/%s", e->d_name);
        fd = lock_file(path, false, false);
        if (fd < 0)
            continue; /* its creator lives, or has just ended */
        destroy_left(op, e->d_name + strlen(PREFIX), recorded_domid(fd));
        unlink(path);
        close(fd);
    }
    closedir(folder);
}
