/*
 * Switching between vCPUs. The hypervisor has one stack per CPU and leaves nothing on it, so a
 * switch moves the guest's registers between the top of the stack and the vCPU, loads what the CPU
 * itself holds of a guest, and goes on on a clean stack.
 */
#include <hv/arch.h>
#include <hv/sched.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/extable.h>
#include <arch/fpu.h>
#include <arch/page.h>
#include <arch/processor.h>
#include <arch/pv.h>
#include <arch/trap.h>
#include <arch/domain.h>

static void save_segments(struct pv_vcpu *pv)
{
    uint64_t active = rdmsr(MSR_GS_BASE), other = rdmsr(MSR_KERNEL_GS_BASE);

    __asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
                     : "=r"(pv->ds), "=r"(pv->es), "=r"(pv->fs), "=r"(pv->gs));
    pv->fs_base = rdmsr(MSR_FS_BASE);
    pv->gs_base_kernel = pv->kernel_mode ? active : other;
    pv->gs_base_user = pv->kernel_mode ? other : active;
}

/* A selector that its table does not hold any more becomes null. */
#define LOAD_SELECTOR(reg, value)                                                                  \
    do {                                                                                           \
        uint32_t sel_ = (value);                                                                   \
        __asm__ volatile("1: mov %w0, %%" reg "\n\t"                                               \
                         "jmp 3f\n"                                                                \
                         "2: xor %0, %0\n\t"                                                       \
                         "mov %w0, %%" reg "\n"                                                    \
                         "3:\n\t" EXTABLE(1b, 2b)                                                  \
                         : "+r"(sel_)::"memory");                                                  \
    } while (0)

static void load_segments(const struct pv_vcpu *pv)
{
    LOAD_SELECTOR("ds", pv->ds);
    LOAD_SELECTOR("es", pv->es);
    LOAD_SELECTOR("fs", pv->fs);
    LOAD_SELECTOR("gs", pv->gs);
    wrmsr(MSR_FS_BASE, pv->fs_base);
    wrmsr(MSR_GS_BASE, pv->kernel_mode ? pv->gs_base_kernel : pv->gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE, pv->kernel_mode ? pv->gs_base_user : pv->gs_base_kernel);
}

static void save(struct vcpu *v)
{
    v->arch->regs = *guest_regs();
    save_segments(&v->arch->pv);
    fpu_save(v);
    debugreg_save(v);
    if (cpu_has(X86_RDTSCP))
        v->arch->tsc_aux = rdmsr(MSR_TSC_AUX);
}

static void load(struct vcpu *v)
{
    *guest_regs() = v->arch->regs;
    desc_load_vcpu(v);
    load_segments(&v->arch->pv);
    fpu_restore(v);
    /* The guest's TSD and DE. */
    if (read_cr4() != pv_real_cr4(v))
        write_cr4(pv_real_cr4(v));
    debugreg_restore(v);
    if (cpu_has(X86_RDTSCP))
        wrmsr(MSR_TSC_AUX, v->arch->tsc_aux);
}

/* The CPU leaves prev's page tables and enters next's; none of prev's translations stay behind. */
static void switch_tables(struct vcpu *prev, struct vcpu *next)
{
    unsigned int cpu = smp_processor_id();

    if (!is_idle_vcpu(next))
        cpumask_set(cpu, &next->domain->arch->pv.dirty_cpus);
    if (is_idle_vcpu(next))
        write_cr3(idle_pagetable_phys);
    else
        pv_load_cr3(next);
    if (!is_idle_vcpu(prev)) {
        tlb_flush_local();
        if (prev->domain != next->domain)
            cpumask_clear(cpu, &prev->domain->arch->pv.dirty_cpus);
    }
}

noreturn void arch_continue_running(struct vcpu *v)
{
    if (is_idle_vcpu(v))
        arch_idle_entry();
    irq_disable();
    return_to_guest();
}

noreturn void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    irq_disable();
    if (!is_idle_vcpu(prev))
        save(prev);
    /* prev's GDT may be missing from next's page tables, and an NMI in between needs one. */
    if (!is_idle_vcpu(prev))
        desc_load_idle();
    switch_tables(prev, next);
    if (!is_idle_vcpu(next)) {
        load(next);
        arch_update_vcpu_time(next);
    }
    sched_context_saved(prev);
    if (!is_idle_vcpu(next))
        vcpu_update_runstate_area(next);
    irq_enable();
    arch_continue_running(next);
}

noreturn void arch_idle_entry(void)
{
    irq_enable();
    call_on_clean_stack(idle_loop);
}
