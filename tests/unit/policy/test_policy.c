/*
 * CPU policies from made-up CPUs: what a PV guest must never see, that it never sees more than the
 * host has, and the leaves that depend on the vCPU. Then the MSRs that need no CPU.
 */
#include "policy_test.h"

#include <xen/arch-x86/cpuid.h>
#include "../fake/hv.h"

struct host_cpu host_cpu;
uint64_t tsc_hz = 2400000000u;
static uint64_t max_xcr0;
static uint64_t written_msr;

uint64_t fpu_max_xcr0(void)
{
    return max_xcr0;
}

bool tsc_is_synchronised(void)
{
    return true;
}

uint64_t rdmsr(uint32_t msr)
{
    return msr == MSR_EFER ? EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | 0x1000 : 0;
}

void wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr;
    written_msr = value;
}

/* ---- a CPU that claims everything ---- */

uint32_t bits = ~0u;

static struct cpuid_regs made_up(uint32_t leaf, uint32_t subleaf)
{
    static const struct {
        uint32_t size, offset;
    } state[] = { { 0, 0 },     { 0, 0 },     { 256, 576 },  { 64, 960 },
                  { 64, 1024 }, { 64, 1088 }, { 512, 1152 }, { 1024, 1664 } };

    switch (leaf) {
    case 0:
        if (host_cpu.vendor == VENDOR_AMD)
            return (struct cpuid_regs){ 0x1f, 0x68747541, 0x444d4163, 0x69746e65 };
        return (struct cpuid_regs){ 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 };
    case 1:
        return (struct cpuid_regs){ 0x806f8, 0x07200800, bits, bits };
    case 4:
        return (struct cpuid_regs){ 0xfc1fc121, 1, 2, 3 }; /* never a last one */
    case 7:
        return (struct cpuid_regs){ subleaf ? bits : 2, bits, bits, bits };
    case 0xd:
        if (subleaf == 0)
            return (struct cpuid_regs){ 0x602e7, 0xa88, 0x2b00, 0 };
        if (subleaf == 1)
            return (struct cpuid_regs){ 0x1f, 0x988, 0x1900, 0 };
        if (subleaf < ARRAY_SIZE(state))
            return (struct cpuid_regs){ state[subleaf].size, state[subleaf].offset, 0, 0 };
        return (struct cpuid_regs){ 64, 2752, 2, 0 };
    case 0x80000000:
        return (struct cpuid_regs){ 0x80000028, 1, 2, 3 };
    case 0x80000001:
        return (struct cpuid_regs){ 0x806f8, 0, bits, bits };
    case 0x80000008:
        return (struct cpuid_regs){ 0x3934, bits, 0x707f, 0x10007 };
    default:
        return (struct cpuid_regs){ bits, bits, bits, bits };
    }
}

struct cpu_policy host, pv;

void derive(enum cpu_vendor vendor, uint64_t xcr0)
{
    host_cpu = (struct host_cpu){ .vendor = vendor, .max_leaf = 0x1f, .max_ext_leaf = 0x80000028 };
    for (unsigned int n = 0; n < NR_FEATURE_WORDS; n++)
        host_cpu.features[n] = bits;
    policy_read_host(&host, made_up, &host_cpu);
    policy_derive_pv(&pv, &host, xcr0);
}

static struct cpuid_regs ask(unsigned int vcpu, uint64_t xcr0, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    policy_cpuid(&pv, vcpu, xcr0, leaf, subleaf, &r);
    return r;
}

static bool is_zero(struct cpuid_regs r)
{
    return !(r.eax | r.ebx | r.ecx | r.edx);
}

