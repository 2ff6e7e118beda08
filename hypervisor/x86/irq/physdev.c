/*
 * HYPERVISOR_physdev_op: what a domain asks of the machine's interrupt lines and devices. Each call
 * is decoded here (copied once, its numbers checked) and done by pirq.c, msi.c, ioapic.c or the PCI
 * driver. Called by the hypercall dispatcher with interrupts on and no lock held.
 */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/irq.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <arch/apic.h>
#include <arch/domain.h>
#include <arch/irq.h>
#include <arch/msi.h>
#include <xen/physdev.h>

#include "internal.h"

union physdev_args {
    struct physdev_eoi eoi;
    struct physdev_pirq_eoi_gmfn eoi_page;
    struct physdev_irq_status_query status;
    struct physdev_set_iopl iopl;
    struct physdev_set_iobitmap iobitmap;
    struct physdev_apic apic;
    struct physdev_irq irq;
    struct physdev_map_pirq map;
    struct physdev_unmap_pirq unmap;
    struct physdev_manage_pci pci;
    struct physdev_manage_pci_ext pci_ext;
    struct physdev_setup_gsi gsi;
    struct physdev_get_free_pirq free_pirq;
    struct physdev_pci_mmcfg_reserved mmcfg;
    struct physdev_pci_device_add add;
    struct physdev_pci_device device;
};

/* ---- end of interrupt ---- */

static int op_eoi(struct domain *d, union physdev_args *a)
{
    int rc = pirq_eoi(d, a->eoi.irq);

    if (!rc && d->arch->auto_unmask) {
        evtchn_port_t port = pirq_port(d, a->eoi.irq);

        if (port)
            rc = event_unmask(d, port);
    }
    return rc;
}

static int op_eoi_page_v1(struct domain *d, union physdev_args *a)
{
    return pirq_map_eoi_page(d, gfn(a->eoi_page.gmfn), true);
}

static int op_eoi_page_v2(struct domain *d, union physdev_args *a)
{
    return pirq_map_eoi_page(d, gfn(a->eoi_page.gmfn), false);
}

static int op_status(struct domain *d, union physdev_args *a)
{
    if (!d->irq || a->status.irq >= d->irq->nr_pirqs)
        return -EINVAL;
    a->status.flags = (pirq_needs_eoi(d, a->status.irq) ? XENIRQSTAT_needs_eoi : 0) |
                      (pirq_is_shared(d, a->status.irq) ? XENIRQSTAT_shared : 0);
    return 0;
}

/* ---- ports ---- */

static int op_iopl(struct domain *d, union physdev_args *a)
{
    (void)d;
    if (a->iopl.iopl > 3)
        return -EINVAL;
    current->arch->pv.iopl = a->iopl.iopl;
    return 0;
}

static int op_iobitmap(struct domain *d, union physdev_args *a)
{
    (void)d;
    if (a->iobitmap.nr_ports > 65536)
        return -EINVAL;
    current->arch->pv.io_bitmap = guest_ptr(a->iobitmap.bitmap.p);
    current->arch->pv.io_bitmap_ports = a->iobitmap.nr_ports;
    return 0;
}

/* ---- IO-APIC lines ---- */

static int op_apic_read(struct domain *d, union physdev_args *a)
{
    (void)d;
    return ioapic_read_register(a->apic.apic_physbase, a->apic.reg, &a->apic.value);
}

/* -EEXIST: it was set up before, or is in use. */
static int set_trigger(unsigned int gsi, bool level, bool active_low)
{
    struct irq_desc *desc;
    unsigned long flags;
    int rc = -EEXIST;

    if (gsi >= nr_gsis || !irq_desc[gsi].chip)
        return -EINVAL;
    desc = &irq_desc[gsi];
    flags = spin_lock_irqsave(&desc->lock);
    if (!desc->enabled && !desc->trigger_set) {
        desc->level = level;
        desc->active_low = active_low;
        desc->trigger_set = true;
        if (desc->vector)
            irq_program_gsi(desc);
        rc = 0;
    }
    spin_unlock_irqrestore(&desc->lock, flags);
    return rc;
}

/* Vectors and destinations are ours. What a redirection entry says of the line itself is heard, as
 * PHYSDEVOP_setup_gsi would be; nothing else may be written. */
static int op_apic_write(struct domain *d, union physdev_args *a)
{
    uint32_t value = a->apic.value;
    unsigned int gsi;
    bool high;
    int rc;

    (void)d;
    rc = ioapic_register_gsi(a->apic.apic_physbase, a->apic.reg, &gsi, &high);
    if (rc || high)
        return rc;
    rc = set_trigger(gsi, value >> 15 & 1, value >> 13 & 1);
    return rc == -EEXIST ? 0 : rc;
}

