/*
 * HYPERVISOR_event_channel_op: a table of operations, each a function of the decoded arguments and
 * the domain it is about. Arguments are copied in once; those of operations that answer are copied
 * back.
 */
#include "internal.h"

#include <hv/guest_access.h>
#include <hv/hypercall.h>

union event_args {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

_Static_assert(sizeof(struct evtchn_alloc_unbound) == 8, "ABI");
_Static_assert(sizeof(struct evtchn_bind_interdomain) == 12, "ABI");
_Static_assert(sizeof(struct evtchn_bind_virq) == 12, "ABI");
_Static_assert(sizeof(struct evtchn_bind_pirq) == 12, "ABI");
_Static_assert(sizeof(struct evtchn_status) == 24, "ABI");
_Static_assert(sizeof(struct evtchn_reset) == 2, "ABI");

static int op_alloc_unbound(union event_args *u)
{
    struct evtchn_alloc_unbound *a = &u->alloc_unbound;
    struct domain *d;
    int rc = domain_get_subject(a->dom, &d);

    if (rc)
        return rc;
    rc = event_alloc_unbound(d, a->remote_dom == DOMID_SELF ? current->domain->id : a->remote_dom,
                             &a->port);
    domain_put(d);
    return rc;
}

static int op_bind_interdomain(union event_args *u)
{
    struct evtchn_bind_interdomain *a = &u->bind_interdomain;
    struct domain *rd = domain_get(a->remote_dom);
    int rc;

    if (!rd)
        return -ESRCH;
    rc = event_bind_interdomain(current->domain, rd, a->remote_port, &a->local_port);
    domain_put(rd);
    return rc;
}

static int op_bind_virq(union event_args *u)
{
    struct evtchn_bind_virq *a = &u->bind_virq;

    return event_bind_virq(current->domain, a->virq, a->vcpu, &a->port);
}

static int op_bind_pirq(union event_args *u)
{
    struct evtchn_bind_pirq *a = &u->bind_pirq;

    return event_bind_pirq(current->domain, a->pirq, a->flags & BIND_PIRQ__WILL_SHARE, &a->port);
}

static int op_bind_ipi(union event_args *u)
{
    return event_bind_ipi(current->domain, u->bind_ipi.vcpu, &u->bind_ipi.port);
}

static int op_close(union event_args *u)
{
    return event_close(current->domain, u->close.port, true);
}

static int op_send(union event_args *u)
{
    return event_send(current->domain, u->send.port);
}

static void status_fill(const struct event_channel *ch, struct evtchn_status *a)
{
    switch (ch->state) {
    case CHANNEL_UNBOUND:
        a->u.unbound.dom = ch->remote;
        break;
    case CHANNEL_INTERDOMAIN:
        a->u.interdomain.dom = ch->peer.domain->id;
        a->u.interdomain.port = ch->peer.channel->port;
        break;
    case CHANNEL_PIRQ:
        a->u.pirq = ch->pirq;
        break;
    case CHANNEL_VIRQ:
        a->u.virq = ch->virq;
        break;
    default:
        break;
    }
    a->status = ch->state == CHANNEL_RESERVED ? CHANNEL_FREE : ch->state;
    a->vcpu = ch->vcpu;
}

static int op_status(union event_args *u)
{
    struct evtchn_status *a = &u->status;
    struct event_channel *ch;
    struct domain *d;
    unsigned long flags;
    int rc = domain_get_subject(a->dom, &d);

    if (rc)
        return rc;
    ch = channel_lookup(d, a->port);
    if (ch) {
        flags = spin_lock_irqsave(&ch->lock);
        status_fill(ch, a);
        spin_unlock_irqrestore(&ch->lock, flags);
    } else {
        rc = -EINVAL;
    }
    domain_put(d);
    return rc;
}

static int op_bind_vcpu(union event_args *u)
{
    return event_bind_vcpu(current->domain, u->bind_vcpu.port, u->bind_vcpu.vcpu);
}

static int op_unmask(union event_args *u)
{
    return event_unmask(current->domain, u->unmask.port);
}

/* Another's channels may only be reset while it cannot run. */
static int op_reset(union event_args *u)
{
    struct domain *d;
    int rc = domain_get_subject(u->reset.dom, &d);

    if (rc)
        return rc;
    if (d != current->domain && !READ_ONCE(d->pause_count))
        rc = -EINVAL;
    else
        rc = event_reset(d, true);
    domain_put(d);
    return rc;
}

static int op_init_control(union event_args *u)
{
    return event_fifo_init_control(current->domain, &u->init_control);
}

static int op_expand_array(union event_args *u)
{
    return event_fifo_expand_array(current->domain, u->expand_array.array_gfn);
}

static int op_set_priority(union event_args *u)
{
    return event_set_priority(current->domain, u->set_priority.port, u->set_priority.priority);
}

/* clang-format off */
#define OP(name, back) [EVTCHNOP_##name] = { sizeof(struct evtchn_##name), (back), op_##name }
static const struct {
    uint8_t size;
    bool answers;
    int (*fn)(union event_args *u);
} event_ops[] = {
    OP(bind_interdomain, true),
    OP(bind_virq,        true),
    OP(bind_pirq,        true),
    OP(close,            false),
    OP(send,             false),
    OP(status,           true),
    OP(alloc_unbound,    true),
    OP(bind_ipi,         true),
    OP(bind_vcpu,        false),
    OP(unmask,           false),
    OP(reset,            false),
    OP(init_control,     true),
    OP(expand_array,     false),
    OP(set_priority,     false),
};
#undef OP
/* clang-format on */

long do_event_channel_op(int cmd, guest_ptr_t arg)
{
    union event_args u;
    int rc;

    if (cmd < 0 || (unsigned int)cmd >= ARRAY_SIZE(event_ops))
        return -ENOSYS;
    if (copy_from_guest(&u, arg, event_ops[cmd].size))
        return -EFAULT;
    rc = event_ops[cmd].fn(&u);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_event_channel_op, 2, (unsigned int)cmd, arg.v);
    if (rc == 0 && event_ops[cmd].answers)
        return copy_to_guest(arg, &u, event_ops[cmd].size);
    return rc;
}
