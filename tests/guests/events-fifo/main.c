/*
 * Event channels by the FIFO ABI: one queue per priority, linked through the event words. Order
 * within a priority is the order of sending; a lower number goes first.
 */
#include "guest.h"

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)

static struct evtchn_fifo_control_block *control;
static uint32_t *words;
static uint32_t heads[EVTCHN_FIFO_MAX_QUEUES];
static unsigned int order[64];
static volatile unsigned int delivered;

static void take(unsigned int port)
{
    uint32_t word = __atomic_load_n(&words[port], __ATOMIC_SEQ_CST);

    if ((word & (PENDING | MASKED)) != PENDING)
        return;
    __atomic_fetch_and(&words[port], ~PENDING, __ATOMIC_SEQ_CST);
    order[delivered++ % ARRAY_SIZE(order)] = port;
}

/* Unlinks the head of a queue; true if that was the last. */
static bool take_head(unsigned int queue)
{
    uint32_t port = heads[queue] ? heads[queue] : control->head[queue];
    uint32_t word = __atomic_load_n(&words[port], __ATOMIC_SEQ_CST);

    while (!__atomic_compare_exchange_n(&words[port], &word,
                                        word & ~(LINKED | EVTCHN_FIFO_LINK_MASK), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    heads[queue] = word & EVTCHN_FIFO_LINK_MASK;
    take(port);
    return heads[queue] == 0;
}

static void upcall(void)
{
    uint32_t ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        unsigned int queue = (unsigned int)__builtin_ctz(ready);

        if (take_head(queue))
            ready &= ~(1u << queue);
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
}

static long set_priority(unsigned int port, unsigned int priority)
{
    struct evtchn_set_priority arg = { .port = port, .priority = priority };

    return event_op(EVTCHNOP_set_priority, &arg);
}

static void check_setup(void)
{
    struct evtchn_expand_array expand;
    struct evtchn_init_control init = { .vcpu = 0 };

    control = alloc_page();
    words = alloc_page();
    expand.array_gfn = virt_to_gfn(words);
    ok(event_op(EVTCHNOP_expand_array, &expand) < 0, "no array before a control block");
    init.control_gfn = virt_to_gfn(control);
    init.offset = 4090;
    ok(event_op(EVTCHNOP_init_control, &init) < 0, "a control block across pages is refused");
    init.offset = 0;
    init.vcpu = 77;
    ok(event_op(EVTCHNOP_init_control, &init) < 0, "one for an unknown vCPU is refused");
    init.vcpu = 0;
    is(event_op(EVTCHNOP_init_control, &init), 0, "init_control");
    is(event_op(EVTCHNOP_expand_array, &expand), 0, "expand_array");
    is(init.link_bits, EVTCHN_FIFO_LINK_BITS, "links have 17 bits");
    ok(event_op(EVTCHNOP_init_control, &init) < 0, "not twice");
    event_set_upcall(upcall);
}

static void check_order(void)
{
    int low = event_bind_ipi(0), first = event_bind_ipi(0), second = event_bind_ipi(0),
        high = event_bind_ipi(0);
    int ports[4] = { low, first, second, high };

    for (int i = 0; i < 4; i++)
        event_unmask((unsigned int)ports[i]);
    is(set_priority((unsigned int)low, EVTCHN_FIFO_PRIORITY_MIN), 0, "lowest priority");
    is(set_priority((unsigned int)high, EVTCHN_FIFO_PRIORITY_MAX), 0, "highest priority");
    is(set_priority((unsigned int)high, EVTCHN_FIFO_PRIORITY_MIN + 1), -XEN_EINVAL, "none lower");
    delivered = 0;
    events_disable();
    for (int i = 0; i < 4; i++) {
        event_send((unsigned int)ports[i]);
        event_send((unsigned int)ports[i]);
    }
    ok(words[low] & PENDING, "an event word is pending");
    ok(vcpu_info()->evtchn_upcall_pending, "the upcall is pending");
    events_enable();
    is(delivered, 4, "four events are delivered, each once");
    ok((int)order[0] == high && (int)order[3] == low, "highest first, lowest last");
    ok((int)order[1] == first && (int)order[2] == second, "equals in the order of sending");

    __atomic_fetch_or(&words[first], MASKED, __ATOMIC_SEQ_CST);
    event_send((unsigned int)first);
    is(delivered, 4, "a masked event is not delivered");
    ok(words[first] & PENDING, "it is pending");
    event_unmask((unsigned int)first);
    is(delivered, 5, "unmasking delivers it");
    for (int i = 0; i < 4; i++)
        event_close((unsigned int)ports[i]);
}

static void check_many(void)
{
    static int ports[900];
    unsigned int bound = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
        ports[i] = event_bind_ipi(0);
        bound += ports[i] > 0;
    }
    is(bound, ARRAY_SIZE(ports), "bind 900 ports");
    events_disable();
    delivered = 0;
    for (unsigned int i = 0; i < bound; i++) {
        event_unmask((unsigned int)ports[i]);
        event_send((unsigned int)ports[i]);
    }
    events_enable();
    is(delivered, bound, "all are delivered");
    for (unsigned int i = 0; i < bound; i++)
        event_close((unsigned int)ports[i]);
}

void guest_main(void)
{
    check_setup();
    check_order();
    check_many();
}
