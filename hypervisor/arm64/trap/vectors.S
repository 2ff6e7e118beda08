/*
 * The exception vectors of EL2. Nothing is expected yet, so that every one of the 16 entries saves
 * the registers (struct regs in trap.c) and reports. Arm ARM (DDI 0487) D1.3.
 */
    .section .text, "ax"
    .macro vector number
    .balign 0x80
    sub sp, sp, #272
    stp x0, x1, [sp]
    mov x1, #\number
    b save_and_report
    .endm

    .balign 0x800
    .globl vectors
vectors:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector \number
    .endr

    .balign 0x80
    .type save_and_report, %function
save_and_report:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    add x0, sp, #272
    stp x30, x0, [sp, #240]
    mrs x0, elr_el2
    mrs x2, spsr_el2
    stp x0, x2, [sp, #256]
    mov x0, sp
    bl trap_report
1:  wfi
    b 1b
    .size save_and_report, . - save_and_report

    .section .note.GNU-stack, "", %progbits
