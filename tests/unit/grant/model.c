/*
 * Random operations of three domains against a model: what each entry says, who has mapped what.
 * The model foretells the status of every operation, and after each one what every frame counts and
 * every entry shows. Entries change only while they are not in use; what happens to those that do
 * not care is tested elsewhere.
 */
#include "grant_test.h"

#define DOMAINS 3U
#define REFS    20U /* 0-19, of which the first 8 survive a change of version */
#define FRAMES  12U /* a domain's */
#define HANDLES 60U
#define STEPS   40000U

enum kind { NOTHING, WHOLE, PART, PASSED_ON, ACCEPTS, NR_KINDS };

struct entry {
    enum kind kind;
    unsigned int to; /* a domain */
    mfn_t frame;
    bool read_only;
    unsigned int start, length;  /* PART */
    unsigned int next, next_ref; /* PASSED_ON */
};

static struct domain *who[DOMAINS];
static unsigned int version[DOMAINS];
static void *table[DOMAINS];
static grant_status_t *status[DOMAINS];
static struct entry entries[DOMAINS][REFS];
static mfn_t frames[DOMAINS * FRAMES];

static struct held {
    unsigned int grantee, granter, ref;
    mfn_t frame;
    bool write;
    struct gnttab_map_grant_ref op;
} held[HANDLES];
static unsigned int nr_held;

static unsigned int below(unsigned int n)
{
    return (unsigned int)rand() % n;
}

static unsigned int running(void)
{
    return world.running->domain->id;
}

/* ---- what the model knows ---- */

static unsigned int uses(unsigned int granter, unsigned int ref, bool write)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < nr_held; i++)
        n += held[i].granter == granter && held[i].ref == ref && held[i].write == write;
    return n;
}

static bool in_use(unsigned int granter, unsigned int ref)
{
    return uses(granter, ref, false) || uses(granter, ref, true);
}

static const struct held *user(unsigned int granter, unsigned int ref)
{
    for (unsigned int i = 0; i < nr_held; i++)
        if (held[i].granter == granter && held[i].ref == ref)
            return &held[i];
    return NULL;
}

static struct world_frame *frame_of(mfn_t frame)
{
    return &world.frame[frame.v];
}

/* Whose it is; a frame that was lost is nobody's. */
static bool owns(unsigned int d, mfn_t frame)
{
    return frame_of(frame)->in_use && frame_of(frame)->owner == d;
}

/* ---- an entry, as its domain writes it ---- */

static void write_v1(unsigned int d, unsigned int ref, uint16_t flags)
{
    const struct entry *e = &entries[d][ref];
    struct grant_entry_v1 *v1 = (struct grant_entry_v1 *)table[d] + ref;

    v1->domid = (domid_t)e->to;
    v1->frame = (uint32_t)e->frame.v;
    v1->flags = flags;
}

static void write_v2(unsigned int d, unsigned int ref, uint16_t flags)
{
    const struct entry *e = &entries[d][ref];
    union grant_entry_v2 *v2 = (union grant_entry_v2 *)table[d] + ref;

    v2->full_page.frame = e->frame.v;
    if (e->kind == PART) {
        v2->sub_page.page_off = (uint16_t)e->start;
        v2->sub_page.length = (uint16_t)e->length;
    } else if (e->kind == PASSED_ON) {
        v2->transitive.trans_domid = (domid_t)e->next;
        v2->transitive.gref = e->next_ref;
    }
    v2->hdr = (struct grant_entry_header){ flags, (domid_t)e->to };
}

static void write_entry(unsigned int d, unsigned int ref)
{
    static const uint16_t kinds[NR_KINDS] = { GTF_invalid, GTF_permit_access,
                                              GTF_permit_access | GTF_sub_page, GTF_transitive,
                                              GTF_accept_transfer };
    struct entry *e = &entries[d][ref];
    uint16_t flags = kinds[e->kind] | (e->read_only ? GTF_readonly : 0);

    if (version[d] == 1)
        write_v1(d, ref, flags);
    else
        write_v2(d, ref, flags);
}

static void change_entry(unsigned int d, unsigned int ref)
{
    struct entry *e = &entries[d][ref];

    if (in_use(d, ref))
        return;
    *e = (struct entry){
        .kind = below(3) ? WHOLE : below(version[d] == 1 ? 2 : NR_KINDS),
        .to = below(DOMAINS),
        .frame = frames[below(8) ? d * FRAMES + below(FRAMES) : below(DOMAINS * FRAMES)],
        .read_only = below(4) == 0,
        .start = below(PAGE_SIZE),
        .length = below(PAGE_SIZE),
        .next = below(DOMAINS + 1),
        .next_ref = below(REFS),
    };
    if (below(16) == 0)
        e->kind = ACCEPTS;
    if (e->kind == ACCEPTS)
        e->read_only = false;
    write_entry(d, ref);
}

/* ---- what must come of a use ---- */

static int foretell_frame(unsigned int granter, const struct entry *e, bool write)
{
    if (!owns(granter, e->frame))
        return GNTST_bad_page;
    return write && frame_of(e->frame)->is_table ? GNTST_general_error : GNTST_okay;
}

static int foretell_pin(unsigned int granter, unsigned int ref, unsigned int grantee, bool write,
                        bool map)
{
    const struct entry *e = &entries[granter][ref];
    const struct held *other = user(granter, ref);
    bool copies_only = e->kind == PART || e->kind == PASSED_ON;

    if (other && other->grantee != grantee)
        return GNTST_general_error;
    if (e->kind == NOTHING || e->kind == ACCEPTS || (map && copies_only) || e->to != grantee ||
        (write && e->read_only))
        return GNTST_general_error;
    return e->kind == PASSED_ON ? GNTST_okay : foretell_frame(granter, e, write);
}

/* `grantee` copies by it: the entry that holds the frame. */
static int foretell_copy(unsigned int granter, unsigned int ref, unsigned int grantee, bool write,
                         const struct entry **out)
{
    const struct entry *e = &entries[granter][ref];
    int rc = foretell_pin(granter, ref, grantee, write, false);

    *out = e;
    if (rc || e->kind != PASSED_ON)
        return rc;
    if (e->next == granter)
        return GNTST_general_error;
    if (e->next >= DOMAINS)
        return GNTST_bad_domain;
    *out = &entries[e->next][e->next_ref];
    rc = foretell_pin(e->next, e->next_ref, granter, write, false);
    return rc ? rc : (*out)->kind == PASSED_ON ? GNTST_general_error : GNTST_okay;
}

/* ---- the operations ---- */

static void try_map(unsigned int granter, unsigned int ref, unsigned int flags)
{
    bool write = !(flags & GNTMAP_readonly);
    int want = foretell_pin(granter, ref, running(), write, true);
    struct gnttab_map_grant_ref a;

    if (nr_held == HANDLES)
        return;
    if (!(flags & (GNTMAP_host_map | GNTMAP_device_map)))
        want = GNTST_bad_gntref;
    a = map((domid_t)granter, ref, flags);
    assert_int_equal(a.status, want);
    if (want)
        return;
    assert_int_equal(a.dev_bus_addr >> PAGE_SHIFT, entries[granter][ref].frame.v);
    held[nr_held++] =
        (struct held){ running(), granter, ref, entries[granter][ref].frame, write, a };
}

static void try_unmap(void)
{
    struct held *h = &held[nr_held ? below(nr_held) : 0];

    if (!nr_held)
        return;
    world_be(who[h->grantee], 0);
    assert_int_equal(unmap(h->op.handle, h->op.host_addr, h->op.dev_bus_addr), GNTST_okay);
    assert_int_equal(unmap(h->op.handle, h->op.host_addr, h->op.dev_bus_addr), GNTST_bad_handle);
    *h = held[--nr_held];
}

static bool fits(const struct entry *e, unsigned int offset, unsigned int len)
{
    return e->kind != PART || (offset >= e->start && offset + len <= e->start + e->length);
}

static void try_copy(unsigned int granter, unsigned int ref, bool write)
{
    mfn_t own = frames[running() * FRAMES + below(FRAMES)];
    unsigned int offset = below(PAGE_SIZE);
    struct gnttab_copy_ptr theirs = { .u.ref = ref,
                                      .domid = (domid_t)granter,
                                      .offset = (uint16_t)offset };
    struct gnttab_copy_ptr ours = { .u.gmfn = own.v, .domid = DOMID_SELF };
    struct gnttab_copy c = { .source = write ? ours : theirs,
                             .dest = write ? theirs : ours,
                             .len = (uint16_t)below(below(2) ? 16 : 4096),
                             .flags = write ? GNTCOPY_dest_gref : GNTCOPY_source_gref,
                             .status = 99 };
    int ours_want = !owns(running(), own)               ? GNTST_bad_page
                    : !write && frame_of(own)->is_table ? GNTST_general_error
                                                        : GNTST_okay;
    const struct entry *e;
    int want = foretell_copy(granter, ref, running(), write, &e);

    if (write ? ours_want : !want) /* the source comes first */
        want = ours_want;
    if (!want && !fits(e, offset, c.len))
        want = GNTST_general_error;
    if (offset + c.len > PAGE_SIZE)
        want = GNTST_bad_copy_arg;
    for (unsigned int i = 0; !want && i < c.len && i < 4096 - offset; i++)
        ((char *)mfn_to_virt(write ? own : e->frame))[write ? i : offset + i] = (char)rand();
    assert_int_equal(op(GNTTABOP_copy, &c, 1), 0);
    assert_int_equal(c.status, want);
    if (!want && own.v != e->frame.v)
        assert_memory_equal((char *)mfn_to_virt(own), (char *)mfn_to_virt(e->frame) + offset,
                            c.len);
}

