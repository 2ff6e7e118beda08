/*
 * A migration of the second domain while it runs: rounds of what it wrote, each copied to a made-up
 * place elsewhere. At any end of a round that nothing came in between of, what is there must be
 * what is here: each frame with a number, its bytes, and what kind of table it is.
 */
#include "machine.h"

#include <hv/control.h>
#include <xen/domctl.h>
#include "../../../hypervisor/x86/pv/log_dirty.h"

/* A frame as it was sent. */
struct sent {
    uint64_t pfn, words[PTES_PER_TABLE];
    unsigned int type;
    bool pinned, valid;
};

static struct sent elsewhere[RAM_END];
static uint64_t bitmap[4];
static bool on, held_back;
static mfn_t hoard[RAM_END];
static unsigned int hoarded;

void (*migrate_others)(void);
unsigned long rounds_done, pages_sent, arrivals_compared;

static struct log_dirty *log_of(const struct domain *d)
{
    return d->arch->pv.log;
}

/* ---- mirrors ---- */

/* As they were found last: by the guest's table, by the copy (those that are gone, too). */
static const struct mirror *of_table[RAM_END], *of_page[RAM_END];
static unsigned int nr_mirrors, nr_gone;

static void find_mirrors(const struct log_dirty *l)
{
    memset(of_table, 0, sizeof(of_table));
    memset(of_page, 0, sizeof(of_page));
    nr_mirrors = nr_gone = 0;
    for (unsigned int i = 0; i < MIRROR_BUCKETS; i++)
        for (const struct mirror *m = l->bucket[i]; m; m = m->next, nr_mirrors++) {
            assert_null(of_table[m->table]);
            of_table[m->table] = of_page[m->page] = m;
        }
    for (const struct mirror *m = l->gone; m; m = m->next, nr_gone++)
        of_page[m->page] = m;
}

static unsigned int level_of(uint64_t table)
{
    return mfn_to_frame(mfn(table))->state.type - FRAME_L1 + 1;
}

unsigned int mirror_level(const struct domain *d, mfn_t page)
{
    return log_of(d) && of_page[page.v] ? level_of(of_page[page.v]->table) : 0;
}

static bool is_dirty(const struct domain *d, mfn_t m)
{
    const struct log_dirty *l = log_of(d);

    if (mfn_is_io(m) || mfn_to_frame(m)->state.owner != d->id || m2p[m.v] >= l->nr_pfns)
        return true; /* nobody's business */
    return test_bit((unsigned int)m2p[m.v], l->bitmap[0]);
}

static void check_entry(const struct domain *d, const struct mirror *m, unsigned int level,
                        pte_t here, pte_t seen)
{
    const struct log_dirty *l = log_of(d);
    const struct mirror *child;

    if (!(here & PTE_PRESENT)) {
        assert_false(seen & PTE_PRESENT);
        return;
    }
    assert_true(here & PTE_ACCESSED);
    if (level == 1) {
        assert_int_equal(seen | PTE_WRITE | PTE_DIRTY, here | PTE_WRITE | PTE_DIRTY);
        if (!(seen & PTE_WRITE))
            return;
        assert_true(here & PTE_WRITE && here & seen & PTE_DIRTY);
        assert_false(list_empty(&m->open));
        assert_true(is_dirty(d, pte_mfn(here)) && is_dirty(d, mfn(m->table)));
        return;
    }
    child = of_table[pte_mfn(here).v];
    if (child && (l->active || seen != here))
        assert_int_equal(seen, pte_make(mfn(child->page), here & ~PTE_ADDR));
    else
        assert_true(seen == here && (child || !l->active || l->error));
}

static void check_mirror(const struct domain *d, const struct mirror *m)
{
    const pte_t *here = mfn_to_virt(mfn(m->table)), *seen = mfn_to_virt(mfn(m->page));
    union frame_state s = mfn_to_frame(mfn(m->table))->state;
    unsigned int level = level_of(m->table);

    assert_int_equal(s.owner, d->id);
    assert_int_equal(s.progress, FRAME_VALID);
    assert_in_range(level, 1, 4);
    for (unsigned int i = 0; i < PTES_PER_TABLE; i++)
        if (level == 4 && !pv_l4_slot_is_guests(i))
            assert_int_equal(here[i], seen[i]);
        else if (here[i] | seen[i])
            check_entry(d, m, level, here[i], seen[i]);
}

void check_mirrors(const struct domain *d)
{
    const struct log_dirty *l = log_of(d);

    find_mirrors(l);
    assert_int_equal(l->nr_mirrors, nr_mirrors + nr_gone);
    for (uint64_t f = RAM_START; f < RAM_END; f++) {
        union frame_state s = mfn_to_frame(mfn(f))->state;

        if (of_table[f])
            check_mirror(d, of_table[f]);
        else if (l->active && !l->error)
            assert_false(s.owner == d->id && s.refs && s.progress == FRAME_VALID &&
                         s.type >= FRAME_L1 && s.type <= FRAME_L4);
    }
}

/* ---- rounds ---- */

static bool is_sent(uint64_t m)
{
    union frame_state s = mfn_to_frame(mfn(m))->state;

    return s.owner == 1 && s.refs && !s.shared && m2p[m] < log_of(domains[1])->nr_pfns;
}

static struct sent look(uint64_t m)
{
    union frame_state s = mfn_to_frame(mfn(m))->state;
    struct sent now = { .pfn = m2p[m], .valid = true };

