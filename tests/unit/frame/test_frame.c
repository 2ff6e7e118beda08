/*
 * The states of a frame against a model that only knows what the callers hold. The architecture is
 * a fake one: tables of eight entries, whose check fails or is preempted at any of them.
 */
#include "../harness/memory.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include "../fake/hv.h"
#include "../../../hypervisor/core/mem/internal.h"

#define FRAMES  6U
#define ENTRIES 8U

static const struct memory_range machine[] = { { 0x100, 0x200, 0 } };

static struct domain domain = { .id = 5, .refs = 1 }, other = { .id = 6, .refs = 1 };

/* What the model expects of a frame. */
static struct model {
    mfn_t m;
    unsigned int refs, types; /* held by the test; each type has a reference */
    enum frame_type type;
    enum frame_progress progress;
    bool held[ENTRIES]; /* by the fake architecture */
} model[FRAMES];

static unsigned int syncs, preempt_one_in, fail_one_in;
static bool failed;

/* ---- the rest of the world ---- */

struct domain *domain_find(domid_t id)
{
    return id == 5 ? &domain : id == 6 ? &other : NULL;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs-- > 1);
}

void arch_tlb_sync(struct domain *d)
{
    assert_true(d == &domain || d == &other);
    syncs++;
}

bool claim_use(struct domain *d, uint64_t frames, uint64_t *claimed)
{
    (void)d;
    *claimed = 0;
    return frames_reserve(frames);
}

void claim_unuse(struct domain *d, uint64_t frames, uint64_t claimed)
{
    (void)d;
    frames_unreserve(frames - claimed);
}

void claim_drop(struct domain *d)
{
    (void)d;
}

void vnuma_drop(struct domain *d)
{
    (void)d;
}

static gfn_t gfn_set;

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    (void)m;
    gfn_set = g;
}

int arch_frame_relinquish(struct domain *d, struct frame *f)
{
    (void)d;
    return frame_settle(f);
}

unsigned int arch_frame_entries(enum frame_type type)
{
    (void)type;
    return ENTRIES;
}

static bool one_in(unsigned int n)
{
    return n && below(n) == 0;
}

static struct model *model_of(const struct frame *f)
{
    unsigned int i = 0;

    while (model[i].m.v != frame_to_mfn(f).v)
        assert_true(++i < FRAMES);
    return &model[i];
}

int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done)
{
    struct model *x = model_of(f);

    assert_int_equal(f->state.progress, FRAME_BUSY);
    assert_int_equal(f->state.type, type);
    for (; *done < ENTRIES; ++*done) {
        if (one_in(preempt_one_in))
            return -ERESTART;
        if (one_in(fail_one_in)) {
            failed = true;
            return -EINVAL;
        }
        assert_false(x->held[*done]);
        x->held[*done] = true;
    }
    return 0;
}

int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done)
{
    struct model *x = model_of(f);

    assert_int_equal(f->state.progress, FRAME_BUSY);
    assert_int_equal(f->state.type, type);
    for (; *done > 0; --*done) {
        if (one_in(preempt_one_in))
            return -ERESTART;
        assert_true(x->held[*done - 1]);
        x->held[*done - 1] = false;
    }
    return 0;
}

/* ---- checks ---- */

static struct frame *frame_of(const struct model *x)
{
    return mfn_to_frame(x->m);
}

static bool is_partial(enum frame_progress p)
{
    return p == FRAME_PROMOTING || p == FRAME_UNDOING || p == FRAME_DEMOTING;
}

static void check(const struct model *x)
{
    union frame_state s = frame_of(x)->state;
    unsigned int held = 0;

    assert_int_equal(s.refs, x->refs + is_partial(x->progress));
    assert_int_equal(s.progress, x->progress);
    if (x->progress != FRAME_INVALID)
        assert_int_equal(s.type, x->type);
    while (held < ENTRIES && x->held[held])
        held++;
    for (unsigned int i = held; i < ENTRIES; i++)
        assert_false(x->held[i]);
    if (x->progress == FRAME_VALID) {
        assert_int_equal(s.types, x->types);
        assert_int_equal(held, x->type == FRAME_WRITABLE ? 0 : ENTRIES);
    } else {
        assert_int_equal(x->types, 0);
        assert_int_equal(held, is_partial(x->progress) ? s.types : 0);
    }
}

