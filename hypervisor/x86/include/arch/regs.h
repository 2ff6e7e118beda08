/* The guest's (or the interrupted hypervisor's) registers as entry.S pushes them. The guest's lie
 * at the top of the CPU's stack. */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#include <hv/types.h>
#include <arch/layout.h>
#include <arch/percpu.h>

struct regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, rcx, rax;
    union {
        struct {
            uint64_t rdi, rsi, rdx, r10, r8, r9;
        };
        uint64_t args[6]; /* a hypercall's */
    };
    uint32_t error_code, vector;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

_Static_assert(sizeof(struct regs) == CPU_REGS_SIZE, "entry.S pushes this layout");

/* Only meaningful while a guest's vCPU is current. */
static inline struct regs *guest_regs(void)
{
    return (struct regs *)(cpu_area_self() + CPU_AREA_SIZE - CPU_REGS_SIZE);
}

#endif
