/*
 * The requests. The table at the end says for each what it is called, who may make it, what it
 * needs; a function of each checks the payload, and has store.c, watch.c, transaction.c or domain.c
 * do it. The payload is in memory that the client cannot reach.
 */
#include "request.h"
#include "conn.h"
#include "domain.h"
#include "internal.h"
#include "transaction.h"
#include "watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>

/* ---- payloads */

const char *request_string(const struct request *r, unsigned int index, size_t *len)
{
    const char *s = r->body, *end = r->body + r->len, *zero;

    for (; s < end; s = zero + 1) {
        zero = memchr(s, '\0', (size_t)(end - s));
        if (!zero)
            return NULL;
        if (!index--) {
            *len = (size_t)(zero - s);
            return s;
        }
    }
    return NULL;
}

int request_number(const struct request *r, unsigned int index, uint64_t max, uint64_t *number)
{
    size_t len;
    const char *s = request_string(r, index, &len);
    char *end;

    if (!s || *s < '0' || *s > '9')
        return -EINVAL;
    errno = 0;
    *number = strtoull(s, &end, 10);
    return errno || *end || *number > max ? -EINVAL : 0;
}

/* A domain that can exist */
static int request_domid(const struct request *r, unsigned int index, uint32_t *domid)
{
    uint64_t number;
    int rc = request_number(r, index, DOMID_FIRST_RESERVED - 1, &number);

    *domid = rc < 0 ? 0 : (uint32_t)number;
    return rc;
}

void request_answer(struct request *r, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(r->answer, XENSTORE_PAYLOAD_MAX, format, args);
    va_end(args);
    if (len >= XENSTORE_PAYLOAD_MAX)
        len = XENSTORE_PAYLOAD_MAX - 1;
    r->answer_len = (size_t)len + 1;
}

/* Relative paths are completed here; one request has one path. */
static char path_buffer[STORE_PATH_BUFFER];

/* What follows the path in the payload */
struct rest {
    const char *s;
    size_t len;
};

static int get_path(const struct request *r, struct path *path, uint32_t *prefix, struct rest *rest)
{
    size_t len = 0;
    const char *s = request_string(r, 0, &len);

    if (!s)
        return -EINVAL;
    *rest = (struct rest){ s + len + 1, r->len - len - 1 };
    return store_path(r->view.conn, s, len, path_buffer, path, prefix);
}

/* A path of the tree */
static int get_node_path(const struct request *r, struct path *path, struct rest *rest)
{
    int rc = get_path(r, path, NULL, rest);

    if (rc < 0)
        return rc;
    return path->s[0] == '/' ? 0 : -EINVAL;
}

/* The same, and there must be nothing behind it */
static int get_only_path(const struct request *r, struct path *path)
{
    struct rest rest;
    int rc = get_node_path(r, path, &rest);

    return rc < 0 ? rc : rest.len ? -EINVAL : 0;
}

/* ---- nodes */

static int do_read(struct request *r)
{
    const struct node *n;
    struct path path;
    int rc = get_only_path(r, &path);

    if (rc < 0)
        return rc;
    rc = store_get(&r->view, path, ACCESS_READ, false, &n);
    if (rc < 0)
        return rc;
    memcpy(r->answer, node_value(n), n->value_len);
    r->answer_len = n->value_len;
    return 0;
}

/* A part of the list of a node's children, as text */
struct listing {
    char *out;
    size_t len, room;
    size_t skip;   /* bytes before the part that is wanted */
    uint64_t hash; /* of the whole list */
    bool part;     /* the end may be left out */
    bool full;
};

static bool list_child(const struct node *n, void *arg)
{
    struct listing *l = arg;
    size_t len = n->name_len + 1u, i;

    for (i = 0; i < n->name_len; i++)
        l->hash = (l->hash ^ (uint8_t)n->data[i]) * 1099511628211u;
    l->hash = (l->hash ^ '/') * 1099511628211u;
    if (l->skip >= len) {
        l->skip -= len;
        return true;
    }
    if (l->full || len - l->skip > l->room - l->len) {
        l->full = true;
        return l->part;
    }
    memcpy(l->out + l->len, n->data + l->skip, n->name_len - l->skip);
    l->len += len - l->skip;
    l->out[l->len - 1] = '\0';
    l->skip = 0;
    return true;
}