static void hidden_from_pv(void **state)
{
    static const uint16_t hidden[] = {
        X86_PSE,          X86_VME,      X86_PSE36, X86_MTRR, X86_DS,         X86_HTT,
        X86_MONITOR,      X86_VMX,      X86_SMX,   X86_PDCM, X86_PCID,       X86_X2APIC,
        X86_TSC_DEADLINE, X86_PAGE1GB,  X86_SVM,   X86_OSVW, X86_IBS,        X86_TOPOEXT,
        X86_XSAVES,       X86_MPX,      X86_SMEP,  X86_SMAP, X86_UMIP,       X86_PKU,
        X86_INVPCID,      X86_RTM,      X86_HLE,   X86_SGX,  X86_PROC_TRACE, X86_CET_SS,
        X86_CET_IBT,      X86_IBRSB,    X86_STIBP, X86_SSBD, X86_TSC_ADJUST, X86_ENQCMD,
        X86_SKIP_L1DFL,   X86_TSX_CTRL,
    };

    (void)state;
    bits = ~0u;
    derive(VENDOR_INTEL, ALL_STATES);
    for (unsigned int n = 0; n < ARRAY_SIZE(hidden); n++)
        assert_false(policy_has(&pv, hidden[n]));
    assert_true(policy_has(&pv, X86_HYPERVISOR));
    assert_true(policy_has(&pv, X86_AVX512F) && policy_has(&pv, X86_FSGSBASE));
    assert_false(ask(0, 3, 1, 0).ecx >> (X86_VMX % 32) & 1);
    assert_false(ask(0, 3, 7, 0).ebx >> (X86_SMAP % 32) & 1);
}

static void never_more_than_the_host(void **state)
{
    (void)state;
    srandom(1);
    for (unsigned int round = 0; round < 1000; round++) {
        bits = (uint32_t)random() << 1;
        derive(round & 1 ? VENDOR_AMD : VENDOR_INTEL, (uint64_t)random() & ALL_STATES);
        for (unsigned int n = 0; n < NR_FEATURE_WORDS; n++) {
            uint32_t more = pv.features[n] & ~bits;

            assert_int_equal(more & ~(n == WORD_1C ? 1u << 31 : 0), 0);
        }
        assert_int_equal(pv.xcr0 & ~ALL_STATES, 0);
    }
    bits = ~0u;
}

/* Features go with the state they need. */
static void without_their_state(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_INTEL, 0);
    assert_false(policy_has(&pv, X86_XSAVE) || policy_has(&pv, X86_AVX) ||
                 policy_has(&pv, X86_XSAVEOPT) || policy_has(&pv, X86_FMA));
    assert_true(is_zero(ask(0, 0, 0xd, 0)) && is_zero(ask(0, 0, 0xd, 1)) &&
                is_zero(ask(0, 0, 0xd, 2)));
    assert_int_equal(ask(0, 0, 1, 0).ecx >> (X86_OSXSAVE % 32) & 1, 0);
    derive(VENDOR_INTEL, 7);
    assert_true(policy_has(&pv, X86_AVX2) && !policy_has(&pv, X86_AVX512F));
    assert_true(is_zero(ask(0, 7, 0xd, 5)) && is_zero(ask(0, 7, 0xd, 9)));
    derive(VENDOR_INTEL, 7 | 0x20); /* AVX-512 in part is none */
    assert_int_equal(pv.xcr0, 7);
}

static void xsave_sizes_follow_xcr0(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_INTEL, ALL_STATES);
    assert_int_equal(ask(0, 3, 0xd, 0).ebx, 576);
    assert_int_equal(ask(0, 7, 0xd, 0).ebx, 832);
    assert_int_equal(ask(0, 0xe7, 0xd, 0).ebx, 2688);
    assert_int_equal(ask(0, 3, 0xd, 0).ecx, 2688);
    assert_int_equal(ask(0, 3, 0xd, 0).eax, 0xe7);
    assert_int_equal(ask(0, 7, 0xd, 1).ebx, 832);
    assert_int_equal(ask(0, 0xe7, 0xd, 1).ebx, 576 + 256 + 64 + 512 + 1024);
    assert_int_equal(ask(0, 7, 0xd, 2).ebx, 576);
}

