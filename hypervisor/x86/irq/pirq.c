/*
 * A domain's physical interrupts: its PIRQ numbers, and their binding to event channels.
 *
 * A PIRQ number names an irq (a line or a message) in one domain; for dom0 and the GSIs the two are
 * the same number. The table changes under the domain's LOCK_PIRQ; who is bound stands in the
 * irq's descriptor, under its lock. Called by event channels (bind, unbind) and physdev.c, with no
 * other lock held and interrupts on.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/irq.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/time.h>
#include <arch/domain.h>
#include <arch/irq.h>
#include <arch/msi.h>
#include <arch/smp.h>

#include "internal.h"

/* ---- the table ---- */

static struct irq_desc *lookup(const struct domain *d, unsigned int pirq)
{
    unsigned int entry;

    if (!d->irq || pirq >= d->irq->nr_pirqs)
        return NULL;
    entry = READ_ONCE(d->irq->pirq[pirq]);
    return entry == PIRQ_FREE || entry == PIRQ_RESERVED ? NULL : &irq_desc[entry - 1];
}

/* LOCK_PIRQ held, for what follows too. */
static bool number_usable(const struct domain_irq *t, unsigned int pirq)
{
    return t->pirq[pirq] == PIRQ_FREE || t->pirq[pirq] == PIRQ_RESERVED;
}

static int find_irq(const struct domain_irq *t, unsigned int irq)
{
    for (unsigned int i = 0; i < t->nr_pirqs; i++) {
        if (t->pirq[i] == irq + 1)
            return (int)i;
    }
    return -ENOENT;
}

/* `count` free numbers in a row, from the top, above the GSIs. */
static int find_free(const struct domain_irq *t, unsigned int count)
{
    unsigned int n = 0;

    for (unsigned int i = t->nr_pirqs; i-- > nr_gsis;) {
        n = t->pirq[i] == PIRQ_FREE ? n + 1 : 0;
        if (n == count)
            return (int)i;
    }
    return -ENOSPC;
}

int pirq_map_gsi(struct domain *d, unsigned int gsi, int *pirq)
{
    struct domain_irq *t = d->irq;
    int rc = 0, there;

    if (!t || gsi >= nr_gsis || !irq_desc[gsi].chip ||
        (*pirq >= 0 && (unsigned int)*pirq >= t->nr_pirqs))
        return -EINVAL;
    spin_lock(&t->lock);
    there = find_irq(t, gsi);
    if (there >= 0)
        *pirq = there; /* mapping it again is no error, whatever number was asked for */
    else if (*pirq < 0)
        *pirq = (int)gsi;
    if (there < 0) {
        if (number_usable(t, (unsigned int)*pirq))
            WRITE_ONCE(t->pirq[*pirq], (uint16_t)(gsi + 1));
        else
            rc = -EEXIST;
    }
    spin_unlock(&t->lock);
    return rc;
}

int pirq_map_msi(struct domain *d, const struct msi_request *rq, int *pirq)
{
    struct domain_irq *t = d->irq;
    unsigned int count = 1;
    int irq, first;

    if (!t || rq->count == 0 || rq->count > 32)
        return -EINVAL;
    while (count < rq->count)
        count *= 2;
    spin_lock(&t->lock);
    if (*pirq < 0)
        first = find_free(t, count);
    else if (count == 1 && (unsigned int)*pirq < t->nr_pirqs &&
             number_usable(t, (unsigned int)*pirq))
        first = *pirq;
    else
        first = -EINVAL;
    irq = first < 0 ? first : msi_setup(rq);
    if (irq >= 0) {
        for (unsigned int i = 0; i < count; i++)
            WRITE_ONCE(t->pirq[(unsigned int)first + i], (uint16_t)((unsigned int)irq + i + 1));
        *pirq = first;
    }
    spin_unlock(&t->lock);
    return min(irq, 0);
}