static void try_transfer(unsigned int to, unsigned int ref)
{
    mfn_t *place = &frames[running() * FRAMES + below(FRAMES)], frame = *place;
    const struct world_frame *f = frame_of(frame);
    struct entry *e = &entries[to][ref];
    struct gnttab_transfer t = { .mfn = frame.v, .domid = (domid_t)to, .ref = ref, .status = 99 };
    int want = GNTST_general_error;

    if (!owns(running(), frame) || f->refs != 1 || f->writers || f->is_table)
        want = GNTST_bad_page;
    else if (!in_use(to, ref) && e->kind == ACCEPTS && e->to == running())
        want = GNTST_okay;
    assert_int_equal(op(GNTTABOP_transfer, &t, 1), 0);
    assert_int_equal(t.status, want);
    if (want == GNTST_bad_page)
        return;
    if (want == GNTST_okay) {
        assert_true(owns(to, frame));
        e->kind = NOTHING; /* it accepts no other */
        write_entry(to, ref);
    }
    /* Its place is taken by a new one. */
    *place = world_page(who[running()]);
}

static void try_version(unsigned int d)
{
    struct gnttab_set_version s = { .version = 3 - version[d] };
    long want = 0;

    for (unsigned int ref = 0; ref < REFS && !want; ref++)
        if (ref >= GNTTAB_NR_RESERVED_ENTRIES && in_use(d, ref))
            want = -EBUSY;
    for (unsigned int ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES && !want; ref++)
        if (entries[d][ref].kind != NOTHING && entries[d][ref].kind != WHOLE)
            want = -EINVAL;
    world_be(who[d], 0);
    assert_int_equal(op(GNTTABOP_set_version, &s, 1), want);
    if (want)
        return;
    version[d] = 3 - version[d];
    for (unsigned int ref = GNTTAB_NR_RESERVED_ENTRIES; ref < REFS; ref++)
        entries[d][ref].kind = NOTHING;
    if (version[d] == 2) {
        mfn_t m;

        assert_int_equal(grant_get_status_frame(who[d], 0, &m), 0);
        status[d] = mfn_to_virt(m);
    }
}

static void try_swap(unsigned int d, unsigned int a, unsigned int b)
{
    struct gnttab_swap_grant_ref s = { .ref_a = a, .ref_b = b, .status = 99 };
    int want = in_use(d, a) || in_use(d, b) ? GNTST_eagain : GNTST_okay;
    struct entry tmp = entries[d][a];

    world_be(who[d], 0);
    assert_int_equal(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    assert_int_equal(s.status, want);
    if (want)
        return;
    entries[d][a] = entries[d][b];
    entries[d][b] = tmp;
}

/* ---- after each step ---- */

static void compare(void)
{
    for (unsigned int i = 0; i < DOMAINS * FRAMES + nr_held; i++) {
        mfn_t m = i < nr_held ? held[i].frame : frames[i - nr_held];
        int refs = 1, writers = 0;

        for (unsigned int k = 0; k < nr_held; k++) {
            refs += held[k].frame.v == m.v;
            writers += held[k].frame.v == m.v && held[k].write;
        }
        assert_int_equal(frame_of(m)->refs, refs);
        assert_int_equal(frame_of(m)->writers, writers);
    }
    for (unsigned int d = 0; d < DOMAINS; d++)
        for (unsigned int ref = 0; ref < REFS; ref++) {
            uint16_t marks =
                version[d] == 1 ? ((struct grant_entry_v1 *)table[d])[ref].flags : status[d][ref];

            assert_int_equal(!!(marks & GTF_reading) && (marks & 3) != GTF_accept_transfer,
                             in_use(d, ref));
            assert_int_equal(!!(marks & GTF_writing), uses(d, ref, true) > 0);
        }
}

static void step(void)
{
    unsigned int d = below(DOMAINS), ref = below(REFS);

    world_be(who[below(DOMAINS)], 0);
    switch (below(12)) {
    case 0:
    case 1:
        change_entry(d, ref);
        break;
    case 2:
    case 3:
    case 4:
        try_map(d, ref, below(8) | (below(2) ? GNTMAP_contains_pte : 0));
        break;
    case 5:
    case 6:
        try_unmap();
        break;
    case 7:
    case 8:
    case 9:
        try_copy(d, ref, below(2));
        break;
    case 10:
        try_transfer(d, ref);
        break;
    default:
        if (below(2))
            try_swap(d, ref, below(REFS));
        else if (below(8) == 0)
            try_version(d);
    }
}

static void test_model(void **state)
{
    (void)state;
    who[0] = dom0;
    who[1] = dom1;
    who[2] = dom2;
    srand(20);
    nr_held = 0;
    memset(entries, 0, sizeof(entries));
    for (unsigned int d = 0; d < DOMAINS; d++) {
        xen_pfn_t frame;

        world_be(who[d], 0);
        assert_int_equal(setup_table(DOMID_SELF, 1, &frame), GNTST_okay);
        table[d] = mfn_to_virt(mfn(frame));
        version[d] = 1;
        for (unsigned int i = 0; i < FRAMES; i++)
            frames[d * FRAMES + i] = world_page(who[d]);
        frame_of(frames[d * FRAMES])->is_table = true;
    }
    for (unsigned int n = 0; n < STEPS; n++) {
        step();
        compare();
    }
    assert_true(nr_held > 0);
}

const struct CMUnitTest tests_model[] = { T(model) };
const size_t nr_tests_model = ARRAY_SIZE(tests_model);
