/* Physical interrupts from the line to the event channel: mapping, binding, EOI, sharing, moving,
 * storms, and what stays behind when a domain goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/timer.h>
#include <arch/irq.h>
#include <arch/percpu.h>
#include "../../../hypervisor/x86/irq/internal.h"
#include "../fake/hv.h"
#include "machine.h"

static struct test_domain dom0, other;

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    fake_now = SECONDS(1);
    fake_said[0] = '\0';
    memset(test_events, 0, sizeof(test_events));
    test_eois = 0;
    test_timer = NULL;
    test_lost_level = false;
    test_machine_boot();
    test_domain_init(&dom0, 0);
    test_domain_init(&other, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_domain_destroy(&dom0);
    test_domain_destroy(&other);
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        unsigned int gsi_vectors = 0;

        /* GSIs keep theirs; nothing else may be left. */
        for (unsigned int gsi = 0; gsi < nr_gsis; gsi++)
            gsi_vectors +=
                irq_desc[gsi].vector && (irq_desc[gsi].cpu == cpu || irq_desc[gsi].old_cpu == cpu);
        assert_int_equal(vectors_used(cpu), gsi_vectors);
    }
    test_machine_off();
    return 0;
}

static int map_gsi(struct test_domain *t, unsigned int gsi)
{
    int pirq = -1, rc = pirq_map_gsi(&t->d, gsi, &pirq);

    return rc ? rc : pirq;
}

static void bind(struct test_domain *t, unsigned int gsi, evtchn_port_t port, bool shareable)
{
    assert_int_equal(map_gsi(t, gsi), gsi);
    assert_int_equal(pirq_bind(&t->v[0], gsi, port, shareable), 0);
}

static void gsis_map_to_themselves(void **state)
{
    int pirq = 5;

    (void)state;
    assert_int_equal(map_gsi(&dom0, 5), 5);
    assert_int_equal(map_gsi(&dom0, 5), 5); /* again */
    assert_int_equal(map_gsi(&dom0, 24), -EINVAL);
    assert_int_equal(pirq_map_gsi(&dom0.d, 6, &pirq), -EEXIST);
    pirq = (int)nr_irqs;
    assert_int_equal(pirq_map_gsi(&dom0.d, 6, &pirq), -EINVAL);
    assert_int_equal(pirq_bind(&dom0.v[0], 7, 1, false), -EINVAL); /* not mapped */
    assert_int_equal(pirq_unmap(&dom0.d, 7), -EINVAL);
    assert_int_equal(pirq_unmap(&dom0.d, nr_irqs), -EINVAL);
    assert_int_equal(pirq_unmap(&dom0.d, 5), 0);
    assert_int_equal(pirq_eoi(&dom0.d, 5), -EINVAL);
}

static void firmware_says_what_lines_are(void **state)
{
    (void)state;
    assert_int_equal(irq_from_isa(0), 2);
    assert_int_equal(irq_from_isa(4), 4);
    bind(&dom0, 1, 1, false);
    assert_false(test_line[1].level || test_line[1].active_low);
    bind(&dom0, 9, 2, false);
    assert_true(test_line[9].level && !test_line[9].active_low);
    bind(&dom0, 20, 3, false);
    assert_true(test_line[20].level && test_line[20].active_low);
}

static void edges_need_no_eoi(void **state)
{
    (void)state;
    bind(&dom0, 4, 7, false);
    assert_false(test_line[4].masked);
    assert_false(pirq_needs_eoi(&dom0.d, 4));
    for (unsigned int i = 1; i <= 3; i++) {
        test_assert(4);
        assert_int_equal(test_events[7], i);
        assert_int_equal(test_eois, i);
    }
    assert_false(test_line[4].masked);
}

static void levels_wait_for_their_guest(void **state)
{
    (void)state;
    bind(&dom0, 17, 3, true);
    assert_true(pirq_needs_eoi(&dom0.d, 17));
    test_assert(17);
    /* Still asserted: it must not come again, and other vectors must not be held up. */
    assert_int_equal(test_events[3], 1);
    assert_int_equal(test_eois, 1);
    assert_true(test_line[17].masked);
    test_release(17);
    assert_int_equal(pirq_eoi(&dom0.d, 17), 0);
    assert_false(test_line[17].masked);
    assert_int_equal(pirq_eoi(&dom0.d, 17), 0); /* once more is harmless */
    test_assert(17);
    assert_int_equal(test_events[3], 2);
}

static void a_lost_eoi_broadcast_is_made_up_for(void **state)
{
    (void)state;
    bind(&dom0, 18, 3, true);
    test_lost_level = true;
    test_assert(18);
    assert_false(test_line[18].remote_irr);
}

