/*
 * What domain/ needs of transfer/.
 */
#ifndef LIBXL_TRANSFER_TRANSFER_H
#define LIBXL_TRANSFER_TRANSFER_H

#include "libxl/domain/domain.h"

/* Fill an empty domain with what comes from the stream. */
int domain_restore(struct op *op, uint32_t domid, int fd, const libxl_domain_config *config,
                   struct rings *rings);

#endif