static int do_directory(struct request *r)
{
    struct listing l = { .out = r->answer, .room = XENSTORE_PAYLOAD_MAX };
    const struct node *n;
    struct path path;
    int rc = get_only_path(r, &path);

    if (rc < 0)
        return rc;
    rc = store_get(&r->view, path, ACCESS_READ, true, &n);
    if (rc < 0)
        return rc;
    tree_each(n->kids, list_child, &l);
    if (l.full)
        return -E2BIG;
    r->answer_len = l.len;
    return 0;
}

/* The number in front is the same as long as the list is: it is made of the names. */
static int do_directory_part(struct request *r)
{
    struct listing l = { .hash = 14695981039346656037u, .part = true };
    char names[XENSTORE_PAYLOAD_MAX - 24]; /* less a number and two ends */
    const struct node *n;
    struct path path;
    struct rest rest;
    uint64_t offset;
    int rc = get_node_path(r, &path, &rest);

    if (rc < 0)
        return rc;
    rc = request_number(r, 1, UINT32_MAX, &offset);
    if (rc < 0)
        return rc;
    rc = store_get(&r->view, path, ACCESS_READ, true, &n);
    if (rc < 0)
        return rc;
    l.out = names;
    l.room = sizeof(names);
    l.skip = (size_t)offset;
    tree_each(n->kids, list_child, &l);
    request_answer(r, "%llu", (unsigned long long)l.hash);
    memcpy(r->answer + r->answer_len, names, l.len);
    r->answer_len += l.len;
    if (!l.full)
        r->answer[r->answer_len++] = '\0';
    return 0;
}

/* It was done to a transaction's version: the commit does it again */
static int did(const struct request *r, enum xsd_sockmsg_type type, struct path path,
               const void *data, size_t len)
{
    if (!r->view.transaction)
        return 0;
    return transaction_did(r->view.conn, r->view.transaction, type, path, data, len);
}

static int do_write(struct request *r)
{
    struct path path;
    struct rest value;
    int rc = get_node_path(r, &path, &value);

    if (rc < 0)
        return rc;
    rc = store_write(&r->view, path, value.s, value.len);
    return rc < 0 ? rc : did(r, XS_WRITE, path, value.s, value.len);
}

static int do_mkdir(struct request *r)
{
    struct path path;
    int rc = get_only_path(r, &path);

    if (rc < 0)
        return rc;
    rc = store_mkdir(&r->view, path);
    return rc < 0 ? rc : did(r, XS_MKDIR, path, NULL, 0);
}

static int do_rm(struct request *r)
{
    struct path path;
    int rc = get_only_path(r, &path);

    if (rc < 0)
        return rc;
    rc = store_remove(&r->view, path);
    return rc < 0 ? rc : did(r, XS_RM, path, NULL, 0);
}

static int do_get_perms(struct request *r)
{
    const struct node *n;
    struct path path;
    struct rest rest;
    int rc = get_path(r, &path, NULL, &rest), special;

    if (rc < 0)
        return rc;
    special = store_special(path);
    if (path.s[0] == '@' && special < 0)
        return -ENOENT;
    if (special < 0) {
        rc = store_get(&r->view, path, ACCESS_READ, false, &n);
        if (rc < 0)
            return rc;
    }
    rc = perms_format(special < 0 ? n->perms : state()->special_perms[special], r->answer,
                      XENSTORE_PAYLOAD_MAX);
    if (rc < 0)
        return rc;
    r->answer_len = (size_t)rc;
    return 0;
}

static int set_special_perms(const struct request *r, int special, const uint32_t *entry,
                             uint32_t count)
{
    ref_t *perms = &state()->special_perms[special];

    if (!r->view.conn->privileged)
        return -EACCES;
    perms_release(*perms);
    arena_set(perms, perms_get(entry, count));
    return 0;
}

static int do_set_perms(struct request *r)
{
    uint32_t entry[PERMS_MAX];
    struct path path;
    struct rest rest;
    int rc = get_path(r, &path, NULL, &rest), count, special;

    if (rc < 0)
        return rc;
    count = perms_parse(rest.s, rest.len, entry);
    if (count < 0)
        return count;
    special = store_special(path);
    if (special >= 0)
        return set_special_perms(r, special, entry, (uint32_t)count);
    if (path.s[0] == '@')
        return -ENOENT;
    rc = store_set_perms(&r->view, path, entry, (uint32_t)count);
    if (rc < 0)
        return rc;
    return did(r, XS_SET_PERMS, path, entry, (size_t)count * sizeof(*entry));
}

/* ---- watches */

