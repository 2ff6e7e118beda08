/* The lists of tests, one for each file */
#ifndef TESTS_H
#define TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <xen/xen.h>

extern const struct CMUnitTest tree_tests[], request_tests[], ring_tests[], restart_tests[],
    socket_tests[];

#endif
