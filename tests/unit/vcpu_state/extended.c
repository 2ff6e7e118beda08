/* What is not in a context: XSAVE state, callbacks for 32-bit programs, MSRs. */
#include "state.h"

#include <arch/guest_tsc.h>
#include <hv/guest_access.h>

struct xsave {
    uint64_t xcr0, xcr0_accum;
    uint8_t legacy[FXSAVE_SIZE];
    uint64_t xstate_bv, xcomp_bv, reserved[6];
    uint8_t rest[PAGE_SIZE];
};

/* ---- XSAVE ---- */

static int xsave(bool set, unsigned int vcpu, void *buffer, uint64_t *size, uint64_t *mask)
{
    struct xen_domctl op = { .u.vcpuextstate = { .vcpu = vcpu } };
    int rc;

    op.u.vcpuextstate.size = *size;
    op.u.vcpuextstate.xfeature_mask = *mask;
    op.u.vcpuextstate.buffer.p = buffer;
    rc = set ? domctl_setvcpuextstate(guest, &op) : domctl_getvcpuextstate(guest, &op);
    *size = op.u.vcpuextstate.size;
    *mask = op.u.vcpuextstate.xfeature_mask;
    return rc;
}

static int set_xsave(const struct xsave *x, uint64_t size)
{
    uint64_t mask = 0;

    return xsave(true, 0, (void *)(uintptr_t)x, &size, &mask);
}

static uint64_t get_xsave(struct xsave *x)
{
    uint64_t size = 0, mask = 0;

    memset(x, 0x5a, sizeof(*x));
    assert_int_equal(xsave(false, 0, NULL, &size, &mask), 0);
    assert_int_equal(mask, fpu_max_xcr0());
    assert_true(size <= sizeof(*x));
    assert_int_equal(xsave(false, 0, x, &size, &mask), 0);
    assert_int_equal(((uint8_t *)x)[size], 0x5a);
    return size;
}

static struct xsave make_state(void)
{
    struct xsave x = { .xcr0 = 3, .xcr0_accum = fpu_max_xcr0(), .xstate_bv = fpu_max_xcr0() };
    uint32_t mxcsr = 0x1f80;

    for (unsigned int n = 0; n < sizeof(x.legacy); n++)
        x.legacy[n] = (uint8_t)random64();
    memcpy(x.legacy + 24, &mxcsr, sizeof(mxcsr));
    for (unsigned int i = 2; i < 63; i++)
        if (x.xstate_bv >> i & 1) {
            struct cpuid_regs r = cpuid(0xd, i);

            for (unsigned int n = 0; n < r.eax; n++)
                ((uint8_t *)&x)[16 + r.ebx + n] = (uint8_t)random64();
        }
    return x;
}

static void xsave_round_trip(void **state)
{
    struct xsave x, got, again;
    uint64_t size, other;

    (void)state;
    if (!fpu_max_xcr0())
        skip();
    size = get_xsave(&got); /* as it begins: x87 and SSE */
    assert_int_equal(size, 16 + 576);
    assert_int_equal(got.xcr0, 3);
    x = make_state();
    size = 16 + fpu_xsave_size(fpu_max_xcr0());
    assert_int_equal(set_xsave(&x, size), 0);
    assert_int_equal(get_xsave(&got), size);
    assert_memory_equal(&got, &x, size);
    /* What is in its initial state is zero in the area, whatever was there. */
    x.xstate_bv = 1;
    assert_int_equal(set_xsave(&x, size), 0);
    assert_int_equal(get_xsave(&got), size);
    for (uint64_t n = 16 + 576; n < size; n++)
        assert_int_equal(((uint8_t *)&got)[n], 0);
    for (unsigned int n = 160; n < 416; n++)
        assert_int_equal(got.legacy[n], 0);
    assert_int_equal(set_xsave(&got, size), 0);
    assert_int_equal(get_xsave(&again), size);
    assert_memory_equal(&again, &got, size);
    /* The size and mask asked for must be these. */
    other = size - 1;
    uint64_t mask = fpu_max_xcr0();
    assert_int_equal(xsave(false, 0, &got, &other, &mask), -EINVAL);
    other = size;
    mask ^= 4;
    assert_int_equal(xsave(false, 0, &got, &other, &mask), -EINVAL);
    mask = fpu_max_xcr0();
    assert_int_equal(xsave(false, 0, (void *)8, &other, &mask), -EFAULT);
    assert_int_equal(xsave(false, 2, &got, &other, &mask), -ESRCH);
}

