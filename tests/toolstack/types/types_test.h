/*
 * Our types beside those of Debian's libxenlight.so.4.17, which is loaded for the comparison: its
 * names stay its own, because this program exports none.
 */
#ifndef TYPES_TEST_H
#define TYPES_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"
#include "libxl/types/types.h"

/* The function of Debian's library "NAME" or "PREFIX_NAME"; NULL, if may_miss, for none. */
void *theirs(const char *prefix, const char *name, bool may_miss);

/* A context that is enough for the helpers: ours, or what Debian's library takes for one. */
extern struct libxl__ctx our_ctx;
libxl_ctx *their_ctx(void);

/* The next of a fixed sequence of random numbers, below n. */
uint64_t dice(uint64_t n);

/* Put values into a new object: defaults, limits, random ones. CPUID policies stay empty, because
 * the two libraries have them in different forms. */
void fill(const struct type *t, void *p);

char *their_json(const struct type *t, void *p);

int types_setup(void **state);

extern const struct CMUnitTest builtin_tests[], cpuid_tests[];
extern const size_t nr_builtin_tests, nr_cpuid_tests;

#endif
