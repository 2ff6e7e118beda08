/*
 * The console: output to the sinks and the ring, input from the UARTs for dom0 or for debug keys.
 * Used by printk() and panic(), by dom0 (CONSOLEIO_*, XEN_SYSCTL_readconsole) and by the UARTs'
 * drivers. Everything here is guarded by console_lock, taken with interrupts off; a CPU that
 * interrupted itself while holding it (an NMI, a fault in a sink), or that prints its last words,
 * does without.
 */
#include <hv/bitops.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/event.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/string.h>
#include <arch/irqflags.h>
#include <arch/processor.h>
#include "internal.h"

#define MAX_SINKS       4
#define RING_SIZE       16384U /* until memory can be allocated; powers of two */
#define RING_SIZE_LIMIT (64UL << 20)
#define INPUT_SIZE      1024U
#define SWITCH_CHAR     '\x01' /* Ctrl-A */
#define SWITCH_COUNT    3
/* How long last words wait for another CPU's line to end; and anybody, should the lock be lost. */
#define DYING_SPINS   10000000UL
#define PATIENT_SPINS 1000000000UL

static char console_names[64];
static uint64_t conring_size = RING_SIZE;
static bool sync_console;
static bool want_help;
STRING_OPTION(
    "console", console_names,
    "where messages go: a list of com1, com2, vga, dtuart, none (default: all there are)");
SIZE_OPTION("conring_size", conring_size,
            "size of the ring that keeps messages for `xl dmesg` (default 16k)");
BOOL_OPTION("sync_console", sync_console,
            "wait for every character to leave; this hypervisor always does");
BOOL_OPTION("help", want_help, "print this list when the console starts");

static spinlock_t console_lock = SPINLOCK_INIT(LOCK_CONSOLE);
static unsigned int console_owner; /* CPU + 1 while it holds console_lock */
static bool dying;

static struct console_sink *sinks[MAX_SINKS];
static bool at_line_start = true;

static char first_ring[RING_SIZE];
static char *ring = first_ring;
static uint32_t ring_size = RING_SIZE;
static uint32_t ring_next, ring_first; /* numbers of characters */

static char input[INPUT_SIZE];
static unsigned int input_next, input_first;
static unsigned int switch_chars; /* Ctrl-A's in a row, held back */
static bool input_is_ours;        /* debug keys, not dom0 */

/* Whoever reads the ring is told from a tasklet: what prints may hold any lock. */
static void tell_reader(void *arg)
{
    (void)arg;
    event_send_global_virq(VIRQ_CON_RING);
}

static struct tasklet ring_teller = { .fn = tell_reader };

struct console_session console_begin(void)
{
    struct console_session session = { .flags = irq_save() };
    unsigned int self = smp_processor_id() + 1;
    unsigned long spins = 0;

    while (READ_ONCE(console_owner) != self && !(session.locked = spin_trylock(&console_lock))) {
        if (++spins >= (READ_ONCE(dying) ? DYING_SPINS : PATIENT_SPINS))
            break;
        cpu_relax();
    }
    if (session.locked)
        WRITE_ONCE(console_owner, self);
    return session;
}

void console_end(struct console_session session)
{
    if (session.locked) {
        WRITE_ONCE(console_owner, 0);
        spin_unlock(&console_lock);
    }
    irq_restore(session.flags);
}

bool console_at_line_start(void)
{
    return at_line_start;
}

void console_put(const char *s, size_t len, bool to_ring)
{
    if (!len)
        return;
    for (size_t i = 0; to_ring && i < len; i++)
        ring[ring_next++ & (ring_size - 1)] = s[i];
    if (ring_next - ring_first > ring_size)
        ring_first = ring_next - ring_size;
    for (unsigned int i = 0; i < MAX_SINKS; i++)
        if (sinks[i] && sinks[i]->enabled)
            sinks[i]->puts(s, len);
    at_line_start = s[len - 1] == '\n';
    if (to_ring)
        tasklet_schedule(&ring_teller);
}

bool console_is_named(const char *name)
{
    size_t len = strlen(name);

    for (const char *s = console_names; *s; s++) {
        if (!strncmp(s, name, len) && (s[len] == ',' || !s[len]))
            return true;
        s = strchr(s, ',');
        if (!s)
            break;
    }
    return false;
}

static void replay_ring(const struct console_sink *sink)
{
    uint32_t from = ring_first;

    while (from != ring_next) {
        uint32_t offset = from & (ring_size - 1);
        uint32_t len = min(ring_next - from, ring_size - offset);

        sink->puts(ring + offset, len);
        from += len;
    }
}

void console_register(struct console_sink *sink)
{
    struct console_session session = console_begin();
    unsigned int i = 0;

    while (i < MAX_SINKS && sinks[i])
        i++;
    if (i < MAX_SINKS) {
        sink->enabled = !console_names[0] || console_is_named(sink->name);
        if (sink->enabled)
            replay_ring(sink);
        sinks[i] = sink;
    }
    console_end(session);
}

void console_unregister(struct console_sink *sink)
{
    struct console_session session = console_begin();

    for (unsigned int i = 0; i < MAX_SINKS; i++)
        if (sinks[i] == sink)
            sinks[i] = NULL;
    console_end(session);
}

void console_init(void)
{
    arch_init_console();
    if (want_help)
        cmdline_print_help();
}

static void grow_ring(void)
{
    unsigned int order = 0;
    char *bigger;
    struct console_session session;
    uint32_t index;

    while ((PAGE_SIZE << order) < min(conring_size, RING_SIZE_LIMIT))
        order++;
    if ((PAGE_SIZE << order) <= ring_size)
        return;
    bigger = pages_alloc(order);
    if (!bigger) {
        printk(LOG_WARN, "conring_size=: no memory for a ring of %lu KiB.\n",
               (PAGE_SIZE << order) / 1024);
        return;
    }
    session = console_begin();
    for (index = ring_first; index != ring_next; index++)
        bigger[index & ((PAGE_SIZE << order) - 1)] = ring[index & (ring_size - 1)];
    ring = bigger;
    ring_size = (uint32_t)(PAGE_SIZE << order);
    console_end(session);
}

void console_init_late(void)
{
    grow_ring();
    arch_init_console_late();
}

void console_give_to_dom0(void)
{
    arch_console_give_to_dom0();
}

void console_start_sync(void)
{
    WRITE_ONCE(dying, true);
    for (unsigned int i = 0; i < MAX_SINKS; i++)
        if (sinks[i])
            return;
    console_init();
}

/* ---- the ring ---- */

uint32_t console_ring_start(void)
{
    return READ_ONCE(ring_first);
}

size_t console_ring_read(char *buf, size_t size, uint32_t *index, bool clear)
{
    struct console_session session = console_begin();
    size_t len = 0;

    if (ring_next - *index > ring_next - ring_first)
        *index = ring_first;
    while (len < size && *index != ring_next)
        buf[len++] = ring[(*index)++ & (ring_size - 1)];
    if (clear)
        ring_first = *index;
    console_end(session);
    return len;
}

/* ---- dom0's side ---- */

void console_guest_write(const char *s, size_t len)
{
    struct console_session session = console_begin();

    console_put(s, len, false);
    console_end(session);
}

size_t console_guest_read(char *buf, size_t size)
{
    struct console_session session = console_begin();
    size_t len = 0;

    while (len < size && input_first != input_next)
        buf[len++] = input[input_first++ % INPUT_SIZE];
    console_end(session);
    return len;
}

/* ---- input ---- */

static void queue_for_dom0(char c, unsigned int count)
{
    struct console_session session = console_begin();

    /* When dom0 does not read, what is typed is lost. */
    for (; count && input_next - input_first < INPUT_SIZE; count--)
        input[input_next++ % INPUT_SIZE] = c;
    console_end(session);
}

static void switch_input(void)
{
    input_is_ours = !input_is_ours;
    printk_raw("\n*** Input now goes to %s. Type Ctrl-A three times to switch%s.\n",
               input_is_ours ? "the hypervisor" : "dom0",
               input_is_ours ? " back, h for a list of keys" : "");
}

void console_input(char c)
{
    unsigned int held;

    if (c == SWITCH_CHAR) {
        if (++switch_chars == SWITCH_COUNT) {
            switch_chars = 0;
            switch_input();
        }
        return;
    }
    held = switch_chars;
    switch_chars = 0;
    if (input_is_ours) {
        keyhandler_schedule(c);
        return;
    }
    queue_for_dom0(SWITCH_CHAR, held);
    queue_for_dom0(c, 1);
    event_send_global_virq(VIRQ_CONSOLE);
}
