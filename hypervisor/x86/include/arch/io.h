/* I/O ports and device memory that PV domains reach: who may, and what is in between. */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#include <hv/domain.h>

/* ---- pv/io.c ---- */
/* Does the vCPU's present mode have the I/O privilege (PHYSDEVOP_set_iopl)? */
bool pv_io_privileged(const struct vcpu *v);
/* May the current vCPU execute IN or OUT here at all? Else #GP. */
bool pv_io_allowed(const struct vcpu *v, unsigned int port, unsigned int size);
/* size 1, 2, 4. Ports that the domain was not given read as all ones and drop what is written. */
uint32_t pv_io_read(struct domain *d, unsigned int port, unsigned int size);
void pv_io_write(struct domain *d, unsigned int port, unsigned int size, uint32_t value);

/* ---- pv/io_rights.c ---- */
/* Fill d->arch->io_ports and io_mem with all that the hypervisor does not need for itself. After
 * the drivers and interrupt controllers are up. -ENOMEM. */
must_check int pv_io_setup_dom0(struct domain *d);
/* Device frames that everybody may only read: MSI-X tables, IO-APICs. -ENOMEM. */
must_check int iomem_protect(mfn_t first, mfn_t last);
bool iomem_readonly(mfn_t m);

#endif
