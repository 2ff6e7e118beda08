/* The formatter behind printk() and snprintf(): its output goes to a function, piece by piece. */
#ifndef HV_FORMAT_H
#define HV_FORMAT_H

#include <stdarg.h>
#include <hv/types.h>

/* Receives the text in order, in pieces of at least one character. */
typedef void (*format_put_t)(void *ctx, const char *s, size_t len);

/* Formats as hv/printk.h says; an unknown conversion is put out as it stands. Returns the number of
 * characters put out. */
size_t format_to(format_put_t put, void *ctx, const char *fmt, va_list args);

#endif
