/*
 * The vcpu_op and set_timer_op hypercalls: a domain manages its own vCPUs and their timers.
 * LOCK_DOMAIN keeps two vCPUs from initialising or registering a third at once.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/string.h>
#include <hv/time.h>
#include <xen/sched.h>

/* A guest that asks for a time before the start or further off than this (13 days) has miscounted:
 * it is woken soon, and then looks again. */
#define FAR_AWAY     ((s_time_t)1 << 50)
#define SECOND_CHECK MILLISECS(100)
#define MIN_PERIOD   MILLISECS(1)

static long op_initialise(struct vcpu *v, guest_ptr_t arg)
{
    struct domain *d = v->domain;
    long rc = -EEXIST;

    spin_lock(&d->lock);
    if (!v->is_initialised) {
        rc = arch_vcpu_initialise(v, arg);
        if (!rc)
            v->is_initialised = true;
    }
    spin_unlock(&d->lock);
    if (rc == -ERESTART)
        rc = hypercall_continue(__HYPERVISOR_vcpu_op, 3, (uint64_t)VCPUOP_initialise,
                                (uint64_t)v->id, arg.v);
    return rc;
}

static long op_up(struct vcpu *v, guest_ptr_t arg)
{
    (void)arg;
    if (!READ_ONCE(v->is_initialised))
        return -EINVAL;
    if (test_and_clear_bit_atomic(VCPU_DOWN, &v->pause_flags))
        vcpu_wake(v);
    return 0;
}

/* The last one takes the domain with it: nobody is left to bring another up. */
static long op_down(struct vcpu *v, guest_ptr_t arg)
{
    struct domain *d = v->domain;
    struct vcpu *other;
    unsigned int i;
    bool last = true;

    (void)arg;
    spin_lock(&d->lock);
    for_each_vcpu (d, other, i)
        last &= other == v || test_bit(VCPU_DOWN, &other->pause_flags);
    if (!last)
        set_bit_atomic(VCPU_DOWN, &v->pause_flags);
    spin_unlock(&d->lock);

    if (last)
        domain_shutdown(d, SHUTDOWN_poweroff);
    else
        vcpu_sleep_nosync(v);
    return 0;
}

static long op_is_up(struct vcpu *v, guest_ptr_t arg)
{
    (void)arg;
    return !test_bit(VCPU_DOWN, &v->pause_flags);
}

static long op_get_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_runstate_info info;

    vcpu_get_runstate(v, &info);
    return copy_to_guest(arg, &info, sizeof(info));
}

static long op_register_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_runstate_info info;

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    if (area.addr.p) {
        vcpu_get_runstate(v, &info);
        if (copy_to_guest(guest_ptr(area.addr.p), &info, sizeof(info)))
            return -EFAULT;
    }
    v->runstate_guest = guest_ptr(area.addr.p);
    return 0;
}

static long op_register_time(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_time_memory_area area;

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    return arch_register_vcpu_time(v, guest_ptr(area.addr.p));
}

static long op_set_periodic(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if (set.period_ns < MIN_PERIOD || set.period_ns > (uint64_t)FAR_AWAY)
        return -EINVAL;
    WRITE_ONCE(v->periodic_period, (s_time_t)set.period_ns);
    timer_set(&v->periodic, now() + (s_time_t)set.period_ns);
    return 0;
}

static long op_stop_periodic(struct vcpu *v, guest_ptr_t arg)
{
    (void)arg;
    WRITE_ONCE(v->periodic_period, 0);
    timer_stop(&v->periodic);
    return 0;
}

static long op_set_singleshot(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (v != current)
        return -EINVAL;
    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if ((set.flags & VCPU_SSHOTTMR_future) && set.timeout_abs_ns < (uint64_t)now())
        return -ETIME;
    timer_set(&v->singleshot, (s_time_t)min(set.timeout_abs_ns, (uint64_t)STIME_MAX));
    return 0;
}

