/*
 * The state of a domain's vCPUs for the control domain: what a guest is built, saved and restored
 * with. Handlers of the table in domctl.c, under LOCK_DOMCTL, with a reference on the domain, which
 * is paused for as long as they look at it.
 */
#include <hv/arch.h>
#include <hv/bitops.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/mem.h>
#include <hv/sched.h>
#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/guest_tsc.h>
#include <arch/page.h>
#include <arch/policy.h>
#include <arch/pv.h>

#include "internal.h"

/* Somebody else's: the caller's own state is in its CPU. `missing`: the error if there is none. */
static int find_vcpu(struct domain *d, uint32_t id, int missing, struct vcpu **out)
{
    if (d->type != DOMAIN_PV)
        return -EOPNOTSUPP;
    *out = domain_vcpu(d, id);
    if (!*out)
        return missing;
    return d != current->domain ? 0 : -EINVAL;
}

/* ---- registers and tables ---- */

/* Back to before it was given a context. Down first: its domain may run again before the tables are
 * all released. */
static int reset(struct vcpu *v)
{
    set_bit_atomic(VCPU_DOWN, &v->pause_flags);
    clear_bit_atomic(VCPU_BLOCKED, &v->pause_flags);
    clear_bit_atomic(VCPU_POLLING, &v->pause_flags);
    return pv_vcpu_drop_context(v);
}

static int set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = pv_vcpu_set_context(v, c);

    if (rc)
        return rc;
    if (c->flags & VGCF_online)
        clear_bit_atomic(VCPU_DOWN, &v->pause_flags);
    else
        set_bit_atomic(VCPU_DOWN, &v->pause_flags);
    return 0;
}

int domctl_setvcpucontext(struct domain *d, struct xen_domctl *op)
{
    guest_ptr_t from = guest_ptr(op->u.vcpucontext.ctxt);
    struct vcpu_guest_context *c = NULL;
    struct vcpu *v;
    int rc = find_vcpu(d, op->u.vcpucontext.vcpu, -EINVAL, &v);

    if (rc)
        return rc;
    if (!guest_ptr_is_null(from)) {
        c = hv_alloc_type(struct vcpu_guest_context);
        if (!c)
            return -ENOMEM;
        if (copy_from_guest(c, from, sizeof(*c)))
            rc = -EFAULT;
    }
    if (!rc) {
        domain_pause(d);
        rc = c ? set_context(v, c) : reset(v);
        domain_unpause(d);
    }
    hv_free(c);
    return rc;
}

int domctl_getvcpucontext(struct domain *d, struct xen_domctl *op)
{
    struct vcpu_guest_context *c;
    struct vcpu *v;
    int rc = find_vcpu(d, op->u.vcpucontext.vcpu, -EINVAL, &v);

    if (rc)
        return rc;
    if (!v->is_initialised)
        return -ENODATA;
    c = hv_alloc_type(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    domain_pause(d);
    pv_vcpu_get_context(v, c);
    domain_unpause(d);
    if (copy_to_guest(guest_ptr(op->u.vcpucontext.ctxt), c, sizeof(*c)))
        rc = -EFAULT;
    hv_free(c);
    return rc;
}

/* ---- entries for 32-bit programs, machine checks ---- */

static bool ext_context_valid(const struct xen_domctl_ext_vcpucontext *e)
{
    return e->size >= offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) &&
           is_canonical(e->syscall32_callback_eip) && is_canonical(e->sysenter_callback_eip);
}

static void set_ext_context(struct arch_vcpu *a, const struct xen_domctl_ext_vcpucontext *e)
{
    a->pv.syscall32 =
        (struct pv_callback){ e->syscall32_callback_eip, e->syscall32_disables_events };
    a->pv.syscall32_cs = e->syscall32_callback_cs;
    a->pv.sysenter = (struct pv_callback){ e->sysenter_callback_eip, e->sysenter_disables_events };
    a->pv.sysenter_cs = e->sysenter_callback_cs;
}

