/* Talking to a domain's qemu: its machine protocol, a line of JSON each way. */
#ifndef LIBXL_DEVICE_QMP_H
#define LIBXL_DEVICE_QMP_H

#include <yajl/yajl_tree.h>

#include "libxl/internal.h"

/*
 * One command with at most one argument, a string (NULL: none). *result (may be NULL) gets what it
 * returned, to be freed with yajl_tree_free(). ERROR_QMP_..., after the log has qemu's own words.
 */
struct qmp_command {
    const char *execute, *argument, *value;
};
int qmp_command(struct op *op, uint32_t domid, const struct qmp_command *command, yajl_val *result);

/* After the start: the password of the screen; where the screen and the channels are, in the store
 */
int qmp_tell_places(struct op *op, uint32_t domid, const libxl_domain_config *config);

#endif
