/*
 * The first instructions. A boot loader (multiboot 1 or 2) enters start32 in 32-bit protected
 * mode without paging; this builds page tables that map the first 4 GiB at 0 and in the direct map,
 * the image and the boot CPU's area, and calls boot_main() in 64-bit mode at the image's address.
 * Sources: Multiboot Specification 0.6.96 section 3; Multiboot2 2.0 section 3; Intel SDM 3A 10.8.5.
 */
#include <arch/layout.h>

#define PHYS(sym) ((sym) - IMAGE_VIRT_BASE)

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00010003 /* modules page-aligned, memory map, addresses given below */
#define MB2_MAGIC 0xe85250d6

    .section .text.boot, "ax"
    .code32
    .globl start32

    .balign 8
mb1_header:
    .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
    .long PHYS(mb1_header)  /* header_addr */
    .long PHYS(image_start) /* load_addr */
    .long PHYS(load_end)    /* load_end_addr */
    .long PHYS(image_end)   /* bss_end_addr */
    .long PHYS(start32)     /* entry_addr */

    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
    .short 1, 1 /* information request, optional: memory map, framebuffer, both RSDPs, modules */
    .long 28
    .long 6, 8, 14, 15, 3
    .balign 8
    .short 6, 1 /* modules page-aligned */
    .long 8
    .short 3, 0 /* entry address */
    .long 12
    .long PHYS(start32)
    .balign 8
    .short 0, 0
    .long 8
mb2_end:

start32:
    cld
    cli
    mov $PHYS(early_stack_top), %esp
    mov %eax, PHYS(boot_magic)
    mov %ebx, PHYS(boot_info_phys)

    /* Long mode and NX, or a sentence on the first serial port. */
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode
    bt $20, %edx
    jnc no_long_mode

    /* Four tables of 2 MiB pages: physical 0 to 4 GiB. */
    mov $PHYS(early_l2), %edi
    mov $0x83, %eax /* present, writable, 2 MiB */
    mov $2048, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov $PHYS(early_l2) + 3, %eax
    mov $PHYS(early_l3_low), %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    loop 1b
    /* The image is the first GiB again; the second GiB of its slot holds the CPU areas. */
    movl $PHYS(early_l2) + 3, PHYS(image_l3)
    movl $PHYS(cpu_areas_l2) + 3, PHYS(image_l3) + 8
    movl $PHYS(cpu_areas_l1) + 3, PHYS(cpu_areas_l2)
    mov $PHYS(boot_cpu_area) + 3, %eax
    mov $PHYS(cpu_areas_l1), %edi
    xor %ecx, %ecx
1:  mov $0xf75f, %edx /* pages of a CPU area that are not guards */
    bt %ecx, %edx
    jnc 2f
    mov %eax, (%edi, %ecx, 8)
2:  add $0x1000, %eax
    inc %ecx
    cmp $16, %ecx
    jb 1b

    movl $PHYS(early_l3_low) + 3, PHYS(boot_l4)
    movl $PHYS(image_l3) + 3, PHYS(boot_l4) + 261 * 8
    movl $PHYS(early_l3_low) + 3, PHYS(boot_l4) + 262 * 8

    mov $0xa0, %eax /* PAE, PGE */
    mov %eax, %cr4
    mov $PHYS(boot_l4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* SCE, LME, NX */
    wrmsr
    mov $0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
    mov %eax, %cr0
    lgdt PHYS(early_gdt_ptr)
    ljmp $8, $PHYS(start64_low)

no_long_mode:
    mov $PHYS(no_long_mode_text), %esi
1:  mov $0x3fd, %dx
    mov $0x10000, %ecx
2:  in %dx, %al
    test $0x20, %al
    jnz 3f
    loop 2b
3:  lodsb
    test %al, %al
    jz 4f
    mov $0x3f8, %dx
    out %al, %dx
    jmp 1b
4:  hlt
    jmp 4b

    .code64
start64_low:
    movabs $start64, %rax
    jmp *%rax
start64:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov $16, %eax
    mov %eax, %ss
    lea cpu_areas + CPU_AREA_SIZE(%rip), %rsp
    mov boot_magic(%rip), %edi
    mov boot_info_phys(%rip), %esi
    xor %ebp, %ebp
    push %rbp
    push %rbp
    call boot_main
    ud2

    .balign 8
early_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 8: 64-bit code */
    .quad 0x00cf93000000ffff /* 16: data */
early_gdt_ptr:
    .short . - early_gdt - 1
    .long PHYS(early_gdt)
no_long_mode_text:
    .asciz "hospes needs a 64-bit CPU with no-execute pages.\r\n"

    .section .data, "aw"
    .balign 4
boot_magic:
    .long 0
boot_info_phys:
    .long 0

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
early_l2:
    .skip 4 * 4096
early_l3_low:
    .skip 4096
    .globl boot_l4, image_l3, cpu_areas_l2, cpu_areas_l1
boot_l4:
    .skip 4096
image_l3:
    .skip 4096
cpu_areas_l2:
    .skip 4096
cpu_areas_l1:
    .skip 4096
    .balign 4096
    .globl boot_cpu_area
boot_cpu_area:
    .skip CPU_AREA_SIZE
early_stack:
    .skip 512
early_stack_top:
