/*
 * Which pages of a PV domain were written: XEN_DOMCTL_shadow_op, with which the control domain
 * sends a domain elsewhere while it runs. A bit for each frame number of the guest's; set by write
 * faults on its mirrored page tables (mirror.c), by every change of a table, and by whoever else
 * had the right to write a frame of it and gives that up (frame_dirtied()). The operations run
 * under LOCK_DOMCTL and are continued where they were preempted. See docs/design/log-dirty.md.
 */
#include <hv/arch.h>
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/smp.h>

#include "log_dirty.h"

#define PFNS_PER_FRAME 2 /* a guest may count up to this many times the machine's memory */

void log_dirty_mark(struct domain *d, struct log_dirty *l, mfn_t m)
{
    uint64_t pfn;

    if (mfn_is_io(m) || mfn_to_frame(m)->state.owner != d->id)
        return;
    pfn = arch_frame_gfn(m).v;
    /* Always a locked instruction: what was written is visible before the bit is. */
    if (pfn < l->nr_pfns)
        set_bit_atomic(pfn % BITS_PER_PAGE, l->bitmap[pfn / BITS_PER_PAGE]);
}

void arch_frame_dirtied(const struct frame *f)
{
    unsigned long flags = irq_save();
    struct domain *d = frame_owner(f);
    struct log_dirty *l = d && d->type == DOMAIN_PV && d->arch ? READ_ONCE(d->arch->pv.log) : NULL;

    if (l)
        log_dirty_mark(d, l, frame_to_mfn(f));
    irq_restore(flags);
}

static void nothing(void *unused)
{
    (void)unused;
}

/* Whoever looked without a lock at what there was before is done. */
static void wait_for_lookers(void)
{
    smp_call(&cpu_online_mask, nothing, NULL);
}

/* Every vCPU's CPU walks what it should from now on. */
static void change_tables(struct domain *d, struct log_dirty *l)
{
    struct vcpu *v;
    unsigned int i;

    domain_pause(d);
    spin_lock(&d->arch->pv.lock);
    d->arch->pv.log = l;
    for_each_vcpu (d, v, i) {
        struct pv_vcpu *pv = &v->arch->pv;

        pv->walked_table = pv_walked_table(d, pv->guest_table);
        pv->walked_table_user = pv_walked_table(d, pv->guest_table_user);
    }
    spin_unlock(&d->arch->pv.lock);
    domain_unpause(d);
}

/* ---- on and off ---- */

static void free_log(struct log_dirty *l)
{
    for (uint64_t i = 0; l->bitmap && i < DIV_ROUND_UP(l->nr_pfns, BITS_PER_PAGE); i++)
        page_free(l->bitmap[i]);
    hv_free(l->bitmap);
    page_free(l->buffer);
    hv_free(l);
}

static struct log_dirty *create_log(uint64_t nr_pfns)
{
    uint64_t pages = DIV_ROUND_UP(nr_pfns, BITS_PER_PAGE);
    struct log_dirty *l = hv_alloc_type(struct log_dirty);

    if (!l)
        return NULL;
    l->nr_pfns = nr_pfns;
    l->bitmap = hv_alloc_array(unsigned long *, pages + 1);
    l->buffer = page_alloc();
    for (uint64_t i = 0; l->bitmap && i < pages; i++) {
        l->bitmap[i] = page_alloc();
        if (!l->bitmap[i])
            goto fail;
    }
    if (l->bitmap && l->buffer && mirrors_init(l) == 0)
        return l;
fail:
    free_log(l);
    return NULL;
}

/* Also the way back from half of it. */
int pv_log_dirty_off(struct domain *d)
{
    struct pv_domain *pv = &d->arch->pv;
    struct log_dirty *l = pv->log;
    int rc;

    if (l) {
        if (l->doing == XEN_DOMCTL_SHADOW_OP_CLEAN)
            domain_unpause(d);
        l->place = 0;
        pv->old_log = l;
        change_tables(d, NULL);
        wait_for_lookers();
        __atomic_fetch_sub(&domains_logged, 1, __ATOMIC_SEQ_CST);
    }
    l = pv->old_log;
    if (!l)
        return 0;
    rc = mirrors_free(l);
    if (rc)
        return rc;
    pv->old_log = NULL;
    free_log(l);
    return 0;
}

static int begin(struct domain *d)
{
    uint64_t nr_pfns = READ_ONCE(d->shared_info->arch.max_pfn);
    struct log_dirty *l;

    if (nr_pfns > PFNS_PER_FRAME * max_mfn)
        return -E2BIG;
    l = create_log(nr_pfns);
    if (!l)
        return -ENOMEM;
    l->doing = XEN_DOMCTL_SHADOW_OP_ENABLE;
    spin_lock(&d->arch->pv.lock);
    d->arch->pv.log = l;
    spin_unlock(&d->arch->pv.lock);
    __atomic_fetch_add(&domains_logged, 1, __ATOMIC_SEQ_CST);
    wait_for_lookers();
    return 0;
}

