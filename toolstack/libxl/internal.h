/*
 * What all parts of libxl share: the context, an operation and its memory, waiting, the log, the
 * store. docs/design/toolstack.md has the rules. A public function is an operation: it fills a
 * `struct op`, works with it, and ends it:
 *
 *     int libxl_domain_pause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
 *     {
 *         struct pause_args args = { .domid = domid };
 *
 *         return op_start(ctx, "libxl_domain_pause", domid, ao_how, do_pause, &args, sizeof(args));
 *     }
 *
 * Functions return 0 or a libxl_error (ERROR_...), after they have logged what went wrong and why.
 */
#ifndef LIBXL_INTERNAL_H
#define LIBXL_INTERNAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenstore.h>
#include <xentoollog.h>

#include <libxl.h>
#include <libxl_json.h>
#include <libxl_utils.h>

#include "xc/xc.h"

#define DOM0                0U
#define LIBXL_INVALID_DOMID ((uint32_t)INVALID_DOMID)

/* ---- an operation: core/op.c ---- */

struct arena;
struct op_thread; /* the thread of one that its caller does not wait for */

struct op {
    libxl_ctx *ctx;
    const char *name; /* of the public function, for the log */
    uint32_t domid;   /* whom it is about, for the log, or LIBXL_INVALID_DOMID */
    struct arena *arena;
    struct op_thread *thread;   /* NULL: runs on its caller's thread */
    struct running *running;    /* its place in the list of those that can be aborted, or NULL */
    struct watch_handle *watch; /* its connection for watches, once it had to wait */
    struct store_queue *store;  /* requests that were not sent yet, from the first one on */
    bool undoes;                /* what it did: that is not aborted, whatever was before */
};

struct xc *op_xc(struct op *op); /* the handle for hypercalls */

typedef int op_fn(struct op *op, void *args);

/*
 * Run fn as an operation: at once if how is NULL; else on a thread of its own, with a copy of the
 * args (what they point to must stay, as libxl.h asks), and report as how says. Returns fn's
 * result, or 0 when the thread runs, or ERROR_FAIL when there can be none.
 */
int op_start(libxl_ctx *ctx, const char *name, uint32_t domid, const libxl_asyncop_how *how,
             op_fn *fn, const void *args, size_t size);

/* Of a function that is never asynchronous; op_end() gives the arena back, and returns rc. */
void op_begin(struct op *op, libxl_ctx *ctx, const char *name, uint32_t domid);
int op_end(struct op *op, int rc);

/* An event in the middle of an operation (aop_console_how): as its `how` says; frees nothing of op.
 */
void op_progress(struct op *op, const libxl_asyncprogress_how *how, libxl_event_type type,
                 libxl_domid domid);

/* Zeroed memory that lives as long as the operation. None of these fails: without memory the
 * process ends with a sentence, as a program that could not go on anyway. */