static void sharers_are_all_told_and_all_awaited(void **state)
{
    (void)state;
    bind(&dom0, 19, 1, true);
    assert_int_equal(map_gsi(&other, 19), 19);
    assert_int_equal(pirq_bind(&other.v[0], 19, 2, false), -EBUSY);
    assert_int_equal(pirq_bind(&other.v[0], 19, 2, true), 0);
    assert_int_equal(pirq_bind(&other.v[0], 19, 9, true), -EINVAL); /* twice */
    assert_true(pirq_is_shared(&dom0.d, 19));
    test_assert(19);
    test_release(19);
    assert_int_equal(test_events[1], 1);
    assert_int_equal(test_events[2], 1);
    assert_int_equal(pirq_eoi(&dom0.d, 19), 0);
    assert_true(test_line[19].masked);
    /* The one that is awaited goes away: the line lives on for the other. */
    pirq_unbind(&other.d, 19);
    assert_false(test_line[19].masked);
    pirq_unbind(&dom0.d, 19);
    assert_true(test_line[19].masked);
    assert_int_equal(pirq_eoi(&dom0.d, 19), -EINVAL);
    assert_true(test_line[19].masked);
}

static void edges_are_not_shared(void **state)
{
    (void)state;
    bind(&dom0, 3, 1, true);
    assert_int_equal(map_gsi(&other, 3), 3);
    assert_int_equal(pirq_bind(&other.v[0], 3, 2, true), -EBUSY);
}

static unsigned int handled;

static void handler(unsigned int irq, void *arg)
{
    handled += irq;
    assert_ptr_equal(arg, &handled);
}

static void our_own_line_is_ours(void **state)
{
    (void)state;
    assert_int_equal(irq_request_gsi(4, handler, &handled, "serial"), 0);
    assert_int_equal(irq_request_gsi(4, handler, &handled, "serial"), -EBUSY);
    assert_int_equal(irq_request_gsi(99999, handler, &handled, "none"), -EINVAL);
    assert_int_equal(map_gsi(&dom0, 4), 4);
    assert_int_equal(pirq_bind(&dom0.v[0], 4, 1, false), -EBUSY);
    test_assert(4);
    assert_int_equal(handled, 4);
    bind(&dom0, 5, 2, false);
    assert_int_equal(irq_request_gsi(5, handler, &handled, "late"), -EBUSY);
}

static void a_bound_line_moves_with_its_vector(void **state)
{
    unsigned int vector;

    (void)state;
    bind(&dom0, 4, 1, false);
    vector = test_line[4].vector;
    assert_int_equal(test_line[4].destination, 0);
    pirq_set_affinity(&dom0.d, 4, &dom0.v[1]);
    test_assert(4);
    assert_int_equal(test_line[4].destination, 2);
    assert_int_equal(test_line[4].vector, vector);
    test_message(0, vector); /* was under way to the old CPU */
    assert_int_equal(test_events[1], 2);
    /* To a third CPU only when the first one can have nothing left. */
    dom0.v[1].cpu = 2;
    pirq_set_affinity(&dom0.d, 4, &dom0.v[1]);
    test_assert(4);
    assert_int_equal(irq_desc[4].cpu, 1);
    fake_now += MILLISECS(11);
    test_assert(4);
    assert_int_equal(irq_desc[4].cpu, 2);
    test_message(0, vector);
    assert_non_null(strstr(fake_said, "unexpected interrupt vector"));
    /* CPU 3's APIC ID is out of devices' reach: stay. */
    dom0.v[1].cpu = 3;
    pirq_set_affinity(&dom0.d, 4, &dom0.v[1]);
    fake_now += MILLISECS(11);
    test_assert(4);
    assert_int_equal(irq_desc[4].cpu, 2);
}

static void storms_are_throttled_not_fatal(void **state)
{
    struct timer *t;

    (void)state;
    bind(&dom0, 4, 1, false);
    for (unsigned int i = 0; i < 100000 && !test_line[4].masked; i++)
        test_assert(4);
    assert_true(test_line[4].masked);
    assert_true(test_events[1] < 10000);
    assert_non_null(strstr(fake_said, "storm"));
    assert_non_null(test_timer);
    /* No way for the guest around it. */
    assert_int_equal(pirq_eoi(&dom0.d, 4), 0);
    assert_true(test_line[4].masked);
    t = test_timer;
    test_events[1] = 0;
    fake_now += MILLISECS(10);
    t->fn(t->arg);
    assert_false(test_line[4].masked);
    assert_int_equal(test_events[1], 1); /* in case one was lost */
    /* A timer that comes after the line's user went does nothing. */
    for (unsigned int i = 0; i < 100000 && !test_line[4].masked; i++)
        test_assert(4);
    pirq_unbind(&dom0.d, 4);
    t->fn(t->arg);
    assert_true(test_line[4].masked);
}

static void a_steady_stream_is_no_storm(void **state)
{
    (void)state;
    bind(&dom0, 4, 1, false);
    for (unsigned int i = 0; i < 200000; i++) { /* 200,000 in a second */
        fake_now += MICROSECS(5);
        test_assert(4);
    }
    assert_false(test_line[4].masked);
    assert_int_equal(test_events[1], 200000);
}

