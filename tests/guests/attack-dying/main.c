/*
 * Two domains, one number apart, of which the first dies while the other uses it. role=1 grants
 * pages and offers event channels to the next domain, and sends for ever. role=2 maps, copies and
 * sends until it finds the other one dead; what it has mapped must then still be there, as it was,
 * until it lets go, and nothing new may be had.
 */
#include "pv.h"

#define MAP_VA  0xffffffffa0000000ul
#define REF     100
#define PAGES   32
#define PORTS   4
#define WAIT_NS 120000000000ul
#define PATTERN 0x5ee1ab1e00000000ul

static unsigned int peer, ports[PORTS], nr_ports;
static volatile unsigned long heard;

static void hear(unsigned int port)
{
    (void)port;
    heard++;
}

/* ---- the one that dies ---- */

static bool is_read_only(unsigned int i)
{
    return i % 2;
}

_Noreturn static void give(void)
{
    struct grant_entry_v1 *table = grant_table_map(1);

    for (unsigned int i = 0; i < PAGES; i++) {
        uint64_t *page = alloc_page();

        for (unsigned int k = 0; k < PAGE_SIZE / 8; k++)
            page[k] = PATTERN + i;
        table[REF + i].domid = (domid_t)peer;
        table[REF + i].frame = (uint32_t)virt_to_mfn(page);
        __atomic_store_n(&table[REF + i].flags,
                         GTF_permit_access | (is_read_only(i) ? GTF_readonly : 0),
                         __ATOMIC_SEQ_CST);
    }
    for (nr_ports = 0; nr_ports < PORTS; nr_ports++) {
        ports[nr_ports] = (unsigned int)event_alloc_unbound(peer);
        event_bind(ports[nr_ports], hear);
    }
    events_enable();
    ok(true, "giving to domain %u", peer);
    for (;;)
        for (unsigned int i = 0; i < nr_ports; i++)
            event_send(ports[i]);
}

/* ---- the one that stays ---- */

static struct gnttab_map_grant_ref map(uint64_t va, unsigned int i)
{
    struct gnttab_map_grant_ref op = { .host_addr = va,
                                       .flags = GNTMAP_host_map |
                                                (is_read_only(i) ? GNTMAP_readonly : 0),
                                       .ref = REF + i,
                                       .dom = (domid_t)peer };

    if (grant_op(GNTTABOP_map_grant_ref, &op, 1))
        op.status = -100;
    return op;
}

static int unmap(uint64_t va, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = va, .handle = handle };

    return grant_op(GNTTABOP_unmap_grant_ref, &op, 1) ? -100 : op.status;
}

static int copy(unsigned int i, void *to)
{
    struct gnttab_copy op = { .source = { .u.ref = REF + i, .domid = (domid_t)peer },
                              .dest = { .u.gmfn = virt_to_mfn(to), .domid = DOMID_SELF },
                              .len = PAGE_SIZE,
                              .flags = GNTCOPY_source_gref };

    return grant_op(GNTTABOP_copy, &op, 1) ? -100 : op.status;
}

static uint64_t page_va(unsigned int i)
{
    return MAP_VA + i * PAGE_SIZE;
}

static unsigned int wrong_pages(void)
{
    unsigned int wrong = 0;

    for (unsigned int i = 0; i < PAGES; i++) {
        volatile uint64_t *page = (volatile uint64_t *)page_va(i);

        wrong += page[0] != PATTERN + i || page[PAGE_SIZE / 8 - 1] != PATTERN + i;
    }
    return wrong;
}

static void find_ports(void)
{
    for (unsigned int remote = 1; remote < 64 && nr_ports < PORTS; remote++) {
        int port = event_bind_interdomain(peer, remote);

        if (port < 0)
            continue;
        ports[nr_ports++] = (unsigned int)port;
        event_bind((unsigned int)port, hear);
    }
}

/* Until the other one is no more. */
static unsigned long use(void *buffer)
{
    uint64_t end = time_now() + WAIT_NS;
    unsigned long rounds = 0;

    for (; time_now() < end; rounds++) {
        unsigned int i = (unsigned int)random_below(PAGES);
        struct gnttab_map_grant_ref op = map(page_va(PAGES), i);

        if (op.status != GNTST_okay || copy(i, buffer) != GNTST_okay) {
            if (op.status == GNTST_okay)
                unmap(page_va(PAGES), op.handle);
            return rounds;
        }
        for (unsigned int k = 0; k < nr_ports; k++)
            event_send(ports[k]);
        unmap(page_va(PAGES), op.handle);
    }
    return 0;
}

static void take(void)
{
    static grant_handle_t handles[PAGES];
    void *buffer = alloc_page();
    unsigned int mapped = 0, unmapped = 0, unbound = 0;
    unsigned long rounds;

    for (unsigned int i = 0; i < PAGES; i++) {
        struct gnttab_map_grant_ref op = map(page_va(i), i);

        handles[i] = op.handle;
        mapped += op.status == GNTST_okay;
    }
    is(mapped, PAGES, "all pages are mapped");
    find_ports();
    is(nr_ports, PORTS, "all channels are bound");
    events_enable();
    is(wrong_pages(), 0, "the pages are right");
    ok(true, "going on until domain %u dies", peer);
    rounds = use(buffer);
    ok(rounds > 0 && heard > 0, "it died after %lu rounds and %lu events", rounds, heard);

    is(wrong_pages(), 0, "what was mapped is still there, and as it was");
    refused(map(page_va(PAGES), 0).status, "a new mapping");
    refused(copy(0, buffer), "a copy");
    refused(event_bind_interdomain(peer, 1), "a new channel");
    for (unsigned int i = 0; i < nr_ports; i++) {
        struct evtchn_status status = { .dom = DOMID_SELF, .port = ports[i] };
        uint64_t end = time_now() + 10000000000ul;

        /* Its channels are closed before its grants are, so they are gone or soon will be. */
        do
            event_op(EVTCHNOP_status, &status);
        while (status.status != EVTCHNSTAT_unbound && time_now() < end);
        unbound += status.status == EVTCHNSTAT_unbound && event_send(ports[i]) == 0;
    }
    is(unbound, PORTS, "its channels are unbound; sending does no harm");
    *(volatile uint64_t *)page_va(0) = 7;
    is((long)*(volatile uint64_t *)page_va(0), 7, "its page can be written");
    for (unsigned int i = 0; i < PAGES; i++)
        unmapped += unmap(page_va(i), handles[i]) == GNTST_okay &&
                    try_read((void *)page_va(i), NULL).vector == VECTOR_PF;
    is(unmapped, PAGES, "all is unmapped");
    is(unmap(page_va(0), handles[0]), GNTST_bad_handle, "once");
}

void guest_main(void)
{
    ensure_tables(MAP_VA);
    if (option("role", 1) == 1) {
        peer = guest_domid() + 1;
        give();
    }
    peer = guest_domid() - 1;
    take();
}
