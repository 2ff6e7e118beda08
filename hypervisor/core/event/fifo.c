/*
 * The FIFO ABI: an event word a port in pages that the guest gave, and per vCPU sixteen queues, by
 * priority, that are singly linked through those words. The guest takes events off at the head, we
 * append at the tail. Words and control blocks can be written by the guest at any time with
 * anything: links are written here and never followed, and every compare-and-swap has a bound, so
 * what a guest does to them costs it its own events and nobody else anything.
 */
#include "fifo.h"

#include <hv/printk.h>

#define BIT32(n) (1U << (n))

#define PENDING   BIT32(EVTCHN_FIFO_PENDING)
#define MASKED    BIT32(EVTCHN_FIFO_MASKED)
#define LINKED    BIT32(EVTCHN_FIFO_LINKED)
#define BUSY      BIT32(EVTCHN_FIFO_BUSY)
#define LINK_MASK ((event_word_t)EVTCHN_FIFO_LINK_MASK)

/* A well-behaved guest changes a word a few times in all while we try to; more is an attack. */
#define MAX_TRIES 5

_Static_assert(sizeof(struct evtchn_fifo_control_block) == 72, "ABI");
_Static_assert(offsetof(struct evtchn_fifo_control_block, head) == 8, "ABI");

/* NULL if the event array does not reach that far. */
static event_word_t *fifo_word(const struct domain *d, evtchn_port_t port)
{
    event_word_t *page =
        __atomic_load_n(&d->event->fifo->page[port / WORDS_PER_PAGE], __ATOMIC_ACQUIRE);

    return page ? &page[port % WORDS_PER_PAGE] : NULL;
}

static struct fifo_queue *fifo_queue(const struct domain *d, uint32_t id)
{
    struct fifo_vcpu *fv =
        __atomic_load_n(&d->event->fifo->vcpu[id / EVTCHN_FIFO_MAX_QUEUES], __ATOMIC_ACQUIRE);

    return fv ? &fv->queue[id % EVTCHN_FIFO_MAX_QUEUES] : NULL;
}

/*
 * Make the queue's last word point at `port`. False if the guest has taken that word off already,
 * which means that the queue is empty. From the second try on BUSY is set: a guest waits for it to
 * go before it unmasks a port.
 */
static bool chain_to_tail(const struct domain *d, event_word_t *tail, evtchn_port_t port)
{
    event_word_t old = READ_ONCE(*tail);

    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        if (!(old & LINKED)) {
            if (i > 0)
                __atomic_fetch_and(tail, ~BUSY, __ATOMIC_SEQ_CST);
            return false;
        }
        if (__atomic_compare_exchange_n(tail, &old, (old & ~(BUSY | LINK_MASK)) | port, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
        if (i == 0)
            old = __atomic_fetch_or(tail, BUSY, __ATOMIC_SEQ_CST) | BUSY;
    }
    __atomic_fetch_and(tail, ~BUSY, __ATOMIC_SEQ_CST);
    guest_printk(d, LOG_WARN, "event %u is lost: the guest keeps changing the word to link it to\n",
                 port);
    return true;
}

/* Append to a queue whose lock is held. True if it was empty and the vCPU must be told. */
static bool queue_append(struct domain *d, struct fifo_queue *q, uint32_t id, evtchn_port_t port)
{
    struct evtchn_fifo_control_block *control =
        d->event->fifo->vcpu[id / EVTCHN_FIFO_MAX_QUEUES]->control;
    uint32_t priority = id % EVTCHN_FIFO_MAX_QUEUES;
    bool chained = false;

    /* If the port is the tail itself it was taken off, or we would not be here: empty. */
    if (q->tail && q->tail != port)
        chained = chain_to_tail(d, fifo_word(d, q->tail), port);
    if (!chained)
        __atomic_store_n(&control->head[priority], port, __ATOMIC_RELEASE);
    q->tail = port;
    return !chained && !(__atomic_fetch_or(&control->ready, BIT32(priority), __ATOMIC_SEQ_CST) &
                         BIT32(priority));
}

/*
 * Link a pending, unmasked, not linked event into the queue that its vCPU and priority say. If it
 * was on another before, that one may still have it as its tail, consumed but remembered: it must
 * forget it, or it would chain its next event behind a word that is in our queue. Several CPUs may
 * be here for one channel (its peer sends, its owner unmasks); both queues' locks order them, and
 * the LINKED bit says who was first.
 */
static void fifo_link(struct domain *d, struct event_channel *ch, event_word_t *word)
{
    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        uint32_t old_id = READ_ONCE(ch->queue);
        uint32_t new_id = queue_id(READ_ONCE(ch->vcpu), READ_ONCE(ch->priority));
        struct fifo_queue *old = fifo_queue(d, old_id), *new = fifo_queue(d, new_id);
        bool tell = false, stable;
        unsigned long flags;

        if (!new) {
            guest_printk(d, LOG_WARN, "event %u waits: vCPU %u has no control block\n", ch->port,
                         new_id / EVTCHN_FIFO_MAX_QUEUES);
            return;
        }
        if (!old)
            old = new;
        flags = irq_save();
        spin_lock_both(&old->lock, &new->lock);
        stable = READ_ONCE(ch->queue) == old_id;
        if (stable && !(__atomic_fetch_or(word, LINKED, __ATOMIC_SEQ_CST) & LINKED)) {
            if (old != new && old->tail == ch->port)
                old->tail = 0;
            WRITE_ONCE(ch->queue, new_id);
            tell = queue_append(d, new, new_id, ch->port);
        }
        spin_unlock_both(&old->lock, &new->lock);
        irq_restore(flags);
        if (tell)
            event_upcall(domain_vcpu(d, new_id / EVTCHN_FIFO_MAX_QUEUES));
        if (stable)
            return;
    }
    guest_printk(d, LOG_WARN, "event %u is lost: it keeps moving between queues\n", ch->port);
}

