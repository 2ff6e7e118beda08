/*
 * What domctl and sysctl share: the lock, the description of a domain, CPU sets in guest memory
 * (public xen.h, xenctl_bitmap: one bit a CPU, from the lowest bit of the first byte).
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/string.h>

#define MAX_BITMAP_BYTES PAGE_SIZE /* more than any tool has CPUs for */

static spinlock_t control_lock = SPINLOCK_INIT(LOCK_DOMCTL);

bool control_begin(void)
{
    return spin_trylock(&control_lock);
}

void control_end(void)
{
    spin_unlock(&control_lock);
}

void control_refused(const char *what, unsigned int cmd, const char *name, long rc)
{
    guest_printk(current->domain, LOG_DEBUG, "%s %u (%s) is refused: error %ld\n", what, cmd, name,
                 rc);
}

/* ---- a domain ---- */

/* The sums over its vCPUs; returns XEN_DOMINF_* of their states. */
static uint32_t describe_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = XEN_DOMINF_blocked; /* unless one of them is not */
    struct vcpu_runstate_info runstate;
    struct vcpu *v;
    unsigned int i;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (d, v, i) {
        unsigned long pauses = READ_ONCE(v->pause_flags);

        vcpu_get_runstate(v, &runstate);
        info->cpu_time += runstate.time[RUNSTATE_running];
        info->max_vcpu_id = i;
        if (pauses & BIT(VCPU_DOWN))
            continue;
        info->nr_online_vcpus++;
        if (!(pauses & (BIT(VCPU_BLOCKED) | BIT(VCPU_POLLING))))
            flags &= ~XEN_DOMINF_blocked;
        if (READ_ONCE(v->is_running))
            flags |= XEN_DOMINF_running;
    }
    return info->nr_online_vcpus ? flags : 0;
}

void control_describe(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info)); /* the padding, too, goes to the guest */
    info->domain = d->id;
    info->flags = describe_vcpus(d, info);
    if (d->is_dying && !d->parts_to_undo)
        info->flags |= XEN_DOMINF_dying;
    if (d->type == DOMAIN_HVM)
        info->flags |= XEN_DOMINF_hvm_guest;
    if (READ_ONCE(d->is_shut_down))
        info->flags |= XEN_DOMINF_shutdown | (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
    if (d->control_pauses)
        info->flags |= XEN_DOMINF_paused;
    if (d->debugger_attached)
        info->flags |= XEN_DOMINF_debugged;

    info->tot_pages = READ_ONCE(d->mem->tot_pages);
    /* Tools count in KiB: what has no limit is as much as a frame number of 32 bits can count. */
    info->max_pages = min(READ_ONCE(d->mem->max_pages), (uint64_t)UINT32_MAX);
    info->shr_pages = d->mem->shared_pages;
    info->outstanding_pages = READ_ONCE(d->mem->claimed_pages);
    info->shared_info_frame =
        d->type == DOMAIN_PV ? READ_ONCE(d->shared_info_mfn.v) : INVALID_GFN.v;
    info->cpupool = cpupool_of(d);
    memcpy(info->handle, d->handle, sizeof(info->handle));
}

/* ---- sets of CPUs ---- */

static size_t bitmap_bytes(const struct xenctl_bitmap *bitmap)
{
    return DIV_ROUND_UP((uint64_t)bitmap->nr_bits, 8);
}

/* The bits [0, n) of a mask. */
static void keep_first(cpumask_t *mask, unsigned int n)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(mask->bits); i++, n -= min(n, 64U))
        if (n < 64)
            mask->bits[i] &= BIT(n) - 1;
}

int control_get_cpumask(const struct xenctl_bitmap *bitmap, cpumask_t *mask)
{
    cpumask_zero(mask);
    if (copy_from_guest(mask, guest_ptr(bitmap->bitmap), min(bitmap_bytes(bitmap), sizeof(*mask))))
        return -EFAULT;
    keep_first(mask, bitmap->nr_bits);
    return 0;
}

int control_put_cpumask(const struct xenctl_bitmap *bitmap, const cpumask_t *mask)
{
    size_t bytes = bitmap_bytes(bitmap), ours = min(bytes, sizeof(*mask));
    guest_ptr_t at = guest_ptr(bitmap->bitmap);
    cpumask_t told = *mask;

    if (bytes > MAX_BITMAP_BYTES)
        return -E2BIG;
    keep_first(&told, min(nr_cpus, bitmap->nr_bits));
    if (copy_to_guest(at, &told, ours))
        return -EFAULT;
    return bytes > ours ? clear_guest(guest_ptr_add(at, ours), bytes - ours) : 0;
}
