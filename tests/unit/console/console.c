/* The console: ring, sinks, levels, rate limit, timestamps, input and its switch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/event.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <hv/time.h>
#include <arch/irqflags.h>

/* ---- what the console needs of others ---- */

static s_time_t fake_now;
static bool lock_taken;
static bool lock_is_others; /* held by a CPU that never lets go */
static unsigned int virqs, ring_virqs;
static struct tasklet *scheduled;
static char keys[16];
static bool sinks_wanted;
static bool out_of_memory;

s_time_t now(void)
{
    return fake_now;
}

void time_get_wallclock_base(uint64_t *secs, uint32_t *nsecs)
{
    *secs = 951782399; /* 2000-02-28 23:59:59 */
    *nsecs = 500000000;
}

bool spin_trylock(spinlock_t *lock)
{
    assert_int_equal(lock->rank, LOCK_CONSOLE);
    assert_false(irq_enabled());
    if (lock_taken || lock_is_others)
        return false;
    lock_taken = true;
    return true;
}

void spin_unlock(spinlock_t *lock)
{
    (void)lock;
    assert_true(lock_taken);
    lock_taken = false;
}

void event_send_global_virq(unsigned int virq)
{
    assert_false(lock_taken);
    if (virq == VIRQ_CON_RING) {
        ring_virqs++;
        return;
    }
    assert_int_equal(virq, VIRQ_CONSOLE);
    virqs++;
}

void tasklet_schedule(struct tasklet *t)
{
    scheduled = t;
}

void keyhandler_schedule(char key)
{
    keys[strlen(keys)] = key;
}

void *pages_alloc(unsigned int order)
{
    return out_of_memory ? NULL : calloc(1, PAGE_SIZE << order);
}

/* ---- sinks ---- */

static char seen[200000], seen_two[200000];
static size_t seen_len, seen_two_len;
static bool nmi_within; /* the sink is interrupted by code that prints */

static void puts_one(const char *s, size_t len)
{
    memcpy(seen + seen_len, s, len);
    seen_len += len;
    seen[seen_len] = '\0';
    if (nmi_within) {
        nmi_within = false;
        printk_raw("NMI!");
    }
}

static void puts_two(const char *s, size_t len)
{
    memcpy(seen_two + seen_two_len, s, len);
    seen_two_len += len;
    seen_two[seen_two_len] = '\0';
}

static struct console_sink one = { .name = "com1", .puts = puts_one };
static struct console_sink two = { .name = "vga", .puts = puts_two };

void arch_init_console(void)
{
    if (sinks_wanted) {
        console_register(&one);
        console_register(&two);
    }
}

void arch_init_console_late(void)
{
}

void arch_console_give_to_dom0(void)
{
    console_unregister(&two);
}

/* ---- helpers ---- */

static void forget_seen(void)
{
    seen_len = seen_two_len = 0;
    seen[0] = seen_two[0] = '\0';
}

static void drain_ring(void)
{
    char buf[64];
    uint32_t index = console_ring_start();

    while (console_ring_read(buf, sizeof(buf), &index, true))
        ;
}

static int setup(void **state)
{
    (void)state;
    cmdline_parse("loglvl=info guest_loglvl=none/warning console_timestamps=none console=com1");
    console_unregister(&one);
    console_unregister(&two);
    console_register(&one);
    console_register(&two);
    printk_raw("\n");
    drain_ring();
    forget_seen();
    fake_now += SECONDS(1000);
    virqs = 0;
    memset(keys, 0, sizeof(keys));
    fake_irq_on = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_false(lock_taken);
    assert_true(fake_irq_on);
    return 0;
}

static void type(const char *s)
{
    while (*s)
        console_input(*s++);
}

/* ---- tests; the first one sees the boot ---- */

static void test_early_text_is_replayed(void **state)
{
    (void)state;
    printk(LOG_INFO, "before there was a console\n");
    cmdline_parse("console=com1,none");
    sinks_wanted = true;
    console_init();
    assert_string_equal(seen, "(hospes) before there was a console\n");
    assert_string_equal(seen_two, "");
    assert_true(one.enabled);
    assert_false(two.enabled);
}

static void test_named(void **state)
{
    (void)state;
    cmdline_parse("console=com12,vga");
    assert_false(console_is_named("com1"));
    assert_true(console_is_named("com12"));
    assert_true(console_is_named("vga"));
    assert_false(console_is_named("vg"));
    cmdline_parse("console=,com1,");
    assert_true(console_is_named("com1"));
    assert_false(console_is_named("vga"));
    cmdline_parse("console=");
    console_unregister(&two);
    console_register(&two);
    assert_true(two.enabled);
}

