/*
 * What the CPUs can do, and the control registers that follow from it. cpu_init_features() runs on
 * each CPU early in its life, before anything depends on a feature. Leaves and bits: Intel SDM
 * volume 2A "CPUID", AMD APM volume 3 appendix E.
 */
#include <hv/cmdline.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/extable.h>
#include <arch/fpu.h>
#include <arch/processor.h>

#define MSR_HWCR                  0xc0010015
#define MISC_FEATURES_CPUID_FAULT 1UL
#define HWCR_CPUID_USER_DIS       (1UL << 35)
#define E21A_CPUID_USER_DIS       (1U << 17)

struct host_cpu host_cpu;

static bool opt_smep = true, opt_smap = true, opt_umip = true;
BOOL_OPTION("smep", opt_smep, "never execute a guest's pages in the hypervisor, if the CPU can");
BOOL_OPTION("smap", opt_smap, "never touch a guest's pages by accident, if the CPU can");
BOOL_OPTION("umip", opt_umip, "hide descriptor-table addresses from guests, if the CPU can");

void cpu_decode_signature(uint32_t eax, unsigned int *family, unsigned int *model)
{
    *family = eax >> 8 & 0xf;
    *model = eax >> 4 & 0xf;
    if (*family == 0x6 || *family == 0xf)
        *model |= (eax >> 16 & 0xf) << 4;
    if (*family == 0xf)
        *family += eax >> 20 & 0xff;
}

static void read_words(uint32_t words[NR_FEATURE_WORDS], uint32_t max, uint32_t max_ext)
{
    struct cpuid_regs r = cpuid(1, 0);

    words[WORD_1D] = r.edx;
    words[WORD_1C] = r.ecx;
    if (max >= 7) {
        r = cpuid(7, 0);
        words[WORD_7B0] = r.ebx;
        words[WORD_7C0] = r.ecx;
        words[WORD_7D0] = r.edx;
        if (r.eax >= 1) {
            struct cpuid_regs one = cpuid(7, 1);

            words[WORD_7A1] = one.eax;
            words[WORD_7B1] = one.ebx;
            words[WORD_7C1] = one.ecx;
            words[WORD_7D1] = one.edx;
        }
        if (r.eax >= 2)
            words[WORD_7D2] = cpuid(7, 2).edx;
    }
    if (max >= 0xd && words[WORD_1C] >> (X86_XSAVE % 32) & 1)
        words[WORD_DA1] = cpuid(0xd, 1).eax;
    if (max_ext >= 0x80000001) {
        r = cpuid(0x80000001, 0);
        words[WORD_E1D] = r.edx;
        words[WORD_E1C] = r.ecx;
    }
    if (max_ext >= 0x80000007)
        words[WORD_E7D] = cpuid(0x80000007, 0).edx;
    if (max_ext >= 0x80000008)
        words[WORD_E8B] = cpuid(0x80000008, 0).ebx;
    if (max_ext >= 0x80000021) {
        r = cpuid(0x80000021, 0);
        words[WORD_E21A] = r.eax;
        words[WORD_E21C] = r.ecx;
    }
    if (words[WORD_7D0] >> (X86_ARCH_CAPS % 32) & 1) {
        uint64_t caps;

        if (rdmsr_safe(MSR_ARCH_CAPS, &caps)) {
            words[WORD_ARCH_CAPS_LO] = (uint32_t)caps;
            words[WORD_ARCH_CAPS_HI] = (uint32_t)(caps >> 32);
        }
    }
    /* These mirror CR4, not the CPU. */
    words[WORD_1C] &= ~(1U << (X86_OSXSAVE % 32));
    words[WORD_7C0] &= ~(1U << (X86_OSPKE % 32));
    if (host_cpu.vendor == VENDOR_AMD) {
        /* It has no SYSENTER for programs of a 64-bit kernel. */
        words[WORD_1D] &= ~(1U << (X86_SEP % 32));
        words[WORD_E1D] &= ~AMD_COMMON_EDX;
    }
}

