/*
 * Where a secondary CPU starts: 16-bit code, copied to a page below 1 MiB by cpu/smp.c, which fills
 * in the words at trampoline_params. From real mode to long mode in one page, then to
 * secondary_start(cpu) in the image, on the CPU's own stack. The page is mapped at its physical
 * address, read-only: nothing here writes. Intel SDM volume 3, "Multiple-processor management".
 */
#include <arch/layout.h>

#define OFF(label) (label - trampoline_start)

    .section .rodata.trampoline, "a"
    .globl trampoline_start, trampoline_params, trampoline_end
    .balign 16
    .code16
trampoline_start:
    cli
    cld
    xorl %ebx, %ebx
    movw %cs, %bx
    movw %bx, %ds
    shll $4, %ebx               /* physical address of this page, kept all along */
    lgdtl OFF(gdt_pointer)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl *OFF(far_protected)

    .code32
protected:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x20, %eax            /* CR4.PAE; the rest is cpu_init_features()'s */
    movl %eax, %cr4
    movl OFF(param_cr3)(%ebx), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx      /* EFER */
    movl OFF(param_efer)(%ebx), %eax
    xorl %edx, %edx
    wrmsr
    movl OFF(param_cr0)(%ebx), %eax
    movl %eax, %cr0
    ljmpl *OFF(far_long)(%ebx)

    .code64
long_mode:
    xorl %eax, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movq OFF(param_stack)(%rbx), %rsp
    movl OFF(param_cpu)(%rbx), %edi
    movq OFF(param_entry)(%rbx), %rax
    xorl %ebp, %ebp
    pushq $0                    /* no caller: where backtraces end */
    jmp *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 0x08: 32-bit code */
    .quad 0x00cf93000000ffff    /* 0x10: data */
    .quad 0x00af9b000000ffff    /* 0x18: 64-bit code */
gdt_end:

    /* struct trampoline_params of cpu/smp.c */
    .balign 8
trampoline_params:
param_entry:    .quad 0
param_stack:    .quad 0
param_cr3:      .long 0
param_efer:     .long 0
param_cr0:      .long 0
param_cpu:      .long 0
far_protected:  .long OFF(protected)    /* + physical address of the page */
                .word 0x08
far_long:       .long OFF(long_mode)    /* likewise */
                .word 0x18
gdt_pointer:    .word gdt_end - gdt - 1
                .long OFF(gdt)          /* likewise */
    .balign 4
trampoline_end:
