/*
 * The frame table's state machine: references, types, and the checks behind page-table types.
 * Every change is one compare-and-swap of the frame's state word; see
 * docs/design/pv-memory-safety.md for the rules. Page-table types change only under their owner's
 * LOCK_PV_MM, so the partial states have one writer; references and FRAME_WRITABLE need no lock.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>

unsigned int domains_logged;

static union frame_state frame_read(const struct frame *f)
{
    return (union frame_state){ .raw = __atomic_load_n(&f->state.raw, __ATOMIC_ACQUIRE) };
}

static bool frame_cas(struct frame *f, union frame_state *old, union frame_state new)
{
    return __atomic_compare_exchange_n(&f->state.raw, &old->raw, new.raw, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_ACQUIRE);
}

static bool needs_check(enum frame_type type)
{
    return type != FRAME_NONE && type != FRAME_WRITABLE;
}

/* The state as one number, for the paths that every page-table update takes. */
#define ONE_REF    ((union frame_state){ .refs = 1 }.raw)
#define ONE_TYPE   ((union frame_state){ .types = 1 }.raw)
#define REFS_MASK  ((union frame_state){ .refs = (1U << 25) - 1 }.raw)
#define OWNER_MASK ((union frame_state){ .owner = 0x7fff }.raw)
#define USE_MASK   ((union frame_state){ .owner = 0x7fff, .type = 7, .progress = 7 }.raw)
#define TYPES_END  ((union frame_state){ .types = FRAME_TYPES_MAX }.raw)

static bool cas_raw(struct frame *f, uint64_t *old, uint64_t new)
{
    return __atomic_compare_exchange_n(&f->state.raw, old, new, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_ACQUIRE);
}

/* One more reference fits, and there is one. */
static bool refs_open(uint64_t raw)
{
    return (raw & REFS_MASK) - 1 < FRAME_REFS_MAX - 1;
}

int frame_get(struct frame *f, const struct domain *owner)
{
    uint64_t raw = READ_ONCE(f->state.raw), wanted = (union frame_state){ .owner = owner->id }.raw;

    while ((raw & OWNER_MASK) == wanted && refs_open(raw))
        if (cas_raw(f, &raw, raw + ONE_REF))
            return 0;
    if ((raw & OWNER_MASK) == wanted && raw & REFS_MASK)
        return -EOVERFLOW;
    return -EPERM;
}

struct domain *frame_owner(const struct frame *f)
{
    union frame_state s = frame_read(f);

    /* The frame counts in the domain's totals, which keep the domain alive. */
    return s.owner < DOMID_FIRST_RESERVED ? domain_find((domid_t)s.owner) : NULL;
}

/* The last reference went. */
static void release(struct frame *f, union frame_state s)
{
    struct domain *d = domain_find((domid_t)s.owner);
    bool last;

    BUG_ON(!d);
    arch_tlb_sync(d);
    spin_lock(&d->mem->lock);
    if (s.shared) {
        last = --d->mem->shared_pages == 0 && d->mem->tot_pages == 0;
    } else {
        frame_list_del(&d->mem->given_up, f);
        last = --d->mem->tot_pages == 0 && d->mem->shared_pages == 0;
    }
    spin_unlock(&d->mem->lock);
    frames_free(frame_to_mfn(f), 0);
    if (last)
        domain_put(d); /* what it held for having memory */
}

void frame_put(struct frame *f)
{
    union frame_state s = frame_read(f), n;

    do {
        BUG_ON(s.refs == 0);
        n = s;
        n.refs--;
    } while (!frame_cas(f, &s, n));
    if (n.refs == 0) {
        BUG_ON(n.progress != FRAME_INVALID && !n.shared);
        release(f, n);
    }
}

