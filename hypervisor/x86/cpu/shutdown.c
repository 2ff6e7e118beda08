/*
 * The end of the machine: reset by what works, or stop. Called by panic() and by what dom0 asks
 * for (SCHEDOP_shutdown). The other CPUs are stopped first; no locks.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/time.h>
#include <arch/smp.h>

/* Pulse the reset line of the keyboard controller. */
static void reset_keyboard(void)
{
    for (unsigned int pulse = 0; pulse < 10; pulse++) {
        for (unsigned int i = 0; i < 10000 && (inb(0x64) & 2); i++)
            delay_us(2);
        outb(0x64, 0xfe);
        delay_us(50);
    }
}

static void reset_cf9(void)
{
    uint8_t value = inb(0xcf9) & ~6;

    outb(0xcf9, value | 2); /* hard reset ... */
    delay_us(50);
    outb(0xcf9, value | 6); /* ... now */
}

static void reset_triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } packed no_idt = { 0, 0 };

    __asm__ volatile("lidt %0; int3" ::"m"(no_idt));
}

static const struct {
    char key;
    void (*reset)(void);
} methods[] = {
    { 'a', acpi_reboot },
    { 'k', reset_keyboard },
    { 'p', reset_cf9 },
    { 't', reset_triple_fault },
};

static char preferred;
static bool never;

static int parse_reboot(const char *value)
{
    if (!strcmp(value, "no") || !strcmp(value, "n")) {
        never = true;
        return 0;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
        if (value[0] == methods[i].key) {
            preferred = value[0];
            return 0;
        }
    }
    return -EINVAL;
}
CUSTOM_OPTION("reboot", parse_reboot,
              "how to reset: a(cpi), k(eyboard controller), p(ort 0xcf9), t(riple fault); no");

noreturn void arch_halt(void)
{
    irq_disable();
    smp_halt_others();
    for (;;)
        __asm__ volatile("cli; hlt");
}

noreturn void arch_reboot(void)
{
    irq_disable();
    smp_halt_others();
    if (never)
        arch_halt();
    for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
        if (methods[i].key == preferred)
            methods[i].reset();
    }
    delay_us(10000);
    for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
        methods[i].reset();
        delay_us(10000);
    }
    arch_halt();
}

/* The values that power the machine off are in AML, which only dom0 reads: it has had its chance
 * (XENPF_enter_acpi_sleep) when this is called. */
noreturn void arch_poweroff_or_halt(void)
{
    printk_raw("The machine can be switched off now.\n");
    arch_halt();
}
