/*
 * The MSRs that a PV guest may read and write, as one sorted table; whatever is not in it raises
 * #GP. Nearly all are constants or the host's, shown to the hardware domain, whose kernel looks at
 * them when it starts. Called for the current vCPU.
 */
#include <hv/errno.h>
#include <hv/printk.h>
#include <arch/cpu_features.h>
#include <arch/domain.h>
#include <arch/extable.h>
#include <arch/page.h>
#include <arch/policy.h>
#include <arch/segment.h>

#define MISC_ENABLE_PERFMON  (1UL << 7)
#define MISC_ENABLE_NO_BTS   (1UL << 11)
#define MISC_ENABLE_NO_PEBS  (1UL << 12)
#define MISC_ENABLE_MONITOR  (1UL << 18)
#define APIC_BASE_BSP        (1UL << 8)
#define APIC_BASE_ENABLED    (1UL << 11)
#define HWCR_TSC_FREQ_SEL    (1UL << 24)
#define FEATURE_CONTROL_LOCK 1UL
#define DE_CFG_LFENCE        2UL
#define MSR_PRED_CMD         0x49
#define MSR_MCG_CAP          0x179
#define MSR_MCG_STATUS       0x17a
#define MSR_MCG_CTL          0x17b
#define MSR_MC0_CTL2         0x280
#define MSR_MC0_CTL          0x400
#define MSR_MCG_EXT_CTL      0x4d0
#define MC_CTL2_BITS         0x40007fffUL /* threshold, interrupt */
#define PRED_CMD_IBPB        1UL

typedef int (*msr_read_fn)(struct vcpu *v, uint32_t msr, uint64_t *value);
typedef int (*msr_write_fn)(struct vcpu *v, uint32_t msr, uint64_t value);

/* ---- of several ---- */

static int read_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v, (void)msr;
    *value = 0;
    return 0;
}

/* The hardware domain sees what is there. */
static int read_host(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    return v->domain->is_hardware && rdmsr_safe(msr, value) ? 0 : -EINVAL;
}

static int read_host_or_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = 0;
    if (v->domain->is_hardware && !rdmsr_safe(msr, value))
        *value = 0;
    return 0;
}

static int write_ignored(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v, (void)msr, (void)value;
    return 0;
}

static int write_zero(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v, (void)msr;
    return value ? -EINVAL : 0;
}

/* Writing back what was read. */
static int write_same(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t old;
    int rc = guest_rdmsr(v, msr, &old);

    if (rc)
        return rc;
    return old == value ? 0 : -EINVAL;
}

/* ---- one by one ---- */

static int read_tsc(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = guest_tsc_read(v->domain);
    return 0;
}

static int read_apic_base(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = 0xfee00000UL | APIC_BASE_ENABLED | (v->id == 0 ? APIC_BASE_BSP : 0);
    return 0;
}

static int read_feature_control(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = FEATURE_CONTROL_LOCK;
    return v->domain->arch->policy->vendor == VENDOR_INTEL ? 0 : -EINVAL;
}

static int write_pred_cmd(struct vcpu *v, uint32_t msr, uint64_t value)
{
    if (!policy_has(v->domain->arch->policy, X86_IBPB) || value & ~PRED_CMD_IBPB)
        return -EINVAL;
    if (value)
        wrmsr(msr, value);
    return 0;
}

static int read_platform_info(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = v->domain->arch->policy->cpuid_faulting ? PLATFORM_INFO_CPUID_FAULT : 0;
    return 0;
}

static int read_arch_caps(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct cpu_policy *p = v->domain->arch->policy;

    (void)msr;
    *value = (uint64_t)p->features[WORD_ARCH_CAPS_HI] << 32 | p->features[WORD_ARCH_CAPS_LO];
    return policy_has(p, X86_ARCH_CAPS) ? 0 : -EINVAL;
}

static int read_misc_features(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = v->arch->misc_features;
    return 0;
}

/* Faulting is on anyway; here the guest chooses what its own user gets to see. */
static int write_misc_features(struct vcpu *v, uint32_t msr, uint64_t value)
{
    return guest_msr_keep(v, msr, value);
}

static int read_misc_enable(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = 0;
    if (v->domain->arch->policy->vendor != VENDOR_INTEL || !rdmsr_safe(msr, value))
        return -EINVAL;
    *value &= ~(MISC_ENABLE_PERFMON | MISC_ENABLE_MONITOR);
    *value |= MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS;
    return 0;
}

static int read_pat(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v, (void)msr;
    *value = PV_PAT;
    return 0;
}

static int read_efer(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    *value = rdmsr(msr) & (EFER_SCE | EFER_LME | EFER_LMA | EFER_NX);
    return 0;
}

static int read_base(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    *value = msr == MSR_FS_BASE   ? read_fs_base()
             : msr == MSR_GS_BASE ? read_gs_base()
                                  : read_gs_shadow();
    return 0;
}

