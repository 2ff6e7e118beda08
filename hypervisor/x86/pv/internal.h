/* Between the files of x86/pv. */
#ifndef X86_PV_INTERNAL_H
#define X86_PV_INTERNAL_H

#include <hv/domain.h>
#include <hv/frame.h>
#include <hv/guest_access.h>
#include <arch/domain.h>
#include <arch/page.h>
#include <arch/pv.h>

/* ---- traps.c, callback.c ---- */
/* Run the guest's code at `cb` next, as if interrupted where it is. */
enum bounce_kind {
    BOUNCE_EVENT,
    BOUNCE_SYSCALL,
    BOUNCE_FAILSAFE,
    BOUNCE_FAULT,
    BOUNCE_FAULT_ERROR
};
void pv_bounce(enum bounce_kind kind, uint64_t address, bool mask_events, uint32_t error);
long pv_iret(void);
long pv_set_trap_table(guest_ptr_t table);
long pv_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall);
long pv_callback_op(int cmd, guest_ptr_t arg);
long pv_nmi_op(unsigned int cmd, guest_ptr_t arg);
long pv_stack_switch(uint64_t ss, uint64_t sp);
long pv_set_segment_base(unsigned int which, uint64_t base);

/* ---- descriptor.c ---- */
long pv_set_gdt(guest_ptr_t frames, unsigned int entries);
long pv_update_descriptor(uint64_t maddr, uint64_t desc);
int pv_set_ldt(struct vcpu *v, uint64_t base, uint64_t entries);
int pv_load_gdt(struct vcpu *v, const uint64_t *frames, unsigned int entries);
void pv_release_gdt(struct vcpu *v);
void pv_release_ldt(struct vcpu *v);
int pv_check_descriptors(struct frame *f, unsigned int *done);

/* ---- entries.c: what a page-table entry may say, and what it holds ---- */
/* Software bit that marks a guest kernel's mapping. Guests' kernels run in ring 3, so every entry
 * is a user one to the CPU; what the guest itself calls user is global, to survive its system
 * calls. */
#define PTE_GUEST_KERNEL (1UL << 52)

static inline pte_t pv_adjust_l1(pte_t e)
{
    if (!(e & PTE_USER))
        e |= PTE_GUEST_KERNEL | PTE_USER;
    if (e & PTE_GUEST_KERNEL)
        e &= ~PTE_GLOBAL;
    else
        e |= PTE_GLOBAL;
    return e;
}

/* Memory type bits of an entry of level 1. */
#define PTE_UNCACHED (PTE_PWT | PTE_PCD | PTE_PSE)

/* Of level 1: the same frame, as writable and as cached as before. There is nothing to check or to
 * count, nor anything that a CPU may not go on remembering for as long as the frame is mapped. */
static inline bool pv_holds_the_same(pte_t old, pte_t new)
{
    return old & new &PTE_PRESENT && !((old ^ new) & (PTE_ADDR | PTE_WRITE | PTE_UNCACHED));
}

/* Entry of level 1-4 in d's tables; pg_owner owns what it maps (d, or who d maps by right). Takes
 * what it refers to and adjusts *e to what the hardware may see. */
must_check int pv_entry_get(pte_t *e, unsigned int level, struct domain *d,
                            struct domain *pg_owner);
/* d: whose table it was in; NULL: no CPU remembers the entry, or the caller sees to that.
 * -ERESTART: the child table is half released: call again. Level 1 never. */
must_check int pv_entry_put(pte_t e, unsigned int level, struct domain *d);
/* Which entry of an L4 a guest may set. */
static inline bool pv_l4_slot_is_guests(unsigned int i)
{
    return i < HV_SLOT_FIRST || i > HV_SLOT_LAST;
}
/* Some mapping changed or went: see arch_tlb_sync(). */
void pv_tlb_stale(struct domain *d);

/* ---- update.c ---- */
/* Replace the entry of a validated table by `new`. LOCK_PV_MM of d held. `how`: PV_UPDATE_*. */
must_check int pv_update_entry(struct vcpu *v, struct frame *table, unsigned int level,
                               unsigned int index, pte_t new, struct domain *pg_owner,
                               unsigned int how, pte_t *old);