/* Leave a busy frame in its next state. A partial state holds a reference of its own. */
static void settle(struct frame *f, enum frame_progress progress, unsigned int types,
                   bool was_partial)
{
    bool partial =
        progress == FRAME_PROMOTING || progress == FRAME_UNDOING || progress == FRAME_DEMOTING;
    union frame_state s = frame_read(f), n;

    do {
        n = s;
        n.progress = progress;
        n.types = types;
        n.refs += partial && !was_partial;
    } while (!frame_cas(f, &s, n));
    if (was_partial && !partial)
        frame_put(f);
}

/* Release the entries below `done` after a failed check. */
static int undo(struct frame *f, enum frame_type type, unsigned int done, bool was_partial,
                int error)
{
    if (arch_frame_demote(f, type, &done) == -ERESTART) {
        settle(f, FRAME_UNDOING, done, was_partial);
        return -ERESTART;
    }
    settle(f, FRAME_INVALID, 0, was_partial);
    return error;
}

static int promote(struct frame *f, enum frame_type type, unsigned int done, bool was_partial)
{
    int rc = arch_frame_promote(f, type, &done);

    if (rc == 0)
        settle(f, FRAME_VALID, 1, was_partial);
    else if (rc == -ERESTART)
        settle(f, FRAME_PROMOTING, done, was_partial);
    else
        rc = undo(f, type, done, was_partial, rc);
    return rc;
}

static int demote(struct frame *f, enum frame_type type, unsigned int done, bool was_partial)
{
    int rc = arch_frame_demote(f, type, &done);

    settle(f, rc == -ERESTART ? FRAME_DEMOTING : FRAME_INVALID, rc == -ERESTART ? done : 0,
           was_partial);
    return rc;
}

/* Whoever could still write through an old translation must not: neither to a table that is about
 * to be trusted, nor may a table that stopped being one still be walked while it is written. */
static bool must_flush(union frame_state s, enum frame_type type)
{
    return s.progress == FRAME_INVALID && s.type != type && s.type != FRAME_NONE;
}

/* A frame that nobody uses as its type: the first state towards another. */
static union frame_state begin_type(union frame_state s, enum frame_type type)
{
    bool flush = must_flush(s, type);

    s.type = type;
    s.types = 0;
    if (needs_check(type)) {
        s.progress = FRAME_BUSY;
    } else if (flush) {
        s.progress = FRAME_FLUSHING;
    } else {
        s.progress = FRAME_VALID;
        s.types = 1;
    }
    return s;
}

int frame_get_type(struct frame *f, enum frame_type type)
{
    union frame_state s = frame_read(f), n;

    do {
        while (s.progress == FRAME_FLUSHING) {
            cpu_relax();
            s = frame_read(f);
        }
        n = s;
        switch ((enum frame_progress)s.progress) {
        case FRAME_VALID:
            if (s.type != type)
                return -EBUSY;
            if (s.types >= FRAME_TYPES_MAX)
                return -EOVERFLOW;
            n.types++;
            break;
        case FRAME_INVALID:
            if (needs_check(type) && !s.allocated)
                return -EINVAL; /* its domain has given it up */
            n = begin_type(s, type);
            break;
        case FRAME_PROMOTING:
        case FRAME_UNDOING:
            if (s.type != type)
                return -EBUSY;
            n.progress = FRAME_BUSY;
            n.types = 0;
            break;
        default:
            return -EBUSY;
        }
    } while (!frame_cas(f, &s, n));

    if (must_flush(s, type)) {
        struct domain *d = frame_owner(f);

        if (d)
            arch_tlb_sync(d);
    }
    if (n.progress == FRAME_FLUSHING)
        settle(f, FRAME_VALID, 1, false);
    if (n.progress != FRAME_BUSY)
        return 0;
    if (s.progress == FRAME_UNDOING)
        return undo(f, type, s.types, true, -EINVAL);
    return promote(f, type, s.progress == FRAME_PROMOTING ? s.types : 0,
                   s.progress == FRAME_PROMOTING);
}

