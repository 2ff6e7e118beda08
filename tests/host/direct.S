/*
 * A "Linux kernel" of a sector or two for an HVM guest: the real-mode part of a bzImage, which a boot
 * loader enters (Documentation/arch/x86/boot.rst has the header). It shows its command line and the
 * size of its ramdisk at the port that Xen logs, and then does what the command line begins with:
 * "off" stops with interrupts off, which ends the guest; "reboot" pulses the reset line by the keyboard
 * controller; anything else waits. Made by `make direct`.
 */
        .code16
        .globl _start
_start:
        .org 0x1f1
        .byte 1                 /* setup_sects: this file is two sectors, then the other part */
        .word 0                 /* root_flags */
        .long 1                 /* syssize, of 16 bytes */
        .word 0, 0xffff, 0      /* ram_size, vid_mode, root_dev */
        .word 0xaa55
        jmp entry
        .ascii "HdrS"
        .word 0x0203            /* of the protocol */
        .long 0
        .word 0x1000, 0
        .byte 0                 /* type_of_loader */
        .byte 1                 /* loadflags: the other part goes to 1 MiB */
        .word 0x8000
        .long 0x100000          /* code32_start */
ramdisk:
        .long 0, 0              /* ramdisk_image, ramdisk_size */
        .long 0
        .word 0xe000, 0
cmd_line:
        .long 0                 /* cmd_line_ptr */
        .long 0x37ffffff        /* initrd_addr_max */

/* DS is where this file begins. */
entry:
        mov     $hello, %si
        call    show
        movl    cmd_line, %eax
        shrl    $4, %eax
        push    %ds
        mov     %ax, %ds
        movb    cmd_line - cmd_line, %bl
        xor     %si, %si
        call    show
        pop     %ds
        mov     $more, %si
        call    show
        movl    ramdisk + 4, %edx
        mov     $8, %cx
1:      roll    $4, %edx
        mov     %dl, %al
        and     $15, %al
        cmp     $10, %al
        sbb     $0x69, %al      /* a digit to its character */
        das
        out     %al, $0xe9
        loop    1b
        mov     $10, %al
        out     %al, $0xe9
        cmp     $'o', %bl
        je      off
        cmp     $'r', %bl
        jne     wait
        mov     $0xfe, %al
        out     %al, $0x64
wait:
        sti
        hlt
        jmp     wait
off:
        cli
        hlt
        jmp     off

/* DS:SI to the port, up to a zero */
show:
        lodsb
        test    %al, %al
        jz      1f
        out     %al, $0xe9
        jmp     show
1:      ret

hello:  .asciz  "direct: line "
more:   .asciz  ", ramdisk "
        .org 0x400
        .org 0x410              /* the other part */
