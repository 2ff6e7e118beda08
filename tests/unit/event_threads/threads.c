/*
 * No event is lost: two senders, an owner that masks, unmasks and moves its ports between vCPUs and
 * priorities, and two threads that are the owner's vCPUs, all at once on real threads, in both
 * ABIs. A sender counts, then sends; a handler notes how far the count is; when all is quiet the
 * notes must be up to date.
 *
 * And nobody is harmed who sends while either side closes, resets and binds again.
 */
#include <pthread.h>
#include <sched.h>

#include "../event/fifo_guest.h"
#include "../../../hypervisor/core/event/internal.h"

#include <arch/irqflags.h>

#define NR_PAIRS 12
#define NR_VCPUS 4
#define SENDS    8000

const struct domain_part *const world_parts[] = { &event_part };
const unsigned int world_nr_parts = 1;

static struct domain *owner, *sender;
static struct ev_pair pair[NR_PAIRS];
static struct fifo_guest guest;
static uint64_t sent[NR_PAIRS], seen[NR_PAIRS];
static unsigned int senders_half_way;
static bool fifo, stop;

/* ---- locks between threads ---- */

void spin_lock_init(spinlock_t *lock, enum lock_rank rank)
{
    *lock = (spinlock_t)SPINLOCK_INIT((uint8_t)rank);
}

