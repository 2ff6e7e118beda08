/* Grant tables, versions 1 and 2. See docs/design/grants.md. */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/domain.h>
#include <xen/grant_table.h>

/* Op in `cmd`, array at `arg` of `count`. 0, -errno, or continues itself. */
must_check long do_grant_table_op(unsigned int cmd, guest_ptr_t arg, unsigned int count);
/* Frame `idx` of d's shared table, for who maps it (XENMAPSPACE_grant_table); the table grows to
 * reach it. -EINVAL: beyond d's limit, or dying; -ENOMEM. */
must_check int grant_get_shared_frame(struct domain *d, unsigned long idx, mfn_t *out);
/* The same of its status frames (version 2). -EINVAL: also if its table is of version 1. */
must_check int grant_get_status_frame(struct domain *d, unsigned long idx, mfn_t *out);
/* How long the two can be. */
unsigned int grant_max_frames(const struct domain *d);
unsigned int grant_max_status_frames(const struct domain *d);
/* From XEN_DOMCTL_createdomain, before d runs: frames of its table, frames for the handles of what
 * it maps (< 0: as many as the hypervisor's options allow); newest version (0: the newest there
 * is). -EINVAL: above the options gnttab_max_frames=, gnttab_max_maptrack_frames=, gnttab=. */
must_check int grant_set_limits(struct domain *d, int32_t max_frames, int32_t max_maptrack_frames,
                                unsigned int max_version);
unsigned int grant_max_version(void); /* the newest that a domain may have */
/* Frames that are granted and mapped to be written, or just being copied to, are dirty. */
void grant_mark_written(struct domain *d);
void grant_print(const struct domain *d); /* debug key 'g' */

#endif
