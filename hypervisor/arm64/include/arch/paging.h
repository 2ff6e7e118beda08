/*
 * Translation tables of EL2: 4 KiB pages, 48 bits, four levels. Arm ARM (DDI 0487) D8.3. Usable
 * from assembly.
 */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <arch/layout.h>

#define TABLE_ENTRIES          512
#define TABLE_INDEX(va, level) ((va) >> (39 - 9 * (level)) & (TABLE_ENTRIES - 1))

#define PTE_VALID     LAYOUT_UL(0x1)
#define PTE_TABLE     LAYOUT_UL(0x3)      /* a table above level 3, a page at level 3 */
#define PTE_ATTR(n)   (LAYOUT_UL(n) << 2) /* index into MAIR_EL2 */
#define PTE_AP_RES1   LAYOUT_UL(0x40)
#define PTE_READONLY  LAYOUT_UL(0x80)
#define PTE_SHAREABLE LAYOUT_UL(0x300) /* inner */
#define PTE_ACCESSED  LAYOUT_UL(0x400)
#define PTE_NOEXEC    LAYOUT_UL(0x40000000000000)
#define PTE_ADDRESS   LAYOUT_UL(0xfffffffff000)

/* MAIR_EL2: 0 device (nGnRE), 1 normal memory, cached. */
#define MAIR_VALUE  0xff04
#define ATTR_DEVICE PTE_ATTR(0)
#define ATTR_NORMAL PTE_ATTR(1)

#define PTE_COMMON (PTE_TABLE | PTE_AP_RES1 | PTE_SHAREABLE | PTE_ACCESSED)
#define PTE_TEXT   (PTE_COMMON | ATTR_NORMAL | PTE_READONLY)
#define PTE_RODATA (PTE_TEXT | PTE_NOEXEC)
#define PTE_DATA   (PTE_COMMON | ATTR_NORMAL | PTE_NOEXEC)
#define PTE_DEVICE (PTE_COMMON | ATTR_DEVICE | PTE_NOEXEC)

/* Res1 bits, 48-bit addresses, tables in cached shareable memory; PS (bits 16-18) is added. */
#define TCR_VALUE    0x80803510
#define TCR_PS_SHIFT 16
#define TCR_PS_MAX   5 /* 48 bits */

/* Res1 bits; then MMU, caches, stack alignment, and nothing both writable and executable. */
#define SCTLR_OFF 0x30c50830
#define SCTLR_ON  (SCTLR_OFF | 0x1 | 0x4 | 0x8 | 0x1000 | 0x80000)

#endif