static void test_levels(void **state)
{
    (void)state;
    printk(LOG_DEBUG, "debug\n");
    printk(LOG_INFO, "info\n");
    assert_string_equal(seen, "(hospes) info\n");
    forget_seen();
    cmdline_parse("loglvl=error");
    printk(LOG_WARN, "warning\n");
    printk(LOG_ERR, "error\n");
    assert_string_equal(seen, "(hospes) error\n");
    forget_seen();
    cmdline_parse("loglvl=none");
    printk(LOG_ERR, "error\n");
    assert_string_equal(seen, "");
    cmdline_parse("loglvl=all loglvl=bogus loglvl=info/bogus");
    forget_seen();
    printk(LOG_DEBUG, "debug\n");
    assert_string_equal(seen, "(hospes) debug\n");
}

/* "(hospes) " begins a line even if somebody left one unfinished. */
static void test_lines(void **state)
{
    (void)state;
    console_guest_write("login: ", 7);
    printk(LOG_INFO, "one, ");
    printk_raw("two\n");
    assert_string_equal(seen, "login: \n(hospes) one, two\n");
}

static void test_long_message(void **state)
{
    static char long_text[1001];

    (void)state;
    memset(long_text, 'x', 1000);
    printk_raw("%s|%900d\n", long_text, 1);
    assert_int_equal(seen_len, 1902);
    assert_memory_equal(seen, long_text, 1000);
}

static void test_timestamps(void **state)
{
    (void)state;
    fake_now = MILLISECS(1234567) + 890;
    cmdline_parse("console_timestamps=boot");
    printk(LOG_INFO, "x\n");
    assert_string_equal(seen, "(hospes) [  1234.567000] x\n");
    forget_seen();
    cmdline_parse("console_timestamps=raw");
    printk(LOG_INFO, "x\n");
    assert_string_equal(seen, "(hospes) [0000011f71ed733a] x\n");
    forget_seen();
    fake_now = MILLISECS(750);
    cmdline_parse("console_timestamps=datems");
    printk(LOG_INFO, "x\n");
    assert_string_equal(seen, "(hospes) [2000-02-29 00:00:00.250] x\n");
    forget_seen();
    fake_now = SECONDS(86401);
    cmdline_parse("console_timestamps");
    printk(LOG_INFO, "x\n");
    assert_string_equal(seen, "(hospes) [2000-03-01 00:00:00] x\n");
    fake_now = SECONDS(100000);
}

static unsigned int count(const char *needle)
{
    unsigned int n = 0;

    for (const char *s = seen; (s = strstr(s, needle)); s++)
        n++;
    return n;
}

static void test_rate_limit(void **state)
{
    struct domain d = { .id = 7 };

    (void)state;
    for (int i = 0; i < 100; i++) {
        guest_printk(&d, LOG_WARN, "misbehaves\n");
        fake_now += MILLISECS(10);
    }
    assert_int_equal(count("(hospes) d7: misbehaves\n"), 10);
    guest_printk(&d, LOG_INFO, "not shown\n");
    fake_now += SECONDS(5);
    guest_printk(&d, LOG_ERR, "again\n");
    assert_int_equal(count("(hospes) 90 messages were dropped by the rate limit.\n"), 1);
    assert_int_equal(count("(hospes) d7: again\n"), 1);
    assert_int_equal(count("not shown"), 0);

    /* The admin may lift it. */
    cmdline_parse("guest_loglvl=all");
    for (int i = 0; i < 100; i++)
        guest_printk(&d, LOG_DEBUG, "talks\n");
    assert_int_equal(count("talks"), 100);
}

static void test_ring_read(void **state)
{
    char buf[64];
    uint32_t index = console_ring_start(), again;

    (void)state;
    printk_raw("0123456789");
    assert_int_equal(console_ring_read(buf, 4, &index, false), 4);
    assert_memory_equal(buf, "0123", 4);
    assert_int_equal(console_ring_read(buf, sizeof(buf), &index, false), 6);
    assert_memory_equal(buf, "456789", 6);
    assert_int_equal(console_ring_read(buf, sizeof(buf), &index, false), 0);
    again = console_ring_start();
    assert_int_equal(console_ring_read(buf, 3, &again, true), 3);
    assert_int_equal(console_ring_start(), again);
    again = index + 1000; /* what was never printed */
    assert_int_equal(console_ring_read(buf, sizeof(buf), &again, false), 7);
    assert_int_equal(again, index);
}

/* What dom0 prints is dom0's to keep. */
static void test_guest_output_is_not_kept(void **state)
{
    char buf[64];
    uint32_t index = console_ring_start();

    (void)state;
    console_guest_write("from dom0\n", 10);
    assert_string_equal(seen, "from dom0\n");
    assert_int_equal(console_ring_read(buf, sizeof(buf), &index, false), 0);
}

