/*
 * What x86 keeps for a domain and a vCPU. A vCPU's fields are its own CPU's while it runs, else
 * whoever has it paused.
 */
#ifndef ARCH_DOMAIN_H
#define ARCH_DOMAIN_H

#include <hv/domain.h>
#include <hv/frame.h>
#include <arch/guest_tsc.h>
#include <arch/regs.h>

/* Of a guest's MCG_CAP: how many banks, and which registers and abilities (Intel SDM 3B 16.3.1.1).
 */
#define MCG_CAP_BANKS 0xffUL
#define MCG_BANKS_MAX 32U
#define MCG_CAP_CTL   (1UL << 8)
#define MCG_CAP_LMCE  (1UL << 27)
#define MCG_CAP_KNOWN (MCG_CAP_BANKS | MCG_CAP_CTL | 1UL << 11 | 1UL << 24 | MCG_CAP_LMCE)

#define PV_GDT_FRAMES 14 /* FIRST_RESERVED_GDT_PAGE: the 15th page is ours */

struct cpu_policy; /* x86/cpu/policy.h: what CPUID and the MSRs show */

struct pv_callback {
    uint64_t address;
    bool mask_events; /* deliver with evtchn_upcall_mask set */
};

struct pv_vcpu {
    struct trap_info *traps; /* [256] */
    struct pv_callback event, failsafe, syscall, syscall32, sysenter;
    uint16_t syscall32_cs, sysenter_cs; /* kept for the guest's next machine: they mean nothing */
    bool kernel_mode;                   /* in the guest's kernel, else in its user */
    uint64_t kernel_ss, kernel_sp;

    mfn_t guest_table, guest_table_user; /* L4s, each with a type reference; user may be INVALID */
    mfn_t walked_table, walked_table_user; /* what the CPU loads for them: see pv_walked_table() */
    struct frame *old_table;               /* dropped, still being released: pv_put_old_table() */
    mfn_t gdt_frame[PV_GDT_FRAMES];
    unsigned int nr_gdt_frames, gdt_entries;
    uint64_t ldt_base;
    unsigned int ldt_entries;

    uint64_t cr0, cr4;                              /* the guest's view; CR0.TS virtual */
    uint64_t fs_base, gs_base_kernel, gs_base_user; /* while not running */
    uint16_t ds, es, fs, gs;                        /* selectors, while not running */
    uint64_t dr[8];                                 /* DR0-3, 6, 7: checked values */

    unsigned int iopl;     /* 0-3, as PHYSDEVOP_set_iopl gave it */
    guest_ptr_t io_bitmap; /* PHYSDEVOP_set_iobitmap */
    unsigned int io_bitmap_ports;
};

struct arch_vcpu {
    struct regs regs; /* while not running; else on top of the CPU's stack */
    struct pv_vcpu pv;

    void *xsave;         /* FPU state, 64-byte aligned; while not running */
    uint64_t xcr0;       /* the guest's; 0 until it set it */
    uint64_t xcr0_accum; /* all bits it ever had */
    uint64_t tsc_aux;
    uint64_t misc_features; /* MSR_MISC_FEATURES_ENABLES: CPUID faulting of its user */
    /* Machine-check banks, if it has seen some on another machine. */
    uint64_t mcg_cap, mci_ctl2[2], mcg_ext_ctl;

    struct vcpu_time_info time; /* last published */
    guest_ptr_t time_area;      /* VCPUOP_register_vcpu_time_memory_area; 0: none */
    bool time_stale;            /* the counter that it was stamped with is another now */
    bool time_area_stale;       /* could not be written yet */
    void *perdomain_l1;         /* its GDT and LDT page-table entries */
};

struct range_set;  /* hv/range_set.h */
struct memory_map; /* x86/mm/memory_map.c */

struct pv_domain {
    spinlock_t lock; /* LOCK_PV_MM: this domain's page-table contents */
    mfn_t perdomain_l3;
    struct log_dirty *log;     /* while what it writes is logged (pv/log_dirty.h), else NULL */
    struct log_dirty *old_log; /* on its way out; LOCK_DOMCTL */
    /* Translations that may be stale: mappings changed so far, and how many of those changes every
     * CPU is known to have seen; atomic. See arch_tlb_sync(). */
    uint64_t tlb_stale, tlb_seen;
    cpumask_t dirty_cpus; /* CPUs with one of its page tables loaded */
    /* The same of mappings of its frames that went from other domains' tables, and the CPUs that
     * may remember those: only ever more of them. */
    uint64_t foreign_stale, foreign_seen;
    cpumask_t foreign_cpus;
};

struct arch_domain {
    struct pv_domain pv;
    struct cpu_policy *policy;
    struct guest_tsc tsc;
    struct range_set *io_ports;    /* that it may access */
    struct range_set *io_mem;      /* frames outside RAM that it may map */
    struct memory_map *memory_map; /* what it is told of its memory; LOCK_DOMAIN */
    mfn_t eoi_map_mfn;
    unsigned long *eoi_map;
    uint32_t pci_cf8; /* the guest's address latch */
    uint8_t cmos_index;
    bool msr_relaxed; /* unknown MSRs read as 0 and take any value, if the CPU has them */
    bool auto_unmask; /* PHYSDEVOP_pirq_eoi_gmfn_v1: EOI unmasks the port */
};

#endif
