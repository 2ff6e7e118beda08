/* Processes that belong to a domain and outlive the one that starts them. */
#ifndef LIBXL_DEVICE_DAEMON_H
#define LIBXL_DEVICE_DAEMON_H

#include <sys/types.h>

#include "libxl/internal.h"

#define DAEMON_STOP_MS 10000

struct daemon_start {
    const char *const *argv; /* argv[0] is a path */
    char *const *env;
    int in, log;          /* descriptors for its input, its output and errors */
    const char *pid_path; /* where in the store its number is written */
};
int daemon_start(struct op *op, const struct daemon_start *start, pid_t *pid);

/* The process with this number, if these two words follow one another in its command line */
struct daemon_find {
    pid_t pid; /* 0: none */
    const char *option, *value;
};
bool daemon_runs(const struct daemon_find *find);
/* Ask it to end, insist after a while. 0 when it is gone, or never was. */
int daemon_stop(struct op *op, struct daemon_find *find);

#endif
