/*
 * Test Anything Protocol output. Any vCPU may report; the counter is atomic, a line is one write.
 */
#include <stdarg.h>

#include "guest.h"

static unsigned int tests, failures;

static bool report(bool passed, const char *suffix, const char *format, va_list args)
{
    char text[384];
    unsigned int number = __atomic_add_fetch(&tests, 1, __ATOMIC_SEQ_CST);

    format_text(text, sizeof(text), format, args);
    if (!passed)
        __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
    print("%sok %u - %s%s\n", passed ? "" : "not ", number, text, suffix);
    return passed;
}

bool ok(bool passed, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(passed, "", format, args);
    va_end(args);
    return passed;
}

bool is(long got, long want, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(got == want, "", format, args);
    va_end(args);
    if (got != want)
        note("got %ld (0x%lx), want %ld (0x%lx)", got, (unsigned long)got, want,
             (unsigned long)want);
    return got == want;
}

/* For attacks: any error will do. */
bool refused(long got, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(got < 0, "", format, args);
    va_end(args);
    if (got >= 0)
        note("got %ld, want an error", got);
    return got < 0;
}

void skip(const char *what, const char *why)
{
    unsigned int number = __atomic_add_fetch(&tests, 1, __ATOMIC_SEQ_CST);

    print("ok %u - %s # SKIP %s\n", number, what, why);
}

void note(const char *format, ...)
{
    char text[384];
    va_list args;

    va_start(args, format);
    format_text(text, sizeof(text), format, args);
    va_end(args);
    print("# %s\n", text);
}

void bail(const char *format, ...)
{
    char text[384];
    va_list args;

    va_start(args, format);
    format_text(text, sizeof(text), format, args);
    va_end(args);
    print("Bail out! %s\n", text);
    guest_shutdown(SHUTDOWN_reboot);
}

void finish(void)
{
    print("1..%u\n", tests);
    if (failures)
        note("%u of %u failed", failures, tests);
    guest_shutdown(SHUTDOWN_reboot);
}
