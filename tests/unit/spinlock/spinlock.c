/* Ticket locks, and above all what debug builds refuse: wrong order, recursion, locks that an
 * interrupt handler could deadlock on. Every refusal must name both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/percpu.h>
#include <hv/spinlock.h>
#include <arch/irqflags.h>
#include "../fake/hv.h"

static spinlock_t domain_lock, domain_lock2, event_lock, timer_lock;

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    spin_lock_init(&domain_lock, LOCK_DOMAIN);
    spin_lock_init(&domain_lock2, LOCK_DOMAIN);
    spin_lock_init(&event_lock, LOCK_EVENT_CHANNEL);
    spin_lock_init(&timer_lock, LOCK_TIMER);
    fake_said[0] = 0;
    return 0;
}

static void rising_order_is_fine(void **state)
{
    (void)state;
    spin_lock(&domain_lock);
    spin_lock(&event_lock);
    spin_lock(&timer_lock);
    assert_true(spin_is_locked(&event_lock));
    /* Releases may come in any order. */
    spin_unlock(&event_lock);
    spin_unlock(&domain_lock);
    spin_unlock(&timer_lock);
    assert_false(spin_is_locked(&event_lock));
    spin_lock(&domain_lock);
    spin_unlock(&domain_lock);
}

static void falling_order_panics(void **state)
{
    (void)state;
    spin_lock(&event_lock);
    expect_panic(spin_lock(&domain_lock), "DOMAIN: taken out of order (EVENT_CHANNEL)");
    assert_non_null(strstr(fake_said, "lock EVENT_CHANNEL"));
    assert_non_null(strstr(fake_said, "held by CPU 0"));
}

static void order_is_checked_against_all_held(void **state)
{
    (void)state;
    spin_lock(&event_lock);
    spin_lock(&timer_lock);
    spin_unlock(&timer_lock);
    expect_panic(spin_lock(&domain_lock), "EVENT_CHANNEL");
}

static void same_rank_panics(void **state)
{
    (void)state;
    spin_lock(&domain_lock);
    expect_panic(spin_lock(&domain_lock2), "out of order (DOMAIN)");
}

static void recursion_panics(void **state)
{
    (void)state;
    spin_lock(&domain_lock);
    expect_panic(spin_lock(&domain_lock), "taken twice");
}

static void pair_of_one_rank(void **state)
{
    (void)state;
    spin_lock_both(&domain_lock, &domain_lock2);
    assert_true(spin_is_locked(&domain_lock) && spin_is_locked(&domain_lock2));
    spin_lock(&event_lock);
    spin_unlock(&event_lock);
    spin_unlock_both(&domain_lock, &domain_lock2);
    spin_lock_both(&domain_lock2, &domain_lock);
    spin_unlock_both(&domain_lock2, &domain_lock);
    spin_lock_both(&domain_lock, &domain_lock);
    spin_unlock_both(&domain_lock, &domain_lock);
    assert_false(spin_is_locked(&domain_lock) || spin_is_locked(&domain_lock2));
}

static void a_pair_is_still_in_order(void **state)
{
    (void)state;
    spin_lock(&event_lock);
    expect_panic(spin_lock_both(&domain_lock, &domain_lock2), "out of order (EVENT_CHANNEL)");
}

static void trylock(void **state)
{
    (void)state;
    assert_true(spin_trylock(&event_lock));
    fake_cpu = 1;
    assert_false(spin_trylock(&event_lock));
    fake_cpu = 0;
    /* Out of order, but it does not wait. */
    assert_true(spin_trylock(&domain_lock));
    spin_unlock(&domain_lock);
    spin_unlock(&event_lock);
    assert_true(spin_trylock(&event_lock));
    spin_unlock(&event_lock);
}

static void tickets_wrap(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 70000; i++) {
        spin_lock(&domain_lock);
        assert_false(spin_trylock(&domain_lock));
        spin_unlock(&domain_lock);
    }
}

static void other_cpus_have_their_own_order(void **state)
{
    (void)state;
    spin_lock(&event_lock);
    fake_cpu = 1;
    spin_lock(&domain_lock);
    spin_unlock(&domain_lock);
    fake_cpu = 0;
    spin_unlock(&event_lock);
}

