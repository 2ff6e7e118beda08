/* Between pirq.c and physdev.c: a domain's table of PIRQs. */
#ifndef IRQ_INTERNAL_H
#define IRQ_INTERNAL_H

#include <hv/domain.h>
#include <arch/msi.h>

/* What a PIRQ number of a domain stands for. One word, so that it can be read without the lock. */
#define PIRQ_FREE     0U
#define PIRQ_RESERVED 0xffffU /* PHYSDEVOP_get_free_pirq: the guest's to map */
/* else: irq + 1 */

struct domain_irq {
    spinlock_t lock; /* LOCK_PIRQ: changes of the table, set-up of its lines */
    unsigned int nr_pirqs;
    uint16_t *pirq; /* [nr_pirqs] */
};

/* Map a GSI; *pirq < 0: at the number of the GSI, or where it is already. -EINVAL, -EEXIST (the
 * number is taken). */
must_check int pirq_map_gsi(struct domain *d, unsigned int gsi, int *pirq);
/* Set up messages and map them; *pirq < 0: anywhere, several in a row. As msi_setup(). */
must_check int pirq_map_msi(struct domain *d, const struct msi_request *rq, int *pirq);
/* -EINVAL: not mapped, or a later message of several; -EBUSY: bound. */
must_check int pirq_unmap(struct domain *d, unsigned int pirq);
must_check int pirq_reserve(struct domain *d, bool msi); /* a free number, or -ENOSPC */
/* PHYSDEVOP_pirq_eoi_gmfn: from now on keep a bit per PIRQ in that frame. -EBUSY, -EINVAL... */
must_check int pirq_map_eoi_page(struct domain *d, gfn_t frame, bool auto_unmask);
bool pirq_is_shared(const struct domain *d, unsigned int pirq);
/* The channel a PIRQ is bound to; 0: none. */
evtchn_port_t pirq_port(const struct domain *d, unsigned int pirq);

#endif
