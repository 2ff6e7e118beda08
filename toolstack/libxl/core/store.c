/*
 * The store. One connection for each context carries all requests, of all threads (wire.c). Outside
 * of transactions each function is a round trip, unless its comment says more. Inside, writers only
 * put their requests into the operation's queue; it is sent before something is read, when it is
 * full, and at the end, so a transaction in which nothing is read is three round trips.
 *
 * When xenstored ends, the next one is waited for, and the request is made again. All of them may
 * be: they name what shall be, not a change. A transaction is lost with its connection, and begun
 * anew on the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"
#include "libxl/core/wire.h"

#define AWAY_MS 30000 /* so long xenstored may be away */
#define LOOK_MS 100

struct store_queue {
    struct wire_batch batch;
    unsigned int count;       /* of requests in the batch */
    struct wire *last;        /* where the last request went that is in no transaction */
    struct wire *transaction; /* where the transaction is that is under way */
    bool failed;              /* a request of the transaction, which has been logged */
};

/* Answers of an exchange */
struct heard {
    struct op *op;
    unsigned int left; /* requests */
    bool asks;         /* the last one is waited for by who made it; the others nobody waits for */
    int err;           /* of the last one */
    char *answer;
    uint32_t len;
    int failed; /* errno of the first other that failed */
    uint32_t failed_type;
    char *failed_path;
};

static const char *const verbs[XS_TYPE_COUNT] = {
    [XS_READ] = "read",
    [XS_DIRECTORY] = "list",
    [XS_DIRECTORY_PART] = "list",
    [XS_WRITE] = "write",
    [XS_MKDIR] = "make",
    [XS_RM] = "remove",
    [XS_SET_PERMS] = "set who may use",
};

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

/* ---- requests ---- */

static struct wire *connection(struct op *op)
{
    struct wire *w = ctx_store(op->ctx);

    if (!w)
        op_log(op, XTL_ERROR, errno,
               "The store cannot be reached; is xenstored running, and is /dev/xen mounted?");
    return w;
}

static struct store_queue *queue_of(struct op *op)
{
    if (!op->store)
        op->store = op_alloc(op, sizeof(*op->store));
    return op->store;
}

static void hear(void *arg, uint32_t type, const char *path, int err, const char *answer,
                 uint32_t len)
{
    struct heard *h = arg;
    bool last = --h->left == 0;

    if (type == XS_RM && err == ENOENT)
        err = 0;
    if (last && h->asks) {
        h->err = err;
        h->len = len;
        h->answer = op_alloc(h->op, (size_t)len + 1);
        memcpy(h->answer, answer, (size_t)len + 1);
    } else if (err && !h->failed) {
        h->failed = err;
        h->failed_type = type;
        h->failed_path = op_strdup(h->op, path);
    }
}

/* The connection was lost: whether there is another one, or soon. An operation that is aborted does
 * not wait. */
static bool comes_back(struct op *op)
{
    int waited = 0;
    bool back;

    while (!(back = ctx_store(op->ctx)) && waited < AWAY_MS && !op_sleep(op, LOOK_MS))
        waited += LOOK_MS;
    if (back)
        op_log(op, XTL_WARN, 0, "There is a connection to the store again");
    return back;
}

/*
 * Send the queue; returns an errno value of the last request, or of the connection. What belongs to
 * a transaction is only good for its connection.
 */
static int exchange(struct op *op, bool in_transaction, struct heard *h)
{
    struct store_queue *q = queue_of(op);
    struct wire *w;
    int rc;

    h->op = op;
    do {
        w = in_transaction ? q->transaction : connection(op);
        h->left = q->count;
        rc = w ? wire_exchange(w, &q->batch, hear, h) : -ENOTCONN;
        if (w && rc && ctx_store_lost(op->ctx, w))
            op_log(op, XTL_WARN, -rc, "The connection to the store is lost; waiting for xenstored");
    } while (w && rc && !in_transaction && comes_back(op));
    if (!in_transaction)
        q->last = w;
    q->batch.size = q->count = 0;
    if (h->failed && !rc) {
        q->failed = true;
        op_log(op, XTL_ERROR, h->failed, "The store cannot %s %s", verbs[h->failed_type],
               h->failed_path);
    }
    return rc ? -rc : h->err;
}

