/* The command line of a domain's qemu. */
#ifndef LIBXL_DEVICE_QEMU_H
#define LIBXL_DEVICE_QEMU_H

#include "libxl/internal.h"

#define QEMU_RUN_FOLDER "/var/run/xen"

/* Names of its sockets in that folder, without the domain's number; ended by NULL */
extern const char *const qemu_sockets[];

/* Ends with NULL; NULL when there is no program */
const char *const *qemu_args(struct op *op, uint32_t domid, const libxl_domain_config *config);

#endif
