/* Grant tables v1 (v2 later). See docs/design/grants.md. */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/domain.h>
#include <xen/grant_table.h>

/* Op in `cmd`, array at `arg` of `count`. 0, -errno, or continues itself. */
must_check long do_grant_table_op(unsigned int cmd, guest_ptr_t arg, unsigned int count);
void grant_print(const struct domain *d); /* debug key 'g' */

#endif
