/*
 * Policies as lists, and the operations that hand them around: in the form that tools check, no
 * more than the maximum, nothing changed by what is refused.
 */
#include "policy_test.h"

#include <hv/guest_access.h>
#include <hv/sched.h>
#include <xen/arch-x86/cpuid.h>
#include "../../../hypervisor/x86/control/internal.h"
#include "../fake/hv.h"

#define NONE XEN_CPUID_NO_SUBLEAF

static struct arch_domain arch;
static struct arch_vcpu guest_arch;
static struct vcpu guest_vcpu, *guest_vcpus[1] = { &guest_vcpu };
static struct domain guest = { .id = 1, .arch = &arch, .max_vcpus = 1, .vcpu = guest_vcpus };
static struct domain control;
static struct vcpu caller = { .domain = &control };
static unsigned int paused;
static xen_cpuid_leaf_t leaves[POLICY_LIST_LEAVES + 1];
static xen_msr_entry_t msrs[POLICY_LIST_MSRS + 1];
static struct xen_domctl op;

struct vcpu *current_vcpu(void)
{
    return &caller;
}

void domain_pause(struct domain *d)
{
    assert_ptr_not_equal(d, caller.domain);
    paused++;
}

void domain_unpause(struct domain *d)
{
    (void)d;
    paused--;
}

void vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
    *info = v->runstate;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (src.v < 4096)
        return -EFAULT;
    memcpy(dst, (const void *)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (dst.v < 4096)
        return -EFAULT;
    memcpy((void *)dst.v, src, size);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_AMD, ALL_STATES);
    host_policy = host;
    pv_max_policy = pv;
    caller.domain = &control;
    memset(&guest_vcpu, 0, sizeof(guest_vcpu));
    return policy_domain_init(&guest);
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(paused, 0);
    policy_domain_free(&guest);
    return 0;
}

static int get(void)
{
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = POLICY_LIST_LEAVES,
                                                      .nr_msrs = POLICY_LIST_MSRS };
    op.u.cpu_policy.leaves.p = leaves;
    op.u.cpu_policy.msrs.p = msrs;
    return domctl_get_cpu_policy(&guest, &op);
}

static int set(uint32_t nr_leaves, uint32_t nr_msrs)
{
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = nr_leaves, .nr_msrs = nr_msrs };
    op.u.cpu_policy.leaves.p = leaves;
    op.u.cpu_policy.msrs.p = msrs;
    return domctl_set_cpu_policy(&guest, &op);
}

static int set_leaf(uint32_t leaf, uint32_t subleaf, struct cpuid_regs r)
{
    leaves[0] = (xen_cpuid_leaf_t){ leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx };
    return set(1, 0);
}

static struct cpuid_regs asks(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    policy_cpuid(arch.policy, 0, 3, leaf, subleaf, &r);
    return r;
}

static bool sees(enum cpu_feature f)
{
    return policy_has(arch.policy, f);
}

/* ---- what tools expect of a list ---- */

static bool form_is_right(const xen_cpuid_leaf_t *l)
{
    switch (l->leaf) {
    case 4:
        return l->subleaf < 6;
    case 7:
        return l->subleaf < 3;
    case 0xb:
        return l->subleaf < 2;
    case 0xd:
        return l->subleaf < 63;
    case 0x40000000:
    case 0x40000100:
        return l->subleaf == NONE;
    default:
        return l->subleaf == NONE &&
               (l->leaf <= 0xd || (l->leaf >= 0x80000000 && l->leaf <= 0x80000021));
    }
}

static void form_of_the_list(void **state)
{
    (void)state;
    assert_int_equal(get(), 0);
    assert_true(op.u.cpu_policy.nr_leaves > 40 && op.u.cpu_policy.nr_leaves <= 120);
    for (unsigned int n = 0; n < op.u.cpu_policy.nr_leaves; n++) {
        assert_true(form_is_right(&leaves[n]));
        if (n)
            assert_true(leaves[n].leaf > leaves[n - 1].leaf ||
                        (leaves[n].leaf == leaves[n - 1].leaf &&
                         leaves[n].subleaf == leaves[n - 1].subleaf + 1) ||
                        (leaves[n].leaf == 0xd && leaves[n].subleaf > leaves[n - 1].subleaf));
    }
    assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
    assert_true(msrs[0].idx == 0xce && msrs[0].flags == 0 && msrs[0].val == 0);
    assert_true(msrs[1].idx == 0x10a && msrs[1].val != 0);
}

