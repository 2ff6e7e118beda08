/* Which console sinks a PC has; called by core/debug/console.c. */
#include <hv/console.h>
#include <hv/uart.h>
#include <hv/video.h>

void arch_init_console(void)
{
    ns16550_init();
}

void arch_init_console_late(void)
{
    vga_init();
    ns16550_start_input();
}

void arch_console_give_to_dom0(void)
{
    vga_give_to_dom0();
}
