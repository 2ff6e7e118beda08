/*
 * CPU policies (arch/policy.h): what a guest is told about the CPU. The host's is read once, the
 * PV maximum is derived from it by the lists below, domains start with the maximum. Deriving is
 * pure. Per-vCPU facts are put in when CPUID is executed. Intel SDM volume 2A "CPUID", AMD APM
 * volume 3 appendix E.
 */
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/string.h>
#include <xen/arch-x86/cpuid.h>
#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/policy.h>
#include <arch/tsc.h>

#define MAX_BASIC_LEAF POLICY_MAX_BASIC
#define EXTENDED       0x80000000U
#define NR_XSTATES     20U /* state components that are defined */

struct cpu_policy host_policy, pv_max_policy;

const uint32_t policy_own_leaves[2] = { XEN_CPUID_FIRST_LEAF, XEN_CPUID_FIRST_LEAF + 0x100 };

enum cpu_vendor cpu_vendor_of(const struct cpuid_regs *leaf0)
{
    char id[12];

    memcpy(id, &leaf0->ebx, 4);
    memcpy(id + 4, &leaf0->edx, 4);
    memcpy(id + 8, &leaf0->ecx, 4);
    if (!memcmp(id, "GenuineIntel", 12))
        return VENDOR_INTEL;
    if (!memcmp(id, "AuthenticAMD", 12) || !memcmp(id, "HygonGenuine", 12))
        return VENDOR_AMD;
    return VENDOR_OTHER;
}

/* What a PV guest may use: it has an effect on nobody else, or traps to us. */
static const uint16_t pv_features[] = {
    X86_FPU, X86_DE, X86_TSC, X86_MSR, X86_PAE, X86_MCE, X86_CX8, X86_APIC, X86_SEP, X86_MCA,
    X86_CMOV, X86_PAT, X86_CLFLUSH, X86_ACPI, X86_MMX, X86_FXSR, X86_SSE, X86_SSE2, X86_SS,
    /* 1.ecx */
    X86_SSE3, X86_PCLMULQDQ, X86_SSSE3, X86_CX16, X86_SSE4_1, X86_SSE4_2, X86_MOVBE, X86_POPCNT,
    X86_AESNI, X86_XSAVE, X86_RDRAND, X86_HYPERVISOR,
    /* 0x80000001 */
    X86_SYSCALL, X86_NX, X86_MMXEXT, X86_FFXSR, X86_RDTSCP, X86_LM, X86_3DNOWEXT, X86_3DNOW,
    X86_LAHF_LM, X86_ABM, X86_SSE4A, X86_MISALIGNSSE, X86_3DNOWPREFETCH, X86_TBM,
    /* 0xd.1 */
    X86_XSAVEOPT, X86_XSAVEC, X86_XGETBV1,
    /* 7 */
    X86_FSGSBASE, X86_BMI1, X86_FDP_EXCP_ONLY, X86_BMI2, X86_ERMS, X86_NO_FPU_SEL, X86_RDSEED,
    X86_ADX, X86_CLFLUSHOPT, X86_CLWB, X86_SHA, X86_PREFETCHWT1, X86_GFNI, X86_RDPID, X86_CLDEMOTE,
    X86_FSRM, X86_MD_CLEAR, X86_SERIALIZE, X86_ARCH_CAPS, X86_FZRM, X86_FSRS, X86_FSRCS,
    X86_MCDT_NO,
    /* 0x80000007, 8, 0x21 */
    X86_ITSC, X86_CLZERO, X86_RSTR_FP_ERR_PTRS, X86_IBPB, X86_SSB_NO, X86_BTC_NO, X86_IBPB_RET,
    X86_LFENCE_DISPATCH, X86_VERW_CLEAR, X86_NSCB, X86_IBPB_BRTYPE, X86_SRSO_NO, X86_SRSO_US_NO,
    X86_TSA_SQ_NO, X86_TSA_L1_NO,
    /* IA32_ARCH_CAPABILITIES: what the CPU is immune to */
    X86_RDCL_NO, X86_INTEL_SSB_NO, X86_MDS_NO, X86_IF_PSCHANGE_MC_NO, X86_TAA_NO, X86_SBDR_SSDP_NO,
    X86_FBSDP_NO, X86_PSDP_NO, X86_FB_CLEAR, X86_BHI_NO, X86_PBRSB_NO, X86_GDS_NO, X86_RFDS_NO,
    X86_RFDS_CLEAR, X86_ITS_NO
};

