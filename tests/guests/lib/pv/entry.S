/*
 * PV entry points: the notes the domain builder reads, the first instruction, the exception,
 * event and syscall stubs, and the way back through the iret hypercall.
 *
 * An exception arrives with rcx, r11, [error code], rip, cs, rflags, rsp, ss on the stack; the CS
 * pushed has RPL 0 if the kernel was interrupted and 3 if user mode was.
 */
#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

#define STACK_SIZE 16384

.macro note_text type, text
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  .asciz "\text"
2:  .balign 4
    .popsection
.endm

.macro note_quad type, value
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 8, \type
    .asciz "Xen"
    .quad \value
    .popsection
.endm

    note_text XEN_ELFNOTE_GUEST_OS, "microguest"
    note_text XEN_ELFNOTE_GUEST_VERSION, "1"
    note_text XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
    note_text XEN_ELFNOTE_LOADER, "generic"
    note_text XEN_ELFNOTE_PAE_MODE, "yes"
    note_text XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb"
    note_quad XEN_ELFNOTE_VIRT_BASE, VIRT_BASE
    note_quad XEN_ELFNOTE_PADDR_OFFSET, 0
    note_quad XEN_ELFNOTE_ENTRY, pv_entry
    note_quad XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
    note_quad XEN_ELFNOTE_HV_START_LOW, HYPERVISOR_VIRT_START

    .section .hypercall_page, "ax"
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

    .text
    .globl pv_entry
pv_entry:
    cld
    mov %rsp, %rdx
    lea boot_stack + STACK_SIZE(%rip), %rsp
    mov %rsi, %rdi
    mov %rdx, %rsi
    xor %ebp, %ebp
    call pv_start
    ud2

    /* A started vCPU: rdi and rsi were loaded from its context. */
    .globl vcpu_entry
vcpu_entry:
    cld
    xor %ebp, %ebp
    call vcpu_main
    ud2

    /* long catch_call(uint64_t *saved_rsp, void (*fn)(void *), void *arg): 0, or 1 after a fault */
    .globl catch_call, catch_fault
catch_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rdx, %rdi
    sub $8, %rsp
    call *%rsi
    add $8, %rsp
    xor %eax, %eax
catch_return:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    /* The trap handler sends a faulting call here, with the saved rsp restored. */
catch_fault:
    mov $1, %eax
    cld
    jmp catch_return

    /* void resume(struct frame *): continue as the frame says; a CS with RPL 3 is user mode. */
    .globl resume
resume:
    mov %rdi, %rsp
trap_return:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
    pushq $0
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

trap_common:
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap
    mov %rbx, %rsp
    jmp trap_return

.macro stub vector, error=0
    pop %rcx
    pop %r11
    .if \error == 0
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
.endm

    /* One 32-byte stub for each of the 256 vectors. */
    .globl vector_stubs
    .balign 32
vector_stubs:
vector = 0
.rept 256
    .balign 32
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
    stub vector, 1
    .else
    stub vector
    .endif
    vector = vector + 1
.endr

    .globl syscall_stub, sysenter_stub, syscall32_stub, upcall_stub, failsafe_stub, nmi_stub
syscall_stub:
    stub 0x100
upcall_stub:
    stub 0x101
    /* The failsafe callback has the data selectors between r11 and rip; drop them. */
failsafe_stub:
    pop %rcx
    pop %r11
    add $32, %rsp
    pushq $0
    pushq $0x102
    jmp trap_common
sysenter_stub:
    stub 0x103
syscall32_stub:
    stub 0x104
nmi_stub:
    stub 2

    .bss
    .balign STACK_SIZE
    .globl boot_stack
boot_stack:
    .skip STACK_SIZE

    .section .note.GNU-stack, "", @progbits