/* Send what writers of the transaction have left */
static int flush(struct op *op)
{
    struct heard h = { 0 };

    if (queue_of(op)->count && exchange(op, true, &h))
        return ERROR_FAIL;
    return op->store->failed ? ERROR_FAIL : 0;
}

/* Put a request in the queue: 0 or an errno value */
static int enqueue(struct op *op, xs_transaction_t t, enum xsd_sockmsg_type type,
                   const struct iovec *parts, unsigned int count)
{
    struct store_queue *q = queue_of(op);
    int rc;

    /* What is in the transaction goes by that one's connection, and nothing else does. */
    if (t == XBT_NULL && q->count && flush(op))
        return EIO;
    rc = wire_add(&q->batch, type, t, parts, count);
    if (rc == -ENOBUFS) {
        if (flush(op))
            return EIO;
        rc = wire_add(&q->batch, type, t, parts, count);
    }
    if (!rc)
        q->count++;
    return -rc;
}

#define PART(s) ((struct iovec){ (char *)(s), strlen(s) + 1 }) /* with the zero behind it */

/* One round trip: 0 with the answer, in the arena, or an errno value */
static int ask(struct op *op, xs_transaction_t t, enum xsd_sockmsg_type type,
               const struct iovec *parts, unsigned int count, char **answer, uint32_t *len)
{
    struct heard h = { .asks = true };
    int err = enqueue(op, t, type, parts, count);

    if (!err)
        err = exchange(op, t != XBT_NULL, &h);
    if (answer)
        *answer = h.answer;
    if (len)
        *len = h.len;
    return err;
}

/* A request that changes a path, its first part: one round trip, or none in a transaction */
static int tell(struct op *op, xs_transaction_t t, enum xsd_sockmsg_type type,
                const struct iovec *parts, unsigned int count)
{
    int err = t == XBT_NULL ? ask(op, t, type, parts, count, NULL, NULL)
                            : enqueue(op, t, type, parts, count);

    return err ? op_fail(op, ERROR_FAIL, err, "The store cannot %s %s", verbs[type],
                         (const char *)parts[0].iov_base)
               : 0;
}

/* ---- reading ---- */

