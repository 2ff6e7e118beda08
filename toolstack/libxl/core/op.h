/*
 * What the files of core/ share about an operation.
 */
#ifndef LIBXL_CORE_OP_H
#define LIBXL_CORE_OP_H

#include "libxl/internal.h"

void op_free_memory(struct op *op);
/* libxl_ao_abort() was called for the operation. */
bool op_aborted(struct op *op);
/* A descriptor that can be read from then on; -1: it cannot be aborted. The operation owns it. */
int op_abort_fd(struct op *op);

#endif