static void sizes(void **state)
{
    struct xen_sysctl s = { 0 };

    (void)state;
    /* As tools ask first of all: the raw policy, nowhere to put it. */
    assert_int_equal(sysctl_get_cpu_policy(&s), 0);
    assert_true(s.u.cpu_policy.nr_leaves == POLICY_LIST_LEAVES && s.u.cpu_policy.nr_msrs == 2);
    memset(&op, 0, sizeof(op));
    assert_int_equal(domctl_get_cpu_policy(&guest, &op), 0);
    assert_true(op.u.cpu_policy.nr_leaves == POLICY_LIST_LEAVES && op.u.cpu_policy.nr_msrs == 2);
    op.u.cpu_policy.leaves.p = leaves;
    op.u.cpu_policy.nr_leaves = guest.arch->policy->nr_leaves - 1;
    assert_int_equal(domctl_get_cpu_policy(&guest, &op), -ENOBUFS);
    assert_int_equal(op.u.cpu_policy.nr_leaves, guest.arch->policy->nr_leaves);
    op.u.cpu_policy.msrs.p = msrs;
    op.u.cpu_policy.nr_msrs = 1;
    assert_int_equal(domctl_get_cpu_policy(&guest, &op), -ENOBUFS);
    assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
    op.u.cpu_policy.leaves.p = (void *)8;
    assert_int_equal(domctl_get_cpu_policy(&guest, &op), -EFAULT);
}

static void of_the_machine(void **state)
{
    struct xen_sysctl s;

    (void)state;
    for (uint32_t index = 0; index < 8; index++) {
        bool hvm =
            index == XEN_SYSCTL_cpu_policy_hvm_max || index == XEN_SYSCTL_cpu_policy_hvm_default;
        int want = index > 5 ? -EINVAL : hvm ? -EOPNOTSUPP : 0;

        memset(&s, 0, sizeof(s));
        s.u.cpu_policy.index = index;
        s.u.cpu_policy.nr_leaves = POLICY_LIST_LEAVES;
        s.u.cpu_policy.leaves.p = leaves;
        assert_int_equal(sysctl_get_cpu_policy(&s), want);
        if (!want)
            assert_int_equal(leaves[1].d, index < 2 ? ~0u : pv.features[WORD_1D]);
    }
    memset(&s, 0, sizeof(s));
    s.u.cpu_policy._rsvd = 1;
    assert_int_equal(sysctl_get_cpu_policy(&s), -EINVAL);
    fake_alloc_fail_at = fake_allocs + 1;
    s.u.cpu_policy._rsvd = 0;
    assert_int_equal(sysctl_get_cpu_policy(&s), -ENOMEM);
    fake_alloc_fail_at = 0;
}

static void feature_sets(void **state)
{
    uint32_t words[NR_FEATURE_WORDS + 1];
    struct xen_sysctl s;

    (void)state;
    host_policy.features[WORD_1C] &= ~1u; /* as the hypervisor uses it, not as the CPU says */
    for (uint32_t index = 0; index < 8; index++) {
        int want = index > 5 ? -EINVAL : index == 3 || index == 5 ? -EOPNOTSUPP : 0;

        memset(&s, 0, sizeof(s));
        s.u.cpu_featureset.index = index;
        assert_int_equal(sysctl_get_cpu_featureset(&s), want);
        if (want)
            continue;
        assert_int_equal(s.u.cpu_featureset.nr_features, NR_FEATURE_WORDS);
        s.u.cpu_featureset.features.p = words;
        words[NR_FEATURE_WORDS] = 0x5a5a;
        s.u.cpu_featureset.nr_features = NR_FEATURE_WORDS + 1;
        assert_int_equal(sysctl_get_cpu_featureset(&s), 0);
        assert_int_equal(words[NR_FEATURE_WORDS], 0x5a5a);
        assert_int_equal(words[WORD_1C], index == 0   ? ~0u
                                         : index == 1 ? ~1u
                                                      : pv.features[WORD_1C]);
        s.u.cpu_featureset.nr_features = 3;
        assert_int_equal(sysctl_get_cpu_featureset(&s), -ENOBUFS);
        assert_int_equal(s.u.cpu_featureset.nr_features, 3);
    }
}

/* ---- set ---- */