static int write_base(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct pv_vcpu *pv = &v->arch->pv;

    if (!is_canonical(value))
        return -EINVAL;
    if (msr == MSR_FS_BASE) {
        pv->fs_base = value;
        write_fs_base(value);
    } else if (msr == MSR_GS_BASE) {
        pv->gs_base_kernel = value;
        write_gs_base(value);
    } else {
        pv->gs_base_user = value;
        write_gs_shadow(value);
    }
    return 0;
}

static int read_tsc_aux(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = v->arch->tsc_aux;
    return policy_has(v->domain->arch->policy, X86_RDTSCP) ? 0 : -EINVAL;
}

static int write_tsc_aux(struct vcpu *v, uint32_t msr, uint64_t value)
{
    int rc = guest_msr_keep(v, msr, value);

    if (!rc)
        wrmsr(msr, value);
    return rc;
}

/* ---- machine checks ----
 * None is ever reported. A guest begins with no banks; one that had some on another machine goes on
 * seeing them, with nothing in them (Intel SDM 3B 16.3). */

static bool has_bank(const struct vcpu *v, unsigned int bank)
{
    return bank < (v->arch->mcg_cap & MCG_CAP_BANKS);
}

static int read_mcg(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_MCG_CAP:
        *value = v->arch->mcg_cap;
        return 0;
    case MSR_MCG_STATUS:
        *value = 0;
        return 0;
    case MSR_MCG_CTL:
        *value = ~0UL;
        return v->arch->mcg_cap & MCG_CAP_CTL ? 0 : -EINVAL;
    default:
        *value = v->arch->mcg_ext_ctl;
        return v->arch->mcg_cap & MCG_CAP_LMCE ? 0 : -EINVAL;
    }
}

static int write_mcg(struct vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_MCG_CTL:
        return v->arch->mcg_cap & MCG_CAP_CTL ? 0 : -EINVAL;
    case MSR_MCG_EXT_CTL:
        if (!(v->arch->mcg_cap & MCG_CAP_LMCE) || value & ~1UL)
            return -EINVAL;
        v->arch->mcg_ext_ctl = value;
        return 0;
    default:
        return value ? -EINVAL : 0;
    }
}

/* Of each bank: control, status, address, more. */
static int read_bank(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = msr % 4 ? 0 : ~0UL;
    return has_bank(v, (msr - MSR_MC0_CTL) / 4) ? 0 : -EINVAL;
}

static int write_bank(struct vcpu *v, uint32_t msr, uint64_t value)
{
    if (!has_bank(v, (msr - MSR_MC0_CTL) / 4))
        return -EINVAL;
    return msr % 4 && value ? -EINVAL : 0;
}

/* When corrected errors are to interrupt; only the first banks can keep it. */
static int read_bank_ctl2(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned int bank = msr - MSR_MC0_CTL2;

    *value = bank < ARRAY_SIZE(v->arch->mci_ctl2) ? v->arch->mci_ctl2[bank] : 0;
    return v->domain->arch->policy->vendor == VENDOR_INTEL && has_bank(v, bank) ? 0 : -EINVAL;
}

static int write_bank_ctl2(struct vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned int bank = msr - MSR_MC0_CTL2;
    uint64_t old;

    if (read_bank_ctl2(v, msr, &old) || value & ~MC_CTL2_BITS)
        return -EINVAL;
    if (bank < ARRAY_SIZE(v->arch->mci_ctl2))
        v->arch->mci_ctl2[bank] = value;
    return 0;
}

static int amd_only(const struct vcpu *v)
{
    return v->domain->arch->policy->vendor == VENDOR_AMD ? 0 : -EINVAL;
}

static int read_amd_host_or_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    read_host_or_zero(v, msr, value);
    return amd_only(v);
}

static int read_amd_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    read_zero(v, msr, value);
    return amd_only(v);
}

static int read_hwcr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = policy_has(v->domain->arch->policy, X86_ITSC) ? HWCR_TSC_FREQ_SEL : 0;
    return amd_only(v);
}

static int read_de_cfg(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = DE_CFG_LFENCE;
    return amd_only(v);
}

static int write_amd_ignored(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)msr, (void)value;
    return amd_only(v);
}

/* ---- kept with a vCPU that does not run ---- */

/* The bits of it that v may set; 0: it has no such MSR. */
static uint64_t kept_bits(const struct vcpu *v, uint32_t msr)
{
    const struct cpu_policy *p = v->domain->arch->policy;

    if (msr == MSR_TSC_AUX)
        return policy_has(p, X86_RDTSCP) ? UINT32_MAX : 0;
    return p->cpuid_faulting ? MISC_FEATURES_CPUID_FAULTING : 0;
}

bool guest_msr_kept(const struct vcpu *v, unsigned int n, uint32_t *msr, uint64_t *value)
{
    *msr = n ? MSR_TSC_AUX : MSR_MISC_FEATURES;
    *value = n ? v->arch->tsc_aux : v->arch->misc_features;
    return kept_bits(v, *msr) != 0;
}

int guest_msr_keep(struct vcpu *v, uint32_t msr, uint64_t value)
{
    if ((msr != MSR_TSC_AUX && msr != MSR_MISC_FEATURES) || value & ~kept_bits(v, msr))
        return -EINVAL;
    if (msr == MSR_TSC_AUX)
        v->arch->tsc_aux = value;
    else
        v->arch->misc_features = value;
    return 0;
}

