/*
 * The store. One connection for each context carries all requests, of all threads (libxenstore
 * serialises them); each function is one round trip unless its comment says more.
 *
 * When xenstored ends, the next one is waited for, and the request is made again. All of them may
 * be: they name what shall be, not a change. What was done in a transaction is done again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"

#define AWAY_MS 30000 /* so long xenstored may be away */
#define LOOK_MS 100

static struct xs_handle *handle(struct op *op)
{
    struct xs_handle *xs = ctx_store(op->ctx);

    if (!xs)
        op_log(op, XTL_ERROR, errno,
               "The store cannot be reached; is xenstored running, and is /dev/xen mounted?");
    return xs;
}

/* libxenstore's errors when xenstored is gone; EINVAL also is an answer of xenstored */
static bool is_lost(struct xs_handle *xs, int err)
{
    unsigned int size;

    if (err == EINVAL) {
        free(xs_read(xs, XBT_NULL, "/", &size));
        err = errno;
    }
    return err == EPIPE || err == ECONNRESET || err == EBADF;
}

/*
 * A request failed on the connection @xs; errno stays. Whether it is to be made again, because the
 * connection was lost and there is another one now. An operation that is aborted does not wait.
 */
static bool again(struct op *op, struct xs_handle *xs)
{
    int err = errno, waited = 0;
    bool back = false;

    if (!xs || !is_lost(xs, err)) {
        errno = err;
        return false;
    }
    op_log(op, XTL_WARN, err, "The connection to the store is lost; waiting for xenstored");
    ctx_store_lost(op->ctx, xs);
    while (!(back = ctx_store(op->ctx)) && waited < AWAY_MS && !op_sleep(op, LOOK_MS))
        waited += LOOK_MS;
    if (back)
        op_log(op, XTL_WARN, 0, "There is a connection to the store again");
    errno = err;
    return back;
}

/* The same for a request that is not made again in a transaction, which is lost with its
 * connection: store_transaction() begins anew. */
static bool again_in(struct op *op, xs_transaction_t t, struct xs_handle *xs)
{
    return again(op, xs) && t == XBT_NULL;
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
    struct xs_handle *xs;
    unsigned int size;
    char *value, *copy;
    int err;

    do {
        xs = handle(op);
        if (!xs)
            return NULL;
        value = xs_read(xs, t, path, &size);
    } while (!value && again_in(op, t, xs));
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
    struct xs_handle *xs;
    unsigned int i, n = 0;
    char *p, **names, **copy;
    int err;

    PATH(p, op, path);
    if (count)
        *count = 0;
    do {
        xs = handle(op);
        names = xs ? xs_directory(xs, t, p, &n) : NULL;
    } while (!names && again_in(op, t, xs));
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
    struct xs_handle *xs;

    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        if (xs_write(xs, t, path, value, (unsigned int)strlen(value)))
            return 0;
    } while (again_in(op, t, xs));
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
    struct xs_permissions *copy = op_calloc(op, nr_perms, sizeof(*copy));
    struct xs_handle *xs;

    memcpy(copy, perms, nr_perms * sizeof(*copy));
    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        if (xs_set_permissions(xs, t, path, copy, nr_perms))
            return 0;
    } while (again_in(op, t, xs));
    return op_fail(op, ERROR_FAIL, errno, "The store cannot set who may use %s", path);
}

/* Two round trips, or one when the permissions are those of what holds it (NULL) */
int store_mkdir(struct op *op, xs_transaction_t t, const char *path,
                const struct xs_permissions *perms, unsigned int nr_perms)
{
    struct xs_handle *xs;
    bool made;

    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        made = xs_mkdir(xs, t, path);
    } while (!made && again_in(op, t, xs));
    if (!made)
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
    struct xs_handle *xs;

    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        if (xs_rm(xs, t, path) || errno == ENOENT)
            return 0;
    } while (again_in(op, t, xs));
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

int store_introduce(struct op *op, uint32_t domid, unsigned long mfn, unsigned int port)
{
    struct xs_handle *xs;

    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        if (xs_introduce_domain(xs, domid, mfn, port))
            return 0;
    } while (again(op, xs));
    return op_fail(op, ERROR_FAIL, errno, "The store does not take the domain as its client");
}

int store_goes_on(struct op *op, uint32_t domid)
{
    struct xs_handle *xs;

    do {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        if (xs_resume_domain(xs, domid))
            return 0;
    } while (again(op, xs));
    return op_fail(op, ERROR_FAIL, errno, "The store does not take note that it goes on");
}

int store_transaction(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                      void *arg)
{
    struct xs_handle *xs;
    xs_transaction_t t;
    int rc;

    for (;;) {
        xs = handle(op);
        if (!xs)
            return ERROR_FAIL;
        t = xs_transaction_start(xs);
        if (t == XBT_NULL) {
            if (again(op, xs))
                continue;
            return op_fail(op, ERROR_FAIL, errno, "The store starts no transaction");
        }
        rc = fn(op, t, arg);
        if (ctx_store(op->ctx) != xs)
            continue; /* it was lost with its connection */
        if (rc) {
            xs_transaction_end(xs, t, true);
            return rc;
        }
        if (xs_transaction_end(xs, t, false))
            return 0;
        if (errno != EAGAIN && !again(op, xs))
            return op_fail(op, ERROR_FAIL, errno, "The store does not take a transaction");
    }
}
