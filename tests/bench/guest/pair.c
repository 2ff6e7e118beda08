/*
 * Two guests that know each other's number: one offers pages and an event channel and answers
 * events, the other takes them and measures. The page of the grant FIRST_REF is where they meet:
 * all else they need to know stands there.
 */
#include "bench.h"

#define FIRST_REF  8 /* what is below belongs to the toolstack */
#define BATCH      32
#define MEETING_VA (SPARE_VA + BATCH * PAGE_SIZE)

enum work { ANSWER_EVENTS, ANSWER_POLLING };

struct meeting {
    uint32_t port; /* of the guest that offers; 0 until it does */
    uint32_t work; /* how that guest waits */
};

static volatile struct meeting *meeting;
static unsigned int port;
static domid_t peer;
static struct gnttab_map_grant_ref maps[BATCH];
static struct gnttab_unmap_grant_ref unmaps[BATCH];
static struct gnttab_copy copy;

/* Blocking lets events in, so one that comes just before is not missed. */
static void wait_for_event(void)
{
    uint64_t before = bench_upcalls;

    while (bench_upcalls == before)
        sched_op(SCHEDOP_block, NULL);
    events_disable();
}

/* The same without an upcall: events stay off. */
static void poll(void)
{
    struct sched_poll arg = { .nr_ports = 1 };

    set_xen_guest_handle(arg.ports, &port);
    sched_op(SCHEDOP_poll, &arg);
    event_clear(port);
}

static void bind(int answer)
{
    if (answer <= 0)
        bail("no event channel: %d", answer);
    port = (unsigned int)answer;
    event_bind(port, NULL);
    callback_register(CALLBACKTYPE_event, 0, (uint64_t)bench_upcall_stub);
}

static _Noreturn void offer(void)
{
    struct grant_entry_v1 *table = grant_table_map(1);

    if (!table)
        bail("no grant table");
    for (unsigned int i = 0; i < BATCH; i++) {
        void *page = alloc_page();

        table[FIRST_REF + i].domid = peer;
        table[FIRST_REF + i].frame = (uint32_t)virt_to_gfn(page);
        if (!i)
            meeting = page;
        __atomic_store_n(&table[FIRST_REF + i].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    }
    bind(event_alloc_unbound(peer));
    meeting->port = port;
    for (;;) {
        if (meeting->work == ANSWER_POLLING)
            poll();
        else
            wait_for_event();
        event_send(port);
    }
}

static void map_and_unmap(unsigned int count)
{
    grant_op(GNTTABOP_map_grant_ref, maps, count);
    for (unsigned int i = 0; i < count; i++)
        unmaps[i].handle = maps[i].handle;
    grant_op(GNTTABOP_unmap_grant_ref, unmaps, count);
}

static void map_and_unmap_one(void)
{
    map_and_unmap(1);
}

static void map_and_unmap_batch(void)
{
    map_and_unmap(BATCH);
}

static void copy_page(void)
{
    grant_op(GNTTABOP_copy, &copy, 1);
}

static void ping_pong(void)
{
    event_send(port);
    wait_for_event();
}

static void ping_pong_polling(void)
{
    event_send(port);
    poll();
}

static void map_at(uint64_t va, grant_ref_t ref, struct gnttab_map_grant_ref *op)
{
    *op = (struct gnttab_map_grant_ref){
        .host_addr = va, .ref = ref, .dom = peer, .flags = GNTMAP_host_map
    };
    ensure_tables(va);
}

static void meet(void)
{
    struct gnttab_map_grant_ref op;

    map_at(MEETING_VA, FIRST_REF, &op);
    for (unsigned int tries = 0; tries < 10000 && !(meeting && meeting->port); tries++) {
        sched_op(SCHEDOP_yield, NULL);
        if (!meeting && !grant_op(GNTTABOP_map_grant_ref, &op, 1) && op.status == GNTST_okay)
            meeting = (struct meeting *)MEETING_VA;
    }
    if (!meeting || !meeting->port)
        bail("domain %u offers nothing: %d", peer, op.status);
    bind(event_bind_interdomain(peer, meeting->port));
}

/* First, the control domain gets the time to do what it does about the last line of output. */
static void measure_alone(const char *name, void (*fn)(void), unsigned int count)
{
    set_timer_op(time_now() + 300000000);
    wait_for_event();
    measure(name, fn, count);
}

static void must_be_okay(const char *what, int16_t status)
{
    if (status != GNTST_okay)
        bail("%s: %d", what, status);
}

static void measure_pair(void)
{
    meet();
    event_bind((unsigned int)event_bind_virq(VIRQ_TIMER, 0), NULL);
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    for (unsigned int i = 0; i < BATCH; i++) {
        map_at(SPARE_VA + i * PAGE_SIZE, FIRST_REF + i, &maps[i]);
        unmaps[i].host_addr = maps[i].host_addr;
    }
    copy.source.u.ref = FIRST_REF + 1;
    copy.source.domid = peer;
    copy.dest.u.gmfn = virt_to_gfn(alloc_page());
    copy.dest.domid = DOMID_SELF;
    copy.len = PAGE_SIZE;
    copy.flags = GNTCOPY_source_gref;

    measure_alone("grant-map-unmap", map_and_unmap_one, 1000);
    measure_alone("grant-map-unmap-32", map_and_unmap_batch, 300);
    must_be_okay("map", maps[BATCH - 1].status);
    must_be_okay("unmap", unmaps[BATCH - 1].status);
    measure_alone("grant-copy", copy_page, 1000);
    must_be_okay("copy", copy.status);
    measure_alone("event-ping-pong", ping_pong, 1000);
    meeting->work = ANSWER_POLLING; /* after this answer */
    ping_pong();
    measure_alone("event-ping-pong-poll", ping_pong_polling, 1000);
    print("bench pair-done 1\n");
}

void pair(domid_t with, bool measures)
{
    peer = with;
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask)); /* the console's */
    if (!measures)
        offer();
    measure_pair();
    for (;;)
        sched_op(SCHEDOP_block, NULL);
}
