/*
 * Bringing a guest to suspend itself, and letting it go on. A guest is asked in one of two ways:
 * one that offers an event channel for it is rung, any other reads "suspend" in control/shutdown.
 * Either way it answers by shutting down with that reason. A guest that has not even taken the
 * request after a minute may have forgotten how: the request is withdrawn, in a transaction,
 * because it might take it at the last moment, and then it is waited for after all.
 */
#include <errno.h>
#include <string.h>
#include <xenevtchn.h>

#include "libxl/transfer/transfer.h"
#include "xc/vcpu.h"
#include <xen/sched.h>

#define ANSWER_MS 60000

/* ---- to suspend ---- */

/* Whether the domain has suspended itself; any other end of it is an error. */
static int is_suspended(struct op *op, void *arg)
{
    struct xen_domctl_getdomaininfo info;
    unsigned int reason;
    int rc;

    (void)arg;
    rc = domain_info(op, op->domid, &info);
    if (rc)
        return op_fail(op, rc, 0, "It went away while it was to suspend itself");
    if (info.flags & XEN_DOMINF_dying)
        return op_fail(op, ERROR_DOMAIN_DESTROYED, 0,
                       "It was destroyed while it was to suspend "
                       "itself");
    if (!(info.flags & XEN_DOMINF_shutdown))
        return ERROR_NOT_READY;
    reason = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    if (reason != SHUTDOWN_suspend)
        return op_fail(op, ERROR_FAIL, 0,
                       "It shut down for another reason (%u) than to be "
                       "suspended",
                       reason);
    return 0;
}

static int wait_suspended(struct op *op)
{
    return op_wait(op, "@releaseDomain", -1, 0, ANSWER_MS, is_suspended, NULL);
}

/* *arg becomes true when the guest had not taken the request */
static int withdraw_in(struct op *op, xs_transaction_t t, void *arg)
{
    char *path = op_printf(op, "/local/domain/%u/control/shutdown", op->domid);
    char *value = store_read(op, t, "%s", path);
    bool *withdrawn = arg;

    *withdrawn = value && !strcmp(value, "suspend");
    return *withdrawn ? store_write(op, t, path, "%s", "") : 0;
}

static int suspend_by_store(struct op *op)
{
    bool withdrawn = false;
    int rc;

    rc = control_write(op, op->domid, "suspend");
    if (!rc)
        rc = wait_suspended(op);
    if (rc != ERROR_TIMEDOUT && rc != ERROR_ABORTED)
        return rc;
    if (store_transaction(op, withdraw_in, &withdrawn))
        return ERROR_FAIL;
    if (withdrawn)
        return rc == ERROR_ABORTED
                   ? rc
                   : op_fail(op, ERROR_GUEST_TIMEDOUT, 0,
                             "It does not take the request to suspend "
                             "itself; does its kernel support that, and has it started?");
    rc = wait_suspended(op);
    if (rc == ERROR_TIMEDOUT)
        return op_fail(op, ERROR_GUEST_TIMEDOUT, 0,
                       "It has taken the request to suspend itself, "
                       "but does not do it");
    return rc;
}

/* The port rings on our side too, when the domain suspends: then it need not be asked whether it
 * has. */
static int suspend_by_event(struct op *op, xenevtchn_handle *events, uint32_t guest_port)
{
    int local = xenevtchn_bind_interdomain(events, op->domid, guest_port), err, rc;

    if (local < 0)
        return op_fail(op, ERROR_FAIL, errno,
                       "The event channel for suspending it cannot be bound");
    err = xc_domain_subscribe_suspend(op_xc(op), op->domid, guest_port);
    if (err)
        return op_fail(op, ERROR_FAIL, -err, "The hypervisor does not tell when it suspends");
    if (xenevtchn_notify(events, local))
        return op_fail(op, ERROR_FAIL, errno, "It cannot be rung to suspend itself");
    rc = wait_suspended(op);
    if (rc == ERROR_TIMEDOUT)
        return op_fail(op, ERROR_GUEST_TIMEDOUT, 0, "It was rung, but does not suspend itself");
    return rc;
}

int domain_suspend(struct op *op)
{
    xenevtchn_handle *events;
    long long port;
    int rc;

    if (domain_type(op, op->domid) == LIBXL_DOMAIN_TYPE_HVM)
        return op_fail(op, ERROR_NI, 0, "HVM guests cannot be suspended yet");
    port = store_read_int(op, XBT_NULL, -1, "/local/domain/%u/device/suspend/event-channel",
                          op->domid);
    if (port < 0)
        return suspend_by_store(op);
    events = xenevtchn_open(op->ctx->lg, 0);
    if (!events)
        return op_fail(op, ERROR_FAIL, errno, "Event channels cannot be used here");
    rc = suspend_by_event(op, events, (uint32_t)port);
    xenevtchn_close(events);
    return rc;
}

static int do_suspend_only(struct op *op, void *args)
{
    (void)args;
    return domain_suspend(op);
}

int libxl_domain_suspend_only(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_suspend_only, NULL, 0);
}

/* ---- to go on ---- */

/* A PV guest that suspended itself waits for the result of that hypercall: 1 says that it was
 * cancelled, so that it keeps all its connections. */
static int say_cancelled(struct op *op)
{
    struct vcpu_guest_context *context = op_alloc(op, sizeof(*context));
    int err;

    err = xc_vcpu_get_context(op_xc(op), op->domid, 0, context);
    if (err)
        return op_fail(op, error_of(err), -err, "Its first vCPU cannot be read");
    context->user_regs.rax = 1;
    err = xc_vcpu_set_context(op_xc(op), op->domid, 0, context);
    return err ? op_fail(op, error_of(err), -err, "Its first vCPU cannot be set") : 0;
}

static int do_resume(struct op *op, void *args)
{
    const bool *cancel = args;
    struct xen_domctl_getdomaininfo info;
    unsigned int reason;
    int rc, err;

    rc = domain_info(op, op->domid, &info);
    if (rc)
        return rc;
    reason = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    if (!(info.flags & XEN_DOMINF_shutdown) || reason != SHUTDOWN_suspend)
        return 0; /* it never stopped, and the state of a vCPU that runs is not to be touched */
    if (!(info.flags & XEN_DOMINF_hvm_guest)) {
        if (!*cancel)
            return op_fail(op, ERROR_NI, 0,
                           "A PV guest can only go on by cancelling its "
                           "suspension");
        rc = say_cancelled(op);
        if (rc)
            return rc;
    }
    err = xc_domain_resume(op_xc(op), op->domid);
    if (err)
        return op_fail(op, error_of(err), -err, "It cannot go on");
    return store_goes_on(op, op->domid);
}

int libxl_domain_resume(libxl_ctx *ctx, uint32_t domid, int suspend_cancel,
                        const libxl_asyncop_how *ao_how)
{
    bool cancel = suspend_cancel;

    return op_start(ctx, __func__, domid, ao_how, do_resume, &cancel, sizeof(cancel));
}