/* Whoever reads the ring learns of what is new in it, later. */
static void test_ring_reader_is_told(void **state)
{
    (void)state;
    scheduled = NULL;
    ring_virqs = 0;
    console_guest_write("x\n", 2); /* is not kept */
    assert_null(scheduled);
    printk_raw("news\n");
    assert_int_equal(ring_virqs, 0);
    assert_non_null(scheduled);
    scheduled->fn(scheduled->arg);
    assert_int_equal(ring_virqs, 1);
}

static void test_ring_overwrites_oldest(void **state)
{
    uint32_t index = console_ring_start();
    char buf[64];

    (void)state;
    for (int i = 0; i < 40000; i++)
        printk_raw("%c", 'a' + i % 26);
    assert_int_equal(console_ring_read(buf, 4, &index, false), 4);
    for (int i = 0; i < 4; i++) /* the first of the last 16,384 */
        assert_int_equal(buf[i], 'a' + (40000 - 16384 + i) % 26);
}

static void test_ring_grows(void **state)
{
    static char buf[70000];
    uint32_t index;

    (void)state;
    printk_raw("kept");
    out_of_memory = true;
    cmdline_parse("conring_size=64k");
    console_init_late();
    assert_non_null(strstr(seen, "no memory for a ring of 64 KiB"));
    out_of_memory = false;
    console_init_late();
    for (int i = 0; i < 60000; i++)
        printk_raw("%c", 'a' + i % 26);
    index = console_ring_start();
    assert_in_range(console_ring_read(buf, sizeof(buf), &index, false), 60004, 60200);
    assert_memory_equal(buf, "kept", 4);
}

static void test_nmi_within_output(void **state)
{
    (void)state;
    nmi_within = true;
    printk_raw("interrupted ");
    assert_string_equal(seen, "interrupted NMI!");
}

static void test_input_for_dom0(void **state)
{
    char buf[8];

    (void)state;
    type("ls\n");
    assert_int_equal(virqs, 3);
    assert_int_equal(console_guest_read(buf, 2), 2);
    assert_memory_equal(buf, "ls", 2);
    assert_int_equal(console_guest_read(buf, sizeof(buf)), 1);
    assert_int_equal(console_guest_read(buf, sizeof(buf)), 0);
}

static void test_input_switch(void **state)
{
    char buf[16];

    (void)state;
    type("\x01\x01x"); /* two are dom0's, if late */
    assert_int_equal(console_guest_read(buf, sizeof(buf)), 3);
    assert_memory_equal(buf, "\x01\x01x", 3);
    type("\x01\x01\x01");
    assert_non_null(strstr(seen, "Input now goes to the hypervisor"));
    virqs = 0;
    type("hq");
    assert_string_equal(keys, "hq");
    assert_int_equal(virqs, 0);
    type("\x01\x01\x01");
    assert_non_null(strstr(seen, "Input now goes to dom0"));
    type("y");
    assert_int_equal(console_guest_read(buf, sizeof(buf)), 1);
}

static void test_input_overflow_is_lost(void **state)
{
    static char buf[4096];

    (void)state;
    for (int i = 0; i < 3000; i++)
        console_input((char)('a' + i % 26));
    assert_int_equal(console_guest_read(buf, sizeof(buf)), 1024);
    for (int i = 0; i < 1024; i++)
        assert_int_equal(buf[i], 'a' + i % 26);
}

static void test_screen_given_to_dom0(void **state)
{
    (void)state;
    cmdline_parse("console=com1,vga");
    console_unregister(&two);
    console_register(&two);
    printk_raw("both\n");
    assert_string_equal(seen_two, "both\n");
    console_give_to_dom0();
    printk_raw("one\n");
    assert_string_equal(seen, "both\none\n");
    assert_string_equal(seen_two, "both\n");
}

/* Last: there is no way back from it. */
static void test_dying_does_not_wait_for_ever(void **state)
{
    (void)state;
    lock_is_others = true;
    console_start_sync();
    printk_raw("last words\n");
    assert_string_equal(seen, "last words\n");
    lock_is_others = false;
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early_text_is_replayed),
        TEST(test_named),
        TEST(test_levels),
        TEST(test_lines),
        TEST(test_long_message),
        TEST(test_timestamps),
        TEST(test_rate_limit),
        TEST(test_ring_read),
        TEST(test_guest_output_is_not_kept),
        TEST(test_ring_reader_is_told),
        TEST(test_ring_overwrites_oldest),
        TEST(test_ring_grows),
        TEST(test_nmi_within_output),
        TEST(test_input_for_dom0),
        TEST(test_input_switch),
        TEST(test_input_overflow_is_lost),
        TEST(test_screen_given_to_dom0),
        TEST(test_dying_does_not_wait_for_ever),
    };

    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