void *op_alloc(struct op *op, size_t size);
void *op_calloc(struct op *op, size_t count, size_t size);
void *op_realloc(struct op *op, void *old, size_t old_size, size_t size);
char *op_strdup(struct op *op, const char *s);
char *op_strndup(struct op *op, const char *s, size_t size);
char *op_printf(struct op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *op_vprintf(struct op *op, const char *format, va_list args);

/* The same for what the caller gets, and frees with free() or a ..._dispose(). */
void *xl_calloc(size_t count, size_t size);
void *xl_realloc(void *old, size_t size);
char *xl_strdup(const char *s);
char *xl_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- waiting: core/wait.c ---- */

/*
 * Wait until ready() says something else than ERROR_NOT_READY, trying it at first, and again when
 * the store changes below path (NULL: no watch), fd (-1: none) can be read, or poll_ms are over
 * (0: only then). The result is ready()'s, or ERROR_TIMEDOUT after timeout_ms (-1: no end), or
 * ERROR_ABORTED when libxl_ao_abort() was called.
 */
int op_wait(struct op *op, const char *path, int fd, int poll_ms, int timeout_ms,
            int (*ready)(struct op *op, void *arg), void *arg);
int op_sleep(struct op *op, int ms); /* 0 or ERROR_ABORTED */

/* ---- other programs: core/exec.c ---- */

struct op_exec {
    const char *const *argv; /* ends with NULL; argv[0] is a path */
    const char *const *env;  /* NAME, VALUE, ..., NULL: added to the environment; or NULL */
    int in, out, err;        /* descriptors, -1: /dev/null for in, the log for out and err */
    int timeout_ms;          /* after it the program is killed: ERROR_TIMEDOUT */
    const char *what;        /* for the log: "the script of disk xvda" */
    /* A terminal by its path: in, out and err of the program, which leads a session of its own and
     * is ended by a hangup; NULL: none */
    const char *terminal;
    /* What serves the program while it runs: called whenever io_fd can be read, and once when the
     * program has ended; NULL: nothing does */
    void (*io)(void *arg);
    void *io_arg;
    int io_fd;
};
int op_exec(struct op *op, const struct op_exec *exec); /* 0 when the program exited with 0 */

/* ---- the log: core/log.c ---- */

/* One sentence, with the domain's number in front; err is an errno value to be told, or 0. */
void op_log(struct op *op, xentoollog_level level, int err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, and returns rc, so that a refusal is one statement. */
int op_fail(struct op *op, int rc, int err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- the store: core/store.c ----
 * Paths are given as formats. t is XBT_NULL or a transaction's. Values live in the arena. Reading
 * what is not there returns NULL (and logs nothing); other failures are logged and counted as NULL
 * with errno kept. Writers return 0 or ERROR_FAIL.
 */
char *store_path(struct op *op, uint32_t domid); /* /local/domain/N */
char *store_read(struct op *op, xs_transaction_t t, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* A number in decimal or 0x...; or other when there is none. */
long long store_read_int(struct op *op, xs_transaction_t t, long long other, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
bool store_exists(struct op *op, xs_transaction_t t, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* The names below path, ended by NULL; *count (may be NULL) is 0 when there is no path. */
char **store_list(struct op *op, xs_transaction_t t, unsigned int *count, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
int store_write(struct op *op, xs_transaction_t t, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int store_mkdir(struct op *op, xs_transaction_t t, const char *path,
                const struct xs_permissions *perms, unsigned int nr_perms);
int store_set_perms(struct op *op, xs_transaction_t t, const char *path,
                    const struct xs_permissions *perms, unsigned int nr_perms);
/* Write name, value, name, value, ..., NULL below path; a NULL value is left out. */
int store_write_all(struct op *op, xs_transaction_t t, const char *path, const char *const *pairs);
int store_remove(struct op *op, xs_transaction_t t, const char *path);
/* Remove path, and what holds it as long as that holds nothing else. */
int store_remove_empty(struct op *op, xs_transaction_t t, const char *path);
/*
 * Do fn in transactions until one has no conflict; an error of fn ends it. In a transaction,
 * writers return 0 at once: what they ask for goes to the store when something is read, or at the
 * end, and what fails then ends the transaction, too.
 */
int store_transaction(struct op *op, int (*fn)(struct op *op, xs_transaction_t t, void *arg),
                      void *arg);
/* The domain becomes a client of the store, by the ring in its frame, and its event channel. */
int store_introduce(struct op *op, uint32_t domid, unsigned long mfn, unsigned int port);
/* The domain has shut down to be suspended, and lives on. */
int store_goes_on(struct op *op, uint32_t domid);

/* ---- domains: domain/ ---- */

/* The configuration that was stored with the domain, in JSON ("libxl-json"); under a lock that
 * config_lock() takes for a change (docs/design/toolstack.md). */
struct config_lock;
int config_lock(struct op *op, uint32_t domid, struct config_lock **lock);
void config_unlock(struct op *op, struct config_lock *lock);
int config_load(struct op *op, uint32_t domid, libxl_domain_config *config); /* an init'ed one */
int config_store(struct op *op, uint32_t domid, const libxl_domain_config *config);

libxl_domain_type domain_type(struct op *op, uint32_t domid); /* LIBXL_DOMAIN_TYPE_INVALID */
/* Xen's record of exactly this domain: 0, or ERROR_DOMAIN_NOTFOUND. */
int domain_info(struct op *op, uint32_t domid, struct xen_domctl_getdomaininfo *info);
/* Where a domain's configuration of devices is kept: /libxl/N */
char *domain_libxl_path(struct op *op, uint32_t domid);

/* ---- devices: device/ ----
 * Everything that libxl can do with a kind of device goes through a const table row of it.
 */
struct device_kind;
extern const struct device_kind *const device_kinds[]; /* ended by NULL */

/* While a domain is created: nodes of all devices of the configuration, then wait until the
 * backends are ready and the scripts have run. When a domain dies: the other way. */
int devices_add_all(struct op *op, uint32_t domid, libxl_domain_config *config);
int devices_destroy_all(struct op *op, uint32_t domid);
/* Fill what a user left open (backends, devids, scripts, formats), or say what is wrong. */
int devices_set_defaults(struct op *op, uint32_t domid, libxl_domain_config *config, bool hotplug);
/* A disk of a domain (with all defaults) for programs of dom0 to read: *path is its name there. If
 * it has to be made a disk of dom0 for that, it gets the first free name from `first` on. Closing
 * may be done at any time, also again. */
int disk_open_in_dom0(struct op *op, uint32_t domid, const libxl_device_disk *disk,
                      const char *first, const char **path);
int disk_close_in_dom0(struct op *op, uint32_t domid);
/* What of the primary console is in the store before the domain first runs. */
struct console_place {
    unsigned long mfn;
    unsigned int port;
};
int device_console_create(struct op *op, uint32_t domid, const struct console_place *place);
/* What the store has of the devices, put in a configuration. */
int devices_retrieve(struct op *op, uint32_t domid, libxl_domain_config *config);

/* Errors of hypercalls (-errno) as libxl's; 0 stays 0. */
int error_of(int negative_errno);

#endif
