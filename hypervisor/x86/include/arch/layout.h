/*
 * The hypervisor's virtual address space: L4 slots 256-271, as the PV ABI reserves them.
 * Usable from assembly and the linker script.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#ifdef __ASSEMBLER__
#define LAYOUT_UL(x) x
#else
#define LAYOUT_UL(x) x##UL
#endif

#define HV_VIRT_START LAYOUT_UL(0xffff800000000000)
#define HV_VIRT_END   LAYOUT_UL(0xffff880000000000)
#define HV_SLOT_FIRST 256
#define HV_SLOT_LAST  271

#define M2P_RO_VIRT     LAYOUT_UL(0xffff800000000000) /* slot 256: guests may read */
#define M2P_VIRT        LAYOUT_UL(0xffff808000000000) /* slot 257: the same frames, writable for us */
#define FRAMETABLE_VIRT LAYOUT_UL(0xffff810000000000) /* slot 258 */
#define MAP_VIRT        LAYOUT_UL(0xffff818000000000) /* slot 259: arch_map_phys() */
#define MAP_VIRT_SIZE   LAYOUT_UL(0x0000008000000000)
#define PERDOMAIN_VIRT  LAYOUT_UL(0xffff820000000000) /* slot 260: differs per domain */
#define PERDOMAIN_SLOT  260
/* In it: 32 pages for each vCPU of the domain, 16 of its GDT, 16 of its LDT. */
#define PERDOMAIN_GDT_VIRT(vcpu) (PERDOMAIN_VIRT + (vcpu)*LAYOUT_UL(0x20000))
#define PERDOMAIN_LDT_OFFSET     LAYOUT_UL(0x10000)
/* Slot 261: physical 0 + this is the image. */
#define IMAGE_VIRT_BASE LAYOUT_UL(0xffff828000000000)
#define IMAGE_PHYS      LAYOUT_UL(0x200000)
#define CPU_AREA_VIRT   LAYOUT_UL(0xffff828040000000) /* within 2 GiB of the image */
#define DIRECTMAP_VIRT  LAYOUT_UL(0xffff830000000000) /* slots 262-271 */
#define DIRECTMAP_SIZE  LAYOUT_UL(0x0000050000000000)

/*
 * Each CPU's area: per-CPU variables at its start, exception stacks, and the one stack with the
 * guest's registers at its top. Guard pages between them are not mapped.
 */
#define CPU_AREA_SHIFT 16
#define CPU_AREA_SIZE  LAYOUT_UL(0x10000)
#define CPU_DATA_OFF   0x0000 /* per-CPU variables: up to 5 pages */
#define CPU_DATA_PAGES 5
#define CPU_NMI_STACK  0x7000 /* tops of the one-page exception stacks; the last two are fatal */
#define CPU_DB_STACK   0x9000
#define CPU_MC_STACK   0xa000
#define CPU_DF_STACK   0xb000
#define CPU_STACK_OFF  0xc000 /* main stack: 4 pages, to the end of the area */
#define CPU_REGS_SIZE  168    /* sizeof(struct regs) */

#endif
