/* FPU, SSE, AVX state of vCPUs: switched eagerly with every vCPU, never left to lazy faults. */
#ifndef ARCH_FPU_H
#define ARCH_FPU_H

#include <hv/domain.h>

#define XCR0_X87      0x1UL
#define XCR0_SSE      0x2UL
#define XCR0_AVX      0x4UL
#define XCR0_AVX512   0xe0UL
#define FXSAVE_SIZE   512
#define MXCSR_DEFAULT 0x1f80U

void fpu_init_cpu(void);     /* part of cpu_init_features() */
void fpu_detect(void);       /* of which: what the boot CPU has */
uint64_t fpu_max_xcr0(void); /* components that guests may enable; 0 without XSAVE */
/* Bytes of the standard XSAVE form for the components of xcr0. */
uint32_t fpu_xsave_size(uint64_t xcr0);

must_check int fpu_vcpu_init(struct vcpu *v); /* -ENOMEM */
void fpu_vcpu_free(struct vcpu *v);
void fpu_vcpu_reset(struct vcpu *v); /* as after INIT; v not running */
/* A guest's FXSAVE image, FXSAVE_SIZE bytes; v not running. Invalid: reserved MXCSR bits set. */
bool fpu_image_valid(const void *image);
void fpu_vcpu_load_fxsave(struct vcpu *v, const void *image);  /* a valid one */
void fpu_vcpu_store_fxsave(const struct vcpu *v, void *image); /* v not running */

/* The whole state in the standard XSAVE form, with XCR0 and all that it ever was; v not running.
 * Without XSAVE there is none, and the size is 0. -EINVAL: not a state that v may have, and nothing
 * changed. */
uint32_t fpu_vcpu_state_size(const struct vcpu *v);
void fpu_vcpu_get_state(const struct vcpu *v, void *area);
must_check int fpu_vcpu_set_state(struct vcpu *v, uint64_t xcr0, uint64_t xcr0_accum,
                                  const void *area, size_t size);

/* Context switch, on v's CPU, interrupts off. Not for idle vCPUs. */
void fpu_save(struct vcpu *v);
void fpu_restore(struct vcpu *v);

/* The current vCPU's XSETBV: -EINVAL means #GP. */
must_check int fpu_set_xcr0(struct vcpu *v, uint32_t index, uint64_t value);
/* May `xcr0` be loaded by one who is offered the components `max`? Pure. */
bool xcr0_valid(uint64_t xcr0, uint64_t max);

/* The guest's CR0.TS is the CPU's while it runs. */
void fpu_set_ts(struct vcpu *v, bool set);
must_check long do_fpu_taskswitch(int set);
/* #NM from the current guest: its TS is cleared and the fault is bounced to it. */
void fpu_device_not_available(void);

#endif
