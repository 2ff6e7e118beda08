/*
 * Exceptions reach the guest's trap table with the vector, error code and address that the CPU
 * would have given, and the guest continues where it says.
 */
#include "pv.h"

static void divide(void *arg)
{
    uint32_t zero = 0;

    (void)arg;
    __asm__ volatile("xor %%edx, %%edx; div %0" : : "r"(zero) : "eax", "edx");
}

static void undefined(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static void bad_selector(void *arg)
{
    __asm__ volatile("mov %0, %%ds" : : "r"((unsigned int)(uintptr_t)arg));
}

static void breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
}

static void breakpoint_long(void *arg)
{
    (void)arg;
    __asm__ volatile("int $3");
}

static void int_80(void *arg)
{
    (void)arg;
    __asm__ volatile("int $0x80");
}

static void int_a0(void *arg)
{
    (void)arg;
    __asm__ volatile("int $0xa0");
}

static void icebp(void *arg)
{
    (void)arg;
    __asm__ volatile(".byte 0xf1");
}

static void x87_divide(void *arg)
{
    uint16_t unmask_zero_divide = 0x37b;

    (void)arg;
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(unmask_zero_divide));
}

static void touch_fpu(void *arg)
{
    (void)arg;
    __asm__ volatile("fnop");
}

static void single_step(void *arg)
{
    (void)arg;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "cc", "memory");
}

static volatile int hits;
static uint64_t hit_rip, hit_error;

static bool count_hit(struct frame *frame)
{
    hits++;
    hit_rip = frame->rip;
    hit_error = frame->error;
    frame->rflags &= ~0x100ul;
    return true;
}

static void check_simple(void)
{
    static const struct {
        const char *name;
        void (*fn)(void *);
        void *arg;
        int vector;
        uint32_t error;
    } cases[] = {
        { "#DE from div", divide, NULL, VECTOR_DE, 0 },
        { "#UD from ud2", undefined, NULL, VECTOR_UD, 0 },
        { "#BP from int3", breakpoint, NULL, VECTOR_BP, 0 },
        { "#BP from int $3", breakpoint_long, NULL, VECTOR_BP, 0 },
        { "vector 0x80 from int $0x80, whose gate has DPL 3", int_80, NULL, 0x80, 0 },
        { "#GP from a selector beyond the GDT", bad_selector, (void *)0xfff0ul, VECTOR_GP, 0xfff0 },
        { "#MF from x87", x87_divide, NULL, VECTOR_MF, 0 },
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fault fault = try_call(cases[i].fn, cases[i].arg);

        is(fault.vector, cases[i].vector, "%s", cases[i].name);
        is(fault.error, cases[i].error, "its error code");
    }
    __asm__ volatile("fninit");
}

static void check_page_faults(void)
{
    struct fault fault = try_read((void *)0xdeadb000ul, NULL);

    ok(fault.vector == VECTOR_PF && fault.error == 0 && fault.cr2 == 0xdeadb000ul, "#PF by a read");
    fault = try_write((void *)0xdeadb008ul, 1);
    ok(fault.vector == VECTOR_PF && fault.error == 2 && fault.cr2 == 0xdeadb008ul,
       "#PF by a write");
    fault = try_jump(0xdeadb010ul);
    ok(fault.vector == VECTOR_PF && fault.cr2 == 0xdeadb010ul, "#PF by a jump");
    is(fault.error & ~0x10u, 0, "its error code, the fetch bit apart");
    fault = try_read((void *)0x8000000000000000ul, NULL);
    ok(fault.vector == VECTOR_GP && fault.error == 0, "#GP for a non-canonical address");
}

static void check_resume(void)
{
    uint64_t after;

    hook_trap(VECTOR_BP, count_hit);
    __asm__ volatile("int3; lea 0f(%%rip), %0; 0:" : "=r"(after));
    is(hits, 1, "a hook resumes after int3");
    ok(hit_rip < after && after - hit_rip < 16, "rip was behind the int3");
    hook_trap(VECTOR_BP, NULL);

    hits = 0;
    hook_trap(VECTOR_DB, count_hit);
    single_step(NULL);
    is(hits, 1, "#DB single step");
    hits = 0;
    if (try_call(icebp, NULL).vector == VECTOR_UD)
        skip("#DB from icebp", "this emulator knows no icebp");
    else
        is(hits, 1, "#DB from icebp");
    hook_trap(VECTOR_DB, NULL);
}

static void check_debug_registers(void)
{
    static volatile uint64_t watched;
    static const uint64_t watch_writes_of_4 = 0x000d0001;
    uint64_t value;

    is(hypercall2(__HYPERVISOR_set_debugreg, 0, (uint64_t)&watched), 0, "DR0 takes an address");
    is(hypercall2(__HYPERVISOR_set_debugreg, 7, watch_writes_of_4), 0, "DR7 takes a write watch");
    is(hypercall1(__HYPERVISOR_get_debugreg, 0), (long)&watched, "DR0 reads back");
    hits = 0;
    hook_trap(VECTOR_DB, count_hit);
    watched = 1;
    is(hits, 1, "the watchpoint fires");
    value = (uint64_t)hypercall1(__HYPERVISOR_get_debugreg, 6);
    ok(value & 1, "DR6 0x%lx names it", value);
    hook_trap(VECTOR_DB, NULL);
    hypercall2(__HYPERVISOR_set_debugreg, 7, 0);
    is(hypercall2(__HYPERVISOR_set_debugreg, 9, 0), -XEN_ENODEV, "there is no DR9");
}

static void check_task_switched(void)
{
    is(fpu_taskswitch(1), 0, "fpu_taskswitch(1)");
    is(try_call(touch_fpu, NULL).vector, VECTOR_NM, "the FPU raises #NM");
    is(try_call(touch_fpu, NULL).vector, NO_FAULT, "delivering it cleared TS");
    is(fpu_taskswitch(1), 0, "fpu_taskswitch(1)");
    is(fpu_taskswitch(0), 0, "fpu_taskswitch(0)");
    is(try_call(touch_fpu, NULL).vector, NO_FAULT, "the FPU is usable");
}

/* Gives vector 0xa0 a gate of this privilege level, or none if it is negative. */
static void set_gate(int dpl)
{
    static struct trap_info table[257];
    unsigned int used = 0;

    traps_fill(table);
    for (unsigned int i = 0; i <= 256; i++) {
        if (i == 0xa0 && dpl < 0)
            continue;
        if (i == 0xa0)
            table[i].flags = (uint8_t)dpl;
        table[used++] = table[i];
    }
    is(set_trap_table(NULL), 0, "drop the trap table");
    is(set_trap_table(table), 0, "and set one, vector 0xa0 with DPL %d", dpl);
}

static void check_gates(void)
{
    struct fault fault;

    for (int dpl = -1; dpl <= 3; dpl++) {
        set_gate(dpl);
        fault = try_call(int_a0, NULL);
        if (fault.vector == VECTOR_GP && fault.error == 0xa0 * 16 + 2) {
            skip("INT with this gate", "this emulator pushes a wrong error code");
        } else if (dpl < 1) {
            is(fault.vector, VECTOR_GP, "INT with no gate for the kernel is #GP");
            is(fault.error, 0xa0 * 8 + 2, "the error code names the gate");
        } else {
            is(fault.vector, 0xa0, "INT arrives at its vector");
            is(fault.error, 0, "without an error code");
        }
    }
    set_gate(0);
}

void guest_main(void)
{
    check_simple();
    check_page_faults();
    check_resume();
    check_debug_registers();
    check_task_switched();
    check_gates();
}
