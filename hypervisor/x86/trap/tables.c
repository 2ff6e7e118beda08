/*
 * Descriptor tables: the IDT that all CPUs share, each CPU's page of segment descriptors and TSS,
 * and the SYSCALL MSRs. Each CPU's page is mapped as the 15th page of the GDT of whichever PV vCPU
 * runs there, and of its own table when none does. Intel SDM 3A 3.4.5, 6.14, 7.7.
 */
#include <hv/percpu.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/domain.h>
#include <arch/page.h>
#include <arch/processor.h>
#include <arch/trap.h>

#define NR_VECTORS          256
#define GDT_ENTRY(selector) (((selector)-GDT_PAGE_START) >> 3)

struct idt_entry {
    uint16_t offset_lo, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_hi, reserved;
};

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map;
} packed;

struct table_ptr {
    uint16_t limit;
    uint64_t base;
} packed;

_Static_assert(sizeof(struct tss) == 104, "SDM 3A figure 7-11");

extern const char vector_entries[], syscall_stubs[], syscall32_stubs[], sysenter_entry[];

static struct idt_entry idt[NR_VECTORS] aligned_to(4096);
/* The hypervisor's page of the GDT: at the start of the per-CPU data, page-aligned. */
DEFINE_PER_CPU(uint64_t, gdt_page)[PAGE_SIZE / sizeof(uint64_t)] aligned_to(4096);
static DEFINE_PER_CPU(struct tss, tss);

enum ist { IST_NONE, IST_NMI, IST_DB, IST_MC, IST_DF };

static void set_gate(unsigned int vector, unsigned int dpl, enum ist ist)
{
    uint64_t entry = (uint64_t)(uintptr_t)vector_entries + vector * 16;

    idt[vector] = (struct idt_entry){
        .offset_lo = (uint16_t)entry,
        .offset_mid = (uint16_t)(entry >> 16),
        .offset_hi = (uint32_t)(entry >> 32),
        .selector = HV_CS,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | dpl << 5), /* interrupt gate */
    };
}

static void build_idt(void)
{
    for (unsigned int v = 0; v < NR_VECTORS; v++)
        set_gate(v, 0, IST_NONE);
    /* What a guest's user may raise itself: INT3, INTO, and Linux's and Xen's old gates. */
    set_gate(TRAP_BP, 3, IST_NONE);
    set_gate(TRAP_OF, 3, IST_NONE);
    set_gate(0x80, 3, IST_NONE);
    /* A debug trap held back by MOV SS arrives at SYSCALL's first instruction, still on the guest's
     * stack pointer: it must not use that. */
    set_gate(TRAP_DB, 0, IST_DB);
    set_gate(TRAP_NMI, 0, IST_NMI);
    set_gate(TRAP_DF, 0, IST_DF);
    set_gate(TRAP_MC, 0, IST_MC);
}

static void set_system(uint64_t *gdt, unsigned int selector, uint64_t base, uint32_t limit,
                       unsigned int type)
{
    gdt[GDT_ENTRY(selector)] = (limit & 0xffff) | (base & 0xffffff) << 16 |
                               (uint64_t)(0x80 | type) << 40 | (uint64_t)(limit >> 16 & 0xf) << 48 |
                               (base >> 24 & 0xff) << 56;
    gdt[GDT_ENTRY(selector) + 1] = base >> 32;
}

