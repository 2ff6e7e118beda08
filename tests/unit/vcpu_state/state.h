/* A domain whose vCPUs do not run, in the machine of tests/unit/pv_memory, and what one may get. */
#ifndef STATE_H
#define STATE_H

#include "../pv_memory/machine.h"

#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/policy.h>
#include <xen/domctl.h>
#include "../../../hypervisor/x86/control/internal.h"

#define USER_TABLE 3  /* in own[1]: an empty L4 */
#define GDT_FIRST  52 /* and three pages that nothing maps */

extern struct domain *guest;
extern struct vcpu_guest_context good; /* as it comes back when it was set */

int setup(void **state);
int teardown(void **state);

int set_context(unsigned int vcpu, const struct vcpu_guest_context *c);
int get_context(unsigned int vcpu, struct vcpu_guest_context *c);
/* The vCPU's context is still that. */
void assert_context(unsigned int vcpu, const struct vcpu_guest_context *c);

extern const struct CMUnitTest context_tests[], extended_tests[];
extern const size_t nr_context_tests, nr_extended_tests;

#endif