static void each_vcpu_is_a_package(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_INTEL, ALL_STATES);
    assert_int_equal(ask(0, 3, 1, 0).ebx, 0x800);
    assert_int_equal(ask(5, 3, 1, 0).ebx, 10 << 24 | 0x800);
    assert_int_equal(ask(5, 3, 1, 0).edx >> (X86_HTT % 32) & 1, 0);
    assert_true(ask(5, 3, 1, 0).ecx >> (X86_OSXSAVE % 32) & 1);
    assert_int_equal(ask(5, 3, 4, 0).eax >> 14, 0);
    assert_true(is_zero(ask(5, 3, 0xb, 0)));
    assert_int_equal(ask(5, 3, 0x80000008, 0).ecx, 0);
    assert_int_equal(ask(5, 3, 0x80000008, 0).eax, 0x3934);
}

static void unknown_leaves_are_zero(void **state)
{
    static const uint32_t leaves[] = { 3,          5,          6,          9,          0xa,
                                       0xe,        0x14,       0x1f,       0x3fffffff, 0x40000100,
                                       0x80000009, 0x8000000a, 0x8000001e, 0x80000022, ~0u };

    (void)state;
    bits = ~0u;
    derive(VENDOR_AMD, ALL_STATES);
    for (unsigned int n = 0; n < ARRAY_SIZE(leaves); n++)
        assert_true(is_zero(ask(0, 3, leaves[n], 0)));
    assert_true(is_zero(ask(0, 3, 7, 3)) && is_zero(ask(0, 3, 4, 100)));
    assert_int_equal(ask(0, 3, 0, 0).eax, 0xd);
    assert_int_equal(ask(0, 3, 0x80000000, 0).eax, 0x80000021);
    derive(VENDOR_INTEL, ALL_STATES);
    assert_int_equal(ask(0, 3, 0x80000000, 0).eax, 0x80000008);
    /* A subleaf means nothing to a leaf that has none. */
    assert_int_equal(ask(0, 3, 0x80000008, 77).eax, 0x3934);
}

static void leaves_are_sorted_and_fit(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_AMD, ALL_STATES);
    assert_true(host.nr_leaves < POLICY_MAX_LEAVES);
    for (unsigned int n = 1; n < host.nr_leaves; n++) {
        const struct policy_leaf *a = &host.leaves[n - 1], *b = &host.leaves[n];

        assert_true(a->leaf < b->leaf || (a->leaf == b->leaf && a->subleaf < b->subleaf));
    }
}

/* ---- as a domain sees it ---- */

static struct arch_domain arch_domain;
static struct domain domain = { .arch = &arch_domain };
static struct arch_vcpu arch_vcpu = { .xcr0 = 3 };
static struct vcpu vcpu = { .id = 1, .domain = &domain, .arch = &arch_vcpu };

static int open_domain(void **state)
{
    (void)state;
    bits = ~0u;
    derive(VENDOR_AMD, ALL_STATES);
    pv_max_policy = pv;
    fake_alloc_fail_at = fake_allocs + 1;
    assert_int_equal(policy_domain_init(&domain), -ENOMEM);
    fake_alloc_fail_at = 0;
    assert_int_equal(policy_domain_init(&domain), 0);
    return 0;
}

static int close_domain(void **state)
{
    (void)state;
    policy_domain_free(&domain);
    policy_domain_free(&domain);
    return 0;
}

