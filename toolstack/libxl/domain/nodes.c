/*
 * The store of a new domain: what it finds there, what it may write, and what only this library
 * reads. All of it is made in two transactions, one when the domain is there, one when it is built;
 * other programs see nothing of a domain that is half described.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/time.h>

#include "libxl/domain/domain.h"

struct create_args {
    uint32_t domid;
    const libxl_domain_config *config;
};

/* Nodes that a guest may write, and folders that it may read, below /local/domain/N and its control
 */
static const char *const writable[] = { "data", "drivers", "feature", "attr", "error" };
static const char *const control[] = { "shutdown", "feature-poweroff", "feature-reboot",
                                       "feature-suspend", "sysrq" };
static const char *const sleep_control[] = { "feature-s3", "feature-s4" };
static const char *const read_only[] = { "cpu", "memory", "device" };

static int make_all(struct op *op, xs_transaction_t t, const char *path, const char *const *names,
                    size_t count)
{
    int rc = 0;
    size_t i;

    for (i = 0; i < count && !rc; i++)
        rc = store_mkdir(op, t, op_printf(op, "%s/%s", path, names[i]), NULL, 0);
    return rc;
}

#define COUNT(names) (sizeof(names) / sizeof(*(names)))

/*
 * A new node has the permissions of the one that holds it. So the guest owns its folder while the
 * nodes are made that it may write, and loses it then, all in one transaction: a request for each
 * node is saved.
 */
static int make_guest_folders(struct op *op, xs_transaction_t t, const char *path, bool hvm,
                              struct xs_permissions *owns, struct xs_permissions *reads)
{
    const char *in_control = op_printf(op, "%s/control", path);
    int rc;

    rc = store_mkdir(op, t, path, owns, 1);
    if (!rc)
        rc = make_all(op, t, path, writable, COUNT(writable));
    if (!rc)
        rc = store_mkdir(op, t, in_control, NULL, 0);
    if (!rc)
        rc = make_all(op, t, in_control, control, COUNT(control));
    if (!rc && hvm)
        rc = make_all(op, t, in_control, sleep_control, COUNT(sleep_control));
    if (!rc)
        rc = store_set_perms(op, t, in_control, reads, 2);
    if (!rc)
        rc = store_set_perms(op, t, path, reads, 2);
    return rc ? rc : make_all(op, t, path, read_only, COUNT(read_only));
}

static int make_folders(struct op *op, xs_transaction_t t, const struct create_args *a,
                        const char *vm)
{
    struct xs_permissions guest_reads[] = {
        { .id = DOM0, .perms = XS_PERM_NONE },
        { .id = a->domid, .perms = XS_PERM_READ },
    };
    struct xs_permissions guest_owns[] = { { .id = a->domid, .perms = XS_PERM_NONE } };
    struct xs_permissions nobody[] = { { .id = DOM0, .perms = XS_PERM_NONE } };
    const char *path = store_path(op, a->domid);
    int rc;

    rc = store_remove(op, t, path);
    if (!rc)
        rc = make_guest_folders(op, t, path, a->config->c_info.type == LIBXL_DOMAIN_TYPE_HVM,
                                guest_owns, guest_reads);
    if (!rc)
        rc = store_mkdir(op, t, vm, guest_reads, 2);
    if (!rc)
        rc = store_remove(op, t, domain_libxl_path(op, a->domid));
    if (!rc)
        rc = store_mkdir(op, t, domain_libxl_path(op, a->domid), nobody, 1);
    if (!rc)
        rc = store_mkdir(op, t, op_printf(op, "/libxl/%u/device", a->domid), NULL, 0);
    if (rc)
        return rc;
    if (!libxl_defbool_val(a->config->c_info.xend_suspend_evtchn_compat))
        return store_mkdir(op, t, op_printf(op, "%s/device/suspend/event-channel", path),
                           guest_owns, 1);
    /* As it was with xend: the guest makes such nodes itself. */
    return store_set_perms(op, t, op_printf(op, "%s/device", path), guest_owns, 1);
}

static int write_list(struct op *op, xs_transaction_t t, const char *path, char **list)
{
    return list ? store_write_all(op, t, path, (const char *const *)list) : 0;
}

static int create_in(struct op *op, xs_transaction_t t, void *arg)
{
    const struct create_args *a = arg;
    const libxl_domain_create_info *c = &a->config->c_info;
    const char *path = store_path(op, a->domid);
    const char *uuid = op_printf(op, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(c->uuid));
    const char *vm = op_printf(op, "/vm/%s", uuid);
    const char *local[] = {
        "vm",
        vm,
        "name",
        c->name,
        "control/platform-feature-multiprocessor-suspend",
        "1",
        "control/platform-feature-xs_reset_watches",
        "1",
        NULL,
    };
    const char *of_vm[] = { "name", c->name, "uuid", uuid, NULL };
    const char *ours[] = {
        "type",       libxl_domain_type_to_string(c->type),
        "dm-version", libxl_device_model_version_to_string(a->config->b_info.device_model_version),
        NULL,
    };
    int rc;

    rc = make_folders(op, t, a, vm);
    if (!rc)
        rc = store_write_all(op, t, path, local);
    if (!rc)
        rc = store_write_all(op, t, vm, of_vm);
    if (!rc)
        rc = write_list(op, t, path, c->xsdata);
    if (!rc)
        rc = write_list(op, t, op_printf(op, "%s/platform", path), c->platformdata);
    return rc ? rc : store_write_all(op, t, domain_libxl_path(op, a->domid), ours);
}