/* A guest that is shown no XSAVE has the state all the same, and keeps it. */
static void xsave_hidden(void **state)
{
    struct xsave x, got;
    uint64_t size;

    (void)state;
    if (!fpu_max_xcr0())
        skip();
    guest->arch->policy->xcr0 = 0;
    size = get_xsave(&x);
    x.legacy[200] = 0x77;
    x.xstate_bv = 2;
    assert_int_equal(set_xsave(&x, size), 0);
    assert_int_equal(get_xsave(&got), size);
    assert_int_equal(got.legacy[200], 0x77);
    x = make_state();
    assert_int_equal(set_xsave(&x, 16 + fpu_xsave_size(fpu_max_xcr0())),
                     fpu_max_xcr0() > 3 ? -EINVAL : 0);
    guest->arch->policy->xcr0 = fpu_max_xcr0();
}

static void xsave_refused(void **state)
{
    struct xsave x, bad, got;
    uint64_t size, size_got;

    (void)state;
    if (!fpu_max_xcr0())
        skip();
    x = make_state();
    size = 16 + fpu_xsave_size(fpu_max_xcr0());
    assert_int_equal(set_xsave(&x, size), 0);
#define REFUSED(change, with_size)                                                                 \
    do {                                                                                           \
        bad = x;                                                                                   \
        change;                                                                                    \
        assert_int_equal(set_xsave(&bad, with_size), -EINVAL);                                     \
        size_got = get_xsave(&got);                                                                \
        assert_true(size_got == size && !memcmp(&got, &x, size));                                  \
    } while (0)
    REFUSED(bad.xcr0 = 0, size);
    REFUSED(bad.xcr0 = 2, size);
    REFUSED(bad.xcr0 = 1UL << 63, size);
    REFUSED((bad.xcr0 = 7, bad.xcr0_accum = bad.xstate_bv = 3), size);
    REFUSED(bad.xcr0_accum = 0, size);
    REFUSED(bad.xcr0_accum |= 1UL << 9, size);
    REFUSED(bad.xcr0_accum |= 1UL << 62, size);
    REFUSED(bad.xstate_bv = ~0UL, size);
    REFUSED(bad.xstate_bv |= 1UL << 9, size);
    REFUSED(bad.xcomp_bv = 1UL << 63, size);
    REFUSED(bad.reserved[0] = 1, size);
    REFUSED(bad.reserved[5] = 1UL << 63, size);
    REFUSED(bad.legacy[27] = 0xff, size); /* MXCSR */
    REFUSED(bad = x, 0);
    REFUSED(bad = x, 15);
    REFUSED(bad = x, 17);
    REFUSED(bad = x, 16 + 575);
    REFUSED(bad = x, size - 1);
    REFUSED(bad = x, size + 1);
    REFUSED(bad = x, ~0UL);
#undef REFUSED
    assert_int_equal(set_xsave((void *)8, size), -EFAULT);
    assert_int_equal(set_xsave(&x, 16), 0); /* from a CPU without */
    assert_int_equal(get_xsave(&got), size);
    assert_memory_equal(&got, &x, size);
    for (unsigned int round = 0; round < 100000; round++) {
        uint8_t *at = (uint8_t *)&bad + below(16 + 576);

        bad = x;
        for (unsigned int n = below(4); n > 0; n--)
            *at = (uint8_t)random64();
        if (set_xsave(&bad, 16 + below(4096)))
            continue;
        assert_true(xcr0_valid(guest->vcpu[0]->arch->xcr0, fpu_max_xcr0()));
        assert_false(guest->vcpu[0]->arch->xcr0 & ~guest->vcpu[0]->arch->xcr0_accum);
    }
}

