/* A guest kernel's side of the FIFO ABI, as the public protocol asks of it. */
#ifndef FIFO_GUEST_H
#define FIFO_GUEST_H

#include "event_test.h"

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)
#define BUSY    (1U << EVTCHN_FIFO_BUSY)
#define LINK    ((event_word_t)EVTCHN_FIFO_LINK_MASK)

#define FIFO_PAGES 4

struct fifo_guest {
    struct evtchn_fifo_control_block *control[8];
    event_word_t *page[FIFO_PAGES];
    uint32_t head[8][EVTCHN_FIFO_MAX_QUEUES];
};

static inline event_word_t *fifo_guest_word(struct fifo_guest *g, evtchn_port_t port)
{
    return &g->page[port / 1024][port % 1024];
}

/* Take LINKED and the link off; the link. */
static inline evtchn_port_t fifo_guest_unlink(event_word_t *word)
{
    event_word_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

    while (!__atomic_compare_exchange_n(word, &old, old & ~(LINKED | LINK), false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
        ;
    return old & LINK;
}

/* Handle all events of a vCPU; each that is pending and not masked goes to `handle`. */
static inline void fifo_guest_upcall(struct fifo_guest *g, unsigned int vcpu,
                                     void (*handle)(evtchn_port_t port, unsigned int priority))
{
    struct evtchn_fifo_control_block *control = g->control[vcpu];
    uint32_t ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        unsigned int q = (unsigned int)__builtin_ctz(ready);
        evtchn_port_t port = g->head[vcpu][q];
        event_word_t *word;

        if (!port)
            port = __atomic_load_n(&control->head[q], __ATOMIC_SEQ_CST);
        word = fifo_guest_word(g, port);
        g->head[vcpu][q] = fifo_guest_unlink(word);
        if (!g->head[vcpu][q])
            ready &= ~(1U << q);
        if (!(__atomic_load_n(word, __ATOMIC_SEQ_CST) & MASKED) &&
            (__atomic_fetch_and(word, ~PENDING, __ATOMIC_SEQ_CST) & PENDING))
            handle(port, q);
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
}

#endif