static void back_as_it_was(void **state)
{
    struct cpu_policy before = *arch.policy;
    unsigned int live = (unsigned int)fake_alloc_live;

    (void)state;
    assert_int_equal(get(), 0);
    assert_int_equal(set(op.u.cpu_policy.nr_leaves, 2), 0);
    assert_memory_equal(arch.policy, &before, sizeof(before));
    assert_int_equal(set(0, 0), 0);
    assert_memory_equal(arch.policy, &before, sizeof(before));
    assert_int_equal(fake_alloc_live, live);
}

/* More than there is: taken away. What depends on what is not there: taken away as well. */
static void no_more_than_the_maximum(void **state)
{
    struct cpuid_regs r = { 0 };

    (void)state;
    assert_int_equal(set_leaf(1, NONE, (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u }), 0);
    assert_int_equal(arch.policy->features[WORD_1C], pv.features[WORD_1C]);
    assert_int_equal(asks(1, 0).edx, pv.features[WORD_1D]);
    assert_int_equal(asks(1, 0).ebx, 0xff00);
    assert_int_equal(set_leaf(0x80000008, NONE, (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u }), 0);
    assert_int_equal(asks(0x80000008, 0).ecx, 0);
    /* One feature less; the others of the word stay. */
    r = asks(7, 0);
    r.ebx &= ~(1u << (X86_BMI2 % 32));
    assert_int_equal(set_leaf(7, 0, r), 0);
    assert_true(!sees(X86_BMI2) && sees(X86_BMI1) && sees(X86_AVX512F));
    /* Without XSAVE none of what it saves. */
    r = asks(1, 0);
    r.ecx &= ~(1u << (X86_XSAVE % 32));
    assert_int_equal(set_leaf(1, NONE, r), 0);
    assert_false(sees(X86_AVX) || sees(X86_AVX2) || sees(X86_AVX512F) || sees(X86_XSAVEOPT));
    assert_int_equal(arch.policy->xcr0, 0);
    assert_int_equal(asks(0xd, 0).eax, 0);
}

static void sizes_of_states_are_the_machines(void **state)
{
    (void)state;
    assert_int_equal(set_leaf(0xd, 2, (struct cpuid_regs){ 1, 2, 3, 4 }), 0);
    assert_int_equal(asks(0xd, 2).eax, 256);
    assert_int_equal(asks(0xd, 2).ebx, 576);
    assert_int_equal(set_leaf(0xd, 0, (struct cpuid_regs){ 1, 2, 3, 4 }), 0);
    assert_int_equal(asks(0xd, 0).eax, 0xe7);
    assert_int_equal(set_leaf(0xd, 1, (struct cpuid_regs){ 0 }), 0);
    assert_false(sees(X86_XSAVEOPT));
    assert_int_equal(set_leaf(0xd, 62, (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u }), 0);
    assert_int_equal(asks(0xd, 62).eax, 0);
}

static void an_earlier_end(void **state)
{
    struct cpuid_regs r;

    (void)state;
    r = asks(0x80000000, 0);
    r.eax = 0x80000004;
    assert_int_equal(set_leaf(0x80000000, NONE, r), 0);
    assert_int_equal(asks(0x80000008, 0).eax, 0);
    assert_false(sees(X86_CLZERO) || sees(X86_ITSC));
    assert_true(sees(X86_LM));
    r = asks(7, 0);
    r.eax = 0;
    assert_int_equal(set_leaf(7, 0, r), 0);
    assert_false(sees(X86_AVX_VNNI));
    assert_int_equal(asks(7, 1).eax, 0);
    r = asks(0, 0);
    r.eax = 4;
    assert_int_equal(set_leaf(0, NONE, r), 0);
    assert_false(sees(X86_AVX2) || sees(X86_XSAVEOPT));
    assert_true(sees(X86_SSE3));
    assert_int_equal(asks(7, 0).ebx, 0);
    /* The vendor is a matter of the leaf. */
    r.ebx = 0x756e6547, r.edx = 0x49656e69, r.ecx = 0x6c65746e;
    assert_int_equal(set_leaf(0, NONE, r), 0);
    assert_int_equal(arch.policy->vendor, VENDOR_INTEL);
    /* The hypervisor's leaves, too, can be fewer. */
    assert_int_equal(set_leaf(0x40000000, NONE, (struct cpuid_regs){ 0x40000003, 1, 1, 1 }), 0);
    guest_vcpu.domain = &guest;
    guest_vcpu.arch = &guest_arch;
    guest_cpuid(&guest_vcpu, 0x40000000, 0, &r);
    assert_int_equal(r.eax, 0x40000003);
    guest_cpuid(&guest_vcpu, 0x40000004, 0, &r);
    assert_int_equal(r.ebx, 0);
    assert_int_equal(set_leaf(0x40000000, NONE, (struct cpuid_regs){ 0 }), 0);
    guest_cpuid(&guest_vcpu, 0x40000000, 0, &r);
    assert_int_equal(r.eax, XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES);
    guest_cpuid(&guest_vcpu, 0x40000100, 0, &r);
    assert_int_equal(r.eax, 0);
}

