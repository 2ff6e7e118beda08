/* The world that world.h describes. Weak where a test may link the real thing. */
#include "world.h"

#include <arch/irqflags.h>
#include <arch/percpu.h>
#include <hv/arch.h>
#include <hv/irq.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>

#define weak __attribute__((weak))

struct world world;
struct domain *hardware_domain;
weak cpumask_t cpu_online_mask;

/* ---- printing: the rest is fake/hv.c's ---- */

void guest_printk(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    char text[256];
    va_list args;

    (void)d, (void)level;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    world.messages++;
    if (world.on_message)
        world.on_message(text);
}

/* ---- memory ---- */

static bool may_allocate(void)
{
    if (world.allocations_before_failure == 0)
        return false;
    if (world.allocations_before_failure > 0)
        world.allocations_before_failure--;
    return true;
}

void *hv_alloc(size_t size)
{
    if (!may_allocate())
        return NULL;
    world.allocated++;
    return calloc(1, size);
}

void *hv_alloc_array_checked(size_t size, size_t count)
{
    return hv_alloc(size * count);
}

void hv_free(void *p)
{
    if (!p)
        return;
    world.allocated--;
    free(p);
}

static unsigned int frame_take(domid_t owner)
{
    for (unsigned int i = 1; i < WORLD_FRAMES; i++) {
        struct world_frame *f = &world.frame[i];

        if (f->in_use)
            continue;
        assert_int_equal(f->refs, 0);
        *f = (struct world_frame){ .owner = owner, .in_use = true, .refs = 1 };
        memset(world.memory + i * PAGE_SIZE, 0, PAGE_SIZE);
        return i;
    }
    fail_msg("the machine is out of memory");
    return 0;
}

void *page_alloc(void)
{
    if (!may_allocate())
        return NULL;
    world.allocated++;
    return world.memory + frame_take(DOMID_XEN) * PAGE_SIZE;
}

void page_free(void *page)
{
    struct world_frame *f = &world.frame[virt_to_mfn(page).v];

    assert_true(f->in_use && f->owner == DOMID_XEN && f->refs == 1);
    f->in_use = false;
    f->refs = 0;
    world.allocated--;
}

void *mfn_to_virt(mfn_t m)
{
    assert_true(m.v < WORLD_FRAMES);
    return world.memory + m.v * PAGE_SIZE;
}

mfn_t virt_to_mfn(const void *p)
{
    return mfn((uint64_t)((const char *)p - world.memory) / PAGE_SIZE);
}

/* A struct frame is only a name here. */
static struct frame frame_names[WORLD_FRAMES];

static struct world_frame *frame_of(const struct frame *f)
{
    return &world.frame[f - frame_names];
}

struct frame *mfn_to_frame(mfn_t m)
{
    assert_true(m.v < WORLD_FRAMES);
    return &frame_names[m.v];
}

mfn_t frame_to_mfn(const struct frame *f)
{
    return mfn((uint64_t)(f - frame_names));
}

int frame_get(struct frame *f, const struct domain *owner)
{
    struct world_frame *w = frame_of(f);

    if (!w->in_use || w->owner != owner->id)
        return -EPERM;
    w->refs++;
    return 0;
}

void frame_put(struct frame *f)
{
    struct world_frame *w = frame_of(f);

    assert_true(w->in_use && w->refs > 0);
    if (--w->refs == 0) {
        assert_int_equal(w->writers, 0);
        w->in_use = false;
    }
}

int frame_get_type(struct frame *f, enum frame_type type)
{
    assert_int_equal(type, FRAME_WRITABLE);
    if (frame_of(f)->is_table)
        return -EBUSY;
    frame_of(f)->writers++;
    return 0;
}

int frame_get_writable(struct frame *f, const struct domain *owner)
{
    int rc = frame_get(f, owner);

    if (rc)
        return rc;
    rc = frame_get_type(f, FRAME_WRITABLE);
    if (rc)
        frame_put(f);
    return rc;
}

