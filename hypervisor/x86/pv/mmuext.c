/* MMUEXT_*: pinning tables, switching them, flushing TLBs, and the rest of public xen.h's list. */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/string.h>
#include <arch/processor.h>

#include "internal.h"

struct domain pv_domain_io = { .id = DOMID_IO, .refs = 1 };
struct domain pv_domain_xen = { .id = DOMID_XEN, .refs = 1 };

int pv_get_pg_owner(domid_t id, struct domain **out)
{
    struct domain *d = current->domain;

    if (id == DOMID_SELF || id == d->id) {
        *out = d;
        return 0;
    }
    if (id == DOMID_IO) {
        if (!d->arch->io_mem)
            return -EPERM;
        *out = &pv_domain_io;
        return 0;
    }
    if (!d->is_control)
        return -EPERM;
    if (id == DOMID_XEN) {
        *out = &pv_domain_xen;
        return 0;
    }
    *out = domain_get(id);
    return *out ? 0 : -ESRCH;
}

void pv_put_pg_owner(struct domain *d)
{
    if (d != current->domain && d != &pv_domain_io && d != &pv_domain_xen)
        domain_put(d);
}

int pv_vcpumask_to_cpus(struct domain *d, guest_ptr_t bitmap, cpumask_t *mask)
{
    cpumask_zero(mask);
    for (unsigned int first = 0; first < d->max_vcpus; first += 8) {
        uint8_t bits;

        if (copy_from_guest(&bits, guest_ptr_add(bitmap, first / 8), sizeof(bits)))
            return -EFAULT;
        for (unsigned int i = 0; i < 8; i++) {
            struct vcpu *v = bits >> i & 1 ? domain_vcpu(d, first + i) : NULL;

            /* One that is not running starts with an empty TLB. */
            if (v && READ_ONCE(v->is_running))
                cpumask_set(READ_ONCE(v->cpu), mask);
        }
    }
    return 0;
}

/* Take the L4 type of the guest's frame; the reference goes with it. */
static int get_base(struct domain *d, mfn_t m, struct frame **out)
{
    int rc;

    if (mfn_is_io(m))
        return -EINVAL;
    *out = mfn_to_frame(m);
    rc = frame_get(*out, d);
    if (rc)
        return -EINVAL;
    rc = frame_get_type(*out, FRAME_L4);
    if (rc)
        frame_put(*out);
    return rc;
}

/* The machine-to-physical table is for the guest's kernel to read, not for its users. */
static void show_m2p(struct domain *d, mfn_t l4, bool show)
{
    pv_show_slot(d, l4, HV_SLOT_FIRST, show ? boot_l4[HV_SLOT_FIRST] : 0);
}

int pv_set_base(struct vcpu *v, mfn_t m, bool user)
{
    mfn_t *slot = user ? &v->arch->pv.guest_table_user : &v->arch->pv.guest_table, old = *slot;
    struct domain *d = v->domain;
    struct frame *f;
    int rc = 0;

    if (user && m.v == 0)
        m = INVALID_MFN;
    if (m.v == old.v) {
        if (v == current && !user)
            tlb_flush_local(); /* as loading CR3 would */
        return 0;
    }
    /* The kernel's is taken away only from who does not run any more. */
    if (m.v == INVALID_MFN.v && !user && v == current)
        return -EINVAL;
    if (v->arch->pv.old_table) /* room for one */
        return -ERESTART;
    if (m.v != INVALID_MFN.v)
        rc = get_base(d, m, &f);
    if (rc)
        return rc;
    *slot = m;
    *(user ? &v->arch->pv.walked_table_user : &v->arch->pv.walked_table) = pv_walked_table(d, m);
    if (m.v != INVALID_MFN.v)
        show_m2p(d, m, m.v == v->arch->pv.guest_table.v);
    if (v == current) {
        if (!user)
            pv_load_cr3(v);
        tlb_flush_local(); /* the guest's user translations are global */
    }
    if (old.v == INVALID_MFN.v)
        return 0;
    f = mfn_to_frame(old);
    if (frame_put_type(f) == -ERESTART)
        v->arch->pv.old_table = f;
    else
        frame_put(f);
    return 0;
}

