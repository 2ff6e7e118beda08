/*
 * A kernel or ramdisk as bytes: mapped from its file, so that nothing is copied before it goes into
 * the guest. As with every mapping, who shortens the file meanwhile ends the process (SIGBUS); a
 * boot loader that unpacks a guest's kernel for dom0 gives it a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

static int map_file(struct blob *blob, int fd, const char *path, const char *what,
                    struct build_error *error)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return build_fail(error, -errno, "cannot look at the %s %s: %s", what, path,
                          strerror(errno));
    if (!S_ISREG(st.st_mode))
        return build_fail(error, -EINVAL, "the %s %s is not a regular file", what, path);
    if (st.st_size == 0)
        return build_fail(error, -EINVAL, "the %s %s is empty", what, path);
    if ((uint64_t)st.st_size > BUILD_MAX_FILE)
        return build_fail(error, -EFBIG, "the %s %s is larger than %lu MiB", what, path,
                          BUILD_MAX_FILE >> 20);
    blob->mapping = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (blob->mapping == MAP_FAILED) {
        blob->mapping = NULL;
        return build_fail(error, -errno, "cannot read the %s %s: %s", what, path, strerror(errno));
    }
    blob->data = blob->mapping;
    blob->size = st.st_size;
    return 0;
}

int blob_open(struct blob *blob, const struct build_file *file, const char *what,
              struct build_error *error)
{
    int fd, rc;

    *blob = (struct blob){ .data = file->data, .size = file->size };
    if (!file->path)
        return 0;
    fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return build_fail(error, -errno, "cannot open the %s %s: %s", what, file->path,
                          strerror(errno));
    rc = map_file(blob, fd, file->path, what, error);
    close(fd);
    return rc;
}

void blob_close(struct blob *blob)
{
    if (blob->mapping)
        munmap(blob->mapping, blob->size);
    *blob = (struct blob){ 0 };
}