static int do_watch(struct request *r)
{
    const char *token;
    struct path path;
    struct rest rest;
    uint32_t prefix;
    size_t len;
    int rc = get_path(r, &path, &prefix, &rest);

    if (rc < 0)
        return rc;
    token = request_string(r, 1, &len);
    if (!token)
        return -EINVAL;
    return watch_add(r->view.conn, path, prefix, token, len);
}

static int do_unwatch(struct request *r)
{
    const char *token;
    struct path path;
    struct rest rest;
    size_t len;
    int rc = get_path(r, &path, NULL, &rest);

    if (rc < 0)
        return rc;
    token = request_string(r, 1, &len);
    if (!token)
        return -EINVAL;
    return watch_remove(r->view.conn, path, token, len);
}

static int do_reset_watches(struct request *r)
{
    watch_remove_all(r->view.conn);
    transaction_end_all(r->view.conn);
    return 0;
}

/* ---- transactions */

static int do_transaction_start(struct request *r)
{
    uint32_t id;
    int rc;

    if (r->view.transaction)
        return -EBUSY;
    rc = transaction_start(r->view.conn, &id);
    if (rc < 0)
        return rc;
    request_answer(r, "%u", id);
    return 0;
}

static int do_transaction_end(struct request *r)
{
    size_t len;
    const char *how = request_string(r, 0, &len);

    if (!how || len != 1 || (*how != 'T' && *how != 'F'))
        return -EINVAL;
    if (!r->view.transaction)
        return -ENOENT;
    return transaction_end(r->view.conn, r->view.transaction, *how == 'T');
}

/* ---- domains */

static int do_introduce(struct request *r)
{
    uint64_t frame, port;
    uint32_t domid;
    size_t len;
    const char *s = request_string(r, 1, &len);

    /* Frames were signed numbers once */
    if (!s || request_domid(r, 0, &domid) < 0 || request_number(r, 2, INT32_MAX, &port) < 0)
        return -EINVAL;
    if (request_number(r, 1, UINT64_MAX, &frame) < 0) {
        if (*s != '-')
            return -EINVAL;
        frame = (uint64_t)strtoll(s, NULL, 10);
    }
    if (!domid || !port)
        return -EINVAL;
    return domain_introduce(domid, frame, (uint32_t)port);
}

static int do_release(struct request *r)
{
    uint32_t domid;
    int rc = request_domid(r, 0, &domid);

    if (rc < 0 || !domid || domid == r->view.conn->domid)
        return -EINVAL;
    return domain_release(domid);
}

static int do_resume(struct request *r)
{
    uint32_t domid;
    int rc = request_domid(r, 0, &domid);

    if (rc < 0 || !domid)
        return -EINVAL;
    return domain_resume(domid);
}

static int do_set_target(struct request *r)
{
    uint32_t domid, target;

    if (request_domid(r, 0, &domid) < 0 || request_domid(r, 1, &target) < 0)
        return -EINVAL;
    return domain_set_target(domid, target);
}

static int do_get_domain_path(struct request *r)
{
    uint64_t domid;
    int rc = request_number(r, 0, UINT16_MAX, &domid);

    if (rc < 0)
        return rc;
    request_answer(r, "/local/domain/%u", (unsigned int)domid);
    return 0;
}

static int do_is_domain_introduced(struct request *r)
{
    uint64_t domid;
    int rc = request_number(r, 0, UINT16_MAX, &domid);

    if (rc < 0)
        return rc;
    if (domid == DOMID_SELF)
        domid = r->view.conn->domid;
    request_answer(r, "%c", domain_is_introduced((uint32_t)domid) ? 'T' : 'F');
    return 0;
}

/* ---- the table */

enum {
    CHANGES = 1,    /* the store: waits for another's turn, unless in a transaction */
    GROWS = 2,      /* needs memory of the state file */
    PRIVILEGED = 4, /* dom0 only */
    VERSION = 8,    /* works on a transaction's version of the store */
};

