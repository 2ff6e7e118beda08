/*
 * The store. One connection for each context carries all requests, of all threads (libxenstore
 * serialises them); each function is one round trip unless its comment says more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"

static struct xs_handle *handle(struct op *op)
{
    struct xs_handle *xs = ctx_store(op->ctx);

    if (!xs)
        op_log(op, XTL_ERROR, errno,
               "The store cannot be reached; is xenstored running, and is /dev/xen mounted?");
    return xs;
}

/* Format a path into a local `p` */
#define PATH(p, op, path)                                                                          \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, path);                                                                     \
        (p) = op_vprintf(op, path, args_);                                                         \
        va_end(args_);                                                                             \
    } while (0)

char *store_path(struct op *op, uint32_t domid)
{
    return op_printf(op, "/local/domain/%u", domid);
}

/* A node's value, which may hold zero bytes but is used as a string; NULL */
static char *read_value(struct op *op, xs_transaction_t t, const char *path)
{
    struct xs_handle *xs = handle(op);
    unsigned int size;
    char *value, *copy;
    int err;

    if (!xs)
        return NULL;
    value = xs_read(xs, t, path, &size);
    if (value) {
        copy = op_strndup(op, value, size);
        free(value);
        return copy;
    }
    err = errno;
    if (err != ENOENT)
        op_log(op, XTL_ERROR, err, "The store cannot read %s", path);
    errno = err;
    return NULL;
}

char *store_read(struct op *op, xs_transaction_t t, const char *path, ...)
{
    char *p;

    PATH(p, op, path);
    return read_value(op, t, p);
}

long long store_read_int(struct op *op, xs_transaction_t t, long long other, const char *path, ...)
{
    char *p, *value, *end;
    long long n;

    PATH(p, op, path);
    value = read_value(op, t, p);
    if (!value || !*value)
        return other;
    errno = 0;
    n = strtoll(value, &end, 0);
    return errno || *end ? other : n;
}

bool store_exists(struct op *op, xs_transaction_t t, const char *path, ...)
{
    char *p;

    PATH(p, op, path);
    return read_value(op, t, p) != NULL;
}

char **store_list(struct op *op, xs_transaction_t t, unsigned int *count, const char *path, ...)
{
    struct xs_handle *xs = handle(op);
    unsigned int i, n = 0;
    char *p, **names = NULL, **copy;
    int err;

    PATH(p, op, path);
    if (count)
        *count = 0;
    if (xs)
        names = xs_directory(xs, t, p, &n);
    if (!names) {
        err = errno;
        if (xs && err != ENOENT)
            op_log(op, XTL_ERROR, err, "The store cannot list %s", p);
        errno = err;
        return NULL;
    }
    copy = op_calloc(op, n + 1, sizeof(*copy));
    for (i = 0; i < n; i++)
        copy[i] = op_strdup(op, names[i]);
    free(names);
    if (count)
        *count = n;
    return copy;
}

static int write_value(struct op *op, xs_transaction_t t, const char *path, const char *value)
{
    struct xs_handle *xs = handle(op);

    if (!xs)
        return ERROR_FAIL;
    if (xs_write(xs, t, path, value, (unsigned int)strlen(value)))
        return 0;
    return op_fail(op, ERROR_FAIL, errno, "The store cannot write %s", path);
}

int store_write(struct op *op, xs_transaction_t t, const char *path, const char *format, ...)
{
    char *value;

    PATH(value, op, format);
    return write_value(op, t, path, value);
}

int store_set_perms(struct op *op, xs_transaction_t t, const char *path,
                    const struct xs_permissions *perms, unsigned int nr_perms)
{
    struct xs_handle *xs = handle(op);
    struct xs_permissions *copy;

    if (!xs)
        return ERROR_FAIL;
    copy = op_calloc(op, nr_perms, sizeof(*copy));
    memcpy(copy, perms, nr_perms * sizeof(*copy));
    if (xs_set_permissions(xs, t, path, copy, nr_perms))
        return 0;
    return op_fail(op, ERROR_FAIL, errno, "The store cannot set who may use %s", path);
}

/* Two round trips, or one when the permissions are those of what holds it (NULL) */
int store_mkdir(struct op *op, xs_transaction_t t, const char *path,
                const struct xs_permissions *perms, unsigned int nr_perms)
{
    struct xs_handle *xs = handle(op);

    if (!xs)
        return ERROR_FAIL;
    if (!xs_mkdir(xs, t, path))
        return op_fail(op, ERROR_FAIL, errno, "The store cannot make %s", path);
    return nr_perms ? store_set_perms(op, t, path, perms, nr_perms) : 0;
}

/* One round trip for each value */
int store_write_all(struct op *op, xs_transaction_t t, const char *path, const char *const *pairs)
{
    unsigned int i;
    int rc;

    for (i = 0; pairs[i]; i += 2) {
        if (!pairs[i + 1])
            continue;
        rc = write_value(op, t, op_printf(op, "%s/%s", path, pairs[i]), pairs[i + 1]);
        if (rc)
            return rc;
    }
    return 0;
}

int store_remove(struct op *op, xs_transaction_t t, const char *path)
{
    struct xs_handle *xs = handle(op);

    if (!xs)
        return ERROR_FAIL;
    if (xs_rm(xs, t, path) || errno == ENOENT)
        return 0;
    return op_fail(op, ERROR_FAIL, errno, "The store cannot remove %s", path);
}

/* Two round trips for each level that goes */
int store_remove_empty(struct op *op, xs_transaction_t t, const char *path)
{
    char *p = op_strdup(op, path), *slash;
    unsigned int n;
    int rc;

    for (;;) {
        rc = store_remove(op, t, p);
        slash = strrchr(p, '/');
        if (rc || !slash || slash == p)
            return rc;
        *slash = '\0';
        if (!store_list(op, t, &n, "%s", p) || n)
            return 0;
    }
}

int store_transaction(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                      void *arg)
{
    struct xs_handle *xs = handle(op);
    xs_transaction_t t;
    int rc;

    if (!xs)
        return ERROR_FAIL;
    for (;;) {
        t = xs_transaction_start(xs);
        if (t == XBT_NULL)
            return op_fail(op, ERROR_FAIL, errno, "The store starts no transaction");
        rc = fn(op, t, arg);
        if (rc) {
            xs_transaction_end(xs, t, true);
            return rc;
        }
        if (xs_transaction_end(xs, t, false))
            return 0;
        if (errno != EAGAIN)
            return op_fail(op, ERROR_FAIL, errno, "The store does not take a transaction");
    }
}
