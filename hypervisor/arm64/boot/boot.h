/* Between the files of arm64/boot. */
#ifndef BOOT_H
#define BOOT_H

#include <hv/boot.h>
#include <hv/fdt.h>

/* From head.S, MMU off: make the page tables for an image at physical address `phys`; returns the
 * root table's. */
uint64_t boot_make_tables(uint64_t phys);
/* Once at the linked address: the mapping at `phys` is not needed any more. */
void boot_drop_identity(uint64_t phys);
/* The end of head.S. */
noreturn void arm64_main(uint64_t dtb_phys, uint64_t image_phys);

/* Fill in b->range from the tree: RAM, and what of it is reserved; [dtb, dtb + size) is, too. */
void memory_map_from_tree(struct boot_info *b, const struct dt *tree, uint64_t dtb);
/* One range of a type over what was there before; b->range stays sorted, without overlap. */
void memory_map_set(struct boot_info *b, uint64_t start, uint64_t size, enum mem_type type);

#endif
