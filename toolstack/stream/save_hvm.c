/*
 * Saving an HVM or PVH domain: the hypervisor keeps its frames, its vCPUs and what it emulates, so
 * there is nothing of the guest's to be believed; pages go out by the guest's own numbers.
 *
 * Called by save.c and save_pages.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "stream/save.h"
#include "xc/hvm.h"
#include "xc/memory.h"

/* Parameters that say where things are in the guest's memory, or that the guest has set; all others
 * follow from its configuration. */
static const unsigned int params[] = {
    HVM_PARAM_STORE_PFN,
    HVM_PARAM_CONSOLE_PFN,
    HVM_PARAM_IOREQ_PFN,
    HVM_PARAM_BUFIOREQ_PFN,
    HVM_PARAM_IOREQ_SERVER_PFN,
    HVM_PARAM_NR_IOREQ_SERVER_PAGES,
    HVM_PARAM_PAGING_RING_PFN,
    HVM_PARAM_MONITOR_RING_PFN,
    HVM_PARAM_SHARING_RING_PFN,
    HVM_PARAM_IDENT_PT,
    HVM_PARAM_VM86_TSS_SIZED,
    HVM_PARAM_VIRIDIAN,
    HVM_PARAM_ACPI_IOPORTS_LOCATION,
    HVM_PARAM_VM_GENERATION_ID_ADDR,
    HVM_PARAM_X87_FIP_WIDTH,
    HVM_PARAM_MCA_CAP,
};
#define PARAM_COUNT (sizeof(params) / sizeof(params[0]))

static int highest_page(struct save *s, uint64_t *pages)
{
    const long highest = xc_maximum_gpfn(s->xc, s->domid);

    if (highest < 0 || highest >= (long)WIRE_HVM_PAGES)
        return wire_fail(s->why, highest < 0 ? (int)highest : -EINVAL,
                         "cannot learn how far the domain's memory goes (%#lx)", highest);
    *pages = (uint64_t)highest + 1;
    return 0;
}

static int hvm_begin(struct save *s)
{
    return highest_page(s, &s->pages);
}

static void hvm_end(struct save *s)
{
    (void)s; /* allocated nothing */
}

static int no_records(struct save *s)
{
    (void)s; /* such a domain has none here */
    return 0;
}

static int hvm_suspended(struct save *s)
{
    uint64_t pages = 0;
    const int rc = highest_page(s, &pages);

    if (!rc && pages > s->pages)
        return wire_fail(s->why, -EAGAIN,
                         "the domain got pages at %#llx while it was sent: try again",
                         (unsigned long long)pages);
    return rc;
}

static xen_pfn_t hvm_frame(struct save *s, uint64_t pfn)
{
    (void)s;
    return pfn;
}

static int write_params(struct save *s)
{
    struct {
        struct wire_hvm_params head;
        struct wire_hvm_param param[PARAM_COUNT];
    } body = { .head.count = 0 };
    uint64_t value;
    int rc;

    for (unsigned int i = 0; i < PARAM_COUNT; i++) {
        rc = xc_hvm_get_param(s->xc, s->domid, params[i], &value);
        if (rc)
            return wire_fail(s->why, rc, "cannot read the domain's parameter %u: %s", params[i],
                             strerror(-rc));
        if (value)
            body.param[body.head.count++] = (struct wire_hvm_param){ params[i], value };
    }
    if (!body.head.count)
        return 0;
    return io_write_record(&s->io, WIRE_HVM_PARAMS, &body,
                           (uint32_t)(sizeof(body.head) + body.head.count * sizeof(*body.param)));
}

static int write_context(struct save *s)
{
    uint32_t size = 0;
    void *state;
    int rc;

    rc = xc_hvm_get_context(s->xc, s->domid, NULL, &size);
    state = rc ? NULL : malloc(size);
    if (!rc)
        rc = state ? xc_hvm_get_context(s->xc, s->domid, state, &size) : -ENOMEM;
    if (rc)
        wire_fail(s->why, rc, "cannot read the domain's state: %s", strerror(-rc));
    else
        rc = io_write_record(&s->io, WIRE_HVM_CONTEXT, state, size);
    free(state);
    return rc;
}

static int hvm_last_records(struct save *s)
{
    /* In this order: parameters decide what the state may be. */
    const int rc = write_params(s);

    return rc ? rc : write_context(s);
}

const struct save_kind save_hvm = {
    .type = WIRE_HVM,
    .begin = hvm_begin,
    .end = hvm_end,
    .static_records = no_records,
    .first_records = no_records,
    .suspended = hvm_suspended,
    .frame = hvm_frame,
    .last_records = hvm_last_records,
};
