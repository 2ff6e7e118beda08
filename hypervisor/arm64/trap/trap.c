/* Exceptions at EL2: none is expected while there are no guests and interrupts are off, so each one
 * is the end, with a report. Arm ARM (DDI 0487) D1.3, D19.2.37 (ESR_EL2). */
#include <hv/arch.h>
#include <hv/printk.h>
#include <hv/symbols.h>
#include <arch/layout.h>
#include <arch/percpu.h>

#define MAX_FRAMES 32

struct regs {
    uint64_t x[31], sp, pc, pstate;
};
_Static_assert(sizeof(struct regs) == 272, "vectors.S saves this layout");

extern char vectors[];
void trap_report(const struct regs *regs, unsigned int vector);

static const struct regs *reported; /* of the exception that led to the panic */

static const char *exception_name(unsigned int class)
{
    switch (class) {
    case 0x00:
        return "an instruction that does not exist";
    case 0x21:
        return "an instruction fetch that faulted";
    case 0x22:
        return "a misaligned program counter";
    case 0x25:
        return "a data access that faulted";
    case 0x26:
        return "a misaligned stack pointer";
    case 0x3c:
        return "a breakpoint instruction";
    default:
        return "an exception";
    }
}

void trap_report(const struct regs *regs, unsigned int vector)
{
    static const char *const kinds[] = { "synchronous", "IRQ", "FIQ", "SError" };
    uint64_t esr = read_sysreg(esr_el2);

    if (!reported)
        reported = regs;
    panic("CPU %u met %s (%s, vector %u, ESR 0x%lx, address 0x%lx)", smp_processor_id(),
          exception_name((unsigned int)(esr >> 26)), kinds[vector % 4], vector, esr,
          read_sysreg(far_el2));
}

void arch_init_traps(void)
{
    write_sysreg(vbar_el2, (uintptr_t)vectors);
    isb();
}

/* Frame records on this CPU's stack: the caller's record, then where it returns to. */
static void print_backtrace(uintptr_t frame, uintptr_t pc)
{
    uintptr_t low = cpu_area_self(), high = low + CPU_AREA_SIZE;

    printk_raw("Called from:\n");
    for (unsigned int i = 0; i < MAX_FRAMES && pc; i++) {
        printk_raw("  ");
        symbol_print(pc);
        printk_raw("\n");
        if (frame < low || frame > high - 16 || frame % 16)
            return;
        low = frame + 16; /* upwards only */
        pc = ((const uintptr_t *)frame)[1];
        frame = ((const uintptr_t *)frame)[0];
    }
}

void arch_dump_state(void)
{
    const struct regs *r = reported;

    if (!r) {
        print_backtrace((uintptr_t)__builtin_frame_address(0), arch_caller());
        return;
    }
    for (unsigned int i = 0; i < 31; i++)
        printk_raw("x%-2u %016lx%s", i, r->x[i], i % 4 == 3 ? "\n" : "  ");
    printk_raw("sp  %016lx\npc  %016lx  pstate %08lx\n", r->sp, r->pc, r->pstate);
    print_backtrace(r->x[29], r->pc);
}

uintptr_t arch_caller(void)
{
    return (uintptr_t)__builtin_return_address(0);
}
