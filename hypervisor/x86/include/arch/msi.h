/* Message-signalled interrupts: capabilities and MSI-X tables, programmed for the domain that owns
 * the device. See irq/msi.c. */
#ifndef ARCH_MSI_H
#define ARCH_MSI_H

#include <hv/pci.h>

struct msi_request {
    pci_sbdf_t dev;
    bool msix;
    unsigned int entry;  /* MSI-X: which one */
    unsigned int count;  /* MSI: how many messages, 1 .. 32 */
    uint64_t table_base; /* MSI-X: start of the BAR with the table, as the guest knows it */
};

/* Allocate and program, masked. Returns the first irq (MSI: `count` in a row). -ENODEV: unknown
 * device or no such capability; -EINVAL: entry, count or table_base are not the device's; -EEXIST;
 * -ENXIO: its memory is not decoded, or the table does not lie in device memory; -ENOSPC, -ENOMEM.
 */
must_check int msi_setup(const struct msi_request *request);
/* How many irqs msi_setup() allocated with this first one; 0: not a first one. */
unsigned int msi_count(unsigned int irq);
/* Switch off and free; `irq` a first one without users. */
void msi_teardown(unsigned int irq);
/* Program a device again after it lost its state. -ENODEV: it has no MSIs. */
must_check int msi_restore(pci_sbdf_t dev);
bool msi_has_msix(pci_sbdf_t dev);
/* For the debug key: " 00:03.0 MSI-X 2" into buf. */
void msi_describe(unsigned int irq, char *buf, size_t size);

#endif
