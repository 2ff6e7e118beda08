/*
 * PCI devices in sysfs: to which driver one is bound, its reset, its memory and ports. The driver
 * that had a device before pciback is remembered in the store (libxl/pciback/DEVICE/driver_path),
 * so that it can have it back. Called by pci.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libxl/core/ctx.h"
#include "libxl/device/sysfs.h"
#include "xc/domain.h"

#define DEVICES "/sys/bus/pci/devices"
#define PCIBACK "/sys/bus/pci/drivers/pciback"

char *pci_name(struct op *op, const libxl_device_pci *pci)
{
    return op_printf(op, "%04x:%02x:%02x.%01x", (unsigned int)pci->domain, pci->bus, pci->dev,
                     pci->func);
}

bool pci_parse(const char *name, libxl_device_pci *pci)
{
    unsigned int domain, bus, dev, func;
    int length = 0;

    if (sscanf(name, "%x:%x:%x.%x%n", &domain, &bus, &dev, &func, &length) != 4 || name[length] ||
        domain > 0xffff || bus > 0xff || dev > 0x1f || func > 7)
        return false;
    pci->domain = (int)domain;
    pci->bus = (uint8_t)bus;
    pci->dev = (uint8_t)dev;
    pci->func = (uint8_t)func;
    return true;
}

static int write_file(struct op *op, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), err;
    ssize_t n;

    if (fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "Cannot open %s", path);
    n = write(fd, text, strlen(text));
    err = errno;
    close(fd);
    return n < 0 ? op_fail(op, ERROR_FAIL, err, "Cannot write '%s' to %s", text, path) : 0;
}

/* The folder of its driver, or NULL */
static char *driver_of(struct op *op, const char *name)
{
    char target[PATH_MAX], *path = op_printf(op, DEVICES "/%s/driver", name);

    return realpath(path, target) ? op_strdup(op, target) : NULL;
}

static int unbind(struct op *op, const char *name)
{
    char *driver = driver_of(op, name);

    return driver ? write_file(op, op_printf(op, "%s/unbind", driver), name) : 0;
}

static bool is_bound_to_pciback(const char *driver)
{
    return driver && strcmp(driver, PCIBACK) == 0;
}

static char *memory_of_driver(struct op *op, const char *name)
{
    return op_printf(op, "/libxl/pciback/%s/driver_path", name);
}

int pci_make_assignable(struct op *op, const libxl_device_pci *pci, bool rebind)
{
    char *name = pci_name(op, pci), *driver = driver_of(op, name);
    int rc = 0;

    if (access(op_printf(op, DEVICES "/%s", name), F_OK) < 0)
        return op_fail(op, ERROR_INVAL, 0, "The host has no PCI device %s; see lspci", name);
    if (is_bound_to_pciback(driver)) {
        op_log(op, XTL_WARN, 0, "PCI device %s is assignable already", name);
        return 0;
    }
    if (access(PCIBACK, F_OK) < 0)
        return op_fail(op, ERROR_FAIL, 0, "pciback is not loaded: modprobe xen-pciback");
    if (rebind && driver)
        rc = store_write(op, XBT_NULL, memory_of_driver(op, name), "%s", driver);
    else
        rc = store_remove(op, XBT_NULL, op_printf(op, "/libxl/pciback/%s", name));
    if (rc == 0)
        rc = unbind(op, name);
    if (rc == 0)
        rc = write_file(op, PCIBACK "/new_slot", name);
    if (rc == 0)
        rc = write_file(op, PCIBACK "/bind", name);
    return rc;
}

int pci_make_unassignable(struct op *op, const libxl_device_pci *pci, bool rebind)
{
    char *name = pci_name(op, pci);
    const char *before = store_read(op, XBT_NULL, "%s", memory_of_driver(op, name));
    int rc;

    if (!is_bound_to_pciback(driver_of(op, name))) {
        op_log(op, XTL_WARN, 0, "PCI device %s is not assignable", name);
        return 0;
    }
    rc = unbind(op, name);
    if (rc == 0)
        rc = write_file(op, PCIBACK "/remove_slot", name);
    if (rc == 0 && rebind && before)
        rc = write_file(op, op_printf(op, "%s/bind", before), name);
    if (rc == 0)
        rc = store_remove(op, XBT_NULL, op_printf(op, "/libxl/pciback/%s", name));
    return rc;
}