/* ---- refused ---- */

static void objections(void **state)
{
    static const struct {
        uint32_t leaf, subleaf, eax;
        int rc;
    } table[] = {
        { 0, NONE, 0xe, -EINVAL },
        { 0, NONE, ~0u, -EINVAL },
        { 7, 0, 3, -EINVAL },
        { 0x80000000, NONE, 0x80000022, -EINVAL },
        { 0x80000000, NONE, ~0u, -EINVAL },
        { 0, 0, 0xd, -ERANGE }, /* has no subleaves */
        { 1, 1, 0, -ERANGE },
        { 4, 6, 0, -ERANGE },
        { 4, NONE, 0, -ERANGE },
        { 7, 3, 0, -ERANGE },
        { 0xb, 2, 0, -ERANGE },
        { 0xd, 63, 0, -ERANGE },
        { 0xe, NONE, 0, -ERANGE },
        { 0x3fffffff, NONE, 0, -ERANGE },
        { 0x40000000, 0, 0, -ERANGE },
        { 0x40000001, NONE, 0, -ERANGE },
        { 0x40000200, NONE, 0, -ERANGE },
        { 0x80000022, NONE, 0, -ERANGE },
        { 0xffffffff, NONE, 0, -ERANGE },
        { 0xffffffff, 0xffffffff, ~0u, -ERANGE },
    };
    struct cpu_policy before = *arch.policy;

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(table); n++) {
        assert_int_equal(
            set_leaf(table[n].leaf, table[n].subleaf, (struct cpuid_regs){ .eax = table[n].eax }),
            table[n].rc);
        assert_int_equal(op.u.cpu_policy.err_leaf, table[n].leaf);
        assert_int_equal(op.u.cpu_policy.err_subleaf, table[n].subleaf);
        assert_int_equal(op.u.cpu_policy.err_msr, ~0u);
        assert_memory_equal(arch.policy, &before, sizeof(before));
    }
}

static void msr_objections(void **state)
{
    static const struct {
        xen_msr_entry_t entry;
        int rc;
    } table[] = {
        { { 0xce, 0, 1UL << 31 }, -EINVAL }, /* more than the maximum */
        { { 0xce, 0, 1UL << 32 }, -EOVERFLOW }, { { 0xce, 1, 0 }, -EINVAL },
        { { 0x10a, 1, 0 }, -EINVAL },           { { 0xcf, 0, 0 }, -ERANGE },
        { { 0xc0000080, 0, 0 }, -ERANGE },
    };
    struct cpu_policy before = *arch.policy;

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(table); n++) {
        msrs[0] = table[n].entry;
        assert_int_equal(set(0, 1), table[n].rc);
        assert_int_equal(op.u.cpu_policy.err_msr, table[n].entry.idx);
        assert_int_equal(op.u.cpu_policy.err_leaf, ~0u);
        assert_memory_equal(arch.policy, &before, sizeof(before));
    }
    /* Claims of immunity beyond the maximum's are dropped. */
    msrs[0] = (xen_msr_entry_t){ 0x10a, 0, ~0UL };
    assert_int_equal(set(0, 1), 0);
    assert_memory_equal(arch.policy, &before, sizeof(before));
    msrs[0] = (xen_msr_entry_t){ 0x10a, 0, 0 };
    assert_int_equal(set(0, 1), 0);
    assert_int_equal(arch.policy->features[WORD_ARCH_CAPS_LO], 0);
}

