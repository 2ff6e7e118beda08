/*
 * The shared grant table of a PV guest: set up frames, then map them by machine frame number.
 */
#include "pv.h"

#define GRANT_TABLE_VA 0xffffffffc0000000ul

struct grant_entry_v1 *grant_table_map(unsigned int frames)
{
    xen_pfn_t list[32];
    struct gnttab_setup_table arg = { .dom = DOMID_SELF, .nr_frames = frames };

    if (frames > ARRAY_SIZE(list))
        return NULL;
    set_xen_guest_handle(arg.frame_list, list);
    if (grant_op(GNTTABOP_setup_table, &arg, 1) || arg.status != GNTST_okay)
        return NULL;
    for (unsigned int i = 0; i < frames; i++)
        map_page(GRANT_TABLE_VA + i * PAGE_SIZE, make_pte(list[i], PTE_LEAF));
    return (struct grant_entry_v1 *)GRANT_TABLE_VA;
}
