/*
 * Memory for a domain that is about to be made: dom0 gives some up when xl.conf says so. The lock
 * of domain_make() keeps others from taking it meanwhile.
 */
#include "conf.h"
#include "domain.h"

enum { TRIES = 3, SECONDS = 10 };

/* What is missing, in KiB; or a libxl error */
static int missing(libxl_domain_config *config, uint64_t *need_kb, uint64_t *missing_kb)
{
    uint64_t free_kb;
    int rc = libxl_domain_need_memory(xl.ctx, config, INVALID_DOMID, need_kb);

    if (!rc)
        rc = libxl_get_free_memory(xl.ctx, &free_kb);
    if (!rc)
        *missing_kb = free_kb < *need_kb ? *need_kb - free_kb : 0;
    return rc;
}

int memory_free(libxl_domain_config *config)
{
    uint64_t need_kb, missing_kb;

    if (!conf_autoballoon())
        return 0;
    for (int i = 0; i < TRIES; i++) {
        int rc = missing(config, &need_kb, &missing_kb);

        if (rc || !missing_kb)
            return rc;
        rc = libxl_set_memory_target(xl.ctx, 0, -(int64_t)missing_kb, 1, 0);
        if (rc)
            return rc;
        if (!libxl_wait_for_free_memory(xl.ctx, INVALID_DOMID, need_kb, SECONDS))
            return 0;
        rc = libxl_wait_for_memory_target(xl.ctx, 0, SECONDS);
        if (rc)
            return rc;
    }
    return ERROR_NOMEM;
}