static bool bound(const struct irq_desc *desc, const struct domain *d)
{
    for (unsigned int i = 0; i < desc->nr_guests; i++) {
        if (desc->guest[i].domain == d)
            return true;
    }
    return false;
}

int pirq_unmap(struct domain *d, unsigned int pirq)
{
    struct domain_irq *t = d->irq;
    struct irq_desc *desc;
    unsigned int irq, count = 1;
    int rc = 0;

    if (!t || pirq >= t->nr_pirqs)
        return -EINVAL;
    spin_lock(&t->lock);
    desc = lookup(d, pirq);
    if (!desc) {
        rc = t->pirq[pirq] == PIRQ_RESERVED ? 0 : -EINVAL;
        WRITE_ONCE(t->pirq[pirq], PIRQ_FREE);
        spin_unlock(&t->lock);
        return rc;
    }
    irq = irq_number(desc);
    if (irq >= nr_gsis)
        count = msi_count(irq);
    if (count == 0)
        rc = -EINVAL;
    /* Nothing new gets bound under us: pirq_bind() takes the table's lock. */
    for (unsigned int i = 0; i < count && !rc; i++) {
        if (bound(desc + i, d))
            rc = -EBUSY;
    }
    for (unsigned int i = 0; i < count && !rc; i++)
        WRITE_ONCE(t->pirq[pirq + i], PIRQ_FREE);
    if (!rc && irq >= nr_gsis)
        msi_teardown(irq);
    spin_unlock(&t->lock);
    return rc;
}

int pirq_reserve(struct domain *d, bool msi)
{
    struct domain_irq *t = d->irq;
    int pirq = -ENOSPC;

    if (!t)
        return -EINVAL;
    spin_lock(&t->lock);
    if (msi) {
        pirq = find_free(t, 1);
    } else {
        for (unsigned int i = 0; i < nr_gsis && pirq < 0; i++) {
            if (t->pirq[i] == PIRQ_FREE)
                pirq = (int)i;
        }
    }
    if (pirq >= 0)
        WRITE_ONCE(t->pirq[pirq], PIRQ_RESERVED);
    spin_unlock(&t->lock);
    return pirq;
}

/* ---- the page that tells the guest which PIRQs need an EOI ---- */

static void eoi_page_set(struct domain *d, unsigned int pirq, bool needed)
{
    unsigned long *map = __atomic_load_n(&d->arch->eoi_map, __ATOMIC_ACQUIRE);

    if (!map || pirq >= PAGE_SIZE * 8)
        return;
    if (needed)
        set_bit_atomic(pirq, map);
    else
        clear_bit_atomic(pirq, map);
}

int pirq_map_eoi_page(struct domain *d, gfn_t frame, bool auto_unmask)
{
    struct domain_irq *t = d->irq;
    mfn_t m;
    void *va;
    int rc;

    if (!t)
        return -EINVAL;
    rc = arch_map_guest_frame(d, frame, &m, &va);
    if (rc)
        return rc;
    spin_lock(&t->lock);
    if (d->arch->eoi_map) {
        spin_unlock(&t->lock);
        arch_unmap_guest_frame(d, m, va);
        return -EBUSY;
    }
    d->arch->eoi_map_mfn = m;
    d->arch->auto_unmask = auto_unmask;
    __atomic_store_n(&d->arch->eoi_map, va, __ATOMIC_RELEASE);
    for (unsigned int i = 0; i < t->nr_pirqs; i++)
        eoi_page_set(d, i, pirq_needs_eoi(d, i));
    spin_unlock(&t->lock);
    return 0;
}

/* ---- binding ---- */

/* Where v runs, if a device can reach it there. */
static uint16_t cpu_of(const struct vcpu *v, const struct irq_desc *desc)
{
    unsigned int cpu = READ_ONCE(v->cpu);

    return cpu_takes_device_irqs(cpu) ? (uint16_t)cpu : desc->wanted_cpu;
}

