/*
 * Where the guest's output goes: dom0's to the hypervisor's console, that of other domains to the
 * ring which dom0's xenconsoled reads. A full ring is waited for.
 */
#include "pv.h"

#include <xen/io/console.h>

#define PATIENCE_NS 10000000000ul /* a reader that does not come is given up */

static bool ring_taken;

static struct xencons_interface *ring(void)
{
    return mfn_to_virt(start_info->console.domU.mfn);
}

static void tell_reader(void)
{
    event_send(start_info->console.domU.evtchn);
}

/* Until the ring has less than `count` characters. */
static bool wait_below(struct xencons_interface *r, uint32_t count)
{
    uint64_t end = time_now() + PATIENCE_NS;

    while (r->out_prod - __atomic_load_n(&r->out_cons, __ATOMIC_ACQUIRE) >= count) {
        if (time_now() > end)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

static void put_in_ring(const char *text, size_t length)
{
    struct xencons_interface *r = ring();

    while (__atomic_exchange_n(&ring_taken, true, __ATOMIC_ACQUIRE))
        sched_op(SCHEDOP_yield, NULL);
    for (size_t i = 0; i < length; i++) {
        if (r->out_prod - __atomic_load_n(&r->out_cons, __ATOMIC_ACQUIRE) >= sizeof(r->out)) {
            tell_reader();
            if (!wait_below(r, sizeof(r->out)))
                break;
        }
        r->out[MASK_XENCONS_IDX(r->out_prod, r->out)] = text[i];
        __atomic_store_n(&r->out_prod, r->out_prod + 1, __ATOMIC_RELEASE);
    }
    tell_reader();
    __atomic_store_n(&ring_taken, false, __ATOMIC_RELEASE);
}

bool is_dom0(void)
{
    return start_info->flags & SIF_INITDOMAIN;
}

void guest_output(const char *text, size_t length)
{
    if (is_dom0())
        console_write(text, length);
    else
        put_in_ring(text, length);
}

void guest_output_drain(void)
{
    if (!is_dom0())
        wait_below(ring(), 1);
}
