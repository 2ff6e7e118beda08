/*
 * Boot loaders: a script of the test's takes the place of pygrub. What it is told, what of its
 * answer is taken and what is refused, its terminal, and that nothing of it stays, however it ends.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

#define LOADER "/run/loader"

/* What each of the scripts begins with: $folder and $file are for its answer. */
#define BEGIN                                                                                      \
    "#!/bin/sh\n"                                                                                  \
    "for i; do case $i in --output=*) file=${i#*=} ;;"                                             \
    " --output-directory=*) folder=${i#*=} ;; esac; done\n"

static const char good[] = BEGIN "echo \"$*\" >$folder/k\n"
                                 ": >$folder/r\n"
                                 "printf 'kernel %s\\0ramdisk %s\\0args %s\\0\\0' $folder/k"
                                 " $folder/r 'root=x quiet' >$file\n";

static int setup(void **state)
{
    (void)state;
    fake_clear();
    fake_isolate();
    fake_kernel[0] = fake_cmdline[0] = '\0';
    return setenv("LIBXL_DOMID_REUSE_TIMEOUT", "0", 1);
}

#define NEEDS_ISOLATION                                                                            \
    if (!fake_isolated())                                                                          \
    skip()

static void write_loader(const char *text)
{
    FILE *f;

    unlink(LOADER);
    f = fopen(LOADER, "w");
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(LOADER, 0755), 0);
}

/* A configuration with one disk, and a boot loader in place of the kernel */
static void make_config(libxl_domain_config *config)
{
    fake_config(config, "a");
    free(config->b_info.kernel);
    config->b_info.kernel = NULL;
    config->b_info.bootloader = strdup(LOADER);
    config->disks = calloc(1, sizeof(*config->disks));
    config->num_disks = 1;
    libxl_device_disk_init(&config->disks[0]);
    config->disks[0].pdev_path = strdup("/the/disk");
}

static int create(libxl_domain_config *config, uint32_t *domid,
                  const libxl_asyncprogress_how *console)
{
    libxl_ctx *ctx;
    int rc;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL))
        return ERROR_FAIL;
    rc = libxl_domain_create_new(ctx, config, domid, NULL, console);
    libxl_domain_config_dispose(config);
    libxl_ctx_free(ctx);
    return rc;
}

static int create_by(const char *text, uint32_t *domid)
{
    libxl_domain_config config;

    write_loader(text);
    make_config(&config);
    return create(&config, domid, NULL);
}

static void destroy(uint32_t domid)
{
    libxl_ctx *ctx;

    assert_int_equal(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL), 0);
    assert_int_equal(libxl_domain_destroy(ctx, domid, NULL), 0);
    libxl_ctx_free(ctx);
}

/* A domain that is there has one file, its configuration. */
static void gone(uint32_t domid)
{
    assert_int_equal(fake_files(), 1);
    destroy(domid);
    assert_int_equal(fake_nodes(), 0);
    assert_int_equal(fake_files(), 0);
}

static void what_it_names_is_booted(void **state)
{
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    assert_int_equal(create_by(good, &domid), 0);
    assert_string_equal(fake_kernel, "--output=/var/lib/xen/bootloader.1.out "
                                     "--output-format=simple0 "
                                     "--output-directory=/var/lib/xen/bootloader.1.d /the/disk\n");
    assert_string_equal(fake_cmdline, "root=x quiet");
    gone(domid);
}

static void what_the_configuration_has_is_told(void **state)
{
    libxl_domain_config config;
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(good);
    make_config(&config);
    config.b_info.kernel = strdup("/k");
    config.b_info.ramdisk = strdup("/r");
    config.b_info.cmdline = strdup("a b");
    config.b_info.bootloader_args = calloc(3, sizeof(char *));
    config.b_info.bootloader_args[0] = strdup("--entry=1");
    config.b_info.bootloader_args[1] = strdup("-q");
    assert_int_equal(create(&config, &domid, NULL), 0);
    assert_string_equal(fake_kernel, "--kernel=/k --ramdisk=/r --args=a b "
                                     "--output=/var/lib/xen/bootloader.1.out "
                                     "--output-format=simple0 "
                                     "--output-directory=/var/lib/xen/bootloader.1.d "
                                     "--entry=1 -q /the/disk\n");
    gone(domid);
}

/* As programs did that know libxl 4.5 */
static void the_old_place_of_its_name_is_known(void **state)
{
    libxl_domain_config config;
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(good);
    make_config(&config);
    config.b_info.u.pv.bootloader = config.b_info.bootloader;
    config.b_info.bootloader = NULL;
    config.b_info.u.pv.bootloader_args = calloc(2, sizeof(char *));
    config.b_info.u.pv.bootloader_args[0] = strdup("--old");
    assert_int_equal(create(&config, &domid, NULL), 0);
    assert_non_null(strstr(fake_kernel, " --old /the/disk"));
    gone(domid);
}

