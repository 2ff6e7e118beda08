/*
 * Messages: which are printed (loglvl=, guest_loglvl=, the rate limit) and what stands before them.
 * The rate limiters and the position in the line are guarded by the console session.
 */
#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/format.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/time.h>
#include "internal.h"

#define PREFIX       "(hospes) "
#define LIMIT_BURST  10U
#define LIMIT_WINDOW SECONDS(5)
#define CHUNK_SIZE   128 /* lines are put together in pieces of this size */

/* Levels below `always` are printed, those below `limited` subject to the rate limit. */
struct threshold {
    unsigned int always, limited;
    unsigned int printed, dropped; /* in this window */
    s_time_t window;               /* its start */
};

static struct threshold own = { .always = LOG_INFO + 1, .limited = LOG_INFO + 1 };
static struct threshold guests = { .always = 0, .limited = LOG_WARN + 1 };

static enum timestamps { STAMP_NONE, STAMP_DATE, STAMP_DATE_MS, STAMP_BOOT, STAMP_RAW } timestamps;

/* One name up to '/' or the end; -1 if there is no such. */
static int parse_level(const char *s, size_t len)
{
    static const char *const names[] = { "none", "error", "warning", "info", "debug", "all" };

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == len && !strncmp(s, names[i], len))
            return (int)min(i, LOG_DEBUG + 1U);
    return -1;
}

/* "info": all up to that; "error/info": errors always, up to infos within the rate limit. */
static int parse_threshold(const char *value, struct threshold *t)
{
    const char *slash = strchr(value, '/');
    size_t len = slash ? (size_t)(slash - value) : strlen(value);
    int always = parse_level(value, len);
    int limited = slash ? parse_level(slash + 1, strlen(slash + 1)) : always;

    if (always < 0 || limited < 0)
        return -EINVAL;
    t->always = (unsigned int)always;
    t->limited = (unsigned int)max(always, limited);
    return 0;
}

static int parse_loglvl(const char *value)
{
    return parse_threshold(value, &own);
}

static int parse_guest_loglvl(const char *value)
{
    return parse_threshold(value, &guests);
}