static long op_stop_singleshot(struct vcpu *v, guest_ptr_t arg)
{
    (void)arg;
    if (v != current)
        return -EINVAL;
    timer_stop(&v->singleshot);
    return 0;
}

/* v does not run: it is the caller, or down. LOCK_DOMAIN is not held, mapping takes others. */
static long move_info(struct vcpu *v, const struct vcpu_register_vcpu_info *where)
{
    struct vcpu_info *info;
    void *page;
    mfn_t frame;
    int rc = arch_map_guest_frame(v->domain, gfn(where->mfn), &frame, &page);

    if (rc)
        return rc;
    spin_lock(&v->domain->lock);
    if (v->info_mfn.v != INVALID_MFN.v) {
        spin_unlock(&v->domain->lock);
        arch_unmap_guest_frame(v->domain, frame, page);
        return -EINVAL;
    }
    v->info_mfn = frame;
    info = (struct vcpu_info *)((char *)page + where->offset);
    memcpy(info, v->info, sizeof(*info));
    smp_wmb();
    WRITE_ONCE(v->info, info);
    spin_unlock(&v->domain->lock);

    /* What was marked in the old place while we copied is looked for again. */
    smp_mb();
    event_vcpu_info_moved(v);
    return 0;
}

static long op_register_info(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_vcpu_info where;

    if (copy_from_guest(&where, arg, sizeof(where)))
        return -EFAULT;
    if (where.offset > PAGE_SIZE - sizeof(struct vcpu_info) || where.offset % sizeof(uint64_t))
        return -EINVAL;
    if (v->info_mfn.v != INVALID_MFN.v)
        return -EINVAL;
    if (v != current && (!test_bit(VCPU_DOWN, &v->pause_flags) || v->is_running))
        return -EINVAL;
    return move_info(v, &where);
}

static long op_send_nmi(struct vcpu *v, guest_ptr_t arg)
{
    return guest_ptr_is_null(arg) ? arch_vcpu_send_nmi(v) : -EINVAL;
}

/* Only a vCPU that is pinned for good has a physical CPU; none is. */
static long op_get_physid(struct vcpu *v, guest_ptr_t arg)
{
    (void)v, (void)arg;
    return -EINVAL;
}

static long (*const vcpu_ops[])(struct vcpu *v, guest_ptr_t arg) = {
    [VCPUOP_initialise] = op_initialise,
    [VCPUOP_up] = op_up,
    [VCPUOP_down] = op_down,
    [VCPUOP_is_up] = op_is_up,
    [VCPUOP_get_runstate_info] = op_get_runstate,
    [VCPUOP_register_runstate_memory_area] = op_register_runstate,
    [VCPUOP_set_periodic_timer] = op_set_periodic,
    [VCPUOP_stop_periodic_timer] = op_stop_periodic,
    [VCPUOP_set_singleshot_timer] = op_set_singleshot,
    [VCPUOP_stop_singleshot_timer] = op_stop_singleshot,
    [VCPUOP_register_vcpu_info] = op_register_info,
    [VCPUOP_send_nmi] = op_send_nmi,
    [VCPUOP_get_physid] = op_get_physid,
    [VCPUOP_register_vcpu_time_memory_area] = op_register_time,
};

long do_vcpu_op(int cmd, unsigned int vcpuid, guest_ptr_t arg)
{
    struct vcpu *v = domain_vcpu(current->domain, vcpuid);

    if (!v)
        return -ENOENT;
    if (cmd < 0 || (unsigned int)cmd >= ARRAY_SIZE(vcpu_ops))
        return -ENOSYS;
    return vcpu_ops[cmd](v, arg);
}

long do_set_timer_op(s_time_t deadline)
{
    struct vcpu *v = current;
    s_time_t time = now();

    if (deadline == 0)
        timer_stop(&v->singleshot);
    else if (deadline < 0 || deadline - time > FAR_AWAY)
        timer_set(&v->singleshot, time + SECOND_CHECK);
    else
        timer_set(&v->singleshot, deadline);
    return 0;
}
