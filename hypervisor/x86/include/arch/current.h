/* The vCPU that runs on this CPU: what its area begins with (image.lds.S makes sure). */
#ifndef ARCH_CURRENT_H
#define ARCH_CURRENT_H

#include <arch/percpu.h>

struct vcpu;

static inline struct vcpu *current_vcpu(void)
{
    return *(struct vcpu *const volatile *)cpu_area_self();
}

#endif
