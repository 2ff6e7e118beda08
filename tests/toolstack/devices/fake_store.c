/*
 * What stands below libxl's devices, in memory. A transaction is a copy of the store that is put
 * back when it fails. A kill is told by errors of everything from then on: nothing that this
 * process still does has an effect, as if it were no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "libxl/core/ctx.h"
#include "libxl/core/op.h"

#define MAX_NODES 1024

struct node {
    char path[120], value[200], perms[40];
};
static struct node nodes[MAX_NODES], copy[MAX_NODES];
static unsigned int nr_nodes;
static long long now_ms;

const char *fake_broken_backend, *fake_deaf_backend;
unsigned int fake_lives;
libxl_domain_config fake_config;

static struct libxl__ctx the_ctx;
libxl_ctx *const fake_ctx = &the_ctx;

/* ---- the store ---- */

static struct node *find(const char *path)
{
    for (unsigned int i = 0; i < nr_nodes; i++)
        if (strcmp(nodes[i].path, path) == 0)
            return &nodes[i];
    return NULL;
}

/* Parents come into being by themselves, with the permissions of theirs */
static struct node *make(const char *path)
{
    struct node *n = find(path), *parent = NULL;
    char above[120];

    if (n)
        return n;
    snprintf(above, sizeof(above), "%s", path);
    *strrchr(above, '/') = '\0';
    if (*above)
        parent = make(above);
    if (nr_nodes == MAX_NODES)
        abort();
    n = &nodes[nr_nodes++];
    memset(n, 0, sizeof(*n));
    snprintf(n->path, sizeof(n->path), "%s", path);
    snprintf(n->perms, sizeof(n->perms), "%s", parent ? parent->perms : "n0");
    return n;
}

void fake_set(const char *path, const char *value)
{
    snprintf(make(path)->value, sizeof(nodes->value), "%s", value);
}

const char *fake_value(const char *path)
{
    const struct node *n = find(path);

    return n ? n->value : "";
}

void fake_reset(void)
{
    nr_nodes = 0;
    now_ms = 0;
    fake_broken_backend = fake_deaf_backend = NULL;
    fake_lives = UINT32_MAX;
    libxl_domain_config_dispose(&fake_config);
    libxl_domain_config_init(&fake_config);
    fake_set("/local/domain/1/name", "guest");
}

void fake_revive(void)
{
    fake_lives = UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct node *)a)->path, ((const struct node *)b)->path);
}

char *fake_dump(void)
{
    size_t size = 0;
    char *text;
    FILE *f = open_memstream(&text, &size);

    qsort(nodes, nr_nodes, sizeof(*nodes), compare);
    for (unsigned int i = 0; i < nr_nodes; i++)
        fprintf(f, "%s = \"%s\" (%s)\n", nodes[i].path, nodes[i].value, nodes[i].perms);
    fclose(f);
    return text;
}

/* Each write is a step at which we may have been killed */
bool fake_alive(void)
{
    if (fake_lives == 0)
        return false;
    fake_lives--;
    return true;
}

#define PATH(p, op, path)                                                                          \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, path);                                                                      \
        p = op_vprintf(op, path, args);                                                            \
        va_end(args);                                                                              \
    } while (0)

char *store_read(struct op *op, xs_transaction_t t, const char *path, ...)
{
    const struct node *n;
    char *p;

    (void)t;
    PATH(p, op, path);
    n = find(p);
    return n ? op_strdup(op, n->value) : NULL;
}

bool store_exists(struct op *op, xs_transaction_t t, const char *path, ...)
{
    char *p;

    (void)t;
    PATH(p, op, path);
    return find(p) != NULL;
}

long long store_read_int(struct op *op, xs_transaction_t t, long long other, const char *path, ...)
{
    const struct node *n;
    char *p;

    (void)t;
    PATH(p, op, path);
    n = find(p);
    return n && *n->value ? strtoll(n->value, NULL, 0) : other;
}

char **store_list(struct op *op, xs_transaction_t t, unsigned int *count, const char *path, ...)
{
    unsigned int n = 0;
    char *p, **names;
    size_t length;

    (void)t;
    PATH(p, op, path);
    length = strlen(p);
    if (count)
        *count = 0;
    if (!find(p))
        return NULL;
    names = op_calloc(op, nr_nodes + 1, sizeof(*names));
    for (unsigned int i = 0; i < nr_nodes; i++)
        if (strncmp(nodes[i].path, p, length) == 0 && nodes[i].path[length] == '/' &&
            !strchr(nodes[i].path + length + 1, '/'))
            names[n++] = op_strdup(op, nodes[i].path + length + 1);
    if (count)
        *count = n;
    return names;
}

int store_write(struct op *op, xs_transaction_t t, const char *path, const char *format, ...)
{
    char *value;

    (void)t;
    PATH(value, op, format);
    if (!fake_alive())
        return ERROR_FAIL;
    fake_set(path, value);
    return 0;
}

int store_set_perms(struct op *op, xs_transaction_t t, const char *path,
                    const struct xs_permissions *perms, unsigned int nr_perms)
{
    struct node *n = find(path);

    (void)op;
    (void)t;
    if (!fake_alive() || !n)
        return ERROR_FAIL;
    n->perms[0] = '\0';
    for (unsigned int i = 0; i < nr_perms; i++)
        snprintf(n->perms + strlen(n->perms), sizeof(n->perms) - strlen(n->perms), "%s%c%u",
                 i ? "," : "", perms[i].perms == XS_PERM_READ ? 'r' : 'n', perms[i].id);
    return 0;
}