static void hypervisor_leaves(void **state)
{
    struct cpuid_regs r;

    (void)state;
    guest_cpuid(&vcpu, 0x40000000, 0, &r);
    assert_true(r.eax >= 0x40000002 && r.ebx == XEN_CPUID_SIGNATURE_EBX &&
                r.ecx == XEN_CPUID_SIGNATURE_ECX && r.edx == XEN_CPUID_SIGNATURE_EDX);
    guest_cpuid(&vcpu, 0x40000001, 0, &r);
    assert_int_equal(r.eax, 0x00040011);
    assert_int_equal(guest_tsc_set(&domain, TSC_MODE_DEFAULT, 0, 0, 0), 0);
    guest_cpuid(&vcpu, 0x40000003, 0, &r);
    assert_true(r.ebx == 0 && r.ecx == 2400000 && r.edx == 1 && !(r.eax & 1));
    assert_int_equal(guest_tsc_set(&domain, TSC_MODE_ALWAYS_EMULATE, 1000000, 0, 6), 0);
    guest_cpuid(&vcpu, 0x40000003, 0, &r);
    assert_true(r.ebx == 1 && r.ecx == 1000000 && r.edx == 7 && r.eax & 1);
    guest_cpuid(&vcpu, 0x40000003, 1, &r);
    assert_true(r.eax == 0 && r.ebx == 0 && r.ecx == 1u << 31 && r.edx == 1);
    guest_cpuid(&vcpu, 0x40000003, 2, &r);
    assert_int_equal(r.eax, 2400000);
    guest_cpuid(&vcpu, 0x40000006, 0, &r);
    assert_true(is_zero(r));
    guest_cpuid(&vcpu, 1, 0, &r);
    assert_int_equal(r.ebx >> 24, 2);
}

static void msrs(void **state)
{
    static const struct {
        uint32_t msr;
        uint64_t value;
    } constant[] = {
        { 0x1b, 0xfee00800 },
        { 0x8b, 0 },
        { 0x140, 0 },
        { 0x179, 0 },
        { 0x17a, 0 },
        { 0x1d9, 0 },
        { MSR_PAT, PV_PAT },
        { 0x345, 0 },
        { MSR_EFER, 0xd01 },
        { MSR_TSC_AUX, 0 },
        { 0xc0010007, 0 },
        { 0xc0010010, 0 },
        { 0xc0010015, 1 << 24 },
        { 0xc001001f, 0 },
        { 0xc0010200, 0 },
        { 0xc001020b, 0 },
        { 0xc0011029, 2 },
    };
    static const uint32_t none[] = { 0,          1,          0x3a, /* Intel only */
                                     0x48,       0x79,       0x80,       0x174,      0x176,
                                     0x17b,      0x199,      0x200, /* hardware domain only */
                                     0x276,      0x278,      0x6e0,      0x802,      0x40000000,
                                     0xc0000081, 0xc0000082, 0xc0000104, 0xc0010008, 0xc0010114,
                                     0xc0011028, 0xc001102a, ~0u };
    uint64_t value;

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(constant); n++) {
        value = ~0u;
        assert_int_equal(guest_rdmsr(&vcpu, constant[n].msr, &value), 0);
        assert_int_equal(value, constant[n].value);
    }
    for (unsigned int n = 0; n < ARRAY_SIZE(none); n++) {
        assert_int_equal(guest_rdmsr(&vcpu, none[n], &value), -EINVAL);
        assert_int_equal(guest_wrmsr(&vcpu, none[n], 0), -EINVAL);
    }
}

