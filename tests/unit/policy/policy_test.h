/* A CPU that claims everything, and the policies that follow from it. */
#ifndef POLICY_TEST_H
#define POLICY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/policy.h>

#define ALL_STATES (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

extern uint32_t bits; /* of feature words */
extern struct cpu_policy host, pv;
void derive(enum cpu_vendor vendor, uint64_t xcr0);

extern const struct CMUnitTest list_tests[];
extern const size_t nr_list_tests;

#endif