int store_mkdir(struct op *op, xs_transaction_t t, const char *path,
                const struct xs_permissions *perms, unsigned int nr_perms)
{
    if (!fake_alive())
        return ERROR_FAIL;
    make(path);
    return nr_perms ? store_set_perms(op, t, path, perms, nr_perms) : 0;
}

int store_write_all(struct op *op, xs_transaction_t t, const char *path, const char *const *pairs)
{
    int rc = 0;

    for (; *pairs && rc == 0; pairs += 2)
        rc = store_write(op, t, op_printf(op, "%s/%s", path, pairs[0]), "%s", pairs[1]);
    return rc;
}

int store_remove(struct op *op, xs_transaction_t t, const char *path)
{
    size_t length = strlen(path);
    unsigned int kept = 0;

    (void)op;
    (void)t;
    if (!fake_alive())
        return ERROR_FAIL;
    for (unsigned int i = 0; i < nr_nodes; i++) {
        bool gone = strncmp(nodes[i].path, path, length) == 0 &&
                    (!nodes[i].path[length] || nodes[i].path[length] == '/');

        if (!gone)
            nodes[kept++] = nodes[i];
    }
    nr_nodes = kept;
    return 0;
}

int store_remove_empty(struct op *op, xs_transaction_t t, const char *path)
{
    char *p = op_strdup(op, path);
    unsigned int n = 0;
    int rc;

    do {
        rc = store_remove(op, t, p);
        *strrchr(p, '/') = '\0';
        if (*p)
            store_list(op, t, &n, "%s", p);
    } while (rc == 0 && *p && n == 0);
    return rc;
}

int store_transaction(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                      void *arg)
{
    unsigned int count = nr_nodes;
    int rc;

    memcpy(copy, nodes, sizeof(copy));
    rc = fn(op, 1, arg);
    if (rc == 0 && !fake_alive())
        rc = ERROR_FAIL;
    if (rc != 0) {
        memcpy(nodes, copy, sizeof(copy));
        nr_nodes = count;
    }
    return rc;
}

/* ---- time: backends move when somebody waits ---- */

static void move_backends(void)
{
    for (unsigned int i = 0; i < nr_nodes; i++) {
        char kind[20];
        unsigned int domid, id;
        int end = 0;

        if (sscanf(nodes[i].path, "/local/domain/0/backend/%19[^/]/%u/%u/state%n", kind, &domid,
                   &id, &end) != 3 ||
            !end || nodes[i].path[end])
            continue;
        if (fake_deaf_backend && strcmp(kind, fake_deaf_backend) == 0)
            continue;
        if (strcmp(nodes[i].value, "5") == 0)
            strcpy(nodes[i].value, "6");
        else if (strcmp(nodes[i].value, "1") == 0)
            strcpy(nodes[i].value,
                   fake_broken_backend && strcmp(kind, fake_broken_backend) == 0 ? "6" : "2");
    }
}

int op_wait(struct op *op, const char *path, int fd, int poll_ms, int timeout_ms,
            int (*ready)(struct op *op, void *arg), void *arg)
{
    long long end = now_ms + timeout_ms;
    int rc;

    (void)path;
    (void)fd;
    (void)poll_ms;
    for (;;) {
        if (fake_lives == 0)
            return ERROR_FAIL;
        rc = ready(op, arg);
        if (rc != ERROR_NOT_READY)
            return rc;
        if (now_ms >= end)
            return ERROR_TIMEDOUT;
        now_ms += 100;
        move_backends();
    }
}

/* ---- the configuration, operations ---- */

int config_lock(struct op *op, uint32_t domid, struct config_lock **lock)
{
    (void)op;
    (void)domid;
    *lock = NULL;
    return fake_lives ? 0 : ERROR_FAIL;
}

void config_unlock(struct op *op, struct config_lock *lock)
{
    (void)op;
    (void)lock;
}

int config_load(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    (void)domid;
    libxl_domain_config_copy(op->ctx, config, &fake_config);
    return 0;
}

int config_store(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    (void)domid;
    if (!fake_alive())
        return ERROR_FAIL;
    libxl_domain_config_dispose(&fake_config);
    libxl_domain_config_init(&fake_config);
    libxl_domain_config_copy(op->ctx, &fake_config, config);
    return 0;
}

libxl_domain_type domain_type(struct op *op, uint32_t domid)
{
    (void)op;
    (void)domid;
    return LIBXL_DOMAIN_TYPE_PV;
}

char *domain_libxl_path(struct op *op, uint32_t domid)
{
    return op_printf(op, "/libxl/%u", domid);
}

void op_begin(struct op *op, libxl_ctx *ctx, const char *name, uint32_t domid)
{
    *op = (struct op){ .ctx = ctx, .name = name, .domid = domid };
}

int op_end(struct op *op, int rc)
{
    op_free_memory(op);
    return rc;
}

int op_start(libxl_ctx *ctx, const char *name, uint32_t domid, const libxl_asyncop_how *how,
             op_fn *fn, const void *args, size_t size)
{
    struct op op;

    (void)how;
    (void)size;
    op_begin(&op, ctx, name, domid);
    return op_end(&op, fn(&op, (void *)args));
}
