/*
 * Which domains there are, and what the hypervisor says of each.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/domain/domain.h"

#define LIST_STEP 64u

static uint64_t kb(uint64_t pages)
{
    return pages << (XC_PAGE_SHIFT - 10);
}

int domain_info(struct op *op, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    int rc = xc_domain_info(op_xc(op), domid, info);

    if (rc == -ESRCH)
        return ERROR_DOMAIN_NOTFOUND;
    return rc ? op_fail(op, error_of(rc), -rc, "The hypervisor does not say what it is") : 0;
}

char *domain_libxl_path(struct op *op, uint32_t domid)
{
    return op_printf(op, "/libxl/%u", domid);
}

libxl_domain_type domain_type(struct op *op, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    libxl_domain_type type;
    char *name;

    if (domid != DOM0) {
        name = store_read(op, XBT_NULL, "/libxl/%u/type", domid);
        if (name && !libxl_domain_type_from_string(name, &type))
            return type;
    }
    if (domain_info(op, domid, &info))
        return LIBXL_DOMAIN_TYPE_INVALID;
    return info.flags & XEN_DOMINF_hvm_guest ? LIBXL_DOMAIN_TYPE_HVM : LIBXL_DOMAIN_TYPE_PV;
}

/* A label is only asked for when there are labels: without a security module all are 0. */
static void fill(libxl_ctx *ctx, const struct xen_domctl_getdomaininfo *from, libxl_dominfo *to)
{
    size_t size;

    memcpy(to->uuid.uuid, from->handle, sizeof(to->uuid.uuid));
    to->domid = from->domain;
    to->ssidref = from->ssidref;
    if (from->ssidref && libxl_flask_sid_to_context(ctx, from->ssidref, &to->ssid_label, &size))
        to->ssid_label = NULL;
    to->dying = from->flags & XEN_DOMINF_dying;
    to->shutdown = from->flags & XEN_DOMINF_shutdown;
    to->paused = from->flags & XEN_DOMINF_paused;
    to->blocked = from->flags & XEN_DOMINF_blocked;
    to->running = from->flags & XEN_DOMINF_running;
    to->never_stop = from->flags & XEN_DOMINF_xs_domain;
    to->shutdown_reason = LIBXL_SHUTDOWN_REASON_UNKNOWN;
    if (to->shutdown)
        to->shutdown_reason = (libxl_shutdown_reason)((from->flags >> XEN_DOMINF_shutdownshift) &
                                                      XEN_DOMINF_shutdownmask);
    to->outstanding_memkb = kb(from->outstanding_pages);
    to->current_memkb = kb(from->tot_pages);
    to->shared_memkb = kb(from->shr_pages);
    to->paged_memkb = kb(from->paged_pages);
    to->max_memkb = kb(from->max_pages);
    to->cpu_time = from->cpu_time;
    to->vcpu_max_id = from->max_vcpu_id;
    to->vcpu_online = from->nr_online_vcpus;
    to->cpupool = from->cpupool;
    to->gpaddr_bits = from->gpaddr_bits;
    to->domain_type =
        from->flags & XEN_DOMINF_hvm_guest ? LIBXL_DOMAIN_TYPE_HVM : LIBXL_DOMAIN_TYPE_PV;
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info_r, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = domain_info(&op, domid, &info);
    /* Programs bring what was never initialized */
    if (!rc && info_r) {
        libxl_dominfo_init(info_r);
        fill(ctx, &info, info_r);
    }
    return op_end(&op, rc);
}

struct xen_domctl_getdomaininfo *domain_list(struct op *op, unsigned int *count)
{
    struct xen_domctl_getdomaininfo *all = NULL;
    unsigned int room = 0, n = 0;
    uint32_t first = 0;
    int got;

    do {
        if (room - n < LIST_STEP) {
            all = op_realloc(op, all, room * sizeof(*all), (room + n + LIST_STEP) * sizeof(*all));
            room += n + LIST_STEP;
        }
        got = xc_domain_list(op_xc(op), first, room - n, all + n);
        if (got < 0) {
            op_log(op, XTL_ERROR, -got, "The hypervisor does not list its domains");
            return NULL;
        }
        n += (unsigned int)got;
        if (got)
            first = all[n - 1].domain + 1u;
    } while (n == room);
    *count = n;
    return all;
}

libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *nb_domain_out)
{
    struct xen_domctl_getdomaininfo *all;
    libxl_dominfo *list = NULL;
    unsigned int i, n = 0;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    all = domain_list(&op, &n);
    if (all) {
        list = xl_calloc(n, sizeof(*list));
        for (i = 0; i < n; i++) {
            libxl_dominfo_init(&list[i]);
            fill(ctx, &all[i], &list[i]);
        }
    }
    *nb_domain_out = (int)n;
    op_end(&op, 0);
    return list;
}

libxl_vminfo *libxl_list_vm(libxl_ctx *ctx, int *nb_vm_out)
{
    struct xen_domctl_getdomaininfo *all;
    libxl_vminfo *list = NULL;
    unsigned int i, n = 0;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    *nb_vm_out = 0;
    all = domain_list(&op, &n);
    if (all) {
        list = xl_calloc(n, sizeof(*list));
        for (i = 0; i < n; i++) {
            if (store_exists(&op, XBT_NULL, "/local/domain/%u/target", all[i].domain))
                continue;
            memcpy(list[*nb_vm_out].uuid.uuid, all[i].handle, sizeof(list->uuid.uuid));
            list[*nb_vm_out].domid = all[i].domain;
            ++*nb_vm_out;
        }
    }
    op_end(&op, 0);
    return list;
}

uint32_t libxl_vm_get_start_time(libxl_ctx *ctx, uint32_t domid)
{
    unsigned long seconds = 0;
    char *vm, *value = NULL;
    struct op op;

    op_begin(&op, ctx, __func__, domid);
    vm = store_read(&op, XBT_NULL, "/local/domain/%u/vm", domid);
    if (vm)
        value = store_read(&op, XBT_NULL, "%s/start_time", vm);
    if (value)
        seconds = strtoul(value, NULL, 10);
    else
        op_log(&op, XTL_ERROR, 0, "The store does not say when it started");
    op_end(&op, 0);
    return (uint32_t)seconds;
}

int libxl_domid_valid_guest(uint32_t domid)
{
    return domid > DOM0 && domid < DOMID_FIRST_RESERVED;
}
