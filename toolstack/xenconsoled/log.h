/*
 * Logs: a file for each guest's console, one for the hypervisor's, and what the daemon itself says.
 */
#ifndef XENCONSOLED_LOG_H
#define XENCONSOLED_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* A file of what a console shows; all zero with fd -1 is one that is closed */
struct log {
    int fd;
    bool stamp; /* each line begins with the time */
    bool dots;  /* an ESC is written as a dot, so that showing the log does nothing to a terminal */
    bool mid_line; /* the last line has begun */
    bool failed;   /* told already that it cannot be opened or written */
};

/* Append to DIR/NAME.log. @name may come from a guest's name: one that is a path is refused. Says
 * itself what fails, once; the log is closed then. */
void log_open(struct log *log, const char *dir, const char *name);
void log_write(struct log *log, const char *text, size_t count);
void log_close(struct log *log);

/* One sentence of the daemon, to stderr, after say_to_syslog() there; of LOG_DEBUG only after
 * say_everything(). */
void say(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_to_syslog(void);
void say_everything(void);

#endif