void spin_lock(spinlock_t *lock)
{
    while (__atomic_exchange_n(&lock->tickets, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

void spin_unlock(spinlock_t *lock)
{
    __atomic_store_n(&lock->tickets, 0, __ATOMIC_RELEASE);
}

unsigned long spin_lock_irqsave(spinlock_t *lock)
{
    spin_lock(lock);
    return 0;
}

void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
    (void)flags;
    spin_unlock(lock);
}

void spin_lock_both(spinlock_t *a, spinlock_t *b)
{
    spin_lock(a < b ? a : b);
    if (a != b)
        spin_lock(a < b ? b : a);
}

void spin_unlock_both(spinlock_t *a, spinlock_t *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

void vcpu_kick(struct vcpu *v)
{
    (void)v; /* its thread looks all the time */
}

/* ---- the owner's vCPUs ---- */

static void handle(evtchn_port_t port, unsigned int priority)
{
    (void)priority;
    for (unsigned int i = 0; i < NR_PAIRS; i++) {
        uint64_t now_at, old;

        if (pair[i].a != port)
            continue;
        now_at = __atomic_load_n(&sent[i], __ATOMIC_SEQ_CST);
        old = __atomic_load_n(&seen[i], __ATOMIC_SEQ_CST);
        while (old < now_at && !__atomic_compare_exchange_n(&seen[i], &old, now_at, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
}

static void upcall_2l(struct vcpu *v)
{
    struct shared_info *s = owner->shared_info;
    uint64_t sel = __atomic_exchange_n(&v->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    for (; sel; sel &= sel - 1) {
        unsigned int word = (unsigned int)__builtin_ctzl(sel);
        uint64_t due = __atomic_load_n(&s->evtchn_pending[word], __ATOMIC_SEQ_CST) &
                       ~__atomic_load_n(&s->evtchn_mask[word], __ATOMIC_SEQ_CST);

        for (; due; due &= due - 1) {
            unsigned int bit = (unsigned int)__builtin_ctzl(due);

            __atomic_fetch_and(&s->evtchn_pending[word], ~(1UL << bit), __ATOMIC_SEQ_CST);
            handle(word * 64 + bit, 0);
        }
    }
}

static bool run_vcpu(unsigned int id)
{
    struct vcpu *v = owner->vcpu[id];

    if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
        return false;
    if (fifo)
        fifo_guest_upcall(&guest, id, handle);
    else
        upcall_2l(v);
    return true;
}

static void *vcpu_thread(void *arg)
{
    unsigned int first = *(unsigned int *)arg;

    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        bool busy = false;

        for (unsigned int id = first; id < NR_VCPUS; id += 2)
            busy |= run_vcpu(id);
        if (!busy)
            sched_yield();
    }
    return NULL;
}

/* ---- senders and the owner's kernel ---- */

static void *sender_thread(void *arg)
{
    unsigned int seed = *(unsigned int *)arg + 1;

    for (unsigned int n = 0; n < SENDS; n++) {
        unsigned int i = (unsigned int)rand_r(&seed) % NR_PAIRS;

        if (n == SENDS / 2)
            __atomic_fetch_add(&senders_half_way, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&sent[i], 1, __ATOMIC_SEQ_CST);
        assert_int_equal(event_send(sender, pair[i].b), 0);
        /* Let the others see most of them one by one, or all but the first find it pending. */
        for (unsigned int k = 0; k < 10 && __atomic_load_n(&seen[i], __ATOMIC_SEQ_CST) !=
                                               __atomic_load_n(&sent[i], __ATOMIC_SEQ_CST);
             k++)
            sched_yield();
    }
    return NULL;
}

static void mask_port(evtchn_port_t port)
{
    if (fifo)
        __atomic_fetch_or(fifo_guest_word(&guest, port), MASKED, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_or(&owner->shared_info->evtchn_mask[port / 64], 1UL << port % 64,
                          __ATOMIC_SEQ_CST);
}

/* Stops half way: what comes later has to arrive without its unmasking. */
static void *owner_thread(void *arg)
{
    unsigned int seed = 99;

    (void)arg;
    while (__atomic_load_n(&senders_half_way, __ATOMIC_SEQ_CST) < 2) {
        evtchn_port_t port = pair[(unsigned int)rand_r(&seed) % NR_PAIRS].a;
        unsigned int n = (unsigned int)rand_r(&seed);

        if (n % 4 == 0)
            mask_port(port);
        assert_int_equal(event_bind_vcpu(owner, port, n / 4 % NR_VCPUS), 0);
        if (fifo)
            assert_int_equal(event_set_priority(owner, port, n / 16 % 16), 0);
        assert_int_equal(event_unmask(owner, port), 0);
    }
    return NULL;
}

static void setup_fifo(void)
{
    memset(&guest, 0, sizeof(guest));
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        struct evtchn_init_control init = { .control_gfn = world_page(owner).v, .vcpu = i };

        guest.control[i] = mfn_to_virt(mfn(init.control_gfn));
        assert_int_equal(event_fifo_init_control(owner, &init), 0);
    }
    guest.page[0] = mfn_to_virt(world_page(owner));
    assert_int_equal(event_fifo_expand_array(owner, virt_to_mfn(guest.page[0]).v), 0);
}

static void run(bool with_fifo)
{
    static unsigned int number[] = { 0, 1 };
    pthread_t senders[2], vcpus[2], kernel;
    bool busy;

    world_reset();
    owner = world_domain(1, NR_VCPUS);
    sender = world_domain(2, 1);
    world_be(owner, 0);
    fifo = with_fifo;
    stop = false;
    senders_half_way = 0;
    memset(sent, 0, sizeof(sent));
    memset(seen, 0, sizeof(seen));
    if (fifo)
        setup_fifo();
    for (unsigned int i = 0; i < NR_PAIRS; i++) {
        assert_int_equal(event_alloc_unbound(owner, 2, &pair[i].a), 0);
        assert_int_equal(event_bind_interdomain(sender, owner, pair[i].a, &pair[i].b), 0);
    }
    for (unsigned int i = 0; i < 2; i++) {
        pthread_create(&vcpus[i], NULL, vcpu_thread, &number[i]);
        pthread_create(&senders[i], NULL, sender_thread, &number[i]);
    }
    pthread_create(&kernel, NULL, owner_thread, NULL);
    for (unsigned int i = 0; i < 2; i++)
        pthread_join(senders[i], NULL);
    __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
    pthread_join(kernel, NULL);
    for (unsigned int i = 0; i < 2; i++)
        pthread_join(vcpus[i], NULL);

    do {
        busy = false;
        for (unsigned int i = 0; i < NR_VCPUS; i++)
            busy |= run_vcpu(i);
    } while (busy);
    for (unsigned int i = 0; i < NR_PAIRS; i++) {
        assert_true(sent[i] > 0);
        assert_int_equal(seen[i], sent[i]);
    }
    assert_int_equal(world.messages, 0);
    irq_enable(); /* the fake flag is not made for threads */
    world_end();
}

static void test_2l(void **state)
{
    (void)state;
    run(false);
}

static void test_fifo(void **state)
{
    (void)state;
    run(true);
}

/* ---- ports that come and go ---- */

#define CHURNS 20000U

static unsigned long taken, refused;
static bool stop_sender;

static void count(int rc)
{
    __atomic_fetch_add(rc ? &refused : &taken, 1, __ATOMIC_RELAXED);
}

static void *busy_sender(void *arg)
{
    struct domain *d = arg;
    unsigned int seed = d->id;

    while (!__atomic_load_n(d == sender ? &stop_sender : &stop, __ATOMIC_SEQ_CST)) {
        evtchn_port_t port = (evtchn_port_t)rand_r(&seed) % 40;

        count(event_send(d, port));
        count(event_unmask(d, port));
    }
    return NULL;
}

/* Opens what the other one may bind, binds what the other one opened, closes what it has. */
static void *churner(void *arg)
{
    struct domain *d = arg, *other = d == owner ? sender : owner;
    unsigned int seed = d->id + 50U;
    evtchn_port_t port;

    for (unsigned int n = 0; n < CHURNS; n++) {
        unsigned int what = (unsigned int)rand_r(&seed);

        switch (what % 4) {
        case 0:
            count(event_alloc_unbound(d, other->id, &port));
            break;
        case 1:
            count(event_bind_interdomain(d, other, what / 4 % 40, &port));
            break;
        case 2:
            count(event_close(d, what / 4 % 40, true));
            break;
        default:
            if (n % 1000 == 0)
                while (event_reset(d, true) == -ERESTART)
                    ;
        }
    }
    return NULL;
}

static void churn(bool with_fifo)
{
    static unsigned int number[] = { 0, 1 };
    pthread_t churners[2], senders[2], vcpus[2];

    world_reset();
    owner = world_domain(1, NR_VCPUS);
    sender = world_domain(2, 1);
    event_set_max_port(owner, 39);
    event_set_max_port(sender, 39);
    world_be(sender, 0); /* who is reset by another keeps its ABI */
    stop = stop_sender = false;
    fifo = with_fifo;
    taken = refused = 0;
    if (fifo)
        setup_fifo();
    for (unsigned int i = 0; i < 2; i++) {
        pthread_create(&vcpus[i], NULL, vcpu_thread, &number[i]);
        pthread_create(&senders[i], NULL, busy_sender, i ? owner : sender);
        pthread_create(&churners[i], NULL, churner, i ? owner : sender);
    }
    for (unsigned int i = 0; i < 2; i++)
        pthread_join(churners[i], NULL);
    /* One dies under the other's hands; its own vCPUs are stopped by then. */
    __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
    for (unsigned int i = 0; i < 2; i++)
        pthread_join(vcpus[i], NULL);
    pthread_join(senders[1], NULL);
    owner->is_dying = true;
    while (event_part.teardown(owner) == -ERESTART)
        ;
    __atomic_store_n(&stop_sender, true, __ATOMIC_SEQ_CST);
    pthread_join(senders[0], NULL);
    assert_true(taken > 0 && refused > 0);
    for (evtchn_port_t port = 1; port < 40; port++) {
        const struct event_channel *ch = channel_lookup(owner, port);

        assert_int_equal(ch->state, CHANNEL_FREE);
        ch = channel_lookup(sender, port);
        assert_true(ch->state == CHANNEL_FREE || ch->state == CHANNEL_UNBOUND);
    }
    assert_int_equal(owner->refs, 1);
    irq_enable();
    world_end();
}

static void test_churn_2l(void **state)
{
    (void)state;
    churn(false);
}

static void test_churn_fifo(void **state)
{
    (void)state;
    churn(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_2l),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_churn_2l),
        cmocka_unit_test(test_churn_fifo),
    };

    return cmocka_run_group_tests_name("event_threads", tests, NULL, NULL);
}
