/*
 * The 2-level ABI: a pending and a mask bit a port in the shared page, a word of selectors in each
 * vcpu_info. Up to 4,096 ports. The bits are the guest's to write: nothing here depends on them
 * beyond what that guest sees.
 */
#include "internal.h"

_Static_assert(offsetof(struct shared_info, evtchn_pending) ==
                   XEN_LEGACY_MAX_VCPUS * sizeof(struct vcpu_info),
               "ABI");
_Static_assert(sizeof(((struct shared_info *)0)->evtchn_pending) * 8 == EVTCHN_2L_NR_CHANNELS,
               "ABI");
_Static_assert(sizeof(struct vcpu_info) <= 64, "arm64: 48 bytes");
_Static_assert(sizeof(xen_ulong_t) == sizeof(unsigned long), "the bit operations' word");

static unsigned long *pending_bits(const struct domain *d)
{
    return (unsigned long *)d->shared_info->evtchn_pending;
}

static unsigned long *mask_bits(const struct domain *d)
{
    return (unsigned long *)d->shared_info->evtchn_mask;
}

/* The port is pending and not masked: show it to its vCPU. */
static void select_port(struct domain *d, const struct event_channel *ch)
{
    struct vcpu *v = domain_vcpu(d, READ_ONCE(ch->vcpu));
    struct vcpu_info *info = READ_ONCE(v->info);

    if (!test_and_set_bit_atomic(ch->port / BITS_PER_LONG,
                                 (unsigned long *)&info->evtchn_pending_sel))
        event_upcall(v);
}

static void raise_2l(struct domain *d, struct event_channel *ch)
{
    if (test_and_set_bit_atomic(ch->port, pending_bits(d)))
        return;
    if (!test_bit(ch->port, mask_bits(d)))
        select_port(d, ch);
    event_wake_pollers(d, ch->port);
}

static void unmask_2l(struct domain *d, struct event_channel *ch)
{
    if (test_and_clear_bit_atomic(ch->port, mask_bits(d)) && test_bit(ch->port, pending_bits(d)))
        select_port(d, ch);
}

static void clear_2l(struct domain *d, struct event_channel *ch)
{
    clear_bit_atomic(ch->port, pending_bits(d));
}

static bool is_pending_2l(const struct domain *d, const struct event_channel *ch)
{
    return test_bit(ch->port, pending_bits(d));
}

static bool is_masked_2l(const struct domain *d, const struct event_channel *ch)
{
    return test_bit(ch->port, mask_bits(d));
}

static bool is_busy_2l(const struct domain *d, evtchn_port_t port)
{
    (void)d;
    (void)port;
    return false;
}

const struct event_abi event_abi_2l = {
    .name = "2-level",
    .max_ports = EVTCHN_2L_NR_CHANNELS,
    .raise = raise_2l,
    .unmask = unmask_2l,
    .clear = clear_2l,
    .is_pending = is_pending_2l,
    .is_masked = is_masked_2l,
    .is_busy = is_busy_2l,
};