static void release_by_another_panics(void **state)
{
    (void)state;
    spin_lock(&domain_lock);
    fake_cpu = 1;
    expect_panic(spin_unlock(&domain_lock), "does not hold it");
}

static void irq_lock_with_interrupts_on_panics(void **state)
{
    (void)state;
    irq_disable();
    lock_irq_enter();
    spin_lock(&timer_lock);
    spin_unlock(&timer_lock);
    lock_irq_exit();
    spin_lock(&timer_lock);
    spin_unlock(&timer_lock);
    irq_enable();
    expect_panic(spin_lock(&timer_lock), "wanted by interrupt handlers");
}

static void irq_use_is_noticed_later_too(void **state)
{
    (void)state;
    spin_lock(&timer_lock);
    spin_unlock(&timer_lock);
    irq_disable();
    lock_irq_enter();
    expect_panic(spin_lock(&timer_lock), "wanted by interrupt handlers");
}

/* A lock taken under one that handlers take must be off-limits with interrupts on, too: another
 * CPU's handler waits for the outer lock, whose holder waits for the inner one. */
static void irq_use_is_inherited(void **state)
{
    (void)state;
    irq_disable();
    lock_irq_enter();
    spin_lock(&event_lock);
    spin_unlock(&event_lock);
    lock_irq_exit();
    spin_lock(&event_lock);
    spin_lock(&timer_lock);
    spin_unlock(&timer_lock);
    spin_unlock(&event_lock);
    irq_enable();
    expect_panic(spin_lock(&timer_lock), "wanted by interrupt handlers");
}

static void flags_are_restored(void **state)
{
    unsigned long flags;

    (void)state;
    spin_lock_irq(&domain_lock);
    assert_false(irq_enabled());
    flags = spin_lock_irqsave(&event_lock);
    spin_unlock_irqrestore(&event_lock, flags);
    assert_false(irq_enabled());
    spin_unlock_irq(&domain_lock);
    assert_true(irq_enabled());
    flags = spin_lock_irqsave(&event_lock);
    assert_false(irq_enabled());
    spin_unlock_irqrestore(&event_lock, flags);
    assert_true(irq_enabled());
}

static void holders_are_listed(void **state)
{
    (void)state;
    fake_cpu = 2;
    spin_lock(&domain_lock);
    spin_lock(&timer_lock);
    fake_cpu = 0;
    fake_said[0] = 0;
    lock_print_holders();
    assert_non_null(strstr(fake_said, "CPU 2 holds DOMAIN"));
    assert_non_null(strstr(fake_said, "CPU 2 holds TIMER"));
    assert_null(strstr(fake_said, "CPU 0"));
}

static void every_rank_has_a_name(void **state)
{
    (void)state;
    for (int rank = 0; rank < NR_LOCK_RANKS; rank++) {
        spinlock_t lock;

        spin_lock_init(&lock, (enum lock_rank)rank);
        spin_lock(&lock);
        fake_said[0] = 0;
        lock_print_holders();
        spin_unlock(&lock);
        assert_null(strstr(fake_said, "unnamed"));
        assert_non_null(strstr(fake_said, "CPU 0 holds "));
    }
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, setup)
    const struct CMUnitTest tests[] = {
        CASE(rising_order_is_fine),
        CASE(pair_of_one_rank),
        CASE(trylock),
        CASE(tickets_wrap),
        CASE(other_cpus_have_their_own_order),
        CASE(flags_are_restored),
        CASE(falling_order_panics),
        CASE(order_is_checked_against_all_held),
        CASE(same_rank_panics),
        CASE(recursion_panics),
        CASE(a_pair_is_still_in_order),
        CASE(release_by_another_panics),
        CASE(irq_lock_with_interrupts_on_panics),
        CASE(irq_use_is_noticed_later_too),
        CASE(irq_use_is_inherited),
        CASE(holders_are_listed),
        CASE(every_rank_has_a_name),
    };

    return cmocka_run_group_tests_name("spinlock", tests, NULL, NULL);
}
