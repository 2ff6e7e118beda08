/*
 * HYPERVISOR_domctl: what the control domain does to one domain (public domctl.h). Called by the
 * hypercall dispatcher with no lock held; each operation runs under LOCK_DOMCTL with a reference on
 * its domain and works on a copy of the argument, made once. What may take long returns -ERESTART
 * and is executed again.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <hv/time.h>

#define MAX_CONTROL_PAUSES 255 /* far from where d->pause_count overflows */

/* ---- its life ---- */

/* The number asked for, or the next free one; 0 is dom0's. A number that became free comes again as
 * late as possible: who still has it in mind finds nobody. */
static int create_numbered(domid_t wish, const struct domain_config *config, struct domain **out)
{
    static domid_t last; /* LOCK_DOMCTL */
    domid_t id = last;
    int rc = -EEXIST;

    if (wish > 0 && wish < DOMID_FIRST_RESERVED)
        return domain_create(wish, config, out);
    for (unsigned int tries = 1; rc == -EEXIST && tries < DOMID_FIRST_RESERVED; tries++) {
        id = id < DOMID_FIRST_RESERVED - 1 ? (domid_t)(id + 1) : 1;
        if (!domain_find(id))
            rc = domain_create(id, config, out);
    }
    last = id;
    return rc;
}

/* PV is all there is: no device may be translated for a domain, nothing be traced. */
static int check_creation(const struct xen_domctl_createdomain *c)
{
    if (c->flags & XEN_DOMCTL_CDF_xs_domain)
        return -EOPNOTSUPP;
    if (c->flags || c->iommu_opts || c->vmtrace_size || c->max_evtchn_port > INT32_MAX ||
        c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
        return -EINVAL;
    return 0;
}

static int op_createdomain(struct domain *none, struct xen_domctl *op)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    struct domain_config config = {
        .type = DOMAIN_PV,
        .max_vcpus = c->max_vcpus,
        .max_port = c->max_evtchn_port,
        .max_grant_frames = c->max_grant_frames,
        .max_maptrack_frames = c->max_maptrack_frames,
        .max_grant_version = XEN_DOMCTL_GRANT_version(c->grant_opts),
    };
    struct domain *d;
    int rc = check_creation(c);

    (void)none;
    memcpy(config.handle, c->handle, sizeof(config.handle));
    if (!rc)
        rc = create_numbered(op->domain, &config, &d);
    if (rc)
        return rc;
    d->control_pauses = 1; /* it is born paused */
    d->mem->max_pages = 0; /* until max_mem says how many */
    rc = cpupool_add_domain(d, c->cpupool_id);
    if (!rc)
        rc = arch_domain_configure(d, &c->arch);
    if (rc) {
        while (domain_kill(d) == -ERESTART) /* it has nothing yet */
            ;
        return rc;
    }
    op->domain = d->id;
    return 0;
}

/* Those that exist already stay: after -ERESTART it goes on where it was. */
static int op_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    if (d == current->domain || op->u.max_vcpus.max != d->max_vcpus)
        return -EINVAL;
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v;
        int rc;

        if (domain_vcpu(d, i))
            continue;
        rc = vcpu_create(d, i, &v);
        if (rc)
            return rc;
        if (hypercall_preempt_check() && i + 1 < d->max_vcpus)
            return -ERESTART;
    }
    return 0;
}

static int op_destroydomain(struct domain *d, struct xen_domctl *op)
{
    int rc = domain_kill(d);

    (void)op;
    if (!rc)
        event_send_global_virq(VIRQ_DOM_EXC);
    return rc;
}

static int op_pausedomain(struct domain *d, struct xen_domctl *op)
{
    (void)op;
    if (d == current->domain)
        return -EINVAL;
    if (d->control_pauses >= MAX_CONTROL_PAUSES)
        return -EOVERFLOW;
    d->control_pauses++;
    domain_pause(d);
    return 0;
}

static int op_unpausedomain(struct domain *d, struct xen_domctl *op)
{
    (void)op;
    if (d == current->domain || d->control_pauses == 0)
        return -EINVAL;
    d->control_pauses--;
    time_publish(d); /* who builds a domain overwrites its shared info page */
    domain_unpause(d);
    return 0;
}

static int op_resumedomain(struct domain *d, struct xen_domctl *op)
{
    (void)op;
    if (d == current->domain)
        return -EINVAL;
    domain_resume(d);
    return 0;
}

/* The port, one of d's, is notified when d has suspended itself. */
static int op_subscribe(struct domain *d, struct xen_domctl *op)
{
    WRITE_ONCE(d->suspend_port, op->u.subscribe.port);
    return 0;
}

/* Only a guest with translated memory can be given a new start in the old memory. */
static int op_soft_reset(struct domain *d, struct xen_domctl *op)
{
    (void)d, (void)op;
    return -EINVAL;
}

static int op_settimeoffset(struct domain *d, struct xen_domctl *op)
{
    d->time_offset = op->u.settimeoffset.time_offset_seconds;
    time_publish(d);
    return 0;
}

/* ---- what it is ---- */

static int op_getdomaininfo(struct domain *d, struct xen_domctl *op)
{
    control_describe(d, &op->u.getdomaininfo);
    op->domain = d->id;
    return 0;
}

static int op_set_virq_handler(struct domain *d, struct xen_domctl *op)
{
    return event_set_virq_handler(d, op->u.set_virq_handler.virq);
}

static int op_setdomainhandle(struct domain *d, struct xen_domctl *op)
{
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

/* Below what it has is fine: it cannot get more until it has given up enough. */
static int op_max_mem(struct domain *d, struct xen_domctl *op)
{
    spin_lock(&d->mem->lock);
    d->mem->max_pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
    spin_unlock(&d->mem->lock);
    return 0;
}

/* ---- vCPUs ---- */

static int find_vcpu(struct domain *d, uint32_t id, struct vcpu **out)
{
    if (id >= d->max_vcpus)
        return -EINVAL;
    *out = domain_vcpu(d, id);
    return *out ? 0 : -ESRCH;
}

static int op_getvcpuinfo(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
    struct vcpu_runstate_info runstate;
    unsigned long pauses;
    struct vcpu *v;
    int rc = find_vcpu(d, info->vcpu, &v);

    if (rc)
        return rc;
    vcpu_get_runstate(v, &runstate);
    pauses = READ_ONCE(v->pause_flags);
    info->online = !(pauses & BIT(VCPU_DOWN));
    info->blocked = !!(pauses & (BIT(VCPU_BLOCKED) | BIT(VCPU_POLLING)));
    info->running = READ_ONCE(v->is_running);
    info->cpu_time = runstate.time[RUNSTATE_running];
    info->cpu = READ_ONCE(v->cpu);
    return 0;
}

static bool affinity_is_valid(const struct xen_domctl_vcpuaffinity *a)
{
    bool hard = a->flags & XEN_VCPUAFFINITY_HARD, soft = a->flags & XEN_VCPUAFFINITY_SOFT;

    return a->flags && !(hard && guest_ptr_is_null(guest_ptr(a->cpumap_hard.bitmap))) &&
           !(soft && guest_ptr_is_null(guest_ptr(a->cpumap_soft.bitmap)));
}

static int put_affinity(const struct xen_domctl_vcpuaffinity *a, const cpumask_t *hard,
                        const cpumask_t *soft)
{
    int rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = control_put_cpumask(&a->cpumap_hard, hard);
    if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
        rc = control_put_cpumask(&a->cpumap_soft, soft);
    return rc;
}

/* What is told in return is where it can really run. */
static int op_setvcpuaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard, soft, usable;
    struct vcpu *v;
    int rc = affinity_is_valid(a) ? find_vcpu(d, a->vcpu, &v) : -EINVAL;

    if (rc)
        return rc;
    sched_get_affinity(v, &hard, &soft);
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = control_get_cpumask(&a->cpumap_hard, &hard);
    if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
        rc = control_get_cpumask(&a->cpumap_soft, &soft);
    if (!rc)
        rc = sched_control_affinity(v, &hard, &soft, a->flags & XEN_VCPUAFFINITY_FORCE);
    if (rc)
        return rc;
    usable = cpupool_cpus_of(d);
    hard = cpumask_and(&hard, &usable);
    soft = cpumask_and(&soft, &hard);
    return put_affinity(a, &hard, &soft);
}

