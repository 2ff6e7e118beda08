/* The version of the hypervisor: asked once for each context, which then keeps it. */
#include <stdlib.h>
#include <string.h>

#include "libxl/host/host.h"
#include <xen/version.h>

/* A text of a fixed size, as a string of its own; empty if the hypervisor does not tell */
static char *text_of(struct xc *xc, unsigned int cmd, size_t size)
{
    char text[1025] = "";

    if (xc_version(xc, cmd, text, size) < 0)
        text[0] = '\0';
    text[size] = '\0';
    return xl_strdup(text);
}

static char *copy_text(const char *text, size_t size)
{
    char *copy = xl_calloc(size + 1, 1);

    memcpy(copy, text, size);
    return copy;
}

static char *build_id(struct xc *xc)
{
    union {
        xen_build_id_t id;
        unsigned char space[sizeof(xen_build_id_t) + 256];
    } u = { .id.len = 256 };
    int n = xc_version(xc, XENVER_build_id, &u, sizeof(u));
    char *text;

    if (n <= 0 || n > 256)
        return xl_strdup("");
    text = xl_calloc((size_t)n * 2 + 1, 1);
    for (int i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdef";

        text[2 * i] = digits[u.id.buf[i] >> 4];
        text[2 * i + 1] = digits[u.id.buf[i] & 15];
    }
    return text;
}

static int fill(struct op *op, libxl_version_info *v)
{
    struct xc *xc = op->ctx->xc;
    struct xen_platform_parameters platform = { 0 };
    struct xen_compile_info compile = { 0 };
    int version = xc_version(xc, XENVER_version, NULL, 0);

    if (version < 0)
        return host_fail(op, version, "The hypervisor does not tell its version");
    v->xen_version_major = version >> 16;
    v->xen_version_minor = version & 0xffff;
    v->xen_version_extra = text_of(xc, XENVER_extraversion, XEN_EXTRAVERSION_LEN);
    xc_version(xc, XENVER_compile_info, &compile, sizeof(compile));
    v->compiler = copy_text(compile.compiler, sizeof(compile.compiler));
    v->compile_by = copy_text(compile.compile_by, sizeof(compile.compile_by));
    v->compile_domain = copy_text(compile.compile_domain, sizeof(compile.compile_domain));
    v->compile_date = copy_text(compile.compile_date, sizeof(compile.compile_date));
    v->capabilities = text_of(xc, XENVER_capabilities, XEN_CAPABILITIES_INFO_LEN);
    v->changeset = text_of(xc, XENVER_changeset, XEN_CHANGESET_INFO_LEN);
    xc_version(xc, XENVER_platform_parameters, &platform, sizeof(platform));
    v->virt_start = platform.virt_start;
    v->pagesize = xc_version(xc, XENVER_pagesize, NULL, 0);
    v->commandline = text_of(xc, XENVER_commandline, sizeof(xen_commandline_t));
    v->build_id = build_id(xc);
    return 0;
}

const libxl_version_info *libxl_get_version_info(libxl_ctx *ctx)
{
    const libxl_version_info *info = NULL;
    struct op op;
    int rc = 0;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    ctx_lock(ctx);
    if (!ctx->has_version) {
        rc = fill(&op, &ctx->version);
        ctx->has_version = rc == 0;
    }
    if (ctx->has_version)
        info = &ctx->version;
    ctx_unlock(ctx);
    op_end(&op, rc);
    return info;
}
