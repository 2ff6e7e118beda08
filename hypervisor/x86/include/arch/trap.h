/* Exceptions, entries from guests, descriptor tables. */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#ifndef __ASSEMBLER__
#include <hv/domain.h>
#include <hv/percpu.h>
#include <arch/regs.h>
#endif

/* Selectors of our GDT page, which every guest's GDT ends with (public arch-x86/xen.h). The guest's
 * flat segments are part of the ABI; ours are beside them. */
#define HV_CS          0xe008
#define HV_DS          0xe010
#define GUEST_CS32     0xe023
#define GUEST_DS       0xe02b
#define GUEST_CS64     0xe033
#define HV_TSS         0xe040
#define HV_LDT         0xe050
#define GDT_PAGE_START 0xe000 /* offset of our page in the table */

/* `vector` of a frame that SYSCALL made: it may be left by SYSRET. */
#define TRAP_SYSCALL 0x100

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_BR  5
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_DF  8
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19

#define PFEC_PRESENT 0x1U
#define PFEC_WRITE   0x2U
#define PFEC_USER    0x4U
#define PFEC_RSVD    0x8U
#define PFEC_FETCH   0x10U

#ifndef __ASSEMBLER__

/* On each CPU: GDT, IDT, TSS with the exception stacks, SYSCALL and SYSENTER. */
void traps_init_cpu(void);
/* Replace the no-ops at the marked places by STAC and CLAC; before the image is read-only. */
void smap_patch(void);

DECLARE_PER_CPU(struct regs *, fatal_regs);

/* Is the frame from a guest (ring 3)? */
static inline bool from_guest(const struct regs *r)
{
    return r->cs & 3;
}

/* C side of entry.S. */
void trap_dispatch(struct regs *r);     /* every vector, interrupts off */
void trap_ist(struct regs *r);          /* NMI, #DF, #MC: on their own stacks */
void syscall_dispatch(struct regs *r);  /* SYSCALL from a guest */
void sysenter_dispatch(struct regs *r); /* SYSENTER from a guest */
void syscall32_dispatch(struct regs *r);
void exit_to_guest(void); /* before the registers are loaded; interrupts off at exit */

/* entry.S: continue in the guest of guest_regs(); abandon what is on the stack. */
noreturn void return_to_guest(void);
/* Abandon the stack and call fn, which does not return. */
noreturn void call_on_clean_stack(void (*fn)(void));
extern const char guest_iret[], guest_sysret[];

/* GDT, LDT and segment registers of a PV vCPU onto this CPU, and away. */
void desc_load_vcpu(struct vcpu *v);
void desc_load_idle(void);

#endif
#endif
