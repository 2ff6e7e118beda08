/*
 * A terminal for a program that a person may look at, or not: core/terminal.c
 */
#ifndef LIBXL_CORE_TERMINAL_H
#define LIBXL_CORE_TERMINAL_H

#include "libxl/internal.h"

struct terminal; /* lives in the operation */

/* Make one; what the program says is also written to log_fd (-1: nowhere). NULL: there can be none,
 * which was logged. */
struct terminal *terminal_open(struct op *op, int log_fd);
void terminal_close(struct terminal *t);

const char *terminal_of_program(const struct terminal *t); /* paths */
const char *terminal_of_viewer(const struct terminal *t);

/* Pass on what has come, when the descriptor can be read */
int terminal_fd(const struct terminal *t);
void terminal_work(void *terminal);

#endif
