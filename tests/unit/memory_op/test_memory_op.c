/*
 * XENMEM_*: what is counted, what is written back, and that every failure on the way (memory, guest
 * pointers, preemption, frames that are in use) leaves everything as it was.
 */
#include "../harness/memory.h"

#include <hv/arch.h>
#include <hv/control.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <xen/memory.h>
#include "../fake/hv.h"

#define END   0x3000U
#define OWN   64U
#define NOGFN (~0UL)

static const struct memory_range machine[] = { { 0x100, END, 0 } };

static struct domain dom[3] = { { .id = 0, .is_control = true, .is_hardware = true, .refs = 1 },
                                { .id = 1, .refs = 1 },
                                { .id = 2, .refs = 1 } };
static struct vcpu vcpus[3] = { { .domain = &dom[0] },
                                { .domain = &dom[1] },
                                { .domain = &dom[2] } };
static struct vcpu *running;

static uint64_t m2p[END], in[64], out[64];
static mfn_t own[OWN];
static unsigned int syncs;
static int accesses_left, work_left; /* before a fault, before preemption; -1: never */
static uint64_t continued[2];
static bool was_continued;

/* ---- the rest of the world ---- */

struct vcpu *current_vcpu(void)
{
    return running;
}

struct domain *domain_find(domid_t id)
{
    return id < 3 ? &dom[id] : NULL;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = id == DOMID_SELF ? running->domain : domain_find(id);

    if (d)
        domain_hold(d);
    return d;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs-- > 1);
}

static bool faults(guest_ptr_t p)
{
    if (p.v < PAGE_SIZE || accesses_left == 0)
        return true;
    accesses_left -= accesses_left > 0;
    return false;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (faults(src))
        return -EFAULT;
    memcpy(dst, (const void *)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (faults(dst))
        return -EFAULT;
    memcpy((void *)dst.v, src, size);
    return 0;
}

bool hypercall_preempt_check(void)
{
    return work_left >= 0 && work_left-- == 0;
}

long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    assert_int_equal(op, __HYPERVISOR_memory_op);
    assert_int_equal(nargs, 2);
    memcpy(continued, args, sizeof(continued));
    was_continued = true;
    return 0;
}

void arch_tlb_sync(struct domain *d)
{
    (void)d;
    syncs++;
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    m2p[m.v] = g.v;
}

int arch_get_guest_frame(struct domain *d, gfn_t g, struct frame **f)
{
    if (!mfn_valid(mfn(g.v)))
        return -EINVAL;
    *f = mfn_to_frame(mfn(g.v));
    return frame_get(*f, d) ? -EINVAL : 0;
}

long arch_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    (void)arg;
    return cmd == 63 ? -77 : -ENOSYS;
}

/* Frame i of a domain's table is this; the last one cannot be had. */
#define GRANT_FRAME(i) (7000 + (i))
#define GRANT_FRAMES   6U

unsigned int grant_max_frames(const struct domain *d)
{
    (void)d;
    return GRANT_FRAMES;
}

int grant_get_shared_frame(struct domain *d, unsigned long idx, mfn_t *m)
{
    assert_int_equal(d->id, 1);
    assert_in_range(idx, 0, GRANT_FRAMES - 1);
    *m = mfn(GRANT_FRAME(idx));
    return idx == GRANT_FRAMES - 1 ? -ENOMEM : 0;
}

#define STATUS_FRAME 8000

unsigned int grant_max_status_frames(const struct domain *d)
{
    (void)d;
    return 1;
}

int grant_get_status_frame(struct domain *d, unsigned long idx, mfn_t *m)
{
    assert_int_equal(d->id, 1);
    assert_int_equal(idx, 0);
    *m = mfn(STATUS_FRAME);
    return 0;
}

int arch_frame_relinquish(struct domain *d, struct frame *f)
{
    (void)d;
    return frame_settle(f);
}

unsigned int arch_frame_entries(enum frame_type type)
{
    (void)type;
    return 1;
}

int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type;
    *done = 1;
    return 0;
}

int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type;
    *done = 0;
    return 0;
}