static int bind(struct irq_desc *desc, struct vcpu *v, unsigned int pirq, evtchn_port_t port,
                bool shareable)
{
    int rc;

    if (desc->handler || !desc->chip)
        return desc->handler ? -EBUSY : -EINVAL;
    if (desc->nr_guests == 0) {
        desc->wanted_cpu = cpu_of(v, desc);
        if (irq_number(desc) < nr_gsis) {
            rc = irq_setup_gsi(desc);
            if (rc)
                return rc;
        }
        irq_try_move(desc);
    }
    rc = irq_guest_add(desc, v->domain, pirq, port, shareable);
    if (rc)
        return rc == -EEXIST ? -EINVAL : rc;
    desc->enabled = true;
    if (irq_guest_ready(desc))
        irq_unmask(desc);
    return 0;
}

int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable)
{
    struct domain *d = v->domain;
    struct irq_desc *desc;
    unsigned long flags;
    int rc;

    if (!d->irq)
        return -EINVAL;
    spin_lock(&d->irq->lock);
    desc = lookup(d, pirq);
    if (!desc) {
        spin_unlock(&d->irq->lock);
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&desc->lock);
    rc = bind(desc, v, pirq, port, shareable);
    if (!rc)
        eoi_page_set(d, pirq, desc->level);
    spin_unlock_irqrestore(&desc->lock, flags);
    spin_unlock(&d->irq->lock);
    return rc;
}

/* Lock held. The line goes quiet with its last guest; else the others go on. */
static void unbind(struct irq_desc *desc, const struct domain *d, unsigned int pirq)
{
    if (!irq_guest_remove(desc, d, pirq))
        return;
    if (desc->nr_guests == 0) {
        desc->enabled = false;
        irq_mask(desc);
    } else if (irq_guest_ready(desc)) {
        irq_unmask(desc);
    }
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    struct irq_desc *desc = lookup(d, pirq);
    unsigned long flags;

    if (!desc)
        return;
    flags = spin_lock_irqsave(&desc->lock);
    unbind(desc, d, pirq);
    spin_unlock_irqrestore(&desc->lock, flags);
    eoi_page_set(d, pirq, false);
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    struct irq_desc *desc = lookup(d, pirq);
    unsigned long flags;

    if (!desc)
        return;
    flags = spin_lock_irqsave(&desc->lock);
    /* Moved when it next arrives; of several guests none decides. */
    if (desc->nr_guests == 1 && desc->guest[0].domain == d)
        desc->wanted_cpu = cpu_of(v, desc);
    spin_unlock_irqrestore(&desc->lock, flags);
}

int pirq_eoi(struct domain *d, unsigned int pirq)
{
    struct irq_desc *desc = lookup(d, pirq);
    unsigned long flags;
    bool was_bound;

    if (!desc)
        return -EINVAL;
    flags = spin_lock_irqsave(&desc->lock);
    was_bound = irq_guest_ack(desc, d, pirq);
    if (was_bound && irq_guest_ready(desc))
        irq_unmask(desc);
    spin_unlock_irqrestore(&desc->lock, flags);
    return was_bound ? 0 : -EINVAL;
}

bool pirq_needs_eoi(const struct domain *d, unsigned int pirq)
{
    const struct irq_desc *desc = lookup(d, pirq);

    return desc && READ_ONCE(desc->level);
}

bool pirq_is_shared(const struct domain *d, unsigned int pirq)
{
    const struct irq_desc *desc = lookup(d, pirq);

    return desc && READ_ONCE(desc->nr_guests) > 1;
}

evtchn_port_t pirq_port(const struct domain *d, unsigned int pirq)
{
    struct irq_desc *desc = lookup(d, pirq);
    evtchn_port_t port = 0;
    unsigned long flags;

    if (!desc)
        return 0;
    flags = spin_lock_irqsave(&desc->lock);
    for (unsigned int i = 0; i < desc->nr_guests; i++) {
        if (desc->guest[i].domain == d && desc->guest[i].pirq == pirq)
            port = desc->guest[i].port;
    }
    spin_unlock_irqrestore(&desc->lock, flags);
    return port;
}

