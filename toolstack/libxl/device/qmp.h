/* Talking to a domain's qemu: its machine protocol, a line of JSON each way. */
#ifndef LIBXL_DEVICE_QMP_H
#define LIBXL_DEVICE_QMP_H

#include <yajl/yajl_tree.h>

#include "libxl/internal.h"

struct qmp;
struct qmp_command {
    const char *execute, *argument, *value; /* at most one argument, a string; NULL: none */
};

/*
 * A talk: begun, any number of commands, ended. qemu hears one at a time, so it is kept short; who
 * comes meanwhile waits. It goes with the operation at the latest but for its descriptor.
 *
 * qmp_ask: *result (may be NULL) gets what the command returned, to be freed with yajl_tree_free().
 * ERROR_QMP_..., after the log has qemu's own words.
 */
int qmp_begin(struct op *op, uint32_t domid, struct qmp **talk);
int qmp_ask(struct qmp *q, const struct qmp_command *command, yajl_val *result);
void qmp_end(struct qmp *q);

/* After the start: the password of the screen; where the screen and the channels are, in the store
 */
int qmp_tell_places(struct op *op, uint32_t domid, const libxl_domain_config *config);

#endif
