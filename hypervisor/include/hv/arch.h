/*
 * Everything that an architecture provides to core, in one list. Inline parts:
 *   arch/percpu.h     percpu_offset_self(), percpu_offset(), smp_processor_id(), CPU areas
 *   arch/irqflags.h   irq_disable(), irq_enable(), irq_save(), irq_restore(), irq_enabled()
 *   arch/processor.h  cpu_relax()
 * and the rest is here or declared by the area: smp.h (IPIs), time.h (now, delay_us),
 * guest_access.h, irq.h (pirq_*).
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include <hv/types.h>
#include <hv/domain.h>
#include <hv/frame.h>
#include <arch/irqflags.h>
#include <arch/processor.h>

/* ---- the story of the boot (core/init/main.c), in this order ---- */
void arch_init_memory(void);          /* direct map, frame table, buddy filled, W^X image */
void arch_init_traps(void);           /* IDT or vectors, faults caught from here on */
void arch_init_irq(void);             /* interrupt controllers, our own vectors */
void arch_init_time(void);            /* counters calibrated, now() works */
must_check int arch_start_dom0(void); /* build dom0 from the boot modules, unpause */
void arch_init_late(void);            /* once dom0 runs: gives init memory back; no init code */

/* ---- CPUs ---- */
must_check int
arch_cpu_up(unsigned int cpu); /* start it; -ETIMEDOUT if it does not come; -ENOMEM */
/* Stop a CPU, another one, that is in no pool. -ERESTART: call again; -EBUSY: it is needed. */
must_check int arch_cpu_down(unsigned int cpu);
void arch_cpu_idle(void);            /* interrupts off at entry; wait for one; on at exit */
noreturn void arch_idle_entry(void); /* become the idle loop on a clean stack */

/* ---- the hardware timer of this CPU ---- */
void arch_timer_set(s_time_t deadline); /* STIME_MAX: off; the past: at once */

/* ---- switching ---- */
/* Save prev, load next (either may be idle), call sched_context_saved(prev), continue in next on a
 * clean stack. prev == next is not passed. Called with interrupts off and `current` being next. */
noreturn void arch_context_switch(struct vcpu *prev, struct vcpu *next);
/* Resume `v`, current already, on a clean stack. */
noreturn void arch_continue_running(struct vcpu *v);

/* ---- mapping ---- */
/* Map physical memory or device registers for the hypervisor. NULL when out of space. */
enum map_type { MAP_CACHED, MAP_UNCACHED, MAP_READONLY };
must_check void *arch_map_phys(paddr_t start, size_t size, enum map_type type);
void arch_unmap(void *va, size_t size);

/* ---- domains ---- */
int arch_vcpu_initialise(struct vcpu *v, guest_ptr_t context); /* VCPUOP_initialise's argument */
void arch_vcpu_reset(struct vcpu *v);
/* VCPUOP_register_vcpu_time_memory_area: keep a copy of the time info there too (0: no more).
 * v is of the current domain. -EFAULT, -ENOSYS. */
must_check int arch_register_vcpu_time(struct vcpu *v, guest_ptr_t area);
must_check int arch_vcpu_send_nmi(struct vcpu *v); /* VCPUOP_send_nmi; -ENOSYS; any context */
/* VCPUOP_register_vcpu_info: map the guest's frame for good. */
must_check int arch_map_guest_frame(struct domain *d, gfn_t frame, mfn_t *out, void **va);
void arch_unmap_guest_frame(struct domain *d, mfn_t m, void *va);
long arch_memory_op(unsigned long cmd, guest_ptr_t arg); /* what core does not know */
/* Frame-table hooks: check the entries [*done, n) of a frame before it becomes `type`, taking what
 * they refer to; and release [0, *done) again, from the end. *done follows. -ERESTART: preempted.
 * The owner's LOCK_PV_MM is held. */
must_check int arch_frame_promote(struct frame *f, enum frame_type type, unsigned int *done);
must_check int arch_frame_demote(struct frame *f, enum frame_type type, unsigned int *done);
unsigned int arch_frame_entries(enum frame_type type);
/* The frame is the domain's gfn now (x86: the machine-to-physical table); INVALID_GFN: nobody's. */
void arch_frame_set_gfn(mfn_t m, gfn_t g);
gfn_t arch_frame_gfn(mfn_t m);
/* A dying domain's frame: finish partial states, undo the guest's pin. -ERESTART. */
must_check int arch_frame_relinquish(struct domain *d, struct frame *f);
/* No CPU may keep a translation of d's from before this call: a frame of it changes its use. */
void arch_tlb_sync(struct domain *d);
/* Grant mappings into the current PV vCPU's space. addr: a virtual address, or with
 * GNTMAP_contains_pte the machine address of the entry. flags: GNTMAP_*. The caller holds a
 * reference (and writable type unless read-only) on m for the mapping. -EINVAL: no such entry,
 * -ENXIO: entry holds something else (unmap). `new_addr`: GNTTABOP_unmap_and_replace, else 0. */
must_check int arch_grant_map(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags);
must_check int arch_grant_unmap(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags,
                                uint64_t new_addr);
/* The frame behind a domain's gfn, with a reference; PV: gfn is the mfn itself. -EPERM, -EINVAL. */
must_check int arch_get_guest_frame(struct domain *d, gfn_t frame, struct frame **out);
void arch_update_wallclock(struct domain *d);
void arch_update_vcpu_time(struct vcpu *v); /* vcpu_time_info, v current or paused */

/* ---- hypercalls ---- */
/* Set the current guest's registers so that it re-executes hypercall `op` with `nargs` arguments
 * when it next runs. */
void arch_hypercall_continue(unsigned int op, unsigned int nargs, const uint64_t *args);
/* What xen_version and vm_assist say of the architecture. */
struct arch_abi {
    const char *capabilities;    /* XENVER_capabilities: each name followed by a space */
    uint64_t virt_start;         /* XENVER_platform_parameters */
    unsigned long vm_assist_all; /* VMASST_TYPE_* bits that may be enabled */
    uint32_t (*features)(const struct domain *d); /* XENFEAT_* bits, without XENFEAT_dom0 */
};
extern const struct arch_abi arch_abi;

/* ---- the end ---- */
noreturn void arch_reboot(void);
noreturn void arch_halt(void);
noreturn void arch_poweroff_or_halt(void);

/* ---- diagnostics ---- */
void arch_dump_state(void);           /* registers, backtrace of this CPU */
void arch_dump_guest(struct vcpu *v); /* registers, stack, page walk */
uintptr_t arch_caller(void);

#endif