void frame_put_writable(struct frame *f)
{
    assert_true(frame_of(f)->writers > 0);
    frame_of(f)->writers--;
    frame_put(f);
}

void frame_share(struct frame *f, struct domain *d, bool readonly)
{
    assert_false(readonly);
    assert_int_equal(frame_of(f)->owner, DOMID_XEN);
    frame_of(f)->owner = d->id;
}

void frame_unshare(struct frame *f)
{
    frame_put(f);
    world.allocated--;
}

int arch_get_guest_frame(struct domain *d, gfn_t g, struct frame **out)
{
    int rc;

    if (g.v >= WORLD_FRAMES)
        return -EINVAL;
    *out = mfn_to_frame(mfn(g.v));
    rc = frame_get(*out, d);
    return rc;
}

int arch_map_guest_frame(struct domain *d, gfn_t g, mfn_t *out, void **va)
{
    if (g.v >= WORLD_FRAMES)
        return -EINVAL;
    if (frame_get_writable(mfn_to_frame(mfn(g.v)), d))
        return -EINVAL;
    *out = mfn(g.v);
    *va = mfn_to_virt(*out);
    world.mapped_frames++;
    return 0;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    assert_int_equal(world.frame[m.v].owner, d->id);
    assert_ptr_equal(va, mfn_to_virt(m));
    frame_put_writable(mfn_to_frame(m));
    world.mapped_frames--;
}

void arch_tlb_sync(struct domain *d)
{
    (void)d;
    world.tlb_syncs++;
}

/* ---- guest access: a guest's address is ours; what is in the first page is not mapped ---- */

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (src.v < PAGE_SIZE)
        return -EFAULT;
    if (world.copies_from_before_fault == 0)
        return -EFAULT;
    if (world.copies_from_before_fault > 0)
        world.copies_from_before_fault--;
    memcpy(dst, (const void *)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (dst.v < PAGE_SIZE)
        return -EFAULT;
    if (world.copies_to_before_fault == 0)
        return -EFAULT;
    if (world.copies_to_before_fault > 0)
        world.copies_to_before_fault--;
    memcpy((void *)dst.v, src, size);
    return 0;
}

int clear_guest(guest_ptr_t dst, size_t size)
{
    if (dst.v < PAGE_SIZE)
        return -EFAULT;
    memset((void *)dst.v, 0, size);
    return 0;
}

/* ---- hypercalls ---- */

weak bool hypercall_preempt_check(void)
{
    if (world.work_before_preemption == 0)
        return true;
    if (world.work_before_preemption > 0)
        world.work_before_preemption--;
    return false;
}

weak long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    world.continued.set = true;
    world.continued.op = op;
    world.continued.nargs = nargs;
    memcpy(world.continued.args, args, nargs * sizeof(*args));
    return op;
}

/* ---- domains ---- */

struct vcpu *current_vcpu(void)
{
    return world.running;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d;

    if (id == DOMID_SELF)
        id = world.running->domain->id;
    d = id < WORLD_DOMAINS ? world.domain[id] : NULL;
    if (d)
        domain_hold(d);
    return d;
}

struct domain *domain_next(unsigned int from)
{
    for (unsigned int id = from; id < WORLD_DOMAINS; id++)
        if (world.domain[id])
            return domain_get((domid_t)id);
    return NULL;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs > 0);
    __atomic_fetch_sub(&d->refs, 1, __ATOMIC_SEQ_CST);
}

weak void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    (void)mask;
    assert_true(irq_enabled());
    fn(arg);
}

weak void vcpu_kick(struct vcpu *v)
{
    world.kicks[v->domain->id][v->id]++;
    if (world.on_kick)
        world.on_kick(v);
}

weak int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable)
{
    (void)v, (void)pirq, (void)port, (void)shareable;
    return -EINVAL;
}

weak void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d, (void)pirq;
    fail();
}