/* And these if the state they need is switched. */
static const uint16_t avx_features[] = { X86_AVX,  X86_FMA,  X86_F16C,       X86_XOP,     X86_FMA4,
                                         X86_AVX2, X86_VAES, X86_VPCLMULQDQ, X86_AVX_VNNI };
static const uint16_t avx512_features[] = {
    X86_AVX512F,          X86_AVX512DQ,      X86_AVX512_IFMA,   X86_AVX512PF,
    X86_AVX512ER,         X86_AVX512CD,      X86_AVX512BW,      X86_AVX512VL,
    X86_AVX512_VBMI,      X86_AVX512_VBMI2,  X86_AVX512_VNNI,   X86_AVX512_BITALG,
    X86_AVX512_VPOPCNTDQ, X86_AVX512_4VNNIW, X86_AVX512_4FMAPS, X86_AVX512_BF16
};

/* ---- leaves ---- */

static bool is_own(uint32_t leaf)
{
    return leaf >> 16 == XEN_CPUID_FIRST_LEAF >> 16;
}

struct policy_leaf *policy_find_leaf(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    unsigned int low = 0, high = p->nr_leaves;

    while (low < high) {
        unsigned int middle = (low + high) / 2;
        const struct policy_leaf *l = &p->leaves[middle];

        if (l->leaf == leaf && l->subleaf == subleaf)
            return (struct policy_leaf *)(uintptr_t)l;
        if (l->leaf < leaf || (l->leaf == leaf && l->subleaf < subleaf))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* In ascending order; what does not fit any more is not offered. */
static void add_leaf(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, struct cpuid_regs r)
{
    if (p->nr_leaves < POLICY_MAX_LEAVES)
        p->leaves[p->nr_leaves++] = (struct policy_leaf){ leaf, subleaf, r };
}

static struct cpuid_regs get_leaf(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    const struct policy_leaf *l = policy_find_leaf(p, leaf, subleaf);

    return l ? l->r : (struct cpuid_regs){ 0 };
}

bool policy_has_subleaves(uint32_t leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static void read_subleaves(struct cpu_policy *p, cpuid_fn read, uint32_t leaf)
{
    struct cpuid_regs r = read(leaf, 0);
    uint64_t components = r.eax | (uint64_t)r.edx << 32;

    add_leaf(p, leaf, 0, r);
    switch (leaf) {
    case 4: /* caches, until type 0 */
        for (uint32_t n = 1; r.eax & 0x1f && n < POLICY_CACHES; n++)
            add_leaf(p, leaf, n, r = read(leaf, n));
        break;
    case 7:
        for (uint32_t n = 1; n <= min(r.eax, 2U); n++)
            add_leaf(p, leaf, n, read(leaf, n));
        break;
    case 0xd:
        add_leaf(p, leaf, 1, read(leaf, 1));
        for (uint32_t n = 2; n < NR_XSTATES; n++)
            if (components >> n & 1)
                add_leaf(p, leaf, n, read(leaf, n));
        break;
    default: /* 0xb: topology is not told */
        break;
    }
}

void policy_read_host(struct cpu_policy *p, cpuid_fn read, const struct host_cpu *host)
{
    uint32_t max = min(host->max_leaf, MAX_BASIC_LEAF);
    uint32_t max_extended = min(host->max_ext_leaf, POLICY_MAX_EXTENDED);

    memset(p, 0, sizeof(*p));
    p->vendor = host->vendor;
    p->cpuid_faulting = host->cpuid_faulting;
    memcpy(p->features, host->features, sizeof(p->features));
    for (uint32_t leaf = 0; leaf <= max; leaf++)
        if (policy_has_subleaves(leaf))
            read_subleaves(p, read, leaf);
        else
            add_leaf(p, leaf, 0, read(leaf, 0));
    /* Where the hypervisor's leaves end, for domains that are to see less of them. */
    for (unsigned int n = 0; n < ARRAY_SIZE(policy_own_leaves); n++)
        add_leaf(p, policy_own_leaves[n], 0, (struct cpuid_regs){ 0 });
    for (uint32_t leaf = EXTENDED; leaf <= max_extended; leaf++)
        add_leaf(p, leaf, 0, read(leaf, 0));
}

/* ---- what a PV guest may have ---- */

static void allow(struct cpu_policy *p, const uint32_t *offered, const uint16_t *list,
                  unsigned int count)
{
    for (unsigned int n = 0; n < count; n++)
        p->features[list[n] / 32] |= offered[list[n] / 32] & 1U << (list[n] % 32);
}

static void derive_features(struct cpu_policy *p, const uint32_t offered[NR_FEATURE_WORDS],
                            uint64_t xcr0)
{
    memset(p->features, 0, sizeof(p->features));
    allow(p, offered, pv_features, ARRAY_SIZE(pv_features));
    if (!policy_has(p, X86_XSAVE))
        xcr0 = 0;
    if (!xcr0) {
        p->features[WORD_1C] &= ~(1U << (X86_XSAVE % 32));
        p->features[WORD_DA1] = 0;
    }
    if (xcr0 & XCR0_AVX)
        allow(p, offered, avx_features, ARRAY_SIZE(avx_features));
    if ((xcr0 & XCR0_AVX512) == XCR0_AVX512 && policy_has(p, X86_AVX2))
        allow(p, offered, avx512_features, ARRAY_SIZE(avx512_features));
    if (!policy_has(p, X86_AVX))
        xcr0 &= ~(XCR0_AVX | XCR0_AVX512);
    if (!policy_has(p, X86_AVX512F))
        xcr0 &= ~XCR0_AVX512;
    p->xcr0 = xcr0;
}

/* Bytes of an XSAVE area for `components`, in the standard or the compacted form. */
static uint32_t xsave_bytes(const struct cpu_policy *p, uint64_t components, bool compacted)
{
    uint32_t size = FXSAVE_SIZE + 64;

    for (uint32_t n = 2; n < NR_XSTATES; n++) {
        struct cpuid_regs r;

        if (!(components >> n & 1))
            continue;
        r = get_leaf(p, 0xd, n);
        if (!compacted)
            size = max(size, r.eax + r.ebx);
        else
            size = (r.ecx & 2 ? ROUND_UP(size, 64U) : size) + r.eax;
    }
    return size;
}

/* What depends on the policy alone goes into its leaves; zero for what is not said here. */
static struct cpuid_regs derive_leaf(const struct cpu_policy *p, const struct policy_leaf *l)
{
    const uint32_t *f = p->features;
    struct cpuid_regs r = l->r;

    switch (l->leaf) {
    case 0: /* highest leaf and vendor */
        r.eax = min(r.eax, MAX_BASIC_LEAF);
        return r;
    case 1: /* one logical CPU a package; the vCPU's APIC ID is put in later */
        return (struct cpuid_regs){ r.eax, r.ebx & 0xff00, f[WORD_1C], f[WORD_1D] };
    case 2: /* cache descriptors, brand string, cache sizes */
    case EXTENDED + 2:
    case EXTENDED + 3:
    case EXTENDED + 4:
    case EXTENDED + 5:
    case EXTENDED + 6:
        return r;
    case 4: /* caches, shared with nobody */
        r.eax &= 0x3fff;
        return r;
    case 7:
        switch (l->subleaf) {
        case 0:
            return (struct cpuid_regs){ min(r.eax, 2U), f[WORD_7B0], f[WORD_7C0], f[WORD_7D0] };
        case 1:
            return (struct cpuid_regs){ f[WORD_7A1], f[WORD_7B1], f[WORD_7C1], f[WORD_7D1] };
        default:
            return (struct cpuid_regs){ .edx = f[WORD_7D2] };
        }
    case 0xd: /* sizes for what the vCPU has enabled are put in later */
        if (!p->xcr0)
            break;
        if (l->subleaf == 0)
            return (struct cpuid_regs){ .eax = (uint32_t)p->xcr0,
                                        .ecx = xsave_bytes(p, p->xcr0, false),
                                        .edx = (uint32_t)(p->xcr0 >> 32) };
        if (l->subleaf == 1)
            return (struct cpuid_regs){ .eax = f[WORD_DA1] };
        if (p->xcr0 >> l->subleaf & 1)
            return r;
        break;
    case XEN_CPUID_FIRST_LEAF:
    case XEN_CPUID_FIRST_LEAF + 0x100:
        return (struct cpuid_regs){ .eax = r.eax };
    case EXTENDED:
        r.eax = min(r.eax, EXTENDED + (p->vendor == VENDOR_AMD ? 0x21 : 8));
        return r;
    case EXTENDED + 1:
        r.ecx = f[WORD_E1C];
        r.edx = f[WORD_E1D] | (p->vendor == VENDOR_AMD ? f[WORD_1D] & AMD_COMMON_EDX : 0);
        return r;
    case EXTENDED + 7:
        return (struct cpuid_regs){ .edx = f[WORD_E7D] };
    case EXTENDED + 8: /* address widths */
        return (struct cpuid_regs){ .eax = r.eax & 0xffff, .ebx = f[WORD_E8B] };
    case EXTENDED + 0x21:
        return (struct cpuid_regs){ .eax = f[WORD_E21A], .ecx = f[WORD_E21C] };
    default:
        break;
    }
    return (struct cpuid_regs){ 0 };
}

static void derive(struct cpu_policy *p, const uint32_t offered[NR_FEATURE_WORDS], uint64_t xcr0)
{
    derive_features(p, offered, xcr0);
    for (unsigned int n = 0; n < p->nr_leaves; n++)
        p->leaves[n].r = derive_leaf(p, &p->leaves[n]);
}

void policy_derive_pv(struct cpu_policy *p, const struct cpu_policy *host, uint64_t xcr0)
{
    uint32_t offered[NR_FEATURE_WORDS];

    *p = *host;
    memcpy(offered, host->features, sizeof(offered));
    offered[WORD_1C] |= 1U << (X86_HYPERVISOR % 32);
    derive(p, offered, xcr0);
}

/* ---- less than that ---- */

/* Where the feature words are; not those of IA32_ARCH_CAPABILITIES. */
static const struct {
    uint32_t leaf, subleaf, reg; /* 0-3: eax to edx */
} word_place[NR_FEATURE_WORDS] = {
    [WORD_1D] = { 1, 0, 3 },
    [WORD_1C] = { 1, 0, 2 },
    [WORD_E1D] = { EXTENDED + 1, 0, 3 },
    [WORD_E1C] = { EXTENDED + 1, 0, 2 },
    [WORD_DA1] = { 0xd, 1, 0 },
    [WORD_7B0] = { 7, 0, 1 },
    [WORD_7C0] = { 7, 0, 2 },
    [WORD_E7D] = { EXTENDED + 7, 0, 3 },
    [WORD_E8B] = { EXTENDED + 8, 0, 1 },
    [WORD_7D0] = { 7, 0, 3 },
    [WORD_7A1] = { 7, 1, 0 },
    [WORD_E21A] = { EXTENDED + 0x21, 0, 0 },
    [WORD_7B1] = { 7, 1, 1 },
    [WORD_7D2] = { 7, 2, 3 },
    [WORD_7C1] = { 7, 1, 2 },
    [WORD_7D1] = { 7, 1, 3 },
    [WORD_E21C] = { EXTENDED + 0x21, 0, 2 },
};

void policy_read_features(struct cpu_policy *p)
{
    for (unsigned int n = 0; n < NR_FEATURE_WORDS; n++) {
        struct cpuid_regs r = get_leaf(p, word_place[n].leaf, word_place[n].subleaf);
        uint32_t regs[4] = { r.eax, r.ebx, r.ecx, r.edx };

        if (n != WORD_ARCH_CAPS_LO && n != WORD_ARCH_CAPS_HI)
            p->features[n] = regs[word_place[n].reg];
    }
}

/* Is it beyond what the policy itself says is its last leaf? */
static bool beyond_end(const struct cpu_policy *p, const struct policy_leaf *l)
{
    if (is_own(l->leaf))
        return false;
    if (l->leaf == 7 && l->subleaf > get_leaf(p, 7, 0).eax)
        return true;
    return l->leaf > get_leaf(p, l->leaf & EXTENDED, 0).eax;
}

/* Sizes and places of XSAVE's states: the CPU's, whatever is asked for. */
static bool is_physical(const struct policy_leaf *l)
{
    return l->leaf == 0xd && l->subleaf != 1;
}

/* The highest leaf of each group must not be above the maximum's. */
static int check_ends(const struct cpu_policy *p, const struct cpu_policy *max,
                      struct policy_objection *at)
{
    static const uint32_t groups[] = { 0, 7, EXTENDED };

    for (unsigned int n = 0; n < ARRAY_SIZE(groups); n++) {
        if (get_leaf(p, groups[n], 0).eax <= get_leaf(max, groups[n], 0).eax)
            continue;
        at->leaf = groups[n];
        at->subleaf = policy_has_subleaves(groups[n]) ? 0 : XEN_CPUID_NO_SUBLEAF;
        return -EINVAL;
    }
    return 0;
}

int policy_constrain(struct cpu_policy *p, const struct cpu_policy *max,
                     struct policy_objection *at)
{
    uint32_t offered[NR_FEATURE_WORDS];
    struct cpuid_regs first;

    if (check_ends(p, max, at))
        return -EINVAL;
    if (p->cpuid_faulting && !max->cpuid_faulting) {
        at->msr = MSR_PLATFORM_INFO;
        return -EINVAL;
    }
    first = get_leaf(p, 0, 0);
    p->vendor = cpu_vendor_of(&first);
    for (unsigned int n = 0; n < p->nr_leaves; n++) {
        struct policy_leaf *l = &p->leaves[n];

        if (l->leaf == EXTENDED)
            l->r = derive_leaf(p, l); /* the vendor's end, for those that follow */
        if (beyond_end(p, l))
            l->r = (struct cpuid_regs){ 0 };
        else if (is_physical(l))
            l->r = get_leaf(max, l->leaf, l->subleaf);
    }
    policy_read_features(p);
    for (unsigned int n = 0; n < NR_FEATURE_WORDS; n++)
        offered[n] = p->features[n] & max->features[n];
    derive(p, offered, max->xcr0);
    return 0;
}

void policy_init(void)
{
    policy_read_host(&host_policy, cpuid, &host_cpu);
    policy_derive_pv(&pv_max_policy, &host_policy, fpu_max_xcr0());
}

int policy_domain_init(struct domain *d)
{
    d->arch->policy = hv_alloc_type(struct cpu_policy);
    if (!d->arch->policy)
        return -ENOMEM;
    *d->arch->policy = pv_max_policy;
    return 0;
}

void policy_domain_free(struct domain *d)
{
    hv_free(d->arch->policy);
    d->arch->policy = NULL;
}

/* ---- CPUID as executed ---- */

static void add_xsave_sizes(const struct cpu_policy *p, uint64_t xcr0, uint32_t subleaf,
                            struct cpuid_regs *out)
{
    if (!p->xcr0)
        return;
    if (subleaf == 0)
        out->ebx = xsave_bytes(p, xcr0, false);
    else if (subleaf == 1 && policy_has(p, X86_XSAVEC))
        out->ebx = xsave_bytes(p, xcr0, true);
}

void policy_cpuid(const struct cpu_policy *p, unsigned int vcpu, uint64_t xcr0, uint32_t leaf,
                  uint32_t subleaf, struct cpuid_regs *out)
{
    *out = get_leaf(p, leaf, policy_has_subleaves(leaf) ? subleaf : 0);
    switch (leaf) {
    case 1:
        out->ebx |= vcpu * 2 << 24;
        /* The CPU's own CR4 has it, so user code that asks the CPU sees it: say the same. */
        if (policy_has(p, X86_XSAVE))
            out->ecx |= 1U << (X86_OSXSAVE % 32);
        break;
    case 0xd:
        add_xsave_sizes(p, xcr0, subleaf, out);
        break;
    default:
        break;
    }
}

#define HYPERVISOR_END XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES)

/* The last of our own leaves; a policy may end them earlier, but not before the third. */
static uint32_t hypervisor_end(const struct cpu_policy *p)
{
    uint32_t end = get_leaf(p, XEN_CPUID_FIRST_LEAF, 0).eax;

    return end >= XEN_CPUID_LEAF(2) && end <= HYPERVISOR_END ? end : HYPERVISOR_END;
}

static void tsc_leaf(const struct guest_tsc *t, uint32_t subleaf, struct cpuid_regs *out)
{
    switch (subleaf) {
    case 0:
        out->eax =
            (t->emulated ? 1 : 0) | (cpu_has(X86_ITSC) ? 2 : 0) | (cpu_has(X86_RDTSCP) ? 4 : 0);
        out->ebx = t->mode;
        out->ecx = t->khz;
        out->edx = t->incarnation;
        break;
    case 1: /* it counts from 0, by this scale */
        out->ecx = t->to_ns.mul;
        out->edx = (uint32_t)t->to_ns.shift;
        break;
    case 2:
        out->eax = (uint32_t)(tsc_hz / 1000);
        break;
    default:
        break;
    }
}

static void hypervisor_leaf(const struct domain *d, uint32_t leaf, uint32_t subleaf,
                            struct cpuid_regs *out)
{
    const struct cpu_policy *p = d->arch->policy;

    if (leaf > hypervisor_end(p))
        return;
    switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
        out->eax = hypervisor_end(p);
        out->ebx = XEN_CPUID_SIGNATURE_EBX;
        out->ecx = XEN_CPUID_SIGNATURE_ECX;
        out->edx = XEN_CPUID_SIGNATURE_EDX;
        break;
    case 1: /* the version of the ABI */
        out->eax = 4 << 16 | 17;
        break;
    case 2: /* one hypercall page; no MSR to place it: PV guests get theirs by an ELF note */
        out->eax = 1;
        out->ebx = 0x40000000;
        out->ecx = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        tsc_leaf(&d->arch->tsc, subleaf, out);
        break;
    case 5:
        if (subleaf == 0)
            out->ebx = host_cpu.phys_bits;
        break;
    default:
        break;
    }
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    if (is_own(leaf)) {
        *out = (struct cpuid_regs){ 0 };
        hypervisor_leaf(v->domain, leaf, subleaf, out);
        return;
    }
    policy_cpuid(v->domain->arch->policy, v->id, v->arch->xcr0, leaf, subleaf, out);
}