/* Sorted. A missing function means #GP. */
static const struct {
    uint32_t first, last;
    msr_read_fn read;
    msr_write_fn write;
} table[] = {
    { 0x10, 0x10, read_tsc, write_ignored },
    { 0x17, 0x17, read_host, NULL }, /* platform id */
    { 0x1b, 0x1b, read_apic_base, write_same },
    { 0x3a, 0x3a, read_feature_control, NULL },
    { MSR_PRED_CMD, MSR_PRED_CMD, NULL, write_pred_cmd },
    { 0x8b, 0x8b, read_host_or_zero, write_zero }, /* microcode revision */
    { MSR_PLATFORM_INFO, MSR_PLATFORM_INFO, read_platform_info, NULL },
    { 0xfe, 0xfe, read_host, NULL }, /* MTRRs: read only */
    { MSR_ARCH_CAPS, MSR_ARCH_CAPS, read_arch_caps, NULL },
    { MSR_MISC_FEATURES, MSR_MISC_FEATURES, read_misc_features, write_misc_features },
    { MSR_MCG_CAP, MSR_MCG_CTL, read_mcg, write_mcg },
    { 0x1a0, 0x1a0, read_misc_enable, write_same },
    { 0x1d9, 0x1d9, read_zero, write_zero }, /* DEBUGCTL */
    { 0x200, 0x20f, read_host, NULL },
    { 0x250, 0x250, read_host, NULL },
    { 0x258, 0x259, read_host, NULL },
    { 0x268, 0x26f, read_host, NULL },
    { MSR_PAT, MSR_PAT, read_pat, write_same },
    { MSR_MC0_CTL2, MSR_MC0_CTL2 + MCG_BANKS_MAX - 1, read_bank_ctl2, write_bank_ctl2 },
    { 0x2ff, 0x2ff, read_host, NULL },
    { 0x345, 0x345, read_zero, NULL }, /* performance counters' capabilities */
    { MSR_MC0_CTL, MSR_MC0_CTL + 4 * MCG_BANKS_MAX - 1, read_bank, write_bank },
    { MSR_MCG_EXT_CTL, MSR_MCG_EXT_CTL, read_mcg, write_mcg },
    { MSR_EFER, MSR_EFER, read_efer, write_same },
    { MSR_FS_BASE, MSR_KERNEL_GS_BASE, read_base, write_base },
    { MSR_TSC_AUX, MSR_TSC_AUX, read_tsc_aux, write_tsc_aux },
    { 0xc0010000, 0xc0010007, read_amd_zero, write_amd_ignored }, /* old counters */
    { 0xc0010010, 0xc0010010, read_amd_host_or_zero, NULL },      /* SYSCFG */
    { 0xc0010015, 0xc0010015, read_hwcr, write_amd_ignored },
    { 0xc001001a, 0xc001001a, read_amd_host_or_zero, NULL },              /* TOP_MEM */
    { 0xc001001d, 0xc001001d, read_amd_host_or_zero, NULL },              /* TOP_MEM2 */
    { 0xc001001f, 0xc001001f, read_amd_host_or_zero, write_amd_ignored }, /* NB_CFG */
    { 0xc0010055, 0xc0010055, read_amd_zero, write_amd_ignored },         /* C1E by interrupt */
    { 0xc0010058, 0xc0010058, read_amd_host_or_zero, NULL },              /* MMIO config space */
    { 0xc0010200, 0xc001020b, read_amd_zero, write_amd_ignored },         /* counters */
    { 0xc0011029, 0xc0011029, read_de_cfg, write_amd_ignored },
};

static unsigned int find(uint32_t msr)
{
    unsigned int low = 0, high = ARRAY_SIZE(table);

    while (low < high) {
        unsigned int middle = (low + high) / 2;

        if (table[middle].last < msr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ARRAY_SIZE(table) && table[low].first <= msr ? low : ARRAY_SIZE(table);
}

/* For guests that know no better than to use what is not theirs. */
static bool is_tolerated(const struct vcpu *v, uint32_t msr)
{
    uint64_t value;

    return v->domain->arch->msr_relaxed && rdmsr_safe(msr, &value);
}

int guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned int n = find(msr);

    if (n < ARRAY_SIZE(table) && table[n].read && !table[n].read(v, msr, value))
        return 0;
    if (is_tolerated(v, msr)) {
        *value = 0;
        return 0;
    }
    guest_printk(v->domain, LOG_DEBUG, "vCPU %u reads MSR 0x%x, which it does not have.\n", v->id,
                 msr);
    return -EINVAL;
}

int guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned int n = find(msr);

    if (n < ARRAY_SIZE(table) && table[n].write && !table[n].write(v, msr, value))
        return 0;
    if (is_tolerated(v, msr))
        return 0;
    guest_printk(v->domain, LOG_DEBUG,
                 "vCPU %u writes 0x%lx to MSR 0x%x, which does not take it.\n", v->id, value, msr);
    return -EINVAL;
}
