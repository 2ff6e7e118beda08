/*
 * What core asks of an architecture that runs guests, answered by one that does not yet: the boot
 * ends in arch_init_irq() with a sentence, so that nothing below it is reached. What can say so to
 * its caller returns -ENOSYS; the rest is a panic that names itself. As arm64 grows, functions
 * move from here to where they are done.
 */
#include <hv/arch.h>
#include <hv/control.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/irq.h>
#include <hv/mem.h>
#include <hv/numa.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/smp.h>

#define ABSENT() panic("arm64 has no %s() yet, and nothing should have called it", __func__)

/* ---- the boot ---- */

void arch_init_memory(void)
{
    printk(LOG_DEBUG, "The memory stays as it is: there is nobody to give it to yet.\n");
}

void arch_init_irq(void)
{
    printk(LOG_ERR, "arm64 guests are not there yet: stopping.\n");
    arch_halt();
}

void arch_init_time(void)
{
    ABSENT();
}

int arch_start_dom0(void)
{
    return -ENOSYS;
}

void arch_init_late(void)
{
    ABSENT();
}

/* ---- CPUs ---- */

void smp_boot_secondaries(void)
{
    ABSENT();
}

int arch_cpu_up(unsigned int cpu)
{
    (void)cpu;
    return -ENOSYS;
}

int arch_cpu_down(unsigned int cpu)
{
    (void)cpu;
    return -ENOSYS;
}

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    (void)cpu, (void)ipi;
    ABSENT();
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    (void)mask, (void)fn, (void)arg;
    ABSENT();
}

/* There are no others to stop. */
void smp_stop_others(void)
{
}

void arch_cpu_idle(void)
{
    wait_for_interrupt(); /* wakes for a masked interrupt, too */
    irq_enable();
}

void arch_idle_entry(void)
{
    ABSENT();
}

void arch_timer_set(s_time_t deadline)
{
    (void)deadline;
    ABSENT();
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    (void)prev, (void)next;
    ABSENT();
}

/* ---- the frame table: there is none, so that no frame is in it ---- */

uint64_t max_mfn;

bool mfn_valid(mfn_t m)
{
    (void)m;
    return false;
}

struct frame *mfn_to_frame(mfn_t m)
{
    (void)m;
    ABSENT();
}

mfn_t frame_to_mfn(const struct frame *f)
{
    (void)f;
    ABSENT();
}

void *mfn_to_virt(mfn_t m)
{
    (void)m;
    ABSENT();
}

mfn_t virt_to_mfn(const void *p)
{
    (void)p;
    ABSENT();
}

unsigned int mfn_to_node(mfn_t m)
{
    (void)m;
    return 0;
}

unsigned int numa_distance(unsigned int from, unsigned int to)
{
    (void)from, (void)to;
    ABSENT();
}

int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type, (void)done;
    return -ENOSYS;
}

int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done)
{
    (void)f, (void)type, (void)done;
    ABSENT();
}

/* No type has contents to check. */
unsigned int arch_frame_entries(enum frame_type type)
{
    (void)type;
    return 0;
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    (void)m, (void)g;
    ABSENT();
}

gfn_t arch_frame_gfn(mfn_t m)
{
    (void)m;
    ABSENT();
}

void arch_frame_dirtied(const struct frame *f)
{
    (void)f;
    ABSENT();
}

int arch_frame_relinquish(struct domain *d, struct frame *f)
{
    (void)d, (void)f;
    ABSENT();
}

void arch_tlb_sync(struct domain *d)
{
    (void)d;
    ABSENT();
}

/* ---- guests' memory ---- */

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    (void)dst, (void)src, (void)size;
    return -EFAULT;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    (void)dst, (void)src, (void)size;
    return -EFAULT;
}

int clear_guest(guest_ptr_t dst, size_t size)
{
    (void)dst, (void)size;
    return -EFAULT;
}

int arch_map_guest_frame(struct domain *d, gfn_t frame, mfn_t *out, void **va)
{
    (void)d, (void)frame, (void)out, (void)va;
    return -ENOSYS;
}

void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va)
{
    (void)d, (void)m, (void)va;
    ABSENT();
}

int arch_get_guest_frame(struct domain *d, gfn_t frame, struct frame **out)
{
    (void)d, (void)frame, (void)out;
    return -ENOSYS;
}

int arch_grant_map(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags)
{
    (void)v, (void)addr, (void)m, (void)flags;
    return -ENOSYS;
}

int arch_grant_unmap(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags, uint64_t new_addr)
{
    (void)v, (void)addr, (void)m, (void)flags, (void)new_addr;
    return -ENOSYS;
}

long arch_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    (void)cmd, (void)arg;
    return -ENOSYS;
}

/* ---- domains and their calls ---- */

static int no_domain(struct domain *d)
{
    (void)d;
    return -ENOSYS;
}

static uint32_t no_features(const struct domain *d)
{
    (void)d;
    return 0;
}

const struct domain_part arch_part = { .name = "arm64", .init = no_domain };
const struct domain_part irq_part = { .name = "interrupts", .init = no_domain };
const struct hypercall arch_hypercalls[NR_HYPERCALLS];
const struct arch_abi arch_abi = { .capabilities = "", .features = no_features };

const struct sysctl arch_sysctls[NR_SYSCTLS];
const struct domctl arch_domctls[NR_DOMCTLS];

void arch_cpu_place(unsigned int cpu, struct cpu_place *out)
{
    (void)cpu, (void)out;
    ABSENT();
}

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    (void)info;
    ABSENT();
}

int arch_domain_configure(struct domain *d, const struct xen_arch_domainconfig *config)
{
    (void)d, (void)config;
    return -ENOSYS;
}

int arch_vcpu_initialise(struct vcpu *v, guest_ptr_t context)
{
    (void)v, (void)context;
    return -ENOSYS;
}

int arch_register_vcpu_time(struct vcpu *v, guest_ptr_t area)
{
    (void)v, (void)area;
    return -ENOSYS;
}

int arch_vcpu_send_nmi(struct vcpu *v)
{
    (void)v;
    return -ENOSYS;
}

void arch_update_wallclock(struct domain *d)
{
    (void)d;
    ABSENT();
}

void arch_hypercall_continue(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    (void)op, (void)nargs, (void)args;
    ABSENT();
}

void arch_dump_guest(struct vcpu *v)
{
    (void)v;
    printk_raw("arm64 has no guests yet.\n");
}

/* ---- interrupts ---- */

int pirq_bind(struct vcpu *v, unsigned int pirq, evtchn_port_t port, bool shareable)
{
    (void)v, (void)pirq, (void)port, (void)shareable;
    return -ENOSYS;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d, (void)pirq;
    ABSENT();
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
    ABSENT();
}

long do_physdev_op(int cmd, guest_ptr_t arg)
{
    (void)cmd, (void)arg;
    return -ENOSYS;
}

/* ---- PCI: no bus is looked at yet ---- */

bool pci_device_known(pci_sbdf_t dev)
{
    (void)dev;
    return false;
}
