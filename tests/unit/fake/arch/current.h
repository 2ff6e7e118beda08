/* Unit tests: a test may say who runs; without, it is the scheduler that knows (fake/hv.c). */
#ifndef ARCH_CURRENT_H
#define ARCH_CURRENT_H

struct vcpu;

struct vcpu *current_vcpu(void);

#endif
