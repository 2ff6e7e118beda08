/*
 * The image: linked at IMAGE_VIRT_BASE, started at any 2 MiB boundary of physical memory. Sections
 * with different rights begin on pages of their own.
 */
#include <arch/layout.h>

OUTPUT_FORMAT("elf64-littleaarch64")
OUTPUT_ARCH(aarch64)
ENTRY(image_start)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}

SECTIONS
{
    . = IMAGE_VIRT_BASE;
    image_start = .;
    .text : {
        *(.text.boot)
        . = ALIGN(4096);
        *(.text .text.*)
        *(.init.text)
        . = ALIGN(4096);
    } :text
    text_end = .;

    .rodata : {
        *(.rodata .rodata.*)
        . = ALIGN(8);
        __start_option_table = .;
        KEEP(*(option_table))
        __stop_option_table = .;
        __start_keyhandler_table = .;
        KEEP(*(keyhandler_table))
        __stop_keyhandler_table = .;
        *(.got .got.*)
        KEEP(*(.symbols))
        . = ALIGN(4096);
    } :rodata
    rodata_end = .;

    .data : {
        *(.data .data.*)
        *(.init.data)
        . = ALIGN(64);
        __start_percpu_data = .;
        *(percpu_first)
        *(percpu_data)
        . = ALIGN(64);
        __stop_percpu_data = .;
        . = ALIGN(4096);
    } :data
    load_end = .;

    .bss (NOLOAD) : {
        bss_start = .;
        *(.bss.page_aligned)
        *(.bss .bss.* COMMON)
        . = ALIGN(CPU_AREA_SIZE);
        cpu_areas = .;
        . += CPU_AREA_SIZE; /* the boot CPU's; there are no others yet */
        bss_end = .;
    } :data
    image_end = .;
    image_size = ABSOLUTE(image_end - image_start);

    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.interp) *(.dynamic) *(.gnu*) }
}

ASSERT(__stop_percpu_data - __start_percpu_data <= CPU_DATA_SIZE, "per-CPU data too large")
ASSERT(image_end - image_start <= IMAGE_MAX_SIZE, "the image fits its page tables")
ASSERT(percpu__running_vcpu == __start_percpu_data, "the running vCPU is what an area begins with")
