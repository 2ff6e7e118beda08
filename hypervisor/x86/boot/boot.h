/* Between the files of x86/boot. */
#ifndef X86_BOOT_BOOT_H
#define X86_BOOT_BOOT_H

#include <hv/boot.h>

/* Called by head.S on the boot CPU's stack, with the first 4 GiB in the direct map. */
noreturn void boot_main(uint32_t magic, uint32_t info_phys);

/* Fill boot_info from what the loader left at `info`. False: the magic is neither protocol's. */
bool multiboot_parse(uint32_t magic, uint32_t info_phys);

#endif
