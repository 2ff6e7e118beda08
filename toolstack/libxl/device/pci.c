/*
 * PCI devices of the host given to a domain through pciback: all of a domain's are numbered entries
 * (dev-0, ...) of one backend. A device that can write memory by itself is only given away when the
 * hypervisor can confine it (an IOMMU), which is asked before anything else is done.
 *
 * Taking one away: the guest is asked, then the hypervisor takes back what it gave, then the entry
 * goes. sysfs.c does what is done with the device itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"
#include "libxl/device/device.h"
#include "libxl/device/sysfs.h"
#include "xc/domain.h"
#include "xc/host.h"

static struct device pci_device(uint32_t domid)
{
    return (struct device){ .kind = &pci_kind,
                            .frontend = pci_kind.frontend,
                            .backend = pci_kind.backend,
                            .domid = domid,
                            .backend_domid = DOM0 };
}

static bool pci_same(const void *a, const void *b)
{
    const libxl_device_pci *x = a, *y = b;

    return x->domain == y->domain && x->bus == y->bus && x->dev == y->dev && x->func == y->func;
}

static uint32_t sbdf_of(const libxl_device_pci *pci)
{
    return (uint32_t)pci->domain << 16 | (uint32_t)pci->bus << 8 | (uint32_t)pci->dev << 3 |
           pci->func;
}

/* ---- entries ---- */

/* The number of a device's entry in the domain's backend, or -1 */
static int entry_of(struct op *op, xs_transaction_t t, uint32_t domid, const char *name)
{
    struct device d = pci_device(domid);
    char *path = device_backend(op, &d);
    int count = (int)store_read_int(op, t, 0, "%s/num_devs", path);

    for (int i = 0; i < count; i++) {
        const char *dev = store_read(op, t, "%s/dev-%d", path, i);

        if (dev && strcmp(dev, name) == 0)
            return i;
    }
    return -1;
}

/* Which domain has it, or LIBXL_INVALID_DOMID */
static uint32_t owner_of(struct op *op, const char *name)
{
    char **domids = store_list(op, XBT_NULL, NULL, "/local/domain/0/backend/pci");

    for (; domids && *domids; domids++) {
        uint32_t domid = (uint32_t)strtoul(*domids, NULL, 10);

        if (entry_of(op, XBT_NULL, domid, name) >= 0)
            return domid;
    }
    return LIBXL_INVALID_DOMID;
}

static void entry_nodes(struct op *op, struct nodes *n, int i, const libxl_device_pci *pci)
{
    nodes_add(n, op_printf(op, "key-%d", i), "%s", pci_name(op, pci));
    nodes_add(n, op_printf(op, "dev-%d", i), "%s", pci_name(op, pci));
    if (pci->vdevfn)
        nodes_add(n, op_printf(op, "vdevfn-%d", i), "%x", pci->vdevfn);
    nodes_add(n, op_printf(op, "opts-%d", i), "msitranslate=%d,power_mgmt=%d,permissive=%d",
              pci->msitranslate, pci->power_mgmt, pci->permissive);
    nodes_add(n, op_printf(op, "state-%d", i), "%d", XenbusStateInitialising);
    if (pci->name)
        nodes_add(n, op_printf(op, "name-%d", i), "%s", pci->name);
    nodes_add(n, "num_devs", "%d", i + 1);
}

static int pci_nodes(struct op *op, const struct device *d, const void *item,
                     struct device_nodes *n)
{
    char *name = libxl_domid_to_name(op->ctx, d->domid);

    nodes_add(&n->backend, "domain", "%s", name ? name : "");
    free(name);
    entry_nodes(op, &n->backend, 0, item);
    return 0;
}

struct entry {
    struct device d;
    const libxl_device_pci *pci;
    bool alone, connected;
};

static int add_entry(struct op *op, xs_transaction_t t, void *arg)
{
    struct entry *e = arg;
    char *path = device_backend(op, &e->d);
    struct nodes n = { .op = op };
    int rc;

    e->alone = !store_exists(op, t, "%s/num_devs", path);
    if (e->alone)
        return device_write(op, t, &e->d, e->pci);
    e->connected = store_read_int(op, t, 0, "%s/state", path) == XenbusStateConnected;
    entry_nodes(op, &n, (int)store_read_int(op, t, 0, "%s/num_devs", path), e->pci);
    rc = store_write_all(op, t, path, n.pairs);
    if (rc == 0 && e->connected)
        rc = store_write(op, t, op_printf(op, "%s/state", path), "%d", XenbusStateReconfiguring);
    return rc;
}