/* ---- its terminal ---- */

static int viewer = -1, times;

static void look(libxl_ctx *ctx, libxl_event *event, void *for_callback)
{
    const char *tty = fake_get("/local/domain/1/console/tty");

    (void)for_callback;
    times++;
    assert_int_equal(event->type, LIBXL_EVENT_TYPE_DOMAIN_CREATE_CONSOLE_AVAILABLE);
    assert_int_equal(event->domid, 1);
    assert_non_null(tty);
    viewer = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(viewer >= 0);
    assert_int_equal(write(viewer, "two\r", 4), 4);
    libxl_event_free(ctx, event);
}

static void who_looks_at_it_can_choose(void **state)
{
    static const char menu[] = BEGIN "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] || exit 1\n"
                                     "[ $TERM = vt100 ] || exit 1\n"
                                     ": </dev/tty || exit 1\n"
                                     "echo one or two\n"
                                     "read choice\n"
                                     "echo $choice >$folder/k\n"
                                     "printf 'kernel %s\\0' $folder/k >$file\n";
    const libxl_asyncprogress_how console = { .callback = look };
    libxl_domain_config config;
    char text[256] = "";
    uint32_t domid;
    FILE *log;
    size_t n;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(menu);
    make_config(&config);
    times = 0;
    assert_int_equal(create(&config, &domid, &console), 0);
    assert_int_equal(times, 1);
    assert_string_equal(fake_kernel, "two\n");
    assert_string_equal(fake_get("/local/domain/1/console/tty"), "");
    close(viewer);
    log = fopen("/var/log/xen/bootloader.1.log", "r");
    assert_non_null(log);
    n = fread(text, 1, sizeof(text) - 1, log);
    text[n] = '\0';
    assert_non_null(strstr(text, "one or two\r\n"));
    fclose(log);
    gone(domid);
}

static void it_may_say_more_than_anybody_reads(void **state)
{
    uint32_t domid;
    char text[1024];

    (void)state;
    NEEDS_ISOLATION;
    snprintf(text, sizeof(text), "%sseq 60000\n", good);
    assert_int_equal(create_by(text, &domid), 0);
    gone(domid);
}

/* ---- what goes wrong ---- */

static void what_it_answers_is_checked(void **state)
{
    static const struct {
        const char *script, *says;
    } bad[] = {
        { BEGIN "exit 3\n", "exited with error status 3" },
        { BEGIN "exit 3\n", "bootloader failed - consult logfile /var/log/xen/bootloader.1.log" },
        { BEGIN, "names no kernel" },
        { BEGIN "printf 'ramdisk /etc/passwd\\0' >$file\n", "names no kernel" },
        { BEGIN "printf 'kernel etc/passwd\\0' >$file\n", "names the kernel 'etc/passwd'" },
        { BEGIN "printf 'kernel %s/none\\0' $folder >$file\n", "is not there" },
        { BEGIN "printf 'kernel /dev/zero\\0' >$file\n", "is no file" },
        { BEGIN "ln -s /etc/passwd $folder/k; printf 'kernel %s\\0' $folder/k >$file\n",
          "is no file" },
        { BEGIN "printf 'kernel /etc/passwd\\0ramdisk /\\0' >$file\n", "is no file" },
        { BEGIN "head -c 70000 /dev/zero >$file\n", "longer than" },
        { BEGIN "rm $file; ln -s /etc/passwd $file\n", "cannot be opened" },
        { BEGIN "rm $file; mkfifo $file\n", "names no kernel" },
    };
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        libxl_domain_config config;
        libxl_ctx *ctx;

        ctx = fake_ctx();
        write_loader(bad[i].script);
        make_config(&config);
        assert_int_equal(libxl_domain_create_new(ctx, &config, &domid, NULL, NULL), ERROR_FAIL);
        libxl_domain_config_dispose(&config);
        libxl_ctx_free(ctx);
        if (!strstr(fake_log, bad[i].says))
            fail_msg("'%s' is not in: %s", bad[i].says, fake_log);
        assert_int_equal(fake_nodes(), 0);
        assert_int_equal(fake_files(), 0);
    }
}

