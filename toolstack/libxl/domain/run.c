/*
 * A domain that runs: to pause it, let it go on, ask it to end. What a guest does on request it is
 * asked through the store's control/shutdown; it takes the request by emptying that node.
 */
#include <errno.h>
#include <string.h>

#include "libxl/domain/domain.h"
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

static int do_pause(struct op *op, void *args)
{
    int err = xc_domain_pause(op_xc(op), op->domid);

    (void)args;
    return err ? op_fail(op, error_of(err), -err, "It cannot be paused") : 0;
}

int libxl_domain_pause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_pause, NULL, 0);
}

/* The first time, this is the end of its creation. */
static int do_unpause(struct op *op, void *args)
{
    int err = xc_domain_unpause(op_xc(op), op->domid);

    (void)args;
    if (err)
        return op_fail(op, error_of(err), -err, "It cannot go on");
    creation_end(op, op->domid);
    return 0;
}

int libxl_domain_unpause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_unpause, NULL, 0);
}

/* ---- requests ---- */

int control_write(struct op *op, uint32_t domid, const char *command)
{
    return store_write(op, XBT_NULL, op_printf(op, "/local/domain/%u/control/shutdown", domid),
                       "%s", command);
}

/* A guest with drivers for Xen listens; one in HVM mode has set where its events come in. */
static int guest_listens(struct op *op, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    struct xen_hvm_param callback = { .domid = (domid_t)domid, .index = HVM_PARAM_CALLBACK_IRQ };
    long err;
    int rc;

    rc = domain_info(op, domid, &info);
    if (rc)
        return rc == ERROR_DOMAIN_NOTFOUND ? op_fail(op, rc, 0, "There is no such domain") : rc;
    if (!(info.flags & XEN_DOMINF_hvm_guest))
        return 0;
    err = xc_command(op_xc(op), __HYPERVISOR_hvm_op, HVMOP_get_param, &callback, sizeof(callback));
    if (err)
        return op_fail(op, error_of((int)err), (int)-err,
                       "It cannot be asked whether it has drivers for Xen");
    return callback.value ? 0 : ERROR_NOPARAVIRT;
}

static int do_request(struct op *op, void *args)
{
    const char *const *command = args;
    int rc;

    rc = guest_listens(op, op->domid);
    return rc ? rc : control_write(op, op->domid, *command);
}

int libxl_domain_shutdown(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    const char *command = "poweroff";

    return op_start(ctx, __func__, domid, ao_how, do_request, &command, sizeof(command));
}

int libxl_domain_reboot(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    const char *command = "reboot";

    return op_start(ctx, __func__, domid, ao_how, do_request, &command, sizeof(command));
}

int libxl_send_sysrq(libxl_ctx *ctx, uint32_t domid, char sysrq)
{
    struct op op;
    int rc;

    op_begin(&op, ctx, __func__, domid);
    rc = guest_listens(&op, domid);
    if (!rc)
        rc = store_write(&op, XBT_NULL, op_printf(&op, "/local/domain/%u/control/sysrq", domid),
                         "%c", sysrq);
    return op_end(&op, rc);
}

/* ---- triggers ---- */

static const uint32_t triggers[] = {
    [LIBXL_TRIGGER_POWER] = XEN_DOMCTL_SENDTRIGGER_POWER,
    [LIBXL_TRIGGER_SLEEP] = XEN_DOMCTL_SENDTRIGGER_SLEEP,
    [LIBXL_TRIGGER_NMI] = XEN_DOMCTL_SENDTRIGGER_NMI,
    [LIBXL_TRIGGER_INIT] = XEN_DOMCTL_SENDTRIGGER_INIT,
    [LIBXL_TRIGGER_RESET] = XEN_DOMCTL_SENDTRIGGER_RESET,
};

struct trigger_args {
    libxl_trigger trigger;
    uint32_t vcpu;
};

static int do_trigger(struct op *op, void *args)
{
    const struct trigger_args *a = args;
    int err;

    if (a->trigger == LIBXL_TRIGGER_S3RESUME)
        return op_fail(op, ERROR_NI, 0,
                       "Waking a domain from S3 needs a device model, which this "
                       "library does not start yet");
    if (a->trigger <= LIBXL_TRIGGER_UNKNOWN || a->trigger > LIBXL_TRIGGER_RESET)
        return op_fail(op, ERROR_INVAL, 0, "There is no trigger %d", (int)a->trigger);
    err = xc_domain_trigger(op_xc(op), op->domid, triggers[a->trigger], a->vcpu);
    return err ? op_fail(op, error_of(err), -err, "The trigger %s cannot be sent",
                         libxl_trigger_to_string(a->trigger))
               : 0;
}

int libxl_send_trigger(libxl_ctx *ctx, uint32_t domid, libxl_trigger trigger, uint32_t vcpuid,
                       const libxl_asyncop_how *ao_how)
{
    struct trigger_args args = { .trigger = trigger, .vcpu = vcpuid };

    return op_start(ctx, __func__, domid, ao_how, do_trigger, &args, sizeof(args));
}