static void raise_fifo(struct domain *d, struct event_channel *ch)
{
    event_word_t *word = fifo_word(d, ch->port), old;

    if (unlikely(!word)) {
        /* Note it for the expansion of the array; which may be under way. */
        __atomic_store_n(&ch->raised_early, true, __ATOMIC_SEQ_CST);
        smp_mb();
        word = fifo_word(d, ch->port);
        if (!word)
            return;
    }
    old = __atomic_fetch_or(word, PENDING, __ATOMIC_SEQ_CST);
    if (!(old & (MASKED | LINKED)))
        fifo_link(d, ch, word);
    if (!(old & PENDING))
        event_wake_pollers(d, ch->port);
}

static void unmask_fifo(struct domain *d, struct event_channel *ch)
{
    event_word_t *word = fifo_word(d, ch->port);

    if (word && (__atomic_fetch_and(word, ~MASKED, __ATOMIC_SEQ_CST) & PENDING))
        raise_fifo(d, ch);
}

/* A linked word stays linked: the guest will take it off and find it not pending. */
static void clear_fifo(struct domain *d, struct event_channel *ch)
{
    event_word_t *word = fifo_word(d, ch->port);

    if (word)
        __atomic_fetch_and(word, ~PENDING, __ATOMIC_SEQ_CST);
}

static uint32_t word_fifo(const struct domain *d, evtchn_port_t port)
{
    const event_word_t *word = fifo_word(d, port);

    return word ? READ_ONCE(*word) : 0;
}

static bool is_pending_fifo(const struct domain *d, const struct event_channel *ch)
{
    return word_fifo(d, ch->port) & PENDING;
}

static bool is_masked_fifo(const struct domain *d, const struct event_channel *ch)
{
    return !fifo_word(d, ch->port) || word_fifo(d, ch->port) & MASKED;
}

static bool is_busy_fifo(const struct domain *d, evtchn_port_t port)
{
    return word_fifo(d, port) & LINKED;
}

const struct event_abi event_abi_fifo = {
    .name = "FIFO",
    .max_ports = EVENT_MAX_PORTS,
    .raise = raise_fifo,
    .unmask = unmask_fifo,
    .clear = clear_fifo,
    .is_pending = is_pending_fifo,
    .is_masked = is_masked_fifo,
    .is_busy = is_busy_fifo,
    .word = word_fifo,
};
