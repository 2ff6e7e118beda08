/*
 * User mode and back: iret into it, system calls, interrupts and faults out of it, its own page
 * tables, its own GS, and 32-bit code.
 */
#include "pv.h"

__asm__(".pushsection .user_text, \"ax\"\n"
        "user_code:\n"
        ".org user_code + 0x000; mov $0x1234, %eax; syscall; ud2\n"
        ".org user_code + 0x020; int $0x80; ud2\n"
        ".org user_code + 0x040; int3; ud2\n"
        ".org user_code + 0x060; mov (%rdi), %rax; ud2\n"
        ".org user_code + 0x080; mov %rax, (%rdi); ud2\n"
        ".org user_code + 0x0a0; hlt; ud2\n"
        ".org user_code + 0x0c0; cli; ud2\n"
        ".org user_code + 0x0e0; in $0x80, %al; ud2\n"
        ".org user_code + 0x100; int $0x85; ud2\n"
        ".org user_code + 0x120; sysenter; ud2\n"
        ".org user_code + 0x140; mov %gs:0, %rax; syscall; ud2\n"
        ".org user_code + 0x160; 1: syscall; dec %rbx; jnz 1b; int $0x80; ud2\n"
        ".org user_code + 0x180; .code32; mov $0x777, %eax; int $0x80; ud2; .code64\n"
        ".org user_code + 0x1a0; .code32; mov $0x888, %eax; syscall; ud2; .code64\n"
        ".org user_code + 0x1c0; mov $0, %eax; cpuid; int $0x80\n"
        ".org user_code + 0x1e0; jmp *%rdi\n"
        ".org user_code + 0x200\n"
        "user_code_end:\n"
        ".popsection");
extern const char user_code[], user_code_end[];

static struct fault run(unsigned int offset, uint64_t rdi)
{
    struct frame registers = {
        .rip = USER_CODE + offset,
        .rsp = USER_STACK + PAGE_SIZE - 16,
        .rdi = rdi,
        .rbx = 0xb0b0,
        .r15 = 0xf15f,
    };

    return user_run(&registers);
}

static void check_system_call(void)
{
    struct frame *frame = last_fault_frame();
    struct fault fault = run(0, 0);

    is(fault.vector, VECTOR_SYSCALL, "syscall arrives at the callback");
    is((long)frame->rax, 0x1234, "rax is the program's");
    is((long)frame->rbx, 0xb0b0, "rbx too");
    is((long)frame->r15, 0xf15f, "r15 too");
    is((long)frame->rip, USER_CODE + 7, "rip is behind the instruction");
    is((long)frame->rcx, (long)frame->rip, "and in rcx");
    is((long)frame->rsp, USER_STACK + PAGE_SIZE - 16, "rsp is the program's");
    is((long)(frame->cs & 0xffff), USER_CS, "cs says user mode");
    is((long)(frame->ss & 0xffff), USER_SS, "ss too");
    ok(frame->rflags & RFLAGS_IF, "interrupts were on");
}

static void check_exits(void)
{
    static const struct {
        const char *name;
        unsigned int offset;
        uint64_t rdi;
        int vector;
        uint32_t error;
    } cases[] = {
        { "int $0x80", 0x20, 0, 0x80, 0 },
        { "int3", 0x40, 0, VECTOR_BP, 0 },
        { "a read of nothing", 0x60, 0x700000, VECTOR_PF, 4 },
        { "a write of nothing", 0x80, 0x700000, VECTOR_PF, 6 },
        { "a read of the guest kernel", 0x60, VIRT_BASE + 0x100000, VECTOR_PF, 4 },
        { "a read of the hypervisor's M2P", 0x60, HYPERVISOR_VIRT_START, VECTOR_PF, 5 },
        { "a write of it", 0x80, HYPERVISOR_VIRT_START, VECTOR_PF, 7 },
        { "hlt", 0xa0, 0, VECTOR_GP, 0 },
        { "cli", 0xc0, 0, VECTOR_GP, 0 },
        { "in", 0xe0, 0, VECTOR_GP, 0 },
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fault fault = run(cases[i].offset, cases[i].rdi);

        is(fault.vector, cases[i].vector, "%s ends in vector %d", cases[i].name, cases[i].vector);
        /* Whether user mode sees the M2P's slot at all is the hypervisor's business. */
        is(fault.error | (cases[i].error & 1), cases[i].error, "with error code %u",
           cases[i].error);
        if (fault.vector == VECTOR_PF)
            is((long)fault.cr2, (long)cases[i].rdi, "and the address");
    }
    is(run(0x100, 0).vector, VECTOR_GP, "int $0x85 without a gate for users is #GP");
    is(run(0x1c0, 0).vector, 0x80, "cpuid works");
    is(run(0x1e0, 0x8000000000000000).vector, VECTOR_GP, "a wild jump is #GP");
    ok(run(0x120, 0).vector == VECTOR_UD || last_fault_frame()->vector == VECTOR_GP ||
           last_fault_frame()->vector == VECTOR_SYSENTER,
       "sysenter ends in #UD, #GP or its callback");
}