int nodes_create(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    struct create_args a = { .domid = domid, .config = config };

    return store_transaction(op, create_in, &a);
}

/* ---- after the build ---- */

struct build_args {
    uint32_t domid;
    const libxl_domain_config *config;
    const struct boot *boot;
    const struct rings *rings;
    struct timeval started;
};

static int write_vcpus(struct op *op, xs_transaction_t t, const char *path,
                       const libxl_domain_build_info *b)
{
    int i, rc = 0;

    for (i = 0; i < b->max_vcpus && !rc; i++)
        rc = store_write(op, t, op_printf(op, "%s/cpu/%d/availability", path, i), "%s",
                         libxl_bitmap_test(&b->avail_vcpus, i) ? "online" : "offline");
    return rc;
}

static const char *yes_no(libxl_defbool b)
{
    return libxl_defbool_val(b) ? "1" : "0";
}

/* What the firmware of an HVM guest looks for */
static int write_pc(struct op *op, xs_transaction_t t, const char *path, const char *vm,
                    const libxl_domain_build_info *b)
{
    const char *local[] = {
        "hvmloader/bios",
        libxl_bios_type_to_string(b->u.hvm.bios),
        "hvmloader/allow-memory-relocate",
        "0",
        "platform/acpi",
        yes_no(b->acpi),
        "platform/acpi_s3",
        yes_no(b->u.hvm.acpi_s3),
        "platform/acpi_s4",
        yes_no(b->u.hvm.acpi_s4),
        "platform/acpi_laptop_slate",
        yes_no(b->u.hvm.acpi_laptop_slate),
        "platform/device-model",
        libxl_device_model_version_to_string(b->device_model_version),
        "platform/mmio_hole_size",
        b->u.hvm.mmio_hole_memkb ? op_printf(op, "%" PRIu64, b->u.hvm.mmio_hole_memkb << 10) : NULL,
        NULL,
    };
    const char *of_vm[] = { "image/ostype", "hvm", "rtc/timeoffset", "", NULL };
    int rc = store_write_all(op, t, path, local);

    return rc ? rc : store_write_all(op, t, vm, of_vm);
}

static int build_in(struct op *op, xs_transaction_t t, void *arg)
{
    const struct build_args *a = arg;
    const libxl_domain_build_info *b = &a->config->b_info;
    const char *path = store_path(op, a->domid);
    const char *local[] = {
        "memory/static-max",
        op_printf(op, "%" PRIu64, b->max_memkb),
        "memory/target",
        op_printf(op, "%" PRIu64, b->target_memkb - b->video_memkb),
        "memory/videoram",
        op_printf(op, "%" PRIu64, b->video_memkb),
        "domid",
        op_printf(op, "%u", a->domid),
        "store/port",
        op_printf(op, "%u", a->rings->store_port),
        "store/ring-ref",
        op_printf(op, "%lu", a->rings->store_mfn),
        NULL,
    };
    const char *vm = op_printf(op, "/vm/" LIBXL_UUID_FMT, LIBXL_UUID_BYTES(a->config->c_info.uuid));
    const char *of_vm[] = {
        "start_time",
        op_printf(op, "%jd.%02d", (intmax_t)a->started.tv_sec, (int)(a->started.tv_usec / 10000)),
        NULL,
    };
    const char *of_pv[] = {
        "image/ostype",  "linux",          "image/kernel",
        a->boot->kernel, "image/ramdisk",  a->boot->ramdisk,
        "image/cmdline", a->boot->cmdline, NULL,
    };
    int rc;

    rc = write_vcpus(op, t, path, b);
    if (!rc)
        rc = store_write_all(op, t, path, local);
    if (!rc && b->type == LIBXL_DOMAIN_TYPE_PV)
        rc = store_write_all(op, t, vm, of_pv);
    if (!rc && b->type == LIBXL_DOMAIN_TYPE_HVM)
        rc = write_pc(op, t, path, vm, b);
    return rc ? rc : store_write_all(op, t, vm, of_vm);
}

int nodes_of_build(struct op *op, uint32_t domid, const libxl_domain_config *config,
                   const struct boot *boot, const struct rings *rings)
{
    struct build_args a = { .domid = domid, .config = config, .boot = boot, .rings = rings };
    int rc;

    gettimeofday(&a.started, NULL);
    rc = store_transaction(op, build_in, &a);
    if (rc)
        return rc;
    return store_introduce(op, domid, rings->store_mfn, rings->store_port);
}
