/*
 * Files of what consoles show, and the daemon's own messages. Called from the only thread. A log
 * that cannot be written is an error that is told once; the console works on.
 */
#include "xenconsoled/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static bool to_syslog, everything;

void say_to_syslog(void)
{
    to_syslog = true;
}

void say_everything(void)
{
    everything = true;
}

void say(int priority, const char *format, ...)
{
    va_list args;

    if (priority == LOG_DEBUG && !everything)
        return;
    va_start(args, format);
    if (to_syslog) {
        vsyslog(priority, format, args);
    } else {
        fputs("xenconsoled: ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
    }
    va_end(args);
}

static void put(struct log *log, const char *text, size_t count)
{
    while (count) {
        ssize_t n = write(log->fd, text, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!log->failed)
                say(LOG_ERR, "a log cannot be written, what comes is not in it: %m");
            log->failed = true;
            return;
        }
        text += n;
        count -= (size_t)n;
    }
    log->failed = false;
}

static void put_time(struct log *log)
{
    char text[64];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    put(log, text, strftime(text, sizeof(text), "[%Y-%m-%d %H:%M:%S] ", &tm));
}

void log_write(struct log *log, const char *text, size_t count)
{
    char copy[4096];

    while (log->fd >= 0 && count) {
        const char *end = log->stamp ? memchr(text, '\n', count) : NULL;
        size_t n = end ? (size_t)(end - text) + 1 : count;

        if (n > sizeof(copy))
            n = sizeof(copy);
        memcpy(copy, text, n);
        for (size_t i = 0; log->dots && i < n; i++) {
            if (copy[i] == '\033')
                copy[i] = '.';
        }
        if (log->stamp && !log->mid_line)
            put_time(log);
        put(log, copy, n);
        log->mid_line = copy[n - 1] != '\n';
        text += n;
        count -= n;
    }
}

void log_open(struct log *log, const char *dir, const char *name)
{
    char *path = NULL;

    log_close(log);
    log->mid_line = false;
    log->failed = true;
    if (strchr(name, '/')) {
        say(LOG_ERR, "'%s' cannot be the name of a log: it has a slash", name);
        return;
    }
    if (asprintf(&path, "%s/%s.log", dir, name) < 0)
        return;
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    log->failed = log->fd < 0;
    if (log->failed)
        say(LOG_ERR, "the log %s cannot be opened: %m", path);
    free(path);
    if (log->stamp)
        log_write(log, "Logfile Opened\n", 15);
}

void log_close(struct log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
