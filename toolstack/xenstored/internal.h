/* What all files of the daemon use: messages, limits, and memory that is there. */
#ifndef XENSTORED_INTERNAL_H
#define XENSTORED_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/* One line to syslog, and to stderr while that is open; @priority is LOG_* */
void say(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, then the end of the process; the state stays as the last finished step left it */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Whether messages go to stderr, too */
void log_to_stderr(bool on);
/* The trace: a line for each request and answer. NULL: off. -errno */
int trace_open(const char *path);
extern bool tracing;
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* @p, unless it is NULL: the process ends. For small memory, whose lack leaves nothing to do. */
void *must(void *p);

/* What one unprivileged domain may have. The defaults are those of Xen 4.17. */
struct limits {
    uint32_t nodes;             /* owned by it */
    uint32_t node_size;         /* bytes of a value */
    uint32_t watches;           /* set by it */
    uint32_t transactions;      /* open at once */
    uint32_t permissions;       /* entries of a node's list */
    uint32_t path_max;          /* characters below /local/domain/ID */
    uint32_t transaction_nodes; /* accessed in one transaction */
    uint32_t outstanding;       /* answers that it has not read */
    uint32_t memory;            /* bytes of its nodes, watches and transactions; 0: no limit */
    uint32_t memory_soft;       /* bytes, from which on the log has a warning; 0: none */
    uint32_t events;            /* bytes of events that it has not read */
};
extern struct limits limits;

#endif
