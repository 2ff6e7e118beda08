/* The hypervisor's security module: labels and numbers of them, its state, its policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include "xc/flask.h"

#define LABEL_MAX 1024

/* A hypervisor without the module does not know its calls */
static int flask_result(struct op *op, int rc, const char *what)
{
    if (rc == -ENOSYS)
        return op_fail(op, ERROR_NOPARAVIRT, 0, "%s: the hypervisor has no security policy (FLASK)",
                       what);
    return rc < 0 ? host_fail(op, rc, what) : rc;
}

int libxl_flask_context_to_sid(libxl_ctx *ctx, char *buf, size_t len, uint32_t *ssidref)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_flask_context_to_sid(ctx->xc, buf, len, ssidref);
    return op_end(&op, flask_result(&op, rc, "A label is not known"));
}

int libxl_flask_sid_to_context(libxl_ctx *ctx, uint32_t ssidref, char **buf, size_t *len)
{
    char text[LABEL_MAX + 1] = "";
    uint32_t size = LABEL_MAX;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_flask_sid_to_context(ctx->xc, ssidref, text, &size);
    rc = flask_result(&op, rc, "The label of a number is not known");
    if (rc == 0) {
        *buf = xl_strdup(text);
        *len = strlen(text);
    }
    return op_end(&op, rc);
}

int libxl_flask_getenforce(libxl_ctx *ctx)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_flask_get_enforce(ctx->xc);
    /* Who asks whether there is a policy is not told that as an error */
    if (rc == -ENOSYS)
        return op_end(&op, ERROR_NONSPECIFIC);
    return op_end(&op, flask_result(&op, rc, "The policy's state cannot be read"));
}

int libxl_flask_setenforce(libxl_ctx *ctx, int mode)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_flask_set_enforce(ctx->xc, mode != 0);
    return op_end(&op, flask_result(&op, rc, "The policy's state is not set"));
}

int libxl_flask_loadpolicy(libxl_ctx *ctx, void *policy, uint32_t size)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = xc_flask_load(ctx->xc, policy, size);
    return op_end(&op, flask_result(&op, rc, "The policy is not loaded"));
}