static int is_connected(struct op *op, void *arg)
{
    const struct entry *e = arg;
    long long state =
        store_read_int(op, XBT_NULL, XenbusStateUnknown, "%s/state", device_backend(op, &e->d));

    return state == XenbusStateConnected || state == XenbusStateUnknown ? 0 : ERROR_NOT_READY;
}

static int wait_connected(struct op *op, struct entry *e)
{
    return op_wait(op, device_backend(op, &e->d), -1, 0, BACKEND_INIT_MS, is_connected, e);
}

/* ---- attach ---- */

static int check_free(struct op *op, const libxl_device_pci *pci)
{
    const char *name = pci_name(op, pci);
    uint32_t owner = owner_of(op, name);

    if (owner != LIBXL_INVALID_DOMID)
        return op_fail(op, ERROR_DEVICE_EXISTS, 0, "PCI device %s belongs to domain %u already",
                       name, owner);
    return 0;
}

static int check_confined(struct op *op, uint32_t domid, const libxl_device_pci *pci)
{
    int rc = xc_test_assign(op->ctx->xc, domid, sbdf_of(pci));

    if (rc == -ENOSYS || rc == -ENODEV || rc == -EOPNOTSUPP)
        return op_fail(op, ERROR_NI, 0,
                       "PCI device %s cannot be given to a domain: the hypervisor uses no IOMMU, "
                       "so the device could write anybody's memory",
                       pci_name(op, pci));
    if (rc < 0)
        return op_fail(op, error_of(rc), -rc, "PCI device %s cannot be given to the domain",
                       pci_name(op, pci));
    return 0;
}

static int assign(struct op *op, uint32_t domid, const libxl_device_pci *pci)
{
    uint32_t flags =
        pci->rdm_policy == LIBXL_RDM_RESERVE_POLICY_RELAXED ? XEN_DOMCTL_DEV_RDM_RELAXED : 0;
    int rc = pci_permit(op, domid, pci, true);

    if (rc != 0)
        return rc;
    rc = xc_assign_device(op->ctx->xc, domid, sbdf_of(pci), flags);
    if (rc < 0)
        return op_fail(op, error_of(rc), -rc, "PCI device %s is not assigned", pci_name(op, pci));
    return 0;
}

static int pci_attach(struct op *op, uint32_t domid, void *item)
{
    libxl_device_pci *pci = item;
    struct entry e = { .d = pci_device(domid), .pci = pci };
    int rc = check_free(op, pci);

    if (rc == 0)
        rc = check_confined(op, domid, pci);
    if (rc == 0 && pci->seize)
        rc = pci_make_assignable(op, pci, true);
    if (rc == 0)
        rc = pci_prepare(op, pci);
    if (rc == 0)
        rc = assign(op, domid, pci);
    if (rc == 0)
        rc = store_transaction(op, add_entry, &e);
    if (rc == 0 && e.connected)
        rc = wait_connected(op, &e);
    return rc;
}

/* ---- detach ---- */

static int ask_guest(struct op *op, xs_transaction_t t, void *arg)
{
    const struct entry *e = arg;
    char *path = device_backend(op, &e->d);
    int i = entry_of(op, t, e->d.domid, pci_name(op, e->pci));
    int rc = store_write(op, t, op_printf(op, "%s/state-%d", path, i), "%d", XenbusStateClosing);

    return rc == 0
               ? store_write(op, t, op_printf(op, "%s/state", path), "%d", XenbusStateReconfiguring)
               : rc;
}

/* Move the last entry to the place of the one that goes */
static int remove_entry(struct op *op, xs_transaction_t t, void *arg)
{
    static const char *const names[] = { "key", "dev", "vdevfn", "opts", "state", "name", "vdev" };
    struct entry *e = arg;
    char *path = device_backend(op, &e->d);
    int i = entry_of(op, t, e->d.domid, pci_name(op, e->pci)), rc = 0;
    int last = (int)store_read_int(op, t, 1, "%s/num_devs", path) - 1;

    e->alone = last == 0;
    if (i < 0 || e->alone)
        return 0;
    for (size_t k = 0; k < sizeof(names) / sizeof(*names) && rc == 0; k++) {
        char *from = op_printf(op, "%s/%s-%d", path, names[k], last);
        char *to = op_printf(op, "%s/%s-%d", path, names[k], i);
        const char *value = store_read(op, t, "%s", from);

        rc = value ? store_write(op, t, to, "%s", value) : store_remove(op, t, to);
        if (rc == 0)
            rc = store_remove(op, t, from);
    }
    return rc == 0 ? store_write(op, t, op_printf(op, "%s/num_devs", path), "%d", last) : rc;
}

