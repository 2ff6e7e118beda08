/* State of the FIFO ABI, shared by fifo.c and fifo_setup.c. */
#ifndef EVENT_FIFO_H
#define EVENT_FIFO_H

#include <hv/frame.h>
#include "internal.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_MAX_PAGES (EVENT_MAX_PORTS / WORDS_PER_PAGE)

struct fifo_queue {
    spinlock_t lock;    /* LOCK_EVENT_QUEUE */
    evtchn_port_t tail; /* last port appended; 0: empty for certain */
};

struct fifo_vcpu {
    struct evtchn_fifo_control_block *control; /* in the guest's page; written, never read */
    void *page;                                /* that page, mapped */
    mfn_t mfn;
    struct fifo_queue queue[EVTCHN_FIFO_MAX_QUEUES];
};

struct event_fifo {
    unsigned int nr_pages;
    event_word_t
        *page[FIFO_MAX_PAGES]; /* the event array: published one by one, never taken away */
    mfn_t mfn[FIFO_MAX_PAGES];
    unsigned int nr_vcpus;
    struct fifo_vcpu *vcpu[]; /* [max_vcpus], each from its init_control on */
};

/* event_channel.queue: which queue of which vCPU. */
static inline uint32_t queue_id(uint32_t vcpu, uint8_t priority)
{
    return vcpu * EVTCHN_FIFO_MAX_QUEUES + priority;
}

#endif