static bool has_cpuid_faulting(void)
{
    uint64_t info;

    if (host_cpu.vendor == VENDOR_AMD)
        return host_cpu.features[WORD_E21A] & E21A_CPUID_USER_DIS;
    return host_cpu.vendor == VENDOR_INTEL && rdmsr_safe(MSR_PLATFORM_INFO, &info) &&
           info & PLATFORM_INFO_CPUID_FAULT;
}

/* From now on CPUID outside the hypervisor raises #GP, so that guests see their policy. */
static void enable_cpuid_faulting(void)
{
    bool amd = host_cpu.vendor == VENDOR_AMD;
    uint32_t msr = amd ? MSR_HWCR : MSR_MISC_FEATURES;
    uint64_t value;

    if (!host_cpu.cpuid_faulting)
        return;
    if (!rdmsr_safe(msr, &value) ||
        !wrmsr_safe(msr, value | (amd ? HWCR_CPUID_USER_DIS : MISC_FEATURES_CPUID_FAULT)))
        printk(LOG_WARN, "CPU %u does not let CPUID be trapped.\n", smp_processor_id());
}

static uint64_t choose_cr4(void)
{
    static const struct {
        enum cpu_feature feature;
        uint64_t bits;
        const bool *wanted;
    } table[] = {
        { X86_PAE, CR4_PAE, NULL },        { X86_MCE, CR4_MCE, NULL },
        { X86_PGE, CR4_PGE, NULL },        { X86_DE, CR4_DE, NULL },
        { X86_FXSR, CR4_OSFXSR, NULL },    { X86_SSE, CR4_OSXMMEXCPT, NULL },
        { X86_XSAVE, CR4_OSXSAVE, NULL },  { X86_FSGSBASE, CR4_FSGSBASE, NULL },
        { X86_SMEP, CR4_SMEP, &opt_smep }, { X86_SMAP, CR4_SMAP, &opt_smap },
        { X86_UMIP, CR4_UMIP, &opt_umip },
    };
    uint64_t cr4 = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
        if (cpu_has(table[i].feature) && (!table[i].wanted || *table[i].wanted))
            cr4 |= table[i].bits;
    return cr4;
}

static void detect(void)
{
    struct cpuid_regs r = cpuid(0, 0);

    host_cpu.vendor = cpu_vendor_of(&r);
    host_cpu.max_leaf = r.eax;
    host_cpu.max_ext_leaf = cpuid(0x80000000, 0).eax;
    r = cpuid(1, 0);
    cpu_decode_signature(r.eax, &host_cpu.family, &host_cpu.model);
    host_cpu.stepping = r.eax & 0xf;
    host_cpu.phys_bits = 36;
    host_cpu.virt_bits = 48;
    if (host_cpu.max_ext_leaf >= 0x80000008) {
        r = cpuid(0x80000008, 0);
        host_cpu.phys_bits = r.eax & 0xff;
        host_cpu.virt_bits = r.eax >> 8 & 0xff;
    }
    read_words(host_cpu.features, host_cpu.max_leaf, host_cpu.max_ext_leaf);
    host_cpu.cpuid_faulting = has_cpuid_faulting();
    host_cpu.cr4 = choose_cr4();
}

/* A secondary may have more than the boot CPU, never less: guests were promised the boot CPU's. */
static void check_same(void)
{
    uint32_t words[NR_FEATURE_WORDS] = { 0 };

    read_words(words, cpuid(0, 0).eax, cpuid(0x80000000, 0).eax);
    for (unsigned int i = 0; i < NR_FEATURE_WORDS; i++) {
        uint32_t missing = host_cpu.features[i] & ~words[i];

        if (!missing)
            continue;
        printk(LOG_ERR,
               "CPU %u lacks features of the boot CPU (word %u, bits 0x%x) and is not used.\n",
               smp_processor_id(), i, missing);
        for (;;)
            __asm__ volatile("cli; hlt");
    }
}

void cpu_init_features(void)
{
    if (smp_processor_id() == 0)
        detect();
    else
        check_same();

    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    write_cr4(host_cpu.cr4);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (cpu_has(X86_NX) ? EFER_NX : 0));
    /* Only entries that nothing maps with yet change, so no cache needs flushing. */
    if (cpu_has(X86_PAT))
        wrmsr(MSR_PAT, PV_PAT);
    fpu_init_cpu();
    enable_cpuid_faulting();
}
