/*
 * Non-canonical addresses, and the hypervisor's, in every register and record that can carry one.
 * Loading some of them faults in the hypervisor's own hands, if it lets them get that far.
 */
#include "pv.h"

static const uint64_t wild[] = { 0x0000800000000000, 0x8000000000000000, 0xffff7fffffffffff,
                                 0xdeadbeefdeadbeef };

static void settle(void)
{
    time_sleep(200000);
    sched_op(SCHEDOP_yield, NULL);
}

static void write_msr(void *arg)
{
    uint64_t *msr = arg;

    __asm__ volatile("wrmsr" : : "c"(msr[0]), "a"((uint32_t)msr[1]), "d"(msr[1] >> 32));
}

static void write_fs_base(void *arg)
{
    __asm__ volatile("wrfsbase %0" : : "r"(arg));
}

static void write_gs_base(void *arg)
{
    __asm__ volatile("wrgsbase %0" : : "r"(arg));
}

static void check_bases(void)
{
    static const uint32_t msrs[] = { 0xc0000100, 0xc0000101, 0xc0000102 };
    static const uint32_t entries[] = { 0xc0000082, 0xc0000083, 0x174, 0x175, 0x176 };

    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
        for (unsigned int which = 0; which < 3; which++)
            refused(set_segment_base(which, wild[i]), "segment base %u at %lx", which, wild[i]);
        for (unsigned int j = 0; j < ARRAY_SIZE(msrs); j++) {
            uint64_t msr[2] = { msrs[j], wild[i] };

            is(try_call(write_msr, msr).vector, VECTOR_GP, "MSR 0x%x with %lx", msrs[j], wild[i]);
        }
        try_call(write_fs_base, (void *)wild[i]);
        settle();
        try_call(write_gs_base, (void *)wild[i]);
        settle();
    }
    for (unsigned int j = 0; j < ARRAY_SIZE(entries); j++) {
        uint64_t msr[2] = { entries[j], (uint64_t)syscall_stub };

        try_call(write_msr, msr);
        is(xen_version(XENVER_version, NULL), 4 << 16 | 17,
           "hypercalls do not arrive at the guest after a write to MSR 0x%x", entries[j]);
    }
    set_segment_base(SEGBASE_FS, 0);
    set_segment_base(SEGBASE_GS_KERNEL, 0);
}

static void check_entry_points(void)
{
    static struct trap_info table[257];

    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
        struct trap_info one[2] = {
            { .vector = 0x90, .flags = 3, .cs = FLAT_KERNEL_CS, .address = wild[i] }
        };

        refused(set_trap_table(one), "trap handler at %lx", wild[i]);
        refused(callback_register(CALLBACKTYPE_event, 0, wild[i]), "event callback at %lx",
                wild[i]);
        refused(callback_register(CALLBACKTYPE_failsafe, 0, wild[i]), "failsafe callback at %lx",
                wild[i]);
        refused(callback_register(CALLBACKTYPE_syscall, 0, wild[i]), "syscall callback at %lx",
                wild[i]);
        refused(callback_register(CALLBACKTYPE_sysenter, 0, wild[i]), "sysenter callback at %lx",
                wild[i]);
        refused(callback_register(CALLBACKTYPE_nmi, 0, wild[i]), "NMI callback at %lx", wild[i]);
        /* The old call may take what it is given; it is put right before any event comes. */
        events_disable();
        hypercall3(__HYPERVISOR_set_callbacks, wild[i], wild[i], wild[i]);
        hypercall3(__HYPERVISOR_set_callbacks, (uint64_t)upcall_stub, (uint64_t)failsafe_stub,
                   (uint64_t)syscall_stub);
    }
    traps_fill(table);
    is(set_trap_table(table), 0, "the right trap table is taken");
    callback_register(CALLBACKTYPE_event, 0, (uint64_t)upcall_stub);
    callback_register(CALLBACKTYPE_failsafe, 0, (uint64_t)failsafe_stub);
    settle();
}

