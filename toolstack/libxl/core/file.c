/*
 * Files and descriptors: what libxl_utils.h offers, and locks that a file stands for.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/core/ctx.h"
#include "libxl/core/file.h"

#define LOG_FOLDER "/var/log/xen"
#define LOGS_KEPT  10
#define FILE_MAX   (64ull << 20)

static int log_errno(libxl_ctx *ctx, int err, const char *did, const char *what, const char *file)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    op_log(&op, XTL_ERROR, err == EPROTO ? 0 : err, "%s %s%s%s failed%s", did, what ? what : "",
           what ? ": " : "", file ? file : "?", err == EPROTO ? ": it ends too soon" : "");
    op_end(&op, 0);
    return err;
}

static bool still_there(int fd, const char *path)
{
    struct stat opened, named;

    return !fstat(fd, &opened) && !stat(path, &named) && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

int lock_file(const char *path, bool create, bool wait)
{
    int fd, err;

    for (;;) {
        fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
        if (fd < 0)
            return -errno;
        do {
            err = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) ? errno : 0;
        } while (err == EINTR);
        if (!err && still_there(fd, path))
            return fd;
        close(fd);
        if (err)
            return -err;
    }
}

int libxl_read_exactly(libxl_ctx *ctx, int fd, void *data, ssize_t sz, const char *filename,
                       const char *what)
{
    char *p = data;
    ssize_t n;

    while (sz > 0) {
        n = read(fd, p, (size_t)sz);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return log_errno(ctx, n ? errno : EPROTO, "Reading", what, filename);
        p += n;
        sz -= n;
    }
    return 0;
}

int libxl_write_exactly(libxl_ctx *ctx, int fd, const void *data, ssize_t sz, const char *filename,
                        const char *what)
{
    const char *p = data;
    ssize_t n;

    while (sz > 0) {
        n = write(fd, p, (size_t)sz);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return log_errno(ctx, errno, "Writing", what, filename);
        p += n;
        sz -= n;
    }
    return 0;
}

/* A plain file whose size is known; one byte more is read, to see that it has not grown. */
static int read_whole(libxl_ctx *ctx, int fd, const char *filename, void **data_r, int *datalen_r)
{
    struct stat st;
    char *data = NULL;
    ssize_t n;
    int err;

    if (fstat(fd, &st))
        return log_errno(ctx, errno, "Looking at", NULL, filename);
    if (!S_ISREG(st.st_mode) || (unsigned long long)st.st_size > FILE_MAX)
        return log_errno(ctx, S_ISREG(st.st_mode) ? EFBIG : ENOTTY, "Reading", NULL, filename);
    if (st.st_size && data_r) {
        data = xl_calloc(1, (size_t)st.st_size + 1);
        err = libxl_read_exactly(ctx, fd, data, st.st_size, filename, NULL);
        n = err ? 0 : read(fd, data + st.st_size, 1);
        if (!err && n)
            err = log_errno(ctx, n < 0 ? errno : EAGAIN, "Reading", "a file that grows", filename);
        if (err) {
            free(data);
            return err;
        }
    }
    if (data_r)
        *data_r = data;
    if (datalen_r)
        *datalen_r = (int)st.st_size;
    return 0;
}

int libxl_read_file_contents(libxl_ctx *ctx, const char *filename, void **data_r, int *datalen_r)
{
    int fd = open(filename, O_RDONLY | O_CLOEXEC), err;

    if (fd < 0)
        return errno == ENOENT ? ENOENT : log_errno(ctx, errno, "Opening", NULL, filename);
    err = read_whole(ctx, fd, filename, data_r, datalen_r);
    close(fd);
    return err;
}

int libxl_pipe(libxl_ctx *ctx, int pipes[2])
{
    if (!pipe(pipes))
        return 0;
    log_errno(ctx, errno, "Making", NULL, "a pipe");
    return ERROR_FAIL;
}

static int change_flag(libxl_ctx *ctx, int fd, int get, int set, int flag, int on)
{
    int flags = fcntl(fd, get);

    if (flags >= 0 && !fcntl(fd, set, on ? flags | flag : flags & ~flag))
        return 0;
    log_errno(ctx, errno, "Changing", NULL, "a descriptor");
    return ERROR_FAIL;
}

int libxl_fd_set_cloexec(libxl_ctx *ctx, int fd, int cloexec)
{
    return change_flag(ctx, fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

int libxl_fd_set_nonblock(libxl_ctx *ctx, int fd, int nonblock)
{
    return change_flag(ctx, fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

char *libxl_basename(const char *name)
{
    char *copy = xl_strdup(name), *base = xl_strdup((basename)(copy));

    free(copy);
    return base;
}

/* The log of the last time is kept as NAME.log.1, the one before as .2, and so on. */
int libxl_create_logfile(libxl_ctx *ctx, const char *name, char **full_name)
{
    char *path = xl_printf(LOG_FOLDER "/%s.log", name), *from, *to;
    struct stat st;
    int i;

    if (!stat(path, &st) && st.st_size > 0) {
        for (i = LOGS_KEPT - 1; i >= 0; i--) {
            from = i ? xl_printf("%s.%d", path, i) : xl_strdup(path);
            to = xl_printf("%s.%d", path, i + 1);
            if (rename(from, to) && errno != ENOENT)
                log_errno(ctx, errno, "Renaming", NULL, from);
            free(from);
            free(to);
        }
    }
    *full_name = path;
    return 0;
}
