/*
 * The control operations on a domain's frames: what each is used as, for who saves or dumps the
 * domain (public domctl.h). Rows in domctl.c; called under LOCK_DOMCTL. The answers are of the
 * moment: who wants them to last has the domain paused.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/frame.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>

#define MAX_FRAMES 1024 /* at once */

/* XEN_DOMCTL_PFINFO_*. Our own frames that the domain may map are not its memory. */
static uint64_t use_of(const struct domain *d, mfn_t m)
{
    static const uint32_t level[] = {
        [FRAME_L1] = XEN_DOMCTL_PFINFO_L1TAB,      [FRAME_L2] = XEN_DOMCTL_PFINFO_L2TAB,
        [FRAME_L3] = XEN_DOMCTL_PFINFO_L3TAB,      [FRAME_L4] = XEN_DOMCTL_PFINFO_L4TAB,
        [FRAME_SEGDESC] = XEN_DOMCTL_PFINFO_NOTAB,
    };
    union frame_state s;

    if (mfn_is_io(m))
        return XEN_DOMCTL_PFINFO_XTAB;
    s.raw = READ_ONCE(mfn_to_frame(m)->state.raw);
    if (s.refs == 0 || s.owner != d->id || s.shared)
        return XEN_DOMCTL_PFINFO_XTAB;
    if (s.progress != FRAME_VALID)
        return XEN_DOMCTL_PFINFO_NOTAB;
    return level[s.type] | (s.pinned ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
}

/* Each frame number of the list is replaced by what the frame is. */
int domctl_getpageframeinfo3(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getpageframeinfo3 *info = &op->u.getpageframeinfo3;
    guest_ptr_t at = guest_ptr(info->array);

    if (d->type != DOMAIN_PV)
        return -EOPNOTSUPP;
    if (info->num > MAX_FRAMES)
        return -E2BIG;
    for (uint64_t i = 0; i < info->num; i++, at = guest_ptr_add(at, sizeof(xen_pfn_t))) {
        uint64_t value;

        if (copy_from_guest(&value, at, sizeof(value)))
            return -EFAULT;
        value = use_of(d, mfn(value));
        if (copy_to_guest(at, &value, sizeof(value)))
            return -EFAULT;
    }
    return 0;
}

/* A PV domain maps device frames by itself, where iomem_permission lets it. */
int domctl_memory_mapping(struct domain *d, struct xen_domctl *op)
{
    (void)d;
    (void)op;
    return -EOPNOTSUPP;
}