/* ---- */

static int setup(void **state)
{
    (void)state;
    memory_seed = 1;
    memset(m2p, 0xff, sizeof(m2p));
    for (unsigned int i = 0; i < ARRAY_SIZE(dom); i++)
        assert_int_equal(memory_part.init(&dom[i]), 0);
    for (unsigned int i = 0; i < OWN; i++) {
        assert_int_equal(domain_populate(&dom[1], 0, 0, NUMA_ANY, INVALID_GFN, &own[i]), 0);
        m2p[own[i].v] = i;
    }
    running = &vcpus[1];
    accesses_left = work_left = -1;
    was_continued = false;
    syncs = 0;
    hv_free(hv_alloc(32)); /* the heap has its page for exchanges already */
    return 0;
}

/* Every frame that has no owner is free. */
static void check_counts(void)
{
    uint64_t owned[3] = { 0 }, ours = 0;

    for (uint64_t m = 0x100; m < END; m++) {
        union frame_state s = mfn_to_frame(mfn(m))->state;

        ours += s.refs && s.owner == DOMID_XEN;
        if (s.refs && s.owner < 3)
            owned[s.owner]++;
    }
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(owned[i], dom[i].mem->tot_pages);
    assert_int_equal(frames_free_count() + ours + owned[0] + owned[1] + owned[2], END - 0x100);
}

static int teardown(void **state)
{
    (void)state;
    check_counts();
    for (unsigned int i = 0; i < 3; i++) {
        int rc;

        while ((rc = memory_part.teardown(&dom[i])) == -ERESTART)
            ;
        assert_int_equal(rc, 0);
        assert_int_equal(dom[i].mem->tot_pages, 0);
        assert_int_equal(dom[i].refs, 1);
        memory_part.free(&dom[i]);
    }
    return 0;
}

static long call(unsigned int op, const void *arg)
{
    long rc = do_memory_op(op, guest_ptr(arg));

    while (was_continued) {
        was_continued = false;
        rc = do_memory_op(continued[0], (guest_ptr_t){ continued[1] });
    }
    return rc;
}

static struct xen_memory_reservation reservation(unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = { .nr_extents = count,
                                        .extent_order = order,
                                        .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, in);
    return r;
}

/* ---- populate and decrease ---- */

static void populate(void **state)
{
    struct xen_memory_reservation r = reservation(5, 2);

    (void)state;
    for (unsigned int i = 0; i < 5; i++)
        in[i] = 1000 + 4 * i;
    work_left = 0; /* every extent is preempted */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 5);
    assert_int_equal(dom[1].mem->tot_pages, OWN + 20);
    for (unsigned int i = 0; i < 20; i++) {
        assert_int_equal(m2p[in[i / 4] + i % 4], 1000 + i);
        assert_int_equal(mfn_to_frame(mfn(in[i / 4] + i % 4))->state.owner, 1);
    }
    /* And back, extent by extent. */
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 5);
    assert_int_equal(dom[1].mem->tot_pages, OWN);
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(m2p[in[i / 4] + i % 4], NOGFN);
    r.extent_order = 0;
    r.nr_extents = 3;
    assert_int_equal(call(XENMEM_increase_reservation, &r), 3);
    assert_int_equal(dom[1].mem->tot_pages, OWN + 3);
}

static void limits(void **state)
{
    struct xen_memory_reservation r = reservation(10, 0);

    (void)state;
    dom[1].mem->max_pages = OWN + 7;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 7);
    assert_int_equal(dom[1].mem->tot_pages, OWN + 7);
    r.extent_order = 10; /* more than a guest may ask for in one piece */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.extent_order = ~0U;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    dom[1].mem->max_pages = UINT64_MAX;
    r.extent_order = 9;
    r.nr_extents = ~0UL;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.nr_extents = 40; /* 80 MiB of 47 */
    assert_in_range(call(XENMEM_populate_physmap, &r), 15, 24);
    r.nr_extents = 1;
    r.extent_order = 0;
    r.mem_flags = XENMEMF_address_bits(12); /* nothing below 4 KiB */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.mem_flags = XENMEMF_address_bits(13);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.mem_flags = XENMEMF_address_bits(26); /* all of this machine */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
    assert_true(in[0] < 1UL << (26 - PAGE_SHIFT));
}

