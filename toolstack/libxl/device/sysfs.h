/* PCI devices of the host: their names, and which driver has them. */
#ifndef LIBXL_DEVICE_SYSFS_H
#define LIBXL_DEVICE_SYSFS_H

#include "libxl/internal.h"

/* 0000:00:03.0 */
char *pci_name(struct op *op, const libxl_device_pci *pci);
bool pci_parse(const char *name, libxl_device_pci *pci);

/* Bind to pciback, and remember the driver that had it if rebind; the other way. No error when it
 * is so already. */
int pci_make_assignable(struct op *op, const libxl_device_pci *pci, bool rebind);
int pci_make_unassignable(struct op *op, const libxl_device_pci *pci, bool rebind);
/* All that pciback has, in the operation's memory */
libxl_device_pci *pci_list_assignable(struct op *op, int *count);
/* Reset a device of pciback's before it is used; refuse one that is not */
int pci_prepare(struct op *op, const libxl_device_pci *pci);
/* Let a domain touch its memory, ports and interrupt, or not */
int pci_permit(struct op *op, uint32_t domid, const libxl_device_pci *pci, bool allow);

#endif
