/*
 * NMIs: sent to oneself and to another vCPU, which no mask of events holds back, but the handling
 * of the one before does; woken by one from a sleep; lost without a handler.
 */
#include "guest.h"
#include "pv.h"

static volatile unsigned int seen[2], nested, stage;
static volatile bool again, masked_inside;

static bool count(struct frame *frame)
{
    unsigned int self = vcpu_id();

    (void)frame;
    masked_inside = vcpu_info()->evtchn_upcall_mask;
    seen[self & 1]++;
    if (again) {
        unsigned int before = seen[self & 1];

        again = false;
        vcpu_op(VCPUOP_send_nmi, self, NULL);
        xen_version(XENVER_version, NULL); /* a way in and out */
        nested = seen[self & 1] - before;
    }
    return true;
}

static void second(void *arg)
{
    (void)arg;
    callback_register(CALLBACKTYPE_nmi, 0, (uint64_t)nmi_stub);
    stage = 1;
    sched_op(SCHEDOP_block, NULL); /* no event will come */
    stage = 2;
    for (;;)
        sched_op(SCHEDOP_yield, NULL);
}

static void to_oneself(void)
{
    is(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0, "with the trap table's handler");
    is(seen[0], 1, "it comes");
    seen[0] = 0;
    hypercall2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0);
    is(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0, "without a handler");
    is(seen[0], 0, "it is lost");
    is(callback_register(CALLBACKTYPE_nmi, 0, (uint64_t)nmi_stub), 0, "a handler");
    xen_version(XENVER_version, NULL);
    is(seen[0], 0, "does not see what was before it");
    events_disable();
    is(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0, "sent while events are masked");
    is(seen[0], 1, "it comes at once");
    ok(vcpu_info()->evtchn_upcall_mask, "the mask is as it was");
    events_enable();
    is(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0, "sent while they are not");
    is(seen[0], 2, "it comes");
    ok(masked_inside, "its handler has them masked");
    ok(!vcpu_info()->evtchn_upcall_mask, "they are open again");
    again = true;
    vcpu_op(VCPUOP_send_nmi, 0, NULL);
    is(nested, 0, "one more waits while one is handled");
    is(seen[0], 4, "and comes then");
    is(vcpu_op(VCPUOP_send_nmi, 0, start_info), -XEN_EINVAL, "there is no argument");
    is(vcpu_op(VCPUOP_send_nmi, 77, NULL), -XEN_ENOENT, "nor such a vCPU");
}

static void to_another(void)
{
    is(vcpu_start(1, second, NULL), 0, "a second vCPU");
    ok(wait_for(&stage, 1), "has a handler and sleeps");
    is(vcpu_op(VCPUOP_send_nmi, 1, NULL), 0, "sent to it");
    ok(wait_for(&seen[1], 1), "it is seen there");
    ok(wait_for(&stage, 2), "and wakes it");
    is(seen[0], 4, "not here");
}

static void by_its_own_hypercall(void)
{
    struct xennmi_callback callback = { .handler_address = 1ul << 47 };

    is(hypercall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, (unsigned long)&callback),
       -XEN_EINVAL, "nowhere");
    is(hypercall2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0), 0, "no handler any more");
    vcpu_op(VCPUOP_send_nmi, 0, NULL);
    is(seen[0], 4, "none comes");
    callback.handler_address = (unsigned long)nmi_stub;
    is(hypercall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, (unsigned long)&callback), 0,
       "one again");
    vcpu_op(VCPUOP_send_nmi, 0, NULL);
    is(seen[0], 5, "it comes");
    is(hypercall2(__HYPERVISOR_nmi_op, 2, 0), -XEN_ENOSYS, "there is no other operation");
}

void guest_main(void)
{
    hook_trap(2, count);
    to_oneself();
    to_another();
    by_its_own_hypercall();
}