static int op_setup_gsi(struct domain *d, union physdev_args *a)
{
    (void)d;
    if (a->gsi.gsi < 0 || a->gsi.triggering > 1 || a->gsi.polarity > 1)
        return -EINVAL;
    return set_trigger((unsigned int)a->gsi.gsi, a->gsi.triggering, a->gsi.polarity);
}

static int op_alloc_vector(struct domain *d, union physdev_args *a)
{
    struct irq_desc *desc;
    unsigned long flags;
    int rc;

    (void)d;
    if (a->irq.irq >= nr_gsis || !irq_desc[a->irq.irq].chip)
        return -EINVAL;
    desc = &irq_desc[a->irq.irq];
    flags = spin_lock_irqsave(&desc->lock);
    rc = irq_setup_gsi(desc);
    a->irq.vector = desc->vector;
    spin_unlock_irqrestore(&desc->lock, flags);
    return rc;
}

static int op_free_vector(struct domain *d, union physdev_args *a)
{
    (void)d;
    return a->irq.irq < nr_gsis ? 0 : -EINVAL; /* a line keeps it */
}

/* ---- PIRQs ---- */

static pci_sbdf_t sbdf(unsigned int seg, unsigned int bus, unsigned int devfn)
{
    return (pci_sbdf_t){ .seg = (uint16_t)seg, .bus = (uint8_t)bus, .devfn = (uint8_t)devfn };
}

static int map_msi(struct domain *d, struct physdev_map_pirq *m)
{
    unsigned int seg = m->type == MAP_PIRQ_TYPE_MSI ? 0 : (unsigned int)m->bus >> 16;
    struct msi_request rq = {
        .dev = sbdf(seg, (unsigned int)m->bus & 0xff, (unsigned int)m->devfn),
        .table_base = m->table_base,
        .count = 1,
    };

    if (m->devfn < 0 || m->devfn > 0xff || m->entry_nr < 0)
        return -EINVAL;
    if (m->type == MAP_PIRQ_TYPE_MULTI_MSI) {
        rq.count = (unsigned int)m->entry_nr;
    } else {
        rq.msix = m->table_base != 0;
        rq.entry = (unsigned int)m->entry_nr;
    }
    return pirq_map_msi(d, &rq, &m->pirq);
}

static int map(struct domain *d, struct physdev_map_pirq *m)
{
    int rc;

    switch (m->type) {
    case MAP_PIRQ_TYPE_GSI:
        if (m->index < 0)
            return -EINVAL;
        return pirq_map_gsi(d, (unsigned int)m->index, &m->pirq);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        rc = map_msi(d, m);
        if (rc)
            guest_printk(d, LOG_WARN, "%04x:%02x:%02x.%d: no message-signalled interrupt: %d\n",
                         m->type == MAP_PIRQ_TYPE_MSI ? 0 : (unsigned int)m->bus >> 16,
                         (unsigned int)m->bus & 0xff, (unsigned int)m->devfn >> 3 & 31,
                         m->devfn & 7, rc);
        return rc;
    default:
        return -EINVAL;
    }
}

/* The domain that is meant, with a reference. Only the hardware domain gets here. */
static int op_map(struct domain *d, union physdev_args *a)
{
    struct domain *target = domain_get(a->map.domid);
    int rc;

    (void)d;
    if (!target)
        return -ESRCH;
    rc = map(target, &a->map);
    domain_put(target);
    return rc;
}

static int op_unmap(struct domain *d, union physdev_args *a)
{
    struct domain *target = domain_get(a->unmap.domid);
    int rc;

    (void)d;
    if (!target)
        return -ESRCH;
    rc = a->unmap.pirq < 0 ? -EINVAL : pirq_unmap(target, (unsigned int)a->unmap.pirq);
    domain_put(target);
    return rc;
}

static int op_free_pirq(struct domain *d, union physdev_args *a)
{
    int pirq;

    if (a->free_pirq.type != MAP_PIRQ_TYPE_GSI && a->free_pirq.type != MAP_PIRQ_TYPE_MSI)
        return -EINVAL;
    pirq = pirq_reserve(d, a->free_pirq.type == MAP_PIRQ_TYPE_MSI);
    if (pirq < 0)
        return pirq;
    a->free_pirq.pirq = (uint32_t)pirq;
    return 0;
}

/* ---- devices ---- */

static int op_manage_add(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_device_add(sbdf(0, a->pci.bus, a->pci.devfn));
}

static int op_manage_add_ext(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_device_add(sbdf(0, a->pci_ext.bus, a->pci_ext.devfn));
}

