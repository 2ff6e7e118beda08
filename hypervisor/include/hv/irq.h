/*
 * Physical interrupts as seen by core: PIRQs bound to event channels, and handlers of our own.
 * The lines themselves (vectors, IO-APIC, MSI; GIC) are the architecture's.
 */
#ifndef HV_IRQ_H
#define HV_IRQ_H

#include <hv/domain.h>

/* Bind a domain's pirq to an event channel: v takes the interrupts. -EINVAL: not mapped or already
 * bound; -EBUSY: line in use and not shareable. Interrupts flow from then on. */
must_check int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable);
void pirq_unbind(struct domain *d, unsigned int pirq);
void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v);
/* The guest finished handling it (PHYSDEVOP_eoi, or unmask of its port). */
int pirq_eoi(struct domain *d, unsigned int pirq);
bool pirq_needs_eoi(const struct domain *d, unsigned int pirq);
must_check long do_physdev_op(int cmd, guest_ptr_t arg);
void irq_print(void); /* debug key 'i' */

#endif
