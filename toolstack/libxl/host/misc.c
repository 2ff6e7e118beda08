/* Small things an administrator does with the hypervisor: its console, debug keys, parameters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/host.h"

#define READ_SIZE 16384u

/* ---- the hypervisor's console ---- */

struct libxl__xen_console_reader {
    uint32_t index; /* where in the ring to go on */
    bool clear;
    char text[READ_SIZE + 1];
};

libxl_xen_console_reader *libxl_xen_console_read_start(libxl_ctx *ctx, int clear)
{
    libxl_xen_console_reader *reader = xl_calloc(1, sizeof(*reader));

    (void)ctx;
    reader->clear = clear;
    return reader;
}

/* 1: there is text, which stays the reader's; 0: that was all */
int libxl_xen_console_read_line(libxl_ctx *ctx, libxl_xen_console_reader *reader, char **line_r)
{
    uint32_t count = READ_SIZE;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_console_read(ctx->xc, reader->text, &count, &reader->index, reader->clear);
    if (rc < 0)
        return op_end(&op, host_fail(&op, rc, "The hypervisor's console cannot be read"));
    reader->text[count] = '\0';
    *line_r = reader->text;
    op_end(&op, 0);
    return count > 0;
}

void libxl_xen_console_read_finish(libxl_ctx *ctx, libxl_xen_console_reader *reader)
{
    (void)ctx;
    free(reader);
}

/* ---- debug keys, parameters ---- */

int libxl_send_debug_keys(libxl_ctx *ctx, char *keys)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_debug_keys(ctx->xc, keys);
    if (rc < 0)
        rc = host_fail(&op, rc, "The hypervisor does not take debug keys");
    return op_end(&op, rc);
}

/* One NAME=VALUE, or NAME alone, which means that it shall be true, or no-NAME */
static int set_parameter(struct op *op, const char *word)
{
    const char *value = strchr(word, '=');
    char *name = value ? op_strndup(op, word, (size_t)(value - word)) : op_strdup(op, word);
    int rc;

    if (!value && strncmp(name, "no-", 3) == 0) {
        name += 3;
        value = "0";
    } else {
        value = value ? value + 1 : "1";
    }
    rc = xc_hypfs_write(op->ctx->xc, op_printf(op, "/params/%s", name), value, strlen(value) + 1);
    if (rc < 0)
        return host_fail(
            op, rc, op_printf(op, "The hypervisor does not take %s=%s while it runs", name, value));
    return 0;
}

int libxl_set_parameters(libxl_ctx *ctx, char *params)
{
    char *rest, *word, *saved = NULL;
    struct op op;
    int rc = 0;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rest = op_strdup(&op, params);
    for (word = strtok_r(rest, " ", &saved); word && rc == 0; word = strtok_r(NULL, " ", &saved))
        rc = set_parameter(&op, word);
    return op_end(&op, rc);
}