static void fresh(struct model *x)
{
    memset(x, 0, sizeof(*x));
    assert_int_equal(domain_populate(&domain, 0, 0, NUMA_ANY, INVALID_GFN, &x->m), 0);
    x->refs = 1;
}

static int setup(void **state)
{
    (void)state;
    memory_seed = 1;
    preempt_one_in = fail_one_in = 0;
    memory_reset(machine, 1);
    assert_int_equal(memory_part.init(&domain), 0);
    for (unsigned int i = 0; i < FRAMES; i++)
        fresh(&model[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < FRAMES; i++) {
        struct model *x = &model[i];

        while (frame_settle(frame_of(x)) == -ERESTART)
            ;
        if (x->progress == FRAME_PROMOTING || x->progress == FRAME_UNDOING)
            x->progress = FRAME_INVALID;
        while (x->types > 0 || x->progress == FRAME_DEMOTING) {
            int rc = frame_put_type(frame_of(x));

            x->types -= x->types > 0;
            x->progress = rc ? FRAME_DEMOTING : x->types ? FRAME_VALID : FRAME_INVALID;
        }
        check(x);
        while (x->refs-- > 0)
            frame_put(frame_of(x));
    }
    assert_int_equal(domain.mem->tot_pages, 0);
    assert_int_equal(domain.refs, 1);
    memory_part.free(&domain);
    memory_end();
    return 0;
}

/* ---- one operation each, and what the model makes of it ---- */

static void get_type(struct model *x, enum frame_type type)
{
    enum frame_progress before = x->progress;
    enum frame_type was = frame_of(x)->state.type;
    unsigned int expect_sync;
    int rc;

    syncs = 0;
    failed = false;
    expect_sync = before == FRAME_INVALID && was != type && was != FRAME_NONE;
    rc = frame_get_type(frame_of(x), type);
    assert_int_equal(syncs, expect_sync);
    if (before == FRAME_DEMOTING || (before != FRAME_INVALID && was != type)) {
        assert_int_equal(rc, -EBUSY);
        return;
    }
    x->type = type;
    if (rc == 0) {
        assert_true(before != FRAME_UNDOING && !failed);
        x->types++;
        x->progress = FRAME_VALID;
    } else if (rc == -EINVAL) { /* its entries were let go */
        assert_true(before == FRAME_UNDOING || failed);
        x->progress = FRAME_INVALID;
    } else {
        assert_int_equal(rc, -ERESTART);
        x->progress = failed || before == FRAME_UNDOING ? FRAME_UNDOING : FRAME_PROMOTING;
    }
}

static void put_type(struct model *x)
{
    int rc;

    if (x->progress != FRAME_VALID && x->progress != FRAME_DEMOTING)
        return;
    rc = frame_put_type(frame_of(x));
    x->types -= x->types > 0;
    x->progress = rc ? FRAME_DEMOTING : x->types ? FRAME_VALID : FRAME_INVALID;
    assert_true(rc == 0 || (rc == -ERESTART && x->types == 0 && x->type != FRAME_WRITABLE));
}

static void put_ref(struct model *x)
{
    if (x->refs <= x->types || (x->refs == 1 && is_partial(x->progress)))
        return;
    syncs = 0;
    frame_put(frame_of(x));
    if (--x->refs > 0)
        return;
    assert_int_equal(syncs, 1); /* before anyone else gets it */
    assert_int_equal(frame_of(x)->state.refs, 0);
    assert_int_equal(frame_get(frame_of(x), &domain), -EPERM);
    fresh(x);
}

static void settle_frame(struct model *x)
{
    int rc = frame_settle(frame_of(x));

    if (x->progress == FRAME_PROMOTING || x->progress == FRAME_UNDOING)
        x->progress = rc ? FRAME_UNDOING : FRAME_INVALID;
    else
        assert_int_equal(rc, 0); /* nothing of its own to finish */
}

static void random_op(struct model *x)
{
    enum frame_type type = below(3) ? FRAME_L1 + below(2) : FRAME_WRITABLE + below(6);
    int rc;

    switch (below(8)) {
    case 0:
        assert_int_equal(frame_get(frame_of(x), &domain), 0);
        x->refs++;
        assert_int_equal(frame_get(frame_of(x), &other), -EPERM);
        break;
    case 1:
        put_ref(x);
        break;
    case 2:
    case 3:
        if (x->refs > x->types)
            get_type(x, type);
        break;
    case 4:
    case 5:
        put_type(x);
        break;
    case 6:
        rc = frame_get_writable(frame_of(x), &domain);
        if (rc == 0) {
            assert_true(x->progress == FRAME_INVALID || x->type == FRAME_WRITABLE);
            *x = (struct model){
                x->m, x->refs + 1, x->types + 1, FRAME_WRITABLE, FRAME_VALID, { 0 }
            };
        } else {
            assert_int_equal(rc, -EBUSY);
            assert_true(x->progress != FRAME_INVALID && x->type != FRAME_WRITABLE);
        }
        break;
    default:
        if (below(4) == 0) {
            settle_frame(x);
        } else if (x->progress == FRAME_VALID && x->type == FRAME_WRITABLE && x->refs > 1) {
            frame_put_writable(frame_of(x));
            x->refs--;
            x->progress = --x->types ? FRAME_VALID : FRAME_INVALID;
        }
    }
}

static void random_sequences(void **state)
{
    static const unsigned int rates[][2] = { { 0, 0 }, { 3, 0 }, { 0, 20 }, { 4, 12 }, { 12, 4 } };

    (void)state;
    for (unsigned int i = 0; i < 400000; i++) {
        struct model *x = &model[below(FRAMES)];

        preempt_one_in = rates[i / 8000 % ARRAY_SIZE(rates)][0];
        fail_one_in = rates[i / 8000 % ARRAY_SIZE(rates)][1];
        random_op(x);
        check(x);
    }
    assert_int_equal(domain.mem->tot_pages, FRAMES);
}

/* ---- the corners by name ---- */

static void counts_do_not_wrap(void **state)
{
    struct model *x = &model[0];
    struct frame *f = frame_of(x);
    union frame_state before;

    (void)state;
    f->state.refs = FRAME_REFS_MAX - 1;
    assert_int_equal(frame_get(f, &domain), 0);
    before = f->state;
    assert_int_equal(frame_get(f, &domain), -EOVERFLOW);
    assert_int_equal(frame_get_writable(f, &domain), -EOVERFLOW);
    assert_int_equal(f->state.raw, before.raw);
    f->state.refs = x->refs = 1;
    for (enum frame_type type = FRAME_WRITABLE; type <= FRAME_SEGDESC; type++) {
        for (unsigned int n = 0; n < FRAME_TYPES_MAX; n++)
            assert_int_equal(frame_get_type(f, type), 0);
        before = f->state;
        assert_int_equal(frame_get_type(f, type), -EOVERFLOW);
        assert_int_equal(f->state.raw, before.raw);
        assert_int_equal(frame_get_writable(f, &domain),
                         type == FRAME_WRITABLE ? -EOVERFLOW : -EBUSY);
        assert_int_equal(f->state.raw, before.raw);
        for (unsigned int n = 0; n < FRAME_TYPES_MAX; n++)
            assert_int_equal(frame_put_type(f), 0);
        check(x);
    }
}

static void a_failed_check_ends_as_one(void **state)
{
    struct model *x = &model[0];
    struct frame *f = frame_of(x);

    (void)state;
    preempt_one_in = 2;
    fail_one_in = 2;
    while (x->progress != FRAME_UNDOING) {
        if (x->progress == FRAME_VALID || x->progress == FRAME_DEMOTING)
            put_type(x);
        else
            get_type(x, FRAME_L3);
    }
    /* From here on nothing makes it one, and it is nothing else either. */
    fail_one_in = 0;
    preempt_one_in = 1;
    assert_int_equal(frame_get_type(f, FRAME_L3), x->held[0] ? -ERESTART : -EINVAL);
    if (x->held[0]) {
        assert_int_equal(frame_get_type(f, FRAME_L2), -EBUSY);
        assert_int_equal(frame_get_writable(f, &domain), -EBUSY);
        preempt_one_in = 0;
        assert_int_equal(frame_get_type(f, FRAME_L3), -EINVAL);
    }
    x->progress = FRAME_INVALID;
    check(x);
}

static void shared_pages(void **state)
{
    void *page = mfn_to_virt(frames_alloc(0, 0, NUMA_ANY));
    struct frame *f = mfn_to_frame(virt_to_mfn(page));
    uint64_t before = frames_free_count();

    (void)state;
    for (unsigned int readonly = 0; readonly < 2; readonly++) {
        frame_share(f, &domain, readonly);
        assert_int_equal(domain.mem->shared_pages, 1);
        assert_int_equal(frame_get(f, &domain), 0);
        /* We write to it, so it is never checked as a table. */
        for (enum frame_type type = FRAME_L1; type <= FRAME_SEGDESC; type++)
            assert_int_equal(frame_get_type(f, type), -EBUSY);
        assert_int_equal(frame_get_writable(f, &domain), readonly ? -EBUSY : 0);
        if (!readonly)
            frame_put_writable(f);
        frame_unshare(f);
        assert_int_equal(domain.mem->shared_pages, 1); /* still mapped somewhere */
        frame_put(f);
        assert_int_equal(domain.mem->shared_pages, 0);
        assert_int_equal(frames_free_count(), before + 1);
        assert_int_equal(f->state.owner, 0);
        f = mfn_to_frame(frames_alloc(0, 0, NUMA_ANY));
    }
    frames_free(frame_to_mfn(f), 0);
}

static void counts_do_not_underflow(void **state)
{
    struct frame *f = frame_of(&model[0]);

    (void)state;
    expect_panic(frame_put_writable(f), "bug");
    f->state.refs = 0;
    expect_panic(frame_put(f), "bug");
    f->state.refs = 1;
}

static void giving_up_and_dying(void **state)
{
    struct model *x = &model[0];
    struct frame *f = frame_of(x);
    int rc;

    (void)state;
    assert_int_equal(memory_part.init(&other), 0);
    assert_int_equal(domain_give_up(&other, f), -EINVAL);
    /* What it is called is its owner's to say. */
    assert_int_equal(domain_set_gfn(&domain, frame_to_mfn(f), gfn(7)), 0);
    assert_int_equal(domain_set_gfn(&other, frame_to_mfn(f), gfn(8)), -EINVAL);
    assert_int_equal(gfn_set.v, 7);
    check(x);
    memory_part.free(&other);
    f->state.pinned = 1;
    assert_int_equal(domain_give_up(&domain, f), -EINVAL);
    f->state.pinned = 0;
    /* Half checked, it cannot go. */
    preempt_one_in = 1;
    get_type(x, FRAME_L2);
    assert_int_equal(x->progress, FRAME_PROMOTING);
    assert_int_equal(domain_give_up(&domain, f), -EINVAL);
    preempt_one_in = 0;
    get_type(x, FRAME_L2);
    put_type(x);
    assert_int_equal(frame_get(f, &domain), 0); /* a mapping */
    assert_int_equal(domain_give_up(&domain, f), 0);
    assert_int_equal(domain_give_up(&domain, f), -EINVAL); /* twice */
    assert_int_equal(domain.mem->tot_pages, FRAMES);
    assert_int_equal(domain.mem->pages.count, FRAMES - 1);
    check(x);
    /* Nor does it become a table any more; but who has it mapped may write it. */
    assert_int_equal(frame_get_type(f, FRAME_L2), -EINVAL);
    assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
    assert_int_equal(frame_put_type(f), 0);
    /* Another one is being checked when the domain dies. */
    preempt_one_in = 1;
    get_type(&model[1], FRAME_L3);
    assert_int_equal(model[1].progress, FRAME_PROMOTING);
    preempt_one_in = 0;
    domain.is_dying = true;
    assert_int_equal(domain_give_up(&domain, frame_of(&model[2])), -EINVAL);
    assert_int_equal(domain_populate(&domain, 0, 0, NUMA_ANY, INVALID_GFN, &x->m), -EINVAL);
    while ((rc = memory_part.teardown(&domain)) == -ERESTART)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(domain.mem->tot_pages, 1);
    assert_int_equal(domain.mem->given_up.count, 1);
    assert_int_equal(memory_part.teardown(&domain), 0); /* again does no harm */
    domain.is_dying = false;
    x->type = FRAME_WRITABLE;
    check(x);
    frame_put(f);
    assert_int_equal(domain.mem->tot_pages, 0);
    for (unsigned int i = 0; i < FRAMES; i++)
        fresh(&model[i]);
}

/* Only what nothing refers to, and after a flush; what was taken can be had by nobody. */
static void changing_owners(void **state)
{
    struct frame *f = frame_of(&model[0]), *g = frame_of(&model[1]), *h = frame_of(&model[2]);
    uint64_t before = frames_free_count();

    (void)state;
    assert_int_equal(memory_part.init(&other), 0);
    assert_int_equal(domain_take_frame(&other, f), -EINVAL);
    assert_int_equal(frame_get(f, &domain), 0);
    assert_int_equal(domain_take_frame(&domain, f), -EINVAL); /* mapped */
    frame_put(f);
    assert_int_equal(domain_take_frame(&domain, f), 0);
    assert_int_equal(domain_take_frame(&domain, f), -EINVAL);
    assert_int_equal(frame_get(f, &domain), -EPERM);
    domain_return_frame(f);
    check(&model[0]);

    other.mem->max_pages = 1;
    syncs = 0;
    assert_int_equal(domain_take_frame(&domain, f), 0);
    assert_int_equal(domain_pass_frame(&domain, f, &other), 0);
    assert_true(syncs > 0);
    assert_int_equal(f->state.owner, 6);
    assert_int_equal(f->state.refs, 1);
    assert_int_equal(other.mem->tot_pages, 1);
    assert_int_equal(other.refs, 2);
    assert_int_equal(domain.mem->tot_pages, FRAMES - 1);
    assert_int_equal(domain_take_frame(&domain, g), 0);
    assert_int_equal(domain_pass_frame(&domain, g, &other), -EPERM); /* it has all it may have */
    assert_int_equal(frames_free_count(), before + 1);
    assert_int_equal(domain_take_frame(&domain, h), 0);
    domain_free_frame(&domain, h);
    assert_int_equal(frames_free_count(), before + 2);
    assert_int_equal(domain_take_frame(&other, f), 0);
    assert_int_equal(domain_pass_frame(&other, f, &domain), 0); /* its last */
    assert_int_equal(other.refs, 1);
    assert_int_equal(other.mem->tot_pages, 0);
    memory_part.free(&other);
    for (unsigned int i = 1; i < 3; i++)
        fresh(&model[i]);
    check(&model[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_sequences), TEST(counts_do_not_wrap),      TEST(a_failed_check_ends_as_one),
        TEST(shared_pages),     TEST(counts_do_not_underflow), TEST(giving_up_and_dying),
        TEST(changing_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
