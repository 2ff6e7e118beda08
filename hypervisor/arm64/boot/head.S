/*
 * The first instructions. A loader that knows Linux's arm64 boot protocol enters image_start at EL2
 * with the MMU off, x0 the physical address of the device tree. This clears the bss, lets
 * boot_make_tables() (boot/tables.c) map the image, switches the MMU on and goes on at the linked
 * address in arm64_main(). Sources: Linux Documentation/arm64/booting.rst; Arm ARM (DDI 0487) D8, D19.
 */
#include <arch/paging.h>

    .section .text.boot, "ax"
    b 1f
    .long 0
    .quad 0                      /* text offset: any 2 MiB boundary is good */
    .quad image_size
    .quad 0xa                    /* little endian, 4 KiB pages, anywhere in memory */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

1:  msr daifset, #0xf
    mov x19, x0
    mrs x0, CurrentEL
    cmp x0, #(2 << 2)
    b.ne stop                    /* nobody there to be told: the console needs the MMU */

    ldr x0, =SCTLR_OFF
    msr sctlr_el2, x0
    msr hcr_el2, xzr
    isb

    adrp x0, bss_start
    adrp x1, bss_end
2:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 2b

    adrp x20, image_start        /* physical */
    adrp x0, bss_end             /* top of the boot CPU's area */
    mov sp, x0
    mov x29, xzr
    mov x0, x20
    bl boot_make_tables

    /* What was written went past the caches: nothing stale may hide it. */
    adrp x1, image_start
    adrp x2, image_end
    mrs x3, ctr_el0
    ubfx x3, x3, #16, #4
    mov x4, #4
    lsl x3, x4, x3               /* size of a line */
3:  dc ivac, x1
    add x1, x1, x3
    cmp x1, x2
    b.lo 3b
    dsb sy

    msr ttbr0_el2, x0
    ldr x0, =MAIR_VALUE
    msr mair_el2, x0
    ldr x0, =TCR_VALUE
    mrs x1, id_aa64mmfr0_el1
    and x1, x1, #0xf             /* physical address bits */
    cmp x1, #TCR_PS_MAX
    mov x2, #TCR_PS_MAX
    csel x1, x1, x2, lo
    orr x0, x0, x1, lsl #TCR_PS_SHIFT
    msr tcr_el2, x0
    ic iallu
    tlbi alle2
    dsb sy
    isb
    ldr x0, =SCTLR_ON
    msr sctlr_el2, x0
    isb
    ldr x0, =at_linked_address
    br x0

at_linked_address:
    ldr x0, =bss_end
    mov sp, x0
    mov x0, x19
    mov x1, x20
    bl arm64_main
stop:
    wfi
    b stop

    .ltorg
    .section .note.GNU-stack, "", %progbits
