/*
 * Printing to the console (UART, VGA) and the console ring.
 * Callable from any context, NMI and panic included.
 */
#ifndef HV_PRINTK_H
#define HV_PRINTK_H

#include <stdarg.h>
#include <hv/types.h>

struct domain;

/* Log levels; `loglvl=` and `guest_loglvl=` choose thresholds. The level is the first argument. */
enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/*
 * Format: the usual C subset (%c %s %d %i %u %x %X %p %o %% with flags 0 - # width, .precision, *,
 * h hh l ll z t) and, through hv/format.h, nothing else.
 */
void printk(enum log_level level, const char *fmt, ...) printf_like(2, 3);

/* About a guest: prefixed with "dN: ", subject to guest_loglvl and to a per-hypervisor rate limit
 * that no guest can get around (at most 10 messages in 5 s, the count of those dropped is told). */
void guest_printk(const struct domain *d, enum log_level level, const char *fmt, ...)
    printf_like(3, 4);

/* No level, no prefix, always printed; for continuing lines and dumps. */
void printk_raw(const char *fmt, ...) printf_like(1, 2);

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);

/* Print the sentence, registers, backtrace and the other CPUs' state, then reboot or halt. */
noreturn void panic(const char *fmt, ...) printf_like(1, 2);

/* The machine's end after a report: in 5 seconds, or a halt with `noreboot`. */
noreturn void reboot_or_halt(void);

/* Should-never-happen conditions of the hypervisor's own making. Never on guest input. */
noreturn void bug(const char *file, int line, const char *what);
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (unlikely(cond))                                                                        \
            bug(__FILE__, __LINE__, #cond);                                                        \
    } while (0)
#ifdef NDEBUG
#define ASSERT(cond) ((void)sizeof(cond))
#else
#define ASSERT(cond) BUG_ON(!(cond))
#endif

#endif
