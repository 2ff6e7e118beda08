/*
 * Grants and events against domains that gave nothing: dom0 and those up to peers=N. Then races on
 * the guest's own grants, with vcpus=2: one handle unmapped by two vCPUs, entries that change while
 * they are mapped; version 2 with grants that lead in circles.
 */
#include "pv.h"

#define MAP_VA   0xffffffffa0000000ul
#define RACE_VA  0xffffffffa0200000ul
#define REF      20
#define NR_REFS  1024
#define NR_PORTS 1024

static void *page;

/* ---- others ---- */

static void check_refs(domid_t dom)
{
    static struct gnttab_map_grant_ref maps[64];
    static struct gnttab_copy copies[64];
    unsigned int mapped = 0, copied = 0;

    for (unsigned int ref = 0; ref < NR_REFS; ref += 64) {
        for (unsigned int i = 0; i < 64; i++) {
            maps[i] = (struct gnttab_map_grant_ref){ .host_addr = MAP_VA,
                                                     .flags = GNTMAP_host_map | GNTMAP_readonly,
                                                     .ref = ref + i,
                                                     .dom = dom };
            copies[i] =
                (struct gnttab_copy){ .source = { .u.ref = ref + i, .domid = dom },
                                      .dest = { .u.gmfn = virt_to_mfn(page), .domid = DOMID_SELF },
                                      .len = 4096,
                                      .flags = GNTCOPY_source_gref };
        }
        if (grant_op(GNTTABOP_map_grant_ref, maps, 64) || grant_op(GNTTABOP_copy, copies, 64))
            mapped += 1000;
        for (unsigned int i = 0; i < 64; i++) {
            mapped += maps[i].status == GNTST_okay;
            copied += copies[i].status == GNTST_okay;
        }
    }
    is(mapped, 0, "%u references of domain %u: none can be mapped", NR_REFS, dom);
    is(copied, 0, "nor copied");
}

static void check_ports(domid_t dom)
{
    unsigned int bound = 0;
    struct evtchn_alloc_unbound theirs = { .dom = dom, .remote_dom = DOMID_SELF };
    struct evtchn_status status = { .dom = dom, .port = 1 };
    struct evtchn_reset reset = { .dom = dom };

    for (unsigned int port = 0; port < NR_PORTS; port++)
        bound += event_bind_interdomain(dom, port) >= 0;
    is(bound, 0, "%u ports of domain %u: none can be bound", NR_PORTS, dom);
    refused(event_op(EVTCHNOP_alloc_unbound, &theirs), "a port in domain %u", dom);
    refused(event_op(EVTCHNOP_status, &status), "the state of a port there");
    refused(event_op(EVTCHNOP_reset, &reset), "a reset there");
}

static void check_table(domid_t dom)
{
    struct gnttab_setup_table setup = { .dom = dom, .nr_frames = 1 };
    struct gnttab_query_size size = { .dom = dom };
    struct gnttab_get_version version = { .dom = dom };
    struct gnttab_get_status_frames frames = { .dom = dom, .nr_frames = 1 };
    uint64_t list[2];

    set_xen_guest_handle(setup.frame_list, (xen_pfn_t *)list);
    set_xen_guest_handle(frames.frame_list, list);
    grant_op(GNTTABOP_setup_table, &setup, 1);
    refused(setup.status, "the grant table of domain %u", dom);
    grant_op(GNTTABOP_query_size, &size, 1);
    refused(size.status, "its size");
    refused(grant_op(GNTTABOP_get_version, &version, 1), "its version");
    grant_op(GNTTABOP_get_status_frames, &frames, 1);
    refused(frames.status, "its status frames");
}

/* ---- races on one's own ---- */

static struct grant_entry_v1 *table;
static volatile unsigned int race_handle, race_round, race_wins[2];
static volatile bool stop;
static unsigned long rounds;

static void offer(unsigned int ref, uint16_t flags)
{
    table[ref].domid = (domid_t)guest_domid();
    table[ref].frame = (uint32_t)virt_to_mfn(page);
    __atomic_store_n(&table[ref].flags, GTF_permit_access | flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map_at(uint64_t va, unsigned int ref, uint32_t flags)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = va, .ref = ref, .flags = flags, .dom = (domid_t)guest_domid()
    };

    if (grant_op(GNTTABOP_map_grant_ref, &op, 1))
        op.status = -100;
    return op;
}

static bool unmap(uint64_t va, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = va, .handle = handle };

    return grant_op(GNTTABOP_unmap_grant_ref, &op, 1) == 0 && op.status == GNTST_okay;
}

/* Both vCPUs unmap the handle of each round; one of them wins. */
static void race(unsigned int who)
{
    race_wins[who] += unmap(RACE_VA, race_handle);
}

/* To be there at the same time it does not give its CPU away, or not at once. */
static void second_vcpu(void *arg)
{
    unsigned int seen = 0, waited = 0;

    (void)arg;
    while (!stop) {
        unsigned int round = race_round;

        if (round != seen) {
            seen = round;
            waited = 0;
            race(1);
        } else if (++waited < 10000) {
            relax();
        } else {
            sched_op(SCHEDOP_yield, NULL);
        }
    }
}