static int pci_detach(struct op *op, uint32_t domid, const void *item, bool force)
{
    const libxl_device_pci *pci = item;
    struct entry e = { .d = pci_device(domid), .pci = pci };
    int rc = 0;

    if (entry_of(op, XBT_NULL, domid, pci_name(op, pci)) < 0)
        return op_fail(op, ERROR_NOTFOUND, 0, "The domain has no PCI device %s", pci_name(op, pci));
    if (store_read_int(op, XBT_NULL, 0, "%s/state", device_backend(op, &e.d)) ==
        XenbusStateConnected) {
        rc = store_transaction(op, ask_guest, &e);
        if (rc == 0)
            rc = wait_connected(op, &e);
        if (rc != 0 && !force)
            return op_fail(op, rc, 0, "The guest does not let go of PCI device %s",
                           pci_name(op, pci));
    }
    rc = xc_deassign_device(op->ctx->xc, domid, sbdf_of(pci));
    if (rc < 0 && rc != -ENOSYS)
        return op_fail(op, error_of(rc), -rc, "PCI device %s is not taken back", pci_name(op, pci));
    rc = pci_permit(op, domid, pci, false);
    if (rc == 0)
        rc = store_transaction(op, remove_entry, &e);
    if (rc == 0 && e.alone)
        rc = device_take_down(op, &e.d, true);
    return rc;
}

static int pci_add_all(struct op *op, uint32_t domid, libxl_domain_config *config)
{
    int rc = 0;

    for (int i = 0; i < config->num_pcidevs && rc == 0; i++)
        rc = pci_attach(op, domid, &config->pcidevs[i]);
    return rc;
}

static int pci_list(struct op *op, uint32_t domid, void **items, int *count)
{
    struct device d = pci_device(domid);
    char *path = device_backend(op, &d);
    int n = (int)store_read_int(op, XBT_NULL, 0, "%s/num_devs", path);
    libxl_device_pci *list = n > 0 ? xl_calloc((size_t)n, sizeof(*list)) : NULL;

    *count = 0;
    for (int i = 0; i < n; i++) {
        libxl_device_pci *pci = &list[*count];
        const char *name = store_read(op, XBT_NULL, "%s/dev-%d", path, i);
        const char *opts = store_read(op, XBT_NULL, "%s/opts-%d", path, i);

        libxl_device_pci_init(pci);
        if (!name || !pci_parse(name, pci))
            continue;
        pci->vdevfn = (uint32_t)store_read_int(op, XBT_NULL, 0, "%s/vdevfn-%d", path, i);
        pci->msitranslate = opts && strstr(opts, "msitranslate=1");
        pci->power_mgmt = opts && strstr(opts, "power_mgmt=1");
        pci->permissive = opts && strstr(opts, "permissive=1");
        pci->name = device_string(op, path, op_printf(op, "name-%d", i));
        (*count)++;
    }
    *items = list;
    return 0;
}

DEVICE_TYPE(pci)

const struct device_kind pci_kind = {
    .name = "pci",
    .frontend = "pci",
    .backend = "pci",
    .size = sizeof(libxl_device_pci),
    .array = offsetof(libxl_domain_config, pcidevs),
    .count = offsetof(libxl_domain_config, num_pcidevs),
    .init = init_pci,
    .dispose = dispose_pci,
    .copy = copy_pci,
    .backend_domid = NO_FIELD,
    .backend_domname = NO_FIELD,
    .devid = NO_FIELD,
    .nodes = pci_nodes,
    .same = pci_same,
    .attach = pci_attach,
    .detach = pci_detach,
    .add_all = pci_add_all,
    .list = pci_list,
};

/* ---- what can be given away ---- */

int libxl_device_pci_assignable_add(libxl_ctx *ctx, libxl_device_pci *pci, int rebind)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    return op_end(&op, pci_make_assignable(&op, pci, rebind));
}

int libxl_device_pci_assignable_remove(libxl_ctx *ctx, libxl_device_pci *pci, int rebind)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    rc = check_free(&op, pci);
    if (rc == 0)
        rc = pci_make_unassignable(&op, pci, rebind);
    return op_end(&op, rc);
}

libxl_device_pci *libxl_device_pci_assignable_list(libxl_ctx *ctx, int *num)
{
    libxl_device_pci *all, *list = NULL;
    int count;
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    all = pci_list_assignable(&op, &count);
    *num = 0;
    for (int i = 0; i < count; i++) {
        if (owner_of(&op, pci_name(&op, &all[i])) != LIBXL_INVALID_DOMID)
            continue;
        list = xl_realloc(list, (size_t)(*num + 1) * sizeof(*list));
        list[(*num)++] = all[i];
    }
    op_end(&op, 0);
    return list;
}
