/*
 * Numbers of domains that were used a moment ago. A program that still thinks of the old domain
 * should not meet a new one, so for a minute a number is not given again. /run/xen/domid-history
 * has a line "SECONDS DOMID" for each, of the clock that only goes forward; Debian's library keeps
 * the same file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libxl/core/file.h"
#include "libxl/domain/domain.h"

#define PATH      "/run/xen/domid-history"
#define LOCK_PATH PATH ".lock"
#define KEEP_S    60

static long keep_seconds(void)
{
    const char *value = getenv("LIBXL_DOMID_REUSE_TIMEOUT");
    long n;

    if (!value)
        return KEEP_S;
    n = strtol(value, NULL, 10);
    return n < 0 ? 0 : n;
}

static long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

bool domid_recent(struct op *op, uint32_t domid)
{
    long since = now() - keep_seconds(), when;
    FILE *f = fopen(PATH, "re");
    bool recent = false;
    uint32_t id;

    (void)op;
    if (!f)
        return false;
    while (!recent && fscanf(f, "%ld %u", &when, &id) == 2)
        recent = id == domid && when > since;
    fclose(f);
    return recent;
}

/* The lines that still count, and one more, in a new file */
static void write_history(struct op *op, uint32_t domid)
{
    FILE *old = fopen(PATH, "re"), *fresh = fopen(PATH ".new", "we");
    long since = now() - keep_seconds(), when;
    uint32_t id;

    if (!fresh) {
        op_log(op, XTL_ERROR, errno, PATH ".new cannot be written");
    } else {
        while (old && fscanf(old, "%ld %u", &when, &id) == 2) {
            if (when > since)
                fprintf(fresh, "%ld %u\n", when, id);
        }
        fprintf(fresh, "%ld %u\n", now(), domid);
        if (fclose(fresh) || rename(PATH ".new", PATH))
            op_log(op, XTL_ERROR, errno, PATH " cannot be written");
    }
    if (old)
        fclose(old);
}

void domid_mark_used(struct op *op, uint32_t domid)
{
    int lock = lock_file(LOCK_PATH, true, true);

    if (lock < 0) {
        op_log(op, XTL_ERROR, -lock, LOCK_PATH " cannot be locked");
        return;
    }
    write_history(op, domid);
    close(lock);
}

int libxl_clear_domid_history(libxl_ctx *ctx)
{
    int lock, rc = 0;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    lock = lock_file(LOCK_PATH, true, true);
    if (lock < 0)
        return op_end(&op, op_fail(&op, ERROR_FAIL, -lock, LOCK_PATH " cannot be locked"));
    if (unlink(PATH) && errno != ENOENT)
        rc = op_fail(&op, ERROR_FAIL, errno, PATH " cannot be removed");
    close(lock);
    return op_end(&op, rc);
}