#define PV_UPDATE_KEEP_AD   1U /* the accessed and dirty bits stay */
#define PV_UPDATE_CHECK_OLD 2U /* only if the entry is *old, else -EAGAIN */
#define PV_UPDATE_OLD_HELD  4U /* what it mapped is the caller's until the TLBs are flushed */
/* The L1 entry that maps va in v's current kernel tables, or NULL; *table: its frame. LOCK_PV_MM of
 * the domain is held, or the result is only a hint. */
pte_t *pv_l1_entry_unlocked(struct vcpu *v, uint64_t va, struct frame **table);
pte_t *pv_l1_entry(struct vcpu *v, uint64_t va, struct frame **table);
/* Finish releasing the table that an earlier operation of v's dropped. -ERESTART. */
must_check int pv_put_old_table(struct vcpu *v);
/* CPUs that run the vCPUs whose bits are set in the guest's bitmap. -EFAULT. */
must_check int pv_vcpumask_to_cpus(struct domain *d, guest_ptr_t bitmap, cpumask_t *mask);
long pv_mmu_update(guest_ptr_t list, unsigned int count, guest_ptr_t done, unsigned int foreigndom);
long pv_update_va_mapping(uint64_t va, uint64_t entry, uint64_t flags, domid_t pg_owner);

/* In the count of a list of updates that we continue: *done already counts the earlier ones. */
#define MMU_UPDATE_PREEMPTED (1U << 31)

/* Store `new` in an entry; *old matters with PV_UPDATE_CHECK_OLD, and becomes what was there. */
must_check int pv_store_entry(pte_t *entry, pte_t new, unsigned int how, pte_t *old);

/* ---- mirror.c, log_dirty.c: while what a domain writes is logged (pv.log is not NULL) ---- */
/* pv_store_entry() for an entry of a live table and its mirror. LOCK_PV_MM. */
must_check int pv_store_mirrored(struct domain *d, struct frame *table, unsigned int level,
                                 unsigned int index, pte_t new, unsigned int how, pte_t *old);
/* A frame becomes a table of a checked type; it is none any more. LOCK_PV_MM. */
void pv_mirror_table(struct domain *d, struct frame *f, enum frame_type type);
void pv_unmirror_table(struct domain *d, struct frame *f);
/* Set a hypervisor's slot of a live level-4 table, logged or not. LOCK_PV_MM. */
void pv_show_slot(struct domain *d, mfn_t l4, unsigned int slot, pte_t e);
/* What a CPU loads for the guest's table. LOCK_PV_MM. */
mfn_t pv_walked_table(struct domain *d, mfn_t l4);
/* Back to running on its own tables, with nothing logged. -ERESTART. */
must_check int pv_log_dirty_off(struct domain *d);

/* ---- mmuext.c ---- */
long pv_mmuext_op(guest_ptr_t list, unsigned int count, guest_ptr_t done, unsigned int foreigndom);
/* Whose pages: DOMID_SELF, DOMID_IO (device frames), or another's, or ours (DOMID_XEN), by the
 * control domain's right.
 * With a reference; -ESRCH, -EPERM. */
must_check int pv_get_pg_owner(domid_t id, struct domain **out);
void pv_put_pg_owner(struct domain *d);
extern struct domain pv_domain_io;  /* stands for DOMID_IO */
extern struct domain pv_domain_xen; /* for DOMID_XEN: of its frames, the `shared` ones, to read */
/* Keep a table validated, mapped or not. LOCK_PV_MM. */
must_check int pv_pin(struct domain *d, mfn_t m, enum frame_type type);
must_check int pv_set_base(struct vcpu *v, mfn_t m, bool user);

/* ---- domain.c ---- */
extern char pv_zero_page[PAGE_SIZE]; /* stands where a guest has no descriptors */
void pv_fill_l4(struct domain *d, pte_t *l4);
/* GDT and LDT area of a vCPU in its domain's slot. */
#define PV_AREA_PAGES 32 /* 16 of GDT, 16 of LDT */
static inline uint64_t pv_gdt_va(const struct vcpu *v)
{
    return PERDOMAIN_GDT_VIRT(v->id);
}
static inline uint64_t pv_ldt_va(const struct vcpu *v)
{
    return pv_gdt_va(v) + PERDOMAIN_LDT_OFFSET;
}

#endif
