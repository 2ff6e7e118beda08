/*
 * Event storms: every port there is, sending to itself from its own handler, and a FIFO queue whose
 * links the guest scribbles over while the hypervisor uses them.
 */
#include "guest.h"

static volatile unsigned long handled;
static unsigned long limit;
static unsigned int loop_port;

static void count(unsigned int port)
{
    (void)port;
    handled++;
}

static void again(unsigned int port)
{
    handled++;
    if (handled < limit)
        event_send(port);
}

static void check_all_ports(void)
{
    static uint16_t ports[5000];
    unsigned int bound = 0, sent = 0;
    int port = 0;

    while (bound < ARRAY_SIZE(ports) && (port = event_bind_ipi(0)) > 0) {
        ports[bound++] = (uint16_t)port;
        event_bind((unsigned int)port, count);
    }
    ok(bound > 1000 && bound < 4096 && port == -XEN_ENOSPC, "%u ports, then ENOSPC", bound);
    events_enable();
    handled = 0;
    for (int round = 0; round < 20; round++)
        for (unsigned int i = 0; i < bound; i++)
            sent += event_send(ports[i]) == 0;
    ok(handled == sent && sent == 20 * bound, "%u events, all delivered", sent);
    events_disable();
    handled = 0;
    for (int round = 0; round < 5; round++)
        for (unsigned int i = 0; i < bound; i++)
            event_send(ports[i]);
    events_enable();
    is((long)handled, bound, "with events off all merge into one each");
    for (unsigned int i = 0; i < bound; i++)
        event_close(ports[i]);
}

static void check_loop(void)
{
    loop_port = (unsigned int)event_bind_ipi(0);
    event_bind(loop_port, again);
    handled = 0;
    limit = 50000;
    event_send(loop_port);
    while (handled < limit)
        sched_op(SCHEDOP_yield, NULL);
    ok(handled == limit, "a port that sends to itself for ever can be stopped");
    event_close(loop_port);
}

static void check_wild_bits(void)
{
    unsigned int port = (unsigned int)event_bind_ipi(0);

    events_disable();
    for (unsigned int i = 0; i < 64; i++) {
        shared_info->evtchn_pending[i] = random_next();
        shared_info->evtchn_mask[i] = random_next();
    }
    for (unsigned int i = 0; i < 32; i++)
        shared_info->vcpu_info[i].evtchn_pending_sel = random_next();
    for (unsigned int i = 1; i < 4096; i++)
        event_unmask(i);
    for (unsigned int i = 0; i < 4096; i++)
        event_send(i);
    memset(shared_info->evtchn_pending, 0, sizeof(shared_info->evtchn_pending));
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    ok(true, "noise in the shared bits does no harm");
    event_bind(port, count);
    handled = 0;
    events_enable();
    event_send(port);
    ok(handled == 1, "and a port still works");
    event_close(port);
}

static void scribble(uint32_t *words, unsigned int mode)
{
    for (unsigned int i = 0; i < PAGE_SIZE / 4; i++) {
        uint32_t noise = (uint32_t)random_next();

        switch (mode) {
        case 0: /* everything linked to itself */
            words[i] = 1u << EVTCHN_FIFO_LINKED | i;
            break;
        case 1: /* links to nowhere */
            words[i] = 1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK;
            break;
        case 2: /* always busy */
            words[i] |= 1u << EVTCHN_FIFO_BUSY;
            break;
        case 3:
            words[i] = 0xffffffff;
            break;
        default:
            words[i] = noise;
        }
    }
}

static void empty_upcall(void)
{
}

static void check_fifo(void)
{
    struct evtchn_fifo_control_block *control = alloc_page();
    uint32_t *words = alloc_page();
    struct evtchn_init_control init = { .control_gfn = virt_to_gfn(control) };
    struct evtchn_expand_array expand = { .array_gfn = virt_to_gfn(words) };
    unsigned int ports[64];

    events_disable();
    event_set_upcall(empty_upcall);
    is(event_op(EVTCHNOP_init_control, &init), 0, "switch to FIFO");
    is(event_op(EVTCHNOP_expand_array, &expand), 0, "with one array page");
    is(event_op(EVTCHNOP_expand_array, &expand), 0, "the same page again is the guest's own folly");
    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = (unsigned int)event_bind_ipi(0);
    for (unsigned int mode = 0; mode < 12; mode++) {
        for (unsigned int round = 0; round < 30; round++) {
            struct evtchn_set_priority priority;

            scribble(words, mode);
            for (unsigned int i = 0; i < 18; i++)
                ((uint32_t *)control)[i] = (uint32_t)random_next();
            for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
                words[ports[i]] &= ~(1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_MASKED);
                event_send(ports[i]);
                priority.port = ports[i];
                priority.priority = (uint32_t)random_below(20);
                event_op(EVTCHNOP_set_priority, &priority);
                event_unmask(ports[i]);
            }
        }
    }
    ok(true, "a FIFO full of noise does no harm");
    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
        event_close(ports[i]);
    ok(event_bind_ipi(0) > 0, "and ports can still be bound");
}

void guest_main(void)
{
    random_seed(option("seed", 1));
    check_all_ports();
    check_loop();
    check_wild_bits();
    check_fifo();
}