static int op_getvcpuaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard, soft;
    struct vcpu *v;
    int rc = affinity_is_valid(a) ? find_vcpu(d, a->vcpu, &v) : -EINVAL;

    if (rc)
        return rc;
    sched_get_affinity(v, &hard, &soft);
    return put_affinity(a, &hard, &soft);
}

/* A weight of 0 leaves it as it is. */
static int op_scheduler_op(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_scheduler_op *s = &op->u.scheduler_op;

    if (s->sched_id != sched_id() || s->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        s->u.credit2.weight = (uint16_t)sched_get_weight(d);
        s->u.credit2.cap = (uint16_t)sched_get_cap(d);
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo:
        if (s->u.credit2.cap > 100 * d->max_vcpus)
            return -EINVAL;
        if (s->u.credit2.weight)
            sched_set_weight(d, s->u.credit2.weight);
        sched_set_cap(d, s->u.credit2.cap);
        return 0;
    default: /* its vCPUs have no parameters of their own */
        return -EINVAL;
    }
}

/* ---- dispatch ---- */

/* clang-format off */
#define OP(op, ...) [XEN_DOMCTL_##op] = { .name = #op, .fn = op_##op, __VA_ARGS__ }
static const struct domctl core_domctls[NR_DOMCTLS] = {
    OP(createdomain,    .copy_back = true, .no_domain = true),
    OP(destroydomain,),
    OP(pausedomain,),
    OP(unpausedomain,),
    OP(getdomaininfo,   .copy_back = true, .at_or_above = true),
    OP(setvcpuaffinity,),
    OP(max_mem,),
    OP(getvcpuinfo,     .copy_back = true),
    OP(max_vcpus,),
    OP(scheduler_op,    .copy_back = true),
    OP(setdomainhandle,),
    OP(settimeoffset,),
    OP(getvcpuaffinity,),
    OP(resumedomain,),
    OP(set_virq_handler,),
    OP(subscribe,),
    OP(soft_reset,),
    [XEN_DOMCTL_setnodeaffinity] = { .name = "setnodeaffinity", .fn = domctl_setnodeaffinity },
    [XEN_DOMCTL_getnodeaffinity] = { .name = "getnodeaffinity", .fn = domctl_getnodeaffinity },
    [XEN_DOMCTL_setvnumainfo] = { .name = "setvnumainfo", .fn = domctl_setvnumainfo },
};
#undef OP
/* clang-format on */

static const struct domctl *find_op(uint32_t cmd)
{
    if (cmd >= NR_DOMCTLS)
        return NULL;
    if (core_domctls[cmd].fn)
        return &core_domctls[cmd];
    return arch_domctls[cmd].fn ? &arch_domctls[cmd] : NULL;
}

/* DOMID_SELF is no domain here: whoever controls domains says which. */
static struct domain *find_domain(const struct domctl *row, domid_t id)
{
    if (id >= DOMID_FIRST_RESERVED)
        return NULL;
    return row->at_or_above ? domain_next(id) : domain_get(id);
}

static int run(const struct domctl *row, struct xen_domctl *op)
{
    struct domain *d;
    int rc;

    if (row->no_domain)
        return row->fn(NULL, op);
    d = find_domain(row, op->domain);
    if (!d)
        return -ESRCH;
    rc = row->fn(d, op);
    domain_put(d);
    return rc;
}

long do_domctl(guest_ptr_t arg)
{
    const struct domctl *row;
    struct xen_domctl op;
    int rc;

    if (!current->domain->is_control)
        return -EPERM;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    row = find_op(op.cmd);
    if (!row) {
        control_refused("domctl", op.cmd, "unknown", -ENOSYS);
        return -ENOSYS;
    }
    if (!control_begin())
        return hypercall_continue(__HYPERVISOR_domctl, 1, arg.v);
    rc = run(row, &op);
    control_end();
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_domctl, 1, arg.v);
    if (rc < 0)
        control_refused("domctl", op.cmd, row->name, rc);
    if (row->copy_back && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
