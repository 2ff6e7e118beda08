/* What stands beside libxl's devices: scripts, qemu, the hypervisor, none of which is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "libxl/device/qemu.h"
#include "xc/domain.h"
#include "xc/host.h"

bool fake_script_fails;
int fake_qemu;
char fake_scripts[4096];

int op_exec(struct op *op, const struct op_exec *exec)
{
    const char *path = "";

    if (!fake_alive())
        return ERROR_FAIL;
    for (const char *const *e = exec->env; *e; e += 2)
        if (strcmp(*e, "XENBUS_PATH") == 0)
            path = e[1];
    snprintf(fake_scripts + strlen(fake_scripts), sizeof(fake_scripts) - strlen(fake_scripts),
             "%s %s %s\n", strrchr(exec->argv[0], '/') + 1, exec->argv[1], path);
    if (fake_script_fails)
        return ERROR_FAIL;
    fake_set(op_printf(op, "/local/domain/0/%s/hotplug-status", path), "connected");
    return 0;
}

bool device_needs_qemu(const struct device *d)
{
    return strcmp(d->backend, "qdisk") == 0 || d->kind == &vfb_kind;
}

bool config_needs_qemu(struct op *op, const libxl_domain_config *config)
{
    (void)op;
    return config->num_vfbs > 0;
}

int qemu_start(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    (void)op;
    (void)domid;
    (void)config;
    if (!fake_alive())
        return ERROR_FAIL;
    fake_qemu = 1;
    return 0;
}

int qemu_stop(struct op *op, uint32_t domid)
{
    (void)op;
    (void)domid;
    if (!fake_alive())
        return ERROR_FAIL;
    fake_qemu = 0;
    return 0;
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    (void)ctx;
    (void)domid;
    return strdup("guest");
}

int libxl_domain_qualifier_to_domid(libxl_ctx *ctx, const char *name, uint32_t *domid)
{
    (void)ctx;
    *domid = 0;
    return strcmp(name, "dom0") == 0 ? 0 : ERROR_INVAL;
}

/* No PCI device of this machine is given away here */
int xc_test_assign(struct xc *xc, uint32_t domid, uint32_t sbdf)
{
    (void)xc;
    (void)domid;
    (void)sbdf;
    return -ENODEV;
}

int xc_assign_device(struct xc *xc, uint32_t domid, uint32_t sbdf, uint32_t flags)
{
    (void)flags;
    return xc_test_assign(xc, domid, sbdf);
}

int xc_deassign_device(struct xc *xc, uint32_t domid, uint32_t sbdf)
{
    return xc_test_assign(xc, domid, sbdf);
}

int xc_domain_irq_permission(struct xc *xc, uint32_t domid, uint32_t pirq, bool allow)
{
    (void)allow;
    return xc_test_assign(xc, domid, pirq);
}

int xc_domain_iomem_permission(struct xc *xc, uint32_t domid, uint64_t first_mfn, uint64_t count,
                               bool allow)
{
    (void)first_mfn;
    (void)count;
    (void)allow;
    return xc_test_assign(xc, domid, 0);
}

int xc_domain_ioport_permission(struct xc *xc, uint32_t domid, uint32_t first, uint32_t count,
                                bool allow)
{
    (void)first;
    (void)count;
    (void)allow;
    return xc_test_assign(xc, domid, 0);
}
