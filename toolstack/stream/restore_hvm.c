/*
 * Restoring an HVM or PVH domain: its pages at its own numbers, its parameters, and the state that
 * the hypervisor unpacks and checks.
 *
 * Called by restore.c and restore_pages.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "stream/restore.h"
#include "xc/event.h"
#include "xc/hvm.h"

/* Pages through which emulators are asked; more are not in use by anybody */
#define SERVER_PAGES 64u

struct restore_hvm {
    void *context;
    uint32_t length;
    uint64_t param[HVM_NR_PARAMS];
};

static int hvm_begin(struct restore *r)
{
    r->hvm = calloc(1, sizeof(*r->hvm));
    if (!r->hvm)
        return wire_fail(r->why, -ENOMEM, "no memory to restore a domain");
    return restore_set_limit(r, WIRE_HVM_PAGES);
}

static void hvm_end(struct restore *r)
{
    if (r->hvm)
        free(r->hvm->context);
    free(r->hvm);
}

static int take_params(struct restore *r, const struct wire_hvm_params *head, uint32_t length)
{
    const struct wire_hvm_param *p = (const struct wire_hvm_param *)(head + 1);
    int rc;

    rc = wire_check_hvm_params(head, length, r->why);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < head->count; i++) {
        if (p[i].index >= HVM_NR_PARAMS)
            return wire_fail(r->why, -EINVAL, "the stream has parameter %llu, which is unknown",
                             (unsigned long long)p[i].index);
        rc = xc_hvm_set_param(r->xc, r->domid, (unsigned int)p[i].index, p[i].value);
        if (rc)
            return wire_fail(r->why, rc, "cannot set the domain's parameter %llu to %#llx: %s",
                             (unsigned long long)p[i].index, (unsigned long long)p[i].value,
                             strerror(-rc));
        r->hvm->param[p[i].index] = p[i].value;
    }
    return 0;
}

static int hvm_record(struct restore *r, uint32_t type, uint32_t length, void **body)
{
    switch (type) {
    case WIRE_HVM_PARAMS:
        return take_params(r, *body, length);
    case WIRE_HVM_CONTEXT:
        free(r->hvm->context);
        r->hvm->context = *body;
        r->hvm->length = length;
        *body = NULL;
        return 0;
    default:
        return wire_fail(r->why, -ENOSYS, "%s of an HVM domain is not handled", wire_name(type));
    }
}

static int nothing_static(struct restore *r)
{
    (void)r; /* all of it is the policy */
    return 0;
}

/* A request that the old emulator was at must not be seen by the new one. */
static int clear_pages(struct restore *r, uint64_t first, uint64_t count)
{
    for (uint64_t pfn = first; first && pfn < first + count; pfn++) {
        void *page;

        if (!restore_has(r, pfn))
            continue;
        page = xc_map(r->xc, r->domid, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
        if (!page)
            return wire_fail(r->why, -errno, "cannot map page %#llx of the new domain: %s",
                             (unsigned long long)pfn, strerror(errno));
        memset(page, 0, WIRE_PAGE_SIZE);
        xc_unmap(r->xc, page, 1);
    }
    return 0;
}

static int clear_emulators(struct restore *r)
{
    const uint64_t *param = r->hvm->param;
    int rc;

    if (param[HVM_PARAM_NR_IOREQ_SERVER_PAGES] > SERVER_PAGES)
        return wire_fail(r->why, -EINVAL, "the domain has %llu pages for emulators",
                         (unsigned long long)param[HVM_PARAM_NR_IOREQ_SERVER_PAGES]);
    rc = clear_pages(r, param[HVM_PARAM_IOREQ_PFN], 1);
    if (!rc)
        rc = clear_pages(r, param[HVM_PARAM_BUFIOREQ_PFN], 1);
    if (!rc)
        rc = clear_pages(r, param[HVM_PARAM_IOREQ_SERVER_PFN],
                         param[HVM_PARAM_NR_IOREQ_SERVER_PAGES]);
    return rc;
}

/* The rings' pages are where they were; their event channels are new. */
static int connect_rings(struct restore *r)
{
    struct stream_restore *request = r->request;
    int rc;

    request->store_gfn = r->hvm->param[HVM_PARAM_STORE_PFN];
    request->console_gfn = r->hvm->param[HVM_PARAM_CONSOLE_PFN];
    rc = xc_hvm_set_param(r->xc, r->domid, HVM_PARAM_STORE_EVTCHN, request->store_port);
    if (!rc)
        rc = xc_hvm_set_param(r->xc, r->domid, HVM_PARAM_CONSOLE_EVTCHN, request->console_port);
    if (!rc)
        rc = xc_grant_reserved(r->xc, r->domid, request->console_gfn, request->console_domid,
                               request->store_gfn, request->store_domid);
    return rc ? wire_fail(r->why, rc, "cannot connect the domain's rings: %s", strerror(-rc)) : 0;
}

static int hvm_complete(struct restore *r)
{
    int rc;

    if (!r->hvm->context)
        return wire_fail(r->why, -EINVAL, "the stream has no HVM_CONTEXT");
    if (!r->hvm->param[HVM_PARAM_STORE_PFN])
        return wire_fail(r->why, -EINVAL,
                         "the stream does not say where the domain's ring for the "
                         "store is");
    rc = clear_emulators(r);
    if (!rc)
        rc = connect_rings(r);
    if (rc)
        return rc;
    rc = xc_hvm_set_context(r->xc, r->domid, r->hvm->context, r->hvm->length);
    return rc ? wire_fail(r->why, rc, "the hypervisor does not accept the domain's state: %s",
                          strerror(-rc))
              : 0;
}

const struct restore_kind restore_hvm = {
    .begin = hvm_begin,
    .end = hvm_end,
    .record = hvm_record,
    .static_end = nothing_static,
    .complete = hvm_complete,
};