/* ---- callbacks, machine checks ---- */

static struct xen_domctl_ext_vcpucontext make_ext(void)
{
    struct xen_domctl_ext_vcpucontext e = {
        .size = sizeof(e),
        .syscall32_callback_eip = 0xffffffff81000400,
        .sysenter_callback_eip = 0xffffffff81000500,
        .syscall32_callback_cs = 0xe023,
        .sysenter_callback_cs = 0xe033,
        .syscall32_disables_events = 1,
    };

    e.vmce = (struct hvm_vmce_vcpu){ 0x1000802, 3, 4, 5 };
    return e;
}

static int ext(bool set, struct xen_domctl_ext_vcpucontext *e)
{
    struct xen_domctl op = { .u.ext_vcpucontext = *e };
    int rc = set ? domctl_set_ext_vcpucontext(guest, &op) : domctl_get_ext_vcpucontext(guest, &op);

    *e = op.u.ext_vcpucontext;
    return rc;
}

static void extended_context(void **state)
{
    struct xen_domctl_ext_vcpucontext e = make_ext(), got = { 0 }, bad;

    (void)state;
    assert_int_equal(ext(true, &e), 0);
    assert_int_equal(ext(false, &got), 0);
    assert_memory_equal(&got, &e, sizeof(e));
    assert_true(guest->vcpu[0]->arch->pv.syscall32.mask_events);
#define REFUSED(change, error)                                                                     \
    do {                                                                                           \
        bad = e;                                                                                   \
        bad.sysenter_disables_events = 1;                                                          \
        change;                                                                                    \
        assert_int_equal(ext(true, &bad), error);                                                  \
        got = (struct xen_domctl_ext_vcpucontext){ 0 };                                            \
        assert_int_equal(ext(false, &got), 0);                                                     \
        assert_memory_equal(&got, &e, sizeof(e));                                                  \
    } while (0)
    REFUSED(bad.syscall32_callback_eip = 1UL << 47, -EINVAL);
    REFUSED(bad.sysenter_callback_eip = 1UL << 63, -EINVAL);
    REFUSED(bad.size = 8, -EINVAL);
    REFUSED(bad.size = 0, -EINVAL);
    REFUSED(bad.mcg_cap = 1UL << 63, -EPERM);
    REFUSED(bad.mcg_cap = 33, -EPERM);
    REFUSED(bad.vcpu = 2, -ESRCH);
    REFUSED(bad.vcpu = ~0u, -ESRCH);
#undef REFUSED
    /* Older tools' structures end earlier. */
    bad = e;
    bad.size = offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) + 8;
    bad.mcg_cap = 2;
    assert_int_equal(ext(true, &bad), 0);
    assert_int_equal(ext(false, &got), 0);
    assert_true(got.vmce.caps == 2 && got.vmce.mci_ctl2_bank0 == 0);
    bad.size = offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap);
    bad.mcg_cap = ~0UL;
    assert_int_equal(ext(true, &bad), 0);
    assert_int_equal(ext(false, &got), 0);
    assert_int_equal(got.vmce.caps, 2);
}

/* ---- MSRs ---- */

static int msrs(bool set, struct xen_domctl_vcpu_msr *list, uint32_t *count)
{
    struct xen_domctl op = { .u.vcpu_msrs = { .vcpu = 0, .msr_count = *count } };
    int rc;

    op.u.vcpu_msrs.msrs.p = list;
    rc = set ? domctl_set_vcpu_msrs(guest, &op) : domctl_get_vcpu_msrs(guest, &op);
    *count = op.u.vcpu_msrs.msr_count;
    return rc;
}

