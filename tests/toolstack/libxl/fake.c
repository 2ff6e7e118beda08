/*
 * The store: a list of paths and values under one lock. A watch makes an event at once, and another
 * for each change at or below its path; an eventfd of its handle is readable while there are some.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake.h"
#include "xc/domain.h"

#define MAX 64

struct node {
    char path[128], value[128];
};

struct watch {
    struct xs_handle *handle;
    char path[128], token[32];
    int events;
};

struct xs_handle {
    int fd;
};

static struct node nodes[MAX];
static struct watch watches[MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int fake_conflicts, fake_watches, fake_handles, fake_requests;
unsigned int fake_flags;
bool fake_gone;
char fake_log[8192];

static struct node *find(const char *path)
{
    for (int i = 0; i < MAX; i++) {
        if (nodes[i].path[0] && !strcmp(nodes[i].path, path))
            return &nodes[i];
    }
    return NULL;
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

static void fire(const char *path)
{
    for (int i = 0; i < MAX; i++) {
        if (watches[i].handle && below(path, watches[i].path)) {
            watches[i].events++;
            eventfd_write(watches[i].handle->fd, 1);
        }
    }
}

static void set(const char *path, const char *value)
{
    struct node *n = find(path);

    for (int i = 0; !n && i < MAX; i++) {
        if (!nodes[i].path[0])
            n = &nodes[i];
    }
    snprintf(n->path, sizeof(n->path), "%s", value ? path : "");
    snprintf(n->value, sizeof(n->value), "%s", value ? value : "");
    fire(path);
}

void fake_set(const char *path, const char *value)
{
    pthread_mutex_lock(&lock);
    set(path, value);
    pthread_mutex_unlock(&lock);
}

const char *fake_get(const char *path)
{
    const struct node *n = find(path);

    return n ? n->value : NULL;
}

void fake_clear(void)
{
    memset(nodes, 0, sizeof(nodes));
    fake_conflicts = fake_requests = 0;
    fake_flags = 0;
    fake_gone = false;
    fake_log[0] = '\0';
}

/* ---- libxenstore ---- */

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = calloc(1, sizeof(*h));

    (void)flags;
    h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    fake_handles++;
    return h;
}

void xs_close(struct xs_handle *h)
{
    for (int i = 0; i < MAX; i++) {
        if (watches[i].handle == h) {
            watches[i].handle = NULL;
            fake_watches--;
        }
    }
    close(h->fd);
    free(h);
    fake_handles--;
}

void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    xs_close(h);
}

int xs_fileno(struct xs_handle *h)
{
    return h->fd;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX; i++) {
        if (watches[i].handle)
            continue;
        watches[i].handle = h;
        snprintf(watches[i].path, sizeof(watches[i].path), "%s", path);
        snprintf(watches[i].token, sizeof(watches[i].token), "%s", token);
        watches[i].events = 1;
        eventfd_write(h->fd, 1);
        fake_watches++;
        break;
    }
    pthread_mutex_unlock(&lock);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX; i++) {
        if (watches[i].handle == h && !strcmp(watches[i].path, path) &&
            !strcmp(watches[i].token, token)) {
            watches[i].handle = NULL;
            fake_watches--;
        }
    }
    pthread_mutex_unlock(&lock);
    return true;
}

char **xs_check_watch(struct xs_handle *h)
{
    char **event = NULL;
    eventfd_t n;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX && !event; i++) {
        if (watches[i].handle != h || !watches[i].events)
            continue;
        watches[i].events--;
        event = malloc(2 * sizeof(*event) + sizeof(watches[i].path) + sizeof(watches[i].token));
        event[XS_WATCH_PATH] = (char *)(event + 2);
        event[XS_WATCH_TOKEN] = event[XS_WATCH_PATH] + sizeof(watches[i].path);
        strcpy(event[XS_WATCH_PATH], watches[i].path);
        strcpy(event[XS_WATCH_TOKEN], watches[i].token);
    }
    if (!event) {
        (void)eventfd_read(h->fd, &n);
        errno = EAGAIN;
    }
    pthread_mutex_unlock(&lock);
    return event;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    const struct node *n;
    char *copy = NULL;

    (void)h;
    (void)t;
    pthread_mutex_lock(&lock);
    fake_requests++;
    n = find(path);
    if (n) {
        copy = strdup(n->value);
        *len = (unsigned int)strlen(copy);
    }
    pthread_mutex_unlock(&lock);
    if (!copy)
        errno = ENOENT;
    return copy;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    char value[128];

    (void)h;
    (void)t;
    snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)data);
    fake_requests++;
    fake_set(path, value);
    return true;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return fake_get(path) || xs_write(h, t, path, "", 0);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    bool any = false;

    (void)h;
    (void)t;
    for (int i = 0; i < MAX; i++) {
        if (nodes[i].path[0] && below(nodes[i].path, path)) {
            any = true;
            nodes[i].path[0] = '\0';
        }
    }
    errno = ENOENT;
    return any;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    char **names = calloc(MAX, sizeof(*names) + 128), *text = (char *)(names + MAX);
    size_t n = strlen(path);

    (void)h;
    (void)t;
    *num = 0;
    for (int i = 0; i < MAX; i++) {
        if (!below(nodes[i].path, path) || !nodes[i].path[n] || strchr(nodes[i].path + n + 1, '/'))
            continue;
        names[*num] = text + 128 * *num;
        strcpy(names[(*num)++], nodes[i].path + n + 1);
    }
    return names;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms)
{
    (void)h;
    (void)t;
    (void)perms;
    (void)num_perms;
    return fake_get(path) != NULL;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    (void)h;
    (void)t;
    if (abort || !fake_conflicts)
        return true;
    fake_conflicts--;
    errno = EAGAIN;
    return false;
}

/* ---- the hypervisor, and other parts of libxl ---- */

int xc_open(struct xc **xc, struct xentoollog_logger *log)
{
    (void)log;
    *xc = NULL;
    return 0;
}

void xc_close(struct xc *xc)
{
    (void)xc;
}

int xc_domain_info(struct xc *xc, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    (void)xc;
    if (fake_gone || domid != 7)
        return -ESRCH;
    *info = (struct xen_domctl_getdomaininfo){ .domain = 7, .flags = fake_flags };
    return 0;
}

int domain_info(struct op *op, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    return xc_domain_info(op_xc(op), domid, info) ? ERROR_DOMAIN_NOTFOUND : 0;
}

void creations_end_all(libxl_ctx *ctx)
{
    (void)ctx;
}

void libxl_version_info_dispose(libxl_version_info *p)
{
    (void)p;
}

void libxl_event_init(libxl_event *p)
{
    memset(p, 0, sizeof(*p));
}

void libxl_event_init_type(libxl_event *p, libxl_event_type type)
{
    p->type = type;
}

void libxl_event_dispose(libxl_event *p)
{
    (void)p;
}

/* ---- the log ---- */

static void to_log(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
                   const char *context, const char *format, va_list al)
{
    char line[256];
    size_t n = strlen(fake_log);

    (void)logger;
    (void)level;
    (void)errnoval;
    (void)context;
    vsnprintf(line, sizeof(line), format, al);
    snprintf(fake_log + n, sizeof(fake_log) - n, "%s\n", line);
}

static struct xentoollog_logger logger = { .vmessage = to_log };

libxl_ctx *fake_ctx(void)
{
    libxl_ctx *ctx;

    fake_clear();
    return libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &logger) ? NULL : ctx;
}