static void check_debug_registers(void)
{
    static const uint64_t bad[] = {
        HYPERVISOR_VIRT_START,   0xffff82d040200000, 0xffff830000000000,
        HYPERVISOR_VIRT_END - 8, 0x800000000000,     0x8000000000000000
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        for (unsigned int dr = 0; dr < 4; dr++)
            refused(hypercall2(__HYPERVISOR_set_debugreg, dr, bad[i]), "DR%u at %lx", dr, bad[i]);
    refused(hypercall2(__HYPERVISOR_set_debugreg, 7, 0x2401), "DR7 with general detect");
    refused(hypercall2(__HYPERVISOR_set_debugreg, 7, 1ul << 33), "DR7 with high bits");
    refused(hypercall2(__HYPERVISOR_set_debugreg, 6, 1ul << 33), "DR6 with high bits");
    hypercall2(__HYPERVISOR_set_debugreg, 7, 0);
}

static void return_to(void *arg)
{
    struct frame *frame = arg;

    resume(frame);
}

static void check_iret(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
        struct frame frame = {
            .rip = wild[i], .cs = KERNEL_CS, .ss = KERNEL_SS, .rflags = RFLAGS_IF
        };
        struct fault fault;
        uint64_t stack;

        __asm__("mov %%rsp, %0" : "=r"(stack));
        frame.rsp = stack - 2048;
        fault = try_call(return_to, &frame);
        ok(fault.vector == VECTOR_GP || fault.vector == VECTOR_PF ||
               fault.vector == VECTOR_FAILSAFE,
           "iret to %lx ends in vector %d", wild[i], fault.vector);
    }
}

/* SYSCALL in the last two bytes below the hole: its return address is not canonical. */
static void check_end_of_memory(void)
{
    uint8_t *page = user_map(0x7ffffffff000, NULL, 0);
    struct fault fault;

    page[PAGE_SIZE - 2] = 0x0f;
    page[PAGE_SIZE - 1] = 0x05;
    for (int i = 0; i < 10; i++) {
        struct frame frame = { .rip = 0x7ffffffffffe,
                               .cs = KERNEL_CS,
                               .ss = KERNEL_SS,
                               .rflags = RFLAGS_IF,
                               .rax = i < 9 ? __HYPERVISOR_xen_version : 1000 };

        __asm__("mov %%rsp, %0" : "=r"(frame.rsp));
        frame.rsp -= 2048;
        fault = try_call(return_to, &frame);
    }
    ok(fault.vector == VECTOR_GP || fault.vector == VECTOR_PF || fault.vector == VECTOR_FAILSAFE,
       "a hypercall from the end of memory ends in vector %d", fault.vector);
}

static void check_vcpu_context(void)
{
    static struct vcpu_guest_context context;
    static const size_t fields[] = {
        offsetof(struct vcpu_guest_context, user_regs) + offsetof(struct cpu_user_regs, rip),
        offsetof(struct vcpu_guest_context, event_callback_eip),
        offsetof(struct vcpu_guest_context, failsafe_callback_eip),
        offsetof(struct vcpu_guest_context, syscall_callback_eip),
        offsetof(struct vcpu_guest_context, fs_base),
        offsetof(struct vcpu_guest_context, gs_base_kernel),
        offsetof(struct vcpu_guest_context, gs_base_user),
        offsetof(struct vcpu_guest_context, ldt_base),
        offsetof(struct vcpu_guest_context, ctrlreg[3]),
        offsetof(struct vcpu_guest_context, gdt_frames[0]),
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
        memset(&context, 0, sizeof(context));
        context.flags = VGCF_IN_KERNEL;
        context.user_regs.cs = FLAT_KERNEL_CS;
        context.user_regs.ss = FLAT_KERNEL_SS;
        context.ctrlreg[3] = xen_pfn_to_cr3(root_mfn());
        context.ldt_ents = i == 7;
        context.gdt_ents = i == 9;
        *(uint64_t *)((char *)&context + fields[i]) = wild[3];
        /* The instruction pointer is checked by nobody but the CPU. */
        if (i)
            refused(vcpu_op(VCPUOP_initialise, 1, &context), "vCPU context, field %u", i);
    }
}

void guest_main(void)
{
    unsigned int port = (unsigned int)event_bind_virq(VIRQ_TIMER, 0);

    event_bind(port, NULL);
    check_bases();
    check_entry_points();
    check_debug_registers();
    check_iret();
    check_end_of_memory();
    check_vcpu_context();
    for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++)
        stack_switch(KERNEL_SS, wild[i]);
    settle();
    ok(true, "wild kernel stacks do nothing while there is no user mode");
}
