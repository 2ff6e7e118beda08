/* PCI configuration access and the list of devices that dom0 reports. */
#ifndef HV_PCI_H
#define HV_PCI_H

#include <hv/types.h>

typedef struct {
    uint16_t seg;
    uint8_t bus, devfn;
} pci_sbdf_t;

/* Through MCFG where mapped and allowed, else CF8/CFC (segment 0, reg < 256). All ones if absent.
 * `size` 1, 2, 4; reg naturally aligned. */
uint32_t pci_read(pci_sbdf_t dev, unsigned int reg, unsigned int size);
void pci_write(pci_sbdf_t dev, unsigned int reg, unsigned int size, uint32_t value);
/* Offset of a capability, 0 if absent. */
unsigned int pci_find_capability(pci_sbdf_t dev, uint8_t id);
unsigned int pci_find_ext_capability(pci_sbdf_t dev, uint16_t id);
void pci_init(void); /* after acpi_init: maps nothing, reads MCFG */
/* dom0 tells that a device exists / is gone (PHYSDEVOP_pci_device_add...). */
must_check int pci_device_add(pci_sbdf_t dev);
must_check int pci_device_remove(pci_sbdf_t dev);
bool pci_device_known(pci_sbdf_t dev);
/* PHYSDEVOP_pci_mmcfg_reserved: dom0 confirms that the window of `seg`, buses from..to is reserved.
 */
must_check int pci_mmcfg_reserved(uint64_t base, uint16_t seg, uint8_t from, uint8_t to,
                                  bool reserved);

#endif
