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

/* The time as it begins lines; its length */
static size_t time_of_day(char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return strftime(text, size, "[%Y-%m-%d %H:%M:%S] ", &tm);
}

void log_write(struct log *log, const char *text, size_t count)
{
    char stamp[64], out[4096];
    size_t stamp_size = log->stamp ? time_of_day(stamp, sizeof(stamp)) : 0, n = 0;

    if (log->fd < 0)
        return;
    /* Written in large pieces: a guest that floods would have us make a call for each line */
    for (size_t i = 0; i < count; i++) {
        if (n + stamp_size + 1 > sizeof(out)) {
            put(log, out, n);
            n = 0;
        }
        if (!log->mid_line) {
            memcpy(out + n, stamp, stamp_size);
            n += stamp_size;
        }
        out[n++] = log->dots && text[i] == '\033' ? '.' : text[i];
        log->mid_line = text[i] != '\n';
    }
    put(log, out, n);
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
