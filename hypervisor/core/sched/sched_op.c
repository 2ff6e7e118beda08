/*
 * The sched_op hypercall: a vCPU gives its CPU away (yield, block, poll), and domains shut down.
 * And the two pieces that decide without the scheduler's locks whether to sleep: a bit in
 * pause_flags is set first, then events are looked for; vcpu_kick() does it the other way round.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/softirq.h>
#include <hv/time.h>
#include <xen/sched.h>

#define MAX_POLL_PORTS 128

static long op_yield(guest_ptr_t arg)
{
    (void)arg;
    vcpu_yield(current);
    return 0;
}

static long op_block(guest_ptr_t arg)
{
    struct vcpu *v = current;

    (void)arg;
    event_upcall_set_mask(v->info, false);
    set_bit_atomic(VCPU_BLOCKED, &v->pause_flags);
    if (event_upcall_pending(v) || event_nmi_due(v))
        clear_bit_atomic(VCPU_BLOCKED, &v->pause_flags);
    else
        softirq_raise(SOFTIRQ_SCHEDULE);
    return 0;
}

/* 1 if one of the ports is pending, 0 if none is. */
static int any_port_pending(struct vcpu *v, const struct sched_poll *poll)
{
    for (unsigned int i = 0; i < poll->nr_ports; i++) {
        evtchn_port_t port;
        int rc = copy_from_guest(&port, guest_ptr_add(guest_ptr(poll->ports.p), i * sizeof(port)),
                                 sizeof(port));

        if (rc)
            return rc;
        if (poll->nr_ports == 1)
            WRITE_ONCE(v->poll_port, port);
        rc = event_port_is_pending(v->domain, port);
        if (rc)
            return rc;
    }
    return 0;
}

static long op_poll(guest_ptr_t arg)
{
    struct vcpu *v = current;
    struct sched_poll poll;
    int rc;

    if (copy_from_guest(&poll, arg, sizeof(poll)))
        return -EFAULT;
    if (poll.nr_ports > MAX_POLL_PORTS)
        return -EINVAL;

    WRITE_ONCE(v->poll_port, 0);
    set_bit_atomic(VCPU_POLLING, &v->pause_flags);
    rc = event_upcall_pending(v) || event_nmi_due(v) ? 1 : any_port_pending(v, &poll);
    if (rc) {
        clear_bit_atomic(VCPU_POLLING, &v->pause_flags);
        return rc > 0 ? 0 : rc;
    }
    if (poll.timeout)
        timer_set(&v->poll_timer, (s_time_t)min(poll.timeout, (uint64_t)STIME_MAX));
    else
        timer_stop(&v->poll_timer);
    softirq_raise(SOFTIRQ_SCHEDULE);
    return 0;
}

static long op_shutdown(guest_ptr_t arg)
{
    struct sched_shutdown shutdown;

    if (copy_from_guest(&shutdown, arg, sizeof(shutdown)))
        return -EFAULT;
    if (shutdown.reason > SHUTDOWN_MAX)
        return -EINVAL;
    domain_shutdown(current->domain, (uint8_t)shutdown.reason);
    return 0;
}

static long op_shutdown_code(guest_ptr_t arg)
{
    struct sched_shutdown shutdown;

    if (copy_from_guest(&shutdown, arg, sizeof(shutdown)))
        return -EFAULT;
    if (shutdown.reason > SHUTDOWN_MAX)
        return -EINVAL;
    WRITE_ONCE(current->domain->shutdown_code, (uint8_t)shutdown.reason);
    return 0;
}

static long op_remote_shutdown(guest_ptr_t arg)
{
    struct sched_remote_shutdown shutdown;
    struct domain *d;
    long rc = -EPERM;

    if (!current->domain->is_control)
        return -EPERM;
    if (copy_from_guest(&shutdown, arg, sizeof(shutdown)))
        return -EFAULT;
    if (shutdown.reason > SHUTDOWN_MAX)
        return -EINVAL;
    d = domain_get(shutdown.domain_id);
    if (!d)
        return -ESRCH;
    if (d != current->domain) {
        domain_shutdown(d, (uint8_t)shutdown.reason);
        rc = 0;
    }
    domain_put(d);
    return rc;
}

/* Timeouts are seconds from now. */
static long set_watchdog(struct domain *d, uint32_t id, uint32_t timeout)
{
    s_time_t expires = now() + SECONDS(timeout);
    struct watchdog *watchdog = d->sched->watchdog;

    if (id > NR_WATCHDOGS || (!id && !timeout))
        return -EINVAL;
    if (!id) {
        while (id < NR_WATCHDOGS && watchdog[id].in_use)
            id++;
        if (id == NR_WATCHDOGS)
            return -ENOSPC;
        watchdog[id].in_use = true;
        timer_set(&watchdog[id].timer, expires);
        return id + 1;
    }
    watchdog += id - 1;
    if (!watchdog->in_use)
        return -EINVAL;
    if (timeout) {
        timer_set(&watchdog->timer, expires);
    } else {
        timer_stop(&watchdog->timer);
        watchdog->in_use = false;
    }
    return 0;
}

static long op_watchdog(guest_ptr_t arg)
{
    struct domain *d = current->domain;
    struct sched_watchdog watchdog;
    long rc;

    if (copy_from_guest(&watchdog, arg, sizeof(watchdog)))
        return -EFAULT;
    spin_lock(&d->lock);
    rc = set_watchdog(d, watchdog.id, watchdog.timeout);
    spin_unlock(&d->lock);
    return rc;
}

/* A CPU number pins the caller there, a negative one gives its affinity back. */
static long op_pin_override(guest_ptr_t arg)
{
    struct vcpu *v = current;
    struct sched_pin_override pin;
    cpumask_t hard;
    int rc;

    if (!v->domain->is_hardware)
        return -EPERM;
    if (copy_from_guest(&pin, arg, sizeof(pin)))
        return -EFAULT;
    if (pin.pcpu >= NR_CPUS || (pin.pcpu >= 0) == v->sched->pinned)
        return pin.pcpu >= NR_CPUS || pin.pcpu < 0 ? -EINVAL : -EBUSY;

    hard = pin.pcpu < 0 ? v->sched->unpinned : cpumask_of((unsigned int)pin.pcpu);
    if (pin.pcpu >= 0)
        v->sched->unpinned = v->hard_affinity;
    rc = sched_set_affinity(v, &hard, &v->soft_affinity);
    if (!rc)
        v->sched->pinned = pin.pcpu >= 0;
    return rc;
}

static long (*const sched_ops_table[])(guest_ptr_t arg) = {
    [SCHEDOP_yield] = op_yield,
    [SCHEDOP_block] = op_block,
    [SCHEDOP_shutdown] = op_shutdown,
    [SCHEDOP_poll] = op_poll,
    [SCHEDOP_remote_shutdown] = op_remote_shutdown,
    [SCHEDOP_shutdown_code] = op_shutdown_code,
    [SCHEDOP_watchdog] = op_watchdog,
    [SCHEDOP_pin_override] = op_pin_override,
};

long do_sched_op(int cmd, guest_ptr_t arg)
{
    if (cmd < 0 || (unsigned int)cmd >= ARRAY_SIZE(sched_ops_table))
        return -ENOSYS;
    return sched_ops_table[cmd](arg);
}
