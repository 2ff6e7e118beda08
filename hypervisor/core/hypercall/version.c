/*
 * HYPERVISOR_xen_version: who we are. The numbers are those of the Xen whose ABI this is; tools
 * choose their interfaces by them. No lock: all of it is constant after boot.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/version.h>
#include <xen/version.h>

_Static_assert(sizeof(XEN_ABI_EXTRA) <= XEN_EXTRAVERSION_LEN, "ABI");
_Static_assert(sizeof(struct xen_compile_info) == 144, "ABI");
_Static_assert(sizeof(struct xen_platform_parameters) == 8, "ABI");
_Static_assert(sizeof(struct xen_feature_info) == 8, "ABI");

/* What an unprivileged domain reads where it is none of its business. */
static const char denied[] = "<denied>";

/* A text into a guest's buffer of `size` bytes, zero-filled behind it. */
static long give_text(guest_ptr_t arg, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    int rc = copy_to_guest(arg, text, len);

    return rc ? rc : clear_guest(guest_ptr_add(arg, len), size - len);
}

static long version_compile_info(guest_ptr_t arg)
{
    struct xen_compile_info info = { 0 };

    snprintf(info.compiler, sizeof(info.compiler), "%s", __VERSION__);
    snprintf(info.compile_by, sizeof(info.compile_by), BUILD_BY);
    snprintf(info.compile_domain, sizeof(info.compile_domain), BUILD_DOMAIN);
    snprintf(info.compile_date, sizeof(info.compile_date), BUILD_DATE);
    return copy_to_guest(arg, &info, sizeof(info));
}

static long version_platform_parameters(guest_ptr_t arg)
{
    struct xen_platform_parameters params = { .virt_start = arch_abi.virt_start };

    return copy_to_guest(arg, &params, sizeof(params));
}

static long version_features(const struct domain *d, guest_ptr_t arg)
{
    struct xen_feature_info info;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -EINVAL;
    info.submap = arch_abi.features(d);
    if (d->is_hardware)
        info.submap |= 1U << XENFEAT_dom0;
    return copy_to_guest(arg, &info, sizeof(info));
}

long do_xen_version(unsigned int cmd, guest_ptr_t arg)
{
    const struct domain *d = current->domain;

    switch (cmd) {
    case XENVER_version:
        return XEN_ABI_MAJOR << 16 | XEN_ABI_MINOR;
    case XENVER_extraversion:
        return give_text(arg, sizeof(xen_extraversion_t), XEN_ABI_EXTRA);
    case XENVER_compile_info:
        return version_compile_info(arg);
    case XENVER_capabilities:
        return give_text(arg, sizeof(xen_capabilities_info_t), arch_abi.capabilities);
    case XENVER_changeset:
        return give_text(arg, sizeof(xen_changeset_info_t), BUILD_CHANGESET);
    case XENVER_platform_parameters:
        return version_platform_parameters(arg);
    case XENVER_get_features:
        return version_features(d, arg);
    case XENVER_pagesize:
        return guest_ptr_is_null(arg) ? (long)PAGE_SIZE : -EINVAL;
    case XENVER_guest_handle:
        return copy_to_guest(arg, d->handle, sizeof(d->handle));
    case XENVER_commandline:
        return give_text(arg, sizeof(xen_commandline_t),
                         d->is_control ? boot_info.cmdline : denied);
    case XENVER_build_id:
        return d->is_control ? -ENODATA : -EPERM;
    default:
        return -ENOSYS;
    }
}