static int parse_timestamps(const char *value)
{
    static const char *const names[] = { "none", "date", "datems", "boot", "raw" };

    if (!*value) {
        timestamps = STAMP_DATE;
        return 0;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(value, names[i])) {
            timestamps = (enum timestamps)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* As they were last set. */
static char loglvl_text[32] = "info", guest_loglvl_text[32] = "none/warning";
static char timestamps_text[16] = "none";

RUNTIME_OPTION("loglvl", parse_loglvl, loglvl_text,
               "which of our messages to print: none, error, warning, info (default), debug, all; "
               "a/b: always up to a, up to b within the rate limit");
RUNTIME_OPTION("guest_loglvl", parse_guest_loglvl, guest_loglvl_text,
               "the same for messages about guests (default none/warning)");
RUNTIME_OPTION("console_timestamps", parse_timestamps, timestamps_text,
               "time before each message: none (default), date, datems, boot (seconds), raw "
               "(nanoseconds since start)");

static void put_in_console(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_put(s, len, true);
}

/* Collects the formatter's small pieces: a sink likes long ones better. */
struct chunk {
    char buf[CHUNK_SIZE];
    size_t fill;
};

static void flush_chunk(struct chunk *chunk)
{
    put_in_console(NULL, chunk->buf, chunk->fill);
    chunk->fill = 0;
}

static void put_in_chunk(void *ctx, const char *s, size_t len)
{
    struct chunk *chunk = ctx;

    while (len) {
        size_t part = min(len, sizeof(chunk->buf) - chunk->fill);

        memcpy(chunk->buf + chunk->fill, s, part);
        chunk->fill += part;
        s += part;
        len -= part;
        if (chunk->fill == sizeof(chunk->buf))
            flush_chunk(chunk);
    }
}

static void chunk_printf(struct chunk *chunk, const char *fmt, ...) printf_like(2, 3);
static void chunk_printf(struct chunk *chunk, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    format_to(put_in_chunk, chunk, fmt, args);
    va_end(args);
}

/* Days since 1970-01-01 to year, month, day of the Gregorian calendar: count in years that start in
 * March, so that the leap day is the last one. */
static void days_to_date(uint64_t days, unsigned int *year, unsigned int *month, unsigned int *day)
{
    uint64_t since_0000 = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
    uint64_t era = since_0000 / 146097;  /* of 400 years */
    uint64_t of_era = since_0000 % 146097;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t from_march = (5 * of_year + 2) / 153;

    *day = (unsigned int)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (unsigned int)(era * 400 + year_of_era + (*month <= 2));
}

static void put_date(struct chunk *chunk, s_time_t t)
{
    uint64_t secs;
    uint32_t nsecs;
    unsigned int year, month, day, of_day;

    time_get_wallclock_base(&secs, &nsecs);
    secs += ((uint64_t)t + nsecs) / 1000000000;
    nsecs = (uint32_t)(((uint64_t)t + nsecs) % 1000000000);
    days_to_date(secs / 86400, &year, &month, &day);
    of_day = (unsigned int)(secs % 86400);
    chunk_printf(chunk, "[%04u-%02u-%02u %02u:%02u:%02u", year, month, day, of_day / 3600,
                 of_day / 60 % 60, of_day % 60);
    if (timestamps == STAMP_DATE_MS)
        chunk_printf(chunk, ".%03u", nsecs / 1000000);
    chunk_printf(chunk, "] ");
}

static void put_timestamp(struct chunk *chunk)
{
    s_time_t t;

    if (timestamps == STAMP_NONE)
        return;
    t = now();
    if (timestamps == STAMP_DATE || timestamps == STAMP_DATE_MS)
        put_date(chunk, t);
    else if (timestamps == STAMP_BOOT)
        chunk_printf(chunk, "[%6lu.%06lu] ", (uint64_t)t / 1000000000,
                     (uint64_t)t / 1000 % 1000000);
    else
        chunk_printf(chunk, "[%016lx] ", (uint64_t)t);
}

static void put_prefix(struct chunk *chunk, const struct domain *d)
{
    if (!console_at_line_start())
        chunk_printf(chunk, "\n");
    chunk_printf(chunk, PREFIX);
    put_timestamp(chunk);
    if (d)
        chunk_printf(chunk, "d%u: ", d->id);
}

/* May a message of this level be printed now? Tells how many were not when a window is over. */
static bool admit(struct threshold *t, unsigned int level, struct chunk *chunk)
{
    s_time_t time;

    if (level < t->always)
        return true;
    if (level >= t->limited)
        return false;
    time = now();
    if (!t->printed || time - t->window >= LIMIT_WINDOW) {
        if (t->dropped) {
            put_prefix(chunk, NULL);
            chunk_printf(chunk, "%u messages were dropped by the rate limit.\n", t->dropped);
            flush_chunk(chunk);
        }
        t->window = time;
        t->printed = t->dropped = 0;
    }
    if (t->printed >= LIMIT_BURST) {
        t->dropped++;
        return false;
    }
    t->printed++;
    return true;
}

static void print(struct threshold *t, const struct domain *d, enum log_level level,
                  const char *fmt, va_list args)
{
    struct chunk chunk = { .fill = 0 };
    struct console_session session;

    if ((unsigned int)level >= t->limited)
        return;
    session = console_begin();
    if (admit(t, level, &chunk)) {
        put_prefix(&chunk, d);
        format_to(put_in_chunk, &chunk, fmt, args);
        flush_chunk(&chunk);
    }
    console_end(session);
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print(&own, NULL, level, fmt, args);
    va_end(args);
}

void guest_printk(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print(&guests, d, level, fmt, args);
    va_end(args);
}

void printk_raw(const char *fmt, ...)
{
    struct chunk chunk = { .fill = 0 };
    struct console_session session = console_begin();
    va_list args;

    va_start(args, fmt);
    format_to(put_in_chunk, &chunk, fmt, args);
    va_end(args);
    flush_chunk(&chunk);
    console_end(session);
}
