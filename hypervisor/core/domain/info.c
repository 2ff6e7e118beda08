/*
 * The part of a domain that it shares with us: the shared info page and each vCPU's vcpu_info. The
 * page is ours, owned by the domain in the frame table, and goes back in the teardown, because it
 * keeps the domain alive. What is still written for a dead domain then lands in `retired`.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/time.h>

_Static_assert(sizeof(struct shared_info) <= PAGE_SIZE, "the shared info is one page");

static struct shared_info retired;

static int info_init(struct domain *d)
{
    d->shared_info_mfn = INVALID_MFN;
    d->shared_info = page_alloc();
    if (!d->shared_info) {
        d->shared_info = &retired;
        return -ENOMEM;
    }
    d->shared_info_mfn = virt_to_mfn(d->shared_info);
    frame_share(mfn_to_frame(d->shared_info_mfn), d, false);
    return 0;
}

/* vCPUs beyond those that the page has room for must register a place; until then they get no
 * events. */
static int info_vcpu_init(struct vcpu *v)
{
    v->info_mfn = INVALID_MFN;
    if (v->id < XEN_LEGACY_MAX_VCPUS) {
        v->info = (struct vcpu_info *)&v->domain->shared_info->vcpu_info[v->id];
        return 0;
    }
    v->own_info = hv_alloc_type(struct vcpu_info);
    if (!v->own_info)
        return -ENOMEM;
    event_upcall_set_mask(v->own_info, true);
    v->info = v->own_info;
    return 0;
}

static void info_vcpu_free(struct vcpu *v)
{
    hv_free(v->own_info);
    v->own_info = NULL;
}

static void retire_vcpu(struct vcpu *v)
{
    uintptr_t place = (uintptr_t)v->info;

    v->info = (struct vcpu_info *)&retired.vcpu_info[v->id % XEN_LEGACY_MAX_VCPUS];
    if (v->info_mfn.v != INVALID_MFN.v) {
        arch_unmap_guest_frame(v->domain, v->info_mfn, (void *)(place & PAGE_MASK));
        v->info_mfn = INVALID_MFN;
    }
}

/* No vCPU runs, channels are closed, timers killed: only the wall clock is still told. */
static int info_teardown(struct domain *d)
{
    mfn_t page = d->shared_info_mfn;
    struct vcpu *v;
    unsigned int i;

    for_each_vcpu (d, v, i)
        retire_vcpu(v);
    if (!d->shared_info || page.v == INVALID_MFN.v)
        return 0;
    d->shared_info_mfn = INVALID_MFN;
    WRITE_ONCE(d->shared_info, &retired);
    time_publish(d); /* after those that are writing to the old page */
    frame_unshare(mfn_to_frame(page));
    return 0;
}

const struct domain_part info_part = {
    .name = "shared info",
    .init = info_init,
    .vcpu_init = info_vcpu_init,
    .teardown = info_teardown,
    .vcpu_free = info_vcpu_free,
};