static void msr_lists(void **state)
{
    struct xen_domctl_vcpu_msr list[4] = { { 0xc0000103, 0, 0x1002 }, { 0x140, 0, 1 } }, got[4];
    uint32_t count = 0;

    (void)state;
    assert_int_equal(msrs(false, NULL, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(msrs(false, got, &count), 0);
    assert_int_equal(count, 0); /* all 0 */
    count = 2;
    assert_int_equal(msrs(true, list, &count), 0);
    count = 4;
    assert_int_equal(msrs(false, got, &count), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(&got[1], &list[0], sizeof(*list));
    assert_memory_equal(&got[0], &list[1], sizeof(*list));
    count = 1;
    assert_int_equal(msrs(false, got, &count), -ENOBUFS);
    assert_int_equal(count, 2);
    count = 2;
    assert_int_equal(msrs(false, (void *)8, &count), -EFAULT);
#define REFUSED(change, where)                                                                     \
    do {                                                                                           \
        struct xen_domctl_vcpu_msr bad[2] = { list[0], list[1] };                                  \
        change;                                                                                    \
        count = 2;                                                                                 \
        assert_int_equal(msrs(true, bad, &count), -EINVAL);                                        \
        assert_int_equal(count, where);                                                            \
    } while (0)
    REFUSED(bad[0].value = 1UL << 32, 0);
    REFUSED(bad[1].value = 2, 1);
    REFUSED(bad[1].reserved = 1, 1);
    REFUSED(bad[0].index = 0xc0000080, 0);
    REFUSED(bad[1].index = 0x48, 1);
#undef REFUSED
    count = 3;
    assert_int_equal(msrs(true, list, &count), -EINVAL);
    count = 1;
    assert_int_equal(msrs(true, (void *)8, &count), -EFAULT);
    /* Not offered: neither shown nor taken. */
    guest->arch->policy->features[WORD_E1D] = 0;
    count = 4;
    assert_int_equal(msrs(false, got, &count), 0);
    assert_int_equal(count, 1);
    count = 1;
    assert_int_equal(msrs(true, list, &count), -EINVAL);
}

static void counter(void **state)
{
    struct xen_domctl op = { .u.tsc_info = { 1, 1000000, 3, 0, 5000 } };

    (void)state;
    assert_int_equal(domctl_settscinfo(guest, &op), 0);
    assert_true(guest->vcpu[0]->arch->time_stale && guest->vcpu[1]->arch->time_stale);
    memset(&op, 0xff, sizeof(op));
    assert_int_equal(domctl_gettscinfo(guest, &op), 0);
    assert_true(op.u.tsc_info.tsc_mode == 1 && op.u.tsc_info.gtsc_khz == 1000000 &&
                op.u.tsc_info.incarnation == 4 && op.u.tsc_info.elapsed_nsec == 5000);
    op.u.tsc_info.tsc_mode = 3;
    assert_int_equal(domctl_settscinfo(guest, &op), -EINVAL);
    assert_int_equal(guest->arch->tsc.mode, 1);
    run_on(0);
    assert_int_equal(domctl_settscinfo(guest, &op), -EINVAL);
    run_on(CPUS);
}

static int trigger(uint32_t what, uint32_t vcpu)
{
    struct xen_domctl op = { .u.sendtrigger = { what, vcpu } };

    return domctl_sendtrigger(guest, &op);
}

static void triggers(void **state)
{
    (void)state;
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_NMI, 1), 0);
    assert_true(guest->vcpu[1]->nmi_pending && !guest->vcpu[0]->nmi_pending);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_NMI, 2), -ESRCH);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_POWER, 0), -EINVAL);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_SLEEP, 0), -EINVAL);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_RESET, 0), -ENOSYS);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_INIT, 0), -ENOSYS);
    assert_int_equal(trigger(~0u, 0), -ENOSYS);
    while (set_context(1, NULL) == -ERESTART)
        ;
    assert_false(guest->vcpu[1]->nmi_pending);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest extended_tests[] = {
    TEST(xsave_round_trip), TEST(xsave_hidden), TEST(xsave_refused), TEST(extended_context),
    TEST(msr_lists),        TEST(counter),      TEST(triggers),
};
const size_t nr_extended_tests = ARRAY_SIZE(extended_tests);
