/*
 * Boot loaders: a program of dom0 (pygrub) that looks into the guest's first disk and says what to
 * boot. Called by create.c when the domain has nothing but its first nodes.
 *
 *     PROGRAM [--kernel=K] [--ramdisk=R] [--args=A] [--runas=UID --quiet] --output=FILE
 *             --output-format=simple0 --output-directory=FOLDER [bootloader_args...] DISK
 *
 * It has a terminal, which is the guest's console as long as it runs. Its answer in FILE is items
 * that end with a zero: `kernel PATH`, `ramdisk PATH`, `args TEXT`; the paths are of files that it
 * made in FOLDER, most often. FILE and FOLDER are named after the domain, so that whoever destroys
 * the domain finds them. The answer comes of a disk that the guest may have written: it is bounded
 * and checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/core/terminal.h"
#include "libxl/domain/domain.h"

#define ANSWER_MAX     65536u
#define TIMEOUT_S      120 /* of one that runs restricted: nobody sees it */
#define RANGE_OF_USERS "xen-qemuuser-range-base"
#define SHARED_USER    "xen-qemuuser-shared"

/* Where a program without a folder is looked for: ours, Debian's */
static const char *const folders[] = { "/usr/lib/hospes/bin", "/usr/lib/xen-4.17/bin", NULL };

struct loader {
    const libxl_domain_build_info *b;
    uint32_t domid;
    const char *program, *disk;
    const char *file, *folder; /* of its answer */
    char *log;                 /* from malloc() */
    bool restricted;
    uid_t uid; /* it runs as then */
};

static char *file_of(struct op *op, uint32_t domid)
{
    return op_printf(op, "/var/lib/xen/bootloader.%u.out", domid);
}

static char *folder_of(struct op *op, uint32_t domid)
{
    return op_printf(op, "/var/lib/xen/bootloader.%u.d", domid);
}

/* ---- cleaning up ---- */

/* A restricted boot loader that was killed may have left something mounted. */
static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    if (remove(path) && errno == EBUSY && !umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
        (void)remove(path);
    return 0;
}

void bootloader_clean_up(struct op *op, uint32_t domid)
{
    const char *file = file_of(op, domid), *folder = folder_of(op, domid);

    disk_close_in_dom0(op, domid);
    if (unlink(file) && errno != ENOENT)
        op_log(op, XTL_ERROR, errno, "%s cannot be removed", file);
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (!access(folder, F_OK))
        op_log(op, XTL_ERROR, 0, "%s cannot be removed", folder);
}

/* ---- before it runs ---- */

static const char *find_in(struct op *op, const char *folder, const char *name)
{
    const char *path = op_printf(op, "%s/%s", folder, name);

    return access(path, X_OK) ? NULL : path;
}

/* A name alone is looked for in the toolstack's folders, then as a shell does. */
static const char *find_program(struct op *op, const char *name)
{
    const char *found = NULL, *path = getenv("PATH");
    char *folder, *rest;

    if (!strcmp(name, "/usr/bin/pygrub")) {
        op_log(op, XTL_WARN, 0, "bootloader='%s' is deprecated; use bootloader='pygrub'", name);
        name = "pygrub";
    }
    if (strchr(name, '/'))
        return access(name, X_OK) ? NULL : name;
    for (const char *const *f = folders; *f && !found; f++)
        found = find_in(op, *f, name);
    rest = op_strdup(op, path ? path : "");
    while (!found && (folder = strsep(&rest, ":")))
        found = *folder ? find_in(op, folder, name) : NULL;
    return found;
}

static bool find_user(struct op *op, const char *name, uid_t *uid)
{
    size_t size = 16384;
    struct passwd entry, *found = NULL;

    if (getpwnam_r(name, &entry, op_alloc(op, size), size, &found) || !found)
        return false;
    *uid = entry.pw_uid;
    return true;
}

