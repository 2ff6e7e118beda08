/*
 * The hypervisor's virtual address space at EL2: 48 bits from 0, in slots of 512 GiB (the entries
 * of the level-0 table). Usable from assembly and the linker script.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#ifdef __ASSEMBLER__
#define LAYOUT_UL(x) x
#else
#define LAYOUT_UL(x) x##UL
#endif

/* Physical memory below 128 TiB may be mapped at its own address for a moment while booting. */
#define IMAGE_VIRT_BASE LAYOUT_UL(0x800000000000) /* slot 256 */
#define IMAGE_MAX_SIZE  LAYOUT_UL(0x400000)       /* what the boot page tables cover */
#define MAP_VIRT        LAYOUT_UL(0x808000000000) /* slot 257: arch_map_phys() */
#define MAP_VIRT_SIZE   LAYOUT_UL(0x1000000)      /* what its page tables cover */

/* Each CPU's area: per-CPU variables at its start, its stack at its end. */
#define CPU_AREA_SHIFT 16
#define CPU_AREA_SIZE  LAYOUT_UL(0x10000)
#define CPU_DATA_SIZE  LAYOUT_UL(0x8000)

#endif