/* A node's value, which may hold zero bytes but is used as a string; NULL */
static char *read_value(struct op *op, xs_transaction_t t, const char *path)
{
    char *value;
    int err = ask(op, t, XS_READ, &PART(path), 1, &value, NULL);

    if (!err)
        return value;
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

/*
 * A folder whose names do not fit in one answer comes in pieces; each begins with a number that
 * changes with the folder, and then it is read anew. The last one ends with an empty name.
 */
static int list_in_parts(struct op *op, xs_transaction_t t, const char *path, char **names,
                         uint32_t *len)
{
    char *answer, *all = NULL, *generation = NULL;
    struct iovec parts[2] = { PART(path) };
    uint32_t n, skip, size = 0;
    int err;

    for (;;) {
        parts[1] = PART(op_printf(op, "%u", size));
        err = ask(op, t, XS_DIRECTORY_PART, parts, 2, &answer, &n);
        if (err)
            return err;
        skip = (uint32_t)strlen(answer) + 1;
        if (skip >= n)
            return EPROTO;
        if (size && strcmp(answer, generation)) {
            size = 0;
            continue;
        }
        generation = answer;
        all = op_realloc(op, all, size, size + n - skip);
        memcpy(all + size, answer + skip, n - skip);
        size += n - skip;
        if (size == 1 || (!all[size - 1] && !all[size - 2]))
            break;
    }
    *names = all;
    *len = size - 1;
    return 0;
}

char **store_list(struct op *op, xs_transaction_t t, unsigned int *count, const char *path, ...)
{
    unsigned int n = 0;
    char *p, *answer, **names;
    uint32_t i, len;
    int err;

    PATH(p, op, path);
    if (count)
        *count = 0;
    err = ask(op, t, XS_DIRECTORY, &PART(p), 1, &answer, &len);
    if (err == E2BIG)
        err = list_in_parts(op, t, p, &answer, &len);
    if (err) {
        if (err != ENOENT)
            op_log(op, XTL_ERROR, err, "The store cannot list %s", p);
        errno = err;
        return NULL;
    }
    for (i = 0; i < len; i++)
        n += !answer[i];
    names = op_calloc(op, n + 2, sizeof(*names)); /* the last name may lack its zero */
    for (i = 0, n = 0; i < len; i += (uint32_t)strlen(answer + i) + 1)
        names[n++] = answer + i;
    if (count)
        *count = n;
    return names;
}

/* ---- changing ---- */

static int write_value(struct op *op, xs_transaction_t t, const char *path, const char *value)
{
    struct iovec parts[] = { PART(path), { (char *)value, strlen(value) } };

    return tell(op, t, XS_WRITE, parts, 2);
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
    static const char letters[] = { [XS_PERM_NONE] = 'n',
                                    [XS_PERM_READ] = 'r',
                                    [XS_PERM_WRITE] = 'w',
                                    [XS_PERM_READ | XS_PERM_WRITE] = 'b' };
    struct iovec *parts = op_calloc(op, 1 + nr_perms, sizeof(*parts));
    unsigned int i;

    parts[0] = PART(path);
    for (i = 0; i < nr_perms; i++)
        parts[1 + i] = PART(op_printf(op, "%c%u", letters[perms[i].perms & 3], perms[i].id));
    return tell(op, t, XS_SET_PERMS, parts, 1 + nr_perms);
}

/* Two round trips, or one when the permissions are those of what holds it (NULL) */
int store_mkdir(struct op *op, xs_transaction_t t, const char *path,
                const struct xs_permissions *perms, unsigned int nr_perms)
{
    int rc = tell(op, t, XS_MKDIR, &PART(path), 1);

    return rc || !nr_perms ? rc : store_set_perms(op, t, path, perms, nr_perms);
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
    return tell(op, t, XS_RM, &PART(path), 1);
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

/* ---- transactions ---- */

static int transaction_end(struct op *op, xs_transaction_t t, const char *how)
{
    return ask(op, t, XS_TRANSACTION_END, &PART(how), 1, NULL, NULL);
}

/* What was not sent is forgotten */
static void transaction_abort(struct op *op, xs_transaction_t t)
{
    op->store->count = 0;
    op->store->batch.size = 0;
    transaction_end(op, t, "F");
}

/* Whether the connection on which the transaction is has been lost, and with it the transaction */
static bool transaction_lost(struct op *op)
{
    return ctx_store(op->ctx) != op->store->transaction;
}

/* One try: 0; EAGAIN; another errno value with *rc, which has been logged */
static int transaction_try(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                           void *arg, int *rc)
{
    struct store_queue *q = queue_of(op);
    xs_transaction_t t;
    char *answer;
    int err;

    err = ask(op, XBT_NULL, XS_TRANSACTION_START, &PART(""), 1, &answer, NULL);
    t = err ? XBT_NULL : (xs_transaction_t)strtoul(answer, NULL, 10);
    if (t == XBT_NULL) {
        *rc = op_fail(op, ERROR_FAIL, err, "The store starts no transaction");
        return EPROTO;
    }
    q->transaction = q->last;
    q->failed = false;
    *rc = fn(op, t, arg);
    if (!*rc)
        *rc = flush(op);
    if (*rc && !transaction_lost(op)) {
        transaction_abort(op, t);
        return ECANCELED;
    }
    err = *rc ? EAGAIN : transaction_end(op, t, "T");
    if (err && transaction_lost(op))
        err = comes_back(op) ? EAGAIN : ENOTCONN;
    if (err && err != EAGAIN)
        *rc = op_fail(op, ERROR_FAIL, err, "The store does not take a transaction");
    return err;
}

int store_transaction(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                      void *arg)
{
    int rc, err;

    do {
        err = transaction_try(op, fn, arg, &rc);
    } while (err == EAGAIN);
    return rc;
}

/* ---- domains as clients ---- */

int store_introduce(struct op *op, uint32_t domid, unsigned long mfn, unsigned int port)
{
    struct iovec parts[] = { PART(op_printf(op, "%u", domid)), PART(op_printf(op, "%lu", mfn)),
                             PART(op_printf(op, "%u", port)) };
    int err = ask(op, XBT_NULL, XS_INTRODUCE, parts, 3, NULL, NULL);

    return err ? op_fail(op, ERROR_FAIL, err, "The store does not take the domain as its client")
               : 0;
}

int store_goes_on(struct op *op, uint32_t domid)
{
    int err = ask(op, XBT_NULL, XS_RESUME, &PART(op_printf(op, "%u", domid)), 1, NULL, NULL);

    return err ? op_fail(op, ERROR_FAIL, err, "The store does not take note that it goes on") : 0;
}
