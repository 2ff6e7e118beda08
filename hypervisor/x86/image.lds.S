/*
 * The image: one loadable segment, physical and file order the same, so that the multiboot 1 header
 * can describe it as a flat piece of the file and the ELF header as a segment.
 */
#include <arch/layout.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(start32) /* its virtual address: GRUB looks for it in the segment and converts it */

PHDRS
{
    image PT_LOAD FLAGS(7);
}

SECTIONS
{
    . = IMAGE_VIRT_BASE + IMAGE_PHYS;
    image_start = .;
    .text : AT(ADDR(.text) - IMAGE_VIRT_BASE) {
        *(.text.boot)
        *(.text .text.*)
        . = ALIGN(4096);
    } :image
    text_end = .;

    .rodata : AT(ADDR(.rodata) - IMAGE_VIRT_BASE) {
        *(.rodata .rodata.*)
        . = ALIGN(8);
        __start_option_table = .;
        KEEP(*(option_table))
        __stop_option_table = .;
        __start_keyhandler_table = .;
        KEEP(*(keyhandler_table))
        __stop_keyhandler_table = .;
        __start_ex_table = .;
        KEEP(*(ex_table))
        __stop_ex_table = .;
        __start_smap_sites = .;
        KEEP(*(smap_sites))
        __stop_smap_sites = .;
        KEEP(*(.symbols))
        . = ALIGN(4096);
    } :image
    rodata_end = .;

    .data : AT(ADDR(.data) - IMAGE_VIRT_BASE) {
        *(.data .data.*)
        . = ALIGN(4096);
        __start_percpu_data = .;
        *(percpu_first)
        *(percpu_data)
        . = ALIGN(64);
        __stop_percpu_data = .;
        . = ALIGN(4096);
    } :image
    .init : AT(ADDR(.init) - IMAGE_VIRT_BASE) {
        init_start = .;
        *(.init.text)
        . = ALIGN(4096);
        init_text_end = .;
        *(.init.data)
        . = ALIGN(4096);
        init_end = .;
    } :image
    load_end = .;
    .bss : AT(ADDR(.bss) - IMAGE_VIRT_BASE) {
        *(.bss.page_aligned)
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
    } :image
    image_end = .;

    cpu_areas = CPU_AREA_VIRT;

    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.interp) *(.dynamic) *(.gnu*) }
}

ASSERT(__stop_percpu_data - __start_percpu_data <= CPU_DATA_PAGES * 4096, "per-CPU data too large")
ASSERT(image_end - image_start < 0x1000000, "the image and its early tables fit 16 MiB")
ASSERT(percpu__running_vcpu == __start_percpu_data, "the running vCPU is what an area begins with")