/* The domain goes on running on its own tables until all have their mirrors. */
static int enable(struct domain *d)
{
    struct pv_domain *pv = &d->arch->pv;
    int rc = 0;

    if (!pv->log && !pv->old_log)
        rc = begin(d);
    else if (pv->log && pv->log->doing != XEN_DOMCTL_SHADOW_OP_ENABLE)
        rc = -EINVAL;
    if (rc)
        return rc;
    if (pv->log)
        rc = mirrors_build(d, pv->log);
    else
        rc = pv->old_log->error ? pv->old_log->error : -EBUSY; /* goes back; or another's */
    if (rc == -ERESTART)
        return rc;
    if (rc)
        return pv_log_dirty_off(d) ? -ERESTART : rc;
    pv->log->active = true;
    change_tables(d, pv->log);
    pv->log->doing = 0;
    return 0;
}

/* ---- what was written ---- */

/* Pages that others may write as long as they like: nobody tells when. */
static void mark_held(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    grant_mark_written(d);
    event_mark_written(d);
    for_each_vcpu (d, v, i)
        if (v->info_mfn.v != INVALID_MFN.v)
            frame_dirtied(mfn_to_frame(v->info_mfn));
}

/* `bits` of the bitmap, from a page's start, into the buffer. */
static void take(struct log_dirty *l, uint64_t page, uint64_t bits, bool clear)
{
    unsigned long *to = (unsigned long *)l->buffer;

    for (uint64_t i = 0; i * BITS_PER_LONG < bits; i++) {
        unsigned long *from = &l->bitmap[page][i], mask = ~0UL;

        if (bits - i * BITS_PER_LONG < BITS_PER_LONG)
            mask = BIT(bits % BITS_PER_LONG) - 1;
        to[i] =
            mask & (clear && READ_ONCE(*from) ? __atomic_fetch_and(from, ~mask, __ATOMIC_SEQ_CST)
                                              : READ_ONCE(*from));
        l->dirty += (uint32_t)__builtin_popcountl(to[i]);
    }
}

/* Without a place to put it, it is only counted, and cleared. */
static int copy_out(struct log_dirty *l, uint64_t pages, bool clear)
{
    guest_ptr_t to = { l->handle };

    while (l->place < pages) {
        uint64_t bits = min(pages - l->place, (uint64_t)BITS_PER_PAGE);

        take(l, l->place / BITS_PER_PAGE, bits, clear);
        if (!guest_ptr_is_null(to) &&
            copy_to_guest(guest_ptr_add(to, l->place / 8), l->buffer, DIV_ROUND_UP(bits, 8UL)))
            return -EFAULT;
        l->place += bits;
        if (l->place < pages && hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}

/* To clear, the domain is held from before its mirrors are closed until all is copied: what it
 * writes later faults again. */
static int report(struct domain *d, struct xen_domctl_shadow_op *s)
{
    bool clear = s->op == XEN_DOMCTL_SHADOW_OP_CLEAN;
    struct log_dirty *l = d->arch->pv.log;
    uint64_t handle = guest_ptr(s->dirty_bitmap).v, pages;
    int rc = 0;

    if (!l || !l->active)
        return -EINVAL;
    if (l->doing && (l->doing != s->op || l->handle != handle))
        return -EBUSY;
    pages = handle ? min((uint64_t)s->pages, l->nr_pfns) : l->nr_pfns;
    if (!l->doing) {
        l->doing = s->op;
        l->handle = handle;
        l->place = 0;
        l->dirty = 0;
        if (clear)
            domain_pause(d);
        if (s->mode & XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL)
            mark_held(d);
    }
    if (clear)
        rc = mirrors_close(l);
    if (!rc)
        rc = copy_out(l, pages, clear);
    if (rc == -ERESTART)
        return rc;
    if (handle)
        s->pages = pages;
    /* Others' entries that went are flushed late, and their frames' bits may be taken already. */
    arch_tlb_sync(d);
    s->stats.fault_count = l->faults;
    s->stats.dirty_count = l->dirty;
    l->doing = 0;
    if (clear) {
        l->faults = 0;
        domain_unpause(d);
    }
    return rc ? rc : l->error;
}

/* Nothing is set aside for it; what there is was taken as it was needed. */
static uint32_t allocated_mb(const struct log_dirty *l)
{
    uint64_t pages = l ? l->nr_mirrors + DIV_ROUND_UP(l->nr_pfns, BITS_PER_PAGE) : 0;

    return (uint32_t)DIV_ROUND_UP(pages, 256UL);
}

int pv_shadow_op(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_shadow_op *s = &op->u.shadow_op;

    if (d == current->domain || d->is_dying)
        return -EINVAL;
    if (d->type != DOMAIN_PV)
        return -EOPNOTSUPP;
    switch (s->op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        return s->mode == XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY ? enable(d) : -EINVAL;
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return enable(d);
    case XEN_DOMCTL_SHADOW_OP_OFF:
        return pv_log_dirty_off(d);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return report(d, s);
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        s->mb = allocated_mb(d->arch->pv.log);
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}