static void nodes(void **state)
{
    struct xen_memory_reservation r = reservation(1, 0);

    (void)state;
    /* A guest's wish for a node goes unheard, and where it must be that one there is no memory. */
    r.mem_flags = XENMEMF_node(63);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
    r.mem_flags = XENMEMF_exact_node(0);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    running = &vcpus[0];
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
    r.mem_flags = XENMEMF_exact_node(1); /* this machine has one node */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.mem_flags = XENMEMF_node(1);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
    r.mem_flags = XENMEMF_node(NR_NODES);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    r.mem_flags = XENMEMF_exact_node(NR_NODES) | XENMEMF_vnode; /* nobody has such nodes */
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
}

static void others_memory(void **state)
{
    struct xen_memory_reservation r = reservation(1, 0);
    struct xen_memory_domain who = { .domid = 2 };

    (void)state;
    r.domid = 2;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(call(XENMEM_current_reservation, &who), -EPERM);
    r.domid = who.domid = 9;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(call(XENMEM_current_reservation, &who), -ESRCH);
    running = &vcpus[0];
    r.domid = who.domid = 2;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 1);
    assert_int_equal(call(XENMEM_current_reservation, &who), 1);
    assert_true(call(XENMEM_maximum_reservation, &who) > 0);
    /* Frames of domain 1 are not domain 2's to give. */
    in[0] = own[0].v;
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(call(XENMEM_maximum_ram_page, NULL), END);
    assert_int_equal(call(63, NULL), -77);
    assert_int_equal(do_memory_op(XENMEM_exchange | 64, guest_ptr(&in[0])), -EINVAL);
}

static void frames_in_use(void **state)
{
    struct xen_memory_reservation r = reservation(3, 0);
    struct frame *f = mfn_to_frame(own[1]);

    (void)state;
    in[0] = own[0].v;
    in[1] = own[1].v;
    in[2] = END + 5;
    f->state.pinned = 1;
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 1); /* it must be unpinned first */
    f->state.pinned = 0;
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 0); /* the first is gone */
    assert_int_equal(frame_get(f, &dom[1]), 0);                 /* mapped by somebody */
    in[0] = own[2].v;
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 2);
    assert_int_equal(dom[1].mem->tot_pages, OWN - 2);
    in[0] = own[3].v;
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 1); /* it cannot be given up twice */
    frame_put(f);
    assert_int_equal(dom[1].mem->tot_pages, OWN - 4);
}

/* Faults at the n-th access to the guest's memory, for every n. */
static void faults_everywhere(void **state)
{
    (void)state;
    for (int n = 0; n < 9; n++) {
        struct xen_memory_reservation r = reservation(4, 1);
        long rc, done;

        for (unsigned int i = 0; i < 4; i++)
            in[i] = 500 + 2 * i;
        accesses_left = n;
        rc = call(XENMEM_populate_physmap, &r);
        accesses_left = -1;
        done = rc == -EFAULT ? 0 : rc;
        assert_int_equal(done, n ? (n - 1) / 2 : 0);
        assert_int_equal(dom[1].mem->tot_pages, OWN + 2 * (uint64_t)done);
        check_counts();
        r.nr_extents = (unsigned long)done;
        assert_int_equal(call(XENMEM_decrease_reservation, &r), done);
    }
}

/* ---- exchange ---- */

static struct xen_memory_exchange exchange_of(unsigned int in_order, unsigned int out_order,
                                              unsigned long frames)
{
    struct xen_memory_exchange x = { .in = reservation(frames >> in_order, in_order),
                                     .out = reservation(frames >> out_order, out_order) };

    set_xen_guest_handle(x.out.extent_start, out);
    for (unsigned int i = 0; i < 64; i++) {
        in[i] = own[i % OWN].v;
        out[i] = 2000 + i;
    }
    return x;
}

