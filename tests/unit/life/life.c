/*
 * Birth and death of domains with all of core's real parts on real frames, in a machine that runs
 * out of memory at every point in turn: nothing is left over, of frames or of the heap.
 */
#include "../harness/memory.h"

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/irq.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/time.h>
#include <xen/sched.h>
#include "../fake/hv.h"

/* ---- the architecture: page tables that nothing is known of ---- */

struct arch_domain {
    void *page;
};

static int arch_init(struct domain *d)
{
    d->arch = hv_alloc_type(struct arch_domain);
    if (!d->arch)
        return -ENOMEM;
    d->arch->page = page_alloc();
    return d->arch->page ? 0 : -ENOMEM;
}

static int arch_vcpu_init(struct vcpu *v)
{
    v->arch = hv_alloc(3000);
    return v->arch ? 0 : -ENOMEM;
}

static void arch_vcpu_free(struct vcpu *v)
{
    hv_free(v->arch);
}

static void arch_free(struct domain *d)
{
    if (d->arch)
        page_free(d->arch->page);
    hv_free(d->arch);
}

const struct domain_part arch_part = { .name = "arch",
                                       .init = arch_init,
                                       .vcpu_init = arch_vcpu_init,
                                       .vcpu_free = arch_vcpu_free,
                                       .free = arch_free };
const struct domain_part irq_part = { .name = "irq" };

void arch_update_wallclock(struct domain *d)
{
    d->shared_info->wc_version += 2;
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    (void)prev, (void)next;
    fail_msg("nobody is started");
    abort();
}

void arch_timer_set(s_time_t deadline)
{
    (void)deadline;
}

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    (void)cpu, (void)ipi;
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    (void)mask;
    fn(arg);
}

void arch_tlb_sync(struct domain *d)
{
    (void)d;
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    (void)m, (void)g;
}

int arch_frame_relinquish(struct domain *d, struct frame *f)
{
    (void)d, (void)f;
    return 0;
}

unsigned int arch_frame_entries(enum frame_type type)
{
    (void)type;
    return 1;
}

int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type, (void)done;
    return -EINVAL;
}

int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type, (void)done;
    return 0;
}

int arch_get_guest_frame(struct domain *d, gfn_t g, struct frame **f)
{
    *f = mfn_to_frame(mfn(g.v));
    return frame_get(*f, d) ? -EINVAL : 0;
}

int arch_map_guest_frame(struct domain *d, gfn_t g, mfn_t *out, void **va)
{
    (void)d, (void)g, (void)out, (void)va;
    return -EINVAL;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d, (void)m, (void)va;
    fail();
}

int arch_grant_map(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags)
{
    (void)v, (void)addr, (void)m, (void)flags;
    return 0;
}

int arch_grant_unmap(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags, uint64_t new_addr)
{
    (void)v, (void)addr, (void)m, (void)flags, (void)new_addr;
    return 0;
}

void arch_dump_guest(struct vcpu *v)
{
    (void)v;
}

void arch_poweroff_or_halt(void)
{
    panic("powered off");
}

void arch_reboot(void)
{
    panic("rebooted");
}

/* ---- the console, interrupts, guest memory ---- */

void console_guest_write(const char *s, size_t len)
{
    (void)s, (void)len;
}

size_t console_guest_read(char *buf, size_t size)
{
    (void)buf, (void)size;
    return 0;
}

void console_start_sync(void)
{
}

int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable)
{
    (void)v, (void)pirq, (void)port, (void)shareable;
    return -EINVAL;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d, (void)pirq;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    memcpy(dst, (const void *)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    memcpy((void *)dst.v, src, size);
    return 0;
}

/* Every opportunity to be preempted is one. */
bool hypercall_preempt_check(void)
{
    return true;
}

long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    (void)op, (void)nargs, (void)args;
    return -ERESTART;
}

/* ---- */

#define PAGES 70U /* of a domain's own: its teardown is preempted on the way */
#define PORT  3000U

static const struct memory_range ram[] = { { 256, 2048, 0 } };
static mfn_t hoard[2048];
static unsigned int hoarded;

