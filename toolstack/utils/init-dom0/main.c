/*
 * xen-init-dom0 [UUID]: writes what xl expects to find about dom0 and the pools of CPUs into the
 * store, gives dom0 its UUID, and stores an empty configuration for it. Run once after xenstored
 * has started, by xen-init-dom0.service; done already, it does nothing.
 */
#include "xc/cpupool.h"
#include "xc/domain.h"
#include <errno.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <libxl_uuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>
#include <xentoollog.h>

#define DOMID "/local/domain/0/domid"
#define NAME  "/local/domain/0/name"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "xen-init-dom0: %s: %s\n", what, why);
    return 1;
}

static int put(struct xs_handle *xs, const char *path, const char *value)
{
    if (xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
        return 0;
    return fail(path, strerror(errno));
}

static int write_pools(struct xc *xc, struct xs_handle *xs)
{
    struct xc_cpupool pool;
    char path[48], name[24];
    uint32_t id = 0;
    int rc;

    for (; !(rc = xc_cpupool_info(xc, id, &pool, NULL, 0)); id = pool.id + 1) {
        snprintf(path, sizeof(path), "/local/pool/%u/name", pool.id);
        snprintf(name, sizeof(name), "Pool-%u", pool.id);
        if (put(xs, path, name))
            return 1;
    }
    return rc == -ENOENT ? 0 : fail("the pools of CPUs are not told", strerror(-rc));
}

/* xl reads and changes the stored configuration of any domain, so dom0 needs one */
static int store_config(libxl_ctx *ctx)
{
    libxl_domain_config config;
    libxl_dominfo info;
    char *json = NULL;
    int rc;

    libxl_domain_config_init(&config);
    libxl_dominfo_init(&info);
    rc = libxl_domain_info(ctx, &info, 0);
    if (!rc) {
        config.c_info.type = info.domain_type;
        config.c_info.name = strdup("Domain-0");
        libxl_uuid_copy(ctx, &config.c_info.uuid, &info.uuid);
        libxl_domain_build_info_init_type(&config.b_info, config.c_info.type);
        json = libxl_domain_config_to_json(ctx, &config);
        rc = json ? 0 : ERROR_NOMEM;
    }
    if (!rc)
        rc = libxl_userdata_store(ctx, 0, "libxl-json", (const uint8_t *)json,
                                  (int)strlen(json) + 1);
    free(json);
    libxl_dominfo_dispose(&info);
    libxl_domain_config_dispose(&config);
    return rc ? fail("dom0's configuration is not stored", libxl_error_to_string(rc)) : 0;
}

static int use_libxl(void)
{
    libxl_ctx *ctx = NULL;
    int status = 1, rc;
    xentoollog_logger *log =
        (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);

    if (!log)
        return fail("no log", strerror(ENOMEM));
    rc = libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, log);
    if (rc) {
        fail("libxl does not work", libxl_error_to_string(rc));
    } else {
        status = store_config(ctx);
        rc = libxl_clear_domid_history(ctx);
        if (rc)
            status = fail("the ids of past domains stay", libxl_error_to_string(rc));
        libxl_ctx_free(ctx);
    }
    xtl_logger_destroy(log);
    return status;
}

/* Both nodes are there */
static int done_before(struct xs_handle *xs)
{
    char *domid = xs_read(xs, XBT_NULL, DOMID, NULL);
    char *name = xs_read(xs, XBT_NULL, NAME, NULL);
    int done = domid && name;

    free(domid);
    free(name);
    return done;
}

static int set_up(struct xc *xc, struct xs_handle *xs, const char *uuid_text)
{
    libxl_uuid uuid;
    int rc;

    if (uuid_text) {
        if (libxl_uuid_from_string(&uuid, uuid_text))
            return fail(uuid_text, "that is not a UUID");
        rc = xc_domain_set_handle(xc, 0, libxl_uuid_bytearray(&uuid));
        if (rc)
            return fail("dom0 does not get its UUID", strerror(-rc));
    }
    /* The name is the last: it says that all is done */
    return use_libxl() || write_pools(xc, xs) || put(xs, DOMID, "0") || put(xs, NAME, "Domain-0");
}

int main(int argc, char **argv)
{
    struct xc *xc = NULL;
    int status, rc;

    if (argc > 2)
        return fail("too many arguments", "it takes none, or dom0's UUID");
    struct xs_handle *xs = xs_open(0);

    if (!xs)
        return fail("the store does not answer; is xenstored running", strerror(errno));
    if (done_before(xs)) {
        puts("Dom0 is already set up");
        xs_close(xs);
        return 0;
    }
    rc = xc_open(&xc, NULL);
    status = rc ? fail("the hypervisor cannot be called", strerror(-rc))
                : set_up(xc, xs, argc == 2 ? argv[1] : NULL);
    if (!rc)
        xc_close(xc);
    xs_close(xs);
    if (!status)
        puts("Done setting up Dom0");
    return status;
}
