/* Messages, the trace of requests, and the default limits. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct limits limits = {
    .nodes = 1000,
    .node_size = 2048,
    .watches = 128,
    .transactions = 10,
    .permissions = 5,
    .path_max = 2048,
    .transaction_nodes = 1024,
    .outstanding = 20,
    .memory = (2u << 20) + 1024,
    .memory_soft = 2u << 20,
    .events = 256u << 10,
};

bool tracing;
static bool to_stderr = true;
static FILE *trace_file;

void log_to_stderr(bool on)
{
    to_stderr = on;
}

static void vsay(int priority, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    vsyslog(priority, format, again);
    va_end(again);
    if (!to_stderr)
        return;
    fputs("xenstored: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void say(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(priority, format, args);
    va_end(args);
}

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(LOG_CRIT, format, args);
    va_end(args);
    exit(1);
}

int trace_open(const char *path)
{
    FILE *f = NULL;

    if (path) {
        f = fopen(path, "ae");
        if (!f)
            return -errno;
        setlinebuf(f);
    }
    if (trace_file)
        fclose(trace_file);
    trace_file = f;
    tracing = f != NULL;
    return 0;
}

void trace(const char *format, ...)
{
    struct timespec now;
    struct tm tm;
    char when[32];
    va_list args;

    if (!trace_file)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y%m%d %H:%M:%S", &tm);
    fprintf(trace_file, "%s.%06ld ", when, now.tv_nsec / 1000);
    va_start(args, format);
    vfprintf(trace_file, format, args);
    va_end(args);
    fputc('\n', trace_file);
}

void *must(void *p)
{
    if (!p)
        die("out of memory");
    return p;
}
