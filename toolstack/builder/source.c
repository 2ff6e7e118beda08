/*
 * A kernel or ramdisk as bytes to read. Files are read, not mapped: for a dom0 whose page tables
 * the hypervisor checks, a page that is mapped and unmapped costs several times what its copy does.
 * And a file that changes meanwhile gives other bytes or an error, but no signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "builder/internal.h"

int build_fail(struct build_error *error, int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return rc;
}

static int check_file(struct source *source, const char *path, const char *what,
                      struct build_error *error)
{
    struct stat st;

    if (fstat(source->fd, &st) < 0)
        return build_fail(error, -errno, "cannot look at the %s %s: %s", what, path,
                          strerror(errno));
    if (!S_ISREG(st.st_mode))
        return build_fail(error, -EINVAL, "the %s %s is not a regular file", what, path);
    if (st.st_size == 0)
        return build_fail(error, -EINVAL, "the %s %s is empty", what, path);
    if ((uint64_t)st.st_size > BUILD_MAX_FILE)
        return build_fail(error, -EFBIG, "the %s %s is larger than %lu MiB", what, path,
                          BUILD_MAX_FILE >> 20);
    source->size = (uint64_t)st.st_size;
    return 0;
}

int source_open(struct source *source, const struct build_file *file, const char *what,
                struct build_error *error)
{
    int rc;

    *source = (struct source){ .fd = -1, .data = file->data, .size = file->size };
    if (!file->path)
        return 0;
    *source = (struct source){ .fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    if (source->fd < 0)
        return build_fail(error, -errno, "cannot open the %s %s: %s", what, file->path,
                          strerror(errno));
    rc = check_file(source, file->path, what, error);
    if (rc < 0)
        source_close(source);
    return rc;
}

void source_close(struct source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    *source = (struct source){ .fd = -1 };
}

int source_read(const struct source *source, uint64_t offset, void *to, size_t size)
{
    ssize_t got;

    if (offset > source->size || size > source->size - offset)
        return -EINVAL;
    if (source->fd < 0 && size)
        memcpy(to, source->data + offset, size);
    if (source->fd < 0)
        return 0;
    for (size_t done = 0; done < size; done += (size_t)got) {
        got = pread(source->fd, (char *)to + done, size - done,
                    (off_t)(source->start + offset + done));
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            return got < 0 ? -errno : -EIO;
    }
    return 0;
}

bool source_narrow(struct source *source, uint64_t offset, uint64_t size)
{
    if (offset > source->size || size > source->size - offset)
        return false;
    if (source->data)
        source->data += offset;
    source->start += offset;
    source->size = size;
    return true;
}