static void singles_for_a_piece(void **state)
{
    struct xen_memory_exchange x = exchange_of(0, 3, 16);

    (void)state;
    x.out.mem_flags = XENMEMF_address_bits(32);
    work_left = 0; /* preempted between the two */
    assert_int_equal(call(XENMEM_exchange, &x), 0);
    assert_int_equal(x.nr_exchanged, 16);
    assert_int_equal(dom[1].mem->tot_pages, OWN);
    assert_int_equal(syncs, 2);
    for (unsigned int i = 0; i < 16; i++) {
        assert_int_equal(mfn_to_frame(own[i])->state.refs, 0);
        assert_int_equal(m2p[own[i].v], NOGFN);
        assert_int_equal(m2p[out[i / 8] + i % 8], 2000 + i / 8 + i % 8);
        assert_int_equal(out[0] % 8, 0);
    }
}

/* Its total never is 0 on the way: that is when a domain may go. */
static void all_that_a_domain_has(void **state)
{
    struct xen_memory_exchange x = exchange_of(0, 0, 1);
    mfn_t m;

    (void)state;
    running = &vcpus[2];
    assert_int_equal(domain_populate(&dom[2], 0, 0, NUMA_ANY, INVALID_GFN, &m), 0);
    in[0] = m.v;
    assert_int_equal(call(XENMEM_exchange, &x), 0);
    assert_int_equal(dom[2].mem->tot_pages, 1);
    assert_int_equal(dom[2].refs, 2);
}

/* Whatever is wrong with the frames given, they stay what they were, remembered uses too. */
static void frames_that_cannot_go(void **state)
{
    struct frame *f[4];
    struct xen_memory_exchange x;

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        f[i] = mfn_to_frame(own[i]);
        assert_int_equal(frame_get(f[i], &dom[1]), 0);
        assert_int_equal(frame_get_type(f[i], FRAME_L1 + i), 0);
        assert_int_equal(frame_put_type(f[i]), 0);
        frame_put(f[i]);
    }
    for (unsigned int bad = 0; bad < 8; bad++) {
        uint64_t before[4], free_before = frames_free_count();

        x = exchange_of(0, 2, 4);
        assert_int_equal(frame_get(f[3], &dom[1]), 0);
        in[3] = (uint64_t[]){ own[3].v, own[0].v, END, ~0UL, 0, 0x200, 0x100, own[3].v }[bad];
        if (bad == 7)
            assert_int_equal(frame_get_type(f[3], FRAME_WRITABLE), 0);
        for (unsigned int i = 0; i < 4; i++)
            before[i] = f[i]->state.raw;
        assert_true(call(XENMEM_exchange, &x) == -EINVAL || in[3] == 0x200 || in[3] == 0x100);
        assert_int_equal(x.nr_exchanged, 0);
        for (unsigned int i = 0; i < 4; i++)
            assert_int_equal(f[i]->state.raw, before[i]);
        assert_int_equal(frames_free_count(), free_before);
        assert_int_equal(dom[1].mem->tot_pages, OWN);
        if (bad == 7)
            assert_int_equal(frame_put_type(f[3]), 0);
        frame_put(f[3]);
    }
}

static void exchanges_that_make_no_sense(void **state)
{
    struct xen_memory_exchange x;

    (void)state;
#define REFUSED(change, error)                                                                     \
    do {                                                                                           \
        x = exchange_of(0, 2, 4);                                                                  \
        change;                                                                                    \
        assert_int_equal(call(XENMEM_exchange, &x), error);                                        \
        assert_int_equal(dom[1].mem->tot_pages, OWN);                                              \
    } while (0)
    REFUSED(x.in.domid = 1, -EPERM);
    REFUSED(x.out.domid = 2, -EPERM);
    REFUSED(x.out.extent_order = 10, -EPERM);
    REFUSED(x.in.extent_order = ~0U, -EPERM);
    REFUSED(x.in.nr_extents = 3, -EINVAL);
    REFUSED(x.out.nr_extents = 2, -EINVAL);
    REFUSED(x.in.nr_extents = 1UL << 62, -EINVAL);
    REFUSED(x.in.nr_extents = 6; x.out.extent_order = 1; x.out.nr_extents = 2, -EINVAL);
    REFUSED(x.nr_exchanged = 5, -EINVAL);
    REFUSED(x.out.mem_flags = XENMEMF_address_bits(5), -EINVAL);
    REFUSED(x.out.mem_flags = XENMEMF_address_bits(20), -ENOMEM);
    REFUSED(set_xen_guest_handle(x.in.extent_start, (xen_pfn_t *)8), -EFAULT);
#undef REFUSED
    assert_int_equal(call(XENMEM_exchange, (void *)8), -EFAULT);
    running = &vcpus[0];
    x = exchange_of(0, 11, 2048);
    assert_int_equal(call(XENMEM_exchange, &x), -ENOMEM);
}

