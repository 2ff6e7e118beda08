/* Our libxlutil beside Debian's, which is loaded for the comparison. */
#ifndef XLUTIL_TEST_H
#define XLUTIL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xlutil/internal.h"

/* Each ends with NULL. */
extern const char *const config_cases[],
    *const disk_cases[], *const rate_cases[], *const pci_cases[], *const bdf_cases[];

/* A function of Debian's library */
void *theirs(const char *name);
uint64_t dice(uint64_t n);

/* Both read the text: equal results, or the test fails. */
void compare_configs(const char *text, size_t length);
/* A configuration of ours, and one of theirs, that only serve for reports */
XLU_Config *our_report(void);
XLU_Config *their_report(void);
/* What was reported on ours since the last call */
const char *reported(void);

#endif
