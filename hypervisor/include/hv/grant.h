/* Grant tables, version 1. See docs/design/grants.md. */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/domain.h>
#include <xen/grant_table.h>

/* Op in `cmd`, array at `arg` of `count`. 0, -errno, or continues itself. */
must_check long do_grant_table_op(unsigned int cmd, guest_ptr_t arg, unsigned int count);
/* Frame `idx` of d's shared table, for who maps it (XENMAPSPACE_grant_table); the table grows to
 * reach it. -EINVAL: beyond d's limit, or dying; -ENOMEM. */
must_check int grant_get_shared_frame(struct domain *d, unsigned long idx, mfn_t *out);
/* Before d runs: frames of its table, frames for the handles of what it maps (< 0: the default),
 * the newest version it may use (0: any). -EINVAL: above the hypervisor's gnttab_max_frames= or
 * gnttab_max_maptrack_frames=; no such version. */
must_check int grant_set_limits(struct domain *d, int32_t max_frames, int32_t max_maptrack_frames,
                                unsigned int max_version);
void grant_print(const struct domain *d); /* debug key 'g' */

#endif
