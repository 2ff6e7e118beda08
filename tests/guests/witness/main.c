/*
 * A guest that does checked work while others attack: every round it fills its memory with numbers
 * that follow from the round, maps and copies pages of its own by grants, sends itself events,
 * waits for a timer; then all must be as it was left. A line a round, until rounds=N or for ever,
 * with pause=N seconds in between.
 */
#include "pv.h"

#define MAP_VA   0xffffffffa0000000ul
#define REF      20
#define SLEEP_NS 50000000ul
#define PAGES    256

static char *memory;
static struct grant_entry_v1 *table;
static unsigned int event_port, timer_port;
static volatile unsigned int events, ticks;

static void on_event(unsigned int port)
{
    (void)port;
    events++;
}

static void on_tick(unsigned int port)
{
    (void)port;
    ticks++;
}

static uint64_t word_of(uint64_t round, uint64_t index)
{
    uint64_t x = (round << 32 ^ index) * 0x9e3779b97f4a7c15ul;

    return x ^ x >> 29;
}

static uint64_t *words(void)
{
    return (uint64_t *)memory;
}

static void fill(uint64_t round)
{
    for (uint64_t i = 0; i < PAGES * PAGE_SIZE / 8; i++)
        words()[i] = word_of(round, i);
}

static unsigned long wrong_words(uint64_t round)
{
    unsigned long wrong = 0;

    for (uint64_t i = 0; i < PAGES * PAGE_SIZE / 8; i++)
        wrong += words()[i] != word_of(round, i);
    return wrong;
}

/* Page `from` is seen through a grant, and copied through one over page `to`, and back. */
static bool check_grants(unsigned int from, unsigned int to, uint64_t round)
{
    char *source = memory + from * PAGE_SIZE;
    struct gnttab_map_grant_ref map = { .host_addr = MAP_VA,
                                        .flags = GNTMAP_host_map | GNTMAP_readonly,
                                        .ref = REF,
                                        .dom = (domid_t)guest_domid() };
    struct gnttab_copy copy = { .source = { .u.ref = REF, .domid = (domid_t)guest_domid() },
                                .dest = { .u.gmfn = virt_to_mfn(memory + to * PAGE_SIZE),
                                          .domid = DOMID_SELF },
                                .len = PAGE_SIZE,
                                .flags = GNTCOPY_source_gref };
    struct gnttab_unmap_grant_ref unmap = { .host_addr = MAP_VA };
    bool good;

    table[REF].domid = (domid_t)guest_domid();
    table[REF].frame = (uint32_t)virt_to_mfn(source);
    __atomic_store_n(&table[REF].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    if (grant_op(GNTTABOP_map_grant_ref, &map, 1) || map.status != GNTST_okay)
        return false;
    good = memcmp((void *)MAP_VA, source, PAGE_SIZE) == 0;
    good &= grant_op(GNTTABOP_copy, &copy, 1) == 0 && copy.status == GNTST_okay;
    good &= memcmp(memory + to * PAGE_SIZE, source, PAGE_SIZE) == 0;
    unmap.handle = map.handle;
    good &= grant_op(GNTTABOP_unmap_grant_ref, &unmap, 1) == 0 && unmap.status == GNTST_okay;
    good &= try_read((void *)MAP_VA, NULL).vector == VECTOR_PF;
    for (uint64_t i = 0; i < PAGE_SIZE / 8; i++)
        words()[to * PAGE_SIZE / 8 + i] = word_of(round, to * PAGE_SIZE / 8 + i);
    return good && !(table[REF].flags & (GTF_reading | GTF_writing));
}

/* A timer may come a little early. */
static bool check_time(uint64_t *last)
{
    unsigned int before = ticks;
    uint64_t now = time_now(), later;
    bool good = now >= *last;

    for (unsigned int i = 0; i < 1000 && ticks == before; i++)
        time_sleep(SLEEP_NS);
    later = time_now();
    *last = later;
    return good && ticks != before && later + 1000000 >= now + SLEEP_NS;
}

/* One that comes at the same time as dom0's may be delivered a moment later. */
static bool check_events(void)
{
    unsigned int missing = 0;

    for (unsigned int i = 0; i < 100; i++) {
        unsigned int before = events;
        uint64_t end = time_now() + LATE;

        event_send(event_port);
        while (events == before && time_now() < end)
            relax();
        missing += events != before + 1;
    }
    return missing == 0;
}

void guest_main(void)
{
    uint64_t rounds = option("rounds", ~0ul), pause = option("pause", 0), last = 0;

    memory = alloc_pages(PAGES);
    ensure_tables(MAP_VA);
    table = grant_table_map(1);
    event_port = (unsigned int)event_bind_ipi(0);
    timer_port = (unsigned int)event_bind_virq(VIRQ_TIMER, 0);
    event_bind(event_port, on_event);
    event_bind(timer_port, on_tick);
    events_enable();
    for (uint64_t round = 1; round <= rounds; round++) {
        unsigned int from = (unsigned int)random_below(PAGES), to = (from + 1) % PAGES;
        bool grants, timer, sent;
        unsigned long wrong;

        for (uint64_t s = 0; s < pause * 1000000000 / SLEEP_NS; s++)
            time_sleep(SLEEP_NS);
        fill(round);
        grants = check_grants(from, to, round);
        sent = check_events();
        timer = check_time(&last);
        wrong = wrong_words(round);
        ok(wrong == 0 && grants && timer && sent,
           "round %lu: %lu wrong words, grants %d, timer %d, events %d", round, wrong, grants,
           timer, sent);
    }
}
