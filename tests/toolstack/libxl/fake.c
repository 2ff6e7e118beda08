/*
 * The store: a list of paths and values under one lock. A watch makes an event at once, and another
 * for each change at or below its path; an eventfd of its handle is readable while there are some.
 * Nodes and domains are in memory that forked processes share, so that one can be killed and
 * another look at what it left. Transactions are not undone: so a killed one leaves the most it
 * could.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenstore_lib.h>

#include "builder/builder.h"
#include "fake.h"

#include "libxl/core/wire.h"
#include "libxl/device/device.h"
#include "libxl/transfer/transfer.h"
#include "xc/event.h"
#include "xc/host.h"
#include "xc/hvm.h"
#include "xc/memory.h"
#include "xc/vcpu.h"

#define MAX 256

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

/* What outlives a process */
static struct shared {
    struct node nodes[MAX];
    struct xen_domctl_getdomaininfo domains[FAKE_DOMAINS];
    bool there[FAKE_DOMAINS];
    uint32_t last;
} * shared;
#define nodes shared->nodes
static struct watch watches[MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int fake_conflicts, fake_watches, fake_handles, fake_requests, fake_exchanges;
long fake_calls, fake_kill_at;
char fake_log[8192];

/* One more step that a process can be killed at */
static void step(void)
{
    if (++fake_calls == fake_kill_at)
        raise(SIGKILL);
}

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
    if (!shared)
        shared =
            mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(shared, 0, sizeof(*shared));
    shared->there[DOM0] = true;
    shared->domains[DOM0].cpu_time = 1;
    fake_conflicts = fake_requests = fake_exchanges = 0;
    fake_calls = fake_kill_at = 0;
    fake_log[0] = '\0';
}

unsigned int fake_nodes(void)
{
    unsigned int i, n = 0;

    for (i = 0; i < MAX; i++)
        n += nodes[i].path[0] != '\0';
    return n;
}

