/*
 * The builder's entry points: what every type of domain needs first, then the type's own builder.
 */
#include <errno.h>
#include <string.h>
#include "builder/internal.h"
#include "xc/domain.h"
#include "xc/memory.h"

#define MAP_ROWS 512 /* of a machine or a guest; firmware of large machines has some 100 */

/* What a PV guest is told of its memory */
static int set_memory_map(struct xc *xc, const struct build_request *request,
                          struct build_error *error)
{
    uint64_t bytes = (request->maximum_kb ? request->maximum_kb : request->memory_kb) << 10;
    struct xc_e820_entry map[MAP_ROWS] = { { .size = bytes, .type = E820_RAM } };
    struct xc_e820_entry host[MAP_ROWS];
    unsigned int count = 1, rows = MAP_ROWS;
    int rc = 0;

    if (request->host_map) {
        rc = xc_machine_memory_map(xc, host, &rows);
        if (rc < 0)
            return build_fail(error, rc, "cannot read the machine's memory map: %s", strerror(-rc));
        count = e820_like_host(host, rows, bytes, map, MAP_ROWS);
        if (!count)
            return build_fail(error, -E2BIG, "the machine's memory map has too many parts");
    }
    rc = xc_set_memory_map(xc, request->domid, map, count);
    return rc < 0 ? build_fail(error, rc, "cannot give the domain a memory map: %s", strerror(-rc))
                  : 0;
}

int build_prepare(struct xc *xc, const struct build_request *request, struct build_error *error)
{
    uint64_t limit = request->limit_kb ? request->limit_kb : request->memory_kb;
    struct xen_domctl_tsc_info tsc = {
        .tsc_mode = request->tsc_mode,
        .gtsc_khz = request->tsc_khz,
        .incarnation = request->tsc_incarnation,
    };
    int rc;

    rc = xc_domain_max_vcpus(xc, request->domid, request->vcpus);
    if (rc < 0)
        return build_fail(error, rc, "cannot give the domain %u vCPUs: %s", request->vcpus,
                          strerror(-rc));
    rc = xc_domain_max_memory(xc, request->domid, limit);
    if (rc < 0)
        return build_fail(error, rc, "cannot limit the domain's memory: %s", strerror(-rc));
    if (request->type == BUILD_PV) {
        rc = set_memory_map(xc, request, error);
        if (rc < 0)
            return rc;
    }
    if (tsc.tsc_mode || tsc.gtsc_khz || tsc.incarnation) {
        rc = xc_domain_set_tsc(xc, request->domid, &tsc);
        if (rc < 0)
            return build_fail(error, rc, "cannot set the domain's TSC mode %u: %s",
                              request->tsc_mode, strerror(-rc));
    }
    return 0;
}

int build_failed(const struct build *build, int rc, const char *what)
{
    return build_fail(build->error, rc, "cannot %s: %s", what, strerror(-rc));
}

/* From the kernel's bytes on: its image, the ramdisk, and all of the guest */
static int load(struct build *build, const struct source *kernel)
{
    struct image image;
    struct source ramdisk;
    int rc;

    if (!kernel->size)
        return build_fail(build->error, -EINVAL, "the domain has no kernel");
    rc = build->request->type == BUILD_HVM ? image_open_firmware(&image, kernel, build->error)
                                           : image_open(&image, kernel, build->error);
    if (rc < 0)
        return rc;
    rc = source_open(&ramdisk, &build->request->ramdisk, "ramdisk", build->error);
    build->image = &image;
    build->ramdisk = &ramdisk;
    if (rc == 0)
        rc = build->request->type == BUILD_PV ? build_pv(build) : build_hvm(build);
    source_close(&ramdisk);
    image_close(&image);
    return rc;
}

int build_domain(struct xc *xc, const struct build_request *request, struct build_result *result,
                 struct build_error *error)
{
    struct build build = { .xc = xc, .request = request, .result = result, .error = error };
    struct source kernel;
    int rc;

    error->text[0] = 0;
    rc = build_policy(xc, request, error);
    if (rc == 0)
        rc = source_open(&kernel, &request->kernel, "kernel", error);
    if (rc < 0)
        return rc;
    rc = load(&build, &kernel);
    source_close(&kernel);
    return rc;
}
