/*
 * Reports on a CPU's or a guest's state, for panics, crashes and debug keys. Everything read here
 * may be broken: frame pointers are followed only inside the CPU's own stack, a guest's memory only
 * through the copying functions and its page tables only where they are RAM.
 */
#include <hv/arch.h>
#include <hv/guest_access.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/symbols.h>
#include <arch/domain.h>
#include <arch/page.h>
#include <arch/processor.h>
#include <arch/trap.h>

static void print_registers(const struct regs *r)
{
    printk_raw("rip %016lx cs %04lx rflags %08lx vector %u error %#x\n", (unsigned long)r->rip,
               (unsigned long)(r->cs & 0xffff), (unsigned long)r->rflags, r->vector, r->error_code);
    printk_raw("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", (unsigned long)r->rax,
               (unsigned long)r->rbx, (unsigned long)r->rcx, (unsigned long)r->rdx);
    printk_raw("rsi %016lx rdi %016lx rbp %016lx rsp %016lx ss %04lx\n", (unsigned long)r->rsi,
               (unsigned long)r->rdi, (unsigned long)r->rbp, (unsigned long)r->rsp,
               (unsigned long)(r->ss & 0xffff));
    printk_raw("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", (unsigned long)r->r8,
               (unsigned long)r->r9, (unsigned long)r->r10, (unsigned long)r->r11);
    printk_raw("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", (unsigned long)r->r12,
               (unsigned long)r->r13, (unsigned long)r->r14, (unsigned long)r->r15);
}

static void print_backtrace(uintptr_t rip, uintptr_t frame)
{
    uintptr_t low = cpu_area_self(), high = low + CPU_AREA_SIZE - CPU_REGS_SIZE;

    printk_raw("Backtrace:\n  ");
    symbol_print(rip);
    printk_raw("\n");
    for (unsigned int depth = 0; depth < 32; depth++) {
        const uintptr_t *f = (const uintptr_t *)frame;

        if (frame < low || frame + 16 > high || frame & 7)
            break;
        printk_raw("  ");
        symbol_print(f[1]);
        printk_raw("\n");
        if (f[0] <= frame)
            break;
        frame = f[0];
    }
}

uintptr_t arch_caller(void)
{
    return (uintptr_t)__builtin_return_address(0);
}

void arch_dump_state(void)
{
    struct regs *r = this_cpu(fatal_regs);
    struct vcpu *v = current;

    printk_raw("CPU %u, ", smp_processor_id());
    if (is_idle_vcpu(v))
        printk_raw("idle");
    else
        printk_raw("d%uv%u", v->domain->id, v->id);
    printk_raw(", cr0 %08lx cr2 %016lx cr3 %012lx cr4 %08lx\n", (unsigned long)read_cr0(),
               (unsigned long)read_cr2(), (unsigned long)read_cr3(), (unsigned long)read_cr4());
    if (r) {
        print_registers(r);
        print_backtrace(r->rip, r->rbp);
    } else {
        print_backtrace((uintptr_t)arch_dump_state, (uintptr_t)__builtin_frame_address(0));
    }
}

static void print_guest_stack(const struct regs *r)
{
    printk_raw("Stack at %016lx:\n", (unsigned long)r->rsp);
    for (unsigned int i = 0; i < 16; i++) {
        uint64_t word;

        if (copy_from_guest(&word, (guest_ptr_t){ r->rsp + i * 8 }, sizeof(word))) {
            printk_raw("  not readable");
            break;
        }
        printk_raw("%s%016lx", i % 4 ? " " : "  ", (unsigned long)word);
        if (i % 4 == 3)
            printk_raw("\n");
    }
    printk_raw("\n");
}

static void print_walk(const struct vcpu *v, uint64_t va)
{
    const struct pv_vcpu *pv = &v->arch->pv;
    mfn_t m = pv->kernel_mode ? pv->guest_table : pv->guest_table_user;

    printk_raw("Page walk of %016lx:", (unsigned long)va);
    for (unsigned int level = 4; level > 0; level--) {
        pte_t e;

        if (mfn_is_io(m))
            break;
        e = ((pte_t *)mfn_to_virt(m))[pte_index(va, level)];
        printk_raw(" L%u %#lx", level, (unsigned long)e);
        if (!(e & PTE_PRESENT))
            break;
        m = pte_mfn(e);
    }
    printk_raw("\n");
}

void arch_dump_guest(struct vcpu *v)
{
    const struct regs *r = v == current ? guest_regs() : &v->arch->regs;

    printk_raw("d%uv%u in guest %s mode\n", v->domain->id, v->id,
               v->arch->pv.kernel_mode ? "kernel" : "user");
    print_registers(r);
    if (v == current)
        print_guest_stack(r);
    print_walk(v, r->rip);
    if (r->vector == TRAP_PF)
        print_walk(v, v->info->arch.cr2);
}

/* One that runs elsewhere has its registers in its CPU. */
static void dump_hardware_domain(void)
{
    struct vcpu *v;
    unsigned int i;

    if (!hardware_domain)
        return;
    for_each_vcpu (hardware_domain, v, i) {
        if (!v->is_initialised)
            continue;
        if (v == current || !READ_ONCE(v->is_running))
            arch_dump_guest(v);
        else
            printk_raw("d%uv%u runs on CPU %u\n", v->domain->id, v->id, v->cpu);
    }
}

KEY_HANDLER(dom0, '0', dump_hardware_domain, "print the registers of dom0's vCPUs");
