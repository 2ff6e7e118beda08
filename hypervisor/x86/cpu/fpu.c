/*
 * FPU state. While a vCPU runs its state, XCR0 and TS bit are in the CPU; else in v->arch. Eager:
 * no state of another vCPU is ever in the registers while a guest runs, which lazy switching cannot
 * promise on CPUs that speculate. Images are only what this file saved or made, so XRSTOR cannot
 * fault. Intel SDM volume 1 chapter 13.
 */
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/policy.h>
#include <arch/processor.h>
#include <arch/pv.h>

/* The legacy region, by the offsets of FXSAVE's 64-bit form, and the XSAVE header behind it. */
struct fpu_image {
    uint16_t fcw, fsw;
    uint8_t ftw, reserved;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[FXSAVE_SIZE - 32];
    uint64_t xstate_bv, xcomp_bv;
    uint8_t header_reserved[48];
};
_Static_assert(offsetof(struct fpu_image, mxcsr) == 24, "FXSAVE layout");
_Static_assert(offsetof(struct fpu_image, xstate_bv) == FXSAVE_SIZE, "XSAVE header");

static uint64_t max_xcr0;   /* fixed by the boot CPU */
static uint32_t mxcsr_mask; /* bits that may be set */
static DEFINE_PER_CPU(uint64_t, loaded_xcr0);

static void xsetbv(uint64_t value)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* XSETBV is slow and serialises: only when it changes something. */
static void load_xcr0(uint64_t value)
{
    if (this_cpu(loaded_xcr0) == value)
        return;
    this_cpu(loaded_xcr0) = value;
    xsetbv(value);
}

static void stts(void)
{
    write_cr0(read_cr0() | CR0_TS);
}

static void clts(void)
{
    __asm__ volatile("clts");
}

static uint32_t detect_mxcsr_mask(void)
{
    aligned_to(16) struct fpu_image image = { 0 };

    __asm__ volatile("fninit; fxsave64 %0" : "+m"(image));
    return image.mxcsr_mask ? image.mxcsr_mask : 0xffbf;
}

void fpu_detect(void)
{
    struct cpuid_regs r;

    mxcsr_mask = detect_mxcsr_mask();
    if (!cpu_has(X86_XSAVE))
        return;
    r = cpuid(0xd, 0);
    max_xcr0 = ((uint64_t)r.edx << 32 | r.eax) & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
    if ((max_xcr0 & XCR0_AVX512) != XCR0_AVX512)
        max_xcr0 &= ~XCR0_AVX512;
    BUG_ON(fpu_xsave_size(max_xcr0) > PAGE_SIZE);
}

void fpu_init_cpu(void)
{
    clts();
    if (smp_processor_id() == 0)
        fpu_detect();
    if (max_xcr0) {
        this_cpu(loaded_xcr0) = max_xcr0;
        xsetbv(max_xcr0);
    }
}

uint64_t fpu_max_xcr0(void)
{
    return max_xcr0;
}

uint32_t fpu_xsave_size(uint64_t xcr0)
{
    uint32_t size = sizeof(struct fpu_image);

    for (unsigned int i = 2; i < 63; i++)
        if (xcr0 >> i & 1) {
            struct cpuid_regs r = cpuid(0xd, i);

            size = max(size, r.eax + r.ebx);
        }
    return size;
}

bool xcr0_valid(uint64_t xcr0, uint64_t max)
{
    uint64_t avx512 = xcr0 & XCR0_AVX512;

    if (xcr0 & ~max || !(xcr0 & XCR0_X87))
        return false;
    if (xcr0 & XCR0_AVX && !(xcr0 & XCR0_SSE))
        return false;
    return !avx512 || (avx512 == XCR0_AVX512 && xcr0 & XCR0_AVX);
}

int fpu_vcpu_init(struct vcpu *v)
{
    v->arch->xsave = page_alloc();
    if (!v->arch->xsave)
        return -ENOMEM;
    fpu_vcpu_reset(v);
    return 0;
}

void fpu_vcpu_free(struct vcpu *v)
{
    if (v->arch->xsave)
        page_free(v->arch->xsave);
    v->arch->xsave = NULL;
}

void fpu_vcpu_reset(struct vcpu *v)
{
    struct fpu_image *image = v->arch->xsave;

    memset(image, 0, PAGE_SIZE);
    image->fcw = 0x37f;
    image->mxcsr = MXCSR_DEFAULT;
    v->arch->xcr0 = v->arch->xcr0_accum = max_xcr0 & (XCR0_X87 | XCR0_SSE);
}

bool fpu_image_valid(const void *image)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, (const char *)image + offsetof(struct fpu_image, mxcsr), sizeof(mxcsr));
    return !(mxcsr & ~mxcsr_mask);
}

void fpu_vcpu_load_fxsave(struct vcpu *v, const void *image)
{
    struct fpu_image *to = v->arch->xsave;

    memcpy(to, image, FXSAVE_SIZE);
    to->xstate_bv = max_xcr0 & (XCR0_X87 | XCR0_SSE);
}

void fpu_vcpu_store_fxsave(const struct vcpu *v, void *image)
{
    const struct fpu_image *from = v->arch->xsave;
    struct fpu_image *to = image;

    memcpy(image, from, FXSAVE_SIZE);
    if (!max_xcr0)
        return;
    /* Components that the CPU left out are in their initial state. */
    if (!(from->xstate_bv & XCR0_X87)) {
        memset(to, 0, offsetof(struct fpu_image, mxcsr));
        memset(to->registers, 0, 128);
        to->fcw = 0x37f;
    }
    if (!(from->xstate_bv & XCR0_SSE))
        memset(to->registers + 128, 0, 256);
}

