/*
 * The keys vm.cpumask, vm.pv.cpumask and vm.hvm.cpumask of xl.conf: where guests may run at all.
 * create and vcpu-pin ask here.
 */
#include "affinity.h"
#include "conf.h"

static int keep_only(libxl_bitmap *hard, const char *mask)
{
    libxl_bitmap allowed;
    int rc;

    if (!mask)
        return 0;
    libxl_bitmap_init(&allowed);
    rc = libxl_cpu_bitmap_alloc(xl.ctx, &allowed, 0);
    if (!rc)
        rc = cpus_parse(mask, &allowed);
    if (rc) {
        error("the mask of CPUs '%s' in xl.conf cannot be used", mask);
    } else {
        for (int bit = set_next(hard, -1); bit >= 0; bit = set_next(hard, bit)) {
            if (!libxl_bitmap_test(&allowed, bit))
                libxl_bitmap_reset(hard, bit);
        }
        if (libxl_bitmap_is_empty(hard)) {
            error(
                "vcpu hard affinity map is empty: the mask of CPUs '%s' in xl.conf leaves none of them; "
                "choose others, or use --ignore-global-affinity-masks",
                mask);
            rc = ERROR_INVAL;
        }
    }
    libxl_bitmap_dispose(&allowed);
    return rc;
}

int affinity_limit_type(libxl_domain_type type, libxl_bitmap *hard)
{
    int rc = keep_only(hard, conf.cpumask);

    return rc ? rc
              : keep_only(hard, type == LIBXL_DOMAIN_TYPE_PV ? conf.pv_cpumask : conf.hvm_cpumask);
}

int affinity_limit(uint32_t domid, libxl_bitmap *hard)
{
    libxl_dominfo info;
    int rc;

    libxl_dominfo_init(&info);
    rc = libxl_domain_info(xl.ctx, &info, domid);
    if (rc)
        error("Could not get domain info");
    else
        rc = affinity_limit_type(info.domain_type, hard);
    libxl_dominfo_dispose(&info);
    return rc;
}
