/* From head.S to core's hospes_main(): enough to print and to catch a fault. */
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/percpu.h>
#include <arch/policy.h>
#include <arch/trap.h>

#include "boot.h"

init_text void boot_main(uint32_t magic, uint32_t info_phys)
{
    bool known;

    memcpy((void *)cpu_area(0), __start_percpu_data,
           (size_t)(__stop_percpu_data - __start_percpu_data));
    known = multiboot_parse(magic, info_phys);
    if (!known)
        boot_info.cmdline = "";
    cmdline_parse(boot_info.cmdline);
    console_init();
    cpu_init_features();
    traps_init_cpu();
    if (cpu_has(X86_SMAP))
        smap_patch();
    if (!known)
        panic("The boot loader is neither Multiboot 1 nor 2 (it left %#x).", magic);
    hospes_main();
}

/* The IDT is there since boot_main(); what guests may see of the CPU follows from its features. */
init_text void arch_init_traps(void)
{
    policy_init();
}