weak void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
    fail();
}

struct domain *world_domain(domid_t id, unsigned int nr_vcpus)
{
    struct domain *d = calloc(1, sizeof(*d));

    assert_null(world.domain[id]);
    d->id = id;
    d->type = DOMAIN_PV;
    d->is_control = d->is_hardware = id == 0;
    if (id == 0)
        hardware_domain = d;
    d->refs = 1;
    d->max_vcpus = nr_vcpus;
    d->vcpu = calloc(nr_vcpus, sizeof(d->vcpu[0]));
    d->shared_info = calloc(1, PAGE_SIZE);
    world.domain[id] = d;
    for (unsigned int p = 0; p < world_nr_parts; p++)
        if (world_parts[p]->init)
            assert_int_equal(world_parts[p]->init(d), 0);
    for (unsigned int i = 0; i < nr_vcpus; i++) {
        struct vcpu *v = calloc(1, sizeof(*v));

        v->id = i;
        v->domain = d;
        v->info = &d->shared_info->vcpu_info[i];
        for (unsigned int p = 0; p < world_nr_parts; p++)
            if (world_parts[p]->vcpu_init)
                assert_int_equal(world_parts[p]->vcpu_init(v), 0);
        d->vcpu[i] = v;
    }
    return d;
}

void world_kill(struct domain *d)
{
    d->is_dying = true;
    for (unsigned int p = world_nr_parts; p-- > 0;) {
        int rc = 0;

        do {
            world.work_before_preemption = rc ? 1 : world.work_before_preemption;
            rc = world_parts[p]->teardown ? world_parts[p]->teardown(d) : 0;
        } while (rc == -ERESTART);
        assert_int_equal(rc, 0);
    }
    world.work_before_preemption = -1;
}

static void domain_free(struct domain *d)
{
    assert_int_equal(d->refs, 1);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        for (unsigned int p = 0; p < world_nr_parts; p++)
            if (world_parts[p]->vcpu_free)
                world_parts[p]->vcpu_free(d->vcpu[i]);
        free(d->vcpu[i]);
    }
    for (unsigned int p = 0; p < world_nr_parts; p++)
        if (world_parts[p]->free)
            world_parts[p]->free(d);
    free(d->vcpu);
    free(d->shared_info);
    free(d);
}

mfn_t world_page(struct domain *d)
{
    return mfn(frame_take(d->id));
}

void world_be(struct domain *d, unsigned int vcpu)
{
    world.running = d->vcpu[vcpu];
}

void world_reset(void)
{
    fake_percpu_reset();
    memset(&world, 0, sizeof(world));
    hardware_domain = NULL;
    world.memory = aligned_alloc(PAGE_SIZE, WORLD_FRAMES * PAGE_SIZE);
    world.copies_to_before_fault = world.copies_from_before_fault = -1;
    world.work_before_preemption = world.allocations_before_failure = -1;
}

void world_end(void)
{
    world.copies_to_before_fault = world.copies_from_before_fault = -1;
    world.work_before_preemption = world.allocations_before_failure = -1;
    for (unsigned int id = 0; id < WORLD_DOMAINS; id++)
        if (world.domain[id] && !world.domain[id]->is_dying)
            world_kill(world.domain[id]);
    assert_int_equal(world.mapped_frames, 0);
    for (unsigned int id = 0; id < WORLD_DOMAINS; id++)
        if (world.domain[id])
            domain_free(world.domain[id]);
    for (unsigned int i = 0; i < WORLD_FRAMES; i++) {
        struct world_frame *f = &world.frame[i];

        if (f->in_use && f->owner != DOMID_XEN) {
            assert_int_equal(f->refs, 1); /* the owner's own */
            assert_int_equal(f->writers, 0);
        } else {
            assert_false(f->in_use);
        }
    }
    assert_int_equal(world.allocated, 0);
    assert_true(irq_enabled());
    free(world.memory);
}
