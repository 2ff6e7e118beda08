/* A machine for interrupt tests: one IO-APIC of 24 lines whose entries can be looked at, and a
 * record of what reached event channels. */
#ifndef TEST_PIRQ_MACHINE_H
#define TEST_PIRQ_MACHINE_H

#include <hv/domain.h>
#include <arch/domain.h>

struct test_line {
    unsigned int vector;
    uint32_t destination;
    bool level, active_low, masked, asserted, remote_irr;
};

extern struct test_line test_line[24];
extern unsigned int test_events[64]; /* by port */
extern unsigned int test_eois;
extern struct timer *test_timer; /* set last; NULL: none */
extern bool test_lost_level;     /* the local APIC saw the level interrupt as an edge */

void test_machine_boot(void);
void test_machine_off(void);
/* The device pulls its line (level: until test_release()); interrupts are taken at once. */
void test_assert(unsigned int gsi);
void test_release(unsigned int gsi);
/* A message with that vector arrives at that CPU. */
void test_message(unsigned int cpu, unsigned int vector);

struct test_domain {
    struct domain d;
    struct arch_domain arch;
    struct vcpu v[2], *vcpus[2];
};
void test_domain_init(struct test_domain *t, domid_t id);
void test_domain_destroy(struct test_domain *t);

#endif