struct xen_domctl_getdomaininfo *fake_domain(uint32_t domid, bool there)
{
    shared->there[domid] = there;
    shared->domains[domid].domain = (domid_t)domid;
    return &shared->domains[domid];
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

/* The store is in another domain: it has no socket */
const char *xs_daemon_socket(void)
{
    return "/nowhere";
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

/* ---- requests, as core/wire.c sends them ---- */

struct wire *wire_open(void)
{
    fake_handles++;
    return calloc(1, 1);
}

void wire_close(struct wire *w)
{
    fake_handles--;
    free(w);
}

static const char *read_node(const char *path, uint32_t *len)
{
    const struct node *n = find(path);

    fake_requests++;
    step();
    *len = n ? (uint32_t)strlen(n->value) : 0;
    return n ? n->value : NULL;
}

static void write_node(const char *path, const char *data, uint32_t len)
{
    char value[128];

    snprintf(value, sizeof(value), "%.*s", (int)len, data);
    fake_requests++;
    step();
    set(path, value);
    step();
}

static bool remove_nodes(const char *path)
{
    bool any = false;

    step();
    for (int i = 0; i < MAX; i++) {
        if (nodes[i].path[0] && below(nodes[i].path, path)) {
            any = true;
            nodes[i].path[0] = '\0';
        }
    }
    return any;
}

static uint32_t list_nodes(const char *path, char *names)
{
    size_t n = strlen(path);
    char *end = names;

    for (int i = 0; i < MAX; i++) {
        if (!below(nodes[i].path, path) || !nodes[i].path[n] || strchr(nodes[i].path + n + 1, '/'))
            continue;
        end = stpcpy(end, nodes[i].path + n + 1) + 1;
    }
    return (uint32_t)(end - names);
}

/* An errno value, or 0 with the answer */
static int serve(const struct xsd_sockmsg *m, const char *body, const char **answer, uint32_t *len)
{
    static char names[MAX * 128];
    uint32_t path_size = (uint32_t)strlen(body) + 1;

    switch (m->type) {
    case XS_READ:
        *answer = read_node(body, len);
        return *answer ? 0 : ENOENT;
    case XS_WRITE:
        write_node(body, body + path_size, m->len - path_size);
        return 0;
    case XS_MKDIR:
        if (!find(body))
            write_node(body, "", 0);
        return 0;
    case XS_RM:
        return remove_nodes(body) ? 0 : ENOENT;
    case XS_DIRECTORY:
        *answer = names;
        *len = list_nodes(body, names);
        return 0;
    case XS_SET_PERMS:
        return find(body) ? 0 : ENOENT;
    case XS_TRANSACTION_START:
        *answer = "1";
        *len = 1;
        return 0;
    case XS_TRANSACTION_END:
        if (*body == 'F' || !fake_conflicts)
            return 0;
        fake_conflicts--;
        return EAGAIN;
    case XS_INTRODUCE:
        step();
        return 0;
    case XS_RESUME:
        return 0;
    default:
        return ENOSYS;
    }
}

int wire_exchange(struct wire *w, const struct wire_batch *batch, wire_answered *answered,
                  void *arg)
{
    size_t at = 0;

    (void)w;
    fake_exchanges++;
    pthread_mutex_lock(&lock);
    while (at < batch->size) {
        struct xsd_sockmsg m = wire_next(batch, &at);
        char body[XENSTORE_PAYLOAD_MAX + 1];
        const char *answer = "OK";
        uint32_t len = 2;
        int err;

        memcpy(body, batch->data + at, m.len);
        body[m.len] = '\0';
        err = serve(&m, body, &answer, &len);
        answered(arg, m.type, body, err, err ? "" : answer, err ? 0 : len);
        at += m.len;
    }
    pthread_mutex_unlock(&lock);
    return 0;
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
    if (domid >= FAKE_DOMAINS || !shared->there[domid])
        return -ESRCH;
    *info = shared->domains[domid];
    return 0;
}

int xc_domain_list(struct xc *xc, uint32_t first, unsigned int max,
                   struct xen_domctl_getdomaininfo *info)
{
    unsigned int n = 0;

    (void)xc;
    for (uint32_t i = first; i < FAKE_DOMAINS && n < max; i++) {
        if (shared->there[i])
            info[n++] = shared->domains[i];
    }
    return (int)n;
}

int xc_domain_create(struct xc *xc, uint32_t *domid, const struct xen_domctl_createdomain *config)
{
    struct xen_domctl_getdomaininfo *d;

    (void)xc;
    step();
    *domid = *domid ? *domid : ++shared->last;
    if (*domid >= FAKE_DOMAINS || shared->there[*domid])
        return -EEXIST;
    d = fake_domain(*domid, true);
    d->cpu_time = 0;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    step();
    return 0;
}

int xc_domain_destroy(struct xc *xc, uint32_t domid)
{
    (void)xc;
    step();
    if (!shared->there[domid])
        return -ESRCH;
    shared->there[domid] = false;
    step();
    return 0;
}

int xc_domain_unpause(struct xc *xc, uint32_t domid)
{
    (void)xc;
    shared->domains[domid].cpu_time = 1;
    return 0;
}

int xc_physinfo(struct xc *xc, struct xen_sysctl_physinfo *info)
{
    (void)xc;
    *info = (struct xen_sysctl_physinfo){ .capabilities = XEN_SYSCTL_PHYSCAP_gnttab_v1 };
    return 0;
}

int xc_evtchn_alloc_unbound(struct xc *xc, uint32_t domid, uint32_t remote)
{
    (void)xc;
    (void)domid;
    (void)remote;
    step();
    return 1;
}

/* ---- what only has to be there ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define NOTHING(name, ...)                                                                         \
    int name(__VA_ARGS__)                                                                          \
    {                                                                                              \
        step();                                                                                    \
        return 0;                                                                                  \
    }

NOTHING(xc_domain_pause, struct xc *xc, uint32_t domid)
NOTHING(xc_domain_max_memory, struct xc *xc, uint32_t domid, uint64_t kb)
NOTHING(xc_claim, struct xc *xc, uint32_t domid, uint64_t pages)
NOTHING(xc_domain_set_paging_pool, struct xc *xc, uint32_t domid, uint64_t bytes)
NOTHING(xc_domain_set_time_offset, struct xc *xc, uint32_t domid, int64_t seconds)
NOTHING(xc_hvm_set_param, struct xc *xc, uint32_t domid, unsigned int index, uint64_t value)
NOTHING(xc_domain_ioport_permission, struct xc *xc, uint32_t domid, uint32_t first, uint32_t count,
        bool allow)
NOTHING(xc_domain_irq_permission, struct xc *xc, uint32_t domid, uint32_t pirq, bool allow)
NOTHING(xc_domain_iomem_permission, struct xc *xc, uint32_t domid, uint64_t first, uint64_t count,
        bool allow)
NOTHING(xc_domain_set_handle, struct xc *xc, uint32_t domid, const uint8_t handle[16])
NOTHING(xc_domain_trigger, struct xc *xc, uint32_t domid, unsigned int trigger, unsigned int vcpu)
NOTHING(build_prepare, struct xc *xc, const struct build_request *r, struct build_error *e)
NOTHING(build_policy, struct xc *xc, const struct build_request *r, struct build_error *e)
NOTHING(domain_restore, struct op *op, uint32_t domid, int fd, const libxl_domain_config *config,
        struct rings *rings)
NOTHING(devices_set_defaults, struct op *op, uint32_t domid, libxl_domain_config *config,
        bool hotplug)
NOTHING(devices_add_all, struct op *op, uint32_t domid, libxl_domain_config *config)
NOTHING(devices_destroy_all, struct op *op, uint32_t domid)
NOTHING(disk_close_in_dom0, struct op *op, uint32_t domid)
NOTHING(device_console_create, struct op *op, uint32_t domid, const struct console_place *place)
NOTHING(libxl_cpupool_qualifier_to_cpupoolid, libxl_ctx *ctx, const char *p, uint32_t *poolid_r,
        int *was_name_r)
NOTHING(libxl_cpupoolid_is_valid, libxl_ctx *ctx, uint32_t poolid)
NOTHING(libxl_flask_context_to_sid, libxl_ctx *ctx, char *buf, size_t len, uint32_t *ssidref)
NOTHING(libxl_flask_sid_to_context, libxl_ctx *ctx, uint32_t ssidref, char **buf, size_t *len)
NOTHING(libxl_nodemap_to_cpumap, libxl_ctx *ctx, const libxl_bitmap *nodemap, libxl_bitmap *cpumap)
NOTHING(libxl_set_vcpuaffinity, libxl_ctx *ctx, uint32_t domid, uint32_t vcpuid,
        const libxl_bitmap *hard, const libxl_bitmap *soft)
NOTHING(libxl_domain_sched_params_set, libxl_ctx *ctx, uint32_t domid,
        const libxl_domain_sched_params *params)

#pragma GCC diagnostic pop

char fake_kernel[1024], fake_cmdline[1024];

int build_domain(struct xc *xc, const struct build_request *r, struct build_result *result,
                 struct build_error *e)
{
    FILE *f = fopen(r->kernel.path, "r");

    (void)xc;
    (void)result;
    (void)e;
    step();
    fake_kernel[f ? fread(fake_kernel, 1, sizeof(fake_kernel) - 1, f) : 0] = '\0';
    if (f)
        fclose(f);
    snprintf(fake_cmdline, sizeof(fake_cmdline), "%s", r->cmdline ? r->cmdline : "");
    return 0;
}

int disk_open_in_dom0(struct op *op, uint32_t domid, const libxl_device_disk *disk,
                      const char *first, const char **path)
{
    (void)op;
    (void)domid;
    (void)first;
    step();
    *path = disk->pdev_path;
    return 0;
}

long xc_command(struct xc *xc, unsigned int number, unsigned int cmd, void *arg, size_t size)
{
    (void)xc;
    (void)number;
    (void)cmd;
    (void)arg;
    (void)size;
    return -ENOSYS;
}

int libxl_cpu_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int max_cpus)
{
    return libxl_bitmap_alloc(ctx, map, max_cpus ? max_cpus : 64);
}

/* ---- nodes of memory: their CPUs are numbered one node after the other ---- */

struct fake_node fake_node[32];
unsigned int fake_node_count;
uint32_t fake_placed;

static int node_of(unsigned int cpu)
{
    unsigned int node = 0;

    while (node < fake_node_count && cpu >= fake_node[node].cpus)
        cpu -= fake_node[node++].cpus;
    return node < fake_node_count ? (int)node : -1;
}

static int count_cpus(void)
{
    unsigned int n = 0;

    while (node_of(n) >= 0)
        n++;
    return (int)n;
}

libxl_numainfo *libxl_get_numainfo(libxl_ctx *ctx, int *nr)
{
    libxl_numainfo *list = calloc(fake_node_count + 1, sizeof(*list));

    (void)ctx;
    *nr = (int)fake_node_count;
    for (unsigned int i = 0; i < fake_node_count; i++)
        list[i].free = fake_node[i].free_mb << 20;
    return list;
}

libxl_cputopology *libxl_get_cpu_topology(libxl_ctx *ctx, int *nb_cpu_out)
{
    libxl_cputopology *list;

    (void)ctx;
    *nb_cpu_out = count_cpus();
    list = calloc((size_t)*nb_cpu_out + 1, sizeof(*list));
    for (int i = 0; i < *nb_cpu_out; i++)
        list[i].node = (uint32_t)node_of((unsigned int)i);
    return list;
}

int libxl_cpupool_info(libxl_ctx *ctx, libxl_cpupoolinfo *info, uint32_t poolid)
{
    (void)poolid;
    assert_int_equal(libxl_bitmap_alloc(ctx, &info->cpumap, 64), 0);
    libxl_bitmap_set_any(&info->cpumap);
    return 0;
}

/* All are dom0's. */
libxl_vcpuinfo *libxl_list_vcpu(libxl_ctx *ctx, uint32_t domid, int *nb_vcpu, int *nr_cpus_out)
{
    libxl_vcpuinfo *list = calloc(64, sizeof(*list));
    unsigned int node, i;
    int cpu;

    *nb_vcpu = 0;
    *nr_cpus_out = count_cpus();
    for (node = 0; domid == DOM0 && node < fake_node_count; node++) {
        for (i = 0; i < fake_node[node].vcpus; i++, (*nb_vcpu)++) {
            libxl_bitmap_alloc(ctx, &list[*nb_vcpu].cpumap, 64);
            libxl_bitmap_alloc(ctx, &list[*nb_vcpu].cpumap_soft, 64);
            libxl_bitmap_set_any(&list[*nb_vcpu].cpumap);
            for (cpu = 0; cpu < *nr_cpus_out; cpu++) {
                if (node_of((unsigned int)cpu) == (int)node)
                    libxl_bitmap_set(&list[*nb_vcpu].cpumap_soft, cpu);
            }
        }
    }
    return list;
}

int libxl_node_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int max_nodes)
{
    (void)max_nodes;
    return libxl_bitmap_alloc(ctx, map, 32);
}

int libxl_domain_set_nodeaffinity(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *nodemap)
{
    (void)ctx;
    (void)domid;
    fake_placed = 0;
    for (int i = 0; i < 32; i++)
        fake_placed |= libxl_bitmap_test(nodemap, i) ? 1u << i : 0;
    return 0;
}

const struct device_kind *const device_kinds[] = { NULL };

void *kind_items(const struct device_kind *kind, const libxl_domain_config *config, int *count)
{
    (void)kind;
    (void)config;
    *count = 0;
    return NULL;
}

void *kind_item(const struct device_kind *kind, void *items, int i)
{
    (void)kind;
    (void)i;
    return items;
}

int *item_devid(const struct device_kind *kind, const void *item)
{
    (void)kind;
    (void)item;
    return NULL;
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