static void faults_in_exchanges(void **state)
{
    (void)state;
    for (int n = 0; n < 12; n++) {
        struct xen_memory_exchange x = exchange_of(0, 1, 4);
        long rc;

        accesses_left = n;
        rc = call(XENMEM_exchange, &x);
        accesses_left = -1;
        assert_int_equal(rc, n < 10 ? -EFAULT : 0);
        assert_int_equal(dom[1].mem->tot_pages, OWN);
        check_counts();
        /* What went was replaced: find what the domain has now. */
        for (unsigned int i = 0, m = 0x100; i < OWN; m++)
            if (mfn_to_frame(mfn(m))->state.owner == 1 && mfn_to_frame(mfn(m))->state.refs)
                own[i++] = mfn(m);
    }
}

static void no_memory(void **state)
{
    struct xen_memory_exchange x = exchange_of(0, 2, 4);
    struct xen_memory_reservation r = reservation(1, 2);
    mfn_t taken[8192], m;
    unsigned int n = 0;

    (void)state;
    while ((m = frames_alloc(1, ALLOC_NO_SCRUB, NUMA_ANY)).v != INVALID_MFN.v)
        taken[n++] = m;
    assert_int_equal(call(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(call(XENMEM_exchange, &x), -ENOMEM);
    assert_int_equal(dom[1].mem->tot_pages, OWN);
    while (n > 0)
        frames_free(taken[--n], 1);
}

/* ---- claims ---- */

/* What can be had by who has no claim. */
static uint64_t available(void)
{
    uint64_t n = 0, step = 1UL << 20;

    for (; step; step >>= 1)
        if (frames_reserve(step))
            n += step;
    frames_unreserve(n);
    return n;
}

static long claim(domid_t id, uint64_t pages)
{
    struct xen_memory_reservation r = { .nr_extents = pages, .domid = id };
    struct vcpu *was = running;
    long rc;

    running = &vcpus[0];
    rc = call(XENMEM_claim_pages, &r);
    running = was;
    return rc;
}

static void claims(void **state)
{
    uint64_t all = available();
    struct xen_memory_reservation r = reservation(3, 1);

    (void)state;
    assert_int_equal(all, frames_free_count());
    assert_int_equal(claim(1, OWN), -EINVAL); /* it has as much */
    assert_int_equal(claim(1, OWN + 10), 0);
    assert_int_equal(dom[1].mem->claimed_pages, 10);
    assert_int_equal(domain_claims(), 10);
    assert_int_equal(available(), all - 10);
    assert_int_equal(frames_free_count(), all); /* free it is */
    assert_int_equal(claim(1, OWN + 11), -EINVAL);

    assert_int_equal(call(XENMEM_populate_physmap, &r), 3);
    assert_int_equal(dom[1].mem->claimed_pages, 4);
    assert_int_equal(domain_claims(), 4);
    assert_int_equal(available(), all - 10);
    assert_int_equal(call(XENMEM_populate_physmap, &r), 3); /* two frames more than claimed */
    assert_int_equal(dom[1].mem->claimed_pages, 0);
    assert_int_equal(available(), all - 12);
    assert_int_equal(frames_free_count(), all - 12);

    assert_int_equal(claim(1, OWN + 112), 0);
    assert_int_equal(domain_claims(), 100);
    assert_int_equal(claim(1, 0), 0);
    assert_int_equal(claim(1, 0), 0);
    assert_int_equal(domain_claims(), 0);
    assert_int_equal(available(), all - 12);
}

static void claims_keep_others_out(void **state)
{
    uint64_t all = available();
    struct xen_memory_reservation r = reservation(64, 0);
    unsigned long left = 0;
    mfn_t m;

    (void)state;
    assert_int_equal(claim(1, OWN + all), 0);
    assert_int_equal(claim(2, 1), -ENOMEM);
    running = &vcpus[2];
    assert_int_equal(call(XENMEM_increase_reservation, &r), 0);
    assert_int_equal(frames_alloc(0, 0, NUMA_ANY).v, INVALID_MFN.v);
    /* What is freed is for all. */
    assert_int_equal(domain_give_up(&dom[1], mfn_to_frame(own[5])), 0);
    assert_int_equal(call(XENMEM_increase_reservation, &r), 1);
    assert_int_equal(call(XENMEM_decrease_reservation, &r), 1);
    for (running = &vcpus[1]; domain_populate(&dom[1], 0, 0, NUMA_ANY, INVALID_GFN, &m) == 0;)
        left++;
    assert_int_equal(left, all + 1);
    assert_int_equal(domain_claims(), 0);
}

static void claims_that_are_refused(void **state)
{
    struct xen_memory_reservation r = { .nr_extents = OWN + 1, .domid = 1 };

    (void)state;
    assert_int_equal(call(XENMEM_claim_pages, &r), -EPERM);
    running = &vcpus[0];
    r.extent_order = 1;
    assert_int_equal(call(XENMEM_claim_pages, &r), -EINVAL);
    r.extent_order = 0;
    r.mem_flags = 1;
    assert_int_equal(call(XENMEM_claim_pages, &r), -EINVAL);
    r.mem_flags = 0;
    set_xen_guest_handle(r.extent_start, in);
    assert_int_equal(call(XENMEM_claim_pages, &r), -EINVAL);
    assert_int_equal(claim(7, 1), -ESRCH);
    assert_int_equal(claim(DOMID_SELF, 1), -ESRCH);
    assert_int_equal(claim(1, ~0UL), -ENOMEM);
    dom[1].mem->max_pages = OWN + 5;
    assert_int_equal(claim(1, OWN + 6), -EINVAL);
    assert_int_equal(claim(1, OWN + 5), 0);
    assert_int_equal(domain_claims(), 5);
    /* Over the limit that was lowered since: the claim stays what it is. */
    dom[1].mem->max_pages = OWN + 2;
    running = &vcpus[1];
    r = reservation(3, 0);
    assert_int_equal(call(XENMEM_increase_reservation, &r), 2);
    assert_int_equal(domain_claims(), 3);
    /* The teardown drops the rest. */
}

static void dying_domains_have_no_claims(void **state)
{
    uint64_t all = available();
    int rc;

    (void)state;
    assert_int_equal(claim(1, OWN + 20), 0);
    dom[1].is_dying = true;
    while ((rc = memory_part.teardown(&dom[1])) == -ERESTART)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(available(), all + OWN);
    assert_int_equal(claim(1, 20), -EINVAL);
    dom[1].is_dying = false;
}

/* ---- virtual nodes ---- */

static unsigned int distances[9], of_vcpu[4], of_vnode[3], got_distances[9], got_of_vcpu[4];
static struct xen_vmemrange ranges[2], got_ranges[2];

static struct xen_domctl_vnuma description(void)
{
    struct xen_domctl_vnuma v = { .nr_vnodes = 3, .nr_vmemranges = 2, .nr_vcpus = 4 };

    for (unsigned int i = 0; i < 9; i++)
        distances[i] = 10 + i;
    for (unsigned int i = 0; i < 4; i++)
        of_vcpu[i] = i % 3;
    for (unsigned int i = 0; i < 3; i++)
        of_vnode[i] = i == 1 ? ~0U : 0;
    ranges[1] = (struct xen_vmemrange){ .start = 5, .end = 6, .nid = 2 };
    set_xen_guest_handle(v.vdistance, distances);
    set_xen_guest_handle(v.vcpu_to_vnode, of_vcpu);
    set_xen_guest_handle(v.vnode_to_pnode, of_vnode);
    set_xen_guest_handle(v.vmemrange, ranges);
    dom[1].max_vcpus = 4;
    return v;
}

static struct xen_vnuma_topology_info question(void)
{
    struct xen_vnuma_topology_info t = {
        .domid = DOMID_SELF, .nr_vnodes = 3, .nr_vcpus = 4, .nr_vmemranges = 2
    };

    set_xen_guest_handle(t.vdistance.h, got_distances);
    set_xen_guest_handle(t.vcpu_to_vnode.h, got_of_vcpu);
    set_xen_guest_handle(t.vmemrange.h, got_ranges);
    return t;
}

static void virtual_nodes(void **state)
{
    struct xen_domctl_vnuma v = description();
    struct xen_vnuma_topology_info t = question();
    struct xen_memory_reservation r = reservation(1, 0);

    (void)state;
    assert_int_equal(call(XENMEM_get_vnumainfo, &t), -EOPNOTSUPP);
    assert_int_equal(vnuma_set(&dom[1], &v), 0);
    assert_int_equal(vnuma_set(&dom[1], &v), 0); /* in place of the first */
    assert_int_equal(call(XENMEM_get_vnumainfo, &t), 0);
    assert_memory_equal(got_distances, distances, sizeof(distances));
    assert_memory_equal(got_of_vcpu, of_vcpu, sizeof(of_vcpu));
    assert_memory_equal(got_ranges, ranges, sizeof(ranges));
    for (unsigned int i = 0; i < 3; i++) {
        t = question();
        t.nr_vnodes -= i == 0;
        t.nr_vcpus -= i == 1;
        t.nr_vmemranges -= i == 2;
        assert_int_equal(call(XENMEM_get_vnumainfo, &t), -ENOBUFS);
        assert_int_equal(t.nr_vnodes, 3);
        assert_int_equal(t.nr_vcpus, 4);
        assert_int_equal(t.nr_vmemranges, 2);
    }
    t.pad = 1;
    assert_int_equal(call(XENMEM_get_vnumainfo, &t), -EINVAL);
    for (int n = 0; n < 5; n++) {
        t = question();
        accesses_left = n;
        assert_int_equal(call(XENMEM_get_vnumainfo, &t), -EFAULT);
        accesses_left = -1;
    }
    running = &vcpus[2];
    t = question();
    t.domid = 1;
    assert_int_equal(call(XENMEM_get_vnumainfo, &t), -EPERM);

    running = &vcpus[1];
    for (unsigned int node = 0; node < 5; node++) {
        r.mem_flags = XENMEMF_node(node) | XENMEMF_vnode | XENMEMF_exact_node_request;
        assert_int_equal(call(XENMEM_increase_reservation, &r), node < 3);
    }
}

static void virtual_nodes_that_make_no_sense(void **state)
{
    struct xen_domctl_vnuma v;
    size_t heap = hv_heap_used();

    (void)state;
    for (unsigned int i = 0; i < 5; i++) {
        v = description();
        v.nr_vnodes = i == 0 ? 0 : i == 3 ? 33 : 3;
        v.nr_vcpus -= i == 1;
        v.pad = i == 2;
        v.nr_vmemranges = i == 4 ? 1000 : 2;
        assert_int_equal(vnuma_set(&dom[1], &v), i < 3 ? -EINVAL : -E2BIG);
    }
    v = description();
    for (int n = 0; n < 4; n++) {
        accesses_left = n;
        assert_int_equal(vnuma_set(&dom[1], &v), -EFAULT);
    }
    accesses_left = -1;
    assert_int_equal(hv_heap_used(), heap);
}

/* ---- resources ---- */

static struct xen_mem_acquire_resource resource_of(domid_t domid, uint64_t frame, uint32_t count)
{
    struct xen_mem_acquire_resource r = { .domid = domid,
                                          .type = XENMEM_resource_grant_table,
                                          .id = XENMEM_resource_grant_table_id_shared,
                                          .frame = frame,
                                          .nr_frames = count };

    set_xen_guest_handle(r.frame_list, in);
    running = &vcpus[0];
    return r;
}

static void resource_frames(void **state)
{
    struct xen_mem_acquire_resource r = resource_of(1, 1, 4);

    (void)state;
    memset(in, 0, sizeof(in));
    work_left = 0; /* it is preempted once */
    assert_int_equal(call(XENMEM_acquire_resource, &r), 0);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(in[i], GRANT_FRAME(1 + i));
    assert_int_equal(in[4], 0);
    r.nr_frames = 5;
    assert_int_equal(call(XENMEM_acquire_resource, &r), -ENOMEM);
    r = resource_of(1, 0, 1);
    r.id = XENMEM_resource_grant_table_id_status;
    assert_int_equal(call(XENMEM_acquire_resource, &r), 0);
    assert_int_equal(in[0], STATUS_FRAME);
    r.nr_frames = 2;
    assert_int_equal(call(XENMEM_acquire_resource, &r), -EINVAL);
    for (int n = 0; n < 5; n++) {
        r = resource_of(1, 0, 4);
        accesses_left = n;
        assert_int_equal(call(XENMEM_acquire_resource, &r), -EFAULT);
        accesses_left = -1;
    }
}

static void resource_size(void **state)
{
    struct xen_mem_acquire_resource r = resource_of(1, ~0UL, 0);

    (void)state;
    set_xen_guest_handle(r.frame_list, NULL);
    assert_int_equal(call(XENMEM_acquire_resource, &r), 0);
    assert_int_equal(r.nr_frames, GRANT_FRAMES);
    assert_int_equal(call(XENMEM_acquire_resource, &r), -EINVAL); /* frames, but no list */
    r = resource_of(1, 0, 0);
    assert_int_equal(call(XENMEM_acquire_resource, &r), 0); /* a list of none */
    assert_int_equal(r.nr_frames, 0);
}

static void resources_that_are_not_there(void **state)
{
    struct xen_mem_acquire_resource r = resource_of(1, 0, 1);

    (void)state;
    r.pad = 1;
    assert_int_equal(call(XENMEM_acquire_resource, &r), -EINVAL);
    for (uint64_t frame = 4; frame < 8; frame++) {
        r = resource_of(1, frame == 7 ? ~0UL : frame, 3);
        assert_int_equal(call(XENMEM_acquire_resource, &r), -EINVAL);
    }
    for (unsigned int type = 0; type < 4; type++) {
        r = resource_of(1, 0, 1);
        r.type = (uint16_t)type;
        r.id = 2;
        assert_int_equal(call(XENMEM_acquire_resource, &r), -EINVAL);
    }
    r = resource_of(7, 0, 1);
    assert_int_equal(call(XENMEM_acquire_resource, &r), -ESRCH);
    for (unsigned int i = 0; i < 2; i++) {
        r = resource_of(i ? 0 : (domid_t)DOMID_SELF, 0, 1);
        assert_int_equal(call(XENMEM_acquire_resource, &r), -EPERM);
    }
    r = resource_of(1, 0, 1);
    running = &vcpus[2];
    assert_int_equal(call(XENMEM_acquire_resource, &r), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(populate),
        TEST(limits),
        TEST(nodes),
        TEST(others_memory),
        TEST(frames_in_use),
        TEST(faults_everywhere),
        TEST(singles_for_a_piece),
        TEST(all_that_a_domain_has),
        TEST(frames_that_cannot_go),
        TEST(exchanges_that_make_no_sense),
        TEST(faults_in_exchanges),
        TEST(no_memory),
        TEST(claims),
        TEST(claims_keep_others_out),
        TEST(claims_that_are_refused),
        TEST(dying_domains_have_no_claims),
        TEST(virtual_nodes),
        TEST(virtual_nodes_that_make_no_sense),
        TEST(resource_frames),
        TEST(resource_size),
        TEST(resources_that_are_not_there),
    };

    memory_reset(machine, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
