/*
 * Debug keys. Asked for from interrupt context (a UART) or a hypercall; run from a tasklet, with
 * interrupts on and no lock held. The handlers themselves are in the files that own what they
 * print, collected by the linker.
 */
#include <hv/arch.h>
#include <hv/bitops.h>
#include <hv/keyhandler.h>
#include <hv/printk.h>
#include <hv/softirq.h>

#define NR_KEYS 128

extern const struct keyhandler __start_keyhandler_table[], __stop_keyhandler_table[];

static void run_pending(void *unused);

static unsigned long pending[BITS_TO_LONGS(NR_KEYS)];
static struct tasklet tasklet = { .fn = run_pending };

static const struct keyhandler *find_key(char key)
{
    for (const struct keyhandler *h = __start_keyhandler_table; h < __stop_keyhandler_table; h++)
        if (h->key == key)
            return h;
    return NULL;
}

static void run_key(char key)
{
    const struct keyhandler *h = find_key(key);

    if (!h) {
        printk_raw("There is nothing on the key '%c'; h lists those that do something.\n",
                   key >= ' ' && key < 0x7f ? key : '?');
        return;
    }
    printk_raw("'%c': %s\n", h->key, h->text);
    h->fn();
}

static void run_pending(void *unused)
{
    (void)unused;
    for (unsigned int key = find_next_bit(pending, NR_KEYS, 0); key < NR_KEYS;
         key = find_next_bit(pending, NR_KEYS, key + 1))
        if (test_and_clear_bit_atomic(key, pending))
            run_key((char)key);
}

void keyhandler_schedule(char key)
{
    if ((unsigned char)key >= NR_KEYS)
        return;
    set_bit_atomic((unsigned char)key, pending);
    tasklet_schedule(&tasklet);
}

static void list_keys(void)
{
    for (const struct keyhandler *h = __start_keyhandler_table; h < __stop_keyhandler_table; h++)
        printk_raw("  %c  %s\n", h->key, h->text);
}

static void reboot_now(void)
{
    printk(LOG_WARN, "Rebooting, as the console asked.\n");
    arch_reboot();
}

/* Everything that only tells. */
static void run_all(void)
{
    for (const struct keyhandler *h = __start_keyhandler_table; h < __stop_keyhandler_table; h++)
        if (h->fn != list_keys && h->fn != reboot_now && h->fn != run_all)
            run_key(h->key);
}

KEY_HANDLER(all, '*', run_all, "all that the other keys print");
KEY_HANDLER(help, 'h', list_keys, "list the debug keys");
KEY_HANDLER(reboot, 'R', reboot_now, "reboot the machine");