/* Banks of machine checks: none at first; those of another machine are there, and empty. */
static void machine_checks(void **state)
{
    uint64_t value;

    (void)state;
    for (uint32_t msr = 0x400; msr < 0x480; msr++)
        assert_int_equal(guest_rdmsr(&vcpu, msr, &value), -EINVAL);
    assert_int_equal(guest_rdmsr(&vcpu, 0x280, &value), -EINVAL);
    arch_vcpu.mcg_cap = 1UL << 27 | 1UL << 8 | 3;
    domain.arch->policy->vendor = VENDOR_INTEL;
    assert_int_equal(guest_rdmsr(&vcpu, 0x179, &value), 0);
    assert_int_equal(value, arch_vcpu.mcg_cap);
    for (uint32_t msr = 0x400; msr < 0x40c; msr++) {
        assert_int_equal(guest_rdmsr(&vcpu, msr, &value), 0);
        assert_int_equal(value, msr % 4 ? 0 : ~0UL);
        assert_int_equal(guest_wrmsr(&vcpu, msr, 0), 0);
        assert_int_equal(guest_wrmsr(&vcpu, msr, 1), msr % 4 ? -EINVAL : 0);
    }
    assert_int_equal(guest_rdmsr(&vcpu, 0x40c, &value), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x40c, 0), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x281, 0x40000001), 0);
    assert_int_equal(guest_rdmsr(&vcpu, 0x281, &value), 0);
    assert_int_equal(value, 0x40000001);
    assert_int_equal(guest_wrmsr(&vcpu, 0x281, 1UL << 31), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x282, 1), 0);
    assert_int_equal(guest_rdmsr(&vcpu, 0x283, &value), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x4d0, 1), 0);
    assert_int_equal(guest_wrmsr(&vcpu, 0x4d0, 2), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x17a, 0), 0);
    assert_int_equal(guest_wrmsr(&vcpu, 0x17a, 4), -EINVAL);
    assert_int_equal(guest_rdmsr(&vcpu, 0x17b, &value), 0);
    arch_vcpu.mcg_cap = 0;
    assert_int_equal(guest_rdmsr(&vcpu, 0x17b, &value), -EINVAL);
    assert_int_equal(guest_rdmsr(&vcpu, 0x4d0, &value), -EINVAL);
}

static void msr_writes(void **state)
{
    (void)state;
    assert_int_equal(guest_wrmsr(&vcpu, MSR_PAT, PV_PAT), 0);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_PAT, 0x0007040600070406), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_EFER, 0xd01), 0);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_EFER, 0x1d01), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x1b, 0), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, 0x49, 1), 0);
    assert_int_equal(written_msr, 1);
    assert_int_equal(guest_wrmsr(&vcpu, 0x49, 2), -EINVAL);
    /* Non-canonical bases never reach the CPU. */
    written_msr = 0;
    assert_int_equal(guest_wrmsr(&vcpu, MSR_FS_BASE, 0x800000000000), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_GS_BASE, 1UL << 63), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_KERNEL_GS_BASE, 0xffff7fffffffffff), -EINVAL);
    assert_int_equal(written_msr, 0);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_KERNEL_GS_BASE, 0x7fffffffffff), 0);
    assert_int_equal(arch_vcpu.pv.gs_base_user, 0x7fffffffffff);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_TSC_AUX, 1UL << 32), -EINVAL);
    assert_int_equal(guest_wrmsr(&vcpu, MSR_TSC_AUX, 7), 0);
    assert_int_equal(arch_vcpu.tsc_aux, 7);
    /* CPUID faulting is only there if it was offered. */
    assert_int_equal(guest_wrmsr(&vcpu, 0x140, 1), -EINVAL);
    domain.arch->policy->cpuid_faulting = true;
    assert_int_equal(guest_wrmsr(&vcpu, 0x140, 1), 0);
    assert_int_equal(guest_wrmsr(&vcpu, 0x140, 2), -EINVAL);
    assert_int_equal(arch_vcpu.misc_features, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_from_pv),
        cmocka_unit_test(never_more_than_the_host),
        cmocka_unit_test(without_their_state),
        cmocka_unit_test(xsave_sizes_follow_xcr0),
        cmocka_unit_test(each_vcpu_is_a_package),
        cmocka_unit_test(unknown_leaves_are_zero),
        cmocka_unit_test(leaves_are_sorted_and_fit),
        cmocka_unit_test_setup_teardown(hypervisor_leaves, open_domain, close_domain),
        cmocka_unit_test_setup_teardown(msrs, open_domain, close_domain),
        cmocka_unit_test_setup_teardown(machine_checks, open_domain, close_domain),
        cmocka_unit_test_setup_teardown(msr_writes, open_domain, close_domain),
    };

    struct CMUnitTest all[ARRAY_SIZE(tests) + 32];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
        all[n++] = tests[i];
    for (size_t i = 0; i < nr_list_tests; i++)
        all[n++] = list_tests[i];
    return _cmocka_run_group_tests("policy", all, n, NULL, NULL);
}