static void build_gdt(unsigned int cpu)
{
    uint64_t *gdt = this_cpu(gdt_page), area = cpu_area(cpu);
    struct tss *t = &this_cpu(tss);

    gdt[GDT_ENTRY(HV_CS)] = 0x00af9b000000ffff;
    gdt[GDT_ENTRY(HV_DS)] = 0x00cf93000000ffff;
    gdt[GDT_ENTRY(GUEST_CS32)] = 0x00cffb000000ffff;
    gdt[GDT_ENTRY(GUEST_DS)] = 0x00cff3000000ffff;
    gdt[GDT_ENTRY(GUEST_CS64)] = 0x00affb000000ffff;
    t->rsp[0] = area + CPU_AREA_SIZE;
    t->ist[IST_NMI - 1] = area + CPU_NMI_STACK;
    t->ist[IST_DB - 1] = area + CPU_DB_STACK;
    t->ist[IST_DF - 1] = area + CPU_DF_STACK;
    t->ist[IST_MC - 1] = area + CPU_MC_STACK;
    t->io_map = sizeof(*t); /* no I/O port is free to a guest */
    set_system(gdt, HV_TSS, (uint64_t)(uintptr_t)t, sizeof(*t) - 1, 9);
}

/* Selectors are offsets into a table that begins GDT_PAGE_START before our page; what is before
 * the page is never read, since no selector below it is loaded outside guests. */
void desc_load_idle(void)
{
    struct table_ptr gdtr = {
        .limit = GDT_PAGE_START + PAGE_SIZE - 1,
        .base = (uint64_t)(uintptr_t)this_cpu(gdt_page) - GDT_PAGE_START,
    };

    __asm__ volatile("lgdt %0\n\tlldt %w1" ::"m"(gdtr), "r"(0));
}

/* The vCPU's table ends with this CPU's page; its LDT's descriptor is there. */
void desc_load_vcpu(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->arch->pv;
    pte_t *area = v->arch->perdomain_l1;
    struct table_ptr gdtr = { GDT_PAGE_START + PAGE_SIZE - 1, PERDOMAIN_GDT_VIRT(v->id) };
    uint64_t ldt = gdtr.base + PERDOMAIN_LDT_OFFSET;

    area[GDT_PAGE_START >> PAGE_SHIFT] =
        pte_make(mapped_mfn((uint64_t)(uintptr_t)this_cpu(gdt_page)), HV_DATA & ~PTE_GLOBAL);
    tlb_flush_page_local(gdtr.base + GDT_PAGE_START);
    if (pv->ldt_entries)
        set_system(this_cpu(gdt_page), HV_LDT, ldt, pv->ldt_entries * 8 - 1, 2);
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    __asm__ volatile("lldt %w0" ::"r"(pv->ldt_entries ? HV_LDT : 0) : "memory");
}

static void load_segments(void)
{
    __asm__ volatile("push %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\tmov %1, %%ss\n\t"
                     "mov %2, %%ds\n\tmov %2, %%es\n\tmov %2, %%fs\n\tmov %2, %%gs\n\t"
                     "ltr %w3" ::"i"(HV_CS),
                     "r"(HV_DS), "r"(0), "r"(HV_TSS)
                     : "rax", "memory");
}

static void init_syscall(unsigned int cpu)
{
    wrmsr(MSR_STAR, (uint64_t)HV_CS << 32 | (uint64_t)GUEST_CS32 << 48);
    wrmsr(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_stubs + cpu * 32);
    wrmsr(MSR_CSTAR, (uint64_t)(uintptr_t)syscall32_stubs + cpu * 32);
    wrmsr(MSR_SYSCALL_MASK, EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_RF |
                                EFLAGS_IOPL | EFLAGS_VM);
    if (cpu_has(X86_SEP)) {
        wrmsr(MSR_SYSENTER_CS, HV_CS);
        wrmsr(MSR_SYSENTER_ESP, cpu_area(cpu) + CPU_AREA_SIZE);
        wrmsr(MSR_SYSENTER_EIP, (uint64_t)(uintptr_t)sysenter_entry);
    }
}

void traps_init_cpu(void)
{
    unsigned int cpu = smp_processor_id();
    struct table_ptr idtr = { sizeof(idt) - 1, (uint64_t)(uintptr_t)idt };

    if (cpu == 0)
        build_idt();
    build_gdt(cpu);
    desc_load_idle();
    load_segments();
    __asm__ volatile("lidt %0" ::"m"(idtr));
    init_syscall(cpu);
}