/* ---- the part of a domain ---- */

static int part_init(struct domain *d)
{
    struct domain_irq *t;

    if (!d->is_hardware)
        return 0; /* no devices, no table: everything above says -EINVAL */
    t = hv_alloc_type(struct domain_irq);
    if (!t)
        return -ENOMEM;
    d->irq = t;
    spin_lock_init(&t->lock, LOCK_PIRQ);
    t->pirq = hv_alloc_array(uint16_t, nr_irqs);
    if (!t->pirq)
        return -ENOMEM;
    t->nr_pirqs = nr_irqs;
    return 0;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void release(struct domain *d, unsigned int pirq)
{
    const struct irq_desc *desc = lookup(d, pirq);
    unsigned int count = 1;
    int rc;

    if (desc && irq_number(desc) >= nr_gsis)
        count = max(msi_count(irq_number(desc)), 1U);
    for (unsigned int i = 0; i < count; i++)
        pirq_unbind(d, pirq + i);
    rc = pirq_unmap(d, pirq);
    ASSERT(rc != -EBUSY); /* -EINVAL: nothing was mapped there */
}

static int part_teardown(struct domain *d)
{
    struct domain_irq *t = d->irq;
    cpumask_t all = cpu_online_mask;

    if (!t || !t->nr_pirqs)
        return 0;
    for (unsigned int i = 0; i < t->nr_pirqs; i++)
        release(d, i);
    t->nr_pirqs = 0;
    if (d->arch->eoi_map) {
        arch_unmap_guest_frame(d, d->arch->eoi_map_mfn, d->arch->eoi_map);
        d->arch->eoi_map = NULL;
    }
    /* An interrupt that was on its way to this domain has now been told everywhere. */
    smp_call(&all, nothing, NULL);
    return 0;
}

static void part_free(struct domain *d)
{
    if (d->irq)
        hv_free(d->irq->pirq);
    hv_free(d->irq);
    d->irq = NULL;
}

const struct domain_part irq_part = {
    .name = "physical interrupts",
    .init = part_init,
    .teardown = part_teardown,
    .free = part_free,
};

/* ---- debug key ---- */

static void print_line(unsigned int irq)
{
    struct irq_desc *desc = &irq_desc[irq];
    struct irq_desc copy;
    char device[40];
    unsigned long flags;

    flags = spin_lock_irqsave(&desc->lock);
    copy = *desc;
    spin_unlock_irqrestore(&desc->lock, flags);
    if (!copy.vector)
        return;
    msi_describe(irq, device, sizeof(device));
    printk_raw("irq %3u: %s%s, vector 0x%02x on CPU %u, %s%s%s, %lu taken", irq,
               copy.chip ? copy.chip->name : "?", device, copy.vector, copy.cpu,
               copy.level ? "level" : "edge", copy.masked ? ", masked" : "",
               copy.throttled ? ", throttled" : "", (unsigned long)copy.count);
    if (copy.storms)
        printk_raw(", %lu storms", (unsigned long)copy.storms);
    if (copy.handler)
        printk_raw("; hypervisor: %s", copy.name);
    for (unsigned int i = 0; i < copy.nr_guests; i++)
        printk_raw("; d%u pirq %u port %u%s", copy.guest[i].domain->id, copy.guest[i].pirq,
                   copy.guest[i].port, copy.guest[i].unacked ? " (no EOI yet)" : "");
    printk_raw("\n");
}

void irq_print(void)
{
    unsigned int cpu;

    for (unsigned int irq = 0; irq < nr_irqs; irq++)
        print_line(irq);
    for_each_online_cpu (cpu)
        printk_raw("CPU %u uses %u vectors\n", cpu, vectors_used(cpu));
}
KEY_HANDLER(irqs, 'i', irq_print, "print interrupts and who has them");