static unsigned int calls;
static bool masked;

static bool answer(struct frame *frame)
{
    calls++;
    masked |= vcpu_info()->evtchn_upcall_mask;
    frame->rax = calls;
    return true;
}

static bool answer_interrupt(struct frame *frame)
{
    (void)frame;
    return false;
}

static void check_round_trips(void)
{
    struct frame registers = { .rip = USER_CODE + 0x160,
                               .rsp = USER_STACK + PAGE_SIZE - 16,
                               .rbx = 1000 };

    hook_trap(VECTOR_SYSCALL, answer);
    hook_trap(0x80, answer_interrupt);
    events_enable();
    is(user_run(&registers).vector, 0x80, "a program of 1000 system calls ends");
    is(calls, 1000, "each was answered");
    is((long)last_fault_frame()->rax, 1000, "the last answer arrived");
    ok(masked, "the callback masks events");
    events_enable();
    hook_trap(VECTOR_SYSCALL, NULL);
    hook_trap(0x80, NULL);
}

static void check_gs(void)
{
    uint64_t *user_page = user_map(USER_STACK + PAGE_SIZE, NULL, 0);
    static uint64_t kernel_word = 0x22;
    uint64_t value;

    user_page[0] = 0x11;
    is(set_segment_base(SEGBASE_GS_KERNEL, (uint64_t)&kernel_word), 0, "set the kernel's GS base");
    is(set_segment_base(SEGBASE_GS_USER, USER_STACK + PAGE_SIZE), 0, "set the program's");
    run(0x140, 0);
    is((long)last_fault_frame()->rax, 0x11, "the program reads through its own");
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    is((long)value, 0x22, "the kernel through its own");
}

static void check_compat(void)
{
    struct frame registers = { .rip = USER_CODE + 0x180,
                               .rsp = USER_STACK + PAGE_SIZE - 16,
                               .cs = FLAT_USER_CS32,
                               .ss = FLAT_USER_SS32,
                               .rflags = RFLAGS_IF };

    is(user_run_at(&registers).vector, 0x80, "32-bit code runs, and its int $0x80 arrives");
    is((long)last_fault_frame()->rax, 0x777, "with its eax");
    is((long)(last_fault_frame()->cs & 0xffff), FLAT_USER_CS32, "and its cs");
    is(callback_register(CALLBACKTYPE_syscall32, CALLBACKF_mask_events, (uint64_t)syscall32_stub),
       0, "register a 32-bit syscall callback");
    registers = (struct frame){ .rip = USER_CODE + 0x1a0,
                                .rsp = USER_STACK + PAGE_SIZE - 16,
                                .cs = FLAT_USER_CS32,
                                .ss = FLAT_USER_SS32,
                                .rflags = RFLAGS_IF };
    ok(user_run_at(&registers).vector == VECTOR_SYSCALL32 ||
           last_fault_frame()->vector == VECTOR_UD,
       "a 32-bit syscall arrives at its callback, or is #UD on an Intel CPU");
}

void guest_main(void)
{
    user_init();
    user_map(USER_CODE, user_code, (size_t)(user_code_end - user_code));
    user_map(USER_STACK, NULL, 0);
    check_system_call();
    check_exits();
    check_round_trips();
    check_gs();
    check_compat();
}