libxl_device_pci *pci_list_assignable(struct op *op, int *count)
{
    libxl_device_pci *list = NULL, pci;
    DIR *dir = opendir(PCIBACK);
    const struct dirent *e;

    *count = 0;
    if (!dir) {
        op_log(op, XTL_ERROR, errno, "Cannot read " PCIBACK ": is xen-pciback loaded?");
        return NULL;
    }
    while ((e = readdir(dir)) != NULL) {
        libxl_device_pci_init(&pci);
        if (!pci_parse(e->d_name, &pci))
            continue;
        list = op_realloc(op, list, (size_t)*count * sizeof(*list),
                          (size_t)(*count + 1) * sizeof(*list));
        list[(*count)++] = pci;
    }
    closedir(dir);
    return list;
}

int pci_prepare(struct op *op, const libxl_device_pci *pci)
{
    char *name = pci_name(op, pci), *reset = op_printf(op, DEVICES "/%s/reset", name);
    int rc = 0;

    if (!is_bound_to_pciback(driver_of(op, name)))
        return op_fail(op, ERROR_INVAL, 0,
                       "PCI device %s is not assignable: 'xl pci-assignable-add %s' first", name,
                       name);
    if (access(reset, W_OK) == 0)
        rc = write_file(op, reset, "1");
    else
        op_log(op, XTL_WARN, 0, "PCI device %s cannot be reset", name);
    if (rc == 0 && pci->permissive)
        rc = write_file(op, PCIBACK "/permissive", name);
    return rc;
}

/* One line of its resources: first, last, flags */
static int permit_range(struct op *op, uint32_t domid, const char *line, bool allow)
{
    unsigned long long first, last, flags;
    int rc;

    if (sscanf(line, "%llx %llx %llx", &first, &last, &flags) != 3 || !flags || last < first)
        return 0;
    if (flags & 0x100) /* ports */
        rc = xc_domain_ioport_permission(op->ctx->xc, domid, (uint32_t)first,
                                         (uint32_t)(last - first + 1), allow);
    else
        rc = xc_domain_iomem_permission(op->ctx->xc, domid, first >> XC_PAGE_SHIFT,
                                        (last >> XC_PAGE_SHIFT) - (first >> XC_PAGE_SHIFT) + 1,
                                        allow);
    if (rc < 0)
        return op_fail(op, error_of(rc), -rc, "The domain's use of %llx-%llx is not changed", first,
                       last);
    return 0;
}

static int permit_irq(struct op *op, uint32_t domid, const char *name, bool allow)
{
    char *path = op_printf(op, DEVICES "/%s/irq", name);
    FILE *f = fopen(path, "re");
    unsigned int irq = 0;
    int rc = 0;

    if (!f)
        return op_fail(op, ERROR_FAIL, errno, "Cannot open %s", path);
    if (fscanf(f, "%u", &irq) == 1 && irq > 0)
        rc = xc_domain_irq_permission(op->ctx->xc, domid, irq, allow);
    fclose(f);
    if (rc < 0)
        return op_fail(op, error_of(rc), -rc, "The domain's use of interrupt %u is not changed",
                       irq);
    return 0;
}

int pci_permit(struct op *op, uint32_t domid, const libxl_device_pci *pci, bool allow)
{
    char *name = pci_name(op, pci), *path = op_printf(op, DEVICES "/%s/resource", name);
    FILE *f = fopen(path, "re");
    char line[128];
    int rc = 0;

    if (!f)
        return op_fail(op, ERROR_FAIL, errno, "Cannot open %s", path);
    while (rc == 0 && fgets(line, sizeof(line), f))
        rc = permit_range(op, domid, line, allow);
    fclose(f);
    return rc == 0 ? permit_irq(op, domid, name, allow) : rc;
}
