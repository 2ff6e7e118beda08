/*
 * The PV side of the library, for guests that exercise the PV interface itself: machine frames,
 * page tables, descriptor tables, user mode.
 */
#ifndef LIB_PV_H
#define LIB_PV_H

#include "guest.h"

#define VIRT_BASE  0xffffffff80000000ul
#define STACK_SIZE 16384ul

#define PTE_P     0x1ul
#define PTE_RW    0x2ul
#define PTE_US    0x4ul
#define PTE_PWT   0x8ul
#define PTE_PCD   0x10ul
#define PTE_A     0x20ul
#define PTE_D     0x40ul
#define PTE_PSE   0x80ul
#define PTE_G     0x100ul
#define PTE_AVAIL 0xe00ul
#define PTE_NX    (1ul << 63)
#define PTE_FRAME 0x000ffffffffff000ul
/* A leaf and a table entry as this library writes them. */
#define PTE_LEAF    (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PTE_LEAF_RO (PTE_P | PTE_US | PTE_A)
#define PTE_TABLE   (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

#define VECTOR_SYSCALL   0x100
#define VECTOR_UPCALL    0x101
#define VECTOR_FAILSAFE  0x102
#define VECTOR_SYSENTER  0x103
#define VECTOR_SYSCALL32 0x104
#define VECTORS          0x105

#define KERNEL_CS (FLAT_KERNEL_CS & ~3ul) /* as frames name it: RPL 0 means the guest's kernel */
#define KERNEL_SS FLAT_KERNEL_SS
#define USER_CS   FLAT_USER_CS
#define USER_SS   FLAT_USER_SS
#define RFLAGS_IF 0x200ul

typedef uint64_t pte_t;

extern struct start_info *start_info;
extern char vector_stubs[], syscall_stub[], sysenter_stub[], syscall32_stub[], upcall_stub[],
    failsafe_stub[], nmi_stub[];

/* memory.c */
unsigned long pfn_to_mfn(unsigned long pfn);
unsigned long mfn_to_pfn(unsigned long mfn);
unsigned long virt_to_mfn(const void *address);
void *mfn_to_virt(unsigned long mfn);
unsigned long machine_frames(void);   /* frames of RAM: all numbers are below */
bool is_own_frame(unsigned long mfn); /* the guest was started with it; below machine_frames() */
void memory_init(uint64_t boot_rsp);

/*
 * pagetable.c. Level 1 is the table whose entries map 4 KiB. pte_of() gives the entry of that level
 * for an address in the running (kernel) tables, NULL if a table above is missing; the entry is
 * readable, not writable. Functions returning long pass on the hypervisor's answer.
 */
static inline pte_t make_pte(unsigned long mfn, uint64_t flags)
{
    return (pte_t)mfn << PAGE_SHIFT | flags;
}
static inline unsigned long pte_mfn(pte_t pte)
{
    return (pte & PTE_FRAME) >> PAGE_SHIFT;
}
static inline unsigned int pte_index(uint64_t va, int level)
{
    return va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
}
pte_t *pte_of(uint64_t va, int level);
uint64_t pte_machine(uint64_t va, int level);
unsigned long root_mfn(void);
long mmu_update(struct mmu_update *updates, unsigned int count, unsigned int *done);
long mmu_write(uint64_t machine_address, uint64_t value);
long mmuext(unsigned int command, unsigned long mfn);
long mmuext_ops(struct mmuext_op *ops, unsigned int count, unsigned int *done);
long update_va(uint64_t va, pte_t pte, unsigned long flags);
long page_protect(void *page, uint64_t flags); /* remaps a library page with these flags */
void map_page(uint64_t va, pte_t pte);         /* bails out if refused; makes tables as needed */
void ensure_tables(uint64_t va);               /* tables down to level 1, in the running tables */
bool make_table(void *page);                   /* zero it and make it read-only */

/* user.c: user_run() continues in the given registers in user mode and returns the exit. */
void user_init(void);
void *user_map(uint64_t va, const void *code, size_t length); /* a page seen by both modes */
struct fault user_run(struct frame *registers);
struct fault user_run_at(struct frame *registers); /* with the selectors and flags given */
#define USER_CODE  0x400000ul
#define USER_STACK 0x600000ul

/* traps.c */
void traps_init(void);
void traps_fill(struct trap_info *table); /* 257 entries */
struct frame *last_fault_frame(void);     /* registers at the last fault that was caught */
uint64_t try_stack(void);                 /* stack pointer of the innermost try_call() */
_Noreturn void resume(struct frame *frame);
void vcpus_init(void);

static inline long set_trap_table(struct trap_info *table)
{
    return hypercall1(__HYPERVISOR_set_trap_table, (unsigned long)table);
}

static inline long stack_switch(uint64_t ss, uint64_t rsp)
{
    return hypercall2(__HYPERVISOR_stack_switch, ss, rsp);
}

static inline long set_segment_base(unsigned int which, uint64_t base)
{
    return hypercall2(__HYPERVISOR_set_segment_base, which, base);
}

static inline long fpu_taskswitch(unsigned int set)
{
    return hypercall1(__HYPERVISOR_fpu_taskswitch, set);
}

long callback_register(unsigned int type, unsigned int flags, uint64_t address);

#endif