static bool change_pin(struct frame *f, bool pin)
{
    union frame_state s = { .raw = READ_ONCE(f->state.raw) }, n;

    do {
        if (s.pinned == pin || !s.allocated)
            return false;
        n = s;
        n.pinned = pin;
    } while (!__atomic_compare_exchange_n(&f->state.raw, &s.raw, n.raw, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    frame_dirtied(f); /* what is sent of a table tells whether it is pinned */
    return true;
}

int pv_pin(struct domain *d, mfn_t m, enum frame_type type)
{
    struct frame *f;
    int rc;

    if (mfn_is_io(m) || d->is_dying)
        return -EINVAL;
    f = mfn_to_frame(m);
    if (frame_get(f, d))
        return -EINVAL;
    /* The mark first: with it the domain cannot give the frame up meanwhile. */
    if (!change_pin(f, true)) {
        guest_printk(d, LOG_WARN, "may not pin frame %#lx: it is pinned, or was given up\n",
                     (unsigned long)m.v);
        frame_put(f);
        return -EINVAL;
    }
    rc = frame_get_type(f, type);
    if (rc == 0)
        return 0; /* the pin keeps reference and type */
    (void)!change_pin(f, false);
    frame_put(f);
    return rc;
}

static int unpin(struct vcpu *v, struct domain *d, mfn_t m)
{
    struct frame *f;

    if (mfn_is_io(m))
        return -EINVAL;
    f = mfn_to_frame(m);
    if (frame_get(f, d))
        return -EINVAL;
    if (!change_pin(f, false)) {
        frame_put(f);
        return -EINVAL;
    }
    frame_put(f);
    /* From here on the pin's own reference is ours to drop. */
    if (frame_put_type(f) == -ERESTART)
        v->arch->pv.old_table = f;
    else
        frame_put(f);
    return 0;
}

static int clear_or_copy(struct domain *d, mfn_t dst, bool copy, mfn_t src)
{
    struct frame *from = NULL, *to;
    int rc;

    if (mfn_is_io(dst) || (copy && mfn_is_io(src)))
        return -EINVAL;
    to = mfn_to_frame(dst);
    if (copy) {
        from = mfn_to_frame(src);
        if (frame_get(from, d))
            return -EINVAL;
    }
    rc = frame_get_writable(to, d);
    if (rc == 0) {
        if (copy)
            memcpy(mfn_to_virt(dst), mfn_to_virt(src), PAGE_SIZE);
        else
            memset(mfn_to_virt(dst), 0, PAGE_SIZE);
        frame_put_writable(to);
    }
    if (from)
        frame_put(from);
    return rc ? -EINVAL : 0;
}

static int flush(struct domain *d, const struct mmuext_op *op)
{
    cpumask_t mask;
    int rc = 0;

    switch (op->cmd) {
    case MMUEXT_TLB_FLUSH_LOCAL:
        tlb_flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        if (is_canonical(op->arg1.linear_addr))
            tlb_flush_page_local(op->arg1.linear_addr);
        return 0;
    case MMUEXT_TLB_FLUSH_ALL:
        tlb_flush_mask(&d->arch->pv.dirty_cpus);
        return 0;
    case MMUEXT_INVLPG_ALL:
        if (is_canonical(op->arg1.linear_addr))
            tlb_flush_page_mask(&d->arch->pv.dirty_cpus, op->arg1.linear_addr);
        return 0;
    default:
        rc = pv_vcpumask_to_cpus(d, guest_ptr(op->arg2.vcpumask), &mask);
        if (rc)
            return rc;
        if (op->cmd == MMUEXT_TLB_FLUSH_MULTI)
            tlb_flush_mask(&mask);
        else if (is_canonical(op->arg1.linear_addr))
            tlb_flush_page_mask(&mask, op->arg1.linear_addr);
        return 0;
    }
}

static void write_back(void *unused)
{
    (void)unused;
    __asm__ volatile("wbinvd" ::: "memory");
}

static int flush_cache(const struct domain *d, bool everywhere)
{
    /* Only who has devices can need it. */
    if (!d->arch->io_mem)
        return -EPERM;
    if (everywhere)
        smp_call(&cpu_online_mask, write_back, NULL);
    else
        write_back(NULL);
    return 0;
}

/* Operations on a vCPU's state, as opposed to frames, are only the caller's own. */
static bool is_about_self(unsigned int cmd)
{
    return cmd >= MMUEXT_NEW_BASEPTR && cmd != MMUEXT_CLEAR_PAGE && cmd != MMUEXT_COPY_PAGE;
}

static int do_one(struct vcpu *v, const struct mmuext_op *op, struct domain *pg_owner)
{
    struct domain *d = v->domain;
    mfn_t m = mfn(op->arg1.mfn);

    if (is_about_self(op->cmd) && pg_owner != d)
        return -EPERM;
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pv_pin(pg_owner, m, FRAME_L1 + op->cmd - MMUEXT_PIN_L1_TABLE);
    case MMUEXT_UNPIN_TABLE:
        return unpin(v, pg_owner, m);
    case MMUEXT_NEW_BASEPTR:
        return pv_set_base(v, m, false);
    case MMUEXT_NEW_USER_BASEPTR:
        return pv_set_base(v, m, true);
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
    case MMUEXT_TLB_FLUSH_ALL:
    case MMUEXT_INVLPG_ALL:
        return flush(d, op);
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return flush_cache(d, op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL);
    case MMUEXT_SET_LDT:
        return pv_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents);
    case MMUEXT_CLEAR_PAGE:
        return clear_or_copy(pg_owner, m, false, m);
    case MMUEXT_COPY_PAGE:
        return clear_or_copy(pg_owner, m, true, mfn(op->arg2.src_mfn));
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

long pv_mmuext_op(guest_ptr_t list, unsigned int count, guest_ptr_t done, unsigned int foreigndom)
{
    struct vcpu *v = current;
    struct domain *pg_owner;
    unsigned int i = 0, before = 0;
    int rc = pv_put_old_table(v);

    if (rc)
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, list.v, count, done.v, foreigndom);
    if (count & MMU_UPDATE_PREEMPTED) {
        count &= ~MMU_UPDATE_PREEMPTED;
        if (!guest_ptr_is_null(done) && copy_from_guest(&before, done, sizeof(before)))
            return -EFAULT;
    }
    rc = pv_get_pg_owner((domid_t)foreigndom, &pg_owner);
    if (rc)
        return rc;
    if (!pg_owner->arch || pg_owner->type != DOMAIN_PV) {
        pv_put_pg_owner(pg_owner);
        return -EINVAL;
    }
    while (i < count) {
        struct mmuext_op op;

        if (i && hypercall_preempt_check()) {
            rc = -ERESTART;
            break;
        }
        if (copy_from_guest(&op, guest_ptr_add(list, i * sizeof(op)), sizeof(op))) {
            rc = -EFAULT;
            break;
        }
        spin_lock(&pg_owner->arch->pv.lock);
        rc = do_one(v, &op, pg_owner);
        spin_unlock(&pg_owner->arch->pv.lock);
        if (rc)
            break;
        i++;
        if (v->arch->pv.old_table) {
            rc = -ERESTART;
            break;
        }
    }
    pv_put_pg_owner(pg_owner);
    before += i;
    if (!guest_ptr_is_null(done) && copy_to_guest(done, &before, sizeof(before)))
        rc = -EFAULT;
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, list.v + i * sizeof(struct mmuext_op),
                                  (count - i) | MMU_UPDATE_PREEMPTED, done.v, foreigndom);
    return rc;
}

int pv_new_base_pointer(struct vcpu *v, mfn_t table)
{
    int rc = pv_put_old_table(v);

    if (rc)
        return rc;
    spin_lock(&v->domain->arch->pv.lock);
    rc = pv_set_base(v, table, false);
    spin_unlock(&v->domain->arch->pv.lock);
    return rc;
}
