/* What the files about the host share. */
#ifndef LIBXL_HOST_HOST_H
#define LIBXL_HOST_HOST_H

#include "libxl/core/ctx.h"
#include "libxl/internal.h"

/* A failed hypercall as this library tells it: what did not work, and the result is a libxl_error
 */
int host_fail(struct op *op, int negative_errno, const char *what);

/* A bitmap of all CPUs there can be, or of all nodes: to be disposed of */
int host_cpu_bitmap(struct op *op, libxl_bitmap *map);
int host_node_bitmap(struct op *op, libxl_bitmap *map);

#endif
