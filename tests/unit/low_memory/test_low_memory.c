/* When VIRQ_ENOMEM is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <hv/cmdline.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/softirq.h>

#define MIB 256UL /* frames */

static uint64_t free_at_start;
static unsigned int told;

uint64_t frames_free_count(void)
{
    return free_at_start;
}

void tasklet_schedule(struct tasklet *t)
{
    t->fn(t->arg);
}

void event_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_ENOMEM);
    told++;
}

static void watch(const char *option, uint64_t free_frames)
{
    cmdline_parse(option);
    free_at_start = free_frames;
    memory_watch();
    told = 0;
}

static void at_each_half(void **state)
{
    (void)state;
    watch("low_mem_virq_limit=64M", 1024 * MIB);
    memory_check_low(64 * MIB);
    assert_int_equal(told, 0);
    memory_check_low(64 * MIB - 1);
    assert_int_equal(told, 1);
    memory_check_low(63 * MIB);
    memory_check_low(40 * MIB);
    assert_int_equal(told, 1);
    memory_check_low(31 * MIB);
    assert_int_equal(told, 2);
    memory_check_low(100 * MIB); /* not enough to begin anew */
    memory_check_low(31 * MIB);
    assert_int_equal(told, 2);
    memory_check_low(128 * MIB);
    memory_check_low(63 * MIB);
    assert_int_equal(told, 3);
    memory_check_low(0);
    memory_check_low(0);
    assert_int_equal(told, 4);
}

static void a_small_host(void **state)
{
    (void)state;
    watch("low_mem_virq_limit=64M", 32 * MIB);
    memory_check_low(16 * MIB);
    assert_int_equal(told, 0);
    memory_check_low(15 * MIB);
    assert_int_equal(told, 1);
}

static void switched_off(void **state)
{
    (void)state;
    watch("low_mem_virq_limit=0", 1024 * MIB);
    memory_check_low(1);
    memory_check_low(0);
    assert_int_equal(told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_each_half),
        cmocka_unit_test(a_small_host),
        cmocka_unit_test(switched_off),
    };

    return cmocka_run_group_tests_name("low_memory", tests, NULL, NULL);
}