/* Older tools know MCG_CAP alone, or nothing of machine checks. */
static int set_ext_mce(struct arch_vcpu *a, const struct xen_domctl_ext_vcpucontext *e)
{
    bool all = e->size >= offsetof(struct xen_domctl_ext_vcpucontext, vmce) + sizeof(e->vmce);

    if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) + sizeof(e->mcg_cap))
        return 0;
    if (e->mcg_cap & ~MCG_CAP_KNOWN || (e->mcg_cap & MCG_CAP_BANKS) > MCG_BANKS_MAX)
        return -EPERM;
    a->mcg_cap = e->mcg_cap;
    a->mci_ctl2[0] = all ? e->vmce.mci_ctl2_bank0 : 0;
    a->mci_ctl2[1] = all ? e->vmce.mci_ctl2_bank1 : 0;
    a->mcg_ext_ctl = all ? e->vmce.mcg_ext_ctl : 0;
    return 0;
}

int domctl_set_ext_vcpucontext(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v;
    int rc = find_vcpu(d, e->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    if (!ext_context_valid(e))
        return -EINVAL;
    domain_pause(d);
    rc = set_ext_mce(v->arch, e);
    if (!rc)
        set_ext_context(v->arch, e);
    domain_unpause(d);
    return rc;
}

int domctl_get_ext_vcpucontext(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    const struct arch_vcpu *a;
    struct vcpu *v;
    int rc = find_vcpu(d, e->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    domain_pause(d);
    a = v->arch;
    *e = (struct xen_domctl_ext_vcpucontext){
        .vcpu = v->id,
        .size = sizeof(*e),
        .syscall32_callback_eip = a->pv.syscall32.address,
        .sysenter_callback_eip = a->pv.sysenter.address,
        .syscall32_callback_cs = a->pv.syscall32_cs,
        .sysenter_callback_cs = a->pv.sysenter_cs,
        .syscall32_disables_events = a->pv.syscall32.mask_events,
        .sysenter_disables_events = a->pv.sysenter.mask_events,
    };
    e->vmce.caps = a->mcg_cap;
    e->vmce.mci_ctl2_bank0 = a->mci_ctl2[0];
    e->vmce.mci_ctl2_bank1 = a->mci_ctl2[1];
    e->vmce.mcg_ext_ctl = a->mcg_ext_ctl;
    domain_unpause(d);
    return 0;
}

/* ---- XSAVE state ---- */

/* In front of the state in the caller's buffer. */
struct xsave_header {
    uint64_t xcr0, xcr0_accum;
};

/* Asked with no buffer, it says how large that has to be, and what it would hold. */
int domctl_getvcpuextstate(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct xsave_header *buffer;
    uint64_t size;
    struct vcpu *v;
    int rc = find_vcpu(d, e->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    domain_pause(d);
    size = sizeof(*buffer) + fpu_vcpu_state_size(v);
    if ((!e->size && !e->xfeature_mask) || guest_ptr_is_null(guest_ptr(e->buffer))) {
        e->xfeature_mask = fpu_max_xcr0();
        e->size = size;
        goto out;
    }
    rc = -EINVAL;
    if (e->size != size || e->xfeature_mask != fpu_max_xcr0())
        goto out;
    rc = -ENOMEM;
    buffer = hv_alloc(size);
    if (!buffer)
        goto out;
    *buffer = (struct xsave_header){ v->arch->xcr0, v->arch->xcr0_accum };
    if (size > sizeof(*buffer))
        fpu_vcpu_get_state(v, buffer + 1);
    rc = copy_to_guest(guest_ptr(e->buffer), buffer, size) ? -EFAULT : 0;
    hv_free(buffer);
out:
    domain_unpause(d);
    return rc;
}

/* A header alone is from a CPU without XSAVE: there is nothing to set. */
int domctl_setvcpuextstate(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    uint64_t most = sizeof(struct xsave_header) + fpu_xsave_size(fpu_max_xcr0());
    struct xsave_header *buffer;
    struct vcpu *v;
    int rc = find_vcpu(d, e->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    if (e->size < sizeof(*buffer) || e->size > most)
        return -EINVAL;
    if (e->size == sizeof(*buffer))
        return 0;
    buffer = hv_alloc(e->size);
    if (!buffer)
        return -ENOMEM;
    if (copy_from_guest(buffer, guest_ptr(e->buffer), e->size)) {
        rc = -EFAULT;
    } else {
        domain_pause(d);
        rc = fpu_vcpu_set_state(v, buffer->xcr0, buffer->xcr0_accum, buffer + 1,
                                e->size - sizeof(*buffer));
        domain_unpause(d);
    }
    hv_free(buffer);
    return rc;
}

/* ---- MSRs ---- */

int domctl_get_vcpu_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    guest_ptr_t at = guest_ptr(m->msrs);
    uint32_t room = m->msr_count;
    struct vcpu *v;
    int rc = find_vcpu(d, m->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    m->msr_count = GUEST_MSRS_KEPT;
    if (guest_ptr_is_null(at))
        return 0;
    domain_pause(d);
    m->msr_count = 0;
    for (unsigned int n = 0; n < GUEST_MSRS_KEPT; n++) {
        struct xen_domctl_vcpu_msr entry = { 0 };
        uint64_t value;

        /* 0 is what they begin with. */
        if (!guest_msr_kept(v, n, &entry.index, &value) || !value)
            continue;
        entry.value = value;
        if (m->msr_count >= room)
            rc = -ENOBUFS;
        else if (copy_to_guest(guest_ptr_add(at, m->msr_count * sizeof(entry)), &entry,
                               sizeof(entry)))
            rc = -EFAULT;
        m->msr_count++;
    }
    domain_unpause(d);
    return rc;
}

int domctl_set_vcpu_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    guest_ptr_t at = guest_ptr(m->msrs);
    struct vcpu *v;
    uint32_t n;
    int rc = find_vcpu(d, m->vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    if (m->msr_count > GUEST_MSRS_KEPT)
        return -EINVAL;
    domain_pause(d);
    for (n = 0; n < m->msr_count && !rc; n++) {
        struct xen_domctl_vcpu_msr entry;

        if (copy_from_guest(&entry, guest_ptr_add(at, n * sizeof(entry)), sizeof(entry)))
            rc = -EFAULT;
        else if (entry.reserved || guest_msr_keep(v, entry.index, entry.value))
            rc = -EINVAL;
    }
    if (rc)
        m->msr_count = n - 1; /* the one at fault */
    domain_unpause(d);
    return rc;
}

/* ---- triggers ---- */

/* PV guests have no buttons; and nobody else resets their vCPUs. */
int domctl_sendtrigger(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

    if (!v)
        return -ESRCH;
    switch (op->u.sendtrigger.trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        return arch_vcpu_send_nmi(v);
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
}

/* ---- a domain's counter, and its width ---- */

int domctl_settscinfo(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *t = &op->u.tsc_info;
    unsigned int i;
    struct vcpu *v;
    int rc;

    if (d == current->domain)
        return -EINVAL;
    domain_pause(d);
    rc = guest_tsc_set(d, t->tsc_mode, t->gtsc_khz, t->elapsed_nsec, t->incarnation);
    if (!rc)
        for_each_vcpu (d, v, i)
            v->arch->time_stale = true;
    domain_unpause(d);
    return rc;
}

int domctl_gettscinfo(struct domain *d, struct xen_domctl *op)
{
    const struct guest_tsc *tsc = &d->arch->tsc;
    struct xen_domctl_tsc_info *t = &op->u.tsc_info;
    uint64_t elapsed;

    guest_tsc_elapsed(d, &t->gtsc_khz, &elapsed);
    t->tsc_mode = tsc->mode;
    t->incarnation = tsc->incarnation;
    t->pad = 0;
    t->elapsed_nsec = elapsed;
    return 0;
}

/* PV guests are 64-bit; none is to be anything else. */
int domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
    (void)d;
    return op->u.address_size.size == 64 ? 0 : -EINVAL;
}

int domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
    (void)d;
    op->u.address_size.size = 64;
    return 0;
}
