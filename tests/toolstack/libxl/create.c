/*
 * Creating and destroying domains, in a name space of its own for /run and /var/lib: what is
 * stored, what is refused, and that a creation that is killed at any step leaves nothing in the
 * way.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

static bool isolated;

bool fake_isolated(void)
{
    return isolated;
}

static int write_map(const char *path, unsigned int id)
{
    FILE *f = fopen(path, "w");

    return !f || fprintf(f, "0 %u 1\n", id) < 0 || fclose(f);
}

/* Folders that only this process and its children see */
void fake_isolate(void)
{
    unsigned int uid = getuid(), gid = getgid();
    FILE *f;

    if (isolated || unshare(CLONE_NEWUSER | CLONE_NEWNS))
        return;
    f = fopen("/proc/self/setgroups", "w");
    if (!f || fprintf(f, "deny") < 0 || fclose(f) || write_map("/proc/self/uid_map", uid) ||
        write_map("/proc/self/gid_map", gid))
        return;
    isolated = !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
               !mount("none", "/run", "tmpfs", 0, NULL) &&
               !mount("none", "/var/lib", "tmpfs", 0, NULL) &&
               !mount("none", "/var/log", "tmpfs", 0, NULL) && !mkdir("/run/xen", 0755) &&
               !mkdir("/var/lib/xen", 0755) && !mkdir("/var/log/xen", 0755);
}

void fake_config(libxl_domain_config *config, const char *name)
{
    libxl_domain_config_init(config);
    config->c_info.type = LIBXL_DOMAIN_TYPE_PV;
    config->c_info.name = strdup(name);
    config->c_info.domid = LIBXL_INVALID_DOMID;
    libxl_domain_build_info_init_type(&config->b_info, LIBXL_DOMAIN_TYPE_PV);
    config->b_info.max_memkb = 65536;
    config->b_info.kernel = strdup("/kernel");
}

static int create(const char *name, uint32_t *domid)
{
    libxl_ctx *ctx;
    libxl_domain_config config;
    int rc;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL))
        return ERROR_FAIL;
    fake_config(&config, name);
    rc = libxl_domain_create_new(ctx, &config, domid, NULL, NULL);
    libxl_domain_config_dispose(&config);
    libxl_ctx_free(ctx);
    return rc;
}

static int destroy(uint32_t domid)
{
    libxl_ctx *ctx;
    int rc;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL))
        return ERROR_FAIL;
    rc = libxl_domain_destroy(ctx, domid, NULL);
    libxl_ctx_free(ctx);
    return rc;
}

unsigned int fake_files(void)
{
    static const char *const folders[] = { "/run/xen", "/var/lib/xen" };
    unsigned int i, n = 0;
    struct dirent *e;
    DIR *d;

    for (i = 0; i < 2; i++) {
        d = opendir(folders[i]);
        while ((e = readdir(d)))
            n += e->d_name[0] != '.' && strncmp(e->d_name, "domid-history", 13);
        closedir(d);
    }
    return n;
}

static int setup(void **state)
{
    (void)state;
    fake_clear();
    fake_isolate();
    return setenv("LIBXL_DOMID_REUSE_TIMEOUT", "0", 1);
}

#define NEEDS_ISOLATION                                                                            \
    if (!isolated)                                                                                 \
    skip()

static void a_domain_comes_and_goes(void **state)
{
    uint32_t domid, other;

    (void)state;
    NEEDS_ISOLATION;
    assert_int_equal(create("a", &domid), 0);
    assert_int_equal(domid, 1);
    assert_string_equal(fake_get("/local/domain/1/name"), "a");
    assert_string_equal(fake_get("/libxl/1/type"), "pv");
    assert_string_equal(fake_get("/local/domain/1/memory/target"), "65536");
    assert_int_equal(fake_files(), 1);
    assert_int_equal(create("a", &other), ERROR_FAIL);
    assert_int_equal(other, LIBXL_INVALID_DOMID);
    assert_int_equal(destroy(domid), 0);
    assert_int_equal(destroy(domid), ERROR_DOMAIN_NOTFOUND);
    assert_int_equal(fake_nodes(), 0);
    assert_int_equal(fake_files(), 0);
}

static uint32_t named(const char *name)
{
    libxl_ctx *ctx;
    uint32_t domid;

    assert_int_equal(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL), 0);
    assert_int_equal(libxl_name_to_domid(ctx, name, &domid), 0);
    libxl_ctx_free(ctx);
    return domid;
}

/* In a child; returns how it ended, as wait() says */
static int create_killed_at(long step, long *steps)
{
    int report[2], status;
    uint32_t domid;
    pid_t pid;

    assert_int_equal(pipe(report), 0);
    pid = fork();
    if (!pid) {
        fake_calls = 0;
        fake_kill_at = step;
        status = create("a", &domid);
        if (write(report[1], &fake_calls, sizeof(fake_calls)) < 0)
            status = -1;
        _exit(status ? 1 : 0);
    }
    close(report[1]);
    if (read(report[0], steps, sizeof(*steps)) != sizeof(*steps))
        *steps = step;
    close(report[0]);
    waitpid(pid, &status, 0);
    return status;
}

static void a_creation_killed_at_any_step_leaves_nothing_in_the_way(void **state)
{
    uint32_t domid;
    long step, steps = 2;
    int status = -1;

    (void)state;
    NEEDS_ISOLATION;
    for (step = 1; step <= steps; step++) {
        status = create_killed_at(step, &steps);
        if (WIFEXITED(status))
            break; /* it takes fewer steps than that */
        steps = step + 1;
        assert_int_equal(create("a", &domid), 0);
        assert_int_equal(destroy(domid), 0);
        assert_int_equal(fake_nodes(), 0);
        assert_int_equal(fake_files(), 0);
    }
    assert_true(step > 50);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    domid = named("a");
    assert_int_equal(destroy(domid), 0);
    assert_int_equal(fake_files(), 0);
}

/* While a domain moves within the host, another one with its UUID works. */
static void a_domain_that_runs_is_never_taken_for_a_leftover(void **state)
{
    struct xen_domctl_getdomaininfo *works;
    libxl_uuid uuid = { { 1, 2, 3 } };
    uint32_t domid;
    char path[128];
    FILE *f;

    (void)state;
    NEEDS_ISOLATION;
    works = fake_domain(100, true);
    works->cpu_time = 5;
    memcpy(works->handle, uuid.uuid, sizeof(works->handle));
    snprintf(path, sizeof(path), "/run/xen/create-" LIBXL_UUID_FMT, LIBXL_UUID_BYTES(uuid));
    f = fopen(path, "w");
    fprintf(f, "100\n");
    fclose(f);
    assert_int_equal(create("b", &domid), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(libxl_domid_valid_guest(100));
    assert_int_equal(destroy(100), 0); /* it was still there */
    assert_int_equal(destroy(domid), 0);
}

const struct CMUnitTest create_tests[] = {
    cmocka_unit_test_setup(a_domain_comes_and_goes, setup),
    cmocka_unit_test_setup(a_creation_killed_at_any_step_leaves_nothing_in_the_way, setup),
    cmocka_unit_test_setup(a_domain_that_runs_is_never_taken_for_a_leftover, setup),
};
const size_t create_test_count = sizeof(create_tests) / sizeof(*create_tests);
