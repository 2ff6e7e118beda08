/*
 * What domain/ needs of transfer/, and its files share.
 */
#ifndef LIBXL_TRANSFER_TRANSFER_H
#define LIBXL_TRANSFER_TRANSFER_H

#include "libxl/domain/domain.h"
#include "stream/stream.h"

/* Fill an empty domain with what comes from the stream. */
int domain_restore(struct op *op, uint32_t domid, int fd, const libxl_domain_config *config,
                   struct rings *rings);

/* Bring the operation's domain to suspend itself: ERROR_GUEST_TIMEDOUT, ERROR_ABORTED */
int domain_suspend(struct op *op);

/* What stream/ says went wrong: "It cannot be saved: ..." */
int transfer_failed(struct op *op, int err, const struct wire_why *why, const char *what);
void transfer_progress(struct op *op, const struct stream_progress *p);

#endif