/* pygrub as another user: what it names must be what it made */
static void a_restricted_one_names_only_its_own_files(void **state)
{
    static const char other[] = BEGIN "printf 'kernel /etc/passwd\\0' >$file\n";
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    assert_int_equal(create_by(other, &domid), 0); /* as any other program may */
    gone(domid);
    fake_clear();
    setenv("LIBXL_BOOTLOADER_RESTRICT", "1", 1);
    setenv("LIBXL_BOOTLOADER_USER", "root", 1);
    assert_int_equal(create_by(good, &domid), ERROR_FAIL);
    setenv("LIBXL_BOOTLOADER_USER", "daemon", 1);
    assert_int_equal(create_by(other, &domid), ERROR_FAIL);
    assert_int_equal(create_by(good, &domid), 0);
    assert_non_null(strstr(fake_kernel, "--runas=1 --quiet --output="));
    gone(domid);
    setenv("LIBXL_BOOTLOADER_TIMEOUT", "1", 1);
    assert_int_equal(create_by(BEGIN "exec sleep 600\n", &domid), ERROR_FAIL);
    unsetenv("LIBXL_BOOTLOADER_RESTRICT");
    unsetenv("LIBXL_BOOTLOADER_USER");
    unsetenv("LIBXL_BOOTLOADER_TIMEOUT");
    assert_int_equal(fake_files(), 0);
}

static void what_is_not_there_is_refused(void **state)
{
    libxl_domain_config config;
    uint32_t domid;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(good);
    make_config(&config);
    libxl_device_disk_dispose(&config.disks[0]);
    config.num_disks = 0;
    assert_int_equal(create(&config, &domid, NULL), ERROR_FAIL);
    make_config(&config);
    free(config.b_info.bootloader);
    config.b_info.bootloader = strdup("no-such-loader");
    assert_int_equal(create(&config, &domid, NULL), ERROR_FAIL);
    assert_int_equal(fake_nodes(), 0);
    assert_int_equal(fake_files(), 0);
}

/* ---- what ends it ---- */

#define LASTS "echo $$ >/run/pid.new; mv /run/pid.new /run/pid; exec sleep 600\n"

/* The process that a LASTS is, once it is there */
static pid_t lasting(void)
{
    FILE *f = NULL;
    int pid = 0;

    while (!(f = fopen("/run/pid", "r")))
        usleep(1000);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    unlink("/run/pid");
    return pid;
}

static void an_abort_kills_it(void **state)
{
    libxl_asyncop_how how = { .u.for_event = 1 };
    libxl_domain_config config;
    libxl_event *event;
    libxl_ctx *ctx;
    uint32_t domid;
    pid_t pid;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(BEGIN LASTS);
    make_config(&config);
    assert_int_equal(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, NULL), 0);
    assert_int_equal(libxl_domain_create_new(ctx, &config, &domid, &how, NULL), 0);
    pid = lasting();
    assert_int_equal(libxl_ao_abort(ctx, &how), 0);
    assert_int_equal(libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL), 0);
    assert_int_equal(event->u.operation_complete.rc, ERROR_ABORTED);
    libxl_event_free(ctx, event);
    libxl_ctx_free(ctx);
    libxl_domain_config_dispose(&config);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(fake_nodes(), 0);
    assert_int_equal(fake_files(), 0);
}

/* Killed, so that it undoes nothing: the program is hung up on, the next creation undoes it. */
static void it_ends_with_its_creator(void **state)
{
    libxl_domain_config config;
    uint32_t domid;
    pid_t creator, pid;

    (void)state;
    NEEDS_ISOLATION;
    write_loader(BEGIN LASTS);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    creator = fork();
    if (!creator) {
        make_config(&config);
        _exit(create(&config, &domid, NULL) ? 1 : 0);
    }
    pid = lasting();
    kill(creator, SIGKILL);
    waitpid(creator, NULL, 0);
    assert_true(fake_files() > 1);
    assert_int_equal(create_by(good, &domid), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    gone(domid);
}

const struct CMUnitTest bootloader_tests[] = {
    cmocka_unit_test_setup(what_it_names_is_booted, setup),
    cmocka_unit_test_setup(what_the_configuration_has_is_told, setup),
    cmocka_unit_test_setup(the_old_place_of_its_name_is_known, setup),
    cmocka_unit_test_setup(who_looks_at_it_can_choose, setup),
    cmocka_unit_test_setup(it_may_say_more_than_anybody_reads, setup),
    cmocka_unit_test_setup(what_it_answers_is_checked, setup),
    cmocka_unit_test_setup(a_restricted_one_names_only_its_own_files, setup),
    cmocka_unit_test_setup(what_is_not_there_is_refused, setup),
    cmocka_unit_test_setup(an_abort_kills_it, setup),
    cmocka_unit_test_setup(it_ends_with_its_creator, setup),
};
const size_t bootloader_test_count = sizeof(bootloader_tests) / sizeof(*bootloader_tests);