static void messages_take_numbers_from_the_top(void **state)
{
    struct msi_request rq = { .count = 1 };
    int a = -1, b = -1, c = (int)nr_irqs - 1, group = -1;

    (void)state;
    assert_int_equal(pirq_map_msi(&dom0.d, &rq, &a), 0);
    assert_int_equal(a, nr_irqs - 1);
    assert_int_equal(pirq_map_msi(&dom0.d, &rq, &b), 0);
    assert_int_equal(b, nr_irqs - 2);
    assert_int_equal(pirq_map_msi(&dom0.d, &rq, &c), -EINVAL); /* taken */
    rq.count = 4;
    assert_int_equal(pirq_map_msi(&dom0.d, &rq, &group), 0);
    assert_int_equal(pirq_bind(&dom0.v[1], (unsigned int)group + 2, 8, false), 0);
    assert_int_equal(pirq_unmap(&dom0.d, (unsigned int)group), -EBUSY);
    assert_int_equal(pirq_unmap(&dom0.d, (unsigned int)group + 1), -EINVAL);
    pirq_unbind(&dom0.d, (unsigned int)group + 2);
    assert_int_equal(pirq_unmap(&dom0.d, (unsigned int)group), 0);
    assert_int_equal(pirq_unmap(&dom0.d, (unsigned int)group + 3), -EINVAL); /* went with it */
    assert_int_equal(pirq_reserve(&dom0.d, true), group + 3);
    rq.count = 33;
    assert_int_equal(pirq_map_msi(&dom0.d, &rq, &group), -EINVAL);
}

static void messages_run_out_cleanly(void **state)
{
    struct msi_request rq = { .count = 1 };
    int pirq = -1, rc;
    unsigned int count = 0;

    (void)state;
    while ((rc = pirq_map_msi(&dom0.d, &rq, &pirq)) == 0 && count < 200) {
        pirq = -1;
        count++;
    }
    assert_int_equal(count, 200);
    /* teardown() checks that every vector came back */
}

static void the_eoi_page_tells_levels(void **state)
{
    unsigned long *page;

    (void)state;
    assert_int_equal(pirq_map_eoi_page(&dom0.d, gfn(0xbad), false), -EINVAL);
    bind(&dom0, 17, 3, true);
    assert_int_equal(pirq_map_eoi_page(&dom0.d, gfn(4), false), 0);
    assert_int_equal(pirq_map_eoi_page(&dom0.d, gfn(5), false), -EBUSY);
    page = dom0.arch.eoi_map;
    assert_true(test_bit(17, page));
    bind(&dom0, 4, 4, false);
    bind(&dom0, 18, 5, false);
    assert_false(test_bit(4, page));
    assert_true(test_bit(18, page));
    pirq_unbind(&dom0.d, 17);
    assert_false(test_bit(17, page));
}

static void a_domain_without_devices_has_no_pirqs(void **state)
{
    struct domain d = { .id = 5 };
    int pirq = -1;

    (void)state;
    assert_int_equal(irq_part.init(&d), 0);
    assert_int_equal(pirq_map_gsi(&d, 4, &pirq), -EINVAL);
    assert_int_equal(pirq_eoi(&d, 4), -EINVAL);
    assert_int_equal(pirq_reserve(&d, true), -EINVAL);
    assert_int_equal(irq_part.teardown(&d), 0);
    irq_part.free(&d);
}

static void death_gives_all_back(void **state)
{
    struct msi_request rq = { .count = 8 };
    int group = -1;

    (void)state;
    bind(&other, 17, 3, true);
    test_assert(17); /* never acknowledged */
    assert_int_equal(pirq_map_msi(&other.d, &rq, &group), 0);
    assert_int_equal(pirq_bind(&other.v[0], (unsigned int)group + 7, 4, false), 0);
    assert_int_equal(irq_part.teardown(&other.d), 0);
    assert_int_equal(irq_part.teardown(&other.d), 0); /* idempotent */
    assert_true(test_line[17].masked);
    test_release(17);
    bind(&dom0, 17, 1, true);
    test_assert(17);
    assert_int_equal(test_events[1], 1);
}

static void any_vector_may_come(void **state)
{
    (void)state;
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        for (unsigned int v = 0x20; v < 0x100; v++)
            test_message(cpu, v);
    }
    /* Each was ended, but the spurious one, which must not be. */
    assert_int_equal(test_eois, 4 * (0xe0 - 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(gsis_map_to_themselves),
        TEST(firmware_says_what_lines_are),
        TEST(edges_need_no_eoi),
        TEST(levels_wait_for_their_guest),
        TEST(a_lost_eoi_broadcast_is_made_up_for),
        TEST(sharers_are_all_told_and_all_awaited),
        TEST(edges_are_not_shared),
        TEST(our_own_line_is_ours),
        TEST(a_bound_line_moves_with_its_vector),
        TEST(storms_are_throttled_not_fatal),
        TEST(a_steady_stream_is_no_storm),
        TEST(messages_take_numbers_from_the_top),
        TEST(messages_run_out_cleanly),
        TEST(the_eoi_page_tells_levels),
        TEST(a_domain_without_devices_has_no_pirqs),
        TEST(death_gives_all_back),
        TEST(any_vector_may_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