static void check_double_unmap(bool second)
{
    unsigned int made = 0, lost = 0;

    for (unsigned int i = 1; i <= rounds; i++) {
        /* Handles come again: one who is late with the last round's may hit this one's. */
        unsigned int before = race_wins[0] + race_wins[1];
        struct gnttab_map_grant_ref op = map_at(RACE_VA, REF, GNTMAP_host_map);

        if (op.status != GNTST_okay)
            break;
        made++;
        race_handle = op.handle;
        __atomic_store_n(&race_round, i, __ATOMIC_SEQ_CST);
        race(0);
        for (uint64_t end = time_now() + LATE;
             second && race_wins[0] + race_wins[1] == before && time_now() < end;)
            sched_op(SCHEDOP_yield, NULL);
        lost += race_wins[0] + race_wins[1] == before;
        lost += try_read((void *)RACE_VA, NULL).vector != VECTOR_PF;
    }
    is(made, (long)rounds, "%lu mappings for a race", rounds);
    is(lost, 0, "each was gone after it");
    is((long)(race_wins[0] + race_wins[1]), (long)rounds, "each was unmapped once (%u and %u)",
       race_wins[0], race_wins[1]);
    ok(!(table[REF].flags & (GTF_reading | GTF_writing)), "the entry is no longer in use");
}

/* An entry that never stays what it is, mapped by the other vCPU. */
static void changing_vcpu(void *arg)
{
    (void)arg;
    while (!stop) {
        uint16_t flags = (uint16_t)(random_below(4) | (random_below(2) ? GTF_readonly : 0));

        table[REF + 1].frame = (uint32_t)(random_below(2) ? virt_to_mfn(page) : root_mfn());
        table[REF + 1].flags = flags;
    }
}

static void check_changing_entry(void)
{
    unsigned int made = 0, wrong = 0;

    offer(REF + 1, 0);
    for (unsigned int i = 0; i < rounds; i++) {
        struct gnttab_map_grant_ref op = map_at(RACE_VA, REF + 1, GNTMAP_host_map);

        if (op.status != GNTST_okay)
            continue;
        made++;
        /* The root can never have been mapped writable. */
        wrong += op.dev_bus_addr >> PAGE_SHIFT != virt_to_mfn(page);
        wrong += !unmap(RACE_VA, op.handle);
    }
    is(wrong, 0, "a changing entry, mapped %u times, gave the right frame", made);
}

/* ---- version 2 ---- */

static union grant_entry_v2 *table2;

static void pass_on(unsigned int ref, domid_t from, unsigned int its_ref)
{
    table2[ref] = (union grant_entry_v2){ .transitive = { .trans_domid = from, .gref = its_ref } };
    table2[ref].hdr.domid = (domid_t)guest_domid();
    __atomic_store_n(&table2[ref].hdr.flags, GTF_transitive, __ATOMIC_SEQ_CST);
}

static int copy_from(unsigned int ref)
{
    struct gnttab_copy op = { .source = { .u.ref = ref, .domid = (domid_t)guest_domid() },
                              .dest = { .u.gmfn = virt_to_mfn(page), .domid = DOMID_SELF },
                              .len = 16,
                              .flags = GNTCOPY_source_gref };

    return grant_op(GNTTABOP_copy, &op, 1) ? -100 : op.status;
}

static void check_version_2(unsigned int peers)
{
    struct gnttab_set_version version = { .version = 2 };
    unsigned int taken = 0;

    if (!is(grant_op(GNTTABOP_set_version, &version, 1), 0, "version 2"))
        return;
    table2 = (union grant_entry_v2 *)table;
    pass_on(30, (domid_t)guest_domid(), 30);
    refused(copy_from(30), "a grant that leads to itself");
    pass_on(31, (domid_t)guest_domid(), 32);
    pass_on(32, (domid_t)guest_domid(), 31);
    refused(copy_from(31), "two that lead to each other");
    for (unsigned int dom = 0; dom <= peers; dom++)
        for (unsigned int ref = 0; ref < 512; ref++) {
            pass_on(33, (domid_t)dom, ref);
            taken += copy_from(33) == GNTST_okay;
        }
    is(taken, 0, "others' grants cannot be passed on");
    for (unsigned int i = 0; i < 2000; i++) {
        for (unsigned int k = 0; k < 4; k++)
            ((uint32_t *)&table2[34])[k] = (uint32_t)random_next();
        table2[34].hdr.domid = (domid_t)guest_domid();
        copy_from(34);
    }
    memset(&table2[8], 0, sizeof(*table2) * 100);
    version.version = 1;
    is(grant_op(GNTTABOP_set_version, &version, 1), 0, "and back to version 1");
}

void guest_main(void)
{
    unsigned int peers = (unsigned int)option("peers", 3);
    bool second = option("vcpus", 1) > 1;

    rounds = option("rounds", 2000);
    page = alloc_page();
    ensure_tables(MAP_VA);
    ensure_tables(RACE_VA);
    for (unsigned int dom = 0; dom <= peers; dom++) {
        if (dom == guest_domid())
            continue;
        check_refs((domid_t)dom);
        check_ports((domid_t)dom);
        check_table((domid_t)dom);
    }
    table = grant_table_map(1);
    if (!ok(table != NULL, "setup_table"))
        return;
    offer(REF, 0);
    if (second)
        is(vcpu_start(1, second_vcpu, NULL), 0, "start a second vCPU");
    check_double_unmap(second);
    if (second) {
        stop = true;
        time_spin(100000000);
        stop = false;
        is(vcpu_start(2, changing_vcpu, NULL), 0, "start a third vCPU");
        check_changing_entry();
        stop = true;
        time_spin(100000000);
    }
    table[REF + 1].flags = 0;
    check_version_2(peers);
    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the hypervisor answers");
}