static int op_manage_remove(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_device_remove(sbdf(0, a->pci.bus, a->pci.devfn));
}

static int op_device_add(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_device_add(sbdf(a->add.seg, a->add.bus, a->add.devfn));
}

static int op_device_remove(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_device_remove(sbdf(a->device.seg, a->device.bus, a->device.devfn));
}

static int op_restore_msi(struct domain *d, union physdev_args *a)
{
    (void)d;
    return msi_restore(sbdf(0, a->pci.bus, a->pci.devfn));
}

static int op_restore_msi_ext(struct domain *d, union physdev_args *a)
{
    (void)d;
    return msi_restore(sbdf(a->device.seg, a->device.bus, a->device.devfn));
}

/* That a device's BARs stay (or may move again) only matters to who keeps its table mapped while
 * nothing uses it; we do not. What can be said is whether there is such a device. */
static int op_msix_resources(struct domain *d, union physdev_args *a)
{
    pci_sbdf_t dev = sbdf(a->device.seg, a->device.bus, a->device.devfn);

    (void)d;
    return pci_device_known(dev) && msi_has_msix(dev) ? 0 : -ENODEV;
}

static int op_mmcfg(struct domain *d, union physdev_args *a)
{
    (void)d;
    return pci_mmcfg_reserved(a->mmcfg.address, a->mmcfg.segment, a->mmcfg.start_bus,
                              a->mmcfg.end_bus, a->mmcfg.flags & XEN_PCI_MMCFG_RESERVED);
}

/* ---- dispatch ---- */

static const struct physdev_call {
    int (*fn)(struct domain *d, union physdev_args *a);
    uint8_t size;  /* of the argument */
    bool out;      /* is copied back */
    bool hardware; /* only for the domain that owns the machine */
} calls[] = {
#define CALL(number, function, member, is_out, is_hardware)                                        \
    [PHYSDEVOP_##                                                                                  \
        number] = { function, sizeof(((union physdev_args *)0)->member), is_out, is_hardware }
    CALL(irq_status_query, op_status, status, true, false),
    CALL(set_iopl, op_iopl, iopl, false, false),
    CALL(set_iobitmap, op_iobitmap, iobitmap, false, false),
    CALL(apic_read, op_apic_read, apic, true, true),
    CALL(apic_write, op_apic_write, apic, false, true),
    CALL(alloc_irq_vector, op_alloc_vector, irq, true, true),
    CALL(free_irq_vector, op_free_vector, irq, false, true),
    CALL(eoi, op_eoi, eoi, false, false),
    CALL(map_pirq, op_map, map, true, true),
    CALL(unmap_pirq, op_unmap, unmap, false, true),
    CALL(manage_pci_add, op_manage_add, pci, false, true),
    CALL(manage_pci_remove, op_manage_remove, pci, false, true),
    CALL(pirq_eoi_gmfn_v1, op_eoi_page_v1, eoi_page, false, false),
    CALL(restore_msi, op_restore_msi, pci, false, true),
    CALL(manage_pci_add_ext, op_manage_add_ext, pci_ext, false, true),
    CALL(setup_gsi, op_setup_gsi, gsi, false, true),
    CALL(get_free_pirq, op_free_pirq, free_pirq, true, false),
    CALL(pci_mmcfg_reserved, op_mmcfg, mmcfg, false, true),
    CALL(pci_device_add, op_device_add, add, false, true),
    CALL(pci_device_remove, op_device_remove, device, false, true),
    CALL(restore_msi_ext, op_restore_msi_ext, device, false, true),
    CALL(pirq_eoi_gmfn_v2, op_eoi_page_v2, eoi_page, false, false),
    CALL(prepare_msix, op_msix_resources, device, false, true),
    CALL(release_msix, op_msix_resources, device, false, true),
#undef CALL
    /* PHYSDEVOP_dbgp_op: no console of ours is an EHCI debug port. */
};

long do_physdev_op(int cmd, guest_ptr_t arg)
{
    const struct physdev_call *call;
    struct domain *d = current->domain;
    union physdev_args a = { 0 };
    int rc;

    if (cmd < 0 || (unsigned int)cmd >= ARRAY_SIZE(calls) || !calls[cmd].fn)
        return -ENOSYS;
    call = &calls[cmd];
    if (call->hardware && !d->is_hardware)
        return -EPERM;
    rc = copy_from_guest(&a, arg, call->size);
    if (rc)
        return rc;
    rc = call->fn(d, &a);
    if (rc >= 0 && call->out && copy_to_guest(arg, &a, call->size))
        rc = -EFAULT;
    return rc;
}
