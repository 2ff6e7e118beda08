/* The end of the machine: by the firmware's PSCI, where the device tree says that it is there and
 * called by SMC. Arm DEN 0022, 5.9 and 5.10. */
#include <hv/arch.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/string.h>
#include <arch/device_tree.h>

#define PSCI_SYSTEM_OFF   0x84000008
#define PSCI_SYSTEM_RESET 0x84000009

static bool psci_by_smc(void)
{
    dt_node_t node = dt_find_compatible(&device_tree, -1, "arm,psci-0.2");
    const char *method;

    if (node < 0)
        node = dt_find_compatible(&device_tree, -1, "arm,psci-1.0");
    method = dt_string(&device_tree, node, "method");
    return method && !strcmp(method, "smc");
}

/* Does not return if it works. */
static void psci_call(uint64_t function)
{
    if (!device_tree.blob || !psci_by_smc())
        return;
    __asm__ volatile("mov x0, %0; smc #0" ::"r"(function)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                       "x12", "x13", "x14", "x15", "x16", "x17", "memory");
}

void arch_halt(void)
{
    irq_disable();
    for (;;)
        wait_for_interrupt();
}

void arch_reboot(void)
{
    psci_call(PSCI_SYSTEM_RESET);
    printk(LOG_ERR, "The firmware cannot reset this machine; halted.\n");
    arch_halt();
}

void arch_poweroff_or_halt(void)
{
    psci_call(PSCI_SYSTEM_OFF);
    arch_halt();
}