/* Leave `keep` frames free. */
static void run_short(unsigned int keep)
{
    while (frames_free_count() > keep) {
        hoard[hoarded] = frames_alloc(0, ALLOC_NO_SCRUB, NUMA_ANY);
        assert_int_not_equal(hoard[hoarded].v, INVALID_MFN.v);
        hoarded++;
    }
}

static void be_generous(void)
{
    while (hoarded)
        frames_free(hoard[--hoarded], 0);
}

/* As the toolstack does: a domain, its vCPUs, memory, then channels and grant frames. */
static int build(domid_t id, struct domain **out)
{
    struct domain_config config = {
        .type = DOMAIN_PV,
        .max_vcpus = 3,
        .max_port = 131071,
        .max_grant_frames = 8,
        .max_maptrack_frames = -1,
        .max_grant_version = 1,
    };
    int rc = domain_create(id, &config, out);

    for (unsigned int i = 0; !rc && i < config.max_vcpus; i++) {
        struct vcpu *v;

        rc = vcpu_create(*out, i, &v);
    }
    if (!rc)
        (*out)->mem->max_pages = PAGES;
    for (unsigned int i = 0; !rc && i < PAGES; i++) {
        mfn_t m;

        rc = domain_populate(*out, 0, 0, NUMA_ANY, INVALID_GFN, &m);
    }
    for (unsigned int i = 0; !rc && i < PORT / 100; i++) {
        int port = event_alloc_unbound_xen(*out, 0, DOMID_SELF, NULL);

        rc = port < 0 ? port : 0;
    }
    for (unsigned int i = 0; !rc && i < 8; i++) {
        mfn_t m;

        rc = grant_get_shared_frame(*out, i, &m);
    }
    return rc;
}

/* Returns how often it was preempted. */
static unsigned int bury(struct domain *d)
{
    unsigned int calls = 0;
    int rc;

    while ((rc = domain_kill(d)) == -ERESTART)
        calls++;
    assert_int_equal(rc, 0);
    softirq_process();
    return calls;
}

static int setup(void **state)
{
    static bool started;

    (void)state;
    memory_reset(ram, ARRAY_SIZE(ram));
    if (!started) {
        sched_init();
        started = true;
    }
    assert_int_equal(sched_cpu_up(0), 0);
    sched_cpu_online(0);
    return 0;
}

static void nothing_is_left(void **state)
{
    struct domain *d;
    uint64_t frames;
    size_t heap;
    unsigned int keep;

    (void)state;
    assert_int_equal(build(1, &d), 0); /* the heap has its pages afterwards */
    assert_true(bury(d) > 1);
    frames = frames_free_count();
    heap = hv_heap_used();
    for (keep = 0;; keep++) {
        int rc;

        d = NULL;
        run_short(keep);
        rc = build(1, &d);
        be_generous();
        if (d)
            bury(d);
        softirq_process();
        assert_null(domain_find(1));
        assert_int_equal(frames_free_count(), frames);
        assert_int_equal(hv_heap_used(), heap);
        if (!rc)
            break;
        assert_int_equal(rc, -ENOMEM);
    }
    assert_true(keep > PAGES + 8);
}

/* Somebody else's reference keeps one frame and the domain's number, and nothing else. */
static void a_peer_keeps_one_frame(void **state)
{
    uint64_t frames = frames_free_count();
    struct domain *d, *other;
    struct frame *f;

    (void)state;
    assert_int_equal(build(1, &d), 0);
    f = mfn_to_frame(mfn(d->mem->pages.head));
    assert_int_equal(frame_get(f, d), 0);
    bury(d);
    assert_ptr_equal(domain_find(1), d);
    assert_int_equal(d->mem->tot_pages, 1);
    assert_int_equal(domain_create(1, &(struct domain_config){ .max_vcpus = 1 }, &other), -EEXIST);
    assert_true(frames_free_count() + 40 > frames); /* itself, its vCPUs: the rest is back */
    frame_put(f);
    softirq_process();
    assert_null(domain_find(1));
    assert_int_equal(frames_free_count(), frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(a_peer_keeps_one_frame),
    };

    return cmocka_run_group_tests_name("life", tests, setup, NULL);
}
