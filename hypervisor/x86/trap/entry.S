/*
 * Entries into the hypervisor and the ways out. Every entry makes a struct regs (arch/regs.h); from
 * a guest it lies at the top of the CPU's stack, where guest_regs() expects it. The guest's GS base
 * is never touched: per-CPU data hangs off the stack pointer.
 * Intel SDM 3A 6.14 (64-bit interrupt handling), 2B "SYSCALL", "SYSRET"; AMD APM 2 section 6.1.
 */
#include <arch/layout.h>
#include <arch/trap.h>

#define NR_CPUS  256
#define SYS_RSP  (CPU_AREA_SIZE - 16)  /* the slots of struct regs that SYSCALL's stubs fill */
#define FRAME    (CPU_AREA_SIZE - CPU_REGS_SIZE)

/* Three bytes of no-op that become CLAC on a CPU with SMAP. */
.macro clac_here
.Lsmap\@:
    .byte 0x0f, 0x1f, 0x00
    .pushsection smap_sites, "a"
    .long .Lsmap\@ - ., 0xca
    .popsection
.endm

.macro push_registers
    push %r9
    push %r8
    push %r10
    push %rdx
    push %rsi
    push %rdi
    push %rax
    push %rcx
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

.macro pop_registers
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %rcx
    pop %rax
    pop %rdi
    pop %rsi
    pop %rdx
    pop %r10
    pop %r8
    pop %r9
.endm

    .text
    .code64

/* One entry of 16 bytes for each vector. */
    .balign 16
    .globl vector_entries
vector_entries:
vector = 0
.rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push $0
    .endif
    movl $vector, 4(%rsp)
    .if (vector == 1)
    jmp debug_entry
    .elseif (vector == 2) || (vector == 8) || (vector == 18)
    jmp ist_entry
    .else
    jmp common_entry
    .endif
    vector = vector + 1
.endr

common_entry:
    cld
    clac_here
    push_registers
    xor %ebp, %ebp
    mov %rsp, %rdi
    testb $3, 17 * 8(%rsp) /* cs */
    jz from_hypervisor
from_guest:
    sub $8, %rsp
    call trap_dispatch
    add $8, %rsp
    jmp return_to_guest_here

from_hypervisor:
    sub $8, %rsp
    call trap_dispatch
    add $8, %rsp
    pop_registers
    add $8, %rsp
    iretq

/* NMI, double fault, machine check: no work on the way out, whatever was interrupted. */
ist_entry:
    cld
    clac_here
    push_registers
    mov %rsp, %rdi
    sub $8, %rsp
    call trap_ist
    add $8, %rsp
    pop_registers
    add $8, %rsp
    iretq

/* A guest's debug trap is an exception like others: it moves to the main stack. */
debug_entry:
    cld
    clac_here
    push_registers
    mov %rsp, %rsi
    testb $3, 17 * 8(%rsp)
    jz 1f
    mov %rsp, %rdi
    and $-CPU_AREA_SIZE, %rdi
    add $FRAME, %rdi
    mov %rdi, %rax
    mov $CPU_REGS_SIZE / 8, %ecx
    rep movsq
    mov %rax, %rsp
    xor %ebp, %ebp
    mov %rsp, %rdi
    jmp from_guest
1:  mov %rsp, %rdi
    jmp from_hypervisor

    .globl return_to_guest
return_to_guest:
    mov %rsp, %rax
    and $-CPU_AREA_SIZE, %rax
    lea FRAME(%rax), %rsp
return_to_guest_here:
    sub $8, %rsp
    call exit_to_guest
    add $8, %rsp
    cmpl $TRAP_SYSCALL, 15 * 8 + 4(%rsp)
    jne iret_to_guest

    /* SYSRET only for what it can restore, and never with an RIP at which it would fault in ring 0. */
    mov 16 * 8(%rsp), %rcx /* rip */
    mov %rcx, %rax
    shl $16, %rax
    sar $16, %rax
    cmp %rcx, %rax
    jne iret_to_guest
    cmpw $GUEST_CS64, 17 * 8(%rsp)
    jne iret_to_guest
    cmpw $GUEST_DS, 20 * 8(%rsp)
    jne iret_to_guest
    testl $0x10100, 18 * 8(%rsp) /* RF, TF */
    jnz iret_to_guest
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    mov 12 * 8(%rsp), %r11 /* rflags */
    add $16, %rsp
    pop %rax
    pop %rdi
    pop %rsi
    pop %rdx
    pop %r10
    pop %r8
    pop %r9
    mov 4 * 8(%rsp), %rsp
    .globl guest_sysret
guest_sysret:
    sysretq

iret_to_guest:
    pop_registers
    add $8, %rsp
    .globl guest_iret
guest_iret:
    iretq

    .globl call_on_clean_stack
call_on_clean_stack:
    mov %rsp, %rax
    and $-CPU_AREA_SIZE, %rax
    lea FRAME - 8(%rax), %rsp
    xor %ebp, %ebp
    push %rbp
    jmp *%rdi

/*
 * SYSCALL leaves the guest's stack pointer in place, so each CPU has a stub that knows where its
 * own area is. 32 bytes each; the three kinds lie in three tables.
 */
.macro stub_table name, target
    .balign 32
    .globl \name
\name:
    cpu = 0
    .rept NR_CPUS
    .balign 32
    mov %rsp, cpu_areas + (cpu << CPU_AREA_SHIFT) + SYS_RSP(%rip)
    lea cpu_areas + (cpu << CPU_AREA_SHIFT) + SYS_RSP(%rip), %rsp
    jmp \target
    cpu = cpu + 1
    .endr
.endm

/* The frame below rsp and ss; rcx and r11 hold rip and rflags. */
.macro syscall_frame cs
    movq $GUEST_DS, 8(%rsp)
    push %r11
    push $\cs
    push %rcx
    movq $0, -8(%rsp)
    movl $TRAP_SYSCALL, -4(%rsp)
    sub $8, %rsp
    push_registers
    xor %ebp, %ebp
    mov %rsp, %rdi
    sub $8, %rsp
.endm

syscall_entry:
    syscall_frame GUEST_CS64
    call syscall_dispatch
    add $8, %rsp
    jmp return_to_guest_here

syscall32_entry:
    syscall_frame GUEST_CS32
    call syscall32_dispatch
    add $8, %rsp
    jmp return_to_guest_here

    stub_table syscall_stubs, syscall_entry
    stub_table syscall32_stubs, syscall32_entry

/*
 * SYSENTER sets RSP from its MSR to the top of the stack, keeps neither rip nor rflags, and leaves
 * flags as the user had them: with NT an IRET of ours, maybe to another guest, would fault.
 */
    .globl sysenter_entry
sysenter_entry:
    push $GUEST_DS
    push $0 /* rsp: not known */
    pushfq
    push $GUEST_CS32
    push $0 /* rip: not known */
    push $0
    movl $TRAP_SYSCALL, 4(%rsp)
    push $2
    popfq /* TF, DF, NT, AC off */
    push_registers
    xor %ebp, %ebp
    mov %rsp, %rdi
    sub $8, %rsp
    call sysenter_dispatch
    add $8, %rsp
    jmp return_to_guest_here
