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

/* A handler of our own, in interrupt context. */
typedef void (*irq_handler_t)(unsigned int irq, void *arg);
/* Take a line for the hypervisor; no guest gets it any more. `irq` is the architecture's line
 * number (x86: GSI; an ISA interrupt goes through irq_from_isa() first). -EINVAL: no such line;
 * -EBUSY. */
must_check int irq_request_gsi(unsigned int gsi, irq_handler_t handler, void *arg,
                               const char *name);
/* The GSI that an ISA interrupt (0-15) arrives at. */
unsigned int irq_from_isa(unsigned int isa);

#endif
