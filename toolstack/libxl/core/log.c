/*
 * The log: one sentence for each thing that went wrong, to the logger that the application gave.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libxl/core/ctx.h"

static void log_line(struct op *op, xentoollog_level level, int err, const char *format,
                     va_list args)
{
    char text[1024];

    if (!op->ctx->lg)
        return;
    vsnprintf(text, sizeof(text), format, args);
    if (op->domid == LIBXL_INVALID_DOMID)
        xtl_log(op->ctx->lg, level, err ? err : -1, "libxl", "%s", text);
    else
        xtl_log(op->ctx->lg, level, err ? err : -1, "libxl", "Domain %u: %s", op->domid, text);
}

void op_log(struct op *op, xentoollog_level level, int err, const char *format, ...)
{
    int saved = errno;
    va_list args;

    va_start(args, format);
    log_line(op, level, err, format, args);
    va_end(args);
    errno = saved;
}

int op_fail(struct op *op, int rc, int err, const char *format, ...)
{
    int saved = errno;
    va_list args;

    va_start(args, format);
    log_line(op, XTL_ERROR, err, format, args);
    va_end(args);
    errno = saved;
    return rc;
}

int error_of(int negative_errno)
{
    switch (-negative_errno) {
    case ESRCH:
        return ERROR_DOMAIN_NOTFOUND;
    case ENOMEM:
        return ERROR_NOMEM;
    case EINVAL:
        return ERROR_INVAL;
    case ENOSYS:
    case EOPNOTSUPP:
        return ERROR_NI;
    default:
        return negative_errno ? ERROR_FAIL : 0;
    }
}