static const struct {
    const char *name;
    int (*serve)(struct request *r);
    unsigned int flags;
} requests[XS_TYPE_COUNT] = {
    [XS_CONTROL] = { "CONTROL", control_serve, PRIVILEGED },
    [XS_DIRECTORY] = { "DIRECTORY", do_directory, VERSION },
    [XS_DIRECTORY_PART] = { "DIRECTORY_PART", do_directory_part, VERSION },
    [XS_READ] = { "READ", do_read, VERSION },
    [XS_GET_PERMS] = { "GET_PERMS", do_get_perms, VERSION },
    [XS_WATCH] = { "WATCH", do_watch, GROWS },
    [XS_UNWATCH] = { "UNWATCH", do_unwatch, 0 },
    [XS_RESET_WATCHES] = { "RESET_WATCHES", do_reset_watches, 0 },
    [XS_TRANSACTION_START] = { "TRANSACTION_START", do_transaction_start, GROWS | VERSION },
    [XS_TRANSACTION_END] = { "TRANSACTION_END", do_transaction_end, CHANGES | GROWS | VERSION },
    [XS_WRITE] = { "WRITE", do_write, CHANGES | GROWS | VERSION },
    [XS_MKDIR] = { "MKDIR", do_mkdir, CHANGES | GROWS | VERSION },
    [XS_RM] = { "RM", do_rm, CHANGES | VERSION },
    [XS_SET_PERMS] = { "SET_PERMS", do_set_perms, CHANGES | GROWS | VERSION },
    [XS_INTRODUCE] = { "INTRODUCE", do_introduce, PRIVILEGED | GROWS },
    [XS_RELEASE] = { "RELEASE", do_release, PRIVILEGED },
    [XS_RESUME] = { "RESUME", do_resume, PRIVILEGED },
    [XS_SET_TARGET] = { "SET_TARGET", do_set_target, PRIVILEGED },
    [XS_GET_DOMAIN_PATH] = { "GET_DOMAIN_PATH", do_get_domain_path, 0 },
    [XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED", do_is_domain_introduced, 0 },
};

static const char *error_name(int error)
{
    size_t i;

    for (i = 0; i < sizeof(xsd_errors) / sizeof(*xsd_errors); i++)
        if (xsd_errors[i].errnum == -error)
            return xsd_errors[i].errstring;
    say(LOG_WARNING, "error %d has no name in the protocol; EINVAL is told instead", -error);
    return "EINVAL";
}

static int run(struct request *r, const struct xsd_sockmsg *header, unsigned int flags)
{
    if ((flags & VERSION) && header->tx_id) {
        r->view.transaction = transaction_find(r->view.conn, header->tx_id);
        if (!r->view.transaction)
            return -ENOENT;
    }
    if ((flags & PRIVILEGED) && !r->view.conn->privileged)
        return -EACCES;
    if ((flags & GROWS) && !arena_headroom())
        return -ENOSPC;
    return requests[header->type].serve(r);
}

static void trace_message(const struct conn *conn, const char *way, const char *name,
                          const char *data, size_t len)
{
    char shown[128];
    size_t i;

    if (!tracing)
        return;
    if (len > sizeof(shown) - 1)
        len = sizeof(shown) - 1;
    for (i = 0; i < len; i++)
        shown[i] = data[i] >= ' ' && data[i] <= '~' ? data[i] : data[i] ? '.' : ' ';
    shown[len] = '\0';
    trace("%s %u.%u %s %u %s", way, conn->domid, conn_ref(conn), name, conn->in.tx_id, shown);
}

bool request_serve(struct conn *conn)
{
    static char answer[XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg header = conn->in;
    struct request r = {
        .view.conn = conn,
        .body = conn->in_body ? arena_at(conn->in_body) : "",
        .len = conn->in.len,
        .answer = answer,
    };
    bool known = header.type < XS_TYPE_COUNT && requests[header.type].serve;
    unsigned int flags = known ? requests[header.type].flags : 0;
    struct iovec iov;
    int rc;

    if ((flags & CHANGES) && transaction_must_wait(conn) &&
        (!header.tx_id || header.type == XS_TRANSACTION_END))
        return false;
    trace_message(conn, "IN", known ? requests[header.type].name : "?", r.body, r.len);
    rc = known ? run(&r, &header, flags) : -ENOSYS;
    if (rc < 0) {
        /* A transaction that could not be committed has ended all the same */
        if (header.type != XS_TRANSACTION_END)
            state_rollback();
        header.type = XS_ERROR;
        request_answer(&r, "%s", error_name(rc));
    } else if (!r.answer_len && header.type != XS_READ && header.type != XS_DIRECTORY) {
        request_answer(&r, "OK");
    }
    trace_message(conn, "OUT", rc < 0 ? "ERROR" : requests[header.type].name, answer, r.answer_len);
    iov = (struct iovec){ answer, r.answer_len };
    conn_send(conn, &header, &iov, 1, false);
    watch_fire();
    return true;
}
