/*
 * Per-CPU variables. A variable's initial value is copied into each CPU's area when the CPU is
 * brought up; arch/percpu.h finds the area (x86: the aligned block that the stack pointer is in).
 *   arch provides: percpu_offset_self(), percpu_offset(cpu), smp_processor_id()
 */
#ifndef HV_PERCPU_H
#define HV_PERCPU_H

#include <hv/types.h>
#include <hv/cpumask.h>
#include <arch/percpu.h>

#define DEFINE_PER_CPU(type, name) section("percpu_data") __typeof__(type) percpu__##name
/* The one that every area begins with: the architecture reads it without looking it up. */
#define DEFINE_PER_CPU_FIRST(type, name) section(PERCPU_FIRST) __typeof__(type) percpu__##name
#define DECLARE_PER_CPU(type, name)      extern __typeof__(type) percpu__##name

/* Lvalues. this_cpu() is only stable while the caller cannot move CPU: everywhere but across a
 * context switch, since the hypervisor itself is never preempted. */
#define per_cpu(name, cpu)                                                                         \
    (*(__typeof__(percpu__##name) *)((uintptr_t)&percpu__##name + percpu_offset(cpu)))
#define this_cpu(name)                                                                             \
    (*(__typeof__(percpu__##name) *)((uintptr_t)&percpu__##name + percpu_offset_self()))

#endif