    if (s.progress == FRAME_VALID && s.type >= FRAME_L1 && s.type <= FRAME_L4) {
        now.type = s.type;
        now.pinned = s.pinned;
    }
    memcpy(now.words, mfn_to_virt(mfn(m)), PAGE_SIZE);
    if (s.type == FRAME_L4 && s.progress != FRAME_INVALID) /* ours are not sent */
        memset(&now.words[HV_SLOT_FIRST], 0,
               (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(now.words[0]));
    return now;
}

/* May the control domain write it at any time, by an entry of its own? */
static bool is_held_open(uint64_t m)
{
    for (uint64_t f = RAM_START; f < RAM_END; f++) {
        union frame_state s = mfn_to_frame(mfn(f))->state;
        const pte_t *e = mfn_to_virt(mfn(f));

        if (s.owner != 0 || s.refs == 0 || s.type != FRAME_L1 || s.progress != FRAME_VALID)
            continue;
        for (unsigned int i = 0; i < PTES_PER_TABLE; i++)
            if (pte_mfn(e[i]).v == m && e[i] & PTE_PRESENT && e[i] & PTE_WRITE)
                return true;
    }
    return false;
}

static void send_pages(bool all)
{
    for (uint64_t m = RAM_START; m < RAM_END; m++)
        if (is_sent(m) && (all || bitmap[m2p[m] / 64] >> m2p[m] % 64 & 1)) {
            elsewhere[m] = look(m);
            pages_sent++;
        }
}

static void compare_all(void)
{
    for (uint64_t m = RAM_START; m < RAM_END; m++) {
        struct sent now;

        if (!is_sent(m))
            continue;
        now = look(m);
        if (memcmp(&now, &elsewhere[m], sizeof(now)) == 0)
            continue;
        if (is_held_open(m))
            continue;
        fail_msg("frame %#lx, number %lu, type %u, was written behind our back (%s)", m, m2p[m],
                 now.type, elsewhere[m].valid ? "after it was sent" : "and never sent");
    }
    arrivals_compared++;
}

/* One operation, with its continuations; true if nobody came in between. */
static bool run_op(struct xen_domctl *op, int *rc)
{
    bool alone = true;

    for (;;) {
        run_on(0);
        *rc = pv_shadow_op(domains[1], op);
        if (*rc != -ERESTART || below(8) == 0)
            check_everything();
        if (*rc != -ERESTART)
            return alone;
        if (below(3) == 0) {
            migrate_others();
            alone = false;
        }
    }
}

static bool do_op(unsigned int which, unsigned int mode, int *rc)
{
    struct xen_domctl op = { .u.shadow_op = { .op = which, .mode = mode, .pages = 64 } };
    bool alone;

    set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, (uint8_t *)bitmap);
    memset(bitmap, 0xff, sizeof(bitmap));
    alone = run_op(&op, rc);
    if (*rc == 0 && which == XEN_DOMCTL_SHADOW_OP_CLEAN) {
        assert_int_equal(op.u.shadow_op.pages, OWN - 2);
        assert_int_equal(bitmap[0] >> (OWN - 2) & 0xff >> ((OWN - 2) % 8 ? (OWN - 2) % 8 : 8), 0);
        assert_int_equal(op.u.shadow_op.stats.dirty_count,
                         __builtin_popcountl(bitmap[0] & ((1UL << (OWN - 2)) - 1)));
    }
    return alone;
}

static void turn_off(void)
{
    int rc;

    (void)do_op(XEN_DOMCTL_SHADOW_OP_OFF, 0, &rc);
    assert_int_equal(rc, 0);
    assert_null(log_of(domains[1]));
    on = false;
}

static void turn_on(void)
{
    int rc;

    /* The guest may write that; two frames are not to be logged. */
    domains[1]->shared_info->arch.max_pfn = below(8) ? OWN - 2 : random64();
    (void)do_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0, &rc);
    if (rc == -E2BIG)
        return;
    if (rc == -ENOMEM) {
        assert_true(hoarded);
        turn_off();
        return;
    }
    assert_int_equal(rc, 0);
    on = true;
    memset(elsewhere, 0, sizeof(elsewhere));
    send_pages(true);
}

static void round_trip(void)
{
    bool last = below(4) == 0, alone;
    unsigned int faults = fault_one_in;
    int rc;

    if (below(8) == 0) {
        (void)do_op(XEN_DOMCTL_SHADOW_OP_PEEK, 0, &rc);
        assert_true(rc == 0 || rc == -EFAULT || rc == -ENOMEM);
    }
    fault_one_in = below(4) ? 0 : faults;
    alone = do_op(XEN_DOMCTL_SHADOW_OP_CLEAN, last ? XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL : 0, &rc);
    fault_one_in = faults;
    if (rc) {
        assert_true(rc == -EFAULT || rc == -ENOMEM);
        turn_off();
        return;
    }
    rounds_done++;
    send_pages(false);
    if (alone)
        compare_all();
}

/* Nothing is free for a while. */
static void hoard_memory(void)
{
    while (hoarded) {
        frames_free(hoard[--hoarded], 0);
        held_back = false;
    }
    held_back = !held_back && below(2);
    for (; held_back; hoarded++) {
        hoard[hoarded] = frames_alloc(0, ALLOC_NO_SCRUB, NUMA_ANY);
        if (hoard[hoarded].v == INVALID_MFN.v || (hoarded > RAM_END - RAM_START - 120 && below(2)))
            break;
    }
    if (held_back && hoard[hoarded].v != INVALID_MFN.v)
        hoarded++;
}

void migrate_step(void)
{
    if (below(30) == 0)
        hoard_memory();
    if (!on && below(10) == 0)
        turn_on();
    else if (on && below(60) == 0)
        turn_off();
    else if (on && below(10) == 0)
        round_trip();
}

void migrate_finish(void)
{
    on = false;
    while (hoarded)
        frames_free(hoard[--hoarded], 0);
}
