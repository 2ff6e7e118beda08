/*
 * Locks that a file stands for.
 */
#ifndef LIBXL_CORE_FILE_H
#define LIBXL_CORE_FILE_H

#include <stdbool.h>

/*
 * Open the file and lock it; who dies lets go. A file that was removed before the lock was ours is
 * made again. The descriptor, or -errno: -ENOENT without create, -EWOULDBLOCK without wait.
 */
int lock_file(const char *path, bool create, bool wait);

#endif