/* ---- the whole state ---- */

uint32_t fpu_vcpu_state_size(const struct vcpu *v)
{
    return max_xcr0 ? fpu_xsave_size(v->arch->xcr0_accum) : 0;
}

/* The components from AVX on, each at its own place. */
static void copy_components(void *to, const void *from, uint64_t components)
{
    for (unsigned int i = 2; i < 63; i++)
        if (components >> i & 1) {
            struct cpuid_regs r = cpuid(0xd, i); /* size, offset */

            memcpy((char *)to + r.ebx, (const char *)from + r.ebx, r.eax);
        }
}

void fpu_vcpu_get_state(const struct vcpu *v, void *area)
{
    const struct fpu_image *from = v->arch->xsave;
    struct fpu_image *to = area;

    memset(area, 0, fpu_vcpu_state_size(v));
    fpu_vcpu_store_fxsave(v, area);
    to->xstate_bv = from->xstate_bv & v->arch->xcr0_accum;
    copy_components(to, from, to->xstate_bv);
}

/* What XRSTOR would fault on must never get into an image. */
static bool state_valid(uint64_t xcr0_accum, const struct fpu_image *image, size_t size)
{
    if (size < sizeof(*image) || !fpu_image_valid(image) || image->xstate_bv & ~xcr0_accum ||
        image->xcomp_bv)
        return false;
    for (unsigned int i = 0; i < sizeof(image->header_reserved); i++)
        if (image->header_reserved[i])
            return false;
    return size >= fpu_xsave_size(image->xstate_bv) && size <= PAGE_SIZE;
}

int fpu_vcpu_set_state(struct vcpu *v, uint64_t xcr0, uint64_t xcr0_accum, const void *area,
                       size_t size)
{
    /* What every vCPU begins with it has, even where its policy shows no XSAVE. */
    uint64_t may = v->domain->arch->policy->xcr0 | (max_xcr0 & (XCR0_X87 | XCR0_SSE));
    const struct fpu_image *from = area;
    struct fpu_image *to = v->arch->xsave;

    if (!xcr0_valid(xcr0, may) || !xcr0_valid(xcr0_accum, may) || xcr0 & ~xcr0_accum ||
        !state_valid(xcr0_accum, from, size))
        return -EINVAL;
    memset(to, 0, PAGE_SIZE);
    memcpy(to, from, sizeof(*to));
    copy_components(to, from, from->xstate_bv);
    v->arch->xcr0 = xcr0;
    v->arch->xcr0_accum = xcr0_accum;
    return 0;
}

/* ---- switching ---- */

void fpu_save(struct vcpu *v)
{
    struct arch_vcpu *a = v->arch;

    if (a->pv.cr0 & CR0_TS)
        clts();
    if (!max_xcr0) {
        __asm__ volatile("fxsave64 (%0)" ::"r"(a->xsave) : "memory");
        return;
    }
    /* Components that the guest has switched off keep their contents. */
    load_xcr0(a->xcr0_accum);
    if (cpu_has(X86_XSAVEOPT))
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(a->xsave), "a"(~0U), "d"(~0U) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" ::"r"(a->xsave), "a"(~0U), "d"(~0U) : "memory");
}

/* AMD saves and restores the last instruction's and operand's address only while an exception is
 * pending: overwrite them, or the vCPU would see its predecessor's. */
static void forget_fpu_pointers(void)
{
    static const uint32_t zero;

    if (host_cpu.vendor == VENDOR_AMD && !cpu_has(X86_RSTR_FP_ERR_PTRS))
        __asm__ volatile("fnclex; ffree %%st(7); fildl %0" ::"m"(zero));
}

void fpu_restore(struct vcpu *v)
{
    struct arch_vcpu *a = v->arch;

    forget_fpu_pointers();
    if (max_xcr0) {
        load_xcr0(a->xcr0_accum);
        __asm__ volatile("xrstor64 (%0)" ::"r"(a->xsave), "a"(~0U), "d"(~0U) : "memory");
        load_xcr0(a->xcr0);
    } else {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(a->xsave) : "memory");
    }
    if (a->pv.cr0 & CR0_TS)
        stts();
}

int fpu_set_xcr0(struct vcpu *v, uint32_t index, uint64_t value)
{
    struct arch_vcpu *a = v->arch;
    bool new_components = value & ~a->xcr0_accum;

    if (index != 0 || !xcr0_valid(value, v->domain->arch->policy->xcr0))
        return -EINVAL;
    if (new_components)
        fpu_save(v);
    a->xcr0 = value;
    a->xcr0_accum |= value;
    /* Registers of a component that it never had still hold another vCPU's: initialise them. */
    if (new_components)
        fpu_restore(v);
    else
        load_xcr0(value);
    return 0;
}

void fpu_set_ts(struct vcpu *v, bool set)
{
    if (set) {
        v->arch->pv.cr0 |= CR0_TS;
        stts();
    } else {
        v->arch->pv.cr0 &= ~CR0_TS;
        clts();
    }
}

long do_fpu_taskswitch(int set)
{
    fpu_set_ts(current, set != 0);
    return 0;
}

void fpu_device_not_available(void)
{
    fpu_set_ts(current, false);
    pv_inject_fault(7, 0);
}