static void not_possible(void **state)
{
    struct cpu_policy before = *arch.policy;

    (void)state;
    assert_int_equal(get(), 0);
    assert_int_equal(set(POLICY_LIST_LEAVES + 1, 0), -E2BIG);
    assert_int_equal(set(~0u, 0), -E2BIG);
    assert_int_equal(set(0, POLICY_LIST_MSRS + 1), -E2BIG);
    op.u.cpu_policy.nr_leaves = 1;
    op.u.cpu_policy.nr_msrs = 0;
    op.u.cpu_policy.leaves.p = (void *)8;
    assert_int_equal(domctl_set_cpu_policy(&guest, &op), -EFAULT);
    op.u.cpu_policy.nr_leaves = 0;
    op.u.cpu_policy.nr_msrs = 1;
    op.u.cpu_policy.msrs.p = NULL;
    assert_int_equal(domctl_set_cpu_policy(&guest, &op), -EFAULT);
    fake_alloc_fail_at = fake_allocs + 1;
    assert_int_equal(set(0, 0), -ENOMEM);
    fake_alloc_fail_at = 0;
    caller.domain = &guest;
    assert_int_equal(set(0, 0), -EINVAL);
    caller.domain = &control;
    guest_vcpu.runstate.time[RUNSTATE_running] = 1;
    assert_int_equal(set_leaf(1, NONE, (struct cpuid_regs){ 0 }), -EEXIST);
    assert_memory_equal(arch.policy, &before, sizeof(before));
}

static bool states_go_together(uint64_t xcr0)
{
    uint64_t basic = XCR0_X87 | XCR0_SSE, avx512 = xcr0 & XCR0_AVX512;

    return xcr0 == 0 ||
           ((xcr0 & basic) == basic && (avx512 == 0 || (avx512 == XCR0_AVX512 && xcr0 & XCR0_AVX)));
}

static uint32_t random32(void)
{
    return (uint32_t)random() << 16 ^ (uint32_t)random();
}

/* Whatever is set: no feature, state or leaf beyond the maximum; and what is got can be set. */
static void anything(void **state)
{
    static const uint32_t first[] = { 0,   1,   4,          7,          7,         0xb,
                                      0xd, 0xd, 0x40000000, 0x80000000, 0x80000001 };
    struct cpu_policy before;
    unsigned int taken = 0, refused = 0;

    (void)state;
    srandom(3);
    for (unsigned int round = 0; round < 30000; round++) {
        uint32_t count = (uint32_t)random() % 6, nr_msrs = (uint32_t)random() % 3;

        for (uint32_t n = 0; n < count; n++) {
            uint32_t leaf = random() & 1
                                ? first[(unsigned int)random() % ARRAY_SIZE(first)]
                                : ((uint32_t)random() % 0x10) | (random() & 1 ? 0x80000000 : 0);

            leaves[n] =
                (xen_cpuid_leaf_t){ leaf,
                                    policy_has_subleaves(leaf) ? (uint32_t)random() % 4 : NONE,
                                    random32() & random32(),
                                    random32(),
                                    random32(),
                                    random32() };
            if (leaf == 0 || leaf == 7 || leaf == 0x80000000)
                leaves[n].a = (leaf & 0x80000000) | (uint32_t)random() % (leaf == 7 ? 4 : 16);
        }
        for (uint32_t n = 0; n < nr_msrs; n++)
            msrs[n] =
                (xen_msr_entry_t){ random() & 1 ? 0x10a : 0xce, 0,
                                   random() & 1 ? 0 : (uint64_t)random32() << 32 | random32() };
        before = *arch.policy;
        if (set(count, nr_msrs)) {
            refused++;
            assert_memory_equal(arch.policy, &before, sizeof(before));
            continue;
        }
        taken++;
        for (unsigned int n = 0; n < NR_FEATURE_WORDS; n++)
            assert_int_equal(arch.policy->features[n] & ~pv.features[n], 0);
        assert_true(states_go_together(arch.policy->xcr0));
        assert_int_equal(arch.policy->xcr0 & ~pv.xcr0, 0);
        assert_true(asks(0, 0).eax <= 0xd && asks(0x80000000, 0).eax <= 0x80000021);
        before = *arch.policy;
        assert_int_equal(get(), 0);
        assert_int_equal(set(op.u.cpu_policy.nr_leaves, op.u.cpu_policy.nr_msrs), 0);
        assert_memory_equal(arch.policy, &before, sizeof(before));
        if (round % 8 == 0)
            *arch.policy = pv;
    }
    print_message("# %u policies taken, %u refused\n", taken, refused);
    assert_true(taken > 3000 && refused > 3000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest list_tests[] = {
    TEST(form_of_the_list),
    TEST(sizes),
    TEST(of_the_machine),
    TEST(feature_sets),
    TEST(back_as_it_was),
    TEST(no_more_than_the_maximum),
    TEST(sizes_of_states_are_the_machines),
    TEST(an_earlier_end),
    TEST(objections),
    TEST(msr_objections),
    TEST(not_possible),
    TEST(anything),
};
const size_t nr_list_tests = ARRAY_SIZE(list_tests);
