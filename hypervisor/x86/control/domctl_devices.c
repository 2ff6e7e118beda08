/*
 * The control operations that give a domain I/O ports and device frames (public domctl.h). Who
 * gives must have them. Rows in domctl.c; called under LOCK_DOMCTL, the only writer of the sets of
 * any domain but dom0 (which is built before). A set is made when something is first given.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/range_set.h>
#include <arch/domain.h>

#define NR_PORTS 0x10000U

/* -EPERM: the caller does not have all of [first, last] itself. */
static int change(struct range_set **set, const struct range_set *callers, const char *name,
                  uint64_t first, uint64_t last, bool allow)
{
    if (!callers || !range_set_contains(callers, first, last))
        return -EPERM;
    if (!allow)
        return *set ? range_set_remove(*set, first, last) : 0;
    if (!*set) {
        struct range_set *fresh = range_set_create(name);

        if (!fresh)
            return -ENOMEM;
        __atomic_store_n(set, fresh, __ATOMIC_RELEASE);
    }
    return range_set_add(*set, first, last);
}

/* What is mapped already stays so. */
int domctl_iomem_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    uint64_t last = p->first_mfn + p->nr_mfns - 1;

    if (last < p->first_mfn) /* none at all, too */
        return -EINVAL;
    return change(&d->arch->io_mem, current->domain->arch->io_mem, "I/O memory", p->first_mfn, last,
                  p->allow_access);
}

int domctl_ioport_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;

    if (p->nr_ports == 0 || p->first_port >= NR_PORTS || p->nr_ports > NR_PORTS - p->first_port)
        return -EINVAL;
    return change(&d->arch->io_ports, current->domain->arch->io_ports, "I/O ports", p->first_port,
                  p->first_port + p->nr_ports - 1, p->allow_access);
}

/* Only the hardware domain has interrupts of devices, and all of them. */
int domctl_irq_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;

    return d->is_hardware == !!p->allow_access ? 0 : -EOPNOTSUPP;
}
