/*
 * The end: say why, show what is known, stop the other CPUs, then reboot or halt. Runs in any
 * context, on any CPU, possibly on several at once; takes no lock that it waits for.
 */
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/spinlock.h>
#include <hv/time.h>

#define REBOOT_DELAY_S 5

static bool noreboot;
BOOL_OPTION("noreboot", noreboot, "halt after a panic instead of rebooting 5 seconds later");

static unsigned int panicking; /* CPU + 1 */

static noreturn void stay_here(void)
{
    irq_disable();
    for (;;)
        cpu_relax();
}

void reboot_or_halt(void)
{
    if (noreboot) {
        printk_raw("Halted: noreboot was given.\n");
        arch_halt();
    }
    printk_raw("Rebooting in %d seconds.\n", REBOOT_DELAY_S);
    for (unsigned int ms = 0; ms < REBOOT_DELAY_S * 1000; ms++)
        delay_us(1000);
    arch_reboot();
}

/* The first CPU that comes here reports; the others wait to be stopped by it. */
static void claim_panic(void)
{
    unsigned int self = smp_processor_id() + 1, none = 0;

    irq_disable();
    if (__atomic_compare_exchange_n(&panicking, &none, self, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return;
    if (none != self)
        stay_here();
}

void panic(const char *fmt, ...)
{
    static const char frame[] = "****************************************\n";
    static unsigned int depth;
    char sentence[256];
    va_list args;

    claim_panic();
    console_start_sync();

    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    printk_raw("\n%sPanic on CPU %u:\n%s\n%s", frame, smp_processor_id(), sentence, frame);

    /* What fails while it reports is left out; a third panic is not worth reporting. */
    if (++depth == 1) {
        arch_dump_state();
        lock_print_holders();
        smp_stop_others();
    } else if (depth > 2) {
        arch_halt();
    }
    reboot_or_halt();
}

void bug(const char *file, int line, const char *what)
{
    panic("The hypervisor is in a state that it excludes: %s (%s:%d)", what, file, line);
}