/* As whom it runs, if the environment wants it restricted: a user for each domain, best */
static int find_restriction(struct op *op, struct loader *l)
{
    const char *user = getenv("LIBXL_BOOTLOADER_USER");

    l->restricted = getenv("LIBXL_BOOTLOADER_RESTRICT") != NULL;
    if (!l->restricted)
        return 0;
    if (user) {
        if (!find_user(op, user, &l->uid))
            return op_fail(op, ERROR_INVAL, 0, "Couldn't find user %s for the boot loader", user);
    } else if (find_user(op, RANGE_OF_USERS, &l->uid)) {
        l->uid += l->domid;
    } else if (find_user(op, SHARED_USER, &l->uid)) {
        op_log(op, XTL_WARN, 0, "Could not find user %s, falling back to %s", RANGE_OF_USERS,
               SHARED_USER);
    } else {
        return op_fail(op, ERROR_INVAL, 0,
                       "Could not find user %s or %s, so the boot loader cannot be restricted",
                       RANGE_OF_USERS, SHARED_USER);
    }
    return l->uid ? 0
                  : op_fail(op, ERROR_INVAL, 0,
                            "The boot loader is to be restricted, but its user is root");
}

static int make_place(struct op *op, struct loader *l)
{
    int fd;

    bootloader_clean_up(op, l->domid);
    if (mkdir(l->folder, 0700))
        return op_fail(op, ERROR_FAIL, errno, "failed to create bootloader dir %s", l->folder);
    fd = open(l->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "failed to precreate bootloader output %s", l->file);
    close(fd);
    return 0;
}

static int prepare(struct op *op, const libxl_domain_config *config, struct loader *l)
{
    int rc;

    if (!config->num_disks)
        return op_fail(op, ERROR_INVAL, 0, "cannot run bootloader with no boot disk");
    l->program = find_program(op, l->b->bootloader);
    if (!l->program)
        return op_fail(op, ERROR_INVAL, 0,
                       "There is no boot loader %s that can be executed, neither in %s nor in %s; "
                       "pygrub is in the package xen-utils-4.17",
                       l->b->bootloader, folders[0], folders[1]);
    rc = find_restriction(op, l);
    if (!rc)
        rc = make_place(op, l);
    if (!rc)
        rc = disk_open_in_dom0(op, l->domid, &config->disks[0], l->b->blkdev_start, &l->disk);
    return rc;
}

/* ---- running it ---- */

static void add_option(struct op *op, const char **argv, unsigned int *n, const char *option,
                       const char *value)
{
    if (value)
        argv[(*n)++] = op_printf(op, "--%s=%s", option, value);
}

static const char *const *make_arguments(struct op *op, const struct loader *l)
{
    const char **argv =
        op_calloc(op, (size_t)libxl_string_list_length(&l->b->bootloader_args) + 11, sizeof(*argv));
    unsigned int n = 0;

    argv[n++] = l->program;
    add_option(op, argv, &n, "kernel", l->b->kernel);
    add_option(op, argv, &n, "ramdisk", l->b->ramdisk);
    add_option(op, argv, &n, "args", l->b->cmdline);
    if (l->restricted) {
        add_option(op, argv, &n, "runas", op_printf(op, "%ld", (long)l->uid));
        argv[n++] = "--quiet";
    }
    add_option(op, argv, &n, "output", l->file);
    add_option(op, argv, &n, "output-format", "simple0");
    add_option(op, argv, &n, "output-directory", l->folder);
    for (char **arg = l->b->bootloader_args; arg && *arg; arg++)
        argv[n++] = *arg;
    argv[n] = l->disk;
    return argv;
}

/* -1: it may take as long as its user thinks */
static int timeout_ms(const struct loader *l)
{
    const char *text = getenv("LIBXL_BOOTLOADER_TIMEOUT");
    long seconds = text ? strtol(text, NULL, 10) : TIMEOUT_S;

    if (!l->restricted || seconds <= 0)
        return -1;
    return seconds < INT_MAX / 1000 ? (int)seconds * 1000 : INT_MAX;
}

static int tell_terminal(struct op *op, uint32_t domid, const char *path)
{
    return store_write(op, XBT_NULL, op_printf(op, "/local/domain/%u/console/tty", domid), "%s",
                       path);
}

static int execute(struct op *op, const struct loader *l, struct terminal *t,
                   const libxl_asyncprogress_how *console)
{
    struct op_exec exec = {
        .argv = make_arguments(op, l),
        .env = (const char *const[]){ "TERM", "vt100", NULL },
        .in = -1,
        .out = -1,
        .err = -1,
        .timeout_ms = timeout_ms(l),
        .what = op_printf(op, "the boot loader %s", l->program),
        .terminal = terminal_of_program(t),
        .io = terminal_work,
        .io_arg = t,
        .io_fd = terminal_fd(t),
    };
    int rc = tell_terminal(op, l->domid, terminal_of_viewer(t));

    if (rc)
        return rc;
    op_progress(op, console, LIBXL_EVENT_TYPE_DOMAIN_CREATE_CONSOLE_AVAILABLE, l->domid);
    rc = op_exec(op, &exec);
    /* The name may be another's soon. Viewers wait for the one of the guest's console. */
    tell_terminal(op, l->domid, "");
    if (rc)
        op_log(op, XTL_ERROR, 0, "bootloader failed - consult logfile %s", l->log);
    return rc;
}