int frame_put_type(struct frame *f)
{
    union frame_state s = frame_read(f), n;

    do {
        n = s;
        if (s.progress == FRAME_VALID) {
            if (s.types > 1 || !needs_check(s.type)) {
                n.types--;
                n.progress = n.types ? FRAME_VALID : FRAME_INVALID;
            } else {
                n.types = 0;
                n.progress = FRAME_BUSY;
            }
        } else {
            BUG_ON(s.progress != FRAME_DEMOTING);
            n.types = 0;
            n.progress = FRAME_BUSY;
        }
    } while (!frame_cas(f, &s, n));
    if (n.progress != FRAME_BUSY)
        return 0;
    return demote(f, s.type, s.progress == FRAME_DEMOTING ? s.types : arch_frame_entries(s.type),
                  s.progress == FRAME_DEMOTING);
}

/* The usual case in one step: it is mapped writable already. */
int frame_get_writable(struct frame *f, const struct domain *owner)
{
    uint64_t raw = READ_ONCE(f->state.raw);
    uint64_t use =
        (union frame_state){ .owner = owner->id, .type = FRAME_WRITABLE, .progress = FRAME_VALID }
            .raw;
    int rc;

    while ((raw & USE_MASK) == use && refs_open(raw) && raw < TYPES_END)
        if (cas_raw(f, &raw, raw + ONE_REF + ONE_TYPE))
            return 0;
    rc = frame_get(f, owner);
    if (rc)
        return rc;
    rc = frame_get_type(f, FRAME_WRITABLE);
    if (rc)
        frame_put(f);
    return rc;
}

void frame_put_unwritten(struct frame *f)
{
    uint64_t raw = READ_ONCE(f->state.raw);
    int rc;

    while (raw >= 2 * ONE_TYPE && (raw & REFS_MASK) > 1)
        if (cas_raw(f, &raw, raw - ONE_REF - ONE_TYPE))
            return;
    rc = frame_put_type(f);
    BUG_ON(rc != 0);
    frame_put(f);
}

void frame_put_writable(struct frame *f)
{
    frame_dirtied(f);
    frame_put_unwritten(f);
}

int frame_settle(struct frame *f)
{
    union frame_state s = frame_read(f), n = s;

    /* FRAME_DEMOTING is not ours to finish: who dropped the type calls frame_put_type() again. */
    if (s.progress != FRAME_PROMOTING && s.progress != FRAME_UNDOING)
        return 0;
    n.progress = FRAME_BUSY;
    n.types = 0;
    if (!frame_cas(f, &s, n))
        return -ERESTART;
    return undo(f, s.type, s.types, true, 0);
}

void frames_assign(struct frame *first, uint64_t count, struct domain *d)
{
    union frame_state s = { .refs = 1, .allocated = 1, .owner = d->id };

    if (d->mem->tot_pages == 0 && d->mem->shared_pages == 0)
        __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
    d->mem->tot_pages += count;
    frame_list_add_run(&d->mem->pages, first, count);
    for (uint64_t i = 0; i < count; i++)
        __atomic_store_n(&first[i].state.raw, s.raw, __ATOMIC_RELEASE);
}

void frame_share(struct frame *f, struct domain *d, bool readonly)
{
    /* One of its types is ours for good: what we write to never becomes a page table. Read-only
     * ones have a type that nobody asks for. */
    union frame_state s = { .refs = 1,
                            .shared = 1,
                            .owner = d->id,
                            .type = readonly ? FRAME_NONE : FRAME_WRITABLE,
                            .progress = FRAME_VALID,
                            .types = 1 };

    spin_lock(&d->mem->lock);
    if (d->mem->shared_pages++ == 0 && d->mem->tot_pages == 0)
        __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&d->mem->lock);
    __atomic_store_n(&f->state.raw, s.raw, __ATOMIC_RELEASE);
}

void frame_unshare(struct frame *f)
{
    frame_put(f);
}