static int run(struct op *op, struct loader *l, const libxl_asyncprogress_how *console)
{
    struct terminal *t;
    int fd, rc = ERROR_FAIL;

    if (libxl_create_logfile(op->ctx, op_printf(op, "bootloader.%u", l->domid), &l->log))
        return ERROR_FAIL;
    fd = open(l->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        op_log(op, XTL_WARN, errno, "failed to create bootloader logfile %s", l->log);
    t = terminal_open(op, fd);
    if (t) {
        rc = execute(op, l, t, console);
        terminal_close(t);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- its answer ---- */

static int read_answer(struct op *op, const char *path, char **text, size_t *size)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = 1;

    *text = op_alloc(op, ANSWER_MAX + 1);
    *size = 0;
    if (fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "The boot loader's answer %s cannot be opened", path);
    for (; n > 0 && *size<ANSWER_MAX; *size += n> 0 ? (size_t)n : 0)
        n = read(fd, *text + *size, ANSWER_MAX - *size);
    close(fd);
    if (n < 0)
        return op_fail(op, ERROR_FAIL, errno, "The boot loader's answer %s cannot be read", path);
    return n ? op_fail(op, ERROR_FAIL, 0, "The boot loader's answer is longer than %u bytes",
                       ANSWER_MAX)
             : 0;
}

/* What runs restricted may not have another file of dom0's be given to the guest. */
static int check_file(struct op *op, const struct loader *l, const char *what, const char *path)
{
    size_t n = strlen(l->folder);
    bool ours = !strncmp(path, l->folder, n) && path[n] == '/' && !strchr(path + n + 1, '/');
    struct stat st;

    if (path[0] != '/' || (l->restricted && !ours))
        return op_fail(op, ERROR_FAIL, 0, "The boot loader names the %s '%.150s', not one in %s",
                       what, path, l->folder);
    if (ours ? lstat(path, &st) : stat(path, &st))
        return op_fail(op, ERROR_FAIL, errno, "The boot loader names a %s that is not there: %s",
                       what, path);
    return S_ISREG(st.st_mode)
               ? 0
               : op_fail(op, ERROR_FAIL, 0, "The %s that the boot loader names is no file: %s",
                         what, path);
}

static const char *value_of(const char *item, const char *name)
{
    size_t n = strlen(name);

    return !strncmp(item, name, n) && item[n] == ' ' ? item + n + 1 : NULL;
}

static int take_answer(struct op *op, const struct loader *l, struct boot *boot)
{
    const char *item, *value;
    char *text;
    size_t size;
    int rc = read_answer(op, l->file, &text, &size);

    if (rc)
        return rc;
    *boot = (struct boot){ .kernel = "", .cmdline = l->b->cmdline };
    for (item = text; item < text + size; item += strlen(item) + 1) {
        if ((value = value_of(item, "kernel")))
            boot->kernel = value;
        else if ((value = value_of(item, "ramdisk")))
            boot->ramdisk = *value ? value : NULL;
        else if ((value = value_of(item, "args")))
            boot->cmdline = value;
        else if (*item)
            op_log(op, XTL_WARN, 0, "unexpected output from bootloader: '%.150s'", item);
    }
    if (!*boot->kernel)
        return op_fail(op, ERROR_FAIL, 0, "The boot loader names no kernel; its log is %s", l->log);
    rc = check_file(op, l, "kernel", boot->kernel);
    return rc || !boot->ramdisk ? rc : check_file(op, l, "ramdisk", boot->ramdisk);
}

int bootloader_run(struct op *op, uint32_t domid, const libxl_domain_config *config,
                   const libxl_asyncprogress_how *console, struct boot *boot)
{
    struct loader l = {
        .b = &config->b_info,
        .domid = domid,
        .file = file_of(op, domid),
        .folder = folder_of(op, domid),
    };
    int rc = prepare(op, config, &l);

    if (!rc)
        rc = run(op, &l, console);
    if (!rc)
        rc = take_answer(op, &l, boot);
    free(l.log);
    if (!rc)
        rc = disk_close_in_dom0(op, domid);
    return rc;
}
